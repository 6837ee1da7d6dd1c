/**
 * monitor - what the main thread sees of the other threads, and shows on the admin port.
 *
 * The newest table and report, how long a change takes to reach every worker, whether each thread's
 * loop turns.  Only looks: nothing here decides what is served.  Thread: main, unless said
 * otherwise.
 */
#ifndef APP_MONITOR_H
#define APP_MONITOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/applies.h"
#include "app/metrics.h"
#include "app/view.h"
#include "app/watchdog.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "base/netaddr.h"

struct adminport;
struct options;

struct monitor {
    struct adminport *admin; /* NULL until monitor_open() */
    struct view view;
    struct applies applies;
    struct mailbox adopted; /* rung by workers; carries nothing */
    struct event *on_adopted;
    struct watchdog watchdog;
    struct metrics metrics;
};

/** All borrowed, until monitor_fini(). */
struct monitor_config {
    struct event_base *base;
    const struct options *options; /* policy, admin_open */
    const struct metrics_build *build;
    const struct proxy *proxy;
    struct controller *controller;
    const struct logwriter *logs;
    bool (*is_draining)(void *ctx);
    void *ctx;
};

/** Sees nothing yet.  monitor_fini() is due from here on. */
void monitor_init(struct monitor *m);

/** Listen at `admin` (family AF_UNSPEC: the default), so that an address in use is told before
 * anything runs.  Returns 0 or -errno with `e` filled. */
MUST_CHECK int monitor_open(struct monitor *m, const struct netaddr *admin, struct err *e);

/** Look, and answer, from the next turn of the base on.  Returns 0 or -errno with `e` filled. */
MUST_CHECK int monitor_start(struct monitor *m, const struct monitor_config *cfg, struct err *e);

/** Where the admin port is. */
struct netaddr monitor_addr(const struct monitor *m);

/** A table goes to the workers whose change was first seen at `noticed_us`; before it does.  Takes
 * a reference of its own.  Thread: the controller's. */
void monitor_table(struct monitor *m, struct table *t, uint64_t noticed_us);

/** What stands beside the tables.  The reference becomes the monitor's.  Thread: the controller's.
 */
void monitor_report(struct monitor *m, struct report *r);

/** A worker has adopted a table.  Thread: any. */
void monitor_adopted(struct monitor *m);

/** The controller is about to be stopped; it need not turn any more. */
void monitor_forget_controller(struct monitor *m);

/** Whether every worker listens and routes by a table. */
bool monitor_is_ready(struct monitor *m);

/** Close the admin port and give back what is held.  Workers and controller have stopped, and are
 * freed later. */
void monitor_fini(struct monitor *m);

#endif
