/* What events say, and what lists say of what no event told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/kuberow.h"
#include "support/kubetable.h"

#define INGRESS_SINCE(created, uid, host)                                                          \
    "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"metadata\":{\"name\":"        \
    "\"%s\",\"namespace\":\"%s\",\"uid\":\"" uid "\",\"creationTimestamp\":\"" created             \
    "\"},\"spec\":{\"ingressClassName\":\"sealway\",\"rules\":[{\"host\":\"" host                  \
    "\",\"http\":{\"paths\":[{\"path\":\"/\",\"pathType\":\"Prefix\",\"backend\":{\"service\":{"   \
    "\"name\":\"web\",\"port\":{\"number\":443}}}}]}}]}}"

static struct kubescene scene;
static struct kubetable *table;

static int setup(void **state)
{
    (void)state;
    table = kubetable_new();
    kuberow_start(&scene, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    kubetable_free(table);
    return 0;
}

static const char *route(const char *host)
{
    return kubetable_route(table, scene.store, host);
}

static bool is_live(void *ctx)
{
    return kuberow_is_live(ctx);
}

/* Nothing is open, and new connections are refused. */
static void go_away(struct kubescene *s)
{
    fakeapi_listen(s->api, false);
    fakeapi_drop(s->api, FAKEAPI_RST);
    kubescene_settle(s, 20);
    assert_false(kuberow_is_live(s));
}

static void come_back(struct kubescene *s)
{
    fakeapi_listen(s->api, true);
    kubescene_pass(s, 61000); /* the longest wait */
    assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
}

/* ---- row 29 --------------------------------------------------------------------------------- */

/* Row 29: the server has forgotten that they were deleted. */
static void what_was_deleted_while_nobody_watched_goes_with_the_next_list(void **state)
{
    struct kubescene *s = &scene;
    uint64_t version = fakeapi_put_ingress(s->api, "shop", "ghost", "ghost.example.com", "web");

    (void)state;
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "ghost", version));
    go_away(s);
    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "ghost");
    fakeapi_delete(s->api, FAKEAPI_ENDPOINTSLICES, "shop", "web-1");
    fakeapi_compact(s->api);
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "ghost"));
    come_back(s);

    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "ghost"));
    assert_true(kubescene_lacks(s, OBJECT_ENDPOINT_SLICE, "shop", "web-1"));
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 1);
    assert_int_equal(kubescene_figures(s, "endpointslices")->relists, 1);
    assert_int_equal(kubescene_figures(s, "endpointslices")->objects, 0);
    assert_string_equal(route("ghost.example.com"), "-");
    assert_string_equal(route("www.example.com"), "shop/web -> web:443 []");
}

/* Row 29: the server still knows. */
static void what_was_deleted_while_nobody_watched_is_told_by_the_next_watch(void **state)
{
    struct kubescene *s = &scene;
    uint64_t events = kuberow_events(s);

    (void)state;
    go_away(s);
    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "web");
    come_back(s);
    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "web"));
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_events(s) - events, 1);
}

/* ---- row 30 --------------------------------------------------------------------------------- */

static void expect_nothing_changed(struct kubescene *s, unsigned notices, uint64_t digest)
{
    kubescene_settle(s, 30);
    assert_int_equal(s->notices, notices);
    assert_int_equal(kubetable_digest(table, s->store), digest);
}

/* Row 30: within a watch, and by one opened after an interruption. */
static void an_object_told_again_as_it_was_changes_nothing(void **state)
{
    struct kubescene *s = &scene;
    char *again = fakeapi_event(s->api, "ADDED", FAKEAPI_INGRESSES, "shop", "web");
    uint64_t digest = kubetable_digest(table, s->store), events = kuberow_events(s);
    const struct objmeta *o = store_find(s->store, OBJECT_INGRESS, "shop", "web");
    unsigned notices = s->notices;

    (void)state;
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, again);
    assert_true(fakeapi_wait_written(s->api, FAKEAPI_INGRESSES));
    expect_nothing_changed(s, notices, digest);
    assert_int_equal(kuberow_events(s) - events, 1);

    go_away(s);
    come_back(s);
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, again);
    free(again);
    assert_true(fakeapi_wait_written(s->api, FAKEAPI_INGRESSES));
    expect_nothing_changed(s, notices, digest);
    assert_int_equal(kuberow_events(s) - events, 2);
    assert_ptr_equal(store_find(s->store, OBJECT_INGRESS, "shop", "web"), o); /* not even decoded */
}

