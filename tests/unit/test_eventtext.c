#include "../../src/controller/eventtext_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "model/k8sname.h"
#include "support/failalloc.h"
#include "support/json_path.h"

static const struct eventtext example = {
    .about = {"Ingress", "shop", "web", "0b0a"},
    .is_warning = true,
    .reason = "HostAlreadyClaimed",
    .note = "say \"so\"",
    .controller = "sealway.io/ingress-controller",
    .instance = "sealway-0",
    .wall_us = 1795286417237740, /* 2026-11-21 */
    .stamp = 0x18a3f0c2d4e5f601,
};

static void an_event_is_all_that_the_api_server_asks_for(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, EVENTTEXT_BODY_MAX);
    assert_int_equal(eventtext_post(&b, &example), 0);
    assert_int_equal(buf_append(&b, "", 1), 0);
    assert_string_equal(
        (const char *)b.data,
        "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{\"name\":"
        "\"web.18a3f0c2d4e5f601\",\"namespace\":\"shop\"},\"eventTime\":"
        "\"2026-11-21T18:40:17.237740Z\",\"type\":\"Warning\",\"reason\":\"HostAlreadyClaimed\","
        "\"action\":\"Reconcile\",\"note\":\"say \\\"so\\\"\",\"reportingController\":"
        "\"sealway.io/ingress-controller\",\"reportingInstance\":\"sealway-0\",\"regarding\":"
        "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"namespace\":\"shop\","
        "\"name\":\"web\",\"uid\":\"0b0a\"}}\n");
    buf_fini(&b);
}

static cJSON *tree_of(const struct eventtext *e)
{
    struct buf b;
    cJSON *tree;

    buf_init(&b, EVENTTEXT_BODY_MAX);
    assert_int_equal(eventtext_post(&b, e), 0);
    tree = cJSON_ParseWithLength((const char *)b.data, b.len);
    assert_non_null(tree);
    buf_fini(&b);
    return tree;
}

static void an_object_without_namespace_has_its_events_in_default(void **state)
{
    struct eventtext e = example;
    char path[EVENTTEXT_PATH];
    cJSON *tree;

    (void)state;
    e.about = (struct eventtext_object){"IngressClass", "", "sealway", ""};
    e.is_warning = false;
    tree = tree_of(&e);
    assert_string_equal(json_path_text(tree, "metadata.namespace"), "default");
    assert_string_equal(json_path_text(tree, "type"), "Normal");
    assert_null(json_path_at(tree, "regarding.namespace"));
    assert_null(json_path_at(tree, "regarding.uid"));
    cJSON_Delete(tree);
    assert_string_equal(eventtext_list_path(&e.about, path),
                        "/apis/events.k8s.io/v1/namespaces/default/events");
    assert_string_equal(
        eventtext_path(&e.about, 0x12, path),
        "/apis/events.k8s.io/v1/namespaces/default/events/sealway.0000000000000012");
}

static void a_series_is_told_by_a_patch(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, EVENTTEXT_BODY_MAX);
    assert_int_equal(eventtext_series(&b, 2, 5), 0);
    assert_int_equal(buf_append(&b, "", 1), 0);
    assert_string_equal((const char *)b.data, "{\"series\":{\"count\":2,\"lastObservedTime\":"
                                              "\"1970-01-01T00:00:00.000005Z\"}}\n");
    buf_fini(&b);
}

static void the_name_of_an_event_is_a_subdomain_whatever_the_object_is_named(void **state)
{
    char name[254], text[EVENTTEXT_PATH];

    (void)state;
    for (size_t len = 1; len < sizeof(name); len++) {
        const struct eventtext_object o = {"Ingress", "shop", name, ""};
        const char *event;

        for (size_t i = 0; i < len; i++) {
            name[i] = i % 7 == 5 && i + 1 < len ? (i % 2 ? '-' : '.') : 'a';
        }
        name[len] = '\0';
        assert_true(k8sname_is_subdomain(name));
        event = strrchr(eventtext_path(&o, UINT64_MAX, text), '/') + 1;
        assert_true(k8sname_is_subdomain(event));
        assert_non_null(strstr(event, ".ffffffffffffffff"));
    }
}

