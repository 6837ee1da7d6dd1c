/**
 * route_fixture - claims in one line each, and tables of them, for the tests of route.
 */
#ifndef UNIT_ROUTE_FIXTURE_H
#define UNIT_ROUTE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/netaddr.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"

/** A claim; what is left out has a value of its own below. */
struct wish {
    const char *host;
    const char *ns;       /* "shop" */
    const char *ingress;  /* "web" */
    const char *service;  /* "svc" */
    const char *endpoint; /* "192.0.2.1:443"; of the pool when it is new */
    int64_t created_s;
    bool marked;
    void *tag;
    const char *port; /* "https" */
};

static inline const char *fixture_or(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

/* The pool of a wish, with its one endpoint; NULL without memory. */
static inline struct builder_pool *fixture_pool(struct table_builder *b, const struct wish *w)
{
    struct builder_pool *pool;
    struct netaddr addr;
    bool is_new;

    pool = table_builder_pool(b, fixture_or(w->ns, "shop"), fixture_or(w->service, "svc"),
                              fixture_or(w->port, "https"), &is_new);
    if (pool != NULL && is_new &&
        (netaddr_parse(fixture_or(w->endpoint, "192.0.2.1:443"), &addr) < 0 ||
         table_builder_endpoint(b, pool, &addr, false) < 0)) {
        return NULL;
    }
    return pool;
}

/* Returns 0 or -ENOMEM. */
static inline int fixture_claim(struct table_builder *b, const struct wish *w)
{
    struct claim c = {
        .host = w->host,
        .ns = fixture_or(w->ns, "shop"),
        .ingress = fixture_or(w->ingress, "web"),
        .created_s = w->created_s,
        .marked = w->marked,
        .pool = fixture_pool(b, w),
        .tag = w->tag,
    };

    return c.pool != NULL ? table_builder_claim(b, &c) : -1;
}

/* A builder with these claims, not settled; NULL without memory. */
static inline struct table_builder *fixture_builder(struct registry *r, const struct wish *wishes,
                                                    size_t n)
{
    struct table_builder *b = table_builder_new(r);

    for (size_t i = 0; i < n && b != NULL; i++) {
        if (fixture_claim(b, &wishes[i]) < 0) {
            table_builder_free(b);
            return NULL;
        }
    }
    return b;
}

/* The table of these claims, held once; NULL without memory. */
static inline struct table *fixture_table(struct registry *r, const struct wish *wishes, size_t n)
{
    struct table_builder *b = fixture_builder(r, wishes, n);
    struct table *t = NULL;

    if (b != NULL && table_builder_settle(b, NULL, NULL) == 0) {
        t = table_builder_freeze(b, 1);
    }
    table_builder_free(b);
    return t;
}

/* Give up the only reference and free; false when somebody else holds one. */
static inline bool fixture_drop(struct table *t)
{
    table_unref(t);
    return t == NULL || table_free_if_unused(t);
}

static inline const struct route *fixture_lookup(const struct table *t, const char *name)
{
    enum table_match ignored;

    return table_lookup(t, name, strlen(name), &ignored);
}

static inline const struct pool *fixture_pool_of(const struct table *t, const char *name)
{
    return table_pool(t, fixture_lookup(t, name));
}

/* Numbers that are the same in every run: xorshift64. */
static inline uint32_t fixture_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 32);
}

static inline void fixture_shuffle(struct wish *wishes, size_t n, uint64_t *seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = fixture_random(seed) % i;
        struct wish swap = wishes[i - 1];

        wishes[i - 1] = wishes[k];
        wishes[k] = swap;
    }
}

#endif
