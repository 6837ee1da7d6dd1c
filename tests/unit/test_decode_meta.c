#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../src/model/decode_priv.h"
#include "base/attr.h"
#include "support/decoded.h"

#define OBJECT(kind, metadata)                                                                     \
    "{'apiVersion': '" kind ", 'metadata': " metadata                                              \
    ", 'spec': {'ports': [{'port': 1}], 'controller': 'a.b/c', 'rules': [{}]}}"
#define SERVICE(metadata) OBJECT("v1', 'kind': 'Service'", metadata)
#define INGRESS(metadata) OBJECT("networking.k8s.io/v1', 'kind': 'Ingress'", metadata)
#define CLASS(metadata)   OBJECT("networking.k8s.io/v1', 'kind': 'IngressClass'", metadata)

static void an_object_needs_a_name_that_an_api_server_takes(void **state)
{
    static const struct {
        const char *json, *reason;
    } cases[] = {
        {SERVICE("{'name': 'web'}"), NULL},
        {SERVICE("{'name': '1web'}"), NULL}, /* since Kubernetes 1.34 */
        {SERVICE("{'name': 'a.b'}"), "InvalidName"},
        {SERVICE("{'name': 'Web'}"), "InvalidName"},
        {INGRESS("{'name': 'a.b'}"), NULL},
        {INGRESS("{'name': 'a_b'}"), "InvalidName"},
        {CLASS("{'name': 'a.b'}"), NULL},
        {SERVICE("{}"), "NameMissing"},
        {SERVICE("null"), "NameMissing"},
        {SERVICE("{'name': ''}"), "NameMissing"},
        {SERVICE("{'name': null}"), "NameMissing"},
        {SERVICE("{'generateName': 'web-'}"), "NameMissing"},
        {SERVICE("{'name': 5}"), "InvalidField"},
        {SERVICE("[]"), "InvalidField"},
        {SERVICE("{'name': 'web', 'namespace': 'a.b'}"), "InvalidNamespace"},
        {SERVICE("{'name': 'web', 'namespace': 5}"), "InvalidField"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoded d;

        decoded_init(&d, cases[i].json);
        assert_int_equal(d.result, cases[i].reason == NULL ? DECODE_OK : DECODE_REFUSED);
        if (cases[i].reason != NULL) {
            assert_int_equal(d.v.n, 1);
            assert_string_equal(d.v.items[0].reason, cases[i].reason);
            assert_int_equal(d.v.items[0].severity, VERDICT_ERROR);
        }
        decoded_fini(&d);
    }
}

static void a_generated_name_is_told_that_a_manifest_needs_one(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("{'generateName': 'web-'}"));
    assert_non_null(strstr(d.v.items[0].message, "generateName"));
    assert_int_equal(d.v.items[0].line, 100 + strlen("generateName"));
    decoded_fini(&d);
}

static void an_absent_namespace_is_default_and_a_class_has_none(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("{'name': 'web'}"));
    assert_string_equal(d.o->ns, "default");
    decoded_fini(&d);
    decoded_init(&d, SERVICE("{'name': 'web', 'namespace': ''}"));
    assert_string_equal(d.o->ns, "default");
    decoded_fini(&d);
    decoded_init(&d, SERVICE("{'name': 'web', 'namespace': 'shop'}"));
    assert_string_equal(d.o->ns, "shop");
    decoded_fini(&d);
    decoded_init(&d, CLASS("{'name': 'c', 'namespace': 'shop'}"));
    assert_string_equal(d.o->ns, "");
    decoded_fini(&d);
}

static void verdicts_on_a_refused_object_have_its_uid(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("{'name': 'web', 'uid': 'u-1', 'namespace': 5}"));
    assert_int_equal(d.result, DECODE_REFUSED);
    assert_string_equal(d.v.items[0].uid, "u-1");
    decoded_fini(&d);
    decoded_init(&d, SERVICE("{'name': 'web', 'uid': 5, 'namespace': 5}"));
    assert_string_equal(d.v.items[0].uid, "");
    decoded_fini(&d);
}

static void uid_and_version_are_kept_as_they_are(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("{'name': 'web', 'uid': 'u-1', 'resourceVersion': "
                             "'340282366920938463463374607431768211455'}"));
    assert_string_equal(d.o->uid, "u-1");
    assert_string_equal(d.o->resource_version, "340282366920938463463374607431768211455");
    decoded_fini(&d);
    decoded_init(&d, SERVICE("{'name': 'web'}"));
    assert_string_equal(d.o->uid, "");
    assert_string_equal(d.o->resource_version, "");
    decoded_fini(&d);
}

static void rfc_3339_times_become_unix_seconds(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2024-02-29T12:34:56Z", true, 1709210096},
        {"2024-02-29T12:34:56.789Z", true, 1709210096},
        {"2024-02-29T14:34:56+02:00", true, 1709210096},
        {"2024-02-29T07:04:56-05:30", true, 1709210096},
        {"1969-12-31T23:59:59Z", true, -1},
        {"2023-02-29T00:00:00Z", false, 0},
        {"2024-13-01T00:00:00Z", false, 0},
        {"2024-00-01T00:00:00Z", false, 0},
        {"2024-01-32T00:00:00Z", false, 0},
        {"2024-01-00T00:00:00Z", false, 0},
        {"2024-01-01T24:00:00Z", false, 0},
        {"2024-01-01T00:60:00Z", false, 0},
        {"2024-01-01T00:00:60Z", false, 0},
        {"2024-01-01T00:00:00", false, 0},
        {"2024-01-01T00:00:00z", false, 0},
        {"2024-01-01 00:00:00Z", false, 0},
        {"2024-01-01T00:00:00Z ", false, 0},
        {"2024-01-01T00:00:00.Z", false, 0},
        {"2024-01-01T00:00:00+24:00", false, 0},
        {"2024-01-01T00:00:00+0200", false, 0},
        {"2024-01-01", false, 0},
        {"24-01-01T00:00:00Z", false, 0},
        {"+024-01-01T00:00:00Z", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t seconds = 0;

        if (decode_meta_time(cases[i].text, &seconds) != cases[i].ok ||
            seconds != cases[i].seconds) {
            fail_msg("%s: %lld", cases[i].text, (long long)seconds);
        }
    }
}

