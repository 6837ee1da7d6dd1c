/* A server in trouble: watches that end at once, no server, 429, 5xx, 403.  Waits and rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/kuberow.h"

#define LATE_MS 200u /* a request may be seen so much later than it was sent */

static const struct fakeapi_match any_of_ingresses = {.resource = FAKEAPI_INGRESSES};
static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* No more than two requests a second, whatever second it is: over two, for a list and the watch
 * behind it come together. */
static void expect_slow(struct kubescene *s, const struct fakeapi_match *m)
{
    assert_in_range(kubescene_busiest(s, m, 2000), 1, 4);
    assert_in_range(kubescene_busiest(s, m, 10000), 1, 10);
}

/* That the waits from request `first` on are those of the backoff: 0.8 s doubling to 30 s, and up
 * to as much again; `n` of them. */
static void expect_backoff(struct kubescene *s, const struct fakeapi_match *m, unsigned first,
                           unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t least = 800u << i < 30000 ? 800u << i : 30000;

        assert_in_range(kuberow_gap_ms(s, m, first + i), least - LATE_MS, 2 * least + 500);
    }
}

/* ---- row 14 --------------------------------------------------------------------------------- */

/* Row 14: a watch that closes at once with no event, for ever. */
static void watches_that_end_at_once_come_ever_more_seldom(void **state)
{
    const struct fakeapi_answer empty = {.status = 200, .body = "", .chunked = true};
    struct kubescene *s = &scene;
    unsigned before;

    (void)state;
    kuberow_start(s, NULL);
    before = kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES);
    fakeapi_script(s->api, &kuberow_watches, 0, &empty);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kubescene_pass(s, 300000);
    expect_slow(s, &any_of_ingresses);
    expect_backoff(s, &kuberow_watches, 1, 5); /* each with the list before it */
    assert_in_range(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES) - before, 8, 24);
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
    assert_int_equal(fakeapi_watches(s->api, FAKEAPI_SERVICES), 1); /* the others live */
    fakeapi_unscript(s->api);
    kuberow_await_watch(s, kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES) + 1);
    kuberow_expect_same(s);
}

/* Row 14: likewise where all are broken off, which lists nothing. */
static void watches_that_break_at_once_come_ever_more_seldom(void **state)
{
    const struct fakeapi_answer cut = {.cut = FAKEAPI_RST};
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, NULL);
    fakeapi_script(s->api, &kuberow_watches, 0, &cut);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_RST);
    kubescene_pass(s, 300000);
    expect_slow(s, &any_of_ingresses);
    expect_backoff(s, &kuberow_watches, 1, 5);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
}

/* ---- row 15 --------------------------------------------------------------------------------- */

/* Row 15: the server restarts: it refuses for 30 s, is back, and its versions go on. */
static void a_restart_of_the_server_needs_no_list(void **state)
{
    struct kubescene *s = &scene;
    uint64_t known, version;
    unsigned accepted;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    accepted = fakeapi_accepted(s->api);
    fakeapi_listen(s->api, false);
    fakeapi_drop(s->api, FAKEAPI_RST);
    kubescene_pass(s, 30000);
    assert_false(kuberow_is_live(s));
    assert_true(s->source.ops->is_complete(s->source.self)); /* and so it stays */
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
    assert_int_equal(fakeapi_accepted(s->api), accepted);
    version = fakeapi_put_ingress(s->api, "shop", "meanwhile", "m.example.com", "web");
    fakeapi_listen(s->api, true);

    kuberow_await_watch(s, 2);
    kuberow_expect_watch(s, 1, known);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "meanwhile", version));
    kubescene_pass(s, 60000); /* those that wait longer */
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_ANY_RESOURCE), 4);
    assert_int_equal(kuberow_relists(s), 0);
    kuberow_expect_same(s);
    assert_true(kuberow_is_live(s));
    assert_in_range(kubescene_said(s, "the API server does not answer; the last routes keep"), 1,
                    2);
    assert_int_equal(kubescene_said(s, "the API server answers again"), 1);
}

/* ---- row 18 --------------------------------------------------------------------------------- */

/* As flow control answers. */
static void refuse_for_now(struct kubescene *s, const struct fakeapi_match *m, unsigned seconds)
{
    char head[64];
    const struct fakeapi_answer busy = {.status = 429,
                                        .body = "Too many requests, please try again later.\n",
                                        .content_type = "text/plain; charset=utf-8",
                                        .head = head};

    snprintf(head, sizeof(head), "Retry-After: %u\r\n", seconds);
    fakeapi_script(s->api, m, 1, &busy);
}

static const unsigned retry_after_s[] = {1, 5, 32};

