/**
 * tableamend - a table like another but for some endpoints, and some hosts.
 *
 * Every page of pools that stays as it is is shared, and the names are where no host changes; what
 * one change of endpoints costs does not grow with the table but by a pointer for each page.
 */
#ifndef ROUTE_TABLEAMEND_PRIV_H
#define ROUTE_TABLEAMEND_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "route/table_builder.h"

struct builder_pool;
struct pool;
struct table;
struct tablelayout;

/** A host that whoever has it in the base table loses, unless he claims it again. */
struct tableamend_host {
    struct tableamend_host *next;
    char host[];
};

struct tableamend {
    struct table *base;
    struct tablelayout *layout; /* of the claims: settled and counted */
    const struct tableamend_host *dropped;
    struct builder_pool *pools; /* all, chained */
    uint64_t generation;
    builder_pool_fn on_left_out; /* NULL, or told of pools of the base that have no route left */
    void *on_left_out_ctx;
};

/** As table_builder_amend(); writes the places of the pools. */
MUST_CHECK int tableamend_make(const struct tableamend *a, struct table **out);

/** Whether a pool has the endpoints that were collected. */
bool tableamend_is_equal(const struct builder_pool *built, const struct pool *pool);

#endif
