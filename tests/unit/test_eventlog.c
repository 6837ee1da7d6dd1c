#include "eventlog_fixture.h"

#include <time.h>

#include "support/failalloc.h"

/* ---- what is said ---------------------------------------------------------------------------- */

static void a_new_verdict_becomes_an_event(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r;

    (void)state;
    fixture_warn(c, "web", "NoEndpoints", "Service shop/web has none");
    fixture_look(c);
    fixture_pass(c, EVENTLOG_SETTLE_MS - 1);
    assert_null(fixture_running(c));
    assert_int_equal(eventlog_due_ms(c->l), fixture_now_ms + 1);
    r = fixture_next(c);
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->path, "/apis/events.k8s.io/v1/namespaces/shop/events");
    assert_string_equal(r->type, "application/json");
    assert_string_equal(fixture_text(c, 0, "type"), "Warning");
    assert_string_equal(fixture_text(c, 0, "reason"), "NoEndpoints");
    assert_string_equal(fixture_text(c, 0, "note"), "Service shop/web has none");
    assert_string_equal(fixture_text(c, 0, "regarding.name"), "web");
    assert_string_equal(fixture_text(c, 0, "regarding.uid"), "u-web");
    assert_string_equal(fixture_text(c, 0, "reportingInstance"), "sealway-0");
    assert_int_equal(strlen(fixture_text(c, 0, "eventTime")),
                     strlen("2026-01-02T03:04:05.000000Z"));
    fixture_accept(r);
    assert_int_equal(eventlog_stats(c->l)->written, 1);
    fixture_end(c);
}

static void what_goes_on_standing_is_said_once(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    for (int i = 0; i < 39; i++) {
        fixture_warn(c, "other", i % 2 ? "NoEndpoints" : "ServiceNotFound", "changes");
        fixture_stand(c, "PathsIgnored");
        fixture_run(c, 60000);
    }
    for (size_t i = 0, n = 0; i < c->n; i++) {
        n += strcmp(fixture_text(c, i, "regarding.name"), "web") == 0;
        assert_true(n <= 1);
    }
    fixture_end(c);
}

static void a_note_is_normal_and_an_error_a_warning(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_add(&c->decoded, "web", VERDICT_NOTE, "ClassNotFound", "not served");
    fixture_add(&c->decoded, "other", VERDICT_ERROR, "InvalidField", "broken");
    fixture_look(c);
    fixture_run(c, 5000);
    assert_int_equal(c->n, 2);
    assert_string_equal(fixture_text(c, 0, "reason"), "InvalidField"); /* warnings first */
    assert_string_equal(fixture_text(c, 0, "type"), "Warning");
    assert_string_equal(fixture_text(c, 1, "type"), "Normal");
    fixture_end(c);
}

static void what_is_gone_before_it_settled_is_not_said(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "ServiceNotFound");
    fixture_run(c, EVENTLOG_SETTLE_MS - 1);
    fixture_stand(c, NULL);
    fixture_run(c, 600000);
    assert_int_equal(c->n, 0);
    assert_int_equal(eventlog_due_ms(c->l), UINT64_MAX); /* and is forgotten */
    fixture_end(c);
}

static void an_object_that_is_well_again_is_told_so(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "ServiceNotFound");
    fixture_run(c, 5000);
    fixture_stand(c, NULL);
    fixture_run(c, 5000);
    assert_int_equal(c->n, 2);
    assert_string_equal(fixture_text(c, 1, "type"), "Normal");
    assert_string_equal(fixture_text(c, 1, "reason"), "Resolved");
    assert_string_equal(fixture_text(c, 1, "note"),
                        "ServiceNotFound no longer holds; nothing is left to mend");
    fixture_end(c);
}

static void well_again_for_a_moment_is_well_in_the_end(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "ServiceNotFound");
    fixture_run(c, 5000);
    fixture_stand(c, NULL);
    fixture_run(c, 1000);
    fixture_stand(c, "ServiceNotFound");
    fixture_run(c, 1000);
    fixture_stand(c, NULL);
    fixture_run(c, 60000);
    assert_int_equal(c->n, 2);
    assert_string_equal(fixture_text(c, 1, "reason"), "Resolved");
    fixture_end(c);
}

/* ---- series ---------------------------------------------------------------------------------- */

static void the_same_again_is_a_patch_of_the_event(void **state)
{
    struct kubeclient *c = fixture_begin();
    char path[4096];

    (void)state;
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 3000);
    fixture_stand(c, NULL);
    fixture_run(c, 1000);
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 60000);
    assert_int_equal(c->n, 2); /* POST, PATCH: well for a second only */
    assert_string_equal(c->requests[1]->method, "PATCH");
    assert_string_equal(c->requests[1]->type, "application/merge-patch+json");
    snprintf(path, sizeof(path), "/apis/events.k8s.io/v1/namespaces/shop/events/%s",
             fixture_text(c, 0, "metadata.name"));
    assert_string_equal(c->requests[1]->path, path);
    assert_int_equal(fixture_count(c, 1), 2);
    fixture_end(c);
}

