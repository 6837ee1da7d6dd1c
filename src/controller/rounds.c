#include "controller/rounds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "controller/judged.h"
#include "controller/kubewriter.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/table.h"

#define RETRY_MS  20   /* after something was found in motion */
#define FAILED_MS 1000 /* after the source or memory failed */

int rounds_init(struct rounds *r, const struct controller_config *cfg)
{
    *r = (struct rounds){.cfg = cfg, .dirty = true, .noticed_us = clock_now_us()};
    controllerstats_heard(&r->stats, clock_now_ms());
    reporter_init(&r->reporter, cfg);
    r->store = store_new();
    return r->store ? publisher_init(&r->publisher, cfg) : -ENOMEM;
}

void rounds_fini(struct rounds *r)
{
    kubewriter_free(r->writer);
    publisher_fini(&r->publisher);
    if (r->source.ops) {
        r->source.ops->free(r->source.self);
    }
    store_free(r->store);
    reporter_fini(&r->reporter);
    *r = (struct rounds){0};
}

void rounds_turn(struct rounds *r)
{
    controllerstats_turned(&r->stats, clock_now_ms());
}

static bool is_complete(const struct rounds *r)
{
    return r->source.ops->is_complete(r->source.self);
}

/** A source that is not live may be silent because it is cut off. */
static void hear(struct rounds *r)
{
    if (r->source.ops->is_live(r->source.self)) {
        controllerstats_heard(&r->stats, clock_now_ms());
    }
}

/* ---- its steps ------------------------------------------------------------------------------ */

static void take_objects(struct rounds *r)
{
    struct verdicts v;

    verdicts_init(&v);
    r->source.ops->verdicts(r->source.self, &v);
    judged_filter(&r->cfg->translate, r->store, &v);
    reporter_take_objects(&r->reporter, &v);
}

static void log_published(const struct rounds *r, uint64_t took_us)
{
    const struct reporter *said = &r->reporter;
    struct log_line line;
    size_t routes;

    if (!log_enabled(LOG_INFO)) {
        return;
    }
    (void)table_routes(r->publisher.current, &routes);
    log_line_begin(&line, LOG_INFO, "routes published");
    log_line_uint(&line, "generation", r->publisher.generation);
    log_line_uint(&line, "routes", routes);
    log_line_uint(&line, "endpoints", table_endpoints(r->publisher.current));
    log_line_ms(&line, "took_ms", took_us);
    log_line_uint(&line, "errors", said->routes.errors + said->objects.errors);
    log_line_uint(&line, "warnings", said->routes.warnings + said->objects.warnings);
    log_line_send(&line);
}

static void note_published(struct rounds *r, uint64_t took_us)
{
    const struct timespec *at = &r->publisher.published;

    controllerstats_published(&r->stats, r->publisher.current,
                              (int64_t)at->tv_sec * 1000 + at->tv_nsec / 1000000);
    log_published(r, took_us);
}

/** A round counts once: a table that was made is not undone by a report that fails. */
static void count_round(struct rounds *r, enum controller_result how)
{
    if (!r->counted) {
        controllerstats_round(&r->stats, how);
    }
    r->counted = true;
}

/** Translate what the store holds and publish it if it differs. */
static int update_table(struct rounds *r)
{
    uint64_t start_us = clock_now_us();
    struct unserved unserved;
    struct verdicts v;
    struct publisher_round round = {
        .verdicts = &v, .unserved = &unserved, .noticed_us = r->noticed_us};
    int rc;

    verdicts_init(&v);
    unserved_init(&unserved);
    rc = publisher_update(&r->publisher, r->store, &round);
    if (rc == 0) {
        r->dirty = false;
        count_round(r, round.published ? CONTROLLER_PUBLISHED : CONTROLLER_UNCHANGED);
    }
    if (rc == 0 && round.is_part) {
        reporter_amend_routes(&r->reporter, &round.part, &v, &unserved);
        retranslate_part_fini(&round.part);
        if (r->reporter.routes.lost || r->reporter.unserved.lost) {
            publisher_forget_words(&r->publisher);
        }
    } else if (rc == 0) {
        reporter_take_routes(&r->reporter, &v, &unserved);
    }
    if (round.published) {
        note_published(r, clock_now_us() - start_us);
    }
    unserved_fini(&unserved);
    verdicts_fini(&v);
    return rc;
}

