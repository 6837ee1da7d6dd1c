/* Watches as their events are applied; src/kube/kubewatchstream.c. */
#include "kubewatch_fixture.h"

#include "base/limits.h"
#include "support/failalloc.h"

#define SEVERAL                                                                                    \
    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Ingress\",\"metadata\":{\"name\":\"b\","           \
    "\"resourceVersion\":\"11\",\"labels\":{\"k\":\"\xe2\x82\xac \\u20ac \\\"{\\\\\"}}}}"          \
    "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\","                             \
    "\"resourceVersion\":\"12\"}}}\r\n\r\n \t\n"                                                   \
    "{\"type\":\"DELETED\",\"object\":{\"apiVersion\":\"networking.k8s.io/v1\","                   \
    "\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"13\"}}}\n\n"                               \
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Ingress\",\"metadata\":"                        \
    "{\"resourceVersion\":\"14\",\"creationTimestamp\":null},\"spec\":{\"rules\":null}}}\n"        \
    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Ingress\",\"metadata\":{\"name\":\"c\","           \
    "\"resourceVersion\":\"15\"}}}"

/* No newline, \r\n, blank lines; names in UTF-8 and escaped. */
static void events_are_the_same_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t chunk = 0; chunk < 200; chunk++) {
        struct kubeclient *c = fixture_begin();
        struct kuberequest *r = fixture_open(c, "10", "a:1");

        c->chunk = chunk;
        c->changes = 0;
        assert_true(fixture_bytes(c, r, SEVERAL));
        assert_true(fixture_holds(c, "a:12 c:15"));
        assert_int_equal(c->puts, 3);
        assert_int_equal(c->takes, 1);
        assert_int_equal(c->stats.events, 4);
        assert_int_equal(c->stats.skipped, 0);
        assert_int_equal(c->changes, chunk == 0 ? 1 : c->changes);
        assert_true(c->changes <= 4);
        fixture_done(r, KUBERESULT_OK, 0, "");
        assert_non_null(strstr(fixture_next(c)->path, "resourceVersion=15"));
        fixture_end(c);
    }
}

static void a_whole_event_is_applied_while_the_next_is_under_way(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "");
    char text[FIXTURE_TEXT];

    (void)state;
    snprintf(text, sizeof(text), "%s", fixture_event(c, "ADDED", "a", "11"));
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.60s",
             fixture_event(c, "ADDED", "b", "12"));
    assert_true(fixture_bytes(c, r, text));
    assert_true(fixture_holds(c, "a:11"));
    fixture_now_ms += 60000;
    assert_true(fixture_bytes(c, r, fixture_event(c, "ADDED", "b", "12") + 60));
    assert_true(fixture_holds(c, "a:11 b:12"));
    fixture_end(c);
}

