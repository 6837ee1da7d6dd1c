/**
 * metrics - where the numbers on /metrics come from.
 *
 * Each metrics<part>.c writes the families of one part of the program and takes a pointer to this
 * as its context.  All run on the main thread and ask other threads for nothing.
 */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include <stdbool.h>

struct applies;
struct controller;
struct health;
struct logwriter;
struct prom;
struct proxy;
struct view;

/** Which program this is, for sealway_build_info.  Static texts. */
struct metrics_build {
    const char *version, *revision, *openssl, *libevent;
};

/** All borrowed. */
struct metrics {
    const struct metrics_build *build;
    const struct proxy *proxy;
    struct controller *controller;
    struct view *view;
    const struct applies *applies;
    const struct logwriter *logs;
    const struct health *health; /* what /readyz says */
    bool (*is_draining)(void *ctx);
    void *ctx;
};

/** Listeners: accepted, active, refused, hellos, matches. */
void metricsproxy_write(void *metrics, struct prom *p);

/** Routes: closed, bytes, dials, durations, denials. */
void metricsroutes_write(void *metrics, struct prom *p);

/** Endpoints of the table that serves now, by Service and state. */
void metricsendpoints_write(void *metrics, struct prom *p);

/** Tables, objects, and their way to the workers. */
void metricsconfig_write(void *metrics, struct prom *p);

/** What is watched at the API server; nothing with manifests. */
void metricskube_write(void *metrics, struct prom *p);

/** Build, logs, drain, and the process_* of every exporter. */
void metricsprocess_write(void *metrics, struct prom *p);

#endif
