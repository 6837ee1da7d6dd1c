#include "controller/rounds.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "controller/report.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/objects.h"
#include "support/receiver.h"
#include "support/scripted_source.h"

#define ROUTE_TO(svc) INGRESS("shop", "i", "", OURS RULES(HOST("a.test", svc, "number: 443")))
#define WEB           SERVED("shop", "web", "10.0.0.1")
#define API           SERVED("shop", "api", "10.0.0.2")

struct world {
    struct controller_config cfg;
    struct scripted_source s;
    struct receiver r;
    struct rounds rounds;
};

static uint64_t now_us; /* the scripted clock */

static uint64_t scripted_now(void)
{
    return now_us;
}

static void ignore_notice(void *ctx)
{
    (void)ctx;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct source_host host = {.notice = ignore_notice};

    now_us = 5000000;
    clock_replace(scripted_now);
    receiver_init(&w->r);
    scripted_source_init(&w->s);
    w->cfg = (struct controller_config){
        .translate = {.controller_class = "sealway.io/ingress-controller"},
        .publish = receiver_on_table,
        .report = receiver_on_report,
        .ctx = &w->r,
    };
    assert_int_equal(rounds_init(&w->rounds, &w->cfg), 0);
    host.store = w->rounds.store;
    w->rounds.source = scripted_source_open(&w->s, &host);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    receiver_fini(&w->r);
    rounds_fini(&w->rounds);
    rounds_fini(&w->rounds);
    assert_int_equal(w->s.frees, 1);
    scripted_source_fini(&w->s);
    clock_replace(NULL);
    free(w);
    return 0;
}

/** Read and publish a first time, as controller_new() and controller_start() do. */
static void begin(struct world *w, const char *yaml)
{
    struct err e;

    w->s.yaml = yaml;
    assert_int_equal(rounds_read(&w->rounds, &e), 0);
    assert_int_equal(rounds_begin(&w->rounds, &e), 0);
}

static void fail_with(struct world *w, int rc, const char *why)
{
    w->s.rc = rc;
    w->s.failure = why;
}

static struct controller_stats figures(const struct world *w)
{
    struct controller_stats out;

    controllerstats_read(&w->rounds.stats, &out);
    return out;
}

static void what_is_complete_is_published_at_the_start(void **state)
{
    struct world *w = *state;

    begin(w, OUR_CLASS WEB ROUTE_TO("web"));
    assert_int_equal(w->r.n, 1);
    assert_true(receiver_serves(&w->r, "web"));
    assert_int_equal(w->r.noticed_us, 5000000);
}

static void the_first_table_is_published_though_it_is_empty(void **state)
{
    struct world *w = *state;

    begin(w, NULL);
    assert_int_equal(w->r.n, 1);
}

static void nothing_is_published_or_told_before_all_was_read(void **state)
{
    struct world *w = *state;

    w->s.complete = false;
    w->s.verdict = "Odd";
    begin(w, OUR_CLASS ROUTE_TO("web"));
    rounds_run(&w->rounds);
    assert_int_equal(w->r.n + w->r.n_reports, 0);
    assert_int_equal(figures(w).rounds[CONTROLLER_UNCHANGED], 0);
    assert_false(rounds_is_stale(&w->rounds));

    w->s.yaml = WEB;
    w->s.complete = true;
    assert_true(rounds_is_stale(&w->rounds)); /* should it have forgotten to ring */
    now_us += 2000000;
    rounds_notice(&w->rounds, now_us);
    rounds_run(&w->rounds);
    assert_int_equal(w->r.n, 1);
    assert_true(receiver_serves(&w->r, "web"));
    assert_true(receiver_was_told(&w->r, "Odd"));
    assert_false(receiver_was_told(&w->r, "ServiceNotFound"));
    assert_int_equal(w->r.noticed_us, 5000000);
    assert_false(rounds_is_stale(&w->rounds));
}

static void an_empty_cluster_is_an_empty_table_once_that_is_known(void **state)
{
    struct world *w = *state;

    w->s.complete = false;
    begin(w, NULL);
    assert_int_equal(w->r.n, 0);
    w->s.complete = true;
    rounds_run(&w->rounds);
    assert_int_equal(w->r.n, 1);
    assert_int_equal(figures(w).generation, 1);
}

static void what_makes_no_difference_is_counted_and_not_published(void **state)
{
    struct world *w = *state;

    begin(w, OUR_CLASS WEB ROUTE_TO("web"));
    w->s.yaml = API;
    rounds_run(&w->rounds);
    rounds_run(&w->rounds); /* finds nothing at all */
    assert_int_equal(w->r.n, 1);
    assert_int_equal(figures(w).rounds[CONTROLLER_PUBLISHED], 1);
    assert_int_equal(figures(w).rounds[CONTROLLER_UNCHANGED], 1);
    w->s.yaml = ROUTE_TO("api");
    rounds_run(&w->rounds);
    assert_int_equal(w->r.n, 2);
    assert_int_equal(figures(w).generation, 2);
}

