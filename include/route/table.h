/**
 * table - the immutable map from server name to backend endpoints.
 *
 * Built once by table_builder and never changed afterwards, so any number of threads may read it
 * without a lock.  Counted: it lives as long as someone holds a reference.  A table that differs
 * from the one before in some endpoints only shares all the rest with it.  The states it names, and
 * the texts of its routes and pools with them, belong to the registry, which must outlive it.
 * Knows nothing about Kubernetes, sockets or TLS.
 *
 * Look-up order: exact name, one-label wildcard, catch-all.  The key has room for more: a later
 * milestone adds the listener to it and makes the value a list of alternatives (by ALPN, by
 * client).
 */
#ifndef ROUTE_TABLE_H
#define ROUTE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "route/endpoint.h"

struct table;
struct route_state;

/** The endpoints of one Service port; shared by every route that names it. */
struct pool {
    const char *ns, *service, *port;
    const struct endpoint *endpoints;
    uint32_t n_endpoints; /* 0: routed, and answered with internal_error */
};

/** Why a claim on a host does not serve it. */
enum claim_loss {
    CLAIM_OTHER_NAMESPACE, /* an older claim's namespace owns the host */
    CLAIM_OLDER_IN_NAMESPACE,
    CLAIM_NOT_MARKED,   /* only the passthrough mark decided */
    CLAIM_SAME_BACKEND, /* no conflict: the owner serves the same backend */
};

/** A claim that lost, kept for `explain` and `routes`. */
struct claim_lost {
    const char *ns, *ingress, *service, *port;
    enum claim_loss why;
};

/** One host pattern of the table and who serves it. */
struct route {
    const char *host;          /* normalised pattern; "" is the catch-all */
    struct route_state *state; /* identity and counters; outlives the table */
    const struct claim_lost *lost;
    uint32_t n_lost;
    uint32_t pool; /* its place: table_pool() */
};

enum table_match { TABLE_NO_MATCH, TABLE_EXACT, TABLE_WILDCARD, TABLE_CATCH_ALL };

/** Take one more reference, or `n`.  Thread: any that holds one. */
struct table *table_ref(struct table *t);
void table_ref_more(struct table *t, uint32_t n);

/**
 * Give back one reference; NULL is ignored.  Only counts: the table is freed by
 * table_free_if_unused(), so that no worker ever pays for the free.  Thread: any.
 */
void table_unref(struct table *t);

/**
 * Free the table if nobody holds a reference.  Returns whether it did.  Thread: the controller, as
 * the owner of the registry that its states go back to.
 */
MUST_CHECK bool table_free_if_unused(struct table *t);

/**
 * Find the route for a name that hostname_normalise() made.  *match_out says how.
 *
 * Returns the route, borrowed: valid while the caller keeps its reference.  NULL when nothing
 * matches, *match_out then being TABLE_NO_MATCH.  Thread: any.  Cost: at most two hash probes, no
 * allocation.
 */
const struct route *table_lookup(const struct table *t, const char *name, size_t len,
                                 enum table_match *match_out);

/** The catch-all route, which also answers connections without a name; NULL when there is none. */
const struct route *table_catch_all(const struct table *t);

/** The route of this very pattern, normalised ("" for the catch-all), or NULL. */
const struct route *table_route_of(const struct table *t, const char *host);

/** The endpoints behind a route of this very table; as long as the caller keeps its reference. */
const struct pool *table_pool(const struct table *t, const struct route *r);

/** Every route, sorted by host (catch-all first).  *n_out is the number. */
const struct route *table_routes(const struct table *t, size_t *n_out);

/** Serial number given at freeze; 1 is the first. */
uint64_t table_generation(const struct table *t);

/** Digest of all that matters to a connection or to `routes`; equal tables have equal digests. */
uint64_t table_digest(const struct table *t);

/** Endpoints of all pools. */
size_t table_endpoints(const struct table *t);

/** Bytes the table holds, what it shares with other tables included, without states. */
size_t table_bytes(const struct table *t);

#endif
