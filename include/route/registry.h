/**
 * registry - what must outlive a table: the running state of routes and endpoints.
 *
 * Tables come and go with every change; how many connections an endpoint carries, until when it is
 * passed over, and who a connection belongs to do not.  The registry keeps one state per endpoint
 * address and one per route identity; the builder of the next table finds them here.  Workers touch
 * a state only through atomics.
 *
 * Cache lines: for each connection a worker writes one of its own for the endpoint and one for the
 * route, where its counters are.  The state itself is only read then: its line is written by the
 * controller, and when an endpoint begins or ceases to fail.
 *
 * Lifetime without reference counting on the hot path: a state is held by the tables that name it
 * (`tables`, the controller's count) and by the connections that run on it (`active`, a counter for
 * each worker).  A connection lives on one worker, and can only find a state through a table it
 * holds, so once no table names it each counter can only fall.  registry_sweep() frees what neither
 * holds.  So no worker ever frees, and a day-long connection pins a page of states instead of a
 * table.
 *
 * What a worker owes for that: raise its counter while it holds the table it found the state in,
 * and lower it as its very last use of the state, with release order.  registry_endpoint_enter()
 * and its kin do both right; after leaving, the state may be gone.
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

/** What one worker counts in one state. */
struct registry_counter {
    _Atomic uint32_t n;
};

/** Of each state a worker's counter is so many behind that of the worker before. */
#define REGISTRY_PAGE 64u

struct endpoint_state {
    struct netaddr addr;
    uint32_t hash;                   /* registry only */
    _Atomic uint64_t skip_until_ms;  /* clock_now_ms() before which it is passed over; 0: not */
    struct registry_counter *active; /* dials and connections: registry_endpoint_active() */
    uint32_t tables;                 /* controller only */
    uint16_t workers;                /* that count */
    uint16_t place;                  /* registry only */
};

/** Who a connection belongs to, in words that outlive the table.  The texts are immutable. */
struct route_state {
    const char *host; /* pattern; "" for the catch-all */
    const char *ns;   /* namespace of the Ingress, and of its Service */
    const char *ingress;
    const char *service;
    const char *port;                /* service port as the Ingress names it */
    struct route_series *series;     /* where its connections are counted (series.h); NULL: not */
    struct registry_counter *active; /* connections: registry_route_active() */
    uint32_t tables;                 /* controller only */
    uint32_t hash;                   /* registry only */
    uint16_t workers;                /* that count */
    uint16_t place;                  /* registry only */
};

/** The identity of a route: all five together. */
struct route_key {
    const char *host, *ns, *ingress, *service, *port;
};

/**
 * An empty registry with a fresh random key for `writers` workers, numbered from 0, each of which
 * may enter states; 0 is as good as 1.  Its routes have `cells` counters for each of them
 * (series.h); with 0 writers or cells there are none.  NULL without memory or randomness.
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

/** One more table names this state, as another does already. */
static inline void registry_route_hold(struct route_state *s)
{
    s->tables++;
}

/** A table no longer names this state. */
void registry_endpoint_release(struct registry *r, struct endpoint_state *s);
void registry_route_release(struct registry *r, struct route_state *s);

/** The counter of `worker`: nobody else writes it, nor anything else in its cache line. */
static inline _Atomic uint32_t *registry_counter(struct registry_counter *active, unsigned worker)
{
    return &active[(size_t)worker * REGISTRY_PAGE].n;
}

/** One more, or one less, by its only writer. */
static inline void registry_raise(_Atomic uint32_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static inline void registry_lower(_Atomic uint32_t *counter)
{
    uint32_t n = atomic_load_explicit(counter, memory_order_relaxed);

    ASSERT(n > 0);
    atomic_store_explicit(counter, n - 1, memory_order_release);
}

/** A dial to it begins on `worker`.  Thread: that worker's, which holds a table that names it or is
 * on it already. */
static inline void registry_endpoint_enter(struct endpoint_state *s, unsigned worker)
{
    ASSERT(worker < s->workers);
    registry_raise(registry_counter(s->active, worker));
}

/** That dial failed or its connection ended; the caller must not touch the state again. */
static inline void registry_endpoint_leave(struct endpoint_state *s, unsigned worker)
{
    registry_lower(registry_counter(s->active, worker));
}

/** A connection of `worker` takes this route.  Thread: as registry_endpoint_enter(). */
static inline void registry_route_enter(struct route_state *s, unsigned worker)
{
    ASSERT(worker < s->workers);
    registry_raise(registry_counter(s->active, worker));
}

/** That connection ended; the caller must not touch the state, nor its texts, again. */
static inline void registry_route_leave(struct route_state *s, unsigned worker)
{
    registry_lower(registry_counter(s->active, worker));
}

/** Over all workers; each has its exact number, all together are no snapshot. */
static inline uint64_t registry_sum(struct registry_counter *active, unsigned workers)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < workers; i++) {
        sum += atomic_load_explicit(registry_counter(active, i), memory_order_relaxed);
    }
    return sum;
}

/** The load of an endpoint: its dials and connections.  Thread: any that holds a table naming it.
 * Cost: a load for each worker. */
static inline uint64_t registry_endpoint_active(const struct endpoint_state *s)
{
    return registry_sum(s->active, s->workers);
}

/** Likewise the connections that take a route. */
static inline uint64_t registry_route_active(const struct route_state *s)
{
    return registry_sum(s->active, s->workers);
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
