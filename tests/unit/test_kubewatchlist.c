/* Lists as a watch takes them over; src/kube/kubewatchlist.c. */
#include "kubewatch_fixture.h"

#include "support/failalloc.h"

static void the_first_list_asks_for_any_version_in_pages(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r;

    (void)state;
    assert_int_equal(c->n, 0);
    r = fixture_next(c);
    assert_string_equal(r->path, "/apis/networking.k8s.io/v1/ingresses?limit=500"
                                 "&resourceVersion=0");
    assert_false(r->cfg.is_watch);
    assert_int_equal(r->cfg.deadline_ms, KUBECLIENT_LIST_MS);
    fixture_end(c);
}

static void a_list_becomes_what_is_held_and_a_watch_goes_on_from_it(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1 b:2");

    (void)state;
    assert_true(fixture_holds(c, "a:1 b:2"));
    assert_non_null(strstr(r->path, "?watch=1&resourceVersion=10&allowWatchBookmarks=true"));
    assert_int_equal(r->cfg.deadline_ms, 0);
    assert_int_equal(c->changes, 1);
    assert_true(c->stats.synced);
    assert_int_equal(c->stats.relists, 0);
    assert_int_equal(c->stats.errors, 0);
    assert_true(c->stats.last_event_ms > 0);
    fixture_end(c);
}

static void a_list_cut_into_single_bytes_is_the_same(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    c->chunk = 1;
    (void)fixture_open(c, "10", "a:1 b:2 c:3");
    assert_true(fixture_holds(c, "a:1 b:2 c:3"));
    assert_int_equal(c->changes, 1);
    fixture_end(c);
}

/* No items, null, or none at all. */
static void an_empty_list_is_synced(void **state)
{
    static const char *const lists[] = {
        "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}",
        "{\"items\":null,\"metadata\":{\"resourceVersion\":\"7\"}}",
        "{\"kind\":\"IngressList\",\"metadata\":{\"resourceVersion\":\"7\"}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct kubeclient *c = fixture_begin();
        struct kuberequest *r = fixture_next(c);

        assert_true(fixture_bytes(c, r, lists[i]));
        assert_false(kubewatch_is_synced(c->w));
        fixture_done(r, KUBERESULT_OK, 0, "");
        assert_true(kubewatch_is_synced(c->w));
        assert_true(c->stats.synced);
        assert_int_equal(c->changes, 1);
        assert_non_null(strstr(fixture_next(c)->path, "resourceVersion=7"));
        fixture_end(c);
    }
}

static void metadata_may_stand_behind_the_items_which_may_say_their_kind(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_next(c);

    (void)state;
    assert_true(fixture_bytes(
        c, r,
        "{\"apiVersion\":\"networking.k8s.io/v1\",\"items\":["
        "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\","
        "\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}},"
        "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"2\"}},"
        "{\"apiVersion\":null,\"kind\":\"\","
        "\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"3\"}}"
        "],\"kind\":\"IngressList\",\"metadata\":{\"continue\":\"\",\"resourceVersion\":\"9\"}}"));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_true(fixture_holds(c, "a:1 b:2 c:3"));
    assert_non_null(strstr(fixture_next(c)->path, "resourceVersion=9"));
    fixture_end(c);
}

static void an_item_of_another_kind_or_without_a_name_is_passed_over_and_counted(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_next(c);

    (void)state;
    assert_true(
        fixture_bytes(c, r,
                      "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":["
                      "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"}},5,null,\"x\",[{}],{},"
                      "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}}]}"));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_true(fixture_holds(c, "a:1"));
    assert_int_equal(c->stats.skipped, 6);
    assert_int_equal(fixture_lines(c, "passed over"), 1);
    fixture_end(c);
}

