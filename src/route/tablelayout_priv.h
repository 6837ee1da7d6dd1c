/**
 * tablelayout - settled hosts to a table: counts what it needs, then lays it out.
 *
 * The table comes out complete but for its states, its index and its generation.  Its routes and
 * pools borrow their texts from the claims until states have taken their place.
 */
#ifndef ROUTE_TABLELAYOUT_PRIV_H
#define ROUTE_TABLELAYOUT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/netaddr.h"
#include "ownership_priv.h"
#include "poolwalk_priv.h"
#include "tablenames_priv.h"

struct route;
struct route_key;
struct siphash_key;
struct table;

/** An endpoint of a pool being filled. */
struct builder_endpoint {
    struct builder_endpoint *next;
    const struct builder_pool *pool;
    struct netaddr addr;
    bool terminating;
    uint32_t hash;
};

/** A pool being filled. */
struct builder_pool {
    struct builder_pool *next;       /* of the builder */
    const char *ns, *service, *port; /* in `texts` */
    size_t texts_len;
    struct builder_endpoint *endpoints;
    uint32_t n_endpoints;
    uint32_t place; /* 1 + its index in the table; 0: no winner names it, so it has none */
    struct poolwalk_hash hash;
    char texts[]; /* one behind the other, terminators included */
};

/** Hosts in the order of the table, and what a table of them needs. */
struct tablelayout {
    const struct ownership_item *items; /* borrowed; sorted */
    size_t n_items;
    struct ownership_host *hosts; /* borrowed; room for all */
    size_t n_hosts;
    const struct builder_pool **pools; /* borrowed; by place, room for one an item */
    size_t n_pools;
    struct tablenames_size size; /* its lost claims counted */
};

/** Settle the items host by host, count, and give every winner's pool a place. */
void tablelayout_count(struct tablelayout *l);

/** On a walk over the hosts, at the i-th: as ownership_look_ahead(). */
void tablelayout_look_ahead(const struct tablelayout *l, size_t i);

/** Who serves the i-th host; texts of the builder's. */
struct route_key tablelayout_key(const struct tablelayout *l, size_t i);

/** Fill the route of the i-th host, its claims that lost and the digest.  Returns whether there was
 * memory. */
MUST_CHECK bool tablelayout_fill_route(const struct tablelayout *l, size_t i, struct tablenames *to,
                                       struct route *r);

/** Lay out the table, its digest made under `key`, which it keeps a copy of.  NULL without memory.
 */
MUST_CHECK struct table *tablelayout_make(struct tablelayout *l, const struct siphash_key *key);

#endif
