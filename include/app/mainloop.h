/**
 * mainloop - the main thread's loop: signals, and what the program waits for from start to end.
 *
 * Starting, serving, drain delay, draining: never back.  SIGTERM and SIGINT begin the drain, a
 * second one skips its waiting, SIGHUP reloads.  Knows nothing about what is served: it asks and
 * tells through a config's functions, all called on its own thread.
 */
#ifndef APP_MAINLOOP_H
#define APP_MAINLOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct event_base;
struct mainloop;

struct mainloop_config {
    uint64_t drain_delay_ms;     /* from the first signal, if ready by then, to `stop_accepting` */
    uint64_t drain_timeout_ms;   /* from there until the loop ends in any case */
    bool (*is_ready)(void *ctx); /* asked until it is true */
    /** Became ready.  An error (with `e` filled) ends the loop. */
    int (*on_ready)(void *ctx, struct err *e);
    void (*reload)(void *ctx);
    void (*stop_accepting)(void *ctx);
    bool (*is_accepting)(void *ctx); /* what the drain waits for to become false, */
    uint64_t (*active)(void *ctx);   /* and to become 0 */
    void *ctx;
};

/**
 * Block every signal but those of faults, for this thread and all it starts from now on, and ignore
 * SIGPIPE.  *before_out is the mask to restore.  Before the first thread.
 */
void mainloop_block_signals(sigset_t *before_out);

/** Open the loop; from now on signals wait for mainloop_run().  NULL with `e` filled. */
MUST_CHECK struct mainloop *mainloop_new(const struct mainloop_config *cfg, struct err *e);

/** The base it turns, for what else the main thread does; until mainloop_free(). */
struct event_base *mainloop_base(struct mainloop *m);

/** Whether a signal to stop has come.  Thread: main. */
bool mainloop_is_draining(const struct mainloop *m);

/** Run until drained.  Returns 0, or -errno with `e` filled.  Once. */
MUST_CHECK int mainloop_run(struct mainloop *m, struct err *e);

/** NULL is ignored. */
void mainloop_free(struct mainloop *m);

#endif
