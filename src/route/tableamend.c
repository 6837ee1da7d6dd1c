#include "tableamend_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "poolwalk_priv.h"
#include "table_priv.h"
#include "tabledigest_priv.h"
#include "tablelayout_priv.h"
#include "tablemerge_priv.h"

/* The pools that differ, in the order of their places. */
struct amendment {
    struct table *base;
    struct builder_pool **pools;
    size_t n;
};

static int compare_addr(const void *addr, const void *endpoint)
{
    return netaddr_compare(addr, endpoint_addr(endpoint));
}

/* Neither has an address twice. */
bool tableamend_is_equal(const struct builder_pool *built, const struct pool *pool)
{
    const struct endpoint *same;

    if (built->n_endpoints != pool->n_endpoints) {
        return false;
    }
    for (const struct builder_endpoint *e = built->endpoints; e != NULL; e = e->next) {
        same = bsearch(&e->addr, pool->endpoints, pool->n_endpoints, sizeof(*same), compare_addr);
        if (same == NULL || endpoint_is_terminating(same) != e->terminating) {
            return false;
        }
    }
    return true;
}

static int compare_places(const void *left, const void *right)
{
    const struct builder_pool *const *a = left, *const *b = right;

    return (*a)->place < (*b)->place ? -1 : (*a)->place > (*b)->place;
}

static MUST_CHECK int collect(struct amendment *a, struct builder_pool *pools)
{
    size_t cap = 0;
    uint32_t place;

    for (const struct builder_pool *p = pools; p != NULL; p = p->next) {
        cap++;
    }
    a->pools = calloc(cap + 1, sizeof(struct builder_pool *));
    if (a->pools == NULL) {
        return -ENOMEM;
    }
    for (struct builder_pool *p = pools; p != NULL; p = p->next) {
        if (!poolwalk_find(a->base, p->ns, p->service, p->port, &place)) {
            continue;
        }
        p->place = place + 1; /* also of one that is equal: a route leads to it */
        if (!tableamend_is_equal(p, table_pool_at(a->base, place))) {
            a->pools[a->n++] = p;
        }
    }
    qsort(a->pools, a->n, sizeof(struct builder_pool *), compare_places);
    return 0;
}

/* The pools of page `i` that differ are the first `n` of `changed`. */
static struct poolpage *new_page(const struct table *base, size_t i,
                                 struct builder_pool *const *changed, size_t n)
{
    const struct poolpage *old = base->pages[i];
    uint32_t n_endpoints = old->n_endpoints, place = (uint32_t)(i * POOLPAGE_POOLS);
    struct poolpage *page;

    for (size_t k = 0; k < n; k++) {
        n_endpoints += changed[k]->n_endpoints;
        n_endpoints -= table_pool_at(base, changed[k]->place - 1)->n_endpoints;
    }
    page = poolpage_new(old->n_pools, n_endpoints);
    for (uint32_t k = 0; k < old->n_pools && page != NULL; k++) {
        if (n > 0 && (*changed)->place - 1 == place + k) {
            poolpage_add_built(page, *changed, &old->pools[k]);
            changed++;
            n--;
        } else {
            poolpage_add_pool(page, &old->pools[k]);
        }
    }
    return page;
}

/* How many of the `n` pools lie on page `i`. */
static size_t count_on_page(struct builder_pool *const *changed, size_t n, size_t i)
{
    size_t k = 0;

    while (k < n && (changed[k]->place - 1) / POOLPAGE_POOLS == i) {
        k++;
    }
    return k;
}

static MUST_CHECK int fill_pages(struct table *t, const struct amendment *a)
{
    struct builder_pool *const *changed = a->pools;
    size_t left = a->n, n;

    for (size_t i = 0; i < t->n_pages; i++) {
        n = count_on_page(changed, left, i);
        if (n == 0) {
            t->pages[i] = a->base->pages[i];
            t->pages[i]->tables++;
        } else {
            t->pages[i] = new_page(a->base, i, changed, n);
            if (t->pages[i] == NULL || poolpage_take_states(t->pages[i], t->names->registry) < 0) {
                return -ENOMEM;
            }
        }
        t->n_endpoints += t->pages[i]->n_endpoints;
        changed += n;
        left -= n;
    }
    return 0;
}

static uint64_t digest_of(const struct table *t, const struct amendment *a)
{
    uint64_t digest = a->base->digest;

    for (size_t i = 0; i < a->n; i++) {
        size_t place = a->pools[i]->place - 1;

        digest -= tabledigest_of_pool(&t->key, table_pool_at(a->base, place));
        digest += tabledigest_of_pool(&t->key, table_pool_at(t, place));
    }
    return digest;
}

static struct table *make(const struct amendment *a)
{
    struct table_names *names = a->base->names;
    struct table *t = table_new(names, a->base->n_pools);

    if (t == NULL) {
        return NULL;
    }
    names->tables++;
    if (fill_pages(t, a) < 0) {
        table_discard(t);
        return NULL;
    }
    t->digest = digest_of(t, a);
    return t;
}

/* Names stay as they are; *out is NULL where no pool differs. */
static MUST_CHECK int amend_pools(const struct tableamend *want, struct table **out)
{
    struct amendment a = {.base = want->base};
    int rc = collect(&a, want->pools);

    *out = NULL;
    if (rc == 0 && a.n > 0) {
        *out = make(&a);
        rc = *out != NULL ? 0 : -ENOMEM;
    }
    free(a.pools);
    return rc;
}

/* Likewise where hosts may change. */
static MUST_CHECK int amend_hosts(const struct tableamend *want, struct table **out)
{
    *out = tablemerge_make(want);
    if (*out == NULL) {
        return -ENOMEM;
    }
    if ((*out)->digest == want->base->digest) {
        table_discard(*out);
        *out = NULL;
    }
    return 0;
}

int tableamend_make(const struct tableamend *a, struct table **out)
{
    bool has_hosts = a->layout->n_hosts > 0 || a->dropped != NULL;
    struct table *t;
    int rc = has_hosts ? amend_hosts(a, &t) : amend_pools(a, &t);

    if (rc < 0) {
        return rc;
    }
    if (t != NULL) {
        t->generation = a->generation;
        atomic_init(&t->refs, 1);
    }
    *out = t;
    return 0;
}