/* For an hour, every `every_ms` the other way; returns the most writes of one topic. */
static size_t flap(struct kubeclient *c, uint64_t every_ms)
{
    uint64_t end_ms = fixture_now_ms + 3600000;
    size_t resolved = 0;

    for (bool stands = true; fixture_now_ms < end_ms; stands = !stands) {
        fixture_stand(c, stands ? "NoEndpoints" : NULL);
        fixture_run(c, every_ms);
    }
    for (size_t i = 0; i < c->n; i++) {
        resolved += strcmp(fixture_text(c, i, "reason"), "Resolved") == 0;
    }
    assert_true(resolved <= 4); /* created; the rest are patches */
    return c->n;
}

static void what_comes_and_goes_does_not_flood(void **state)
{
    static const uint64_t every_ms[] = {300, 1000, 2500, 5000, 10000, 30000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(every_ms); i++) {
        struct kubeclient *c = fixture_begin();

        assert_in_range(flap(c, every_ms[i]), 1, 2 * 3600 / 10 + 2);
        fixture_end(c);
    }
}

static void an_event_that_has_gone_is_created_again(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 3000);
    fixture_stand(c, NULL);
    fixture_stand(c, "NoEndpoints");
    fixture_refuse(fixture_next(c), 404);
    fixture_accept(fixture_next(c));
    assert_int_equal(c->n, 3);
    assert_string_equal(c->requests[1]->method, "PATCH");
    assert_string_equal(c->requests[2]->method, "POST");
    assert_int_equal(eventlog_stats(c->l)->failed, 0);
    fixture_end(c);
}

static void a_series_ends_after_six_minutes(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 3000);
    fixture_stand(c, NULL);
    fixture_run(c, EVENTLOG_SERIES_MS + 60000);
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 3000);
    assert_int_equal(c->n, 3);
    assert_string_equal(c->requests[2]->method, "POST");
    fixture_end(c);
}

/* ---- how fast -------------------------------------------------------------------------------- */

static void stand_many(struct kubeclient *c, size_t n)
{
    char name[32];

    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "w%zu", i);
        fixture_warn(c, name, "ServiceNotFound",
                     "there is no Service shop/web; create it, or name another one; until then its "
                     "hosts are answered with an error");
    }
    fixture_look(c);
}

static void a_burst_goes_out_and_then_five_a_second(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    stand_many(c, 200);
    fixture_run(c, EVENTLOG_SETTLE_MS);
    assert_int_equal(c->n, EVENTLOG_BURST);
    fixture_run(c, 10000);
    assert_int_equal(c->n, EVENTLOG_BURST + 10 * EVENTLOG_PER_S);
    fixture_run(c, 60000);
    assert_int_equal(c->n, 200);
    fixture_end(c);
}

static void a_thousand_wait_and_further_ones_are_lost(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    stand_many(c, EVENTLOG_QUEUE + 7);
    assert_int_equal(eventlog_stats(c->l)->lost, 7);
    fixture_run(c, 100);
    assert_int_equal(fixture_lines(c), 1);
    assert_non_null(strstr(c->log, "7 Events are lost"));
    fixture_run(c, 300000);
    assert_int_equal(c->n, EVENTLOG_QUEUE);
    assert_int_equal(eventlog_stats(c->l)->written, EVENTLOG_QUEUE);
    fixture_end(c);
}

static void four_are_under_way_at_most(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    stand_many(c, 20);
    fixture_pass(c, 5000);
    assert_int_equal(c->n, EVENTLOG_FLIGHTS);
    assert_true(eventlog_due_ms(c->l) > fixture_now_ms);
    fixture_accept(fixture_running(c));
    assert_int_equal(eventlog_due_ms(c->l), EVENTLOG_SETTLE_MS + FIXTURE_START_MS);
    fixture_pass(c, 0);
    assert_int_equal(c->n, EVENTLOG_FLIGHTS + 1);
    fixture_end(c);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void what_is_refused_is_never_tried_again(void **state)
{
    static const int codes[] = {400, 401, 403, 404, 413, 422};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct kubeclient *c = fixture_begin();

        fixture_stand(c, "NoEndpoints");
        fixture_refuse(fixture_next(c), codes[i]);
        fixture_run(c, 600000);
        assert_int_equal(c->n, 1);
        assert_int_equal(eventlog_stats(c->l)->failed, 1);
        assert_int_equal(fixture_lines(c), 1);
        fixture_end(c);
    }
}

