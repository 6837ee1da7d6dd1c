#include "tablemerge_priv.h"

#include <stdlib.h>
#include <string.h>

#include "poolwalk_priv.h"
#include "route/registry.h"
#include "table_priv.h"
#include "tableamend_priv.h"
#include "tabledigest_priv.h"
#include "tablelayout_priv.h"

#define GONE  UINT32_MAX
#define AHEAD 8u

/* Whose texts a pool has. */
#define AS_IN_BASE 0u
#define WANTED     1u /* the route that it had them of is gone */
#define OWNED      2u /* and more: by this route */

struct merge {
    const struct tableamend *a;
    const struct table *base;
    struct tablelayout *l;
    struct tablenames to;
    struct table *t;
    size_t n_gone;   /* routes */
    uint32_t *moved; /* by route of the base: its index now, or GONE */
    uint32_t *added; /* by host of the layout: its index now */

    /* By pool: first those of the base as they lie there, then those that are new. */
    size_t n_pools, n_orphans;
    bool keeps_pool_slots; /* the index of the base has room */
    uint32_t *owner;
    const struct builder_pool **built; /* with what it is to be filled; NULL: as it was */
    uint32_t *place;                   /* in the table; GONE */
    uint32_t *source;                  /* by place: the pool */
};

/* ---- what is there -------------------------------------------------------------------------- */

static MUST_CHECK bool alloc(struct merge *m)
{
    size_t n_pools = m->base->n_pools + m->l->n_pools + 1;

    m->moved = calloc(m->base->n_routes + 1, sizeof(*m->moved));
    m->added = calloc(m->l->n_hosts + 1, sizeof(*m->added));
    m->owner = calloc(n_pools, sizeof(*m->owner));
    m->built = calloc(n_pools, sizeof(struct builder_pool *));
    m->place = calloc(n_pools, sizeof(*m->place));
    m->source = calloc(n_pools, sizeof(*m->source));
    return m->moved != NULL && m->added != NULL && m->owner != NULL && m->built != NULL &&
           m->place != NULL && m->source != NULL;
}

static void free_scratch(struct merge *m)
{
    free(m->moved);
    free(m->added);
    free(m->owner);
    free(m->built);
    free(m->place);
    free(m->source);
}

static void drop_host(struct merge *m, const char *host)
{
    const struct route *r = table_route_of(m->base, host);
    size_t i = r != NULL ? (size_t)(r - m->base->routes) : 0;

    if (r != NULL && m->moved[i] != GONE) {
        m->moved[i] = GONE;
        m->owner[r->pool] = WANTED;
        m->n_gone++;
    }
}

static void drop_hosts(struct merge *m)
{
    for (size_t i = 0; i < m->l->n_hosts; i++) {
        drop_host(m, ownership_winner(&m->l->hosts[i])->host);
    }
    for (const struct tableamend_host *h = m->a->dropped; h != NULL; h = h->next) {
        drop_host(m, h->host);
    }
}

/* Pools of the base keep their places for now; those that a winner names and it has not follow. */
static void find_pools(struct merge *m)
{
    uint32_t at;

    m->n_pools = m->base->n_pools;
    for (struct builder_pool *p = m->a->pools; p != NULL; p = p->next) {
        if (poolwalk_find(m->base, p->ns, p->service, p->port, &at)) {
            p->place = at + 1;
            if (!tableamend_is_equal(p, table_pool_at(m->base, at))) {
                m->built[at] = p;
            }
        } else if (p->place > 0) {
            m->built[m->n_pools] = p;
            m->owner[m->n_pools] = WANTED;
            p->place = (uint32_t)++m->n_pools;
        }
    }
}

/* ---- names ---------------------------------------------------------------------------------- */

static void count(struct merge *m, struct tablenames_size *size)
{
    const struct table_names *base = m->base->names;

    *size = m->l->size;
    size->n_routes = m->base->n_routes - m->n_gone + m->l->n_hosts;
    size->n_slots = tableindex_fits(base->n_slots, size->n_routes)
                        ? base->n_slots
                        : tableindex_slots_for(size->n_routes);
    m->keeps_pool_slots = tableindex_fits(base->n_pool_slots, m->n_pools);
    size->n_pools = m->n_pools;
    size->n_pool_slots =
        m->keeps_pool_slots ? base->n_pool_slots : tableindex_slots_for(m->n_pools);
    for (size_t i = 0; i < m->base->n_routes; i++) {
        const struct route *r = &m->base->routes[i];

        for (uint32_t k = 0; k < r->n_lost && m->moved[i] != GONE; k++) {
            tablenames_count_lost(size, &r->lost[k]);
        }
    }
}

