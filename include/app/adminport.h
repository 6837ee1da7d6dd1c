/**
 * adminport - everything behind --admin: the pages, what they show, and the server.
 *
 * Opened before the first thread, so that an address in use is told as a mistake; serves from the
 * main loop.  Thread: main.
 */
#ifndef APP_ADMINPORT_H
#define APP_ADMINPORT_H

#include <stdbool.h>

#include "app/metrics.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/netaddr.h"

struct adminport;
struct event_base;
struct proxy_policy;
struct watchdog;

/** All borrowed, for as long as it serves. */
struct adminport_config {
    struct event_base *base;
    struct metrics metrics;
    const struct proxy_policy *policy;
    struct watchdog *watchdog;
    bool open; /* --admin-open */
};

/** [::]:10254, which takes IPv4 too, or 0.0.0.0:10254 where the kernel has no IPv6. */
struct netaddr adminport_default(void);

/** Listen; port 0 takes a free one.  Returns 0, or -errno with `e` filled. */
MUST_CHECK int adminport_open(const struct netaddr *a, struct adminport **out, struct err *e);

/** Where it listens. */
struct netaddr adminport_addr(const struct adminport *p);

/** Answer from the next turn of the base on.  Returns 0 or -errno with `e` filled. */
MUST_CHECK int adminport_serve(struct adminport *p, const struct adminport_config *cfg,
                               struct err *e);

/** NULL is ignored. */
void adminport_close(struct adminport *p);

#endif
