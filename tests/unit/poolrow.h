/**
 * poolrow - tables with as many pools as wanted, one behind each host, for the tests of pages.
 */
#ifndef UNIT_POOLROW_H
#define UNIT_POOLROW_H

#include <errno.h>

#include "../../src/route/table_priv.h"
#include "route_fixture.h"

#define POOLROW_MAX 200u /* pools: three pages and some */

/** What stands in the i-th pool: so many endpoints, the first of them terminating or not. */
struct poolrow_fill {
    unsigned n, variant;
    bool terminating;
};

struct poolrow {
    unsigned n;
    struct poolrow_fill fills[POOLROW_MAX];
};

static inline struct netaddr poolrow_addr(unsigned i, unsigned k, unsigned variant)
{
    return (struct netaddr){
        .family = AF_INET,
        .port = (uint16_t)(443 + variant),
        .ip.bytes = {10, (uint8_t)i, (uint8_t)(k >> 8), (uint8_t)k},
    };
}

/** Pool `i` of the row, into a builder; NULL without memory. */
static inline struct builder_pool *poolrow_pool(struct table_builder *b, const struct poolrow *row,
                                                unsigned i)
{
    const struct poolrow_fill *f = &row->fills[i];
    struct builder_pool *pool;
    char service[24];
    bool is_new;

    (void)snprintf(service, sizeof(service), "s%03u", i);
    pool = table_builder_pool(b, "shop", service, "443", &is_new);
    for (unsigned k = f->n; k > 0 && pool != NULL; k--) {
        struct netaddr a = poolrow_addr(i, k, f->variant);

        if (table_builder_endpoint(b, pool, &a, f->terminating && k == 1) < 0) {
            return NULL;
        }
    }
    return pool;
}

/** The table of the whole row, held once; NULL without memory. */
static inline struct table *poolrow_table(struct registry *r, const struct poolrow *row)
{
    struct table_builder *b = table_builder_new(r);
    bool ok = b != NULL;
    struct table *t = NULL;

    for (unsigned i = 0; i < row->n && ok; i++) {
        struct claim c = {.ns = "shop", .ingress = "web"};
        char host[24];

        (void)snprintf(host, sizeof(host), "h%03u.test", i);
        c.host = host;
        c.pool = poolrow_pool(b, row, i);
        ok = c.pool != NULL && table_builder_claim(b, &c) == 0;
    }
    if (ok && table_builder_settle(b, NULL, NULL) == 0) {
        t = table_builder_freeze(b, 1);
    }
    table_builder_free(b);
    return t;
}

/** Amend `base` by the pools `places` of the row.  Returns 0 or -ENOMEM. */
static inline int poolrow_amend(struct registry *r, struct table *base, const struct poolrow *row,
                                const unsigned places[], size_t n, struct table **out)
{
    struct table_builder *b = table_builder_new(r);
    bool ok = b != NULL;
    int rc = -ENOMEM;

    for (size_t i = 0; i < n && ok; i++) {
        ok = poolrow_pool(b, row, places[i]) != NULL;
    }
    if (ok) {
        rc = table_builder_amend(b, base, table_generation(base) + 1, out);
    }
    table_builder_free(b);
    return rc;
}

#endif
