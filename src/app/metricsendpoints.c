#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/metrics.h"
#include "app/view.h"
#include "base/clock.h"
#include "base/prom.h"
#include "route/balance.h"
#include "route/table.h"

static const struct prom_labels READY = PROM_LABELS("state=\"ready\"");
static const struct prom_labels TERMINATING = PROM_LABELS("state=\"terminating\"");
static const struct prom_labels EJECTED = PROM_LABELS("state=\"ejected\"");

/* Endpoints of a Service by state; each is in one. */
struct counts {
    int64_t ready, terminating, ejected;
};

static int compare_service(const struct pool *a, const struct pool *b)
{
    int order = strcmp(a->ns, b->ns);

    return order != 0 ? order : strcmp(a->service, b->service);
}

/* By Service, and a pool that several routes share next to itself. */
static int compare(const void *a, const void *b)
{
    const struct pool *const *x = a, *const *y = b;
    int order = compare_service(*x, *y);

    return order != 0 ? order : (*x > *y) - (*x < *y);
}

static void count(struct counts *c, const struct pool *pool, uint64_t now_ms)
{
    for (uint32_t i = 0; i < pool->n_endpoints; i++) {
        const struct endpoint *e = &pool->endpoints[i];

        if (balance_is_skipped(e, now_ms)) {
            c->ejected++;
        } else if (endpoint_is_terminating(e)) {
            c->terminating++;
        } else {
            c->ready++;
        }
    }
}

static int write_service(struct prom *p, const struct pool *pool, const struct counts *c)
{
    const struct prom_label names[] = {{"namespace", pool->ns}, {"service", pool->service}};
    struct prom_labels labels;
    struct arena arena;
    int rc;

    arena_init(&arena, 512);
    rc = prom_labels_make(&arena, names, ARRAY_LEN(names), &labels);
    if (rc == 0) {
        prom_gauge(p, &labels, &READY, c->ready);
        prom_gauge(p, &labels, &TERMINATING, c->terminating);
        prom_gauge(p, &labels, &EJECTED, c->ejected);
    }
    arena_fini(&arena);
    return rc;
}

static int write_pools(struct prom *p, const struct pool **pools, size_t n)
{
    uint64_t now_ms = clock_now_ms();
    int rc = 0;

    for (size_t i = 0, end; i < n && rc == 0; i = end) {
        struct counts c = {0};

        for (end = i; end < n && compare_service(pools[i], pools[end]) == 0; end++) {
            if (end == i || pools[end] != pools[end - 1]) {
                count(&c, pools[end], now_ms);
            }
        }
        rc = write_service(p, pools[i], &c);
    }
    return rc;
}

/* The pools of all routes, sorted; NULL without memory or without any. */
static const struct pool **sorted_pools(const struct table *t, size_t *n_out)
{
    const struct route *routes = table_routes(t, n_out);
    const struct pool **pools = *n_out > 0 ? calloc(*n_out, sizeof(const struct pool *)) : NULL;

    if (pools != NULL) {
        for (size_t i = 0; i < *n_out; i++) {
            pools[i] = table_pool(t, &routes[i]);
        }
        qsort(pools, *n_out, sizeof(const struct pool *), compare);
    }
    return pools;
}

void metricsendpoints_write(void *metrics, struct prom *p)
{
    static const struct prom_family ENDPOINTS = {
        "sealway_endpoints", PROM_GAUGE, NULL,
        "endpoints of routed Services, address and port each; ejected: passed over after a failed "
        "dial; a Service without any has ready 0"};
    const struct metrics *m = metrics;
    const struct pool **pools;
    size_t n = 0;

    prom_family(p, &ENDPOINTS);
    if (m->view->table == NULL) {
        return;
    }
    pools = sorted_pools(m->view->table, &n);
    if (n > 0 && (pools == NULL || write_pools(p, pools, n) != 0)) {
        prom_fail(p, -ENOMEM);
    }
    free(pools);
}
