#include "route/table_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/siphash.h"
#include "ownership_priv.h"
#include "poolwalk_priv.h"
#include "ptrset_priv.h"
#include "route/hostname.h"
#include "route/registry.h"
#include "table_priv.h"
#include "tableamend_priv.h"
#include "tablelayout_priv.h"

#define FIRST_CHUNK_BYTES ((size_t)16 * 1024)
#define FIRST_ITEMS       64u
#define SMALL_POOL        8u /* endpoints */

struct table_builder {
    struct registry *registry;
    struct arena work;            /* what the table will not need */
    struct ptrset pools;          /* struct builder_pool by its texts */
    struct builder_pool *first;   /* the same, chained */
    struct ptrset endpoints;      /* struct builder_endpoint by pool and address */
    struct buf pool_text;         /* the pool being looked for */
    struct ownership_item *items; /* one for each claim */
    size_t n_items, cap_items;
    struct tableamend_host *dropped; /* of an amendment */
    builder_pool_fn on_left_out;     /* likewise; NULL: nobody asks */
    void *on_left_out_ctx;
    bool settled;
    struct tablelayout layout; /* after settling */
    struct table *table;       /* from settling to freezing */
    uint64_t digest;
};

struct text {
    const char *bytes;
    size_t len;
};

/* What an endpoint is found by. */
struct endpoint_key {
    const struct builder_pool *pool;
    const struct netaddr *addr;
};

static bool has_texts(const void *item, const void *key)
{
    const struct builder_pool *pool = item;
    const struct text *texts = key;

    return pool->texts_len == texts->len && memcmp(pool->texts, texts->bytes, texts->len) == 0;
}

static bool has_addr(const void *item, const void *key)
{
    const struct builder_endpoint *e = item;
    const struct endpoint_key *k = key;

    return e->pool == k->pool && netaddr_equal(&e->addr, k->addr);
}

struct table_builder *table_builder_new(struct registry *registry)
{
    struct table_builder *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        return NULL;
    }
    b->registry = registry;
    arena_init(&b->work, FIRST_CHUNK_BYTES);
    ptrset_init(&b->pools, offsetof(struct builder_pool, hash.pool), has_texts);
    ptrset_init(&b->endpoints, offsetof(struct builder_endpoint, hash), has_addr);
    buf_init(&b->pool_text, SIZE_MAX / 2);
    return b;
}

void table_builder_free(struct table_builder *b)
{
    if (b == NULL) {
        return;
    }
    table_discard(b->table);
    free(b->items);
    buf_fini(&b->pool_text);
    ptrset_fini(&b->endpoints);
    ptrset_fini(&b->pools);
    arena_fini(&b->work);
    free(b);
}

static struct builder_pool *add_pool(struct table_builder *b, const struct text *texts,
                                     struct poolwalk_hash hash)
{
    struct builder_pool *pool = arena_alloc(&b->work, sizeof(*pool) + texts->len);

    if (pool == NULL) {
        return NULL;
    }
    memcpy(pool->texts, texts->bytes, texts->len);
    pool->texts_len = texts->len;
    pool->ns = pool->texts;
    pool->service = pool->ns + strlen(pool->ns) + 1;
    pool->port = pool->service + strlen(pool->service) + 1;
    pool->hash = hash;
    if (ptrset_add(&b->pools, pool) < 0) {
        return NULL;
    }
    pool->next = b->first;
    b->first = pool;
    return pool;
}

struct builder_pool *table_builder_pool(struct table_builder *b, const char *ns,
                                        const char *service, const char *port, bool *is_new_out)
{
    const char *const parts[] = {ns, service, port};
    struct builder_pool *pool;
    struct poolwalk_hash hash;
    struct text texts;
    bool is_new;

    b->pool_text.len = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (buf_append(&b->pool_text, parts[i], strlen(parts[i]) + 1) < 0) {
            return NULL;
        }
    }
    texts = (struct text){(const char *)b->pool_text.data, b->pool_text.len};
    hash = poolwalk_hash(registry_key(b->registry), ns, service, port);
    pool = ptrset_find(&b->pools, hash.pool, &texts);
    is_new = pool == NULL;
    if (is_new) {
        pool = add_pool(b, &texts, hash);
    }
    if (pool != NULL) {
        *is_new_out = is_new;
    }
    return pool;
}

/* In a large pool; a small one is quicker to walk than to hash. */
static uint32_t hash_endpoint(const struct table_builder *b, const struct builder_pool *pool,
                              const struct netaddr *addr)
{
    struct {
        uint32_t pool;
        struct netaddr addr;
    } bytes = {pool->hash.pool, *addr}; /* no padding: hashed as it lies */

    return (uint32_t)siphash(registry_key(b->registry), &bytes, sizeof(bytes));
}

