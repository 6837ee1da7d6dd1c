/**
 * routegroups - what was counted by route, summed to the labels a metric has.
 *
 * A row is one Ingress and one of its Services.  Metrics differ in which of the names they carry;
 * rows that are alike in those are one group, with its labels rendered once.
 */
#ifndef APP_ROUTEGROUPS_H
#define APP_ROUTEGROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/prom.h"
#include "proxy/stats.h"

/** One row of counts; all borrowed. */
struct routegroups_row {
    const char *ns, *ingress, *service; /* "" where there is none */
    const struct route_totals *totals;
    bool is_process; /* the process' own, whose closed sets are complete from the start */
};

/** Which names a metric carries. */
enum routegroups_by {
    ROUTEGROUPS_ROUTE,         /* namespace, route */
    ROUTEGROUPS_SERVICE,       /* namespace, service */
    ROUTEGROUPS_ROUTE_SERVICE, /* namespace, route, service */
};

struct routegroup {
    struct prom_labels labels;
    const struct route_totals *totals;
    bool is_process;
};

struct routegroups {
    struct routegroup *groups;
    size_t n;
    struct arena arena; /* holds the labels and the sums */
};

/** Group `rows`, which are reordered.  Returns 0 or -ENOMEM; routegroups_fini() is due in both
 * cases.  Cost: a sort. */
MUST_CHECK int routegroups_init(struct routegroups *g, struct routegroups_row *rows, size_t n,
                                enum routegroups_by by);

void routegroups_fini(struct routegroups *g);

#endif