/** What is true now, for whoever writes it to the API server. */
static void tell_writer(const struct rounds *r, bool served_same)
{
    const struct kubewriter_view view = {
        .store = r->store,
        .table = r->publisher.current,
        .decoded = &r->reporter.objects,
        .translated = &r->reporter.routes,
        .served_same = served_same,
    };

    if (r->writer && view.table) {
        kubewriter_look(r->writer, &view);
    }
}

/** What was read to a table and a report; the report is due even where the table is not. */
static int update_outcome(struct rounds *r)
{
    bool served_same = store_changed(r->store) <= STORE_ENDPOINTS && !store_is_restated(r->store);
    bool is_first = !r->publisher.current;
    int rc, report_rc = 0;

    if (!is_complete(r)) {
        return 0; /* half of the objects would say that the other half is missing */
    }
    take_objects(r);
    rc = r->dirty ? update_table(r) : 0;
    rounds_turn(r);
    if (r->publisher.current) {
        report_rc = reporter_send(&r->reporter, r->publisher.generation, &r->publisher.published);
    }
    tell_writer(r, served_same);
    if (!r->dirty) {
        store_forget_changes(r->store);
    }
    if (is_first && r->publisher.current) {
        (void)heap_trim(); /* all was read and translated at once: seldom is so much free again */
    }
    return rc != 0 ? rc : report_rc;
}

int rounds_read(struct rounds *r, struct err *e)
{
    struct source_change change = {.changed = false};
    int rc = r->source.ops->sync(r->source.self, &change, e);

    rounds_turn(r);
    if (rc != 0) {
        return rc;
    }
    hear(r);
    r->dirty = r->dirty || change.changed;
    r->moving = change.retry;
    return 0;
}

int rounds_begin(struct rounds *r, struct err *e)
{
    int rc = update_outcome(r);

    if (rc != 0) {
        err_set(e, "cannot make the first table: %s", strerror(-rc));
        return rc;
    }
    if (!r->dirty) {
        r->noticed_us = 0;
    }
    return 0;
}

/* ---- a round -------------------------------------------------------------------------------- */

static int update(struct rounds *r, struct err *e)
{
    int rc = rounds_read(r, e);

    if (rc != 0) {
        return rc;
    }
    rc = update_outcome(r);
    if (rc != 0) {
        err_set(e, "cannot make a new table, or the report of it: %s", strerror(-rc));
    }
    return rc;
}

/** Log why a round failed, or that it works again, when that is news. */
static void tell_failure(struct rounds *r, const char *why)
{
    if (strcmp(r->failure, why) == 0) {
        return;
    }
    snprintf(r->failure, sizeof(r->failure), "%s", why);
    if (*why) {
        log_error("%s; the routes stay as they are, and it is tried again each second", why);
    } else {
        log_info("%s can be read again", r->source.ops->name);
    }
}

/** After a round that began at `start_us`: since when what is left to do has been known. */
static void settle_notice(struct rounds *r, uint64_t start_us)
{
    if (r->dirty) {
        return; /* noticed and not yet published */
    }
    /* What is in motion is a change only when it has come to rest. */
    r->noticed_us = r->moving ? start_us : 0;
}

void rounds_notice(struct rounds *r, uint64_t now_us)
{
    if (r->noticed_us == 0) {
        r->noticed_us = now_us;
    }
}

void rounds_run(struct rounds *r)
{
    const uint64_t start_us = clock_now_us();
    struct err e = {0};
    int rc;

    r->counted = false;
    rounds_notice(r, start_us); /* in case nobody rang */
    rc = update(r, &e);
    settle_notice(r, start_us);
    if (rc == 0) {
        controllerstats_well(&r->stats);
    } else {
        count_round(r, CONTROLLER_FAILED);
    }
    tell_failure(r, rc != 0 ? e.text : "");
}

unsigned rounds_again_ms(const struct rounds *r)
{
    if (*r->failure) {
        return FAILED_MS;
    }
    return r->moving ? RETRY_MS : 0;
}

bool rounds_is_stale(struct rounds *r)
{
    if (*r->failure) {
        return false; /* it is tried again by itself */
    }
    return (!r->publisher.current && is_complete(r)) || r->source.ops->is_stale(r->source.self);
}

void rounds_hear_silence(struct rounds *r)
{
    if (!*r->failure) {
        hear(r);
    }
}

void rounds_reload(struct rounds *r)
{
    r->source.ops->reload(r->source.self);
    if (r->writer) {
        kubewriter_reload(r->writer);
    }
}

void rounds_release(struct rounds *r)
{
    if (r->writer) {
        kubewriter_release(r->writer);
    }
}

bool rounds_is_released(const struct rounds *r)
{
    return !r->writer || kubewriter_is_released(r->writer);
}
