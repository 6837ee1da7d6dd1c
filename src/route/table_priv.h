/**
 * table_priv - a table's insides, for the files that build one.
 */
#ifndef ROUTE_TABLE_PRIV_H
#define ROUTE_TABLE_PRIV_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/siphash.h"
#include "route/table.h"

struct registry;

/** One slot of the index by name: open addressing, half as many slots again as names. */
struct table_slot {
    uint32_t tag;   /* bits of the hash that did not choose the slot: spares most comparisons */
    uint32_t route; /* 1 + its index; 0: empty, where a search ends */
};

struct table {
    /* What a look-up reads. */
    struct siphash_key key;
    struct table_slot *slots;
    struct route *routes; /* sorted by host */
    const struct route *catch_all;
    uint32_t n_slots;
    uint32_t n_routes;

    struct pool *pools;
    struct endpoint *endpoints; /* of all pools, one behind the other */
    size_t n_pools;
    size_t n_endpoints;
    uint64_t generation;
    uint64_t digest;
    struct registry *registry; /* takes the states back; borrowed */
    struct arena arena;        /* holds this struct, too */

    char apart[64]; /* every worker writes refs: keep that off the cache lines above */
    _Atomic uint32_t refs;
};

/** Slots that an index of `n_routes` needs. */
size_t table_slots_for(size_t n_routes);

/** Fill the empty index and find the catch-all, once the routes are complete. */
void table_index(struct table *t);

/** Free a table that nobody else has seen, and give back the states it has taken so far.  NULL is
 * ignored. */
void table_discard(struct table *t);

#endif
