/**
 * registry - what must outlive a table: the running state of routes and endpoints.
 *
 * Tables come and go with every change; how many connections an endpoint carries, until when it is
 * passed over, and who a connection belongs to do not.  The registry keeps one state per endpoint
 * address and one per route identity; the builder of the next table finds them here.  Workers touch
 * a state only through atomics.
 *
 * Lifetime without reference counting on the hot path: a state is held by the tables that name it
 * (`tables`, the controller's count) and by the connections that run on it (`active`).  A
 * connection can only find a state through a table it holds, so once no table names it `active` can
 * only fall.  registry_sweep() frees what neither holds.  So no worker ever frees, and a day-long
 * connection pins a few dozen bytes instead of a table.
 *
 * What a worker owes for that: raise `active` while it holds the table it found the state in, and
 * lower it as its very last use of the state, with release order.  registry_endpoint_enter() and
 * its kin do both right; after leaving, the state may be gone.
 *
 * Thread: everything but the atomics and registry_series_snapshot() belongs to the controller.
 */
#ifndef ROUTE_REGISTRY_H
#define ROUTE_REGISTRY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/netaddr.h"

struct registry;
struct route_series;
struct series_snapshot;
struct siphash_key;

struct endpoint_state {
    struct netaddr addr;
    _Atomic uint32_t active;        /* dials and connections, all workers: its load */
    _Atomic uint64_t skip_until_ms; /* clock_now_ms() before which it is passed over; 0: not */
    uint32_t tables;                /* controller only */
    uint32_t hash;                  /* registry only */
};

/** Who a connection belongs to, in words that outlive the table.  The texts are immutable. */
struct route_state {
    const char *host; /* pattern; "" for the catch-all */
    const char *ns;   /* namespace of the Ingress, and of its Service */
    const char *ingress;
    const char *service;
    const char *port;            /* service port as the Ingress names it */
    struct route_series *series; /* where its connections are counted (series.h); NULL: not */
    _Atomic uint64_t active;     /* connections, all workers */
    uint32_t tables;             /* controller only */
    uint32_t hash;               /* registry only */
};

/** The identity of a route: all five together. */
struct route_key {
    const char *host, *ns, *ingress, *service, *port;
};

/**
 * An empty registry with a fresh random key, whose routes have `cells` counters for each of
 * `writers` workers (series.h); 0 and 0 count nothing.  NULL without memory or randomness.
 */
MUST_CHECK struct registry *registry_new(unsigned writers, size_t cells);

/** Frees every state; no table and no connection may be left.  NULL is ignored. */
void registry_free(struct registry *r);

/**
 * The key of every hash over names and addresses here and in the tables: random for each registry,
 * so that nobody can choose names that collide.  Lives as long as the registry.
 */
const struct siphash_key *registry_key(const struct registry *r);

/** The state of an address, made when unknown, its `tables` count raised by one.  NULL without
 * memory. */
MUST_CHECK struct endpoint_state *registry_endpoint(struct registry *r, const struct netaddr *addr);

/** Likewise for a route.  Texts are copied. */
MUST_CHECK struct route_state *registry_route(struct registry *r, const struct route_key *key);

/** At most so many at once. */
#define REGISTRY_BATCH 32

/**
 * The same for `n` addresses or routes at once, several times quicker where there are many: what
 * each look-up reads is on its way from memory while others are worked on.  Returns 0, or -ENOMEM
 * with no count raised.
 */
MUST_CHECK int registry_endpoints(struct registry *r, const struct netaddr *const addrs[], size_t n,
                                  struct endpoint_state *out[]);
MUST_CHECK int registry_routes(struct registry *r, const struct route_key keys[], size_t n,
                               struct route_state *out[]);

/** A table no longer names this state. */
void registry_endpoint_release(struct registry *r, struct endpoint_state *s);
void registry_route_release(struct registry *r, struct route_state *s);

/** A dial to it begins.  Thread: a worker that holds a table naming it, or is on it already. */
static inline void registry_endpoint_enter(struct endpoint_state *s)
{
    (void)atomic_fetch_add_explicit(&s->active, 1, memory_order_relaxed);
}

/** That dial failed or its connection ended; the caller must not touch the state again. */
static inline void registry_endpoint_leave(struct endpoint_state *s)
{
    (void)atomic_fetch_sub_explicit(&s->active, 1, memory_order_release);
}

/** A connection takes this route.  Thread: as registry_endpoint_enter(). */
static inline void registry_route_enter(struct route_state *s)
{
    (void)atomic_fetch_add_explicit(&s->active, 1, memory_order_relaxed);
}

/** That connection ended; the caller must not touch the state, nor its texts, again. */
static inline void registry_route_leave(struct route_state *s)
{
    (void)atomic_fetch_sub_explicit(&s->active, 1, memory_order_release);
}

/** Free every state that no table names and no connection runs on.  Returns how many.  Cost: a walk
 * over all. */
size_t registry_sweep(struct registry *r);

/**
 * What was counted until now, over all writers: every series that has counted, and the sum of those
 * that are gone.  No sum over both is ever less than one taken before.  Returns 0, or -ENOMEM.
 * Give it back with series_snapshot_fini().
 *
 * Thread: any.  Cost: a walk over all series, with which only the controller has to wait when it
 * adds or drops one: a few milliseconds for 10,000.
 */
MUST_CHECK int registry_series_snapshot(struct registry *r, struct series_snapshot *out);

#endif
