/* Versions that cannot be had: forgotten by the server, lost with a backup, too new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/kuberow.h"

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* The next watch is held by the server until this: what happens meanwhile it does not know. */
static void hold_next_watch(struct kubescene *s)
{
    const struct fakeapi_answer held = {.held = true};

    fakeapi_script(s->api, &kuberow_watches, 1, &held);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    assert_true(kuberow_asked(s, &kuberow_watches,
                              kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES) + 1, 10000));
}

/* ---- row 1 ---------------------------------------------------------------------------------- */

/* Row 1: list, watch, then HTTP 200 with an ERROR event of 410. */
static void an_expired_watch_relists_once_and_takes_what_vanished(void **state)
{
    struct kubescene *s = &scene;
    uint64_t known, latest;
    unsigned watches;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_put_ingress(s->api, "shop", "gone", "gone.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "gone", known));
    watches = kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES);
    hold_next_watch(s);
    latest = fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "gone");
    fakeapi_compact(s->api);
    fakeapi_release(s->api);

    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "gone"));
    kuberow_await_watch(s, watches + 2);
    kuberow_expect_watch(s, watches, known);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 2);
    kuberow_expect_list(s, 1, "resourceVersion=%llu", (unsigned long long)known);
    kuberow_expect_watch(s, watches + 1, latest);
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 1);
    assert_int_equal(kuberow_errors(s), 0); /* 410 is a way to work */
    assert_true(kuberow_is_live(s));
}

/* ---- row 2 ---------------------------------------------------------------------------------- */

/* Row 2: the watch is answered by HTTP 410 itself, and so is the list from the same version. */
static void a_version_that_is_gone_for_lists_too_is_given_up(void **state)
{
    const struct fakeapi_match from_ours = {
        .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .query = "resourceVersion="};
    const struct fakeapi_answer gone = {.status = 410};
    struct kubescene *s = &scene;
    uint64_t known;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    fakeapi_script(s->api, &kuberow_watches, 1, &gone);
    fakeapi_script(s->api, &from_ours, 1, &gone);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);

    kuberow_await_watch(s, 3);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 3);
    kuberow_expect_list(s, 1, "resourceVersion=%llu", (unsigned long long)known);
    kuberow_expect_list(s, 2, "limit=500");
    kuberow_expect_watch(s, 2, known);
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 1);
}

/* Row 2: no tight loop, even if it goes on. */
static void a_server_that_has_forgotten_all_for_ever_is_asked_ever_more_seldom(void **state)
{
    const struct fakeapi_match any = {.resource = FAKEAPI_INGRESSES};
    const struct fakeapi_answer gone = {.status = 410};
    struct kubescene *s = &scene;
    unsigned before;

    (void)state;
    kuberow_start(s, NULL);
    before = fakeapi_requests(s->api, &any);
    fakeapi_script(s->api, &kuberow_watches, 0, &gone);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kubescene_pass(s, 60000);
    assert_in_range(fakeapi_requests(s->api, &any) - before, 4, 20);
    assert_in_range(kubescene_busiest(s, &any, 5000), 1, 10); /* never more than two a second */
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
}

/* ---- rows 3 to 5 ---------------------------------------------------------------------------- */

static void expect_one_relist(struct kubescene *s, unsigned watches, uint64_t known)
{
    kuberow_await_watch(s, watches);
    assert_int_equal(kuberow_relists(s), 1);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 2);
    kuberow_expect_list(s, 1, "resourceVersion=%llu", (unsigned long long)known);
    kuberow_expect_watch(s, watches - 1, known);
    kuberow_expect_same(s);
}

/* Row 3: a body of 410 that is not chunked, and the connection is closed behind it. */
static void an_expiry_with_a_length_and_an_end_is_read_the_same(void **state)
{
    const struct fakeapi_answer gone = {.status = 410,
                                        .head = "Connection: close\r\n",
                                        .cut = FAKEAPI_CLOSE,
                                        .cut_after = SIZE_MAX};
    struct kubescene *s = &scene;
    uint64_t known;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    fakeapi_script(s->api, &kuberow_watches, 1, &gone);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    expect_one_relist(s, 3, known);
    assert_int_equal(kuberow_errors(s), 0);
}

