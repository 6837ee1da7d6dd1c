#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "kube/resourceversion.h"
#include "kube/watchevent.h"
#include "support/failalloc.h"
#include "support/json_text.h"

/* `text` has ' for ".  It stands in a block of just its size, so that a sanitizer sees a read past
 * it. */
static int parse(struct watchevent *e, const char *text)
{
    size_t len = strlen(text);
    char *block = malloc(len > 0 ? len : 1);
    int rc = -ENOMEM;

    for (size_t i = 0; block != NULL && i < len; i++) {
        block[i] = text[i];
        if (text[i] == '\'') {
            block[i] = '"';
        }
    }
    if (block != NULL) {
        rc = watchevent_parse(e, block, len);
    }
    free(block);
    return rc;
}

static struct watchevent parsed(const char *text)
{
    struct watchevent e;
    int rc;

    memset(&e, 0xa5, sizeof(e));
    rc = parse(&e, text);
    if (rc != 0) {
        print_error("%s: %d\n", text, rc);
    }
    assert_int_equal(rc, 0);
    return e;
}

static void assert_refused(const char *text)
{
    struct watchevent e = {.type = WATCH_BOOKMARK, .resource_version = "untouched"};
    int rc = parse(&e, text);

    if (rc != -EBADMSG) {
        print_error("%s: %d\n", text, rc);
    }
    assert_int_equal(rc, -EBADMSG);
    assert_int_equal(e.type, WATCH_BOOKMARK);
    assert_string_equal(e.resource_version, "untouched");
}

/* ---- events, as servers send them ------------------------------------------------------------ */

static void an_event_says_what_happened_to_what(void **state)
{
    static const struct {
        const char *word;
        enum watchevent_type type;
    } TYPES[] = {
        {"ADDED", WATCH_ADDED},
        {"MODIFIED", WATCH_MODIFIED},
        {"DELETED", WATCH_DELETED},
        {"BOOKMARK", WATCH_BOOKMARK},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        char text[256];
        struct watchevent e;

        (void)snprintf(text, sizeof(text),
                       "{'type':'%s','object':{'kind':'Service','apiVersion':'v1','metadata':"
                       "{'name':'s5','resourceVersion':'199'}}}",
                       TYPES[i].word);
        e = parsed(text);
        assert_int_equal(e.type, TYPES[i].type);
        assert_string_equal(e.resource_version, "199");
        assert_true(watchevent_is_kind(e.object, "v1", "Service"));
        watchevent_fini(&e);
        assert_null(e.tree);
        assert_null(e.object);
    }
}

static void a_bookmark_may_hold_nulls_where_lists_are_due(void **state)
{
    struct watchevent e;

    (void)state;
    e = parsed("{'type':'BOOKMARK','object':{'kind':'EndpointSlice','apiVersion':"
               "'discovery.k8s.io/v1','metadata':{'resourceVersion':'282','creationTimestamp':null}"
               ",'addressType':'','endpoints':null,'ports':null}}");
    assert_int_equal(e.type, WATCH_BOOKMARK);
    assert_string_equal(e.resource_version, "282");
    watchevent_fini(&e);
    e = parsed("{'type':'BOOKMARK','object':{'kind':'Pod','metadata':{'resourceVersion':'12746',"
               "'creationTimestamp':null},'spec':{'containers':null},'status':{}}}");
    assert_string_equal(e.resource_version, "12746");
    watchevent_fini(&e);
}

static void an_error_is_a_status_and_never_has_a_version(void **state)
{
    struct watchevent e;

    (void)state;
    e = parsed("{'type':'ERROR','object':{'kind':'Status','apiVersion':'v1','metadata':{},"
               "'status':'Failure','message':'too old resource version: 190 (281)',"
               "'reason':'Expired','code':410}}");
    assert_int_equal(e.type, WATCH_ERROR);
    assert_int_equal(e.status.code, 410);
    assert_string_equal(e.status.reason, "Expired");
    assert_string_equal(e.resource_version, "");
    watchevent_fini(&e);
    e = parsed("{'type':'ERROR','object':{'code':429,'metadata':{'resourceVersion':'7'},"
               "'details':{'retryAfterSeconds':5}}}");
    assert_int_equal(e.status.code, 429);
    assert_int_equal(e.status.retry_after_s, 5);
    assert_string_equal(e.resource_version, "");
    watchevent_fini(&e);
    e = parsed("{'type':'ERROR','object':{}}"); /* not even metadata */
    assert_int_equal(e.status.code, 500);
    assert_string_equal(e.resource_version, "");
    watchevent_fini(&e);
}

