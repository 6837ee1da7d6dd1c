#include "app/routegroups.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)16 * 1024)

/* The names in the order of labels; one that the metric does not carry is NULL. */
struct names {
    const char *ns, *route, *service;
};

static struct names names_of(const struct routegroups_row *r, enum routegroups_by by)
{
    return (struct names){.ns = r->ns,
                          .route = by != ROUTEGROUPS_SERVICE ? r->ingress : NULL,
                          .service = by != ROUTEGROUPS_ROUTE ? r->service : NULL};
}

static int compare_text(const char *a, const char *b)
{
    return a != NULL ? strcmp(a, b) : 0;
}

static int compare(const void *a, const void *b, void *by)
{
    const enum routegroups_by *carried = by;
    const struct names x = names_of(a, *carried), y = names_of(b, *carried);
    int order = strcmp(x.ns, y.ns);

    if (order == 0) {
        order = compare_text(x.route, y.route);
    }
    return order != 0 ? order : compare_text(x.service, y.service);
}

static int render(struct arena *a, const struct routegroups_row *r, enum routegroups_by by,
                  struct prom_labels *out)
{
    const struct names names = names_of(r, by);
    struct prom_label labels[3] = {{"namespace", names.ns}};
    size_t n = 1;

    if (names.route != NULL) {
        labels[n++] = (struct prom_label){"route", names.route};
    }
    if (names.service != NULL) {
        labels[n++] = (struct prom_label){"service", names.service};
    }
    return prom_labels_make(a, labels, n, out);
}

/* Both are plain runs of counters. */
static void add(struct route_totals *sum, const struct route_totals *more)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)more;

    for (size_t i = 0; i < STATS_N_ROUTE_CELLS; i++) {
        to[i] += from[i];
    }
}

/* Sum `n` rows that are alike; one alone needs no sum of its own. */
static const struct route_totals *sum_up(struct arena *a, const struct routegroups_row *rows,
                                         size_t n)
{
    struct route_totals *sum;

    if (n == 1) {
        return rows->totals;
    }
    sum = arena_alloc(a, sizeof(*sum));
    for (size_t i = 0; i < n && sum != NULL; i++) {
        add(sum, rows[i].totals);
    }
    return sum;
}

static int add_group(struct routegroups *g, const struct routegroups_row *rows, size_t n,
                     enum routegroups_by by)
{
    struct routegroup *group = &g->groups[g->n];

    group->totals = sum_up(&g->arena, rows, n);
    if (group->totals == NULL || render(&g->arena, rows, by, &group->labels) != 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        group->is_process = group->is_process || rows[i].is_process;
    }
    g->n++;
    return 0;
}

int routegroups_init(struct routegroups *g, struct routegroups_row *rows, size_t n,
                     enum routegroups_by by)
{
    int rc = 0;

    *g = (struct routegroups){0};
    arena_init(&g->arena, CHUNK_BYTES);
    g->groups = arena_calloc(&g->arena, n, sizeof(*g->groups));
    if (g->groups == NULL) {
        return -ENOMEM;
    }
    qsort_r(rows, n, sizeof(*rows), compare, &by);
    for (size_t first = 0, end; first < n && rc == 0; first = end) {
        for (end = first + 1; end < n && compare(&rows[first], &rows[end], &by) == 0; end++) {
        }
        rc = add_group(g, &rows[first], end - first, by);
    }
    return rc;
}

void routegroups_fini(struct routegroups *g)
{
    arena_fini(&g->arena);
    *g = (struct routegroups){0};
}