static struct builder_endpoint *find_endpoint(const struct table_builder *b,
                                              const struct builder_pool *pool,
                                              const struct netaddr *addr)
{
    struct endpoint_key key = {pool, addr};

    if (pool->n_endpoints > SMALL_POOL) {
        return ptrset_find(&b->endpoints, hash_endpoint(b, pool, addr), &key);
    }
    for (struct builder_endpoint *e = pool->endpoints; e != NULL; e = e->next) {
        if (netaddr_equal(&e->addr, addr)) {
            return e;
        }
    }
    return NULL;
}

/* The newest endpoint, and with the one that makes a pool large all that were there before. */
static MUST_CHECK int enter_endpoints(struct table_builder *b, const struct builder_pool *pool)
{
    size_t n = pool->n_endpoints == SMALL_POOL + 1 ? pool->n_endpoints : 1;
    struct builder_endpoint *e = pool->endpoints;
    int rc = 0;

    for (; n > 0 && rc == 0; n--, e = e->next) {
        e->hash = hash_endpoint(b, pool, &e->addr);
        rc = ptrset_add(&b->endpoints, e);
    }
    return rc;
}

int table_builder_endpoint(struct table_builder *b, struct builder_pool *pool,
                           const struct netaddr *addr, bool terminating)
{
    struct builder_endpoint *e = find_endpoint(b, pool, addr);

    if (e != NULL) {
        e->terminating = e->terminating && terminating;
        return 0;
    }
    if (pool->n_endpoints >= LIMIT_ENDPOINTS_PER_POOL) {
        return -ENOBUFS;
    }
    e = arena_alloc(&b->work, sizeof(*e));
    if (e == NULL) {
        return -ENOMEM;
    }
    *e = (struct builder_endpoint){
        .next = pool->endpoints,
        .pool = pool,
        .addr = *addr,
        .terminating = terminating,
    };
    pool->endpoints = e;
    pool->n_endpoints++;
    return pool->n_endpoints > SMALL_POOL ? enter_endpoints(b, pool) : 0;
}

static MUST_CHECK int reserve_item(struct table_builder *b)
{
    size_t cap = b->cap_items > 0 ? b->cap_items * 2 : FIRST_ITEMS;
    struct ownership_item *items;

    if (b->n_items < b->cap_items) {
        return 0;
    }
    if (cap > UINT32_MAX / 2) {
        return -ENOMEM; /* a table counts its routes and slots in 32 bits */
    }
    items = realloc(b->items, cap * sizeof(*items));
    if (items == NULL) {
        return -ENOMEM;
    }
    b->items = items;
    b->cap_items = cap;
    return 0;
}

int table_builder_claim(struct table_builder *b, const struct claim *c)
{
    size_t host_size = strlen(c->host) + 1, ingress_size = strlen(c->ingress) + 1;
    struct ownership_claim *own;
    int rc = reserve_item(b);

    ASSERT(!b->settled);
    ASSERT(host_size <= HOSTNAME_MAX + 1);
    ASSERT(strcmp(c->ns, c->pool->ns) == 0); /* nobody's Ingress reaches another's Service */
    if (rc < 0) {
        return rc;
    }
    own = arena_alloc(&b->work, sizeof(*own) + host_size + ingress_size);
    if (own == NULL) {
        return -ENOMEM;
    }
    own->claim = *c;
    own->claim.host = memcpy(own->texts, c->host, host_size);
    own->claim.ingress = memcpy(own->texts + host_size, c->ingress, ingress_size);
    own->claim.ns = c->pool->ns;
    own->serial = b->n_items;
    b->items[b->n_items++] = ownership_item(own);
    return 0;
}

static void report_host(const struct ownership_host *h, claim_lost_fn on_lost, void *ctx)
{
    enum claim_loss why;

    for (size_t i = 0; i < h->n; i++) {
        if (ownership_is_lost(h, i, &why)) {
            on_lost(ctx, &h->items[i].claim->claim, ownership_winner(h), why);
        }
    }
}

/* Sort, and find who serves which host and what a table of that needs. */
static MUST_CHECK int settle(struct table_builder *b)
{
    struct tablelayout *l = &b->layout;
    int rc;

    ASSERT(!b->settled);
    b->settled = true;
    rc = ownership_sort(b->items, b->n_items);
    if (rc < 0) {
        return rc;
    }
    l->items = b->items;
    l->n_items = b->n_items;
    l->hosts = arena_calloc(&b->work, b->n_items, sizeof(*l->hosts));
    l->pools = arena_calloc(&b->work, b->n_items, sizeof(struct builder_pool *));
    if (l->hosts == NULL || l->pools == NULL) {
        return -ENOMEM;
    }
    tablelayout_count(l);
    return 0;
}

