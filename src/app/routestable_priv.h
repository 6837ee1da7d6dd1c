/**
 * routestable - the page of routes as lines of columns.
 */
#ifndef APP_ROUTESTABLE_PRIV_H
#define APP_ROUTESTABLE_PRIV_H

#include "routepools_priv.h"

struct buf;

/** Write it; `pools` are those of p->table.  0, -ENOMEM or -ENOBUFS. */
MUST_CHECK int routestable_write(const struct routespage *p, const struct routepools *pools,
                                 struct buf *out);

#endif
