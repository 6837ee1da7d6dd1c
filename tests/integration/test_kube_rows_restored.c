/* A server that is behind what was seen of it: restored from a backup, or just slow to know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/kuberow.h"

#define INGRESS(name, host)                                                                        \
    "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"metadata\":{\"namespace\":"   \
    "\"shop\",\"name\":\"" name "\",\"uid\":\"u-" name "\"},\"spec\":{\"ingressClassName\":"       \
    "\"sealway\",\"rules\":[{\"host\":\"" host "\",\"http\":{\"paths\":[{\"path\":\"/\","          \
    "\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":\"web\",\"port\":{\"number\":"     \
    "443}}}}]}}]}}"

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* ---- row 16 --------------------------------------------------------------------------------- */

/* The state of yesterday: "web" has another host, "late" is not there yet, "old" still is. */
static void restore(struct kubescene *s)
{
    static const char *const objects[] = {INGRESS("web", "old.example.com"),
                                          INGRESS("old", "dead.example.com"), NULL};

    fakeapi_put_ingress(s->api, "shop", "late", "late.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "late", 0));
    kuberow_grow_old(s);
    fakeapi_restore(s->api, 50, objects);
    kuberow_await_watch(s, 2); /* from a version to come: the server says nothing */
}

static void expect_restored(struct kubescene *s)
{
    const struct objmeta *web;

    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "late"));
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "old", 0));
    kuberow_await_watch(s, 3);
    web = store_find(s->store, OBJECT_INGRESS, "shop", "web");
    assert_non_null(web);
    assert_string_equal(((const struct ingress *)web)->rules[0].host, "old.example.com");
    assert_int_equal(store_count(s->store, OBJECT_INGRESS),
                     fakeapi_count(s->api, FAKEAPI_INGRESSES));
    kuberow_expect_list(s, kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES) - 1, "limit=500");
    kuberow_expect_watch(s, 2, fakeapi_version(s->api));
    assert_int_equal(kuberow_relists(s), 1);
}

/* What comes later is heard again. */
static void expect_news(struct kubescene *s)
{
    uint64_t version = fakeapi_put_ingress(s->api, "shop", "new", "new.example.com", "web");

    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "new", version));
}

/* Row 16: the server was restored, which a bookmark tells. */
static void a_bookmark_that_goes_backwards_lists_the_newest(void **state)
{
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, NULL);
    restore(s);
    fakeapi_bookmark(s->api, FAKEAPI_INGRESSES);
    expect_restored(s);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 2);
    expect_news(s);
}

/* Row 16: likewise an event, which is not applied by itself. */
static void an_event_that_goes_backwards_lists_the_newest(void **state)
{
    struct kubescene *s = &scene;
    char *event;

    (void)state;
    kuberow_start(s, NULL);
    restore(s);
    event = fakeapi_event(s->api, "MODIFIED", FAKEAPI_INGRESSES, "shop", "web");
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, event);
    free(event);
    expect_restored(s);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 2);
    expect_news(s);
}

/* Row 16: likewise the list after an expired watch: older than what it had to be at least. */
static void a_list_that_goes_backwards_is_thrown_away_and_the_newest_asked_for(void **state)
{
    const struct fakeapi_match from_ours = {
        .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .query = "resourceVersion="};
    const struct fakeapi_answer stale = {
        .status = 200,
        .body = "{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":"
                "{\"resourceVersion\":\"51\"},\"items\":[]}"};
    struct kubescene *s = &scene;
    char *gone = fakeapi_error_event(410, NULL, "too old");

    (void)state;
    kuberow_start(s, NULL);
    restore(s);
    fakeapi_script(s->api, &from_ours, 1, &stale);
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, gone);
    free(gone);
    assert_true(kuberow_asked(s, &from_ours, 2, 10000)); /* the first one, with 0, and this */
    assert_int_equal(store_count(s->store, OBJECT_INGRESS), 2);
    expect_restored(s);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 3);
    expect_news(s);
}

