/**
 * rounds - one after the other: source to store, store to table, and what stands beside it.
 *
 * A round brings the store up to date, translates it if it differs, publishes a table if that
 * differs, and a report if that does.  A round that fails leaves the table as it is.  Knows neither
 * threads nor timers: whoever turns the loop says when.
 */
#ifndef CONTROLLER_ROUNDS_H
#define CONTROLLER_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "controller/controller.h"
#include "controller/publisher.h"
#include "controller/reporter.h"
#include "controller/source.h"

struct kubewriter;
struct store;

struct rounds {
    const struct controller_config *cfg; /* borrowed */
    struct store *store;                 /* owned; for the source to fill */
    struct source source;                /* owned; whoever opened it puts it here */
    struct kubewriter *writer;           /* owned, likewise; NULL: nothing is written */
    struct publisher publisher;
    struct reporter reporter;
    struct controllerstats stats;
    uint64_t noticed_us;                           /* the oldest change not published; 0: none */
    bool dirty;                                    /* the store differs from what was translated */
    bool moving;                                   /* the source wants to be asked again soon */
    bool counted;                                  /* the round at hand is, already */
    char failure[sizeof(((struct err *)0)->text)]; /* why the last round failed; "" if it did not */
};

/** No source yet; from now on something is due.  Returns 0 or -ENOMEM; rounds_fini() either way. */
MUST_CHECK int rounds_init(struct rounds *r, const struct controller_config *cfg);

/** Free all, the source before its store.  A zeroed one is accepted. */
void rounds_fini(struct rounds *r);

/** Ask the source a first time; nothing is published.  Returns 0 or -errno with `e` filled. */
MUST_CHECK int rounds_read(struct rounds *r, struct err *e);

/**
 * Publish what was read, even if it is nothing, where the source is complete; else the round in
 * which it becomes so does it.  Returns 0 or -errno with `e` filled.
 */
MUST_CHECK int rounds_begin(struct rounds *r, struct err *e);

/** A change was noticed at `now_us`; a round will look at it. */
void rounds_notice(struct rounds *r, uint64_t now_us);

/** One round.  It logs a failure when that is news. */
void rounds_run(struct rounds *r);

/** In how many ms another is due though nobody rings; 0: none. */
unsigned rounds_again_ms(const struct rounds *r);

/** Whether a round is worth while that nobody rang for; to be asked twice a second. */
bool rounds_is_stale(struct rounds *r);

/** A source that is live and would ring says by its silence that all is as it was. */
void rounds_hear_silence(struct rounds *r);

/** The loop turns; rounds tell of themselves between their steps. */
void rounds_turn(struct rounds *r);

/** Let the next round read everything again. */
void rounds_reload(struct rounds *r);

/** Write nothing any more and give back what is held for that; and whether that is done. */
void rounds_release(struct rounds *r);
bool rounds_is_released(const struct rounds *r);

#endif
