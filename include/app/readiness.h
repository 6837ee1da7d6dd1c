/**
 * readiness - what must be true before traffic is wanted: the probes of /readyz.
 */
#ifndef APP_READINESS_H
#define APP_READINESS_H

#include <stdbool.h>

#include "base/err.h"

/** Whether the objects were read and a table made of them.  Probes of admin/health.h; `metrics` is
 * a struct metrics (app/metrics.h).  So below. */
bool readiness_synced(void *metrics, struct err *why);

/** Whether every worker listens and routes by a table. */
bool readiness_workers(void *metrics, struct err *why);

/** Whether no signal to stop has come. */
bool readiness_not_draining(void *metrics, struct err *why);

#endif
