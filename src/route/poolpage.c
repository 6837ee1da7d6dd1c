#include "poolpage_priv.h"

#include <stdlib.h>
#include <string.h>

#include "route/registry.h"
#include "tablelayout_priv.h"

static struct endpoint *endpoints_of(struct poolpage *p)
{
    return (struct endpoint *)(void *)&p->pools[p->cap_pools];
}

static size_t bytes_for(uint32_t n_pools, uint32_t n_endpoints)
{
    return sizeof(struct poolpage) + n_pools * sizeof(struct pool) +
           n_endpoints * sizeof(struct endpoint);
}

struct poolpage *poolpage_new(uint32_t n_pools, uint32_t n_endpoints)
{
    struct poolpage *p = calloc(1, bytes_for(n_pools, n_endpoints));

    if (p != NULL) {
        p->tables = 1;
        p->cap_pools = n_pools;
        p->cap_endpoints = n_endpoints;
    }
    return p;
}

/* The next pool; where its endpoints go, which are still to come. */
static struct endpoint *add(struct poolpage *p, const struct pool *like, uint32_t n_endpoints)
{
    struct endpoint *first = endpoints_of(p) + p->n_endpoints;

    ASSERT(p->n_pools < p->cap_pools && n_endpoints <= p->cap_endpoints - p->n_endpoints);
    p->pools[p->n_pools++] = (struct pool){
        .ns = like->ns,
        .service = like->service,
        .port = like->port,
        .endpoints = first,
        .n_endpoints = n_endpoints,
    };
    p->n_endpoints += n_endpoints;
    return first;
}

static int compare_endpoints(const void *left, const void *right)
{
    const struct endpoint *a = left, *b = right;

    return netaddr_compare(endpoint_addr(a), endpoint_addr(b));
}

void poolpage_add_built(struct poolpage *p, const struct builder_pool *from,
                        const struct pool *texts)
{
    struct endpoint *first = add(p, texts, from->n_endpoints), *next = first;

    for (const struct builder_endpoint *e = from->endpoints; e != NULL; e = e->next) {
        *next++ = endpoint_at(&e->addr, e->terminating);
    }
    if (from->n_endpoints > 1) {
        qsort(first, from->n_endpoints, sizeof(*first), compare_endpoints);
    }
}

void poolpage_add_pool(struct poolpage *p, const struct pool *from)
{
    struct endpoint *first = add(p, from, from->n_endpoints);

    if (from->n_endpoints > 0) {
        memcpy(first, from->endpoints, from->n_endpoints * sizeof(*first));
    }
}

static MUST_CHECK int take_batch(struct endpoint *e, size_t n, struct registry *r)
{
    const struct netaddr *addrs[REGISTRY_BATCH];
    struct endpoint_state *states[REGISTRY_BATCH];
    int rc;

    for (size_t i = 0; i < n; i++) {
        addrs[i] = endpoint_addr(&e[i]);
    }
    rc = registry_endpoints(r, addrs, n, states);
    for (size_t i = 0; i < n && rc == 0; i++) {
        e[i] = endpoint_at(&states[i]->addr, endpoint_is_terminating(&e[i]));
    }
    return rc;
}

int poolpage_take_states(struct poolpage *p, struct registry *r)
{
    struct endpoint *e = endpoints_of(p);
    uint32_t n;
    int rc = 0;

    for (uint32_t i = 0; i < p->n_endpoints && rc == 0; i += n) {
        n = p->n_endpoints - i < REGISTRY_BATCH ? p->n_endpoints - i : REGISTRY_BATCH;
        rc = take_batch(e + i, n, r);
        p->n_states += rc == 0 ? n : 0;
    }
    return rc;
}

void poolpage_release(struct poolpage *p, struct registry *r)
{
    struct endpoint *e;

    if (p == NULL || --p->tables > 0) {
        return;
    }
    e = endpoints_of(p);
    for (uint32_t i = 0; i < p->n_states; i++) {
        registry_endpoint_release(r, endpoint_state(&e[i]));
    }
    free(p);
}

size_t poolpage_bytes(const struct poolpage *p)
{
    return bytes_for(p->cap_pools, p->cap_endpoints);
}
