/**
 * controller - the thread that turns objects into tables.
 *
 * Watches a source, waits for quiet (10 ms, at most 50 ms), translates, and hands each table that
 * differs from the last one to `publish`.  On any failure the last good table goes on and the
 * reason is logged.
 */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "controller/translate.h"

struct controller;
struct logring;
struct table;

struct controller_config {
    const char *manifests;             /* directory; the only source of this milestone */
    struct translate_config translate; /* texts must outlive the controller */
    /** A new table, with one reference that becomes the receiver's.  Called on the controller's
     * thread. */
    void (*publish)(void *ctx, struct table *t);
    void *publish_ctx;
    struct logring *log_ring; /* the thread's own; NULL: write directly */
};

/**
 * Open the source and read it a first time on the caller's thread, so that what cannot work is told
 * at once. Returns NULL with `e` filled.
 */
MUST_CHECK struct controller *controller_new(const struct controller_config *cfg, struct err *e);

/** Publish the first table and start the thread.  Returns 0 or -errno with `e` filled. */
MUST_CHECK int controller_start(struct controller *c, struct err *e);

/** Read everything again (SIGHUP).  Thread: any. */
void controller_reload(struct controller *c);

/** End the thread; nothing is published afterwards. */
void controller_stop(struct controller *c);

/** Free all, tables included; nobody may hold a reference or run on a state.  NULL is ignored. */
void controller_free(struct controller *c);

#endif
