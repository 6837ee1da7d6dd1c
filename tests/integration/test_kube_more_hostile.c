/*
 * Row 46: nothing that comes may crash or mislead.
 *
 * Chance looks for that in tests/fuzz: fuzz_jsonsplit, fuzz_watchevent, fuzz_jsontext, fuzz_decode
 * and fuzz_translate, whose corpora `make test` replays.  Each allocation fails in turn in the unit
 * tests of the same files and of kubewatch, kubemirror, kubepage and kubeclient (failalloc).  Here
 * are the known bad ones, among good ones, through everything at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "support/kuberow.h"

#define LIST_HEAD                                                                                  \
    "{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"             \
    "\"resourceVersion\":\"104\"},\"items\":["
#define KIND "\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\""
#define META(name)                                                                                 \
    "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"shop\",\"uid\":\"" name "\"}"
#define GOOD(name)       "{" KIND "," META(name) ",\"spec\":{\"rules\":[]}}"
#define WITH(name, more) "{" KIND "," META(name) ",\"spec\":{\"rules\":[]}," more "}"

static struct kubescene scene;

static int setup(void **state)
{
    (void)state;
    kuberow_start(&scene, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* What parses, whatever it means. */
static const char *const odd[] = {
    WITH("deep", "\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
    /* A name that is told twice is the first one's. */
    "{" KIND "," META("twice") ",\"metadata\":{\"name\":\"never\",\"namespace\":\"shop\"},\"spec\":"
                               "{\"rules\":[]}}",
    WITH("numbers", "\"x\":[1e400,-1e400,1e-400,99999999999999999999999999]"),
    "{" KIND
    "," META("port") ",\"spec\":{\"rules\":[{\"host\":\"p.example.com\",\"http\":{"
                     "\"paths\":[{\"path\":\"/"
                     "\",\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":\"web\","
                     "\"port\":{\"number\":1e400}}}}]}}]}}",
    "{" KIND ",\"metadata\":7,\"spec\":null}",
    "{" KIND ",\"metadata\":{\"name\":\"../../etc\",\"namespace\":[]},\"spec\":\"x\"}",
    WITH("text", "\"x\":\"\\ud83d\\ude00\\u0001\\\"\\\\ \xff\xfe\""),
};

/* What does not. */
static const char *const bad[] = {
    WITH("surrogate", "\"x\":\"\\ud800\""),
    WITH("surrogate", "\"x\":\"\\udc00\\ud800\""),
    WITH("escape", "\"x\":\"\\q\""),
    WITH("brackets", "\"x\":[}"),
    WITH("word", "\"x\":nul"),
    WITH("comma", "\"x\":[1,]"),
};

#define N(list) (sizeof(list) / sizeof((list)[0]))

static void add(struct buf *b, const char *text)
{
    assert_int_equal(buf_append(b, text, strlen(text)), 0);
}

/* Between good ones, a bomb: `depth` arrays in each other. */
static void add_bomb(struct buf *b, unsigned depth)
{
    add(b, "{" KIND "," META("bomb") ",\"x\":");
    for (unsigned i = 0; i < depth; i++) {
        add(b, "[");
    }
    for (unsigned i = 0; i < depth; i++) {
        add(b, "]");
    }
    add(b, "}");
}

static void inject_expired(struct kubescene *s)
{
    char *event = fakeapi_error_event(410, "Expired", "too old resource version");

    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, event);
    free(event);
}

static void list_next(struct kubescene *s, struct buf *items)
{
    struct fakeapi_answer answer = {.status = 200};

    add(items, "," GOOD("last") "]}");
    assert_int_equal(buf_append(items, "", 1), 0);
    answer.body = (const char *)items->data;
    fakeapi_script(s->api, &kuberow_lists, 1, &answer);
    inject_expired(s);
}

static void begin_list(struct buf *items)
{
    buf_init(items, LIMIT_KUBE_OBJECT_BYTES);
    add(items, LIST_HEAD GOOD("first"));
}

static void expect_odd_ones_harmed_nobody(struct kubescene *s)
{
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "first"));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "last"));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "deep"));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "twice"));
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "never"));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "numbers"));
    assert_int_equal(kubescene_figures(s, "ingresses")->objects,
                     store_count(s->store, OBJECT_INGRESS));
    assert_int_equal(kuberow_errors(s), 0);
    assert_true(kuberow_is_live(s));
}