/* As an event, and as a status of the watch's request, which the list may answer likewise. */
static void a_version_that_is_gone_costs_one_list(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1 b:2");

    (void)state;
    assert_true(fixture_bytes(c, r, fixture_event(c, "MODIFIED", "a", "15")));
    fixture_now_ms += 60000;
    assert_false(fixture_bytes(c, r, FIXTURE_GONE)); /* the stream would stay open */
    assert_true(r->is_cancelled);
    r = fixture_next(c);
    assert_string_equal(r->path, "/apis/networking.k8s.io/v1/ingresses?resourceVersion=15");
    assert_true(fixture_bytes(c, r, fixture_list(c, "30", "", "a:15 c:20")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_true(fixture_holds(c, "a:15 c:20"));
    assert_int_equal(c->stats.relists, 1);
    r = fixture_next(c);
    assert_non_null(strstr(r->path, "resourceVersion=30"));
    fixture_refuse(r, 410);
    fixture_refuse(fixture_next(c), 410);
    r = fixture_next(c);
    assert_null(strstr(r->path, "resourceVersion"));
    fixture_answer(c, "40", "a:15 c:20");
    assert_int_equal(c->stats.relists, 2);
    assert_int_equal(c->stats.errors, 0);
    assert_int_equal(fixture_lines(c, "level=warn"), 0);
    fixture_end(c);
}

static void an_error_without_metadata_leaves_the_version(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");

    (void)state;
    fixture_now_ms += 20000;
    assert_false(fixture_bytes(c, r,
                               "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":"
                               "\"Failure\",\"message\":\"etcd\",\"code\":503}}"));
    assert_int_equal(c->stats.errors, 1);
    assert_int_equal(fixture_lines(c, "cannot watch ingresses.networking.k8s.io"), 1);
    assert_string_equal(kubewatch_trouble(c->w), "watch: 503 ServiceUnavailable");
    r = fixture_next(c);
    assert_non_null(strstr(r->path, "watch=1&resourceVersion=10"));
    fixture_end(c);
}

/* At each byte: with an orderly end, and with a reset. */
static void half_an_event_is_dropped_and_comes_again(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");
    char whole[FIXTURE_TEXT], part[FIXTURE_TEXT];
    size_t len = strlen(strcpy(whole, fixture_event(c, "MODIFIED", "a", "11"))) - strlen("\n");

    (void)state;
    for (size_t n = 1; n < len; n++) {
        memcpy(part, whole, n);
        part[n] = '\0';
        assert_true(fixture_bytes(c, r, part));
        if (n % 2) {
            fixture_cut(r);
        } else {
            fixture_done(r, KUBERESULT_OK, 0, "");
        }
        r = fixture_next(c);
        assert_non_null(strstr(r->path, "watch=1&resourceVersion=10&"));
        fixture_head(r);
    }
    assert_int_equal(c->stats.errors, len - 1);
    assert_int_equal(c->puts, 0);
    assert_true(fixture_bytes(c, r, whole));
    assert_int_equal(c->puts, 1);
    assert_true(fixture_holds(c, "a:11"));
    fixture_end(c);
}

static void a_stream_of_nonsense_is_listed_anew(void **state)
{
    static const char *const streams[] = {
        "event: x\n",
        "[]",
        "{\"type\":\"ADDED\"}",
        "{\"object\":{}}",
        "{]",
        "{\"type\":\"ADDED\",}",
        "{\"type\":\"MODIFIED\",\"object\":[]}",
        "{\"type\":\"ADDED\",\"object\":{\"x\":nul}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        struct kubeclient *c = fixture_begin();
        struct kuberequest *r = fixture_open(c, "10", "a:1");

        assert_true(fixture_bytes(c, r, fixture_event(c, "ADDED", "b", "11")));
        assert_false(fixture_bytes(c, r, streams[i]));
        assert_false(kubewatch_is_live(c->w));
        assert_true(fixture_holds(c, "a:1 b:11")); /* what came before it stands */
        assert_int_equal(c->stats.errors, 1);
        assert_int_equal(fixture_lines(c, "cannot use the watch of ingresses"), 1);
        fixture_answer(c, "12", "a:1 b:11");
        assert_int_equal(fixture_lines(c, "(broken)"), 1);
        fixture_end(c);
    }
}

static void an_object_beyond_the_cap_is_listed_anew_and_does_not_stay_in_memory(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");
    const size_t piece = 1024 * 1024;
    char *blanks = test_malloc(piece + 1);
    bool goes_on;

    (void)state;
    memset(blanks, ' ', piece);
    blanks[piece] = '\0';
    goes_on = fixture_bytes(c, r, "{\"type\":\"ADDED\",\"object\":{");
    for (size_t n = 0; goes_on && n <= LIMIT_KUBE_OBJECT_BYTES; n += piece) {
        goes_on = fixture_bytes(c, r, blanks);
    }
    assert_false(goes_on);
    assert_int_equal(fixture_lines(c, "an object is too large"), 1);
    fixture_answer(c, "12", "a:1");
    fixture_end(c);
    test_free(blanks);
}

static void bookmarks_are_where_the_next_watch_begins(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");
    char version[16];

    (void)state;
    c->changes = 0;
    for (int minute = 1; minute <= 10; minute++) {
        fixture_now_ms += 60000;
        snprintf(version, sizeof(version), "%d", 10 + minute);
        assert_true(fixture_bytes(c, r, fixture_event(c, "BOOKMARK", "", version)));
        kubewatch_turn(c->w, fixture_now_ms);
        if (r->is_over) {
            r = fixture_next(c);
            fixture_head(r);
        }
    }
    fixture_now_ms += REFLECTOR_SHORT_MS; /* the last one may have been opened just now */
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_non_null(strstr(fixture_next(c)->path, "watch=1&resourceVersion=20&"));
    assert_int_equal(c->changes, 0);
    assert_int_equal(c->stats.events, 0);
    assert_int_equal(c->stats.relists, 0);
    fixture_end(c);
}

/* Even one that says another kind, or has null where lists should be. */
static void a_bookmark_is_never_an_object(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");

    (void)state;
    assert_true(fixture_bytes(c, r,
                              "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":"
                              "{\"resourceVersion\":\"11\"},\"spec\":{\"containers\":null}}}"));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_non_null(strstr(fixture_next(c)->path, "resourceVersion=11&"));
    assert_int_equal(c->puts, 0);
    assert_int_equal(c->stats.skipped, 0);
    fixture_end(c);
}

static void a_watch_that_always_ends_at_once_is_asked_ever_more_slowly(void **state)
{
    struct kubeclient *c = fixture_begin();
    uint64_t begin_ms = fixture_now_ms;

    (void)state;
    while (fixture_now_ms < begin_ms + 600000) {
        struct kuberequest *r = fixture_next(c);

        if (r->cfg.is_watch) {
            fixture_head(r);
            fixture_done(r, KUBERESULT_OK, 0, "");
        } else {
            fixture_answer(c, "10", "a:1");
        }
    }
    assert_in_range(c->n, 10, 120); /* 0.2 a second; it would be two without backoff */
    fixture_end(c);
}

static void what_came_already_comes_again_without_harm(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1 b:9");

    (void)state;
    assert_true(fixture_bytes(c, r, fixture_event(c, "ADDED", "b", "10")));
    assert_true(fixture_bytes(c, r, fixture_event(c, "ADDED", "b", "10")));
    assert_true(fixture_bytes(c, r, fixture_event(c, "DELETED", "never", "12")));
    assert_true(fixture_holds(c, "a:1 b:10"));
    assert_int_equal(c->stats.errors, 0);
    fixture_end(c);
}

/* Deleted, or without the label that was asked for any more; then another of that name. */
static void what_is_deleted_goes_and_may_come_back(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");

    (void)state;
    assert_true(fixture_bytes(c, r, fixture_event(c, "DELETED", "a", "11")));
    assert_int_equal(c->held.n, 0);
    assert_true(fixture_bytes(c, r, fixture_event(c, "ADDED", "a", "12")));
    assert_true(fixture_holds(c, "a:12"));
    fixture_end(c);
}

/* An event of another kind does not tell where we are, either. */
static void unknown_events_and_foreign_objects_are_passed_over_and_counted(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");

    (void)state;
    c->changes = 0;
    assert_true(fixture_bytes(
        c, r,
        "{\"type\":\"MOVED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}"
        "{\"type\":\"CHANGED\"}"
        "{\"type\":\"DELETED\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\","
        "\"resourceVersion\":\"77\"}}}"
        "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"networking.k8s.io/v1beta1\","
        "\"kind\":\"Ingress\",\"metadata\":{\"name\":\"n\",\"resourceVersion\":\"78\"}}}"
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Ingress\",\"metadata\":"
        "{\"namespace\":\"shop\",\"resourceVersion\":\"79\"}}}"));
    assert_true(fixture_holds(c, "a:1"));
    assert_int_equal(c->stats.skipped, 5);
    assert_int_equal(c->stats.events, 0);
    assert_int_equal(c->changes, 0);
    fixture_cut(r);
    assert_non_null(strstr(fixture_next(c)->path, "resourceVersion=10&"));
    fixture_end(c);
}

static void versions_that_go_backwards_are_listed_anew(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "100", "a:1");

    (void)state;
    assert_false(fixture_bytes(c, r, fixture_event(c, "MODIFIED", "a", "50")));
    assert_true(fixture_holds(c, "a:1"));
    r = fixture_next(c);
    assert_null(strstr(r->path, "resourceVersion="));
    assert_true(fixture_bytes(c, r, fixture_list(c, "51", "", "a:50")));
    fixture_done(r, KUBERESULT_OK, 0, "");
    assert_true(fixture_holds(c, "a:50"));
    assert_int_equal(fixture_lines(c, "(backwards)"), 1);
    fixture_end(c);
}

static void a_sink_that_fails_in_a_watch_costs_a_list(void **state)
{
    (void)state;
    for (int deletes = 0; deletes < 2; deletes++) {
        struct kubeclient *c = fixture_begin();
        struct kuberequest *r = fixture_open(c, "10", "a:1");

        *(deletes ? &c->fail_take : &c->fail_put) = -ENOMEM;
        assert_false(
            fixture_bytes(c, r, fixture_event(c, deletes ? "DELETED" : "MODIFIED", "a", "11")));
        assert_true(fixture_holds(c, "a:1"));
        assert_int_equal(c->stats.errors, 1);
        fixture_answer(c, "12", "b:12");
        assert_true(fixture_holds(c, "b:12"));
        fixture_end(c);
    }
}

static void a_watch_that_cannot_be_had_is_asked_for_again_from_the_same_version(void **state)
{
    static const int codes[] = {429, 401, 502, 503, 504};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct kubeclient *c = fixture_begin();

        fixture_answer(c, "10", "a:1");
        fixture_refuse(fixture_next(c), codes[i]);
        assert_null(fixture_running(c, false));
        fixture_done(fixture_next(c), KUBERESULT_FAILED, 0, "Connection refused");
        assert_string_equal(kubewatch_trouble(c->w), "watch: no answer: Connection refused");
        assert_non_null(strstr(fixture_next(c)->path, "watch=1&resourceVersion=10&"));
        assert_int_equal(c->stats.errors, 2);
        assert_int_equal(c->stats.relists, 0);
        fixture_end(c);
    }
}