typedef void (*answer_fn)(struct kuberequest *r);

static void say_busy(struct kuberequest *r)
{
    fixture_refuse(r, 429);
}

static void say_broken(struct kuberequest *r)
{
    fixture_refuse(r, 500);
}

static void what_failed_is_tried_again_twelve_times_under_its_name(void **state)
{
    static const answer_fn answers[] = {say_busy, say_broken, fixture_lose};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct kubeclient *c = fixture_begin();
        char name[2048];

        fixture_stand(c, "NoEndpoints");
        for (size_t n = 0; n <= EVENTLOG_RETRIES; n++) {
            struct kuberequest *r = fixture_next(c);

            if (n == 0) {
                snprintf(name, sizeof(name), "%s", fixture_text(c, 0, "metadata.name"));
            } else {
                assert_in_range(r->at_ms - c->requests[n - 1]->at_ms, 7500, 12500);
            }
            assert_string_equal(fixture_text(c, n, "metadata.name"), name);
            answers[i](r);
        }
        fixture_run(c, 600000);
        assert_int_equal(c->n, EVENTLOG_RETRIES + 1);
        assert_int_equal(eventlog_stats(c->l)->failed, 1);
        fixture_end(c);
    }
}

static void each_write_has_its_own_retries(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        fixture_stand(c, NULL);
        fixture_stand(c, "NoEndpoints");
        for (size_t n = 0; n < EVENTLOG_RETRIES - 1; n++) {
            fixture_refuse(fixture_next(c), 503);
        }
        fixture_accept(fixture_next(c));
    }
    assert_int_equal(eventlog_stats(c->l)->written, 3);
    assert_int_equal(eventlog_stats(c->l)->failed, 0);
    fixture_end(c);
}

static void one_that_came_through_unanswered_is_there(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "NoEndpoints");
    fixture_lose(fixture_next(c));
    fixture_refuse(fixture_next(c), 409);
    assert_int_equal(eventlog_stats(c->l)->written, 1);
    assert_int_equal(eventlog_stats(c->l)->failed, 0);
    fixture_end(c);
}

static void a_server_that_does_not_answer_is_left_alone(void **state)
{
    struct kubeclient *c = fixture_begin();
    uint64_t lost_ms;

    (void)state;
    stand_many(c, 100);
    fixture_pass(c, 5000);
    while (fixture_running(c)) {
        fixture_lose(fixture_running(c));
    }
    lost_ms = fixture_now_ms;
    assert_int_equal(c->n, EVENTLOG_FLIGHTS);
    (void)fixture_next(c);
    assert_in_range(fixture_now_ms - lost_ms, 7500, 12500);
    fixture_end(c);
}

static void a_server_may_ask_for_more_time(void **state)
{
    struct kubestatus busy = {.code = 429, .has_retry_after = true, .retry_after_s = 60};
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "NoEndpoints");
    fixture_done(fixture_next(c), KUBERESULT_REFUSED, &busy);
    (void)fixture_next(c);
    assert_int_equal(c->requests[1]->at_ms - c->requests[0]->at_ms, 60000);
    busy.retry_after_s = UINT32_MAX;
    fixture_done(fixture_running(c), KUBERESULT_REFUSED, &busy);
    (void)fixture_next(c);
    assert_int_equal(c->requests[2]->at_ms - c->requests[1]->at_ms, 300000);
    fixture_end(c);
}

static void what_is_mended_meanwhile_is_not_tried_again(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_stand(c, "NoEndpoints");
    (void)fixture_next(c);
    fixture_look(c);
    fixture_lose(fixture_running(c));
    fixture_run(c, 600000);
    assert_int_equal(c->n, 2);
    assert_string_equal(fixture_text(c, 1, "reason"), "Resolved");
    fixture_end(c);
}

/* ---- whether to write ------------------------------------------------------------------------ */

static void nothing_is_written_before_it_is_allowed(void **state)
{
    struct kubeclient *c = fixture_new(WEB);
    struct eventlog_config cfg = fixture_config(c);

    (void)state;
    c->l = eventlog_new(&cfg);
    assert_non_null(c->l);
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 60000);
    assert_int_equal(c->n, 0);
    eventlog_allow(c->l, true);
    fixture_run(c, 5000);
    assert_int_equal(c->n, 1);
    fixture_end(c);
}

static void who_may_no_longer_write_stops_at_once(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    stand_many(c, 10);
    fixture_pass(c, 5000);
    assert_int_equal(c->n, EVENTLOG_FLIGHTS);
    eventlog_allow(c->l, false);
    for (size_t i = 0; i < c->n; i++) {
        assert_true(c->requests[i]->is_cancelled);
    }
    fixture_run(c, 60000);
    assert_int_equal(c->n, EVENTLOG_FLIGHTS);
    fixture_end(c);
}

