/* Bookmarks: what they are good for, and what is not to be read in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/kuberow.h"

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* A watch of about five minutes, as long as it may be: others change, a bookmark each minute. */
static void watch_bookmarks(struct kubescene *s, bool are_sent)
{
    for (unsigned minute = 0; minute < 5; minute++) {
        kubescene_pass(s, 59000);
        fakeapi_put_slice(s->api, "shop", "web", minute % 2 ? "10.0.0.1" : "10.0.0.2");
        if (are_sent) {
            fakeapi_bookmark(s->api, FAKEAPI_INGRESSES);
        }
    }
    kubescene_settle(s, 20);
}

/* Row 12: only bookmarks for ten minutes, then an end, when the version of the start is gone. */
static void a_quiet_watch_goes_on_from_its_bookmarks_without_a_list(void **state)
{
    struct kubescene *s = &scene;
    uint64_t first;

    (void)state;
    kuberow_start(s, NULL);
    first = fakeapi_version(s->api);
    watch_bookmarks(s, true);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, 2);
    watch_bookmarks(s, true);
    fakeapi_compact(s->api); /* what is older than the last bookmark is told 410 */
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, 3);
    kuberow_expect_watch(s, 0, first);
    kuberow_expect_watch(s, 1, first + 5);
    kuberow_expect_watch(s, 2, first + 10);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_errors(s), 0);
    assert_int_equal(kuberow_events(s), 0); /* bookmarks are none */
}

/* Row 12: and it is the bookmarks that do it. */
static void a_quiet_watch_without_bookmarks_must_list(void **state)
{
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, NULL);
    watch_bookmarks(s, false);
    fakeapi_compact(s->api);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, 3);
    assert_int_equal(kuberow_relists(s), 1);
}

/* Row 13: nulls where arrays are due, a kind that is another's, nothing but the version. */
static void whatever_else_a_bookmark_holds_is_ignored(void **state)
{
    static const char *const bookmarks[] = {
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Ingress\",\"apiVersion\":"
        "\"networking.k8s.io/v1\",\"metadata\":{\"resourceVersion\":\"1000\","
        "\"creationTimestamp\":null},\"spec\":{\"containers\":null,\"rules\":null},\"status\":{}}}",
        "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"1001\","
        "\"name\":\"web\",\"namespace\":\"shop\",\"annotations\":null},\"spec\":null}}",
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
        "{\"resourceVersion\":\"1002\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}},"
        "\"spec\":{\"containers\":null}}}",
    };
    struct kubescene *s = &scene;
    unsigned changes;

    (void)state;
    kuberow_start(s, NULL);
    changes = s->changes;
    for (unsigned i = 0; i < 3; i++) {
        fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, bookmarks[i]);
        kubescene_settle(s, 10);
        kuberow_expect_same(s);
        assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
        assert_true(kuberow_is_live(s));
    }
    assert_int_equal(s->changes, changes);
    assert_int_equal(kuberow_events(s), 0);
    assert_int_equal(kuberow_errors(s), 0);
    assert_int_equal(kubescene_figures(s, "ingresses")->skipped, 0);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, 2);
    kuberow_expect_watch(s, 1, 1002); /* their versions count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_quiet_watch_goes_on_from_its_bookmarks_without_a_list,
                                  teardown),
        cmocka_unit_test_teardown(a_quiet_watch_without_bookmarks_must_list, teardown),
        cmocka_unit_test_teardown(whatever_else_a_bookmark_holds_is_ignored, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
