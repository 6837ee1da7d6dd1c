#include "controller/publisher.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "controller/translate.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"

#define FIRST_RETIRED 8

int publisher_init(struct publisher *p, const struct controller_config *cfg)
{
    *p = (struct publisher){.cfg = cfg};
    p->registry = registry_new(cfg->route_writers, cfg->route_cells);
    return p->registry ? 0 : -ENOMEM;
}

/** Give up the current table; there is room for it among the retired. */
static void retire(struct publisher *p)
{
    if (p->current) {
        table_unref(p->current);
        p->retired[p->n_retired++] = p->current;
        p->current = NULL;
    }
}

void publisher_fini(struct publisher *p)
{
    if (p->current) {
        table_unref(p->current);
        ASSERT(table_free_if_unused(p->current));
    }
    for (size_t i = 0; i < p->n_retired; i++) {
        ASSERT(table_free_if_unused(p->retired[i]));
    }
    free(p->retired);
    registry_free(p->registry);
    *p = (struct publisher){0};
}

static int reserve_retired(struct publisher *p)
{
    size_t cap = p->cap_retired ? p->cap_retired * 2 : FIRST_RETIRED;
    struct table **grown;

    if (p->n_retired < p->cap_retired) {
        return 0;
    }
    grown = realloc(p->retired, cap * sizeof(struct table *));
    if (!grown) {
        return -ENOMEM;
    }
    p->retired = grown;
    p->cap_retired = cap;
    return 0;
}

static void replace_current(struct publisher *p, struct table *t, uint64_t noticed_us)
{
    retire(p);
    p->current = t;
    p->generation++;
    p->published = clock_wall();
    p->cfg->publish(p->cfg->ctx, table_ref(t), noticed_us);
    publisher_sweep(p);
}

/** Translate into `b`; *out is the table, or NULL when it would be the same as the current one. */
static int build(struct publisher *p, const struct store *s, struct table_builder *b,
                 const struct publisher_round *r, struct table **out)
{
    int rc = translate(&p->cfg->translate, s, b, r->verdicts, r->unserved);

    if (rc != 0) {
        return rc;
    }
    if (p->current && table_builder_digest(b) == table_digest(p->current)) {
        *out = NULL;
        return 0;
    }
    rc = reserve_retired(p);
    if (rc != 0) {
        return rc;
    }
    *out = table_builder_freeze(b, p->generation + 1);
    return *out ? 0 : -ENOMEM;
}

int publisher_update(struct publisher *p, const struct store *s, struct publisher_round *r)
{
    struct table_builder *b = table_builder_new(p->registry);
    struct table *t = NULL;
    int rc;

    if (!b) {
        return -ENOMEM;
    }
    rc = build(p, s, b, r, &t);
    table_builder_free(b);
    if (rc != 0) {
        return rc;
    }
    if (t) {
        replace_current(p, t, r->noticed_us);
    }
    r->published = t != NULL;
    return 0;
}

void publisher_sweep(struct publisher *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n_retired; i++) {
        if (!table_free_if_unused(p->retired[i])) {
            p->retired[kept++] = p->retired[i];
        }
    }
    p->n_retired = kept;
    (void)registry_sweep(p->registry);
}

static int compare(const void *a, const void *b)
{
    const struct pool *const *x = a, *const *y = b;

    return *x < *y ? -1 : *x > *y;
}

size_t publisher_count_endpoints(const struct publisher *p)
{
    size_t n = 0, total = 0;
    const struct route *routes = p->current ? table_routes(p->current, &n) : NULL;
    const struct pool **pools = n ? calloc(n, sizeof(struct pool *)) : NULL;

    if (!pools) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        pools[i] = routes[i].pool;
    }
    qsort(pools, n, sizeof(struct pool *), compare);
    for (size_t i = 0; i < n; i++) {
        total += i == 0 || pools[i] != pools[i - 1] ? pools[i]->n_endpoints : 0;
    }
    free(pools);
    return total;
}
