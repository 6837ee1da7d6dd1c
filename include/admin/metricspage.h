/**
 * metricspage - the page a Prometheus reads, written by registered sources.
 *
 * Each request gets a page of its own, in the format it prefers: OpenMetrics 1.0.0 when its Accept
 * header ranks that above text, otherwise the text format 0.0.4.  Knows no metric.  Thread: one.
 */
#ifndef ADMIN_METRICSPAGE_H
#define ADMIN_METRICSPAGE_H

#include "admin/adminserver.h"
#include "base/attr.h"
#include "base/prom.h"

struct metricspage;

/** Write families and their samples; failures stick to `p`.  A family belongs to one source. */
typedef void (*metricspage_source_fn)(void *ctx, struct prom *p);

/** No sources yet.  NULL without memory. */
MUST_CHECK struct metricspage *metricspage_new(void);

/** Add a source; pages have them in this order.  Returns 0, or -ENOSPC over LIMIT_METRICS_SOURCES.
 */
MUST_CHECK int metricspage_add(struct metricspage *m, metricspage_source_fn write, void *ctx);

/** The page.  A handler for adminserver; `m` is a struct metricspage. */
int metricspage_serve(void *m, const struct adminserver_request *rq,
                      struct adminserver_reply *reply);

/** NULL is ignored. */
void metricspage_free(struct metricspage *m);

#endif
