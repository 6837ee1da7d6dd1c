#include "controller/controller.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "controller/judged.h"
#include "controller/publisher.h"
#include "controller/reporter.h"
#include "manifest/manifestdir.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/registry.h"
#include "route/table.h"

#define QUIET_MS   10   /* without a further notice before the tree is looked at */
#define LIMIT_MS   50   /* but no later than this after the first */
#define RETRY_MS   20   /* after something was found in motion */
#define FAILED_MS  1000 /* after the source or memory failed */
#define TICK_MS    500
#define SLOW_TICKS 20  /* between looks at the tree that nobody asked for */
#define SLOW_SHARE 200 /* and at least so many times as long as such a look takes */

/** The thread's events.  Each is NULL until made. */
struct controller_events {
    struct event *notice; /* the source rings */
    struct event *wake;   /* another thread rings */
    struct event *quiet, *limit, *retry, *tick;
};

struct controller {
    struct controller_config cfg;
    struct store *store;
    struct manifestdir *source;
    struct publisher publisher;
    struct reporter reporter;
    struct controllerstats stats;
    uint64_t noticed_us;                           /* the oldest change not published; 0: none */
    bool dirty;                                    /* the store differs from what was translated */
    bool moving;                                   /* the source wants to be looked at again soon */
    char failure[sizeof(((struct err *)0)->text)]; /* why the last round failed; "" if it did not */
    unsigned ticks_to_slow;

    struct event_base *base;
    struct controller_events ev;
    struct mailbox bell;
    atomic_bool stop_wanted, reload_wanted;
    pthread_t thread;
    bool running;
};

/* ---- one round: source to store to table --------------------------------------------------- */

/** The loop turns; between long steps, too. */
static void turn(struct controller *c)
{
    controllerstats_turned(&c->stats, clock_now_ms());
}

static void take_files(struct controller *c)
{
    struct verdicts v;

    verdicts_init(&v);
    manifestdir_verdicts(c->source, &v);
    judged_filter(&c->cfg.translate, c->store, &v);
    reporter_take_files(&c->reporter, &v);
}

static void log_published(const struct controller *c, uint64_t took_us)
{
    const struct reporter *r = &c->reporter;
    struct log_line line;
    size_t routes;

    if (!log_enabled(LOG_INFO)) {
        return;
    }
    (void)table_routes(c->publisher.current, &routes);
    log_line_begin(&line, LOG_INFO, "routes published");
    log_line_uint(&line, "generation", c->publisher.generation);
    log_line_uint(&line, "routes", routes);
    log_line_uint(&line, "endpoints", publisher_count_endpoints(&c->publisher));
    log_line_ms(&line, "took_ms", took_us);
    log_line_uint(&line, "errors", r->routes.errors + r->files.errors);
    log_line_uint(&line, "warnings", r->routes.warnings + r->files.warnings);
    log_line_send(&line);
}

static void note_published(struct controller *c, uint64_t took_us)
{
    const struct timespec *at = &c->publisher.published;

    controllerstats_published(&c->stats, c->publisher.current,
                              (int64_t)at->tv_sec * 1000 + at->tv_nsec / 1000000);
    log_published(c, took_us);
}

/** Translate what the store holds and publish it if it differs. */
static int update_table(struct controller *c)
{
    uint64_t start_us = clock_now_us();
    struct unserved unserved;
    struct verdicts v;
    struct publisher_round round = {
        .verdicts = &v, .unserved = &unserved, .noticed_us = c->noticed_us};
    int rc;

    verdicts_init(&v);
    unserved_init(&unserved);
    rc = publisher_update(&c->publisher, c->store, &round);
    if (rc == 0) {
        c->dirty = false;
        reporter_take_routes(&c->reporter, &v, &unserved);
        controllerstats_round(&c->stats,
                              round.published ? CONTROLLER_PUBLISHED : CONTROLLER_UNCHANGED);
    }
    if (round.published) {
        note_published(c, clock_now_us() - start_us);
    }
    unserved_fini(&unserved);
    verdicts_fini(&v);
    return rc;
}

static int sync_source(struct controller *c, struct err *e)
{
    struct manifestdir_change change;
    uint64_t start_us = clock_now_us();
    int rc = manifestdir_sync(c->source, &change, e);

    turn(c);
    if (rc != 0) {
        return rc;
    }
    controllerstats_heard(&c->stats, clock_now_ms());
    c->dirty = c->dirty || change.changed;
    c->moving = change.retry;
    c->ticks_to_slow =
        SLOW_TICKS + (unsigned)((clock_now_us() - start_us) * SLOW_SHARE / (TICK_MS * 1000UL));
    return 0;
}

