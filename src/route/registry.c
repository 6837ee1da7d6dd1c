#include "route/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/siphash.h"
#include "ptrset_priv.h"
#include "series_priv.h"
#include "statepool_priv.h"

struct registry {
    struct siphash_key key;
    unsigned workers;
    struct ptrset endpoints; /* struct endpoint_state by address */
    struct ptrset routes;    /* struct route_state by identity */
    struct statepool endpoint_room, route_room;
    struct buf key_texts; /* the identities being looked for, one behind the other */
    struct series_set series;
};

struct text {
    const char *bytes;
    size_t len;
};

static bool has_addr(const void *item, const void *key)
{
    const struct endpoint_state *s = item;

    return netaddr_equal(&s->addr, key);
}

/* The five texts of a state lie one behind the other, terminators included, from `host` on. */
static bool has_texts(const void *item, const void *key)
{
    const struct route_state *s = item;
    const struct text *texts = key;
    size_t len = (size_t)(s->port - s->host) + strlen(s->port) + 1;

    return len == texts->len && memcmp(s->host, texts->bytes, len) == 0;
}

struct registry *registry_new(unsigned writers, size_t cells)
{
    struct registry *r = calloc(1, sizeof(*r));

    if (r == NULL || siphash_key_random(&r->key) < 0 ||
        series_set_init(&r->series, &r->key, writers, cells) < 0) {
        free(r);
        return NULL;
    }
    ASSERT(writers <= UINT16_MAX);
    r->workers = writers > 0 ? writers : 1;
    statepool_init(&r->endpoint_room, sizeof(struct endpoint_state), r->workers);
    statepool_init(&r->route_room, 0, r->workers); /* the texts of each have a size of their own */
    ptrset_init(&r->endpoints, offsetof(struct endpoint_state, hash), has_addr);
    ptrset_init(&r->routes, offsetof(struct route_state, hash), has_texts);
    buf_init(&r->key_texts, SIZE_MAX / 2);
    return r;
}

static void free_endpoint(struct endpoint_state *s)
{
    statepool_give(s->active, s->place); /* the state lies beside its counters */
}

static void free_route(struct route_state *s)
{
    series_release(s->series);
    statepool_give(s->active, s->place);
    free(s);
}

static bool free_any_endpoint(void *item)
{
    free_endpoint(item);
    return true;
}

static bool free_any_route(void *item)
{
    free_route(item);
    return true;
}

void registry_free(struct registry *r)
{
    if (r == NULL) {
        return;
    }
    (void)ptrset_drop_if(&r->endpoints, free_any_endpoint);
    (void)ptrset_drop_if(&r->routes, free_any_route);
    ptrset_fini(&r->endpoints);
    ptrset_fini(&r->routes);
    series_set_fini(&r->series);
    buf_fini(&r->key_texts);
    free(r);
}

const struct siphash_key *registry_key(const struct registry *r)
{
    return &r->key;
}

static struct endpoint_state *add_endpoint(struct registry *r, const struct netaddr *addr,
                                           uint32_t hash)
{
    struct statepool_place place;
    struct endpoint_state *s;

    if (statepool_take(&r->endpoint_room, &place) < 0) {
        return NULL;
    }
    s = place.item;
    s->addr = *addr;
    s->hash = hash;
    s->active = place.active;
    s->workers = (uint16_t)r->workers;
    s->place = place.index;
    if (ptrset_add(&r->endpoints, s) < 0) {
        free_endpoint(s);
        return NULL;
    }
    return s;
}

static struct endpoint_state *take_endpoint(struct registry *r, const struct netaddr *addr,
                                            uint32_t hash)
{
    struct endpoint_state *s = ptrset_find(&r->endpoints, hash, addr);

    if (s == NULL) {
        s = add_endpoint(r, addr, hash);
    }
    if (s != NULL) {
        s->tables++;
    }
    return s;
}

int registry_endpoints(struct registry *r, const struct netaddr *const addrs[], size_t n,
                       struct endpoint_state *out[])
{
    uint32_t hash[REGISTRY_BATCH];

    ASSERT(n <= REGISTRY_BATCH);
    for (size_t i = 0; i < n; i++) {
        hash[i] = (uint32_t)siphash(&r->key, addrs[i], sizeof(*addrs[i]));
        ptrset_prefetch_slot(&r->endpoints, hash[i]);
    }
    for (size_t i = 0; i < n; i++) {
        ptrset_prefetch_item(&r->endpoints, hash[i]);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = take_endpoint(r, addrs[i], hash[i]);
        if (out[i] == NULL) {
            while (i > 0) {
                registry_endpoint_release(r, out[--i]);
            }
            return -ENOMEM;
        }
    }
    return 0;
}

struct endpoint_state *registry_endpoint(struct registry *r, const struct netaddr *addr)
{
    struct endpoint_state *s;

    return registry_endpoints(r, &addr, 1, &s) == 0 ? s : NULL;
}

/* One text for each, terminators as separators, so that no two identities read alike. */
static MUST_CHECK int join_key(struct registry *r, const struct route_key *key)
{
    const char *const texts[] = {key->host, key->ns, key->ingress, key->service, key->port};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(texts) && rc == 0; i++) {
        rc = buf_append(&r->key_texts, texts[i], strlen(texts[i]) + 1);
    }
    return rc;
}

