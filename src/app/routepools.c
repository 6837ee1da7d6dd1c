#include "routepools_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "app/explain.h"
#include "controller/report.h"

static const struct verdict *fault_of(const struct report *r, const struct pool *pool)
{
    const struct report_pool *p =
        r != NULL ? report_pool_of(r, pool->ns, pool->service, pool->port) : NULL;

    return p != NULL && p->verdict != REPORT_NO_VERDICT ? &r->verdicts[p->verdict] : NULL;
}

static void survey(const struct routespage *page, struct routepool *p)
{
    for (uint32_t i = 0; i < p->pool->n_endpoints; i++) {
        const struct endpoint *e = &p->pool->endpoints[i];

        p->ready += !endpoint_is_terminating(e);
        p->terminating += endpoint_is_terminating(e);
        p->skipped += explain_skipped_for_s(e, page->now_ms) > 0;
    }
    p->fault = fault_of(page->report, p->pool);
}

int routepools_init(struct routepools *all, const struct routespage *p)
{
    size_t n;
    const struct route *routes = table_routes(p->table, &n);

    /* Every pool of a table has a route. */
    *all = (struct routepools){.items = calloc(n + 1, sizeof(*all->items))};
    if (all->items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        struct routepool *item = &all->items[routes[i].pool];

        if (item->pool == NULL) {
            item->pool = table_pool(p->table, &routes[i]);
            survey(p, item);
            all->n++;
        }
    }
    return 0;
}

void routepools_fini(struct routepools *all)
{
    free(all->items);
}

const struct routepool *routepools_of(const struct routepools *all, const struct route *r)
{
    return &all->items[r->pool];
}