static void all_pages_of_a_list_take_their_place_together(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_next(c);

    (void)state;
    assert_true(fixture_bytes(c, r, fixture_list(c, "10", "t/1==", "a:1 b:2")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    r = fixture_running(c, false); /* at once */
    assert_non_null(r);
    assert_non_null(strstr(r->path, "continue=t%2F1%3D%3D"));
    assert_null(strstr(r->path, "resourceVersion")); /* the server would answer 400 */
    assert_true(fixture_bytes(c, r, fixture_list(c, "10", "t2", "c:3")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_int_equal(c->held.n, 0);
    assert_false(kubewatch_is_synced(c->w));
    r = fixture_next(c);
    assert_true(fixture_bytes(c, r, fixture_list(c, "10", "", "d:4")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_true(fixture_holds(c, "a:1 b:2 c:3 d:4"));
    assert_int_equal(c->begins, 1);
    assert_int_equal(c->ends, 1);
    assert_int_equal(c->changes, 1);
    fixture_end(c);
}

static void a_page_that_has_expired_begins_the_list_anew_in_one_piece(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_next(c);

    (void)state;
    assert_true(fixture_bytes(c, r, fixture_list(c, "10", "t1", "a:1 gone:2")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    fixture_refuse(fixture_next(c), 410);
    assert_int_equal(c->drops, 1);
    r = fixture_next(c);
    assert_null(strstr(r->path, "limit="));
    assert_null(strstr(r->path, "continue="));
    assert_true(fixture_bytes(c, r, fixture_list(c, "12", "", "a:1 b:11")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_true(fixture_holds(c, "a:1 b:11"));
    assert_int_equal(c->stats.errors, 0);
    fixture_end(c);
}

static void a_page_that_the_server_is_too_busy_for_is_asked_again(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_next(c);
    char path[512];

    (void)state;
    assert_true(fixture_bytes(c, r, fixture_list(c, "10", "t1", "a:1")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    r = fixture_next(c);
    snprintf(path, sizeof(path), "%s", r->path);
    fixture_refuse(r, 429);
    assert_null(fixture_running(c, false)); /* not at once */
    r = fixture_next(c);
    assert_string_equal(r->path, path);
    assert_int_equal(c->drops, 0);
    assert_true(fixture_bytes(c, r, fixture_list(c, "10", "", "b:2")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_true(fixture_holds(c, "a:1 b:2"));
    assert_int_equal(c->begins, 1);
    fixture_end(c);
}

/* Every beginning of a list, however the connection ends, leaves what is held as it is. */
static void half_a_list_is_never_taken_over(void **state)
{
    struct kubeclient *c = fixture_begin();
    char whole[FIXTURE_TEXT], part[FIXTURE_TEXT];
    struct kuberequest *r = fixture_open(c, "10", "a:1 b:2");
    size_t len;

    (void)state;
    assert_false(fixture_bytes(c, r, FIXTURE_GONE));
    len = strlen(strcpy(whole, fixture_list(c, "20", "", "a:1 n:15"))) - strlen("\n");
    for (size_t n = 0; n < len; n++) {
        r = fixture_next(c);
        memcpy(part, whole, n);
        part[n] = '\0';
        assert_true(fixture_bytes(c, r, part));
        if (n % 2) {
            fixture_cut(r);
        } else {
            fixture_done(r, KUBERESULT_OK, 0, "");
        }
        assert_true(fixture_holds(c, "a:1 b:2"));
    }
    assert_int_equal(c->stats.errors, len);
    assert_int_equal(c->ends, 1);
    fixture_answer(c, "20", "a:1 n:15");
    assert_true(fixture_holds(c, "a:1 n:15"));
    assert_int_equal(c->stats.relists, 1);
    fixture_end(c);
}

static void nonsense_instead_of_a_list_is_dropped_and_asked_for_again(void **state)
{
    static const char *const answers[] = {
        "<html>bad gateway</html>",
        "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Failure\",\"code\":500}",
        "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":{}}",
        "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{\"metadata\":nul}]}",
        "{\"metadata\":{\"resourceVersion\":9},\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":\"\"},\"items\":[]}",
        "{\"metadata\":\"9\",\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\" \"9\"},\"items\":[]}",
        "{\"items\":[]}",
        "[]",
        "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]} {}",
        "{\"metadata\":{\"resourceVersion\":\"9\",\"x\":[[[[",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct kubeclient *c = fixture_begin();
        struct kuberequest *r = fixture_next(c);

        if (fixture_bytes(c, r, answers[i])) {
            fixture_done(r, KUBERESULT_OK, 0, "");
        }
        assert_false(kubewatch_is_synced(c->w));
        assert_null(fixture_running(c, false)); /* after a wait */
        assert_true(kubewatch_due_ms(c->w) > fixture_now_ms);
        assert_int_equal(c->begins, c->drops);
        assert_int_equal(c->changes, 0);
        assert_int_equal(c->stats.errors, 1);
        assert_int_equal(fixture_lines(c, "cannot use the list of ingresses"), 1);
        assert_non_null(strstr(kubewatch_trouble(c->w), "list: "));
        fixture_answer(c, "9", "a:1");
        assert_true(fixture_holds(c, "a:1"));
        fixture_end(c);
    }
}

/* The body of a refusal is not taken for a list. */
static void a_server_in_trouble_is_asked_again_and_what_is_held_stays(void **state)
{
    static const int codes[] = {500, 502, 503, 504, 429, 401, 403, 404, 418};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct kubeclient *c = fixture_begin();

        assert_false(fixture_bytes(c, fixture_open(c, "10", "a:1"), FIXTURE_GONE));
        fixture_refuse(fixture_next(c), codes[i]);
        assert_null(fixture_running(c, false));
        assert_true(kubewatch_due_ms(c->w) > fixture_now_ms);
        fixture_done(fixture_next(c), KUBERESULT_FAILED, 0, "Connection refused");
        assert_true(fixture_holds(c, "a:1"));
        assert_true(kubewatch_is_synced(c->w));
        assert_false(kubewatch_is_live(c->w));
        assert_int_equal(c->stats.errors, 2);
        (void)fixture_open(c, "20", "b:2");
        assert_true(fixture_holds(c, "b:2"));
        assert_true(kubewatch_is_live(c->w));
        fixture_end(c);
    }
}

static void what_was_deleted_while_nobody_watched_goes_with_the_next_list(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    assert_false(fixture_bytes(c, fixture_open(c, "10", "a:1 b:2 c:3"), FIXTURE_GONE));
    fixture_answer(c, "20", "a:1 c:15");
    assert_true(fixture_holds(c, "a:1 c:15"));
    assert_int_equal(c->stats.relists, 1);
    assert_int_equal(fixture_lines(c, "(expired): 2 objects, 2 changes"), 1);
    fixture_end(c);
}

static void an_empty_list_that_takes_everything_is_applied_and_told(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    assert_false(fixture_bytes(c, fixture_open(c, "10", "a:1 b:2 c:3"), FIXTURE_GONE));
    assert_int_equal(fixture_lines(c, "is empty"), 0);
    fixture_answer(c, "20", "");
    assert_int_equal(c->held.n, 0);
    assert_int_equal(fixture_lines(c, "level=warn msg=\"the list of ingresses in all namespaces is "
                                      "empty: all 3 that were known are gone\""),
                     1);
    /* Still empty, and no news. */
    assert_false(fixture_bytes(c, fixture_next(c), FIXTURE_GONE));
    fixture_answer(c, "22", "");
    assert_int_equal(fixture_lines(c, "is empty"), 0);
    fixture_end(c);
}

static void a_list_older_than_what_was_seen_is_thrown_away(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    assert_false(fixture_bytes(c, fixture_open(c, "100", "a:90"), FIXTURE_GONE));
    fixture_answer(c, "50", "old:40");
    assert_true(fixture_holds(c, "a:90"));
    assert_int_equal(c->drops, 1);
    assert_int_equal(fixture_lines(c, "older than what was seen"), 1);
    fixture_answer(c, "50", "old:40"); /* asked for the newest: it is */
    assert_true(fixture_holds(c, "old:40"));
    fixture_end(c);
}

/* The watch is closed for it, and what differs is what no event told. */
static void a_periodic_list_counts_what_no_event_told(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1 b:2");

    (void)state;
    for (uint64_t end = fixture_now_ms + REFLECTOR_RELIST_MAX_MS;
         r->cfg.is_watch && fixture_now_ms < end;) {
        fixture_now_ms += 200000;
        fixture_done(r, KUBERESULT_OK, 0, "");
        r = fixture_next(c);
        fixture_head(r);
    }
    assert_false(r->cfg.is_watch);
    assert_true(fixture_bytes(c, r, fixture_list(c, "11", "", "a:1 b:9 c:9")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_int_equal(c->stats.drifts, 2);
    assert_int_equal(fixture_lines(c, "2 differ from what the watch told"), 1);
    assert_true(fixture_holds(c, "a:1 b:9 c:9"));
    fixture_end(c);
}

static void a_sink_that_fails_costs_the_list_and_another_one(void **state)
{
    (void)state;
    for (int where = 0; where < 3; where++) {
        struct kubeclient *c = fixture_begin();
        struct kuberequest *r;

        assert_false(fixture_bytes(c, fixture_open(c, "10", "a:1"), FIXTURE_GONE));
        r = fixture_next(c);
        *(where == 0 ? &c->fail_begin : where == 1 ? &c->fail_item : &c->fail_end) = -ENOMEM;
        if (fixture_bytes(c, r, fixture_list(c, "20", "", "b:2"))) {
            fixture_done(r, KUBERESULT_OK, 0, "");
        }
        assert_true(fixture_holds(c, "a:1"));
        assert_null(fixture_running(c, false));
        assert_int_equal(c->drops, where > 0);
        assert_int_equal(c->changes, 1);
        assert_int_equal(fixture_lines(c, "out of memory"), 1);
        fixture_answer(c, "21", "b:2");
        assert_true(fixture_holds(c, "b:2"));
        fixture_end(c);
    }
}

static void the_first_list_failing_at_its_end_leaves_it_unsynced(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    c->fail_end = -ENOMEM;
    fixture_answer(c, "10", "a:1");
    assert_false(kubewatch_is_synced(c->w));
    assert_false(c->stats.synced);
    assert_int_equal(c->changes, 0);
    fixture_answer(c, "10", "a:1");
    assert_true(kubewatch_is_synced(c->w));
    assert_int_equal(c->stats.relists, 0);
    fixture_end(c);
}

static void list_with_no_memory(void *ctx)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);
    size_t fails = 0;

    (void)ctx;
    c->chunk = 50;
    c->w = kubewatch_new(&cfg);
    while (c->w && !kubewatch_is_synced(c->w) && fails++ < 3) {
        struct kuberequest *r = fixture_next(c);

        if (fixture_bytes(c, r, fixture_list(c, "10", "", "a:1 b:2"))) {
            fixture_done(r, KUBERESULT_OK, 0, "");
        }
    }
    if (c->w) {
        assert_true(fixture_holds(c, "a:1 b:2"));
        assert_non_null(strstr(fixture_next(c)->path, "watch=1"));
    }
    fixture_end(c);
}

static void any_allocation_of_a_list_may_fail(void **state)
{
    (void)state;
    assert_true(failalloc_torture(list_with_no_memory, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_list_asks_for_any_version_in_pages),
        cmocka_unit_test(a_list_becomes_what_is_held_and_a_watch_goes_on_from_it),
        cmocka_unit_test(a_list_cut_into_single_bytes_is_the_same),
        cmocka_unit_test(an_empty_list_is_synced),
        cmocka_unit_test(metadata_may_stand_behind_the_items_which_may_say_their_kind),
        cmocka_unit_test(an_item_of_another_kind_or_without_a_name_is_passed_over_and_counted),
        cmocka_unit_test(all_pages_of_a_list_take_their_place_together),
        cmocka_unit_test(a_page_that_has_expired_begins_the_list_anew_in_one_piece),
        cmocka_unit_test(a_page_that_the_server_is_too_busy_for_is_asked_again),
        cmocka_unit_test(half_a_list_is_never_taken_over),
        cmocka_unit_test(nonsense_instead_of_a_list_is_dropped_and_asked_for_again),
        cmocka_unit_test(a_server_in_trouble_is_asked_again_and_what_is_held_stays),
        cmocka_unit_test(what_was_deleted_while_nobody_watched_goes_with_the_next_list),
        cmocka_unit_test(an_empty_list_that_takes_everything_is_applied_and_told),
        cmocka_unit_test(a_list_older_than_what_was_seen_is_thrown_away),
        cmocka_unit_test(a_periodic_list_counts_what_no_event_told),
        cmocka_unit_test(a_sink_that_fails_costs_the_list_and_another_one),
        cmocka_unit_test(the_first_list_failing_at_its_end_leaves_it_unsynced),
        cmocka_unit_test(any_allocation_of_a_list_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
