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
    uint64_t generation;       /* of the current table */
    struct timespec published; /* wall clock: when it was */
};

/** One update: what it is given and what comes of it. */
struct publisher_round {
    struct verdicts *verdicts; /* filled by translation, as is the next */
    struct unserved *unserved; /* NULL: not wanted */
    uint64_t noticed_us;       /* when the first change in it was noticed; handed on */
    bool published;            /* written on success only */
};

/** Nothing published.  Returns 0 or -ENOMEM. */
MUST_CHECK int publisher_init(struct publisher *p, const struct controller_config *cfg);

/** Free every table; nobody may hold one or run on a state.  A failed or zeroed one is accepted. */
void publisher_fini(struct publisher *p);

/**
 * Translate and, if the outcome differs from the current table, publish it as the next generation.
 * Returns 0 or -ENOMEM, the current table then being as it was.
 */
MUST_CHECK int publisher_update(struct publisher *p, const struct store *s,
                                struct publisher_round *r);

/** Free the retired tables that nobody holds any more, and the states nobody runs on. */
void publisher_sweep(struct publisher *p);

/** Endpoints of the current table, each pool counted once; 0 without a table. */
size_t publisher_count_endpoints(const struct publisher *p);

#endif