static void a_change_is_as_old_as_its_first_notice(void **state)
{
    struct world *w = *state;

    begin(w, OUR_CLASS WEB API ROUTE_TO("web"));
    rounds_notice(&w->rounds, 6000000);
    rounds_notice(&w->rounds, 6000500);
    now_us = 6001000;
    w->s.yaml = ROUTE_TO("api");
    rounds_run(&w->rounds);
    assert_int_equal(w->r.noticed_us, 6000000);
    now_us = 7000000;
    w->s.yaml = ROUTE_TO("web");
    rounds_run(&w->rounds); /* nobody rang */
    assert_int_equal(w->r.noticed_us, 7000000);
}

static void what_is_in_motion_is_asked_for_again_soon(void **state)
{
    struct world *w = *state;

    begin(w, NULL);
    assert_int_equal(rounds_again_ms(&w->rounds), 0);
    w->s.retry = true;
    rounds_notice(&w->rounds, 5000001);
    now_us = 6000000;
    rounds_run(&w->rounds);
    assert_int_equal(rounds_again_ms(&w->rounds), 20);
    w->s.retry = false;
    w->s.yaml = OUR_CLASS WEB ROUTE_TO("web");
    now_us = 6020000;
    rounds_run(&w->rounds);
    assert_int_equal(rounds_again_ms(&w->rounds), 0);
    assert_int_equal(w->r.noticed_us, 6000000);
}

static void a_source_that_fails_changes_nothing_and_is_tried_each_second(void **state)
{
    struct world *w = *state;
    unsigned reports;

    begin(w, OUR_CLASS WEB API ROUTE_TO("web"));
    reports = w->r.n_reports;
    fail_with(w, -EIO, "it is gone");
    now_us += 1000000;
    for (unsigned i = 1; i <= 3; i++) {
        rounds_run(&w->rounds);
        assert_int_equal(rounds_again_ms(&w->rounds), 1000);
        assert_int_equal(figures(w).rounds[CONTROLLER_FAILED], i);
    }
    assert_true(figures(w).last_failed);
    assert_int_equal(figures(w).heard_ms, 5000);
    w->s.stale = true;
    assert_false(rounds_is_stale(&w->rounds)); /* it is tried already */
    w->s.stale = false;
    rounds_hear_silence(&w->rounds);
    assert_int_equal(figures(w).heard_ms, 5000);
    assert_int_equal(w->r.n, 1);
    assert_int_equal(w->r.n_reports, reports);

    fail_with(w, 0, NULL);
    w->s.yaml = ROUTE_TO("api");
    rounds_run(&w->rounds);
    assert_true(receiver_serves(&w->r, "api"));
    assert_false(figures(w).last_failed);
    assert_int_equal(figures(w).heard_ms, 6000);
    assert_int_equal(rounds_again_ms(&w->rounds), 0);
}

/** Every line logged, one behind the other. */
struct lines {
    char text[4096];
    size_t n;
};

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct lines *l = ctx;
    size_t used = strlen(l->text);

    assert_int_equal(stream, LOG_MAIN);
    assert_true(used + len < sizeof(l->text));
    memcpy(l->text + used, line, len);
    l->n++;
    return true;
}

static void a_failure_is_logged_once_and_so_is_its_end(void **state)
{
    struct logring *ring = logring_new(1u << 16);
    struct world *w = *state;
    struct lines l = {.n = 0};

    begin(w, NULL);
    log_use_ring(ring);
    for (unsigned i = 0; i < 6; i++) {
        fail_with(w, -EIO, i < 3 ? "it is gone" : "it is out of its mind");
        rounds_run(&w->rounds);
    }
    fail_with(w, 0, NULL);
    rounds_run(&w->rounds);
    rounds_run(&w->rounds);
    log_use_ring(NULL);
    (void)logring_drain(ring, take_line, &l);
    logring_free(ring);
    assert_int_equal(l.n, 3);
    assert_non_null(strstr(l.text, "it is gone; the routes stay as they are"));
    assert_non_null(strstr(l.text, "it is out of its mind; "));
    assert_non_null(strstr(l.text, "the script can be read again"));
}

static void a_recovery_without_news_is_one(void **state)
{
    struct world *w = *state;

    begin(w, NULL);
    w->s.live = false;
    fail_with(w, -ENOMEM, "out of memory");
    rounds_run(&w->rounds);
    assert_true(figures(w).last_failed);
    fail_with(w, 0, NULL);
    rounds_run(&w->rounds);
    assert_false(figures(w).last_failed);
    assert_int_equal(figures(w).rounds[CONTROLLER_PUBLISHED], 1);
}

static void a_source_that_is_not_live_is_not_heard_of(void **state)
{
    struct world *w = *state;

    begin(w, OUR_CLASS WEB ROUTE_TO("web"));
    now_us += 1000000;
    rounds_hear_silence(&w->rounds);
    assert_int_equal(figures(w).heard_ms, 6000);
    w->s.live = false;
    now_us += 1000000;
    rounds_hear_silence(&w->rounds);
    rounds_run(&w->rounds);
    assert_int_equal(figures(w).heard_ms, 6000);
    assert_false(figures(w).last_failed);
    assert_true(receiver_serves(&w->r, "web"));
    w->s.live = true;
    rounds_hear_silence(&w->rounds);
    assert_int_equal(figures(w).heard_ms, 7000);
}