/* Row 3: likewise as an event under HTTP 200. */
static void an_expiry_as_event_with_a_length_and_an_end_is_read_the_same(void **state)
{
    char *event = fakeapi_error_event(410, NULL, "too old resource version: 1 (2)");
    const struct fakeapi_answer gone = {.status = 200,
                                        .body = event,
                                        .head = "Connection: close\r\n",
                                        .cut = FAKEAPI_CLOSE,
                                        .cut_after = SIZE_MAX};
    struct kubescene *s = &scene;
    uint64_t known;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    fakeapi_script(s->api, &kuberow_watches, 1, &gone);
    free(event);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    expect_one_relist(s, 3, known);
    assert_int_equal(kuberow_errors(s), 0);
}

/* Row 4: an ERROR event, and the stream stays open. */
static void a_stream_is_closed_by_us_after_an_error_event(void **state)
{
    static const int codes[] = {410, 500, 429};
    struct kubescene *s = &scene;
    struct fakeapi_request last;

    (void)state;
    kuberow_start(s, NULL);
    for (unsigned i = 0; i < 3; i++) {
        char *event = fakeapi_error_event(codes[i], NULL, "as scripted");

        fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, event);
        free(event);
        kuberow_await_watch(s, i + 2); /* and one open: the old one is closed */
        kuberow_expect_watch(s, i + 1, fakeapi_version(s->api));
        kuberow_request(s, &kuberow_watches, i + 1, &last);
        kuberow_expect_same(s);
        kuberow_grow_old(s);
    }
    assert_int_equal(kuberow_relists(s), 2); /* too many requests ask for none */
    assert_int_equal(kuberow_errors(s), 2);  /* and 410 is none */
}

/* Row 5: ERROR objects without metadata, without anything, of a wrong type. */
static void an_error_object_without_metadata_leaves_our_version(void **state)
{
    static const char *const events[] = {
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":500}}",
        "{\"type\":\"ERROR\",\"object\":{\"metadata\":{\"resourceVersion\":null},\"code\":500}}",
        "{\"type\":\"ERROR\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"},\"code\":410}}",
        "{\"type\":\"ERROR\",\"object\":{}}",
        "{\"type\":\"ERROR\",\"object\":null}",
        "{\"type\":\"ERROR\"}",
    };
    const unsigned n = sizeof(events) / sizeof(events[0]);
    struct kubescene *s = &scene;
    unsigned long long known;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    for (unsigned i = 0; i < n; i++) {
        fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, events[i]);
        kuberow_await_watch(s, i + 2);
        assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), i + 2);
        kuberow_expect_list(s, i + 1, "resourceVersion=%llu", known);
        kuberow_expect_watch(s, i + 1, known);
        kuberow_grow_old(s);
    }
    kuberow_expect_same(s);
    assert_int_equal(kuberow_events(s), 0);
    /* One that says to come back later: the same watch again. */
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES,
                        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":429}}\n");
    kuberow_await_watch(s, n + 2);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), n + 1);
    kuberow_expect_watch(s, n + 1, known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_expired_watch_relists_once_and_takes_what_vanished, teardown),
        cmocka_unit_test_teardown(a_version_that_is_gone_for_lists_too_is_given_up, teardown),
        cmocka_unit_test_teardown(
            a_server_that_has_forgotten_all_for_ever_is_asked_ever_more_seldom, teardown),
        cmocka_unit_test_teardown(an_expiry_with_a_length_and_an_end_is_read_the_same, teardown),
        cmocka_unit_test_teardown(an_expiry_as_event_with_a_length_and_an_end_is_read_the_same,
                                  teardown),
        cmocka_unit_test_teardown(a_stream_is_closed_by_us_after_an_error_event, teardown),
        cmocka_unit_test_teardown(an_error_object_without_metadata_leaves_our_version, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
