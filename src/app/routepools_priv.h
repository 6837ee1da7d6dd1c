/**
 * routepools - every pool of a table once, with what there is to say about it.
 */
#ifndef APP_ROUTEPOOLS_PRIV_H
#define APP_ROUTEPOOLS_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "app/routespage.h"
#include "base/attr.h"
#include "model/verdict.h"
#include "route/table.h"

struct routepool {
    const struct pool *pool;
    uint32_t ready, terminating, skipped; /* of its endpoints */
    const struct verdict *fault;          /* NULL: nothing is said */
};

struct routepools {
    struct routepool *items; /* in the order in which the table has them */
    size_t n;
};

/** Find the pools of p->table.  0 or -ENOMEM; routepools_fini() is due in both cases. */
MUST_CHECK int routepools_init(struct routepools *all, const struct routespage *p);

void routepools_fini(struct routepools *all);

/** The pool of a route of the table. */
const struct routepool *routepools_of(const struct routepools *all, const struct route *r);

#endif