/* That a wait was as long as asked for, or as our own where that is longer. */
static void expect_waited(struct kubescene *s, const struct fakeapi_match *m, unsigned n,
                          unsigned seconds)
{
    assert_in_range(kuberow_gap_ms(s, m, n), seconds * 1000 - LATE_MS, seconds * 1000 + 7000);
}

/* Row 18: 429 to a list: waits, and asks the same. */
static void a_list_waits_as_long_as_it_is_told_and_asks_the_same(void **state)
{
    struct kubescene *s = &scene;

    (void)state;
    kubescene_start(s, &(struct kubescene_config){.closed = true});
    for (unsigned i = 0; i < 3; i++) {
        refuse_for_now(s, &kuberow_lists, retry_after_s[i]);
    }
    kubescene_open_source(s);
    assert_true(kuberow_asked(s, &kuberow_lists, 4, 120000));
    for (unsigned i = 0; i < 3; i++) {
        kuberow_expect_list(s, i, "limit=500&resourceVersion=0");
        expect_waited(s, &kuberow_lists, i, retry_after_s[i]);
    }
    kuberow_expect_list(s, 3, "limit=500&resourceVersion=0");
    assert_true(kubescene_complete(s));
    assert_int_equal(kuberow_errors(s), 3);
    assert_int_equal(kubescene_said(s, "the API server answers 429 TooManyRequests"), 1);
}

/* Row 18: 429 to the opening of a watch: waits, and opens the same; no list. */
static void a_watch_waits_as_long_as_it_is_told_and_lists_nothing(void **state)
{
    struct kubescene *s = &scene;
    uint64_t known;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    for (unsigned i = 0; i < 3; i++) {
        refuse_for_now(s, &kuberow_watches, retry_after_s[i]);
    }
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, 5);
    for (unsigned i = 0; i < 3; i++) {
        expect_waited(s, &kuberow_watches, i + 1, retry_after_s[i]);
        kuberow_expect_watch(s, i + 2, known);
    }
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    kuberow_expect_same(s);
}

/* Row 18: 429 as an ERROR event, with the wait in the details of its Status. */
static void a_watch_that_is_told_to_wait_by_an_event_lists_nothing(void **state)
{
    struct kubescene *s = &scene;
    uint64_t known;
    char event[512];

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t told_ms = clock_now_ms();
        struct fakeapi_request r;

        snprintf(event, sizeof(event),
                 "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
                 "\"metadata\":{},\"status\":\"Failure\",\"reason\":\"TooManyRequests\","
                 "\"details\":{\"retryAfterSeconds\":%u},\"code\":429}}\n",
                 retry_after_s[i]);
        fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, event);
        kuberow_await_watch(s, i + 2);
        kuberow_expect_watch(s, i + 1, known);
        kuberow_request(s, &kuberow_watches, i + 1, &r);
        assert_in_range(kubescene_came_ms(s, &r) - told_ms, retry_after_s[i] * 1000,
                        retry_after_s[i] * 1000 + 7000);
    }
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    kuberow_expect_same(s);
}

/* ---- row 19 --------------------------------------------------------------------------------- */

/* Bodies that would do harm, were they read as events or lists. */
static const struct fakeapi_answer failures[] = {
    {.status = 500, .content_type = "text/plain", .body = "Internal Server Error\n"},
    {.status = 502,
     .content_type = "text/html",
     .body = "<html><body>{\"type\":\"DELETED\",\"object\":{}}</body></html>\r\n"},
    {.status = 503,
     .content_type = "application/json",
     .body = "{\"type\":\"DELETED\",\"object\":{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":"
             "\"Ingress\",\"metadata\":{\"namespace\":\"shop\",\"name\":\"web\",\"uid\":\"x\","
             "\"resourceVersion\":\"900\"}}}\n"},
    {.status = 504, .content_type = "text/plain", .body = ""},
    {.status = 500,
     .content_type = "application/json",
     .body = "{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"
             "\"resourceVersion\":\"900\"},\"items\":[]}"},
};
#define FAILURES (sizeof(failures) / sizeof(failures[0]))

/* Row 19: 500, 502 of HTML, 503, 504 without JSON, to a list. */
static void a_list_backs_off_from_a_server_in_trouble(void **state)
{
    struct kubescene *s = &scene;
    char *gone = fakeapi_error_event(410, NULL, "too old");

    (void)state;
    kuberow_start(s, NULL);
    for (size_t i = 0; i < FAILURES; i++) {
        fakeapi_script(s->api, &kuberow_lists, 1, &failures[i]);
    }
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, gone);
    free(gone);
    assert_true(kuberow_asked(s, &kuberow_lists, FAILURES + 1, 60000));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
    kuberow_await_watch(s, 2);
    expect_backoff(s, &kuberow_lists, 1, FAILURES);
    expect_slow(s, &any_of_ingresses);
    kuberow_expect_watch(s, 1, fakeapi_version(s->api)); /* no version of a body was taken */
    assert_int_equal(kuberow_errors(s), FAILURES);
    assert_int_equal(kuberow_relists(s), 1);
    kuberow_expect_same(s);
}

