/* Lists that come slowly, in pages, or written another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/kuberow.h"
#include "support/kubetable.h"

/* When requests come is known so exactly on a busy machine. */
#define SLACK_MS 6000u
/* So late may a request be noted: the scene's time runs on while the server's thread waits its
 * turn. */
#define LATE_MS 20000u

#define PAGED 1100u /* three pages of 500 */

static const struct fakeapi_match service_lists = {.verb = FAKEAPI_LIST,
                                                   .resource = FAKEAPI_SERVICES};
static const struct fakeapi_match first_pages = {
    .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .page = 1, .query = "resourceVersion="};
static const struct fakeapi_match second_pages = {
    .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .page = 2};

#define DRIP_MS                                                                                    \
    4 /* between two bytes: a line is never long in coming, as the scene's time goes               \
       */

/* Header lines that take most of a minute by the clock on the wall: longer than the test has. */
static const char *long_head(void)
{
    static const char line[] = "X: y\r\n";
    static char text[12001];

    for (size_t i = 0; i + sizeof(line) <= sizeof(text); i += sizeof(line) - 1) {
        memcpy(text + i, line, sizeof(line));
    }
    return text;
}

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

static void inject_expired(struct kubescene *s, enum fakeapi_resource res)
{
    char *event = fakeapi_error_event(410, "Expired", "too old resource version");

    fakeapi_inject_text(s->api, res, event);
    free(event);
}

/* ---- row 25 --------------------------------------------------------------------------------- */

/* So many that a list of them by bytes takes minutes, also by the clock on the wall. */
static void put_services(struct kubescene *s)
{
    char name[32];
    uint64_t version;

    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "service%u", i);
        version = fakeapi_put_service(s->api, "shop", name);
    }
    assert_true(kubescene_has(s, OBJECT_SERVICE, "shop", name, version));
}

/* While the second list of Services drags on, the others are served; it ends, and a third is good,
 * so long after it. */
static void expect_given_up(struct kubescene *s, const struct fakeapi_answer *slow,
                            uint64_t after_ms)
{
    struct fakeapi_request before, after;
    uint64_t version, relists, errors;

    kuberow_start(s, NULL);
    put_services(s);
    errors = kubescene_figures(s, "services")->errors;
    relists = kubescene_figures(s, "services")->relists;
    kuberow_request(s, &kuberow_watches, 0, &before);
    fakeapi_script(s->api, &service_lists, 1, slow);
    inject_expired(s, FAKEAPI_SERVICES);
    assert_true(kuberow_asked(s, &service_lists, 2, 10000));
    version = fakeapi_put_ingress(s->api, "shop", "second", "b.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "second", version));
    assert_non_null(store_find(s->store, OBJECT_SERVICE, "shop", "web"));

    assert_true(kuberow_asked(s, &service_lists, 3, 150000));
    assert_in_range(kuberow_gap_ms(s, &service_lists, 1), after_ms - LATE_MS,
                    after_ms + 2 * SLACK_MS);
    kubescene_settle(s, 20);
    assert_int_equal(kubescene_figures(s, "services")->errors - errors, 1);
    assert_int_equal(kubescene_figures(s, "services")->relists - relists, 1);
    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_SERVICES, 1));
    assert_true(fakeapi_last_request(s->api, &kuberow_watches, &after));
    assert_int_equal(after.number, before.number); /* one watch all the time */
    kuberow_expect_same(s);
}

/* Row 25: the head comes a byte at a time. */
static void a_list_whose_head_does_not_end_is_given_up_at_its_deadline(void **state)
{
    const struct fakeapi_answer slow = {
        .head = long_head(), .drip_bytes = 1, .drip_ms = DRIP_MS, .drip_head = true};

    (void)state;
    expect_given_up(&scene, &slow, 70000);
}

/* Row 25: a byte every few seconds is no standstill. */
static void a_list_that_comes_byte_by_byte_is_given_up_at_its_deadline(void **state)
{
    const struct fakeapi_answer slow = {.drip_bytes = 1, .drip_ms = 10};

    (void)state;
    expect_given_up(&scene, &slow, 70000);
}

/* Row 25: nothing at all for half a minute is one. */
static void a_list_that_stands_still_is_given_up_before(void **state)
{
    const struct fakeapi_answer stalled = {.cut = FAKEAPI_STALL, .cut_after = 100};

    (void)state;
    expect_given_up(&scene, &stalled, 30000);
}

