/**
 * statussend - one write of a status: the request, and what to make of its answer.
 */
#ifndef CONTROLLER_STATUSSEND_PRIV_H
#define CONTROLLER_STATUSSEND_PRIV_H

#include <stdint.h>

#include "base/attr.h"

struct statustask;
struct statuswriter;

/** Begin to write a task that is READY.  0, or -ENOMEM: it stays so. */
MUST_CHECK int statussend_start(struct statuswriter *w, struct statustask *t);

/** End it without an answer: it is READY again, if there is anything to write. */
void statussend_cancel(struct statuswriter *w, struct statustask *t);

#endif
