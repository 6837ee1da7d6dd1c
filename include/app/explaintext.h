/**
 * explaintext - a decision for a person at a terminal.
 */
#ifndef APP_EXPLAINTEXT_H
#define APP_EXPLAINTEXT_H

#include "base/attr.h"

struct buf;
struct explain;

/**
 * Write it behind what `out` holds: the name as understood, every candidate with its losers, what
 * else may concern the name, the route and its endpoints, and last, where a terminal shows it, the
 * answer.  Long lists are cut and counted; control characters become '?'.  0, -ENOMEM or -ENOBUFS.
 */
MUST_CHECK int explaintext_write(const struct explain *x, struct buf *out);

#endif
