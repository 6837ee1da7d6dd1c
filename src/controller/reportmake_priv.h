/**
 * reportmake - what the controller knows, sorted and copied into a report.
 */
#ifndef CONTROLLER_REPORTMAKE_PRIV_H
#define CONTROLLER_REPORTMAKE_PRIV_H

#include "base/attr.h"

struct report_own;
struct report_source;

/** Fill a report that is empty but for its arena.  0 or -ENOMEM, it then being fit to discard. */
MUST_CHECK int reportmake_fill(struct report_own *own, const struct report_source *from);

#endif
