/**
 * controlloop - the controller's thread and its event loop: when a round is due.
 *
 * A ring of the source leads to a round once it is quiet, a failed one is tried again, and twice a
 * second the source is asked whether it needs one.
 */
#ifndef CONTROLLER_CONTROLLOOP_H
#define CONTROLLER_CONTROLLOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "controller/debounce.h"

struct event;
struct event_base;
struct logring;
struct rounds;

struct controlloop {
    struct event_base *base;
    struct rounds *rounds;    /* borrowed */
    struct logring *log_ring; /* the thread's own; NULL: write directly */
    struct event *wake;       /* another thread rings; each is NULL until made */
    struct event *due, *tick, *ending;
    struct debounce debounce;
    unsigned ticks_to_sweep;
    struct mailbox bell;
    atomic_bool stop_wanted, reload_wanted;
    uint64_t ends_at_ms; /* once it is to stop: at the latest */
    pthread_t thread;
    bool running;
};

/**
 * Make base and events, for sources to be opened on; nothing runs.  Returns 0, or -errno with `e`
 * filled; controlloop_fini() either way.
 */
MUST_CHECK int controlloop_init(struct controlloop *l, struct rounds *rounds, struct err *e);

/** The source rings: its `notice`, with the loop as `ctx`.  Thread: its own, or before it runs. */
void controlloop_notice(void *loop);

/** Start the thread; what `rounds` wants is done there.  Returns 0 or -errno with `e` filled. */
MUST_CHECK int controlloop_start(struct controlloop *l, struct err *e);

/** Have everything read again.  Thread: any. */
void controlloop_reload(struct controlloop *l);

/** End the thread, if there is one; what is held at the API server is given back before, which may
 * take a second. */
void controlloop_stop(struct controlloop *l);

/** Free all; no event of a source may be left on the base.  It must have been zero before
 * controlloop_init(). */
void controlloop_fini(struct controlloop *l);

#endif
