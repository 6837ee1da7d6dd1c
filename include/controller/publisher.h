/**
 * publisher - the objects in a store to a published table, and tables to their grave.
 *
 * Keeps the table that was published last.  Those before it wait until nobody holds them.
 */
#ifndef CONTROLLER_PUBLISHER_H
#define CONTROLLER_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attr.h"
#include "controller/controller.h"
#include "controller/retranslate.h"
#include "controller/serviceset.h"

struct registry;
struct store;
struct table;
struct unserved;
struct verdicts;

struct publisher {
    const struct controller_config *cfg; /* borrowed */
    struct registry *registry;           /* owned */
    struct table *current;               /* one reference; NULL before the first */
    struct table **retired;              /* no reference */
    size_t n_retired, cap_retired;
    struct serviceset worded;  /* as the table stands: refill.h */
    uint64_t generation;       /* of the current table */
    struct timespec published; /* wall clock: when it was */
};

/** One update: what it is given and what comes of it. */
struct publisher_round {
    struct verdicts *verdicts; /* filled by translation, as is the next */
    struct unserved *unserved; /* NULL: not wanted */
    uint64_t noticed_us;       /* when the first change in it was noticed; handed on */
    bool published;            /* written on success only, as is the next */
    bool is_part; /* only that was translated which changed: what was said of others stands */
    struct retranslate_part
        part; /* what that was, as retranslate() has it; the caller's to finish */
};

/** Nothing published.  Returns 0 or -ENOMEM. */
MUST_CHECK int publisher_init(struct publisher *p, const struct controller_config *cfg);

/** Free every table; nobody may hold one or run on a state.  A failed or zeroed one is accepted. */
void publisher_fini(struct publisher *p);

/**
 * Translate what the store holds; of it only what has changed since store_forget_changes(), which
 * is due after each success, where that comes to the same.  If the outcome differs from the current
 * table, publish it as the next generation.  Returns 0 or -ENOMEM, the current table then being as
 * it was.
 */
MUST_CHECK int publisher_update(struct publisher *p, const struct store *s,
                                struct publisher_round *r);

/** Words of a part were lost: with the next change all is said again. */
void publisher_forget_words(struct publisher *p);

/** Free the retired tables that nobody holds any more, and the states nobody runs on.  Cost: a walk
 * over all states, so not with each update. */
void publisher_sweep(struct publisher *p);

#endif