static void a_time_cut_anywhere_is_no_time(void **state)
{
    const char whole[] = "2024-02-29T14:34:56.789+02:00";
    int64_t seconds;

    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char cut[sizeof(whole)] = "";

        memcpy(cut, whole, len);
        assert_false(decode_meta_time(cut, &seconds));
    }
}

static void an_absent_or_unreadable_age_is_the_youngest(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("{'name': 'web', 'creationTimestamp': '2024-02-29T12:34:56Z'}"));
    assert_int_equal(d.o->created_s, 1709210096);
    decoded_fini(&d);
    decoded_init(&d, SERVICE("{'name': 'web', 'creationTimestamp': null}"));
    assert_true(d.o->created_s == INT64_MAX);
    assert_int_equal(d.v.errors, 0);
    decoded_fini(&d);
    decoded_init(&d, SERVICE("{'name': 'web', 'creationTimestamp': 'today'}"));
    assert_int_equal(d.result, DECODE_OK);
    assert_true(d.o->created_s == INT64_MAX);
    assert_int_equal(d.v.errors, 1);
    decoded_fini(&d);
}

static void annotations_are_kept_in_their_order(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, INGRESS("{'name': 'x', 'annotations': {'b': '1', 'a.io/a': '', 'c': 'x y'}}"));
    assert_int_equal(d.o->n_annotations, 3);
    assert_string_equal(d.o->annotations[0].key, "b");
    assert_string_equal(d.o->annotations[0].value, "1");
    assert_string_equal(d.o->annotations[1].key, "a.io/a");
    assert_string_equal(d.o->annotations[1].value, "");
    assert_int_equal(d.o->annotations[1].line, 106);
    assert_string_equal(d.o->annotations[2].value, "x y");
    decoded_fini(&d);
}

static void kubectls_copy_of_the_object_is_not_kept(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d,
                 INGRESS("{'name': 'x', 'annotations': {"
                         "'kubectl.kubernetes.io/last-applied-configuration': '{}', 'c': '1'}}"));
    assert_int_equal(d.o->n_annotations, 1);
    assert_string_equal(d.o->annotations[0].key, "c");
    decoded_fini(&d);
}

static void a_value_that_is_no_text_costs_that_annotation_only(void **state)
{
    static const struct {
        const char *value, *mend;
    } cases[] = {
        {"true", "not true: write \"true\""}, {"5", "not 5: write \"5\""},
        {"null", "not null: write \"\""},     {"{}", "write it as one text"},
        {"[1]", "write it as one text"},
    };
    char json[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct verdict *v;
        struct decoded d;

        snprintf(json, sizeof(json),
                 INGRESS("{'name': 'x', 'annotations': {'a.io/b': %s, 'c': '1'}}"), cases[i].value);
        decoded_init(&d, json);
        assert_int_equal(d.result, DECODE_OK);
        assert_int_equal(d.o->n_annotations, 1);
        v = decoded_verdict(&d, "AnnotationNotString");
        assert_int_equal(v->severity, VERDICT_ERROR);
        assert_int_equal(v->line, 106);
        assert_non_null(strstr(v->message, "metadata.annotations[\"a.io/b\"]"));
        assert_non_null(strstr(v->message, cases[i].mend));
        decoded_fini(&d);
    }
}

static void a_key_that_is_none_is_an_error(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, INGRESS("{'name': 'x', 'annotations': {'a b': '1'}, 'labels': {'-': 'x'}}"));
    assert_int_equal(d.o->n_annotations, 0);
    assert_int_equal(d.v.errors, 2);
    assert_non_null(decoded_verdict(&d, "InvalidKey"));
    decoded_fini(&d);
}

static void a_label_that_is_no_text_is_an_error(void **state)
{
    const struct verdict *v;
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("{'name': 'x', 'labels': {'version': 1.5, 'app': 'web'}}"));
    assert_int_equal(d.result, DECODE_OK);
    v = decoded_verdict(&d, "LabelNotString");
    assert_string_equal(v->message,
                        "metadata.labels.version must be a text, not 1.5: write \"1.5\"");
    assert_int_equal(d.v.errors, 1);
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_needs_a_name_that_an_api_server_takes),
        cmocka_unit_test(a_generated_name_is_told_that_a_manifest_needs_one),
        cmocka_unit_test(an_absent_namespace_is_default_and_a_class_has_none),
        cmocka_unit_test(verdicts_on_a_refused_object_have_its_uid),
        cmocka_unit_test(uid_and_version_are_kept_as_they_are),
        cmocka_unit_test(rfc_3339_times_become_unix_seconds),
        cmocka_unit_test(a_time_cut_anywhere_is_no_time),
        cmocka_unit_test(an_absent_or_unreadable_age_is_the_youngest),
        cmocka_unit_test(annotations_are_kept_in_their_order),
        cmocka_unit_test(kubectls_copy_of_the_object_is_not_kept),
        cmocka_unit_test(a_value_that_is_no_text_costs_that_annotation_only),
        cmocka_unit_test(a_key_that_is_none_is_an_error),
        cmocka_unit_test(a_label_that_is_no_text_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
