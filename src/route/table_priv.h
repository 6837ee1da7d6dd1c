/**
 * table_priv - a table's insides, for the files that build one.
 *
 * A table is its names, and the endpoints behind them in pages of pools.  Names rarely change and
 * endpoints all the time: a table that differs from another in some endpoints only shares its names
 * and every page that does not differ (tableamend_priv.h).  What is shared is counted by the
 * controller alone, and freed with the last table that has it.
 */
#ifndef ROUTE_TABLE_PRIV_H
#define ROUTE_TABLE_PRIV_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/siphash.h"
#include "poolpage_priv.h"
#include "poolwalk_priv.h"
#include "route/table.h"
#include "tableindex_priv.h"

struct registry;

/** Who serves which host, and how a host is found. */
struct table_names {
    struct siphash_key key;
    struct table_slot *slots;
    struct route *routes; /* sorted by host */
    const struct route *catch_all;
    uint32_t n_slots;
    uint32_t n_routes;
    uint64_t digest;                      /* the sum of the routes' */
    struct poolchain by_service, by_pool; /* where pools have their places: poolwalk_priv.h */
    uint32_t n_pool_slots;                /* heads in each */
    struct registry *registry;            /* takes the states back; borrowed */
    struct arena arena;                   /* holds this struct, too */
    uint32_t tables;                      /* that have them; controller only */
};

struct table {
    /* What a look-up reads; the names' own. */
    struct siphash_key key;
    const struct table_slot *slots;
    const struct route *routes;
    const struct route *catch_all;
    struct poolpage **pages; /* POOLPAGE_POOLS pools each, in the order of their places */
    uint32_t n_slots;
    uint32_t n_routes;

    struct table_names *names;
    size_t n_pages;
    size_t n_pools;
    size_t n_endpoints;
    uint64_t generation;
    uint64_t digest;

    char apart[64]; /* workers write refs when they adopt: keep that off the cache lines above */
    _Atomic uint32_t refs;
};

/** The pool at a place. */
static inline struct pool *table_pool_at(const struct table *t, size_t place)
{
    return &t->pages[place / POOLPAGE_POOLS]->pools[place % POOLPAGE_POOLS];
}

/** A table of these names, which it takes over one count of, with room for pages, all missing yet.
 * NULL without memory, the count then staying the caller's. */
MUST_CHECK struct table *table_new(struct table_names *names, size_t n_pools);

/** Once the routes are complete, find the catch-all, and fill the empty index. */
void table_find_catch_all(struct table *t);
void table_index(struct table *t);

/** Free a table that nobody else has seen, and give back the states it has taken so far.  NULL is
 * ignored. */
void table_discard(struct table *t);

/** Give back one count of names, and free them with the last; states that are missing are passed
 * over. */
void table_names_release(struct table_names *n);

#endif
