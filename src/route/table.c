#include "route/table.h"

#include <stdlib.h>
#include <string.h>

#include "route/registry.h"
#include "table_priv.h"

struct table *table_ref(struct table *t)
{
    table_ref_more(t, 1);
    return t;
}

void table_ref_more(struct table *t, uint32_t n)
{
    (void)atomic_fetch_add_explicit(&t->refs, n, memory_order_relaxed);
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

struct table *table_new(struct table_names *names, size_t n_pools)
{
    struct table *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return NULL;
    }
    t->n_pages = (n_pools + POOLPAGE_POOLS - 1) / POOLPAGE_POOLS;
    t->pages = calloc(t->n_pages + 1, sizeof(struct poolpage *));
    if (t->pages == NULL) {
        free(t);
        return NULL;
    }
    t->n_pools = n_pools;
    t->names = names;
    t->key = names->key;
    t->slots = names->slots;
    t->routes = names->routes;
    t->n_slots = names->n_slots;
    t->n_routes = names->n_routes;
    t->catch_all = names->catch_all;
    return t;
}

void table_names_release(struct table_names *n)
{
    struct arena arena;

    if (--n->tables > 0) {
        return;
    }
    for (size_t i = 0; i < n->n_routes; i++) {
        if (n->routes[i].state != NULL) {
            registry_route_release(n->registry, n->routes[i].state);
        }
    }
    arena = n->arena; /* the names lie in it */
    arena_fini(&arena);
}

void table_discard(struct table *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->n_pages; i++) {
        poolpage_release(t->pages[i], t->names->registry);
    }
    table_names_release(t->names);
    free(t->pages);
    free(t);
}

bool table_free_if_unused(struct table *t)
{
    if (atomic_load_explicit(&t->refs, memory_order_acquire) > 0) {
        return false;
    }
    table_discard(t);
    return true;
}

static bool key_is(const struct route *r, const char *key, size_t len)
{
    const char *own = tableindex_key_of(r->host);

    return strncmp(own, key, len) == 0 && own[len] == '\0';
}

void table_index(struct table *t)
{
    struct table_names *n = t->names;
    const struct tableindex ix = {&n->key, n->slots, n->n_slots, n->routes};

    table_find_catch_all(t);
    tableindex_add(&ix, n->catch_all != NULL ? 1 : 0, n->n_routes);
}

void table_find_catch_all(struct table *t)
{
    struct table_names *n = t->names;

    n->catch_all = n->n_routes > 0 && n->routes[0].host[0] == '\0' ? &n->routes[0] : NULL;
    t->catch_all = n->catch_all;
}

static const struct route *find(const struct table *t, const char *key, size_t len)
{
    uint64_t hash = siphash(&t->key, key, len);
    uint32_t i = tableindex_first(hash, t->n_slots);

    for (; t->slots[i].route != 0; i = tableindex_next(i, t->n_slots)) {
        const struct route *r = &t->routes[t->slots[i].route - 1];

        if (t->slots[i].tag == (uint32_t)hash && key_is(r, key, len)) {
            return r;
        }
    }
    return NULL;
}

const struct route *table_route_of(const struct table *t, const char *host)
{
    const char *key = tableindex_key_of(host);

    return host[0] == '\0' ? t->catch_all : find(t, key, strlen(key));
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

const struct pool *table_pool(const struct table *t, const struct route *r)
{
    return table_pool_at(t, r->pool);
}

size_t table_endpoints(const struct table *t)
{
    return t->n_endpoints;
}

size_t table_bytes(const struct table *t)
{
    size_t bytes =
        sizeof(*t) + t->n_pages * sizeof(struct poolpage *) + t->names->arena.reserved_bytes;

    for (size_t i = 0; i < t->n_pages; i++) {
        bytes += poolpage_bytes(t->pages[i]);
    }
    return bytes;
}
