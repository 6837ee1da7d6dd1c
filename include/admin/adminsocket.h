/**
 * adminsocket - where the admin port listens.
 */
#ifndef ADMIN_ADMINSOCKET_H
#define ADMIN_ADMINSOCKET_H

#include "base/attr.h"
#include "base/err.h"
#include "base/netaddr.h"

/**
 * A non-blocking socket that listens on `a`, alone: another one there is an error.  Clients wait in
 * its queue until it is served.  With port 0 the port that was free is written to `a`.  Returns the
 * socket, or -errno with `e` filled.
 */
MUST_CHECK int adminsocket_open(struct netaddr *a, struct err *e);

#endif