static void who_may_write_again_says_all_that_stands_anew(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_warn(c, "other", "PathsIgnored", "it is wrong");
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 5000);
    eventlog_allow(c->l, false);
    fixture_stand(c, "NoEndpoints"); /* mended while somebody else writes: not said */
    fixture_run(c, 5000);
    assert_int_equal(c->n, 2);
    eventlog_allow(c->l, true);
    fixture_run(c, 5000);
    assert_int_equal(c->n, 3);
    assert_string_equal(c->requests[2]->method, "POST");
    assert_string_equal(fixture_text(c, 2, "regarding.name"), "web");
    fixture_end(c);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void a_request_without_memory_is_tried_again(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    c->refuses_requests = true;
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 5000);
    assert_int_equal(c->n, 0);
    c->refuses_requests = false;
    fixture_run(c, 15000);
    assert_int_equal(c->n, 1);
    fixture_end(c);
}

/* A life with everything in it, on objects made before. */
static void live(void *ctx)
{
    struct kubeclient *c = ctx;
    struct eventlog_config cfg = fixture_config(c);

    c->l = eventlog_new(&cfg);
    if (!c->l) {
        return;
    }
    eventlog_allow(c->l, true);
    for (int i = 0; i < 3; i++) {
        fixture_warn(c, "other", "PathsIgnored", "one");
        fixture_warn(c, "other", "PathsIgnored", "two");
        fixture_stand(c, "NoEndpoints");
        fixture_run(c, 15000);
        fixture_look(c);
        fixture_run(c, 15000);
    }
    eventlog_allow(c->l, false);
    eventlog_free(c->l);
    c->l = NULL;
    fixture_forget_requests(c);
}

static void memory_may_run_out_anywhere(void **state)
{
    struct kubeclient *c = fixture_new(WEB OTHER);

    (void)state;
    assert_true(failalloc_torture(live, c) > 30);
    fixture_end(c);
}

static double cpu_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The figures are for people; what must hold is that it ends, and that nothing is kept. */
static void ten_thousand_at_once_cost_little(void **state)
{
    struct kubeclient *c = fixture_begin();
    double start, changed, same;

    (void)state;
    stand_many(c, 10000);
    fixture_look(c);
    start = cpu_ms();
    stand_many(c, 10000);
    changed = cpu_ms();
    stand_many(c, 10000);
    same = cpu_ms();
    print_message("10000 verdicts: %.1f ms changed, %.1f ms unchanged, with making them\n",
                  changed - start, same - changed);
    assert_true(eventlog_stats(c->l)->lost >= 9000);
    fixture_look(c);
    fixture_run(c, 1200000);
    assert_int_equal(eventlog_due_ms(c->l), UINT64_MAX); /* nothing is left to be swept */
    fixture_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_verdict_becomes_an_event),
        cmocka_unit_test(what_goes_on_standing_is_said_once),
        cmocka_unit_test(a_note_is_normal_and_an_error_a_warning),
        cmocka_unit_test(what_is_gone_before_it_settled_is_not_said),
        cmocka_unit_test(an_object_that_is_well_again_is_told_so),
        cmocka_unit_test(well_again_for_a_moment_is_well_in_the_end),
        cmocka_unit_test(the_same_again_is_a_patch_of_the_event),
        cmocka_unit_test(what_comes_and_goes_does_not_flood),
        cmocka_unit_test(an_event_that_has_gone_is_created_again),
        cmocka_unit_test(a_series_ends_after_six_minutes),
        cmocka_unit_test(a_burst_goes_out_and_then_five_a_second),
        cmocka_unit_test(a_thousand_wait_and_further_ones_are_lost),
        cmocka_unit_test(four_are_under_way_at_most),
        cmocka_unit_test(what_is_refused_is_never_tried_again),
        cmocka_unit_test(what_failed_is_tried_again_twelve_times_under_its_name),
        cmocka_unit_test(each_write_has_its_own_retries),
        cmocka_unit_test(one_that_came_through_unanswered_is_there),
        cmocka_unit_test(a_server_that_does_not_answer_is_left_alone),
        cmocka_unit_test(a_server_may_ask_for_more_time),
        cmocka_unit_test(what_is_mended_meanwhile_is_not_tried_again),
        cmocka_unit_test(nothing_is_written_before_it_is_allowed),
        cmocka_unit_test(who_may_no_longer_write_stops_at_once),
        cmocka_unit_test(who_may_write_again_says_all_that_stands_anew),
        cmocka_unit_test(a_request_without_memory_is_tried_again),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(ten_thousand_at_once_cost_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