/* Row 16: nothing tells it, for the watch is silent: the question whether it lives finds it. */
static void a_watch_that_waits_for_a_version_of_the_future_is_found_out(void **state)
{
    const struct fakeapi_match probe = {
        .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .query = "limit=1&"};
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, NULL);
    restore(s);
    assert_true(kuberow_asked(s, &probe, 1, 180000));
    expect_restored(s);
    expect_news(s);
    kubescene_pass(s, 180000); /* the other kinds too */
    kuberow_expect_same(s);
    assert_int_equal(store_count(s->store, OBJECT_SERVICE), 0);
}

/* ---- row 17 --------------------------------------------------------------------------------- */

static void list_too_new(bool with_cause)
{
    const struct fakeapi_match from_ours = {
        .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .query = "resourceVersion=1"};
    struct kubescene *s = &scene;
    char *body, *gone = fakeapi_error_event(410, NULL, "too old");
    struct fakeapi_answer refused = {.status = 504, .head = "Retry-After: 1\r\n"};

    kuberow_start(s, NULL);
    body = fakeapi_too_large(fakeapi_version(s->api), 50, with_cause);
    refused.body = body;
    fakeapi_script(s->api, &from_ours, 1, &refused);
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, gone);
    free(body);
    free(gone);
    kuberow_await_watch(s, 2);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 3);
    kuberow_expect_list(s, 1, "resourceVersion=%llu", (unsigned long long)fakeapi_version(s->api));
    kuberow_expect_list(s, 2, "limit=500");
    assert_in_range(kuberow_gap_ms(s, &kuberow_lists, 1), 0, 700); /* at once: less than any wait */
    kuberow_expect_same(s);
}

/* Row 17: 504 with the cause ResourceVersionTooLarge. */
static void a_list_too_new_is_asked_for_at_once_without_a_version(void **state)
{
    (void)state;
    list_too_new(true);
}

/* Row 17: in the words of old servers, without the cause. */
static void a_list_too_new_in_words_only_is_the_same(void **state)
{
    (void)state;
    list_too_new(false);
}

static void watch_too_new(bool as_event, bool with_cause)
{
    struct kubescene *s = &scene;
    struct fakeapi_answer refused = {.status = 504};
    char *body, event[2048];

    kuberow_start(s, NULL);
    body = fakeapi_too_large(fakeapi_version(s->api), 50, with_cause);
    snprintf(event, sizeof(event), "{\"type\":\"ERROR\",\"object\":%s}\n", body);
    if (as_event) {
        fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, event);
    } else {
        refused.body = body;
        fakeapi_script(s->api, &kuberow_watches, 1, &refused);
        fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    }
    free(body);
    kuberow_await_watch(s, as_event ? 2 : 3);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 2);
    kuberow_expect_list(s, 1, "limit=500");
    kuberow_expect_same(s);
}

/* Row 17: said to a watch, by its status or by an event. */
static void a_watch_too_new_lists_without_a_version(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        watch_too_new(i % 2 == 0, i / 2 == 0);
        kubescene_stop(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_bookmark_that_goes_backwards_lists_the_newest, teardown),
        cmocka_unit_test_teardown(an_event_that_goes_backwards_lists_the_newest, teardown),
        cmocka_unit_test_teardown(
            a_list_that_goes_backwards_is_thrown_away_and_the_newest_asked_for, teardown),
        cmocka_unit_test_teardown(a_watch_that_waits_for_a_version_of_the_future_is_found_out,
                                  teardown),
        cmocka_unit_test_teardown(a_list_too_new_is_asked_for_at_once_without_a_version, teardown),
        cmocka_unit_test_teardown(a_list_too_new_in_words_only_is_the_same, teardown),
        cmocka_unit_test_teardown(a_watch_too_new_lists_without_a_version, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
