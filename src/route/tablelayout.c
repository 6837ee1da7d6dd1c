#include "tablelayout_priv.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "table_priv.h"
#include "tabledigest_priv.h"

#define N_ARRAYS 6u /* allocations besides texts, each with room to align it */

/* A table being filled, and where its next endpoint and lost claim go. */
struct filler {
    struct table *t;
    struct endpoint *endpoint;
    struct claim_lost *lost;
    struct tabledigest digest;
};

static void count_lost(struct tablelayout *l, const struct claim *c)
{
    l->n_lost++;
    l->text_bytes +=
        strlen(c->ns) + strlen(c->ingress) + strlen(c->pool->service) + strlen(c->pool->port) + 4;
}

static void count_host(struct tablelayout *l, const struct ownership_host *h)
{
    struct builder_pool *pool = ownership_winner(h)->pool;
    enum claim_loss ignored;

    if (pool->place == 0) {
        pool->place = (uint32_t)++l->n_pools;
        l->n_endpoints += pool->n_endpoints;
    }
    for (size_t i = 0; i < h->n; i++) {
        if (ownership_is_lost(h, i, &ignored)) {
            count_lost(l, &h->items[i].claim->claim);
        }
    }
}

void tablelayout_count(struct tablelayout *l)
{
    struct ownership_host *h;

    for (size_t i = 0; i < l->n_items; i += h->n) {
        ownership_look_ahead(l->items, l->n_items, i);
        h = &l->hosts[l->n_hosts++];
        *h = ownership_settle(l->items + i, l->n_items - i);
        count_host(l, h);
    }
}

void tablelayout_look_ahead(const struct tablelayout *l, size_t i)
{
    ownership_look_ahead(l->items, l->n_items, (size_t)(l->hosts[i].items - l->items));
}

/* One chunk, of just the size of everything the table will ever hold. */
static struct arena arena_for(const struct tablelayout *l)
{
    struct arena a;

    arena_init(&a, sizeof(struct table) + l->n_hosts * sizeof(struct route) +
                       table_slots_for(l->n_hosts) * sizeof(struct table_slot) +
                       l->n_pools * sizeof(struct pool) + l->n_endpoints * sizeof(struct endpoint) +
                       l->n_lost * sizeof(struct claim_lost) + l->text_bytes +
                       N_ARRAYS * alignof(max_align_t));
    return a;
}

static MUST_CHECK bool alloc_table(const struct tablelayout *l, struct filler *f)
{
    size_t n_slots = table_slots_for(l->n_hosts);
    struct arena a = arena_for(l);
    struct table *t = arena_alloc(&a, sizeof(*t));

    if (t == NULL) {
        return false;
    }
    t->slots = arena_calloc(&a, n_slots, sizeof(*t->slots));
    t->routes = arena_calloc(&a, l->n_hosts, sizeof(*t->routes));
    t->pools = arena_calloc(&a, l->n_pools, sizeof(*t->pools));
    t->endpoints = arena_calloc(&a, l->n_endpoints, sizeof(*t->endpoints));
    f->lost = arena_calloc(&a, l->n_lost, sizeof(*f->lost));
    f->endpoint = t->endpoints;
    f->t = t;
    t->n_slots = (uint32_t)n_slots;
    t->n_routes = (uint32_t)l->n_hosts;
    t->n_pools = l->n_pools;
    t->n_endpoints = l->n_endpoints;
    t->arena = a;
    if (t->slots == NULL || t->routes == NULL || t->pools == NULL || t->endpoints == NULL ||
        f->lost == NULL) {
        arena_fini(&a);
        return false;
    }
    return true;
}

static int compare_endpoints(const void *left, const void *right)
{
    const struct endpoint *a = left, *b = right;

    return netaddr_compare(&a->addr, &b->addr);
}

/* Sorted, so that tables do not differ by the order in which endpoints were told. */
static void fill_pool(struct filler *f, struct pool *pool, const struct builder_pool *from)
{
    struct endpoint *first = f->endpoint;

    for (const struct builder_endpoint *e = from->endpoints; e != NULL; e = e->next) {
        *f->endpoint++ = (struct endpoint){.addr = e->addr, .terminating = e->terminating};
    }
    if (from->n_endpoints > 1) {
        qsort(first, from->n_endpoints, sizeof(*first), compare_endpoints);
    }
    *pool = (struct pool){
        .ns = from->ns,
        .service = from->service,
        .port = from->port,
        .endpoints = first,
        .n_endpoints = from->n_endpoints,
    };
    tabledigest_add_pool(&f->digest, pool);
}

static MUST_CHECK bool fill_lost(struct filler *f, const struct claim *c, enum claim_loss why)
{
    struct arena *a = &f->t->arena;
    struct claim_lost *lost = f->lost++;

    lost->ns = arena_strdup(a, c->ns);
    lost->ingress = arena_strdup(a, c->ingress);
    lost->service = arena_strdup(a, c->pool->service);
    lost->port = arena_strdup(a, c->pool->port);
    lost->why = why;
    return lost->ns != NULL && lost->ingress != NULL && lost->service != NULL && lost->port != NULL;
}

static MUST_CHECK bool fill_route(struct filler *f, struct route *r, const struct ownership_host *h)
{
    const struct claim *winner = ownership_winner(h);
    struct pool *pool = &f->t->pools[winner->pool->place - 1];
    const struct claim_lost *lost = f->lost;
    enum claim_loss why;

    if (pool->endpoints == NULL) {
        fill_pool(f, pool, winner->pool);
    }
    for (size_t i = 0; i < h->n; i++) {
        if (ownership_is_lost(h, i, &why) && !fill_lost(f, &h->items[i].claim->claim, why)) {
            return false;
        }
    }
    *r = (struct route){
        .host = winner->host,
        .pool = pool,
        .lost = lost,
        .n_lost = (uint32_t)(f->lost - lost),
    };
    tabledigest_add_route(&f->digest, r, winner);
    return true;
}

static MUST_CHECK bool fill_routes(struct filler *f, const struct tablelayout *l)
{
    for (size_t i = 0; i < l->n_hosts; i++) {
        tablelayout_look_ahead(l, i);
        if (!fill_route(f, &f->t->routes[i], &l->hosts[i])) {
            return false;
        }
    }
    return true;
}

struct table *tablelayout_make(const struct tablelayout *l, const struct siphash_key *key)
{
    struct filler f;

    if (!alloc_table(l, &f)) {
        return NULL;
    }
    f.t->key = *key;
    tabledigest_init(&f.digest, f.t);
    if (!fill_routes(&f, l)) {
        table_discard(f.t);
        return NULL;
    }
    f.t->digest = tabledigest_finish(&f.digest);
    return f.t;
}
