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
    unsigned source;    /* of connections and files that objects come by */
    unsigned pipes;     /* of each worker, two each: fdlimit_grant_pipes() */
};

/** Raise the soft limit to the hard one; returns what then holds.  Failing leaves it as it was. */
uint64_t fdlimit_raise(void);

/** Set load->pipes: each worker's part of LIMIT_PIPES, four at least, but of all descriptors below
 * `limit` not more than a sixteenth; none where descriptors are few, or too few for `connections`
 * (0: not given) beside them, as connections come first. */
void fdlimit_grant_pipes(uint64_t limit, uint64_t connections, struct fdlimit_load *load);

/** Connections that fit below `limit` descriptors beside `load`; 0 when none does. */
uint64_t fdlimit_fitting(uint64_t limit, const struct fdlimit_load *load);

/**
 * Settle --max-connections: `wanted` if it fits, what fits (up to a million) when it is 0.  Returns
 * 0, or -EINVAL with `e` naming the limit and the mend.
 */
MUST_CHECK int fdlimit_settle(uint64_t limit, const struct fdlimit_load *load, uint32_t wanted,
                              uint32_t *max_connections_out, struct err *e);

#endif