/** What was read to a table and a report; the report is due even where the table is not. */
static int update_outcome(struct controller *c)
{
    int rc, report_rc = 0;

    take_files(c);
    rc = c->dirty ? update_table(c) : 0;
    turn(c);
    if (c->publisher.current) {
        report_rc = reporter_send(&c->reporter, c->publisher.generation, &c->publisher.published);
    }
    return rc != 0 ? rc : report_rc;
}

static int update(struct controller *c, struct err *e)
{
    int rc = sync_source(c, e);

    if (rc != 0) {
        return rc;
    }
    rc = update_outcome(c);
    if (rc != 0) {
        err_set(e, "cannot make a new table, or the report of it: %s", strerror(-rc));
    }
    return rc;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void arm(struct event *ev, unsigned ms)
{
    const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    /* Should it fail for memory, the tick looks at everything in a while. */
    (void)event_add(ev, &tv);
}

/** Log why a round failed, or that it works again, when that is news. */
static void tell_failure(struct controller *c, const char *why)
{
    if (strcmp(c->failure, why) == 0) {
        return;
    }
    snprintf(c->failure, sizeof(c->failure), "%s", why);
    if (*why) {
        log_error("%s; the routes stay as they are, and it is tried again each second", why);
    } else {
        log_info("the manifests can be read again");
    }
}

/** After a round that began at `start_us`: since when what is left to do has been known. */
static void settle_notice(struct controller *c, uint64_t start_us)
{
    if (c->dirty) {
        return; /* noticed and not yet published */
    }
    /* What is in motion is a change only when it has come to rest. */
    c->noticed_us = c->moving ? start_us : 0;
}

static void run_round(struct controller *c)
{
    uint64_t start_us = clock_now_us();
    struct err e = {0};
    int rc;

    (void)event_del(c->ev.quiet);
    (void)event_del(c->ev.limit);
    (void)event_del(c->ev.retry);
    if (c->noticed_us == 0) {
        c->noticed_us = start_us; /* nobody rang */
    }
    rc = update(c, &e);
    settle_notice(c, start_us);
    if (rc != 0) {
        controllerstats_round(&c->stats, CONTROLLER_FAILED);
    }
    tell_failure(c, rc != 0 ? e.text : "");
    if (rc != 0) {
        arm(c->ev.retry, FAILED_MS);
    } else if (c->moving) {
        arm(c->ev.retry, RETRY_MS);
    }
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    struct controller *c = arg;

    (void)fd;
    (void)what;
    turn(c);
    run_round(c);
}

static void on_notice(evutil_socket_t fd, short what, void *arg)
{
    struct controller *c = arg;

    (void)fd;
    (void)what;
    turn(c);
    (void)manifestdir_drain(c->source);
    if (c->noticed_us == 0) {
        c->noticed_us = clock_now_us();
    }
    arm(c->ev.quiet, QUIET_MS);
    if (!event_pending(c->ev.limit, EV_TIMEOUT, NULL)) {
        arm(c->ev.limit, LIMIT_MS);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct controller *c = arg;
    bool slow = c->ticks_to_slow == 0;

    (void)fd;
    (void)what;
    turn(c);
    c->ticks_to_slow = slow ? SLOW_TICKS : c->ticks_to_slow - 1;
    if (slow || c->publisher.n_retired > 0) {
        publisher_sweep(&c->publisher);
    }
    /* While it fails the retry timer is at it already. */
    if (slow || (!*c->failure && manifestdir_is_stale(c->source))) {
        run_round(c);
    } else if (!*c->failure) {
        controllerstats_heard(&c->stats, clock_now_ms()); /* it would ring if there was more */
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct controller *c = arg;

    (void)fd;
    (void)what;
    turn(c);
    (void)mailbox_take(&c->bell);
    if (atomic_load(&c->stop_wanted)) {
        (void)event_base_loopbreak(c->base);
    } else if (atomic_exchange(&c->reload_wanted, false)) {
        log_info("reading all manifests again");
        manifestdir_reread(c->source);
        run_round(c);
    }
}

static void *run(void *arg)
{
    struct controller *c = arg;

    log_use_ring(c->cfg.log_ring);
    (void)event_base_dispatch(c->base);
    log_use_ring(NULL);
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0) {
        base = event_base_new_with_config(config);
    }
    if (config) {
        event_config_free(config);
    }
    return base;
}

static int make_events(struct controller *c)
{
    struct controller_events *ev = &c->ev;
    int rc = mailbox_init(&c->bell);

    if (rc != 0) {
        return rc;
    }
    c->base = new_base();
    if (!c->base) {
        return -ENOMEM;
    }
    ev->notice = event_new(c->base, manifestdir_fd(c->source), EV_READ | EV_PERSIST, on_notice, c);
    ev->wake = event_new(c->base, c->bell.event_fd, EV_READ | EV_PERSIST, on_wake, c);
    ev->quiet = event_new(c->base, -1, 0, on_due, c);
    ev->limit = event_new(c->base, -1, 0, on_due, c);
    ev->retry = event_new(c->base, -1, 0, on_due, c);
    ev->tick = event_new(c->base, -1, EV_PERSIST, on_tick, c);
    return ev->notice && ev->wake && ev->quiet && ev->limit && ev->retry && ev->tick ? 0 : -ENOMEM;
}

static int open_source(struct controller *c, struct err *e)
{
    int rc;

    c->noticed_us = clock_now_us();
    c->source = manifestdir_open(c->cfg.manifests, c->store, e);
    if (!c->source) {
        return -EIO;
    }
    rc = sync_source(c, e);
    if (rc != 0) {
        return rc;
    }
    c->dirty = true; /* the first table is published even if it is empty */
    return 0;
}

struct controller *controller_new(const struct controller_config *cfg, struct err *e)
{
    struct controller *c = calloc(1, sizeof(*c));

    if (!c) {
        err_set(e, "out of memory");
        return NULL;
    }
    c->cfg = *cfg;
    c->bell.event_fd = -1;
    reporter_init(&c->reporter, &c->cfg);
    c->store = store_new();
    if (!c->store || publisher_init(&c->publisher, &c->cfg) != 0) {
        err_set(e, "out of memory");
        goto fail;
    }
    if (open_source(c, e) != 0) {
        goto fail;
    }
    if (make_events(c) != 0) {
        err_set(e, "cannot make the controller's events: out of memory or descriptors");
        goto fail;
    }
    return c;
fail:
    controller_free(c);
    return NULL;
}

/** Start the thread with every signal blocked: they belong to the main thread. */
static int start_thread(struct controller *c)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    rc = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (rc != 0) {
        return -rc;
    }
    rc = pthread_create(&c->thread, NULL, run, c);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        c->running = true;
        (void)pthread_setname_np(c->thread, "sealway-control");
    }
    return -rc;
}

