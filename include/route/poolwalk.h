/**
 * poolwalk - the pools of a table by the Service they belong to.
 *
 * For whoever makes the next table; a client's way to a pool is its name (table.h).
 *
 * Thread: any that holds the table.
 */
#ifndef ROUTE_POOLWALK_H
#define ROUTE_POOLWALK_H

#include <stddef.h>
#include <stdint.h>

struct pool;
struct table;

struct poolwalk {
    const struct table *table;
    const char *ns, *service; /* borrowed */
    uint32_t at;              /* 1 + the place to look at next; 0: behind the last */
};

/** Start before the first pool of a Service, which need not have one. */
void poolwalk_begin(struct poolwalk *w, const struct table *t, const char *ns, const char *service);

/** The next, in no order; NULL behind the last.  As long as the table is held.  Cost: a step for
 * each pool of that Service. */
const struct pool *poolwalk_next(struct poolwalk *w);

#endif
