#include "controller/controller.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "controller/kubesource.h"
#include "controller/report.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/objects.h"
#include "support/receiver.h"
#include "support/scripted_source.h"
#include "support/tempdir.h"
#include "support/wait_until.h"

#define CLASS         OUR_CLASS
#define ROUTE_TO(svc) INGRESS("shop", "i", "", OURS RULES(HOST("a.test", svc, "number: 443")))
#define WEB           SERVED("shop", "web", "10.0.0.1")
#define API           SERVED("shop", "api", "10.0.0.2")

#define PATIENCE_MS 20000 /* only a failing test waits so long */
/* From a change to its table; a sanitizer on a busy machine is not held to it. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define PROMISE_MS PATIENCE_MS
#else
#define PROMISE_MS 1000
#endif

struct world {
    struct tempdir dir;
    char manifests[PATH_MAX];
    struct receiver r;
    struct scripted_source s; /* where there is no directory */
    struct controller *c;
    const char *expected; /* the Service that a.test is to have; "" for no route */
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    tempdir_make(&w->dir);
    tempdir_mkdir(&w->dir, "m");
    (void)tempdir_path(&w->dir, "m", w->manifests);
    receiver_init(&w->r);
    scripted_source_init(&w->s);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->c) {
        controller_stop(w->c);
    }
    receiver_fini(&w->r);
    controller_free(w->c);
    scripted_source_fini(&w->s);
    tempdir_remove(&w->dir);
    free(w);
    return 0;
}

static struct controller *make_from(struct world *w, const char *manifests,
                                    const struct kubesource_config *kube, struct err *e)
{
    const struct controller_config cfg = {
        .manifests = manifests,
        .kube = kube,
        .translate = {.controller_class = "sealway.io/ingress-controller"},
        .publish = receiver_on_table,
        .report = receiver_on_report,
        .ctx = &w->r,
    };

    return controller_new(&cfg, e);
}

static struct controller *make(struct world *w, struct err *e)
{
    return make_from(w, w->manifests, NULL, e);
}

static void start(struct world *w)
{
    struct err e;

    w->c = make(w, &e);
    assert_non_null(w->c);
    assert_int_equal(controller_start(w->c, &e), 0);
}

/** Whether the newest table serves a.test as expected. */
static bool is_as_expected(void *ctx)
{
    struct world *w = ctx;

    return receiver_serves(&w->r, w->expected);
}

/** Wait until a.test is served so; the change was made just before. */
static void expect(struct world *w, const char *service)
{
    uint64_t start_us = clock_now_us(), at_us;

    w->expected = service;
    assert_true(wait_until(is_as_expected, w, PATIENCE_MS));
    pthread_mutex_lock(&w->r.lock);
    at_us = w->r.at_us;
    pthread_mutex_unlock(&w->r.lock);
    assert_true(at_us < start_us + (uint64_t)PROMISE_MS * 1000);
}

static void put(struct world *w, const char *name, const char *yaml)
{
    char path[64];

    snprintf(path, sizeof(path), "m/%s", name);
    tempdir_replace(&w->dir, path, yaml);
}

static void rename_inside(struct world *w, const char *from, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];

    assert_int_equal(rename(tempdir_path(&w->dir, from, a), tempdir_path(&w->dir, to, b)), 0);
}

static void what_cannot_work_is_told_at_once(void **state)
{
    struct world *w = *state;
    struct err e;

    rename_inside(w, "m", "elsewhere");
    assert_null(make(w, &e));
    assert_non_null(strstr(e.text, w->manifests));
}

static void the_first_table_is_published_by_the_caller_of_start(void **state)
{
    struct world *w = *state;
    struct err e;

    put(w, "a.yaml", CLASS WEB ROUTE_TO("web"));
    w->c = make(w, &e);
    assert_non_null(w->c);
    assert_int_equal(w->r.n, 0);
    assert_int_equal(controller_start(w->c, &e), 0);
    pthread_mutex_lock(&w->r.lock);
    assert_int_equal(table_generation(w->r.newest), 1);
    assert_true(pthread_equal(w->r.thread, pthread_self()));
    pthread_mutex_unlock(&w->r.lock);
    expect(w, "web");
    assert_null(controller_kube_stats(w->c));
}

static void an_empty_directory_is_an_empty_table(void **state)
{
    struct world *w = *state;

    start(w);
    assert_int_equal(receiver_count(&w->r), 1);
    expect(w, "");
}

static void a_change_is_published_within_a_second(void **state)
{
    struct world *w = *state;

    put(w, "a.yaml", CLASS WEB API);
    start(w);
    put(w, "b.yaml", ROUTE_TO("web"));
    expect(w, "web");
    put(w, "b.yaml", ROUTE_TO("api"));
    expect(w, "api");
    rename_inside(w, "m/b.yaml", "away.yaml");
    expect(w, "");
    pthread_mutex_lock(&w->r.lock);
    assert_int_equal(table_generation(w->r.newest), w->r.n);
    pthread_mutex_unlock(&w->r.lock);
}

