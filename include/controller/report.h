/**
 * report - what the controller knows beside the table, as a snapshot for other threads.
 *
 * Every verdict that stands, how many objects were rejected and why, which Ingresses ask for a host
 * and do not get it, and which pools are at fault.  Made by the controller when any of that
 * changed, immutable from then on, and counted: the last unref frees it, on whichever thread.
 * Lives in one arena: a host is about 130 bytes, a verdict about 400; so 2.7 MB where 10,000
 * Ingresses of two hosts each are somebody else's, and nothing for those that are served.  The caps
 * below bound it.
 */
#ifndef CONTROLLER_REPORT_H
#define CONTROLLER_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attr.h"
#include "controller/unserved.h"
#include "model/verdict.h"

#define REPORT_VERDICTS_MAX 20000  /* further ones are counted; notes give way first */
#define REPORT_HOSTS_MAX    100000 /* further ones are counted */
#define REPORT_NO_VERDICT   UINT32_MAX

/**
 * How many objects were rejected for a reason: a gauge's labels and value.  An object is, or a host
 * it claims, when it is not served as written: every error counts, and the warnings that cost a
 * host its route or its Service (a name that TLS cannot carry, a claim that lost, no backend, a
 * catch-all that is not allowed, TLS termination, a Service that is not there or an ExternalName).
 * A Service that has no endpoint just now rejects nobody, nor does an annotation that does not act.
 * An object counts once for each reason.
 */
struct report_count {
    const char *kind;   /* "Ingress"; "File" where no object could be told */
    const char *reason; /* as in the verdicts */
    uint64_t objects;
};

/** A host that an Ingress names and does not get, other than by losing it to a claim. */
struct report_host {
    const char *host; /* normalised pattern; "" for the catch-all */
    const char *ns, *ingress;
    enum unserved_why why;
    uint32_t verdict; /* index of the one that says so, or REPORT_NO_VERDICT */
};

/** A pool at fault; its names as in struct pool. */
struct report_pool {
    const char *ns, *service, *port;
    uint32_t verdict; /* as above */
};

struct report {
    uint64_t generation;       /* of the table it goes with */
    struct timespec published; /* wall clock: when that table was */

    const struct verdict *verdicts; /* sorted by kind, namespace, name, reason, place */
    size_t n_verdicts;
    size_t n_left_out;                 /* verdicts over the cap */
    const struct report_count *counts; /* sorted by kind, then reason; none is 0 */
    size_t n_counts;
    const struct report_host *hosts; /* sorted by host, namespace, Ingress */
    size_t n_hosts;
    size_t n_hosts_left_out;
    const struct report_pool *pools; /* sorted by namespace, Service, port */
    size_t n_pools;
    size_t bytes; /* all it holds */
};

/** What a report is made of; all borrowed and copied.  The unserved of a translation come with its
 * verdicts. */
struct report_source {
    uint64_t generation;
    struct timespec published;
    const struct verdicts *files, *routes; /* of decoding, of translation */
    const struct unserved *unserved;
};

/**
 * A number that differs (but for a chance of 2^-64) when a report of these would say something
 * else; the order of verdicts and hosts does not matter.  Cost: a walk over all.
 */
uint64_t report_digest(const struct report_source *from);

/** Make one, with one reference for the caller.  NULL without memory. */
MUST_CHECK struct report *report_new(const struct report_source *from);

/** Take one more reference.  Thread: any that holds one. */
struct report *report_ref(struct report *r);

/** Give back one reference; the last one frees.  NULL is ignored.  Thread: any. */
void report_unref(struct report *r);

/** When the table of that generation was published; NULL when `r` is NULL or goes with another. */
const struct timespec *report_published(const struct report *r, uint64_t generation);

/** The entries of a host (a normalised pattern, "" for the catch-all), side by side; *n_out may be
 * 0.  Cost: a binary search; so below. */
const struct report_host *report_hosts_of(const struct report *r, const char *host, size_t *n_out);

/** The verdicts about one object, side by side. */
const struct verdict *report_verdicts_of(const struct report *r, const char *kind, const char *ns,
                                         const char *name, size_t *n_out);

/** The fault of a pool, or NULL. */
const struct report_pool *report_pool_of(const struct report *r, const char *ns,
                                         const char *service, const char *port);

#endif
