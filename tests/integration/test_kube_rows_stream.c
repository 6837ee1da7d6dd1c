/* What the bytes of a watch look like: cut, in crumbs, several at once, bookmarks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/kuberow.h"

#define EVENT_MAX 2048

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* An event of the Ingress shop/`name`; the version is ours to choose, above the server's. */
static size_t write_event(char out[EVENT_MAX], const char *type, const char *name, unsigned version,
                          const char *note)
{
    int n = snprintf(
        out, EVENT_MAX,
        "{\"type\":\"%s\",\"object\":{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\","
        "\"metadata\":{\"namespace\":\"shop\",\"name\":\"%s\",\"uid\":\"u-%s\","
        "\"resourceVersion\":\"%u\",\"annotations\":{\"note\":\"%s\"}},\"spec\":{\"rules\":[{"
        "\"host\":\"%s.example.com\"}]}}}",
        type, name, name, version, note, name);

    assert_in_range(n, 1, EVENT_MAX - 1);
    return (size_t)n;
}

static const char *note_of(const struct kubescene *s, const char *name)
{
    const struct objmeta *o = store_find(s->store, OBJECT_INGRESS, "shop", name);

    assert_non_null(o);
    return object_annotation(o, "note", NULL);
}

static void expect_undisturbed(struct kubescene *s)
{
    kubescene_settle(s, 20);
    assert_int_equal(kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_errors(s), 0);
    assert_true(kuberow_is_live(s));
}

/* ---- row 6 ---------------------------------------------------------------------------------- */

/* Cut the next watch after so many bytes of the event of a new Ingress. */
static void cut_within_event(struct kubescene *s, enum fakeapi_cut how, size_t after,
                             const char *name)
{
    const struct fakeapi_answer spoilt = {.cut = how, .cut_after = after};
    unsigned watches = kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES);
    uint64_t known, events = kuberow_events(s), version;

    kuberow_grow_old(s);
    known = fakeapi_version(s->api);
    fakeapi_script(s->api, &kuberow_watches, 1, &spoilt);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, watches + 1);
    version = fakeapi_put_ingress(s->api, "shop", name, "cut.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", name, version));
    kuberow_await_watch(s, watches + 2);
    kuberow_expect_watch(s, watches, known);
    kuberow_expect_watch(s, watches + 1, known); /* the same: what was cut had not been seen */
    assert_int_equal(kuberow_events(s) - events, 1);
}

/* Row 6: cut inside JSON, by FIN, RST, a last chunk in order, the end of TLS. */
static void an_event_cut_off_comes_again_whole_and_once(void **state)
{
    static const enum fakeapi_cut ways[] = {FAKEAPI_FIN, FAKEAPI_RST, FAKEAPI_CLEAN, FAKEAPI_CLOSE};
    static const size_t places[] = {1, 40, 300};
    struct kubescene *s = &scene;
    char name[32];

    (void)state;
    kuberow_start(s, NULL);
    for (size_t i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "cut-%zu", i);
        cut_within_event(s, ways[i % 4], places[i / 4], name);
    }
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_errors(s), 12);
    kuberow_expect_same(s);
}

/* Row 6: what came whole before the cut stands, and is not heard twice. */
static void events_before_a_cut_stand(void **state)
{
    struct kubescene *s = &scene;
    char text[EVENT_MAX];

    (void)state;
    kuberow_start(s, NULL);
    fakeapi_put_ingress(s->api, "shop", "whole", "whole.example.com", "web");
    (void)write_event(text, "ADDED", "half", 9000, "");
    fakeapi_inject(s->api, FAKEAPI_INGRESSES, text, 100);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_RST);
    kuberow_await_watch(s, 2);
    kuberow_expect_watch(s, 1, fakeapi_version(s->api));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "whole"));
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "half"));
    assert_int_equal(kuberow_events(s), 1);
    kuberow_expect_same(s);
}

/* ---- row 7 ---------------------------------------------------------------------------------- */

/* Multibyte characters and every kind of escape, as the server writes it and as it is meant. */
#define HARD_TEXT                                                                                  \
    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa2 \\u00e9\\ud83d\\udea2 \\\" \\\\ \\\\\\\" }{][ \\/"
#define HARD_MEANT "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa2 \xc3\xa9\xf0\x9f\x9a\xa2 \" \\ \\\" }{][ /"

static void inject_part(struct kubescene *s, const char *text, size_t len)
{
    fakeapi_inject(s->api, FAKEAPI_INGRESSES, text, len);
    assert_true(fakeapi_wait_written(s->api, FAKEAPI_INGRESSES));
    (void)event_base_loop(s->base, EVLOOP_NONBLOCK);
}