static void a_broken_file_changes_no_route(void **state)
{
    struct world *w = *state;
    unsigned n;

    put(w, "a.yaml", CLASS WEB API);
    put(w, "b.yaml", ROUTE_TO("web"));
    start(w);
    n = receiver_count(&w->r);
    put(w, "b.yaml", "}");
    put(w, "c.yaml",
        INGRESS("shop", "marker", "", OURS RULES(HOST("b.test", "api", "number: 443"))));
    expect(w, "web");
    put(w, "b.yaml", ROUTE_TO("api"));
    expect(w, "api");
    assert_true(receiver_count(&w->r) <= n + 3);
}

/** Wait for a later change to come through, so that an earlier one has been seen as well. */
static void pass_by(struct world *w)
{
    put(w, "z.yaml", INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "api", "number: 443"))));
    expect(w, "api");
}

static void what_makes_no_difference_is_not_published(void **state)
{
    struct world *w = *state;
    unsigned n;

    put(w, "a.yaml", CLASS WEB API);
    start(w);
    n = receiver_count(&w->r);
    put(w, "a.yaml", CLASS WEB API "# another word\n");
    put(w, "unrelated.yaml", SERVED("shop", "unused", "10.0.0.9"));
    pass_by(w);
    assert_int_equal(receiver_count(&w->r), n + 1);
}

static void a_vanished_directory_keeps_the_routes_and_is_found_again(void **state)
{
    struct world *w = *state;
    unsigned n;

    put(w, "a.yaml", CLASS WEB API);
    put(w, "b.yaml", ROUTE_TO("web"));
    start(w);
    expect(w, "web");
    n = receiver_count(&w->r);
    rename_inside(w, "m", "away");
    tempdir_mkdir(&w->dir, "new");
    tempdir_write(&w->dir, "new/a.yaml", CLASS WEB API ROUTE_TO("api"));
    expect(w, "web");
    rename_inside(w, "new", "m");
    w->expected = "api";
    assert_true(wait_until(is_as_expected, w, PATIENCE_MS));
    assert_int_equal(receiver_count(&w->r), n + 1);
    put(w, "a.yaml", CLASS WEB API ROUTE_TO("web"));
    expect(w, "web");
}

static void a_directory_behind_a_link_may_be_swapped(void **state)
{
    struct world *w = *state;
    char path[PATH_MAX];

    tempdir_write(&w->dir, "v1/a.yaml", CLASS WEB API ROUTE_TO("web"));
    tempdir_write(&w->dir, "v2/a.yaml", CLASS WEB API ROUTE_TO("api"));
    assert_int_equal(rmdir(w->manifests), 0);
    assert_int_equal(symlink("v1", w->manifests), 0);
    start(w);
    expect(w, "web");
    assert_int_equal(symlink("v2", tempdir_path(&w->dir, "next", path)), 0);
    rename_inside(w, "next", "m");
    expect(w, "api");
}

static void a_reload_reads_everything_and_publishes_only_what_differs(void **state)
{
    struct world *w = *state;
    unsigned n;

    put(w, "a.yaml", CLASS WEB API);
    start(w);
    n = receiver_count(&w->r);
    for (int i = 0; i < 10; i++) {
        controller_reload(w->c);
    }
    pass_by(w);
    assert_int_equal(receiver_count(&w->r), n + 1);
}

static void after_stop_nothing_is_published(void **state)
{
    struct world *w = *state;
    unsigned n;

    put(w, "a.yaml", CLASS WEB API);
    start(w);
    n = receiver_count(&w->r);
    controller_stop(w->c);
    put(w, "b.yaml", ROUTE_TO("web"));
    controller_stop(w->c);
    assert_int_equal(receiver_count(&w->r), n);
}

static void many_changes_end_in_the_last(void **state)
{
    struct world *w = *state;

    put(w, "a.yaml", CLASS WEB API);
    start(w);
    for (int i = 0; i < 200; i++) {
        put(w, "b.yaml", i % 2 ? ROUTE_TO("api") : ROUTE_TO("web"));
    }
    expect(w, "api");
}

/* ---- reports and figures ---- */

static bool is_reported(void *ctx)
{
    struct world *w = ctx;

    return receiver_was_told(&w->r, w->expected);
}

static void expect_reported(struct world *w, const char *reason)
{
    w->expected = reason;
    assert_true(wait_until(is_reported, w, PATIENCE_MS));
}