static void only_what_an_api_server_can_hold_gets_events(void **state)
{
    (void)state;
    assert_true(eventtext_is_object("Ingress", "shop", "web"));
    assert_true(eventtext_is_object("IngressClass", "", "a.b"));
    assert_true(eventtext_is_object("Endpoints", "shop", "web"));
    assert_false(eventtext_is_object("", "shop", "web"));
    assert_false(eventtext_is_object("Pod", "shop", "web"));
    assert_false(eventtext_is_object("Ingress", "shop", ""));
    assert_false(eventtext_is_object("Ingress", "../x", "web"));
    assert_false(eventtext_is_object("Ingress", "shop", "a/b"));
}

static void a_note_is_utf8_without_control_characters(void **state)
{
    char text[EVENTTEXT_NOTE];

    (void)state;
    assert_int_equal(eventtext_clean("a\x1b[1m\xff\xc5\xbe\xc2\x9b\n", text), 10);
    assert_string_equal(text, "a?[1m?\xc5\xbe??");
    assert_int_equal(eventtext_clean("cut \xf0\x9f\x90", text), 7);
    assert_string_equal(text, "cut ???");
    assert_int_equal(eventtext_clean("", text), 0);
    assert_string_equal(text, "");
}

static bool is_utf8(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t n = utf8_len(text, left);

        if (n == 0) {
            return false;
        }
        text += n;
        left -= n;
    }
    return true;
}

static void a_note_has_1024_bytes_and_ends_with_a_character(void **state)
{
    static const char *const characters[] = {"x", "\xc5\xbe", "\xe2\x82\xac", "\xf0\x9f\x90\x8b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
        for (size_t shift = 0; shift < 5; shift++) {
            char message[2200] = "", text[EVENTTEXT_NOTE], more[EVENTTEXT_NOTE];
            size_t len;

            memset(message, 'y', shift);
            while (strlen(message) < 1500) {
                strcat(message, characters[i]);
            }
            len = eventtext_clean(message, text);
            assert_int_equal(strlen(text), len);
            assert_in_range(len, 1019, EVENTLOG_NOTE_MAX);
            assert_true(is_utf8(text));
            assert_string_equal(text + len - 3, "...");
            eventtext_note(text, 0, more);
            assert_string_equal(more, text);
            eventtext_note(text, 4000000000u, more);
            assert_true(is_utf8(more));
            assert_non_null(strstr(more, ". And 4000000000 more"));
        }
    }
}

static void a_note_of_just_1024_bytes_is_whole(void **state)
{
    char message[EVENTLOG_NOTE_MAX + 1], text[EVENTTEXT_NOTE];

    (void)state;
    memset(message, 'x', EVENTLOG_NOTE_MAX);
    message[EVENTLOG_NOTE_MAX] = '\0';
    assert_int_equal(eventtext_clean(message, text), EVENTLOG_NOTE_MAX);
    assert_string_equal(text, message);
}

static void an_instance_is_cut_to_what_is_accepted(void **state)
{
    struct eventtext e = example;
    char instance[300];
    cJSON *tree;

    (void)state;
    memset(instance, 'p', sizeof(instance) - 1);
    instance[sizeof(instance) - 1] = '\0';
    e.instance = instance;
    tree = tree_of(&e);
    assert_int_equal(strlen(json_path_text(tree, "reportingInstance")), 128);
    cJSON_Delete(tree);
}

static void write_both(void *ctx)
{
    struct buf b;
    int rc;

    (void)ctx;
    buf_init(&b, EVENTTEXT_BODY_MAX);
    rc = eventtext_post(&b, &example);
    assert_true(rc == 0 || rc == -ENOMEM);
    rc = eventtext_series(&b, 2, 5);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&b);
}

static void memory_that_runs_out_is_told(void **state)
{
    (void)state;
    assert_true(failalloc_torture(write_both, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_all_that_the_api_server_asks_for),
        cmocka_unit_test(an_object_without_namespace_has_its_events_in_default),
        cmocka_unit_test(a_series_is_told_by_a_patch),
        cmocka_unit_test(the_name_of_an_event_is_a_subdomain_whatever_the_object_is_named),
        cmocka_unit_test(only_what_an_api_server_can_hold_gets_events),
        cmocka_unit_test(a_note_is_utf8_without_control_characters),
        cmocka_unit_test(a_note_has_1024_bytes_and_ends_with_a_character),
        cmocka_unit_test(a_note_of_just_1024_bytes_is_whole),
        cmocka_unit_test(an_instance_is_cut_to_what_is_accepted),
        cmocka_unit_test(memory_that_runs_out_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