static void note_owner(struct merge *m, uint32_t route)
{
    uint32_t *owner = &m->owner[m->to.names->routes[route].pool];

    if (*owner == WANTED) {
        *owner = OWNED + route;
    }
}

static struct route_key key_of(const struct route_state *s)
{
    return (struct route_key){s->host, s->ns, s->ingress, s->service, s->port};
}

static void forget_route(struct merge *m, const struct route *r)
{
    struct route_key key = key_of(r->state);

    m->to.names->digest -= tabledigest_of_route(&m->base->key, &key, r->lost, r->n_lost);
}

static MUST_CHECK bool keep_route(struct merge *m, size_t from, uint32_t to)
{
    const struct route *old = &m->base->routes[from];
    struct route *r = &m->to.names->routes[to];

    *r = *old;
    registry_route_hold(r->state);
    r->lost = NULL;
    r->n_lost = 0;
    for (uint32_t i = 0; i < old->n_lost; i++) {
        if (!tablenames_add_lost(&m->to, r, &old->lost[i])) {
            return false;
        }
    }
    m->moved[from] = to;
    note_owner(m, to);
    return true;
}

/* The routes of the base from `from` to before the `end`th, to behind the `*to`th. */
static MUST_CHECK bool keep_routes(struct merge *m, size_t from, size_t end, uint32_t *to)
{
    for (size_t i = from; i < end; i++) {
        if (i + AHEAD < end) {
            __builtin_prefetch(&m->base->routes[i + AHEAD].state->tables, 1);
        }
        if (m->moved[i] == GONE) {
            forget_route(m, &m->base->routes[i]);
        } else if (!keep_route(m, i, (*to)++)) {
            return false;
        }
    }
    return true;
}

