/**
 * source - where objects come from, as the controller sees it: manifests or an API server.
 *
 * A source keeps a store up to date.  It rings through `notice` when there may be something to do;
 * the controller waits for quiet and calls sync.  Thread: the controller's, but for what happens
 * before that is started.
 */
#ifndef CONTROLLER_SOURCE_H
#define CONTROLLER_SOURCE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct event_base;
struct store;
struct verdicts;

/** What every source is made with. */
struct source_host {
    struct event_base *base;   /* the thread's; not running yet */
    struct store *store;       /* borrowed */
    void (*notice)(void *ctx); /* something may have changed; from the loop only */
    void *ctx;
};

struct source_change {
    bool changed; /* the store, or the verdicts that may decide something, differ from the last sync
                     in what routes are made of; an object in the store may be another one all the
                     same, with another version or status */
    bool retry;   /* something is in motion: sync again soon */
};

struct source_ops {
    const char *name; /* for the log: "the manifests", "the API server" */

    /** Bring the store up to date.  0, or -errno with `e` filled: the store is as it was. */
    int (*sync)(void *self, struct source_change *out, struct err *e);

    /** Every verdict standing about its objects (appended). */
    void (*verdicts)(const void *self, struct verdicts *v);

    /** Whether everything was read once: before that no table is made. */
    bool (*is_complete)(const void *self);

    /** Whether what the store holds is known to be what there is now. */
    bool (*is_live)(const void *self);

    /** Whether a sync is worth while though nobody rang; cheap, asked twice a second. */
    bool (*is_stale)(void *self);

    /** Read everything again (SIGHUP), and log that; a sync follows. */
    void (*reload)(void *self);

    void (*free)(void *self);
};

/** One source.  `ops` NULL: none. */
struct source {
    const struct source_ops *ops;
    void *self;
};

#endif