static void an_unknown_type_needs_no_object(void **state)
{
    static const char *const TEXTS[] = {
        "{'type':'PROGRESS'}",
        "{'type':''}",
        "{'type':'added','object':null}",
        "{'type':'ADDED ','object':[]}",
        "{'type':'\\u0000ADDED'}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        struct watchevent e = parsed(TEXTS[i]);

        assert_int_equal(e.type, WATCH_UNKNOWN);
        assert_null(e.object);
        assert_string_equal(e.resource_version, "");
        watchevent_fini(&e);
    }
}

static void what_has_no_type_or_no_object_is_refused(void **state)
{
    (void)state;
    assert_refused("{}");
    assert_refused("{'object':{}}");
    assert_refused("{'type':null,'object':{}}");
    assert_refused("{'type':1,'object':{}}");
    assert_refused("{'Type':'ADDED','Object':{}}");
    assert_refused("{'type':'ADDED'}");
    assert_refused("{'type':'MODIFIED','object':null}");
    assert_refused("{'type':'DELETED','object':[]}");
    assert_refused("{'type':'BOOKMARK','object':'x'}");
    assert_refused("{'type':'ERROR'}");
}

static void a_status_in_place_of_an_event_is_refused(void **state)
{
    (void)state;
    assert_refused("{'kind':'Status','apiVersion':'v1','status':'Failure','code':410}");
}

/* ---- hostile text ---------------------------------------------------------------------------- */

static void what_is_no_single_json_object_is_refused(void **state)
{
    static const char *const TEXTS[] = {
        "",
        "{",
        "}",
        "[]",
        "null",
        "<html></html>",
        "{'type':'ADDED','object':{}",
        "{'type':'ADDED','object':{}}{}",
        "\xef\xbb\xbf{'type':'ADDED','object':{}}",
        "{'type':'ADDED','object':{},}",
        "{'type':'ADDED' 'object':{}}",
        "{'type':'ADDED','object':{'a':}}",
        "{'type':'ADDED','object':{'a':nul}}",
        "{'type':'ADDED','object':{'\\x':1}}",
        "{'type':'ADDED','object':{}},}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        assert_refused(TEXTS[i]);
    }
}

static void a_nul_is_refused(void **state)
{
    const char text[] = "{\"type\":\"ADDED\",\"object\":{\"a\":\"\0\"}}";
    struct watchevent e;

    (void)state;
    assert_int_equal(watchevent_parse(&e, text, sizeof(text) - 1), -EBADMSG);
}

static void half_a_surrogate_pair_is_refused(void **state)
{
    (void)state;
    assert_refused("{'type':'ADDED','object':{'a':'\\ud83d'}}");
    assert_refused("{'type':'ADDED','object':{'a':'\\ude00'}}");
    assert_refused("{'type':'ADDED','object':{'a':'\\ud83d\\ud83d'}}");
    assert_refused("{'type':'ADDED','object':{'a':'\\ud8'}}");
}

static void numbers_beyond_any_double_do_no_harm(void **state)
{
    struct watchevent e = parsed("{'type':'ADDED','object':{'a':1e400,'b':-1e400,'metadata':"
                                 "{'generation':1e999999999,'resourceVersion':'1'}}}");

    (void)state;
    assert_string_equal(e.resource_version, "1");
    watchevent_fini(&e);
}

static void of_keys_that_come_twice_the_first_counts(void **state)
{
    struct watchevent e =
        parsed("{'type':'ADDED','type':'DELETED','object':{'metadata':{'resourceVersion':'1'},"
               "'metadata':{'resourceVersion':'2'}},'object':null}");

    (void)state;
    assert_int_equal(e.type, WATCH_ADDED);
    assert_string_equal(e.resource_version, "1");
    watchevent_fini(&e);
}

static void a_bomb_of_brackets_does_no_harm(void **state)
{
    static char text[400000 + 64];
    const char head[] = "{\"type\":\"ADDED\",\"object\":{\"a\":";
    struct watchevent e;

    (void)state;
    for (size_t deep = 198; deep <= 200000; deep += 199802) {
        size_t len = sizeof(head) - 1;

        memcpy(text, head, len);
        memset(text + len, '[', deep);
        memset(text + len + deep, ']', deep);
        memcpy(text + len + 2 * deep, "}}", 3);
        if (deep + 2 <= LIMIT_KUBE_OBJECT_DEPTH) {
            e = parsed(text);
            watchevent_fini(&e);
        } else {
            assert_refused(text);
        }
    }
}

