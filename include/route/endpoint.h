/**
 * endpoint - one address of a pool, in a word: where it stands, and whether it is terminating.
 *
 * In a table the address stands in the endpoint's state, so that a table has it but once, however
 * many pools it has the endpoint in.
 */
#ifndef ROUTE_ENDPOINT_H
#define ROUTE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/netaddr.h"
#include "route/registry.h"

struct endpoint {
    uintptr_t word; /* the address of a struct netaddr; the lowest bit: terminating */
};

_Static_assert(_Alignof(struct netaddr) > 1, "a bit of its address is free");
_Static_assert(offsetof(struct endpoint_state, addr) == 0, "a state is where its address is");

/** `addr` is borrowed; the endpoint of a table has a state's. */
static inline struct endpoint endpoint_at(const struct netaddr *addr, bool terminating)
{
    return (struct endpoint){(uintptr_t)addr | terminating};
}

/** Serves only because no ready one is left. */
static inline bool endpoint_is_terminating(const struct endpoint *e)
{
    return (e->word & 1) != 0;
}

static inline const struct netaddr *endpoint_addr(const struct endpoint *e)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the lowest bit is no part of it */
    return (const struct netaddr *)(e->word & ~(uintptr_t)1);
}

/** Of an endpoint in a table: shared with other tables; atomics only. */
static inline struct endpoint_state *endpoint_state(const struct endpoint *e)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): likewise */
    return (struct endpoint_state *)(e->word & ~(uintptr_t)1);
}

#endif
