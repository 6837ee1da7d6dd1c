#include "route/table.h"

#include <string.h>

#include "route/hostname.h"
#include "route/registry.h"
#include "table_priv.h"

#define AHEAD 16u

struct table *table_ref(struct table *t)
{
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void table_unref(struct table *t)
{
    uint32_t before;

    if (t == NULL) {
        return;
    }
    /* Release: what was done with the table comes before its free, and so do the counts raised in
     * the states found in it. */
    before = atomic_fetch_sub_explicit(&t->refs, 1, memory_order_release);
    ASSERT(before > 0);
}

static void release_states(struct table *t)
{
    for (size_t i = 0; i < t->n_endpoints; i++) {
        if (t->endpoints[i].state != NULL) {
            registry_endpoint_release(t->registry, t->endpoints[i].state);
        }
    }
    for (size_t i = 0; i < t->n_routes; i++) {
        if (t->routes[i].state != NULL) {
            registry_route_release(t->registry, t->routes[i].state);
        }
    }
}

void table_discard(struct table *t)
{
    struct arena arena;

    if (t == NULL) {
        return;
    }
    release_states(t);
    arena = t->arena; /* the table lies in it */
    arena_fini(&arena);
}

bool table_free_if_unused(struct table *t)
{
    if (atomic_load_explicit(&t->refs, memory_order_acquire) > 0) {
        return false;
    }
    table_discard(t);
    return true;
}

/*
 * What a host is filed under: itself, and "*.shop.test" as ".shop.test".  No name begins with a
 * dot, so the two kinds cannot meet, and the rest of a name behind its first label is such a key as
 * it stands.
 */
static const char *key_of(const char *host)
{
    return hostname_is_wildcard(host) ? host + 1 : host;
}

static bool key_is(const struct route *r, const char *key, size_t len)
{
    const char *own = key_of(r->host);

    return strncmp(own, key, len) == 0 && own[len] == '\0';
}

/* Any number of slots will do: the upper half of the hash as a fraction of them. */
static uint32_t first_slot(const struct table *t, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * t->n_slots >> 32);
}

static uint32_t next_slot(const struct table *t, uint32_t i)
{
    return i + 1 < t->n_slots ? i + 1 : 0;
}

size_t table_slots_for(size_t n_routes)
{
    return n_routes + n_routes / 2 + 1; /* one is always empty */
}

static uint64_t hash_route(const struct table *t, uint32_t i)
{
    const char *key = key_of(t->routes[i].host);

    return siphash(&t->key, key, strlen(key));
}

static void index_route(struct table *t, uint32_t i, uint64_t hash)
{
    uint32_t slot = first_slot(t, hash);

    while (t->slots[slot].route != 0) {
        slot = next_slot(t, slot);
    }
    t->slots[slot] = (struct table_slot){.tag = (uint32_t)hash, .route = i + 1};
}

void table_index(struct table *t)
{
    uint32_t first = t->n_routes > 0 && t->routes[0].host[0] == '\0' ? 1 : 0;
    uint64_t ahead[AHEAD];

    t->catch_all = first > 0 ? &t->routes[0] : NULL;
    /* Hash some routes ahead, so that their slots are on their way from memory. */
    for (uint32_t i = first; i < t->n_routes + AHEAD; i++) {
        if (i >= first + AHEAD) {
            index_route(t, i - AHEAD, ahead[i % AHEAD]);
        }
        if (i < t->n_routes) {
            ahead[i % AHEAD] = hash_route(t, i);
            __builtin_prefetch(&t->slots[first_slot(t, ahead[i % AHEAD])], 1);
        }
    }
}

static const struct route *find(const struct table *t, const char *key, size_t len)
{
    uint64_t hash = siphash(&t->key, key, len);
    uint32_t i = first_slot(t, hash);

    for (; t->slots[i].route != 0; i = next_slot(t, i)) {
        const struct route *r = &t->routes[t->slots[i].route - 1];

        if (t->slots[i].tag == (uint32_t)hash && key_is(r, key, len)) {
            return r;
        }
    }
    return NULL;
}

const struct route *table_lookup(const struct table *t, const char *name, size_t len,
                                 enum table_match *match_out)
{
    const char *dot = memchr(name, '.', len);
    const struct route *r;

    r = dot != name ? find(t, name, len) : NULL; /* an empty label is no name's first */
    if (r != NULL) {
        *match_out = TABLE_EXACT;
        return r;
    }
    r = dot != NULL && dot != name ? find(t, dot, len - (size_t)(dot - name)) : NULL;
    if (r != NULL) {
        *match_out = TABLE_WILDCARD;
        return r;
    }
    *match_out = t->catch_all != NULL ? TABLE_CATCH_ALL : TABLE_NO_MATCH;
    return t->catch_all;
}

const struct route *table_catch_all(const struct table *t)
{
    return t->catch_all;
}

const struct route *table_routes(const struct table *t, size_t *n_out)
{
    *n_out = t->n_routes;
    return t->routes;
}

uint64_t table_generation(const struct table *t)
{
    return t->generation;
}

uint64_t table_digest(const struct table *t)
{
    return t->digest;
}

size_t table_bytes(const struct table *t)
{
    return t->arena.reserved_bytes;
}