/* Row 30: after a list of all. */
static void a_list_of_what_is_known_changes_nothing(void **state)
{
    struct kubescene *s = &scene;
    uint64_t digest = kubetable_digest(table, s->store);
    unsigned notices = s->notices;

    (void)state;
    go_away(s);
    fakeapi_compact(s->api);
    /* Something newer elsewhere, so that the versions watched from are not the newest. */
    fakeapi_put_endpoints(s->api, "shop", "other", "10.0.0.9");
    fakeapi_compact(s->api);
    come_back(s);
    assert_int_equal(kuberow_relists(s) + kubescene_figures(s, "services")->relists, 2);
    expect_nothing_changed(s, notices, digest);
}

/* ---- row 31 --------------------------------------------------------------------------------- */

/* Both claim the host; "first" is older, and of another namespace. */
static void put_two_claims(struct kubescene *s)
{
    fakeapi_put_service(s->api, "old", "web");
    fakeapi_put_slice(s->api, "old", "web", "10.0.0.2");
    fakeapi_putf(s->api, INGRESS_SINCE("2024-01-01T00:00:00Z", "uid-1", "both.example.com"),
                 "first", "old");
    fakeapi_putf(s->api, INGRESS_SINCE("2024-02-01T00:00:00Z", "uid-2", "both.example.com"),
                 "second", "shop");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "second", 0));
    assert_true(kubescene_has(s, OBJECT_SERVICE, "old", "web", 0));
    assert_true(kubescene_has(s, OBJECT_ENDPOINT_SLICE, "old", "web-1", 0));
    assert_string_equal(route("both.example.com"), "old/first -> web:443 [10.0.0.2:8443]");
}

static void expect_a_new_one(struct kubescene *s, uint64_t version)
{
    const struct objmeta *o;

    assert_true(kubescene_has(s, OBJECT_INGRESS, "old", "first", version));
    o = store_find(s->store, OBJECT_INGRESS, "old", "first");
    assert_string_equal(o->uid, "uid-3");
    assert_int_equal(o->created_s, 1709251200); /* 2024-03-01 */
    assert_string_equal(route("both.example.com"), "shop/second -> web:443 [10.0.0.1:8443]");
    kuberow_expect_same(s);
}

static uint64_t replace_first(struct kubescene *s)
{
    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "old", "first");
    return fakeapi_putf(s->api, INGRESS_SINCE("2024-03-01T00:00:00Z", "uid-3", "both.example.com"),
                        "first", "old");
}

/* Row 31: precedence goes by the new object's age. */
static void an_object_made_anew_under_its_old_name_is_a_younger_one(void **state)
{
    struct kubescene *s = &scene;
    uint64_t events;

    (void)state;
    put_two_claims(s);
    events = kuberow_events(s);
    expect_a_new_one(s, replace_first(s));
    assert_int_equal(kuberow_events(s) - events, 2);
    assert_int_equal(kuberow_relists(s), 0);
}

/* Row 31: likewise where only a list tells, in which it never was away. */
static void an_object_made_anew_while_nobody_watched_is_a_younger_one(void **state)
{
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    put_two_claims(s);
    go_away(s);
    version = replace_first(s);
    fakeapi_compact(s->api);
    come_back(s);
    expect_a_new_one(s, version);
    assert_int_equal(kuberow_relists(s), 1);
}

/* ---- row 32 --------------------------------------------------------------------------------- */

/* Row 32: the server tells that as a deletion. */
static void an_object_that_leaves_the_selector_is_removed(void **state)
{
    const struct fakeapi_match slices = {.resource = FAKEAPI_ENDPOINTSLICES};
    struct kubescene *s = &scene;
    struct fakeapi_request r;
    unsigned n = fakeapi_requests(s->api, &slices);
    uint64_t version;

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        kuberow_request(s, &slices, i, &r);
        assert_non_null(strstr(r.query, "labelSelector=kubernetes.io%2Fservice-name"));
    }
    fakeapi_put(s->api, "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
                        "\"metadata\":{\"name\":\"web-1\",\"namespace\":\"shop\"},"
                        "\"addressType\":\"IPv4\",\"endpoints\":[],\"ports\":[]}");
    assert_true(kubescene_lacks(s, OBJECT_ENDPOINT_SLICE, "shop", "web-1"));
    assert_int_equal(kubescene_figures(s, "endpointslices")->objects, 0);
    assert_string_equal(route("www.example.com"), "shop/web -> web:443 []");
    assert_int_equal(fakeapi_count(s->api, FAKEAPI_ENDPOINTSLICES), 1);

    version = fakeapi_put_slice(s->api, "shop", "web", "10.0.0.7"); /* and back */
    assert_true(kubescene_has(s, OBJECT_ENDPOINT_SLICE, "shop", "web-1", version));
    assert_string_equal(route("www.example.com"), "shop/web -> web:443 [10.0.0.7:8443]");
    assert_int_equal(fakeapi_requests(s->api, &slices), n);
}

