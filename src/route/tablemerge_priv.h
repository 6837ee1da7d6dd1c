/**
 * tablemerge - a table like another but for some hosts.
 *
 * The names are made anew, which costs a copy of them: a pass over memory, and no hash and no
 * comparison but for the hosts that change.  Pages of pools are shared where nothing of them
 * changed.  A pool that no host leads to any more goes, and the last takes its place.
 */
#ifndef ROUTE_TABLEMERGE_PRIV_H
#define ROUTE_TABLEMERGE_PRIV_H

#include "base/attr.h"

struct table;
struct tableamend;

/** The table of an amendment that changes hosts; all but its generation and references.  NULL
 * without memory.  Writes the places of pools. */
MUST_CHECK struct table *tablemerge_make(const struct tableamend *a);

#endif