static void a_watch_without_an_answer_is_given_up(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r;

    (void)state;
    fixture_answer(c, "10", "a:1");
    r = fixture_next(c);
    fixture_now_ms += REFLECTOR_OPEN_MS;
    kubewatch_turn(c->w, fixture_now_ms);
    assert_true(r->is_cancelled);
    assert_int_equal(c->stats.errors, 1);
    assert_string_equal(kubewatch_trouble(c->w),
                        "watch: no answer: the watch was not answered in time");
    assert_non_null(strstr(fixture_next(c)->path, "watch=1&resourceVersion=10&"));
    fixture_end(c);
}

static void a_watch_that_outlives_its_time_is_closed(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");

    (void)state;
    for (int i = 0; i < 7 && !r->is_over; i++) {
        fixture_now_ms += 100000;
        if (!r->is_over) {
            assert_true(fixture_bytes(c, r, "\n"));
        }
        kubewatch_turn(c->w, fixture_now_ms);
        assert_null(fixture_running(c, true)); /* any byte is a sign of life */
    }
    assert_true(r->is_cancelled);
    assert_int_equal(c->stats.errors, 0);
    assert_int_equal(fixture_lines(c, "level=warn"), 0);
    assert_non_null(strstr(fixture_next(c)->path, "watch=1&resourceVersion=10&"));
    fixture_end(c);
}

