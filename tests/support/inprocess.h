/**
 * inprocess - proxy, controller and monitor of the program in the test's own process.
 *
 * Everything but the main loop, which the test turns.  Listens on free ports of 127.0.0.1, with two
 * workers, and says nothing.  Asserts with cmocka: for the main thread of a test.
 */
#ifndef SUPPORT_INPROCESS_H
#define SUPPORT_INPROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/adminserver.h"
#include "admin/metricspage.h"
#include "app/monitor.h"
#include "app/options.h"
#include "base/buf.h"
#include "support/tempdir.h"

#define INPROCESS_WORKERS     2u
#define INPROCESS_PATIENCE_MS 20000

struct inprocess {
    struct tempdir manifests;
    struct options options; /* the defaults; to be changed before inprocess_open() */
    struct err e;
    struct event_base *base;
    struct logwriter *logs;
    struct logring *log; /* what the test's own thread says */
    struct proxy *proxy;
    struct controller *controller;
    struct monitor monitor;
    struct netaddr listen;
    bool draining; /* as a main loop would say */
    bool running;
    struct buf page;
};

/** For cmocka: *state is one that is not open, its manifests none. */
int inprocess_setup(void **state);
int inprocess_teardown(void **state);

/** Make everything of the manifests written so far; no thread of it runs yet. */
void inprocess_open(struct inprocess *p);

/** Run the threads, and wait until every worker routes and the monitor shows that. */
void inprocess_start(struct inprocess *p);

/** Both. */
int inprocess_setup_started(void **state);

/** Let the main loop do what is due, without waiting. */
void inprocess_turn(struct inprocess *p);

/** Turn it until `cond` holds. */
#define INPROCESS_UNTIL(p, cond)                                                                   \
    do {                                                                                           \
        uint64_t until_ = inprocess_real_ms() + INPROCESS_PATIENCE_MS;                             \
        while (!(cond)) {                                                                          \
            inprocess_turn(p);                                                                     \
            if (inprocess_real_ms() > until_) {                                                    \
                fail_msg("waited in vain for: %s", #cond);                                         \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/** Monotonic milliseconds of the kernel. */
uint64_t inprocess_real_ms(void);

/** Whether a client that says it wants `name` reaches `backend` (fakes/name_backend.h), and every
 * connection has ended again by then. */
bool inprocess_ask(struct inprocess *p, const char *name, const char *backend);

/** What a source of metrics writes, as text; valid until the next.  The port of the listener stands
 * there as PORT. */
const char *inprocess_metrics(struct inprocess *p, metricspage_source_fn write,
                              enum prom_format format);

/** Likewise in want of memory: whatever comes, the page fails or is whole.  For torture. */
void inprocess_metrics_in_want(struct inprocess *p, metricspage_source_fn write);

/** What the test's own thread has logged since last asked, in lines; valid until the next. */
const char *inprocess_log(struct inprocess *p);

#endif