static void the_first_table_comes_with_its_report(void **state)
{
    struct world *w = *state;
    size_t n;

    put(w, "a.yaml", CLASS ROUTE_TO("web"));
    start(w);
    pthread_mutex_lock(&w->r.lock);
    assert_int_equal(w->r.n_reports, 1);
    assert_int_equal(w->r.report->generation, 1);
    assert_true(w->r.report->published.tv_sec > 0);
    (void)report_verdicts_of(w->r.report, "Ingress", "shop", "i", &n);
    assert_int_equal(n, 1);
    pthread_mutex_unlock(&w->r.lock);
}

static void a_broken_file_is_reported_though_the_table_stays(void **state)
{
    struct world *w = *state;
    unsigned n;

    put(w, "a.yaml", CLASS WEB API);
    put(w, "b.yaml", ROUTE_TO("web"));
    start(w);
    n = receiver_count(&w->r);
    put(w, "b.yaml", "}");
    expect_reported(w, "ManifestBroken");
    assert_int_equal(receiver_count(&w->r), n);
    put(w, "b.yaml", ROUTE_TO("gone"));
    expect_reported(w, "ServiceNotFound");
    assert_int_equal(receiver_count(&w->r), n + 1);
}

static void a_table_tells_since_when_its_change_was_known(void **state)
{
    struct world *w = *state;
    uint64_t before_us = clock_now_us(), start_us;

    put(w, "a.yaml", CLASS WEB API);
    start(w);
    assert_true(w->r.noticed_us >= before_us && w->r.noticed_us <= w->r.at_us);
    start_us = clock_now_us();
    put(w, "b.yaml", ROUTE_TO("web"));
    expect(w, "web");
    pthread_mutex_lock(&w->r.lock);
    assert_true(w->r.noticed_us >= start_us);
    assert_true(w->r.noticed_us < w->r.at_us);
    pthread_mutex_unlock(&w->r.lock);
}

static void the_figures_follow_the_rounds(void **state)
{
    struct world *w = *state;
    struct controller_stats s;

    put(w, "a.yaml", CLASS WEB API ROUTE_TO("web"));
    start(w);
    controller_stats(w->c, &s);
    assert_int_equal(s.generation, 1);
    assert_int_equal(s.routes, 1);
    assert_int_equal(s.rounds[CONTROLLER_PUBLISHED], 1);
    assert_true(s.table_bytes > 0 && s.published_ms > 0);
    assert_true(s.heard_ms > 0 && s.turned_ms > 0);
    assert_false(s.last_failed);

    put(w, "unused.yaml", SERVED("shop", "unused", "10.0.0.9"));
    put(w, "a.yaml", CLASS WEB API ROUTE_TO("api"));
    expect(w, "api");
    controller_stop(w->c);
    controller_stats(w->c, &s);
    assert_int_equal(s.generation, w->r.n);
    assert_int_equal(s.rounds[CONTROLLER_PUBLISHED], w->r.n);
    assert_int_equal(s.rounds[CONTROLLER_FAILED], 0);
}

/** Whether the last look failed, as wished. */
static bool has_failed(void *ctx)
{
    const struct world *w = ctx;
    struct controller_stats s;

    controller_stats(w->c, &s);
    return s.last_failed && s.rounds[CONTROLLER_FAILED] > 0;
}

static bool is_well(void *ctx)
{
    return !has_failed(ctx);
}

/** What was heard before a moment that the clock has left behind. */
struct moment {
    const struct world *w;
    uint64_t heard_ms, turned_ms;
};

static bool has_turned_unheard(void *ctx)
{
    const struct moment *m = ctx;
    struct controller_stats s;

    controller_stats(m->w->c, &s);
    return s.heard_ms == m->heard_ms && s.turned_ms > m->turned_ms;
}

static void a_source_that_is_gone_is_no_longer_heard_of(void **state)
{
    struct world *w = *state;
    struct controller_stats s;
    struct moment m = {.w = w};

    put(w, "a.yaml", CLASS WEB API ROUTE_TO("web"));
    start(w);
    rename_inside(w, "m", "away");
    assert_true(wait_until(has_failed, w, PATIENCE_MS));
    controller_stats(w->c, &s);
    m.heard_ms = s.heard_ms;
    m.turned_ms = s.turned_ms;
    assert_true(wait_until(has_turned_unheard, &m, PATIENCE_MS));
    rename_inside(w, "away", "m");
    assert_true(wait_until(is_well, w, PATIENCE_MS));
}

/* ---- an API server, which here is a script ---- */

/** What kubesource_open() makes of it. */
static struct {
    struct scripted_source *script; /* NULL: it has no credentials */
    struct kubesource_config cfg;   /* as it was given */
    const struct kubesource_config *given;
    const struct kubesource *asked; /* by kubesource_stats() */
} opened;

static const struct kubesource_stats kube_figures[KUBESOURCE_RESOURCES];

