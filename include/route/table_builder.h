/**
 * table_builder - collects claims on hosts, settles who owns what, freezes a table.
 *
 * Pure and single-threaded.  On any failure the builder is thrown away and the last good table goes
 * on.
 */
#ifndef ROUTE_TABLE_BUILDER_H
#define ROUTE_TABLE_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "route/table.h"

struct registry;
struct table_builder;
struct builder_pool; /* a pool being filled */

/** One Ingress's wish to serve one host.  Texts are copied. */
struct claim {
    const char *host;         /* normalised pattern; "" for the catch-all */
    const char *ns, *ingress; /* the namespace is that of the pool, too */
    int64_t created_s;        /* creationTimestamp; INT64_MAX when unknown: the youngest */
    bool marked;              /* carries a passthrough mark */
    struct builder_pool *pool;
    void *tag; /* the caller's, handed back by table_builder_settle() */
};

/** `loser` does not serve its host, `winner` does.  Called once per losing claim. */
typedef void (*claim_lost_fn)(void *ctx, const struct claim *loser, const struct claim *winner,
                              enum claim_loss why);

/** Start a table whose states come from `registry` (borrowed; must outlive the table).  NULL
 * without memory. */
MUST_CHECK struct table_builder *table_builder_new(struct registry *registry);

/** Throw it away, frozen or not.  NULL is ignored. */
void table_builder_free(struct table_builder *b);

/**
 * The pool of a Service port: found when it was asked for before (*is_new_out false: it is filled
 * already), made otherwise.  Returns NULL without memory.
 */
MUST_CHECK struct builder_pool *table_builder_pool(struct table_builder *b, const char *ns,
                                                   const char *service, const char *port,
                                                   bool *is_new_out);

/**
 * Add an endpoint to a pool.  The same address twice is kept once, a ready one before a terminating
 * one. Returns 0, -ENOMEM, -ENOBUFS over LIMIT_ENDPOINTS_PER_POOL.
 */
MUST_CHECK int table_builder_endpoint(struct table_builder *b, struct builder_pool *pool,
                                      const struct netaddr *addr, bool terminating);

/** Add a claim.  Returns 0 or -ENOMEM. */
MUST_CHECK int table_builder_claim(struct table_builder *b, const struct claim *c);

/**
 * Settle every host: the namespace of the oldest claim (created_s, then namespace/name) owns the
 * host; within it a marked claim comes before one that is not, then the oldest serves.  `on_lost`
 * (may be NULL) hears of every claim that lost.  The result does not depend on the order of the
 * claims.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int table_builder_settle(struct table_builder *b, claim_lost_fn on_lost, void *ctx);

/** After settling or amending: `on_lost` hears of every claim that lost. */
void table_builder_lost(const struct table_builder *b, claim_lost_fn on_lost, void *ctx);

/** After settling: the digest the frozen table will have. */
uint64_t table_builder_digest(const struct table_builder *b);

/**
 * After settling: make the table, with one reference for the caller.  The builder can only be freed
 * afterwards.  Returns NULL without memory.
 */
MUST_CHECK struct table *table_builder_freeze(struct table_builder *b, uint64_t generation);

typedef void (*builder_pool_fn)(void *ctx, const char *ns, const char *service);

/** After settling or amending: `tell` of each pool that no route leads to, and which the table so
 * does not have. */
void table_builder_unserved(const struct table_builder *b, builder_pool_fn tell, void *ctx);

/** Of a builder that amends: once nothing can fail any more, `tell` of each pool of the base that
 * no route leads to any longer, and which the table so does not have. */
void table_builder_watch_left_out(struct table_builder *b, builder_pool_fn tell, void *ctx);

/** Of a builder that amends: whoever serves `host` in the base table does so no longer, unless he
 * claims it again.  Returns 0 or -ENOMEM. */
MUST_CHECK int table_builder_drop(struct table_builder *b, const char *host);

/**
 * Instead of settling: a table like `base`, but with the builder's claims alone on every host that
 * any of them names or that was dropped, and with the builder's endpoints in every pool it has;
 * pools that neither has a route to are left out.  Shares with `base` what does not differ.  *out
 * has one reference for the caller, or is NULL where nothing would differ.  Returns 0 or -ENOMEM.
 *
 * Cost: where hosts differ a copy of the names, else a pointer for each page of pools.
 */
MUST_CHECK int table_builder_amend(struct table_builder *b, struct table *base, uint64_t generation,
                                   struct table **out);

#endif