/* Row 46: in a list. */
static void items_of_strange_content_do_not_harm_their_neighbours(void **state)
{
    struct kubescene *s = &scene;
    struct buf items;

    (void)state;
    begin_list(&items);
    for (size_t i = 0; i < N(odd); i++) {
        add(&items, ",");
        add(&items, odd[i]);
    }
    list_next(s, &items);
    buf_fini(&items);
    kuberow_await_watch(s, 2);
    expect_odd_ones_harmed_nobody(s);
    assert_int_equal(kuberow_relists(s), 1);
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "web")); /* the list is the truth */
}

static void inject_object(struct kubescene *s, const char *object)
{
    struct buf line;

    buf_init(&line, LIMIT_KUBE_OBJECT_BYTES);
    add(&line, "{\"type\":\"ADDED\",\"object\":");
    add(&line, object);
    add(&line, "}\n");
    fakeapi_inject(s->api, FAKEAPI_INGRESSES, line.data, line.len);
    buf_fini(&line);
}

/* Row 46: in events. */
static void events_of_strange_content_do_not_harm_their_neighbours(void **state)
{
    struct kubescene *s = &scene;

    (void)state;
    inject_object(s, GOOD("first"));
    for (size_t i = 0; i < N(odd); i++) {
        inject_object(s, odd[i]);
    }
    inject_object(s, GOOD("last"));
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "last", 0));
    expect_odd_ones_harmed_nobody(s);
    assert_int_equal(kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES), 1);
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
}

/* A list that was thrown away, and one after a wait that was good. */
static void expect_list_refused(struct kubescene *s, unsigned round)
{
    kuberow_await_watch(s, round + 1);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1 + 2 * round);
    assert_int_equal(kuberow_relists(s), round);
    assert_int_equal(kuberow_errors(s), round);
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "first"));
    kuberow_expect_same(s);
    kuberow_grow_old(s);
}

/* Row 46: a server that cannot write JSON is not believed at all. */
static void a_list_that_is_no_json_is_asked_for_again(void **state)
{
    struct kubescene *s = &scene;
    struct buf items;
    unsigned round = 0;

    (void)state;
    for (size_t i = 0; i < N(bad); i++) {
        begin_list(&items);
        add(&items, ",");
        add(&items, bad[i]);
        list_next(s, &items);
        buf_fini(&items);
        expect_list_refused(s, ++round);
    }
    begin_list(&items);
    add(&items, ",");
    add_bomb(&items, 100000);
    list_next(s, &items);
    buf_fini(&items);
    expect_list_refused(s, ++round);
}

/* The good one before it counts, the watch ends, and a list tells the truth. */
static void expect_stream_refused(struct kubescene *s, unsigned round, uint64_t events)
{
    kuberow_await_watch(s, round + 1);
    assert_int_equal(kuberow_events(s), events + round);
    assert_int_equal(kuberow_relists(s), round);
    assert_int_equal(kuberow_errors(s), round);
    kuberow_expect_same(s);
    kuberow_grow_old(s);
}

/* Row 46: likewise a watch; NUL bytes too, which a list as scripted here cannot have. */
static void a_watch_that_is_no_json_ends_and_a_list_follows(void **state)
{
    static const char nul[] = "{\"type\":\"ADDED\",\"object\":{\"x\":\"\0\"}}\n";
    struct kubescene *s = &scene;
    uint64_t events = kuberow_events(s);
    unsigned round = 0;
    struct buf bomb;

    (void)state;
    for (size_t i = 0; i < N(bad); i++) {
        inject_object(s, GOOD("first"));
        inject_object(s, bad[i]);
        inject_object(s, GOOD("last"));
        expect_stream_refused(s, ++round, events);
    }
    buf_init(&bomb, LIMIT_KUBE_OBJECT_BYTES);
    add_bomb(&bomb, 100000);
    assert_int_equal(buf_append(&bomb, "", 1), 0);
    inject_object(s, GOOD("first"));
    inject_object(s, (const char *)bomb.data);
    buf_fini(&bomb);
    expect_stream_refused(s, ++round, events);
    inject_object(s, GOOD("first"));
    fakeapi_inject(s->api, FAKEAPI_INGRESSES, nul, sizeof(nul) - 1);
    expect_stream_refused(s, ++round, events);
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(items_of_strange_content_do_not_harm_their_neighbours),
        SCENE(events_of_strange_content_do_not_harm_their_neighbours),
        SCENE(a_list_that_is_no_json_is_asked_for_again),
        SCENE(a_watch_that_is_no_json_ends_and_a_list_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
