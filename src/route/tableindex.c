#include "tableindex_priv.h"

#include <string.h>

#define AHEAD 16u

size_t tableindex_slots_for(size_t n_routes)
{
    return n_routes + n_routes / 2 + 1; /* one is always empty */
}

bool tableindex_fits(size_t n_slots, size_t n_routes)
{
    return n_routes + n_routes / 4 + 1 <= n_slots && n_slots <= 2 * tableindex_slots_for(n_routes);
}

static uint64_t hash_route(const struct tableindex *ix, uint32_t i)
{
    const char *key = tableindex_key_of(ix->routes[i].host);

    return siphash(ix->key, key, strlen(key));
}

static void enter(const struct tableindex *ix, uint32_t i, uint64_t hash)
{
    uint32_t slot = tableindex_first(hash, ix->n_slots);

    while (ix->slots[slot].route != 0) {
        slot = tableindex_next(slot, ix->n_slots);
    }
    ix->slots[slot] = (struct table_slot){.tag = (uint32_t)hash, .route = i + 1};
}

void tableindex_add(const struct tableindex *ix, uint32_t first, uint32_t end)
{
    uint64_t ahead[AHEAD];

    /* Hash some routes ahead, so that their slots are on their way from memory. */
    for (uint32_t i = first; i < end + AHEAD; i++) {
        if (i >= first + AHEAD) {
            enter(ix, i - AHEAD, ahead[i % AHEAD]);
        }
        if (i < end) {
            ahead[i % AHEAD] = hash_route(ix, i);
            __builtin_prefetch(&ix->slots[tableindex_first(ahead[i % AHEAD], ix->n_slots)], 1);
        }
    }
}

/* How many slots `to` is behind `from`, round the end. */
static uint32_t distance(const struct tableindex *ix, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + ix->n_slots - from;
}

/*
 * Close the gap: what was pushed past the slot moves back, so that a search, which ends at the
 * first empty slot, still finds everything.
 */
static void vacate(const struct tableindex *ix, uint32_t hole)
{
    uint32_t i = tableindex_next(hole, ix->n_slots);

    for (; ix->slots[i].route != 0; i = tableindex_next(i, ix->n_slots)) {
        uint64_t hash = hash_route(ix, ix->slots[i].route - 1);
        uint32_t home = tableindex_first(hash, ix->n_slots);

        if (distance(ix, home, i) >= distance(ix, hole, i)) {
            ix->slots[hole] = ix->slots[i];
            hole = i;
        }
    }
    ix->slots[hole] = (struct table_slot){0};
}

void tableindex_remove(const struct tableindex *ix, uint32_t route)
{
    uint32_t slot = tableindex_first(hash_route(ix, route), ix->n_slots);

    while (ix->slots[slot].route != route + 1) {
        ASSERT(ix->slots[slot].route != 0);
        slot = tableindex_next(slot, ix->n_slots);
    }
    vacate(ix, slot);
}
