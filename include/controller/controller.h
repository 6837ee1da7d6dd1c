/**
 * controller - the thread that turns objects into tables.
 *
 * Watches a source, waits for quiet (10 ms, at most 50 ms), translates, and hands each table that
 * differs from the last one to `publish`, and to `report` what else it knows.  On any failure the
 * last good table goes on and the reason is logged.
 */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "controller/controllerstats.h"
#include "controller/translate.h"

struct controller;
struct kubesource_config;
struct kubesource_stats;
struct kubewriter_config;
struct kubewriter_stats;
struct logring;
struct report;
struct series_snapshot;
struct table;

struct controller_config {
    const char *manifests;                 /* a directory as source, or */
    const struct kubesource_config *kube;  /* an API server; copied.  Exactly one of them */
    const struct kubewriter_config *write; /* what is written to it; copied.  NULL: nothing */
    struct translate_config translate;     /* texts must outlive the controller */
    /**
     * A new table, with one reference that becomes the receiver's.  `noticed_us` is the
     * clock_now_us() at which the first change it stands for was noticed; for the first table, at
     * which reading began.  Called on the controller's thread, but for manifests the first time by
     * the caller of controller_start(); so is the next.
     */
    void (*publish)(void *ctx, struct table *t, uint64_t noticed_us);
    /**
     * What stands beside the table, with one reference that becomes the receiver's: behind each new
     * table, and whenever a verdict came, went or moved.  May be NULL.
     */
    void (*report)(void *ctx, struct report *r);
    void *ctx;                /* of both */
    unsigned workers;         /* who serve */
    size_t route_cells;       /* that each has for a route; 0: none.  See registry_new() */
    struct logring *log_ring; /* the thread's own; NULL: write directly */
};

/**
 * Open the source, and read manifests a first time, on the caller's thread, so that what cannot
 * work is told at once. Returns NULL with `e` filled.
 */
MUST_CHECK struct controller *controller_new(const struct controller_config *cfg, struct err *e);

/**
 * Publish the first table, if the source is complete already (manifests are), and start the thread.
 * Returns 0 or -errno with `e` filled.
 */
MUST_CHECK int controller_start(struct controller *c, struct err *e);

/** Read everything again (SIGHUP).  Thread: any. */
void controller_reload(struct controller *c);

/** What was counted by route: registry_series_snapshot() of the routes of its tables.  Thread: any.
 */
MUST_CHECK int controller_series_snapshot(struct controller *c, struct series_snapshot *out);

/**
 * Figures.  The loop turns at least every 500 ms, and between the steps of a round: what can take
 * longer is reading all files once, or translating all objects once.  Thread: any.
 */
void controller_stats(const struct controller *c, struct controller_stats *out);

/** KUBESOURCE_RESOURCES figures of what is watched; NULL with manifests.  Thread: any. */
const struct kubesource_stats *controller_kube_stats(const struct controller *c);

/** Figures of what is written; NULL where nothing is.  Thread: any. */
const struct kubewriter_stats *controller_write_stats(const struct controller *c);

/** End the thread, which may take a second for giving back the Lease; nothing is published
 * afterwards. */
void controller_stop(struct controller *c);

/** Free all, tables included; nobody may hold a reference or run on a state.  NULL is ignored. */
void controller_free(struct controller *c);

#endif