/* Row 25: likewise the head of a watch, which has less time, for it has nothing to wait for. */
static void a_watch_whose_head_does_not_end_is_opened_anew(void **state)
{
    const struct fakeapi_answer slow = {
        .head = long_head(), .drip_bytes = 1, .drip_ms = DRIP_MS, .drip_head = true};
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kuberow_start(s, NULL);
    version = fakeapi_version(s->api);
    fakeapi_script(s->api, &kuberow_watches, 1, &slow);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    assert_true(kuberow_asked(s, &kuberow_watches, 2, 10000));
    assert_false(kuberow_is_live(s));
    kuberow_await_watch(s, 3);
    assert_in_range(kuberow_gap_ms(s, &kuberow_watches, 1), 60000 - LATE_MS, 60000 + 2 * SLACK_MS);
    kuberow_expect_watch(s, 2, version);
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_errors(s), 1);
}

/* ---- rows 27, 28 ---------------------------------------------------------------------------- */

/* A watch of many Ingresses whose next list has three pages, of which the second is held. */
static void start_paging(struct kubescene *s)
{
    const struct kubescene_config cfg = {.closed = true};
    const struct fakeapi_answer gone = {.status = 410}, held = {.held = true};
    char name[32], host[64];

    kubescene_start(s, &cfg);
    for (unsigned i = 0; i < PAGED; i++) {
        snprintf(name, sizeof(name), "i%04u", i);
        snprintf(host, sizeof(host), "%s.example.com", name);
        fakeapi_put_ingress(s->api, "shop", name, host, "web");
    }
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    kuberow_await_watch(s, 1);
    kuberow_grow_old(s);
    kuberow_expect_list(s, 0, "limit=500&resourceVersion=0"); /* from a cache: not in pages */
    fakeapi_script(s->api, &first_pages, 1, &gone);
    fakeapi_script(s->api, &second_pages, 1, &held);
    inject_expired(s, FAKEAPI_INGRESSES);
    assert_true(kuberow_asked(s, &second_pages, 1, 10000));
}

static void delete_in_each_page(struct kubescene *s)
{
    assert_int_not_equal(fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "i0001"), 0);
    assert_int_not_equal(fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "i0700"), 0);
    assert_int_not_equal(fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "i1090"), 0);
}

static void expect_exactly_the_rest(struct kubescene *s)
{
    char name[32];

    kuberow_expect_same(s);
    assert_int_equal(store_count(s->store, OBJECT_INGRESS), PAGED - 3);
    for (unsigned i = 0; i < PAGED; i++) {
        snprintf(name, sizeof(name), "i%04u", i);
        assert_int_equal(store_find(s->store, OBJECT_INGRESS, "shop", name) != NULL,
                         i != 1 && i != 700 && i != 1090);
    }
}

/* Row 27: deleted between pages, and 410 for the second. */
static void a_page_that_is_gone_is_followed_by_one_list_in_one_piece(void **state)
{
    struct kubescene *s = &scene;
    unsigned changes;

    (void)state;
    start_paging(s);
    changes = s->changes;
    delete_in_each_page(s);
    fakeapi_compact(s->api);
    assert_int_equal(store_count(s->store, OBJECT_INGRESS), PAGED); /* nothing of half a list */
    assert_int_equal(s->changes, changes);
    fakeapi_release(s->api);

    kuberow_await_watch(s, 2);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 5);
    kuberow_expect_list(s, 2, "limit=500");
    kuberow_expect_list(s, 4, "%s", "");
    kuberow_expect_watch(s, 1, fakeapi_version(s->api));
    expect_exactly_the_rest(s);
    assert_int_equal(kuberow_relists(s), 1);
    assert_int_equal(s->changes, changes + 1); /* published at once */
}

/* Row 28: no resourceVersion beside a token (the server has 400 for that). Row 27: what is deleted
 * between pages is in the list, and told by the watch. */
static void pages_are_asked_for_by_their_token_alone(void **state)
{
    struct kubescene *s = &scene;
    struct fakeapi_request r;
    uint64_t version;

    (void)state;
    start_paging(s);
    version = fakeapi_version(s->api);
    delete_in_each_page(s);
    fakeapi_release(s->api);

    kuberow_await_watch(s, 2);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 5);
    for (unsigned page = 2; page <= 3; page++) {
        kuberow_request(s, &kuberow_lists, 1 + page, &r);
        assert_int_equal(r.page, page);
        assert_int_equal(r.status, 200);
        assert_ptr_equal(strstr(r.query, "limit=500&continue="), r.query);
        assert_null(strstr(r.query, "resourceVersion"));
    }
    kuberow_expect_watch(s, 1, version); /* that of the first page */
    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "i1090"));
    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "i0700"));
    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "i0001"));
    expect_exactly_the_rest(s);
    assert_int_equal(kuberow_relists(s), 1);
    assert_int_equal(kuberow_errors(s), 0);
}