/* Row 19: likewise to the opening of a watch. */
static void a_watch_backs_off_from_a_server_in_trouble(void **state)
{
    struct kubescene *s = &scene;
    uint64_t known;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    for (size_t i = 1; i < 4; i++) {
        fakeapi_script(s->api, &kuberow_watches, 1, &failures[i]);
    }
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, 5);
    expect_backoff(s, &kuberow_watches, 1, 3);
    kuberow_expect_watch(s, 4, known);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_events(s), 0);
    assert_int_equal(kuberow_errors(s), 3);
    kuberow_expect_same(s);
}

/* ---- row 21 --------------------------------------------------------------------------------- */

#define NO_SERVICES                                                                                \
    "cannot list services in all namespaces: 403 Forbidden; grant the verbs list and watch on "    \
    "services in the core API group"

/* Row 21: 403 on one kind from the start: the others work, and a permission is found. */
static void one_kind_that_is_forbidden_does_not_hinder_the_others(void **state)
{
    const struct fakeapi_match lists = {.verb = FAKEAPI_LIST, .resource = FAKEAPI_SERVICES};
    struct kubescene *s = &scene;

    (void)state;
    kubescene_start(s, &(struct kubescene_config){.closed = true});
    fakeapi_put_service(s->api, "shop", "web");
    fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
    fakeapi_forbid(s->api, FAKEAPI_ANY_VERB, FAKEAPI_SERVICES, true);
    kubescene_open_source(s);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "web", 0));
    kubescene_pass(s, 110000);
    assert_false(s->source.ops->is_complete(s->source.self));
    assert_true(kubescene_figures(s, "ingresses")->synced);
    assert_false(kubescene_figures(s, "services")->synced);
    assert_int_equal(kubescene_figures(s, "services")->errors, fakeapi_requests(s->api, &lists));
    assert_int_equal(kuberow_errors(s), 0);
    assert_in_range(fakeapi_requests(s->api, &lists), 6, 9);
    assert_in_range(kuberow_gap_ms(s, &lists, 0), 700, 2000);
    assert_in_range(kubescene_said(s, NO_SERVICES), 1, 2); /* once a minute */
    fakeapi_forbid(s->api, FAKEAPI_ANY_VERB, FAKEAPI_SERVICES, false);
    assert_true(kuberow_asked(s, &lists, fakeapi_requests(s->api, &lists) + 1, 62000));
    assert_true(kubescene_complete(s));
    assert_true(kubescene_figures(s, "services")->synced);
}

/* Row 21: 403 while all was well: what is known stays, and the others go on. */
static void a_permission_that_is_taken_away_costs_no_object(void **state)
{
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kuberow_start(s, NULL);
    fakeapi_forbid(s->api, FAKEAPI_ANY_VERB, FAKEAPI_SERVICES, true);
    fakeapi_cut(s->api, FAKEAPI_SERVICES, FAKEAPI_CLEAN);
    kubescene_pass(s, 60000);
    assert_non_null(store_find(s->store, OBJECT_SERVICE, "shop", "web"));
    assert_in_range(kubescene_figures(s, "services")->errors, 5, 8); /* ever more seldom */
    assert_true(kubescene_said(s, "watch services in all namespaces: 403 Forbidden; grant") > 0);
    assert_false(kuberow_is_live(s));
    version = fakeapi_put_ingress(s->api, "shop", "new", "new.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "new", version));
    assert_int_equal(kuberow_errors(s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(watches_that_end_at_once_come_ever_more_seldom, teardown),
        cmocka_unit_test_teardown(watches_that_break_at_once_come_ever_more_seldom, teardown),
        cmocka_unit_test_teardown(a_restart_of_the_server_needs_no_list, teardown),
        cmocka_unit_test_teardown(a_list_waits_as_long_as_it_is_told_and_asks_the_same, teardown),
        cmocka_unit_test_teardown(a_watch_waits_as_long_as_it_is_told_and_lists_nothing, teardown),
        cmocka_unit_test_teardown(a_watch_that_is_told_to_wait_by_an_event_lists_nothing, teardown),
        cmocka_unit_test_teardown(a_list_backs_off_from_a_server_in_trouble, teardown),
        cmocka_unit_test_teardown(a_watch_backs_off_from_a_server_in_trouble, teardown),
        cmocka_unit_test_teardown(one_kind_that_is_forbidden_does_not_hinder_the_others, teardown),
        cmocka_unit_test_teardown(a_permission_that_is_taken_away_costs_no_object, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
