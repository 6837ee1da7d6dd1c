/**
 * fdlimit - how many connections the limit on open descriptors leaves room for.
 */
#ifndef APP_FDLIMIT_H
#define APP_FDLIMIT_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/** Descriptors that the rest of the process wants. */
struct fdlimit_load {
    unsigned workers;
    unsigned listeners; /* each worker has a socket of each */
};

/** Raise the soft limit to the hard one; returns what then holds.  Failing leaves it as it was. */
uint64_t fdlimit_raise(void);

/** Connections that fit below `limit` descriptors beside `load`; 0 when none does. */
uint64_t fdlimit_fitting(uint64_t limit, const struct fdlimit_load *load);

/**
 * Settle --max-connections: `wanted` if it fits, what fits (up to a million) when it is 0.  Returns
 * 0, or -EINVAL with `e` naming the limit and the mend.
 */
MUST_CHECK int fdlimit_settle(uint64_t limit, const struct fdlimit_load *load, uint32_t wanted,
                              uint32_t *max_connections_out, struct err *e);

#endif