/* ---- versions and kinds ---------------------------------------------------------------------- */

static size_t version_len(const char *object)
{
    char text[256];
    struct watchevent e;
    size_t len;

    (void)snprintf(text, sizeof(text), "{'type':'ADDED','object':%s}", object);
    e = parsed(text);
    len = strlen(e.resource_version);
    watchevent_fini(&e);
    return len;
}

static void a_version_must_be_a_text_and_fit(void **state)
{
    static const char *const NONE[] = {
        "{}",
        "{'metadata':null}",
        "{'metadata':[]}",
        "{'metadata':'7'}",
        "{'metadata':{}}",
        "{'metadata':{'resourceVersion':null}}",
        "{'metadata':{'resourceVersion':7}}",
        "{'metadata':{'resourceVersion':''}}",
        "{'metadata':{'ResourceVersion':'7'}}",
        "{'resourceVersion':'7'}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NONE); i++) {
        assert_int_equal(version_len(NONE[i]), 0);
    }
    for (int len = RESOURCEVERSION_MAX - 1; len <= RESOURCEVERSION_MAX; len++) {
        char text[128];

        (void)snprintf(text, sizeof(text), "{'metadata':{'resourceVersion':'%0*d'}}", len, 7);
        assert_int_equal(version_len(text), len < RESOURCEVERSION_MAX ? len : 0);
    }
}

static void another_kind_or_group_is_told_apart(void **state)
{
    static const struct {
        const char *object;
        bool is_it;
    } ROWS[] = {
        {"{'apiVersion':'networking.k8s.io/v1','kind':'Ingress'}", true},
        {"{}", true}, /* as items of a list */
        {"{'kind':'Ingress'}", true},
        {"{'apiVersion':'networking.k8s.io/v1'}", true},
        {"{'apiVersion':'','kind':null}", true},
        {"{'apiVersion':'networking.k8s.io/v1beta1','kind':'Ingress'}", false},
        {"{'apiVersion':'networking.k8s.io/v1','kind':'IngressClass'}", false},
        {"{'apiVersion':'networking.k8s.io/v1','kind':'ingress'}", false},
        {"{'kind':'Status'}", false},
        {"{'apiVersion':'v1'}", false},
        {"{'kind':1}", false},
        {"{'apiVersion':{}}", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        cJSON *object = json_text_parse(ROWS[i].object);

        assert_int_equal(watchevent_is_kind(object, "networking.k8s.io/v1", "Ingress"),
                         ROWS[i].is_it);
        cJSON_Delete(object);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void torture_body(void *ctx)
{
    const char text[] = "{\"type\":\"ERROR\",\"object\":{\"n\":1e400,\"l\":[1,{}],\"code\":410}}";
    struct watchevent e;
    int rc = watchevent_parse(&e, text, sizeof(text) - 1);

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    if (rc == 0) {
        assert_int_equal(e.status.code, 410);
        watchevent_fini(&e);
    }
}

static void want_of_memory_is_told_from_bad_text(void **state)
{
    (void)state;
    assert_true(failalloc_torture(torture_body, NULL) >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_says_what_happened_to_what),
        cmocka_unit_test(a_bookmark_may_hold_nulls_where_lists_are_due),
        cmocka_unit_test(an_error_is_a_status_and_never_has_a_version),
        cmocka_unit_test(an_unknown_type_needs_no_object),
        cmocka_unit_test(what_has_no_type_or_no_object_is_refused),
        cmocka_unit_test(a_status_in_place_of_an_event_is_refused),
        cmocka_unit_test(what_is_no_single_json_object_is_refused),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(half_a_surrogate_pair_is_refused),
        cmocka_unit_test(numbers_beyond_any_double_do_no_harm),
        cmocka_unit_test(of_keys_that_come_twice_the_first_counts),
        cmocka_unit_test(a_bomb_of_brackets_does_no_harm),
        cmocka_unit_test(a_version_must_be_a_text_and_fit),
        cmocka_unit_test(another_kind_or_group_is_told_apart),
        cmocka_unit_test(want_of_memory_is_told_from_bad_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
