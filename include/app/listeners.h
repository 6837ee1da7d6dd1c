/**
 * listeners - where we listen: the default, what was really bound, and whether an address is ours.
 */
#ifndef APP_LISTENERS_H
#define APP_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/netaddr.h"

/** [::]:8443, which takes IPv4 too, or 0.0.0.0:8443 where the kernel has no IPv6. */
struct netaddr listeners_default(void);

/** The bound addresses, and the addresses of this machine as they were at listeners_init(). */
struct listeners {
    struct netaddr *bound;
    size_t n_bound;
    struct netaddr *local; /* of every interface; ports 0 */
    size_t n_local;
};

/** Copy the bound addresses and read those of the interfaces.  0 or -ENOMEM. */
MUST_CHECK int listeners_init(struct listeners *l, const struct netaddr *bound, size_t n_bound);

/** Free what it holds; zeroed and failed ones are accepted. */
void listeners_fini(struct listeners *l);

/**
 * Whether a connection to `a` would come back to us: it is a bound address, or has the port of one
 * that is bound to every address and is an address of this machine.  Fits translate_config; `ctx`
 * is a struct listeners.  Thread: any.
 */
bool listeners_include(void *ctx, const struct netaddr *a);

#endif