/* The first route of the base from the `from`th on that does not come before a host. */
static size_t lower_bound(const struct table *base, size_t from, const char *host)
{
    size_t to = base->n_routes;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (strcmp(base->routes[middle].host, host) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static MUST_CHECK bool merge_routes(struct merge *m)
{
    size_t from = 0, end;
    uint32_t to = 0;

    for (size_t i = 0; i < m->l->n_hosts; i++) {
        end = lower_bound(m->base, from, ownership_winner(&m->l->hosts[i])->host);
        if (!keep_routes(m, from, end, &to) ||
            !tablelayout_fill_route(m->l, i, &m->to, &m->to.names->routes[to])) {
            return false;
        }
        note_owner(m, to);
        m->added[i] = to++;
        from = end;
    }
    return keep_routes(m, from, m->base->n_routes, &to);
}

static MUST_CHECK bool make_names(struct merge *m)
{
    struct tablenames_size size;

    count(m, &size);
    if (!tablenames_new(&size, &m->base->key, &m->to)) {
        return false;
    }
    m->to.names->registry = m->base->names->registry;
    m->to.names->digest = m->base->names->digest;
    if (!merge_routes(m)) {
        table_names_release(m->to.names);
        return false;
    }
    return true;
}

/* ---- pools ---------------------------------------------------------------------------------- */

static bool is_orphan(const struct merge *m, size_t pool)
{
    return m->owner[pool] == WANTED; /* still */
}

static void count_orphans(struct merge *m)
{
    for (size_t i = 0; i < m->n_pools; i++) {
        m->n_orphans += is_orphan(m, i);
    }
    for (struct builder_pool *p = m->a->pools; p != NULL && m->n_orphans > 0; p = p->next) {
        if (p->place > 0 && is_orphan(m, p->place - 1)) {
            p->place = 0;
        }
    }
}

/* Where the orphans lay the last pools go. */
static void find_places(struct merge *m)
{
    size_t n = m->n_pools - m->n_orphans, last = m->n_pools;

    for (size_t i = 0; i < n; i++) {
        size_t pool = i;

        if (is_orphan(m, i)) {
            m->place[i] = GONE;
            do {
                last--;
            } while (is_orphan(m, last));
            pool = last;
        }
        m->place[pool] = (uint32_t)i;
        m->source[i] = (uint32_t)pool;
    }
}

static void place_pools(struct merge *m)
{
    struct table_names *n = m->to.names;

    count_orphans(m);
    find_places(m);
    for (uint32_t i = 0; i < n->n_routes && m->n_orphans > 0; i++) {
        n->routes[i].pool = m->place[n->routes[i].pool];
    }
}

static bool is_of_base(const struct merge *m, size_t pool)
{
    return pool < m->base->n_pools;
}

static struct poolwalk_hash hash_of(const struct merge *m, size_t pool)
{
    const struct pool *p;

    if (!is_of_base(m, pool)) {
        return m->built[pool]->hash;
    }
    p = table_pool_at(m->base, pool);
    return poolwalk_hash(&m->base->key, p->ns, p->service, p->port);
}

static void index_all_pools(struct merge *m)
{
    for (size_t i = 0; i < m->n_pools - m->n_orphans; i++) {
        poolwalk_add(m->to.names, hash_of(m, m->source[i]), (uint32_t)i);
    }
}

static void copy_chain(const struct merge *m, const struct poolchain *from, struct poolchain *to)
{
    memcpy(to->heads, from->heads, m->base->names->n_pool_slots * sizeof(*to->heads));
    memcpy(to->links, from->links, m->base->n_pools * sizeof(*to->links));
}

/* Orphans first: what takes a place of theirs is filed under it. */
static void index_pools(struct merge *m)
{
    const struct table_names *base = m->base->names;
    struct table_names *n = m->to.names;

    if (!m->keeps_pool_slots) {
        index_all_pools(m);
        return;
    }
    copy_chain(m, &base->by_service, &n->by_service);
    copy_chain(m, &base->by_pool, &n->by_pool);
    for (uint32_t i = 0; i < m->base->n_pools && m->n_orphans > 0; i++) {
        if (is_orphan(m, i)) {
            poolwalk_remove(n, hash_of(m, i), i);
        }
    }
    for (uint32_t i = 0; i < m->n_pools; i++) {
        if (is_orphan(m, i)) {
            continue;
        }
        if (!is_of_base(m, i)) {
            poolwalk_add(n, hash_of(m, i), m->place[i]);
        } else if (m->place[i] != i) {
            poolwalk_move(n, hash_of(m, i), i, m->place[i]);
        }
    }
}

static uint32_t endpoints_of(const struct merge *m, size_t pool)
{
    return m->built[pool] != NULL ? m->built[pool]->n_endpoints
                                  : table_pool_at(m->base, pool)->n_endpoints;
}

static bool is_as_in_base(const struct merge *m, size_t first, uint32_t n)
{
    const struct table *base = m->base;
    size_t page = first / POOLPAGE_POOLS;

    if (page >= base->n_pages || base->pages[page]->n_pools != n) {
        return false;
    }
    for (size_t i = first; i < first + n; i++) {
        if (m->source[i] != i || m->built[i] != NULL || m->owner[i] != AS_IN_BASE) {
            return false;
        }
    }
    return true;
}

static void add_pool(const struct merge *m, struct poolpage *page, size_t pool)
{
    const struct builder_pool *built = m->built[pool];
    struct pool like;

    if (is_of_base(m, pool)) {
        like = *table_pool_at(m->base, pool);
    } else {
        like = (struct pool){.ns = built->ns, .service = built->service, .port = built->port};
    }
    if (built != NULL) {
        poolpage_add_built(page, built, &like);
    } else {
        poolpage_add_pool(page, &like);
    }
}

static struct poolpage *make_page(const struct merge *m, size_t first, uint32_t n)
{
    uint32_t n_endpoints = 0;
    struct poolpage *page;

    for (size_t i = first; i < first + n; i++) {
        n_endpoints += endpoints_of(m, m->source[i]);
    }
    page = poolpage_new(n, n_endpoints);
    for (size_t i = first; i < first + n && page != NULL; i++) {
        add_pool(m, page, m->source[i]);
    }
    return page;
}

static MUST_CHECK bool fill_pages(struct merge *m)
{
    struct table *t = m->t;

    for (size_t i = 0; i < t->n_pages; i++) {
        size_t first = i * POOLPAGE_POOLS, left = t->n_pools - first;
        uint32_t n = (uint32_t)(left < POOLPAGE_POOLS ? left : POOLPAGE_POOLS);

        if (is_as_in_base(m, first, n)) {
            t->pages[i] = m->base->pages[i];
            t->pages[i]->tables++;
        } else {
            t->pages[i] = make_page(m, first, n);
            if (t->pages[i] == NULL || poolpage_take_states(t->pages[i], t->names->registry) < 0) {
                return false;
            }
        }
        t->n_endpoints += t->pages[i]->n_endpoints;
    }
    return true;
}

/* ---- what comes last ------------------------------------------------------------------------ */

static MUST_CHECK bool take_states(struct merge *m)
{
    struct route *routes = m->to.names->routes;

    for (size_t i = 0; i < m->l->n_hosts; i++) {
        struct route_key key = tablelayout_key(m->l, i);
        struct route_state *s = registry_route(m->to.names->registry, &key);

        if (s == NULL) {
            return false;
        }
        routes[m->added[i]].state = s;
        routes[m->added[i]].host = s->host;
    }
    return true;
}

/* Pools whose texts were those of a route that is gone, or of the builder. */
static void name_pools(const struct merge *m)
{
    for (size_t i = 0; i < m->n_pools; i++) {
        const struct route_state *s;
        struct pool *p;

        if (m->owner[i] < OWNED) {
            continue;
        }
        s = m->to.names->routes[m->owner[i] - OWNED].state;
        p = table_pool_at(m->t, m->place[i]);
        p->ns = s->ns;
        p->service = s->service;
        p->port = s->port;
    }
}

static void index_hosts(struct merge *m)
{
    struct table_names *n = m->to.names;
    const struct table_names *base = m->base->names;
    const struct tableindex old = {&n->key, n->slots, n->n_slots, base->routes};
    const struct tableindex new = {&n->key, n->slots, n->n_slots, n->routes};

    if (n->n_slots != base->n_slots) {
        table_index(m->t);
        return;
    }
    memcpy(n->slots, base->slots, n->n_slots * sizeof(*n->slots));
    for (uint32_t i = base->catch_all != NULL ? 1 : 0; i < base->n_routes && m->n_gone > 0; i++) {
        if (m->moved[i] == GONE) {
            tableindex_remove(&old, i);
        }
    }
    for (uint32_t i = 0; i < n->n_slots; i++) {
        if (n->slots[i].route != 0) {
            n->slots[i].route = m->moved[n->slots[i].route - 1] + 1;
        }
    }
    table_find_catch_all(m->t);
    for (size_t i = 0; i < m->l->n_hosts; i++) {
        if (n->routes[m->added[i]].host[0] != '\0') {
            tableindex_add(&new, m->added[i], m->added[i] + 1);
        }
    }
}

static uint64_t digest_of(const struct merge *m)
{
    const struct table_names *base = m->base->names;
    uint64_t digest = m->base->digest - base->digest + m->to.names->digest;

    for (size_t i = 0; i < m->n_pools; i++) {
        bool differs = m->built[i] != NULL || is_orphan(m, i);

        if (differs && is_of_base(m, i)) {
            digest -= tabledigest_of_pool(&base->key, table_pool_at(m->base, i));
        }
        if (differs && !is_orphan(m, i)) {
            digest += tabledigest_of_pool(&base->key, table_pool_at(m->t, m->place[i]));
        }
    }
    return digest;
}

static void tell_left_out(const struct merge *m)
{
    size_t n = m->n_orphans > 0 && m->a->on_left_out != NULL ? m->base->n_pools : 0;

    for (size_t i = 0; i < n; i++) {
        const struct pool *p = table_pool_at(m->base, i);

        if (is_orphan(m, i)) {
            m->a->on_left_out(m->a->on_left_out_ctx, p->ns, p->service);
        }
    }
}

static MUST_CHECK bool make_table(struct merge *m)
{
    place_pools(m);
    m->t = table_new(m->to.names, m->n_pools - m->n_orphans);
    if (m->t == NULL) {
        table_names_release(m->to.names);
        return false;
    }
    if (!fill_pages(m) || !take_states(m)) {
        table_discard(m->t);
        return false;
    }
    name_pools(m);
    index_pools(m);
    index_hosts(m);
    m->t->digest = digest_of(m);
    tell_left_out(m);
    return true;
}

struct table *tablemerge_make(const struct tableamend *a)
{
    struct merge m = {.a = a, .base = a->base, .l = a->layout};
    bool ok = alloc(&m);

    if (ok) {
        drop_hosts(&m);
        find_pools(&m);
        ok = make_names(&m) && make_table(&m);
    }
    free_scratch(&m);
    return ok ? m.t : NULL;
}
