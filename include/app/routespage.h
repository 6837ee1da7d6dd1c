/**
 * routespage - the table a running instance serves, for programs and for people.
 *
 * For programs it is one JSON object:
 *
 *   generation, published, age_seconds
 *             published in RFC 3339, age since then; both null when not known
 *   routes    [{host, namespace, ingress, service, port, active, pool, ready, terminating, skipped,
 *             lost}], sorted by host; host "" catches all; pool is an index into pools, and
 *             ready, terminating and skipped count its endpoints; lost is [{namespace, ingress,
 *             service, port, reason}] with a reason of explainwords_loss()
 *   pools     [{namespace, service, port, endpoints, fault}]; fault is null or {reason, message},
 *             endpoints is [{address, state, active, skipped_for_seconds}]
 *   rejected  the errors and warnings that stand: verdicts as in explainjson.h
 *   rejected_left_out
 *             how many verdicts did not fit into the report
 *
 * Pools stand beside the routes because ten thousand routes may share one: everything is written
 * once, so the page is never larger than a few times the table and the report.
 */
#ifndef APP_ROUTESPAGE_H
#define APP_ROUTESPAGE_H

#include <stdint.h>
#include <time.h>

#include "base/attr.h"

struct buf;
struct report;
struct table;

/** What is shown.  All borrowed. */
struct routespage {
    const struct table *table;
    const struct report *report; /* NULL: nothing is known beside the table */
    uint64_t now_ms;             /* clock_now_ms() */
    struct timespec wall;        /* clock_wall() */
};

/** Write the page behind what `out` holds.  0, -ENOMEM, or -ENOBUFS over its maximum.  Thread: any
 * that holds the table and the report; so below. */
MUST_CHECK int routespage_json(const struct routespage *p, struct buf *out);

/**
 * Likewise for people at a terminal: one line a route, columns aligned, what an operator should
 * know of a route at the end of its line, what the whole is below.
 */
MUST_CHECK int routespage_table(const struct routespage *p, struct buf *out);

#endif
