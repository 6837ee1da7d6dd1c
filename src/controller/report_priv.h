/**
 * report_priv - a report's insides, for the files that make one.
 */
#ifndef CONTROLLER_REPORT_PRIV_H
#define CONTROLLER_REPORT_PRIV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "controller/report.h"

struct report_own {
    struct report report;
    struct arena arena; /* holds this struct, too */
    _Atomic uint32_t refs;
};

/** Free one that nobody else has seen, or whose last holder has gone.  NULL is ignored. */
void report_discard(struct report_own *own);

/** The orders that the lists of a report have, and are searched in. */
int report_compare_object(const struct verdict *v, const char *kind, const char *ns,
                          const char *name);
int report_compare_pool(const char *const a[3], const char *const b[3]);

#endif