static void one_that_was_never_live_was_heard_of_at_the_start(void **state)
{
    struct world *w = *state;

    w->s.live = w->s.complete = false;
    now_us += 3000000;
    begin(w, NULL);
    assert_int_equal(figures(w).heard_ms, 5000);
}

static void a_stale_source_is_asked(void **state)
{
    struct world *w = *state;

    begin(w, NULL);
    assert_false(rounds_is_stale(&w->rounds));
    w->s.stale = true;
    assert_true(rounds_is_stale(&w->rounds));
}

static void a_reload_is_handed_on(void **state)
{
    struct world *w = *state;

    begin(w, NULL);
    rounds_reload(&w->rounds);
    assert_int_equal(w->s.reloads, 1);
}

static void a_verdict_comes_and_goes_without_a_table(void **state)
{
    struct world *w = *state;

    begin(w, OUR_CLASS WEB ROUTE_TO("web"));
    w->s.verdict = "Odd";
    rounds_run(&w->rounds);
    assert_true(receiver_was_told(&w->r, "Odd"));
    w->s.verdict = NULL;
    rounds_run(&w->rounds);
    assert_false(receiver_was_told(&w->r, "Odd"));
    assert_int_equal(w->r.n, 1);
    assert_int_equal(w->r.n_reports, 3);
}

/** Sum of all rounds counted. */
static uint64_t counted(const struct world *w)
{
    struct controller_stats s = figures(w);

    return s.rounds[CONTROLLER_PUBLISHED] + s.rounds[CONTROLLER_UNCHANGED] +
           s.rounds[CONTROLLER_FAILED];
}

static void a_round_counts_once_wherever_memory_runs_out(void **state)
{
    struct world *w = *state;
    bool fired, web = true;
    size_t nth = 0;

    begin(w, OUR_CLASS WEB API ROUTE_TO("web"));
    do {
        uint64_t before = counted(w);
        unsigned n = w->r.n;

        web = !web;
        objects_put(w->rounds.store, web ? ROUTE_TO("web") : ROUTE_TO("api"));
        w->s.changed = true;
        failalloc_arm(++nth);
        rounds_run(&w->rounds);
        fired = failalloc_disarm();
        assert_int_equal(counted(w), before + 1);
        assert_int_equal(figures(w).rounds[CONTROLLER_PUBLISHED], w->r.n);
        assert_int_equal(figures(w).last_failed, w->r.n == n);
        for (unsigned i = 0; rounds_again_ms(&w->rounds) > 0; i++) {
            assert_true(fired && i < 2);
            rounds_run(&w->rounds);
        }
        assert_true(receiver_serves(&w->r, web ? "web" : "api"));
        assert_int_equal(w->r.n, n + 1);
        assert_int_equal(w->r.report->generation, figures(w).generation);
    } while (fired);
    assert_true(nth > 20);
}

static void begin_in_want(void *ctx)
{
    const struct world *w = ctx;
    struct source_host host = {.notice = ignore_notice};
    struct scripted_source s;
    struct rounds rounds;
    struct err e = {0};

    scripted_source_init(&s);
    if (rounds_init(&rounds, &w->cfg) == 0) {
        host.store = rounds.store;
        rounds.source = scripted_source_open(&s, &host);
        assert_int_equal(rounds_read(&rounds, &e), 0);
        if (rounds_begin(&rounds, &e) != 0) {
            assert_non_null(strstr(e.text, "first table"));
        }
    }
    table_unref(w->r.newest);
    ((struct world *)ctx)->r.newest = NULL;
    rounds_fini(&rounds);
    scripted_source_fini(&s);
}

static void out_of_memory_at_the_start_is_told(void **state)
{
    struct world *w = *state;

    assert_true(failalloc_torture(begin_in_want, w) > 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_complete_is_published_at_the_start),
        TEST(the_first_table_is_published_though_it_is_empty),
        TEST(nothing_is_published_or_told_before_all_was_read),
        TEST(an_empty_cluster_is_an_empty_table_once_that_is_known),
        TEST(what_makes_no_difference_is_counted_and_not_published),
        TEST(a_change_is_as_old_as_its_first_notice),
        TEST(what_is_in_motion_is_asked_for_again_soon),
        TEST(a_source_that_fails_changes_nothing_and_is_tried_each_second),
        TEST(a_failure_is_logged_once_and_so_is_its_end),
        TEST(a_recovery_without_news_is_one),
        TEST(a_source_that_is_not_live_is_not_heard_of),
        TEST(one_that_was_never_live_was_heard_of_at_the_start),
        TEST(a_stale_source_is_asked),
        TEST(a_reload_is_handed_on),
        TEST(a_verdict_comes_and_goes_without_a_table),
        TEST(a_round_counts_once_wherever_memory_runs_out),
        TEST(out_of_memory_at_the_start_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