int table_builder_settle(struct table_builder *b, claim_lost_fn on_lost, void *ctx)
{
    int rc = settle(b);

    if (rc < 0) {
        return rc;
    }
    b->table = tablelayout_make(&b->layout, registry_key(b->registry));
    if (b->table == NULL) {
        return -ENOMEM;
    }
    b->digest = b->table->digest;
    /* Nothing is told before nothing can fail any more. */
    if (on_lost != NULL) {
        table_builder_lost(b, on_lost, ctx);
    }
    return 0;
}

void table_builder_lost(const struct table_builder *b, claim_lost_fn on_lost, void *ctx)
{
    ASSERT(b->settled);
    for (size_t i = 0; i < b->layout.n_hosts; i++) {
        report_host(&b->layout.hosts[i], on_lost, ctx);
    }
}

uint64_t table_builder_digest(const struct table_builder *b)
{
    return b->digest;
}

static size_t batch_size(size_t left)
{
    return left < REGISTRY_BATCH ? left : REGISTRY_BATCH;
}

static MUST_CHECK int take_endpoint_states(struct table *t)
{
    int rc = 0;

    for (size_t i = 0; i < t->n_pages && rc == 0; i++) {
        rc = poolpage_take_states(t->pages[i], t->names->registry);
    }
    return rc;
}

/* The claims' texts end with the builder; the same stand in the state, which outlives the table. */
static void set_state(struct table *t, struct route *r, struct route_state *s)
{
    struct pool *pool = table_pool_at(t, r->pool);

    r->state = s;
    r->host = s->host;
    pool->ns = s->ns;
    pool->service = s->service;
    pool->port = s->port;
}

static MUST_CHECK int take_route_states(struct table *t, const struct tablelayout *l)
{
    struct route_key keys[REGISTRY_BATCH];
    struct route_state *states[REGISTRY_BATCH];
    size_t n;
    int rc;

    for (size_t i = 0; i < t->n_routes; i += n) {
        n = batch_size(t->n_routes - i);
        for (size_t k = 0; k < n; k++) {
            tablelayout_look_ahead(l, i + k);
            keys[k] = tablelayout_key(l, i + k);
        }
        rc = registry_routes(t->names->registry, keys, n, states);
        if (rc < 0) {
            return rc;
        }
        for (size_t k = 0; k < n; k++) {
            set_state(t, &t->names->routes[i + k], states[k]);
        }
    }
    return 0;
}

struct table *table_builder_freeze(struct table_builder *b, uint64_t generation)
{
    struct table *t = b->table;

    ASSERT(t != NULL);
    b->table = NULL;
    t->names->registry = b->registry;
    if (take_endpoint_states(t) < 0 || take_route_states(t, &b->layout) < 0) {
        table_discard(t);
        return NULL;
    }
    table_index(t);
    t->generation = generation;
    atomic_init(&t->refs, 1);
    return t;
}

void table_builder_unserved(const struct table_builder *b, builder_pool_fn tell, void *ctx)
{
    ASSERT(b->settled);
    for (const struct builder_pool *p = b->first; p != NULL; p = p->next) {
        if (p->place == 0) {
            tell(ctx, p->ns, p->service);
        }
    }
}

void table_builder_watch_left_out(struct table_builder *b, builder_pool_fn tell, void *ctx)
{
    b->on_left_out = tell;
    b->on_left_out_ctx = ctx;
}

int table_builder_drop(struct table_builder *b, const char *host)
{
    size_t size = strlen(host) + 1;
    struct tableamend_host *h = arena_alloc(&b->work, sizeof(*h) + size);

    ASSERT(!b->settled);
    if (h == NULL) {
        return -ENOMEM;
    }
    memcpy(h->host, host, size);
    h->next = b->dropped;
    b->dropped = h;
    return 0;
}

int table_builder_amend(struct table_builder *b, struct table *base, uint64_t generation,
                        struct table **out)
{
    const struct tableamend a = {
        .base = base,
        .layout = &b->layout,
        .dropped = b->dropped,
        .pools = b->first,
        .generation = generation,
        .on_left_out = b->on_left_out,
        .on_left_out_ctx = b->on_left_out_ctx,
    };
    int rc = settle(b);

    return rc == 0 ? tableamend_make(&a, out) : rc;
}
