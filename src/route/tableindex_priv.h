/**
 * tableindex - how a host is found: open addressing, half as many slots again as names.
 *
 * What changes an index of a table that nobody has seen yet; a look-up stands in table.c.
 */
#ifndef ROUTE_TABLEINDEX_PRIV_H
#define ROUTE_TABLEINDEX_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "route/hostname.h"
#include "route/table.h"

/** One slot. */
struct table_slot {
    uint32_t tag;   /* bits of the hash that did not choose the slot: spares most comparisons */
    uint32_t route; /* 1 + its index; 0: empty, where a search ends */
};

struct tableindex {
    const struct siphash_key *key;
    struct table_slot *slots;
    uint32_t n_slots;
    const struct route *routes; /* what the slots name */
};

/** Slots that an index of `n_routes` needs. */
size_t tableindex_slots_for(size_t n_routes);

/** Whether an index of so many slots will do for `n_routes`: neither crowded nor sparse. */
bool tableindex_fits(size_t n_slots, size_t n_routes);

/** Enter the routes from the `first` to before the `end`th; the slots may hold others. */
void tableindex_add(const struct tableindex *ix, uint32_t first, uint32_t end);

/** Take out a route that is in it. */
void tableindex_remove(const struct tableindex *ix, uint32_t route);

/*
 * What a host is filed under: itself, and "*.shop.test" as ".shop.test".  No name begins with a
 * dot, so the two kinds cannot meet, and the rest of a name behind its first label is such a key as
 * it stands.
 */
static inline const char *tableindex_key_of(const char *host)
{
    return hostname_is_wildcard(host) ? host + 1 : host;
}

/* Any number of slots will do: the upper half of the hash as a fraction of them. */
static inline uint32_t tableindex_first(uint64_t hash, uint32_t n_slots)
{
    return (uint32_t)((hash >> 32) * n_slots >> 32);
}

static inline uint32_t tableindex_next(uint32_t i, uint32_t n_slots)
{
    return i + 1 < n_slots ? i + 1 : 0;
}

#endif