static void events_and_bookmarks_are_stamped_but_nothing_else_is(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");

    (void)state;
    c->stats.last_event_ms = 0;
    assert_true(fixture_bytes(c, r, "\n"));
    assert_true(fixture_bytes(c, r, fixture_event(c, "WHATEVER", "a", "10")));
    assert_int_equal(c->stats.last_event_ms, 0);
    assert_true(fixture_bytes(c, r, fixture_event(c, "BOOKMARK", "", "11")));
    assert_true(c->stats.last_event_ms > 0);
    c->stats.last_event_ms = 0;
    assert_true(fixture_bytes(c, r, fixture_event(c, "MODIFIED", "a", "12")));
    assert_true(c->stats.last_event_ms > 0);
    fixture_end(c);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void watch_with_no_memory(void *ctx)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);

    (void)ctx;
    c->chunk = 100;
    do {
        c->w = kubewatch_new(&cfg);
    } while (!c->w);
    for (int round = 0; round < 5 && !fixture_holds(c, "a:12 c:15"); round++) {
        struct kuberequest *r = fixture_next(c);

        if (!r->cfg.is_watch) {
            if (fixture_bytes(c, r, fixture_list(c, "10", "", "a:1"))) {
                fixture_done(r, KUBERESULT_OK, 0, "");
            }
            continue;
        }
        fixture_head(r);
        (void)fixture_bytes(c, r, SEVERAL);
    }
    assert_true(fixture_holds(c, "a:12 c:15"));
    fixture_end(c);
}

static void any_allocation_of_a_watch_may_fail(void **state)
{
    (void)state;
    assert_true(failalloc_torture(watch_with_no_memory, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_they_are_cut),
        cmocka_unit_test(a_whole_event_is_applied_while_the_next_is_under_way),
        cmocka_unit_test(a_version_that_is_gone_costs_one_list),
        cmocka_unit_test(an_error_without_metadata_leaves_the_version),
        cmocka_unit_test(half_an_event_is_dropped_and_comes_again),
        cmocka_unit_test(a_stream_of_nonsense_is_listed_anew),
        cmocka_unit_test(an_object_beyond_the_cap_is_listed_anew_and_does_not_stay_in_memory),
        cmocka_unit_test(bookmarks_are_where_the_next_watch_begins),
        cmocka_unit_test(a_bookmark_is_never_an_object),
        cmocka_unit_test(a_watch_that_always_ends_at_once_is_asked_ever_more_slowly),
        cmocka_unit_test(what_came_already_comes_again_without_harm),
        cmocka_unit_test(what_is_deleted_goes_and_may_come_back),
        cmocka_unit_test(unknown_events_and_foreign_objects_are_passed_over_and_counted),
        cmocka_unit_test(versions_that_go_backwards_are_listed_anew),
        cmocka_unit_test(a_sink_that_fails_in_a_watch_costs_a_list),
        cmocka_unit_test(a_watch_that_cannot_be_had_is_asked_for_again_from_the_same_version),
        cmocka_unit_test(a_watch_without_an_answer_is_given_up),
        cmocka_unit_test(a_watch_that_outlives_its_time_is_closed),
        cmocka_unit_test(events_and_bookmarks_are_stamped_but_nothing_else_is),
        cmocka_unit_test(any_allocation_of_a_watch_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
