/**
 * reportcount - how many objects were rejected, by kind and reason.
 */
#ifndef CONTROLLER_REPORTCOUNT_PRIV_H
#define CONTROLLER_REPORTCOUNT_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "controller/report.h"

/** Verdicts in the order of a report.  All borrowed. */
struct reportcount_input {
    const struct verdict *const *verdicts;
    const bool *is_linked; /* by verdict: a host is not served for it */
    size_t n;
};

/** Count into `r`, in memory of `arena`.  0 or -ENOMEM. */
MUST_CHECK int reportcount_fill(const struct reportcount_input *in, struct arena *arena,
                                struct report *r);

#endif