int kubesource_open(struct source *out, const struct kubesource_config *cfg,
                    const struct source_host *host, struct err *e)
{
    if (!opened.script) {
        err_set(e, "token file t: it is empty");
        return -EINVAL;
    }
    assert_non_null(host->base);
    opened.cfg = *cfg;
    opened.given = cfg;
    *out = scripted_source_open(opened.script, host);
    return 0;
}

const struct kubesource_stats *kubesource_stats(const struct kubesource *k)
{
    opened.asked = k;
    return kube_figures;
}

static struct controller *make_watcher(struct world *w, struct err *e)
{
    const struct kubesource_config kube = {.agent = "sealway/test"};
    struct controller *c = make_from(w, NULL, &kube, e);

    assert_true(!c || opened.given != &kube); /* which is gone in a moment */
    return c;
}

static void missing_credentials_are_told_at_once(void **state)
{
    struct err e;

    opened.script = NULL;
    assert_null(make_watcher(*state, &e));
    assert_string_equal(e.text, "token file t: it is empty");
}

static void an_api_server_gives_its_first_table_when_all_was_listed(void **state)
{
    struct world *w = *state;
    struct err e;

    opened.script = &w->s;
    w->s.complete = w->s.live = false;
    w->c = make_watcher(w, &e);
    assert_non_null(w->c);
    assert_string_equal(opened.cfg.agent, "sealway/test");
    assert_int_equal(controller_start(w->c, &e), 0);
    assert_int_equal(receiver_count(&w->r), 0);
    pthread_mutex_lock(&w->s.lock);
    w->s.complete = w->s.live = true;
    pthread_mutex_unlock(&w->s.lock);
    scripted_source_change(&w->s, CLASS WEB ROUTE_TO("web"));
    expect(w, "web");
    assert_ptr_equal(controller_kube_stats(w->c), kube_figures);
    assert_ptr_equal(opened.asked, &w->s);
    controller_stop(w->c);
    assert_int_equal(receiver_count(&w->r), 1);
    assert_false(pthread_equal(w->r.thread, pthread_self()));
}

static void live_in_want(void *ctx)
{
    struct world *w = ctx;
    struct err e = {0};
    struct controller *c = make(w, &e);

    if (c && controller_start(c, &e) == 0) {
        controller_stop(c);
    }
    if (w->r.n == 0) {
        assert_string_not_equal(e.text, "");
    }
    table_unref(w->r.newest);
    w->r.newest = NULL;
    w->r.n = 0;
    report_unref(w->r.report);
    w->r.report = NULL;
    controller_free(c);
}

static void out_of_memory_at_the_start_is_told_and_leaks_nothing(void **state)
{
    struct world *w = *state;

    put(w, "a.yaml", CLASS WEB API ROUTE_TO("web"));
    assert_true(failalloc_torture(live_in_want, w) > 20);
}

static void out_of_memory_in_its_thread_delays_a_change_and_loses_none(void **state)
{
    /* In reading, in translating, in making the table; each is tried again after a second. */
    static const size_t points[] = {2, 60, 150};
    struct world *w = *state;

    put(w, "a.yaml", CLASS WEB API);
    start(w);
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        w->expected = i % 2 == 0 ? "web" : "api";
        failalloc_arm_others(points[i]);
        put(w, "b.yaml", i % 2 == 0 ? ROUTE_TO("web") : ROUTE_TO("api"));
        assert_true(wait_until(is_as_expected, w, PATIENCE_MS));
        assert_true(failalloc_disarm_others());
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_work_is_told_at_once),
        TEST(the_first_table_is_published_by_the_caller_of_start),
        TEST(an_empty_directory_is_an_empty_table),
        TEST(a_change_is_published_within_a_second),
        TEST(a_broken_file_changes_no_route),
        TEST(what_makes_no_difference_is_not_published),
        TEST(a_vanished_directory_keeps_the_routes_and_is_found_again),
        TEST(a_directory_behind_a_link_may_be_swapped),
        TEST(a_reload_reads_everything_and_publishes_only_what_differs),
        TEST(after_stop_nothing_is_published),
        TEST(many_changes_end_in_the_last),
        TEST(the_first_table_comes_with_its_report),
        TEST(a_broken_file_is_reported_though_the_table_stays),
        TEST(a_table_tells_since_when_its_change_was_known),
        TEST(the_figures_follow_the_rounds),
        TEST(a_source_that_is_gone_is_no_longer_heard_of),
        TEST(missing_credentials_are_told_at_once),
        TEST(an_api_server_gives_its_first_table_when_all_was_listed),
        TEST(out_of_memory_at_the_start_is_told_and_leaks_nothing),
        TEST(out_of_memory_in_its_thread_delays_a_change_and_loses_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