int controller_start(struct controller *c, struct err *e)
{
    const struct timeval tick = {.tv_usec = TICK_MS * 1000L};
    int rc;

    rc = update_outcome(c);
    c->noticed_us = 0;
    if (rc != 0) {
        err_set(e, "cannot make the first table: %s", strerror(-rc));
        return rc;
    }
    if (event_add(c->ev.notice, NULL) != 0 || event_add(c->ev.wake, NULL) != 0 ||
        event_add(c->ev.tick, &tick) != 0) {
        err_set(e, "cannot start the controller's events");
        return -ENOMEM;
    }
    if (c->moving) {
        arm(c->ev.retry, RETRY_MS);
    }
    turn(c);
    rc = start_thread(c);
    if (rc != 0) {
        err_set(e, "cannot start the controller's thread: %s", strerror(-rc));
    }
    return rc;
}

void controller_reload(struct controller *c)
{
    atomic_store(&c->reload_wanted, true);
    mailbox_ring(&c->bell);
}

void controller_stop(struct controller *c)
{
    if (!c->running) {
        return;
    }
    atomic_store(&c->stop_wanted, true);
    mailbox_ring(&c->bell);
    (void)pthread_join(c->thread, NULL);
    c->running = false;
}

static void free_events(struct controller *c)
{
    struct event *const all[] = {c->ev.notice, c->ev.wake,  c->ev.quiet,
                                 c->ev.limit,  c->ev.retry, c->ev.tick};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i]) {
            event_free(all[i]);
        }
    }
    if (c->base) {
        event_base_free(c->base);
    }
    mailbox_fini(&c->bell);
}

void controller_stats(const struct controller *c, struct controller_stats *out)
{
    controllerstats_read(&c->stats, out);
}

int controller_series_snapshot(struct controller *c, struct series_snapshot *out)
{
    return registry_series_snapshot(c->publisher.registry, out);
}

void controller_free(struct controller *c)
{
    if (!c) {
        return;
    }
    controller_stop(c);
    free_events(c);
    publisher_fini(&c->publisher);
    manifestdir_close(c->source);
    store_free(c->store);
    reporter_fini(&c->reporter);
    free(c);
}
