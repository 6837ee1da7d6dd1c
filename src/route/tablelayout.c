#include "tablelayout_priv.h"

#include "poolwalk_priv.h"
#include "route/registry.h"
#include "table_priv.h"
#include "tabledigest_priv.h"

static struct claim_lost lost_of(const struct claim *c, enum claim_loss why)
{
    return (struct claim_lost){
        .ns = c->ns,
        .ingress = c->ingress,
        .service = c->pool->service,
        .port = c->pool->port,
        .why = why,
    };
}

static void count_host(struct tablelayout *l, const struct ownership_host *h)
{
    struct builder_pool *pool = ownership_winner(h)->pool;
    struct claim_lost lost;
    enum claim_loss why;

    if (pool->place == 0) {
        l->pools[l->n_pools++] = pool;
        pool->place = (uint32_t)l->n_pools;
    }
    for (size_t i = 0; i < h->n; i++) {
        if (ownership_is_lost(h, i, &why)) {
            lost = lost_of(&h->items[i].claim->claim, why);
            tablenames_count_lost(&l->size, &lost);
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

struct route_key tablelayout_key(const struct tablelayout *l, size_t i)
{
    const struct claim *winner = ownership_winner(&l->hosts[i]);

    return (struct route_key){
        .host = winner->host,
        .ns = winner->ns,
        .ingress = winner->ingress,
        .service = winner->pool->service,
        .port = winner->pool->port,
    };
}

bool tablelayout_fill_route(const struct tablelayout *l, size_t i, struct tablenames *to,
                            struct route *r)
{
    const struct ownership_host *h = &l->hosts[i];
    const struct claim *winner = ownership_winner(h);
    struct route_key key = tablelayout_key(l, i);
    struct claim_lost lost;
    enum claim_loss why;

    *r = (struct route){.host = winner->host, .pool = winner->pool->place - 1};
    for (size_t k = 0; k < h->n; k++) {
        if (ownership_is_lost(h, k, &why)) {
            lost = lost_of(&h->items[k].claim->claim, why);
            if (!tablenames_add_lost(to, r, &lost)) {
                return false;
            }
        }
    }
    to->names->digest += tabledigest_of_route(&to->names->key, &key, r->lost, r->n_lost);
    return true;
}

static void index_pools(const struct tablelayout *l, struct table_names *n)
{
    for (size_t i = 0; i < l->n_pools; i++) {
        poolwalk_add(n, l->pools[i]->hash, (uint32_t)i);
    }
}

/* Without registry yet, so without states. */
static struct table_names *make_names(struct tablelayout *l, const struct siphash_key *key)
{
    struct tablenames t;

    l->size.n_routes = l->n_hosts;
    l->size.n_slots = tableindex_slots_for(l->n_hosts);
    l->size.n_pools = l->n_pools;
    l->size.n_pool_slots = tableindex_slots_for(l->n_pools);
    if (!tablenames_new(&l->size, key, &t)) {
        return NULL;
    }
    for (size_t i = 0; i < l->n_hosts; i++) {
        tablelayout_look_ahead(l, i);
        if (!tablelayout_fill_route(l, i, &t, &t.names->routes[i])) {
            table_names_release(t.names);
            return NULL;
        }
    }
    index_pools(l, t.names);
    return t.names;
}

static struct poolpage *make_page(const struct tablelayout *l, size_t first)
{
    size_t n = l->n_pools - first < POOLPAGE_POOLS ? l->n_pools - first : POOLPAGE_POOLS;
    uint32_t n_endpoints = 0;
    struct poolpage *p;

    for (size_t i = 0; i < n; i++) {
        n_endpoints += l->pools[first + i]->n_endpoints;
    }
    p = poolpage_new((uint32_t)n, n_endpoints);
    for (size_t i = 0; i < n && p != NULL; i++) {
        const struct builder_pool *from = l->pools[first + i];

        poolpage_add_built(p, from, &(struct pool){from->ns, from->service, from->port, NULL, 0});
    }
    return p;
}

static MUST_CHECK bool fill_pages(struct table *t, const struct tablelayout *l)
{
    for (size_t i = 0; i < t->n_pages; i++) {
        t->pages[i] = make_page(l, i * POOLPAGE_POOLS);
        if (t->pages[i] == NULL) {
            return false;
        }
        t->n_endpoints += t->pages[i]->n_endpoints;
    }
    return true;
}

struct table *tablelayout_make(struct tablelayout *l, const struct siphash_key *key)
{
    struct table_names *names = make_names(l, key);
    struct table *t = names != NULL ? table_new(names, l->n_pools) : NULL;

    if (t == NULL) {
        if (names != NULL) {
            table_names_release(names);
        }
        return NULL;
    }
    if (!fill_pages(t, l)) {
        table_discard(t);
        return NULL;
    }
    t->digest = names->digest;
    for (size_t i = 0; i < t->n_pools; i++) {
        t->digest += tabledigest_of_pool(key, table_pool_at(t, i));
    }
    return t;
}