static const char *next_text(const char *text)
{
    return text + strlen(text) + 1;
}

static struct route_state *add_route(struct registry *r, const struct text *texts, uint32_t hash)
{
    struct route_state *s = calloc(1, sizeof(*s) + texts->len);
    struct statepool_place place;

    if (s == NULL || statepool_take(&r->route_room, &place) < 0) {
        free(s);
        return NULL;
    }
    s->active = place.active;
    s->workers = (uint16_t)r->workers;
    s->place = place.index;
    memcpy(s + 1, texts->bytes, texts->len);
    s->host = (const char *)(s + 1);
    s->ns = next_text(s->host);
    s->ingress = next_text(s->ns);
    s->service = next_text(s->ingress);
    s->port = next_text(s->service);
    s->hash = hash;
    if (series_take(&r->series, s->ns, (size_t)(s->port - s->ns), &s->series) < 0 ||
        ptrset_add(&r->routes, s) < 0) {
        free_route(s);
        return NULL;
    }
    return s;
}

static struct route_state *take_route(struct registry *r, const struct text *texts, uint32_t hash)
{
    struct route_state *s = ptrset_find(&r->routes, hash, texts);

    if (s == NULL) {
        s = add_route(r, texts, hash);
    }
    if (s != NULL) {
        s->tables++;
    }
    return s;
}

/* Join the keys and tell where each ended up; the buffer moves while it grows. */
static MUST_CHECK int join_keys(struct registry *r, const struct route_key keys[], size_t n,
                                struct text texts[])
{
    size_t start = 0;
    int rc;

    r->key_texts.len = 0;
    for (size_t i = 0; i < n; i++) {
        rc = join_key(r, &keys[i]);
        if (rc < 0) {
            return -ENOMEM;
        }
        texts[i].len = r->key_texts.len - start;
        start = r->key_texts.len;
    }
    start = 0;
    for (size_t i = 0; i < n; i++) {
        texts[i].bytes = (const char *)r->key_texts.data + start;
        start += texts[i].len;
    }
    return 0;
}

int registry_routes(struct registry *r, const struct route_key keys[], size_t n,
                    struct route_state *out[])
{
    uint32_t hash[REGISTRY_BATCH];
    struct text texts[REGISTRY_BATCH];

    ASSERT(n <= REGISTRY_BATCH);
    if (join_keys(r, keys, n, texts) < 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        hash[i] = (uint32_t)siphash(&r->key, texts[i].bytes, texts[i].len);
        ptrset_prefetch_slot(&r->routes, hash[i]);
    }
    for (size_t i = 0; i < n; i++) {
        ptrset_prefetch_item(&r->routes, hash[i]);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = take_route(r, &texts[i], hash[i]);
        if (out[i] == NULL) {
            while (i > 0) {
                registry_route_release(r, out[--i]);
            }
            return -ENOMEM;
        }
    }
    return 0;
}

struct route_state *registry_route(struct registry *r, const struct route_key *key)
{
    struct route_state *s;

    return registry_routes(r, key, 1, &s) == 0 ? s : NULL;
}

void registry_endpoint_release(struct registry *r, struct endpoint_state *s)
{
    (void)r; /* the counts stand in the states; only the owner of the registry may change them */
    ASSERT(s->tables > 0);
    s->tables--;
}

void registry_route_release(struct registry *r, struct route_state *s)
{
    (void)r;
    ASSERT(s->tables > 0);
    s->tables--;
}

/* Whether no worker is on a state any more, and has done with it. */
static bool is_idle(struct registry_counter *active, unsigned workers)
{
    for (unsigned i = 0; i < workers; i++) {
        if (atomic_load_explicit(registry_counter(active, i), memory_order_acquire) > 0) {
            return false;
        }
    }
    return true;
}

/*
 * Why a relaxed raise and one acquiring load of each counter are enough.
 *
 * A worker raises its counter while it holds a table that names the state, and gives that table
 * back afterwards, with release order.  We counted `tables` down when we freed that table, having
 * seen its last reference gone with acquire order.  So once `tables` is 0 every raise there will
 * ever be has happened before this load, and a 0 here means that each was matched by its lowering,
 * which was that worker's last use of the state.  That was a releasing store of the counter's only
 * writer, so the value 0 carries all it did before: nobody reads what we free.
 */
static bool free_idle_endpoint(void *item)
{
    struct endpoint_state *s = item;

    if (s->tables > 0 || !is_idle(s->active, s->workers)) {
        return false;
    }
    free_endpoint(s);
    return true;
}

/* As free_idle_endpoint(). */
static bool free_idle_route(void *item)
{
    struct route_state *s = item;

    if (s->tables > 0 || !is_idle(s->active, s->workers)) {
        return false;
    }
    free_route(s);
    return true;
}

size_t registry_sweep(struct registry *r)
{
    return ptrset_drop_if(&r->endpoints, free_idle_endpoint) +
           ptrset_drop_if(&r->routes, free_idle_route);
}

int registry_series_snapshot(struct registry *r, struct series_snapshot *out)
{
    return series_set_snapshot(&r->series, out);
}
