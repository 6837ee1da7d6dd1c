/**
 * health - alive? ready?  Asked of registered probes, told as a page.
 *
 * The page names every probe on a line of its own, "[+]name ok" or "[-]name: reason", and ends in
 * one line for all, as those of Kubernetes' components do.  Knows nothing about what is probed.
 * Thread: one.
 */
#ifndef ADMIN_HEALTH_H
#define ADMIN_HEALTH_H

#include <stdbool.h>

#include "admin/adminserver.h"
#include "base/attr.h"
#include "base/err.h"

struct health;

enum health_kind {
    HEALTH_LIVE,  /* a failure means: restart me */
    HEALTH_READY, /* a failure means: send me no traffic */
};

/** Whether all is well; if not, `why` says what is not.  Called for every page: must be quick. */
typedef bool (*health_probe_fn)(void *ctx, struct err *why);

/** No probes yet: alive and ready.  NULL without memory. */
MUST_CHECK struct health *health_new(void);

/** Add a probe; `name` is static.  Returns 0, or -ENOSPC over LIMIT_HEALTH_PROBES. */
MUST_CHECK int health_add(struct health *h, enum health_kind kind, const char *name,
                          health_probe_fn probe, void *ctx);

/** Ask until one fails, which then stands in `why` (if not NULL) with its name. */
bool health_is_ok(const struct health *h, enum health_kind kind, struct err *why);

/** The pages, 200 or 503.  Handlers for adminserver; `h` is a struct health. */
int health_serve_live(void *h, const struct adminserver_request *rq,
                      struct adminserver_reply *reply);
int health_serve_ready(void *h, const struct adminserver_request *rq,
                       struct adminserver_reply *reply);

/** NULL is ignored. */
void health_free(struct health *h);

#endif
