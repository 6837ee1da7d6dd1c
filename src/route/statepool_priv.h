/**
 * statepool_priv - room for states, and for what each worker counts in them.
 *
 * A page has room for 64 states.  For each worker it has lines of its own, with one counter for
 * each state: nobody but that worker writes there, so counting needs no locked instruction.  A page
 * goes with its last state.  One thread, but for the counters.
 *
 *     line 0                      links: controller
 *     256 bytes for each worker   its counters: that worker
 *     64 items                    what the caller keeps there
 */
#ifndef ROUTE_STATEPOOL_PRIV_H
#define ROUTE_STATEPOOL_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"

struct registry_counter;
struct statepage;

struct statepool {
    LIST_HEAD(statepages, statepage) with_room;
    size_t item_bytes;
    unsigned workers;
};

/** A place in a page, and what a state needs to know of it. */
struct statepool_place {
    void *item;                      /* `item_bytes` zeroed bytes; undefined for 0 of them */
    struct registry_counter *active; /* worker w's counter, 0 now, is active[w * REGISTRY_PAGE] */
    uint16_t index;
};

/** An empty pool; allocates nothing.  It must stay where it is.  Every place has to be given back.
 * `item_bytes` is a multiple of 8. */
void statepool_init(struct statepool *p, size_t item_bytes, unsigned workers);

/** Take a place.  Returns 0 or -ENOMEM. */
MUST_CHECK int statepool_take(struct statepool *p, struct statepool_place *out);

/** Give it back, named by its counters; all of them are 0, and nobody will touch them. */
void statepool_give(struct registry_counter *active, uint16_t index);

#endif
