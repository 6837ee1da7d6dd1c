/**
 * connbudget - how many connections there may be, over all workers (--max-connections).
 *
 * Never exceeded, without a number that every worker writes: what is free lies in a common pool,
 * from which a worker takes some at a time, the fewer the less is left, into a pocket of its own.
 * What it frees goes into that pocket first.  Where the common pool is empty it takes from the
 * pockets of others, so that room is room for everybody; only in the moment in which the last of it
 * changes pockets may it be missed.
 *
 * Cache lines: a pocket each, which only its worker writes while the common pool is not empty, and
 * one of the common pool, written once for many connections.
 */
#ifndef PROXY_CONNBUDGET_H
#define PROXY_CONNBUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct connbudget;

/** At most `max` connections, over `workers` numbered from 0.  NULL without memory. */
MUST_CHECK struct connbudget *connbudget_new(uint32_t max, unsigned workers);

/** NULL is ignored. */
void connbudget_free(struct connbudget *b);

/** One connection more of `worker`.  False when there is no room: nothing was counted.  Thread:
 * that worker's. */
MUST_CHECK bool connbudget_enter(struct connbudget *b, unsigned worker);

/** One less.  Thread: that worker's. */
void connbudget_leave(struct connbudget *b, unsigned worker);

/** What it was made for.  Thread: any. */
uint32_t connbudget_max(const struct connbudget *b);

/** Connections now, of all workers; each is exact, all together are no snapshot.  Thread: any. */
uint64_t connbudget_open(const struct connbudget *b);

#endif