/* ---- row 33 --------------------------------------------------------------------------------- */

/* Row 33: passed over one by one, counted, and the watch goes on. */
static void events_of_a_kind_or_type_that_is_not_ours_are_skipped_and_counted(void **state)
{
    static const char *const strange[] = {
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{"
        "\"name\":\"a\",\"namespace\":\"shop\",\"uid\":\"u\",\"resourceVersion\":\"900\"}}}\n",
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Ingress\",\"apiVersion\":\"extensions/v1beta1\""
        ",\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\",\"resourceVersion\":\"901\"}}}\n",
        "{\"type\":\"DELETED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\""
        ":{\"name\":\"web\",\"namespace\":\"shop\",\"resourceVersion\":\"902\"}}}\n",
        "{\"type\":\"RENAMED\",\"object\":{\"kind\":\"Ingress\",\"apiVersion\":"
        "\"networking.k8s.io/v1\",\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\","
        "\"resourceVersion\":\"903\"}}}\n",
        "{\"type\":\"RENAMED\",\"object\":[1,2]}\n",
    };
    const size_t n = sizeof(strange) / sizeof(strange[0]);
    struct kubescene *s = &scene;
    uint64_t events = kuberow_events(s), version;
    unsigned notices = s->notices;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, strange[i]);
    }
    assert_true(fakeapi_wait_written(s->api, FAKEAPI_INGRESSES));
    kubescene_settle(s, 30);
    assert_int_equal(kubescene_figures(s, "ingresses")->skipped, n);
    assert_int_equal(kuberow_events(s), events);
    assert_int_equal(s->notices, notices);

    version = fakeapi_put_ingress(s->api, "shop", "next", "next.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "next", version));
    assert_int_equal(kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_errors(s), 0);
    kuberow_expect_same(s); /* versions in them were not taken for ours */
}

/* Row 33: items of a list likewise. */
static void items_of_a_kind_that_is_not_ours_are_skipped_and_counted(void **state)
{
    const struct fakeapi_answer mixed = {
        .status = 200,
        .body = "{\"kind\":\"IngressList\",\"metadata\":{\"resourceVersion\":"
                "\"104\"},\"items\":[{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{"
                "\"name\":\"a\",\"namespace\":\"shop\"}},7,{\"metadata\":{\"name\":\"b\","
                "\"namespace\":\"shop\",\"uid\":\"b\",\"resourceVersion\":\"103\"},\"spec\":{}}]}"};
    struct kubescene *s = &scene;
    char *expired = fakeapi_error_event(410, "Expired", "too old");

    (void)state;
    fakeapi_script(s->api, &kuberow_lists, 1, &mixed);
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, expired);
    free(expired);
    kuberow_await_watch(s, 2);
    assert_int_equal(kubescene_figures(s, "ingresses")->skipped, 2);
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "b"));
    assert_int_equal(store_count(s->store, OBJECT_INGRESS), 1);
    assert_int_equal(kubescene_said(s, "2 items in the list of ingresses"), 1);
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(what_was_deleted_while_nobody_watched_goes_with_the_next_list),
        SCENE(what_was_deleted_while_nobody_watched_is_told_by_the_next_watch),
        SCENE(an_object_told_again_as_it_was_changes_nothing),
        SCENE(a_list_of_what_is_known_changes_nothing),
        SCENE(an_object_made_anew_under_its_old_name_is_a_younger_one),
        SCENE(an_object_made_anew_while_nobody_watched_is_a_younger_one),
        SCENE(an_object_that_leaves_the_selector_is_removed),
        SCENE(events_of_a_kind_or_type_that_is_not_ours_are_skipped_and_counted),
        SCENE(items_of_a_kind_that_is_not_ours_are_skipped_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
