/**
 * balance - choose an endpoint of a pool.
 *
 * The better of two random choices by load (active dials and connections), which needs no shared
 * order and behaves with several workers and replicas.  Endpoints that failed lately are passed
 * over, unless all did.
 */
#ifndef ROUTE_BALANCE_H
#define ROUTE_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/limits.h"
#include "route/table.h"

/** What one connection has tried already. */
struct balance_tried {
    uint16_t index[LIMIT_CONNECT_RETRIES + 1];
    uint8_t n;
};

/** A worker's random numbers: xorshift64*, quick and not secret.  Seed it with anything but 0. */
struct balance_rng {
    uint64_t state;
};

/**
 * Choose an endpoint not in `tried` and note it there.  Returns it, borrowed from the pool, or NULL
 * when all were tried or `tried` is full.  Thread: any; `tried` and `rng` are the caller's.  Cost:
 * O(1) but for pools with many failed endpoints.
 */
MUST_CHECK const struct endpoint *balance_pick(const struct pool *pool, struct balance_tried *tried,
                                               struct balance_rng *rng, uint64_t now_ms);

/**
 * A dial to it failed: pass it over until now + LIMIT_ENDPOINT_SKIP_MS (jittered).  Returns whether
 * that is new: of several that say so at once, one is told so.  Thread: any.
 */
bool balance_mark_failed(const struct endpoint *e, struct balance_rng *rng, uint64_t now_ms);

/** A dial to it succeeded.  Thread: any. */
void balance_mark_ok(const struct endpoint *e);

/** Whether it is passed over now. */
bool balance_is_skipped(const struct endpoint *e, uint64_t now_ms);

#endif
