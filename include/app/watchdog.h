/**
 * watchdog - whether every thread's loop has turned lately: the source of /healthz, and of a log
 * line when one stalls.
 *
 * A stalled worker stops no other, so nothing else would tell.  Who was stopped itself for a while,
 * as with the whole process by a signal or a freezer, cannot judge others by that while, and gives
 * them time to turn.  Thread: main.
 */
#ifndef APP_WATCHDOG_H
#define APP_WATCHDOG_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/limits.h"

struct controller;
struct proxy;

/* A worker turns each second; a controller works on one change for a while where there are many
 * objects, and a restart would only make it begin again. */
#define WATCHDOG_WORKER_MS     5000u
#define WATCHDOG_CONTROLLER_MS 60000u

struct watchdog {
    const struct proxy *proxy;           /* borrowed */
    const struct controller *controller; /* borrowed; NULL once it was stopped */
    struct event *tick;
    uint64_t ticked_ms;          /* when it looked last */
    uint64_t awake_ms;           /* since when it has been looking without a gap */
    bool stalled[LIMIT_WORKERS]; /* and said so */
    bool controller_stalled;     /* likewise */
};

/** Look each second on `base` from now on.  Returns 0 or -ENOMEM; watchdog_fini() is due in both
 * cases. */
MUST_CHECK int watchdog_init(struct watchdog *w, struct event_base *base, const struct proxy *proxy,
                             const struct controller *controller);

/** Zeroed ones are accepted. */
void watchdog_fini(struct watchdog *w);

/** The controller is about to be stopped; it need not turn any more. */
void watchdog_forget_controller(struct watchdog *w);

/** Look now, and log what is news. */
void watchdog_look(struct watchdog *w);

/** Probes of admin/health.h; `w` is a struct watchdog. */
bool watchdog_workers_turn(void *w, struct err *why);
bool watchdog_controller_turns(void *w, struct err *why);

#endif
