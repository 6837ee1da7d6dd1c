/**
 * routesjson - the page of routes as JSON.
 */
#ifndef APP_ROUTESJSON_PRIV_H
#define APP_ROUTESJSON_PRIV_H

#include "routepools_priv.h"

struct buf;

/** Write it; `pools` are those of p->table.  0, -ENOMEM or -ENOBUFS. */
MUST_CHECK int routesjson_write(const struct routespage *p, const struct routepools *pools,
                                struct buf *out);

#endif