/* Row 28: nor beside the token of a first list, which asked for version 0 and of a server without a
 * cache gets pages. */
static void the_first_list_too_goes_on_by_its_token_alone(void **state)
{
    const struct kubescene_config cfg = {.closed = true};
    const struct fakeapi_match second = {
        .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .query = "continue="};
    const struct fakeapi_answer begin = {
        .status = 200,
        .body = "{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"
                "\"resourceVersion\":\"100\",\"continue\":\"a+/b=\"},\"items\":[{\"metadata\":{"
                "\"name\":\"one\",\"namespace\":\"shop\"},\"spec\":{}}]}"};
    const struct fakeapi_answer end = {
        .status = 200,
        .body = "{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"
                "\"resourceVersion\":\"100\"},\"items\":[{\"metadata\":{\"name\":\"two\","
                "\"namespace\":\"shop\"},\"spec\":{}}]}"};
    struct kubescene *s = &scene;

    (void)state;
    kubescene_start(s, &cfg);
    fakeapi_script(s->api, &second, 1, &end);
    fakeapi_script(s->api, &first_pages, 1, &begin);
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    kuberow_await_watch(s, 1);
    kuberow_expect_list(s, 0, "limit=500&resourceVersion=0");
    kuberow_expect_list(s, 1, "limit=500&continue=a%%2B%%2Fb%%3D");
    kuberow_expect_watch(s, 0, 100);
    assert_int_equal(store_count(s->store, OBJECT_INGRESS), 2);
}

/* ---- row 49 --------------------------------------------------------------------------------- */

static uint64_t listed(struct kubescene *s, struct kubetable *t,
                       const struct fakeapi_behaviour *written)
{
    uint64_t digest;

    if (s->store != NULL) {
        kubescene_close_source(s);
    }
    fakeapi_behave(s->api, written);
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    digest = kubetable_digest(t, s->store);
    assert_string_not_equal(kubetable_route(t, s->store, "www.example.com"), "-");
    assert_int_equal(kubescene_figures(s, "ingresses")->skipped, 0);
    return digest;
}

/* Row 49: metadata behind the items, kind and apiVersion in each item; in whatever pieces. */
static void a_list_means_the_same_in_whatever_order_it_is_written(void **state)
{
    static const struct fakeapi_behaviour others[] = {
        {.custom_like = true},
        {.custom_like = true, .piece_bytes = 7},
        {.custom_like = true, .gzip_over = 1},
        {.piece_bytes = 1},
    };
    const struct fakeapi_behaviour usual = {0};
    struct kubescene *s = &scene;
    struct kubetable *t = kubetable_new();
    const struct objmeta *o;
    uint64_t digest;

    (void)state;
    kuberow_start(s, NULL);
    digest = listed(s, t, &usual);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(listed(s, t, &others[i]), digest);
        o = store_find(s->store, OBJECT_INGRESS, "shop", "web");
        assert_non_null(o);
        assert_string_not_equal(o->uid, "");
        assert_string_equal(o->resource_version, "104");
        assert_int_equal(store_count(s->store, OBJECT_SERVICE), 1);
    }
    kubetable_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_list_whose_head_does_not_end_is_given_up_at_its_deadline,
                                  teardown),
        cmocka_unit_test_teardown(a_list_that_comes_byte_by_byte_is_given_up_at_its_deadline,
                                  teardown),
        cmocka_unit_test_teardown(a_list_that_stands_still_is_given_up_before, teardown),
        cmocka_unit_test_teardown(a_watch_whose_head_does_not_end_is_opened_anew, teardown),
        cmocka_unit_test_teardown(a_page_that_is_gone_is_followed_by_one_list_in_one_piece,
                                  teardown),
        cmocka_unit_test_teardown(pages_are_asked_for_by_their_token_alone, teardown),
        cmocka_unit_test_teardown(the_first_list_too_goes_on_by_its_token_alone, teardown),
        cmocka_unit_test_teardown(a_list_means_the_same_in_whatever_order_it_is_written, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