/* Row 7: two chunks, with the border at every byte in turn. */
static void an_event_is_the_same_wherever_its_chunks_part(void **state)
{
    struct kubescene *s = &scene;
    char text[EVENT_MAX];
    size_t len, at = 1;

    (void)state;
    kuberow_start(s, NULL);
    for (len = 2; at < len; at++) {
        unsigned version = 1000 + (unsigned)at;

        len = write_event(text, "MODIFIED", "web", version, HARD_TEXT);
        inject_part(s, text, at);
        inject_part(s, text + at, len - at);
        assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "web", version));
        assert_string_equal(note_of(s, "web"), HARD_MEANT);
    }
    assert_int_equal(kuberow_events(s), len - 1);
    expect_undisturbed(s);
}

/* Row 7: every byte a chunk, a write and a TLS record of its own, in list and watch. */
static void lists_and_watches_in_single_bytes_are_the_same(void **state)
{
    const struct fakeapi_behaviour crumbs = {.piece_bytes = 1};
    struct kubescene *s = &scene;
    char text[EVENT_MAX];
    uint64_t version;

    (void)state;
    kubescene_start(s, &(struct kubescene_config){.closed = true});
    fakeapi_behave(s->api, &crumbs);
    version = fakeapi_putf(s->api,
                           "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\","
                           "\"metadata\":{\"namespace\":\"shop\",\"name\":\"listed\","
                           "\"annotations\":{\"note\":\"%s\"}},\"spec\":{}}",
                           HARD_TEXT);
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "listed", version));
    assert_string_equal(note_of(s, "listed"), HARD_MEANT);
    kuberow_await_watch(s, 1);
    (void)write_event(text, "ADDED", "told", 1000, HARD_TEXT);
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, text);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "told", 1000));
    assert_string_equal(note_of(s, "told"), HARD_MEANT);
    expect_undisturbed(s);
}

/* ---- rows 8 and 9 --------------------------------------------------------------------------- */

/* Row 8: two events and a half in one chunk, and the other half a minute later. */
static void whole_events_are_taken_at_once_and_half_a_one_when_it_is_whole(void **state)
{
    char one[EVENT_MAX], two[EVENT_MAX], three[EVENT_MAX], chunk[3 * EVENT_MAX];
    struct kubescene *s = &scene;
    size_t half;

    (void)state;
    kuberow_start(s, NULL);
    (void)write_event(one, "ADDED", "one", 1001, "");
    (void)write_event(two, "ADDED", "two", 1002, "");
    half = write_event(three, "ADDED", "three", 1003, "") / 2;
    snprintf(chunk, sizeof(chunk), "%s\n%s\n%.*s", one, two, (int)half, three);
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, chunk);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "one", 1001));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "two"));
    kubescene_pass(s, 60000);
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "three"));
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, three + half);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "three", 1003));
    assert_int_equal(kuberow_events(s), 3);
    expect_undisturbed(s);
}

/* Row 9: no newline, \r\n, blank lines, tabs between and in front. */
static void whatever_blank_stands_between_events_does_not_matter(void **state)
{
    static const char *const between[] = {"", "\n", "\r\n", "\n\n\r\n\n", " \t\n", ""};
    const unsigned n = sizeof(between) / sizeof(between[0]);
    struct kubescene *s = &scene;
    char text[EVENT_MAX], name[16], all[6 * EVENT_MAX] = "\r\n";

    (void)state;
    kuberow_start(s, NULL);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "e%u", i);
        (void)write_event(text, "ADDED", name, 1000 + i, "");
        strcat(strcat(all, text), between[i]);
    }
    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, all);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "e5", 1005));
    assert_int_equal(store_count(s->store, OBJECT_INGRESS), 1 + n);
    assert_int_equal(kuberow_events(s), n);
    expect_undisturbed(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_event_cut_off_comes_again_whole_and_once, teardown),
        cmocka_unit_test_teardown(events_before_a_cut_stand, teardown),
        cmocka_unit_test_teardown(an_event_is_the_same_wherever_its_chunks_part, teardown),
        cmocka_unit_test_teardown(lists_and_watches_in_single_bytes_are_the_same, teardown),
        cmocka_unit_test_teardown(whole_events_are_taken_at_once_and_half_a_one_when_it_is_whole,
                                  teardown),
        cmocka_unit_test_teardown(whatever_blank_stands_between_events_does_not_matter, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
