/**
 * poolpage - some pools of a table with their endpoints, in one piece that tables can share.
 *
 * One thread; readers see it once it is complete.
 */
#ifndef ROUTE_POOLPAGE_PRIV_H
#define ROUTE_POOLPAGE_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "route/table.h"

struct builder_pool;
struct registry;

/** Few enough to be made anew for one endpoint, so many that a table of pages is short. */
#define POOLPAGE_POOLS 64u

struct poolpage {
    uint32_t tables;  /* that have it */
    uint32_t n_pools; /* filled */
    uint32_t n_endpoints;
    uint32_t n_states; /* the first so many endpoints have states, taken for this page */
    uint32_t cap_pools, cap_endpoints;
    char apart[64]; /* every table that comes or goes writes `tables`; workers read what follows */
    struct pool pools[]; /* all endpoints lie behind the last */
};

/** Room for so many, nothing filled; one count for the caller.  NULL without memory. */
MUST_CHECK struct poolpage *poolpage_new(uint32_t n_pools, uint32_t n_endpoints);

/**
 * Add a pool with the endpoints that a builder has collected, under the texts of another; both
 * texts and addresses are borrowed, the latter until states are taken.  There must be room.
 * Endpoints end up sorted, so that pools do not differ by the order in which those were told.
 */
void poolpage_add_built(struct poolpage *p, const struct builder_pool *from,
                        const struct pool *texts);

/** Likewise a pool that another page has. */
void poolpage_add_pool(struct poolpage *p, const struct pool *from);

/** Take a state for every endpoint.  Returns 0 or -ENOMEM, some being taken. */
MUST_CHECK int poolpage_take_states(struct poolpage *p, struct registry *r);

/** Give back one count, and with the last the states that it has, and free it.  NULL is ignored. */
void poolpage_release(struct poolpage *p, struct registry *r);

size_t poolpage_bytes(const struct poolpage *p);

#endif
