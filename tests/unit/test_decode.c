#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "model/object.h"
#include "support/decoded.h"
#include "support/failalloc.h"
#include "support/json_text.h"

#define CLASS                                                                                      \
    "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'IngressClass', 'metadata': {'name': 'c'},"    \
    " 'spec': {'controller': 'sealway.io/ingress-controller'}}"
#define SERVICE(rest)                                                                              \
    "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'}, " rest "}"

static void api_version_and_kind_decide_what_is_ours(void **state)
{
    static const struct {
        const char *api_version, *kind;
        enum decode_result result;
        const char *reason;
    } cases[] = {
        {"v1", "Pod", DECODE_NOT_OURS, NULL},
        {"serving.knative.dev/v1", "Service", DECODE_NOT_OURS, NULL},
        {"config.openshift.io/v1", "Ingress", DECODE_NOT_OURS, NULL},
        {"networking.internal.knative.dev/v1alpha1", "Ingress", DECODE_NOT_OURS, NULL},
        {"v1", "service", DECODE_NOT_OURS, NULL},
        {"v1", "Ingress", DECODE_REFUSED, "ApiVersionUnknown"},
        {"networking.k8s.io/v2", "Ingress", DECODE_REFUSED, "ApiVersionUnknown"},
        {"networking.k8s.io/v1", "Service", DECODE_REFUSED, "ApiVersionUnknown"},
        {"apps/v1", "Service", DECODE_REFUSED, "ApiVersionUnknown"},
        {"v2", "Endpoints", DECODE_REFUSED, "ApiVersionUnknown"},
        {"extensions/v1beta1", "Ingress", DECODE_REFUSED, "ApiVersionRemoved"},
        {"networking.k8s.io/v1beta1", "Ingress", DECODE_REFUSED, "ApiVersionRemoved"},
        {"networking.k8s.io/v1beta1", "IngressClass", DECODE_REFUSED, "ApiVersionRemoved"},
        {"discovery.k8s.io/v1beta1", "EndpointSlice", DECODE_REFUSED, "ApiVersionRemoved"},
        {"", "Ingress", DECODE_REFUSED, "KindMissing"},
        {"v1", "", DECODE_REFUSED, "KindMissing"},
    };
    char json[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoded d;

        snprintf(json, sizeof(json),
                 "{'apiVersion': '%s', 'kind': '%s', 'metadata': {'name': 'x'}}",
                 cases[i].api_version, cases[i].kind);
        decoded_init(&d, json);
        assert_int_equal(d.result, cases[i].result);
        assert_int_equal(d.v.n, cases[i].reason != NULL);
        if (cases[i].reason != NULL) {
            assert_string_equal(d.v.items[0].reason, cases[i].reason);
            assert_int_equal(d.v.items[0].severity, VERDICT_ERROR);
        }
        decoded_fini(&d);
    }
}

static void a_removed_version_is_told_how_to_write_it_today(void **state)
{
    const struct verdict *v;
    struct decoded d;

    (void)state;
    decoded_init(&d, "{'apiVersion': 'extensions/v1beta1', 'kind': 'Ingress',"
                     " 'metadata': {'name': 'shop', 'namespace': 'web'}}");
    v = decoded_verdict(&d, "ApiVersionRemoved");
    assert_string_equal(v->kind, "Ingress");
    assert_string_equal(v->ns, "web");
    assert_string_equal(v->name, "shop");
    assert_string_equal(v->file, "test.yaml");
    assert_int_equal(v->line, 100 + strlen("apiVersion"));
    assert_non_null(strstr(v->message, "networking.k8s.io/v1,"));
    assert_non_null(strstr(v->message, "backend.service.port.number"));
    assert_non_null(strstr(v->message, "1.22"));
    decoded_fini(&d);
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const cases[] = {"[]", "'text'", "1", "true", "[{'kind': 'Service'}]"};
    struct decoded d;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        decoded_init(&d, cases[i]);
        assert_int_equal(d.result, DECODE_REFUSED);
        assert_non_null(decoded_verdict(&d, "NotAnObject"));
        assert_string_equal(d.v.items[0].kind, "");
        decoded_fini(&d);
    }
    decoded_init(&d, "{'apiVersion': 1, 'kind': ['Service']}");
    assert_non_null(decoded_verdict(&d, "KindMissing"));
    decoded_fini(&d);
}

static void what_could_not_be_a_name_does_not_stand_as_one_in_a_verdict(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, "{'apiVersion': 'v1', 'kind': 'Service', 'metadata':"
                     " {'name': 'a\\nfake.yaml:1: error', 'namespace': 'b\\nc'}}");
    assert_int_equal(d.result, DECODE_REFUSED);
    assert_int_equal(d.v.n, 2);
    for (size_t i = 0; i < d.v.n; i++) {
        assert_string_equal(d.v.items[i].name, "");
        assert_null(strchr(d.v.items[i].ns, '\n'));
        assert_null(strchr(d.v.items[i].message, '\n'));
    }
    decoded_fini(&d);
}

static void a_value_of_the_wrong_type_is_an_error_with_its_path(void **state)
{
    const struct verdict *v;
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("'spec': {'ports': [{'port': 1, 'name': 5}]}"));
    v = decoded_verdict(&d, "InvalidField");
    assert_string_equal(v->message, "spec.ports[0].name must be a text, not 5: write \"5\"");
    assert_int_equal(v->line, 100 + strlen("name"));
    decoded_fini(&d);
}

static void a_mistyped_kind_of_a_group_known_whole_is_an_error(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'ingress'}");
    assert_int_equal(d.result, DECODE_REFUSED);
    assert_int_equal(d.v.errors, 1);
    assert_string_equal(decoded_verdict(&d, "KindUnknown")->message,
                        "no API server knows kind \"ingress\" in apiVersion networking.k8s.io/v1: "
                        "write kind: Ingress");
    assert_int_equal(d.v.items[0].line, 100 + strlen("kind"));
    decoded_fini(&d);
    decoded_init(&d, "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy'}");
    assert_int_equal(d.result, DECODE_NOT_OURS);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void a_tree_is_foreign_only_if_its_kind_is_surely_nobodys_here(void **state)
{
    static const struct {
        const char *json;
        bool foreign;
    } cases[] = {
        {"{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\"}", true},
        {"{\"apiVersion\": \"serving.knative.dev/v1\", \"kind\": \"Service\"}", true},
        {"{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}", true},
        {"{\"apiVersion\": \"v1\", \"kind\": \"Service\"}", false},
        {"{\"apiVersion\": \"v1\", \"kind\": \"ServiceList\", \"items\": []}", false},
        {"{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"Ingres\"}", false},
        {"{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"kind\": \"Service\"}", false},
        {"{\"apiVersion\": \"v1\", \"kind\": 5}", false},
        {"{\"kind\": \"Pod\"}", false},
        {"[]", false},
        {"null", false},
        {"{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": 5}", false},
        {"{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": "
         "\"v1\", \"kind\": \"Pod\"}]}",
         true},
        {"{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": "
         "\"v1\", \"kind\": \"Pod\"}, {\"apiVersion\": \"v1\", \"kind\": \"Service\"}]}",
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cJSON *tree = cJSON_Parse(cases[i].json);

        if (decode_is_foreign(tree) != cases[i].foreign) {
            fail_msg("%s", cases[i].json);
        }
        cJSON_Delete(tree);
    }
    assert_false(decode_is_foreign(NULL));
}

static void an_absent_field_is_reported_on_the_line_above_it(void **state)
{
    const struct verdict *v;
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("'spec': {}"));
    v = decoded_verdict(&d, "PortsMissing");
    assert_int_equal(v->line, 100 + strlen("spec"));
    decoded_fini(&d);
}

static void a_hostile_object_cannot_flood_the_report(void **state)
{
    char *json = malloc(200000);
    const struct verdict *v;
    struct decoded d;
    size_t n;

    (void)state;
    assert_non_null(json);
    n = (size_t)sprintf(json, "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'w'},"
                              " 'spec': {'ports': [{'port': 1}");
    for (int i = 0; i < 5000; i++) {
        n += (size_t)sprintf(json + n, ", {'port': 0}");
    }
    strcpy(json + n, "]}}");
    decoded_init(&d, json);
    assert_int_equal(d.result, DECODE_OK);
    assert_true(d.v.n < 110);
    v = decoded_verdict(&d, "MoreProblems");
    assert_non_null(v);
    assert_int_equal(v->severity, VERDICT_ERROR);
    assert_string_equal(v->message, "4900 more problems like these: mend these first");
    decoded_fini(&d);
    free(json);
}

static void from_an_api_server_there_is_no_file_and_no_line(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init_api(&d, SERVICE("'spec': {'ports': 1}"));
    assert_int_equal(d.result, DECODE_REFUSED);
    assert_string_equal(d.v.items[0].file, "");
    assert_int_equal(d.v.items[0].line, 0);
    assert_string_equal(d.v.items[0].name, "web");
    decoded_fini(&d);
}

static void an_object_knows_its_file_and_line(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, SERVICE("'spec': {'ports': [{'port': 443}]}"));
    assert_string_equal(d.o->file, "test.yaml");
    assert_int_equal(d.o->line, 1);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void lists_are_told_from_objects(void **state)
{
    static const struct {
        const char *json;
        bool list;
    } cases[] = {
        {"{'apiVersion': 'v1', 'kind': 'List', 'items': []}", true},
        {"{'apiVersion': 'v1', 'kind': 'ServiceList', 'items': []}", true},
        {"{'apiVersion': 'networking.k8s.io/v1', 'kind': 'IngressList', 'items': []}", true},
        {"{'apiVersion': 'v1', 'kind': 'List', 'items': null}", false},
        {"{'apiVersion': 'v1', 'kind': 'List'}", false},
        {"{'apiVersion': 'v1', 'kind': 'PodList', 'items': []}", false},
        {"{'apiVersion': 'x/v1', 'kind': 'List', 'items': []}", false},
        {"{'apiVersion': 'v1', 'kind': 'Service', 'items': []}", false},
        {"[]", false},
        {"{}", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cJSON *tree = json_text_parse(cases[i].json);

        assert_int_equal(decode_list_items(tree) != NULL, cases[i].list);
        cJSON_Delete(tree);
    }
}

static enum decode_result decode_first(const char *list, struct verdicts *v)
{
    cJSON *tree = json_text_parse(list);
    struct objmeta *o = NULL;
    enum decode_result result =
        decode_list_item(tree, decode_list_items(tree)->child, &decoded_source, v, &o);

    object_unref(o);
    cJSON_Delete(tree);
    return result;
}

static void items_of_a_typed_list_need_no_kind_of_their_own(void **state)
{
    struct verdicts v;

    (void)state;
    verdicts_init(&v);
    assert_int_equal(
        decode_first("{'apiVersion': 'v1', 'kind': 'ServiceList', 'items': "
                     "[{'metadata': {'name': 'a'}, 'spec': {'ports': [{'port': 1}]}}]}",
                     &v),
        DECODE_OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(decode_first("{'apiVersion': 'v1', 'kind': 'List', 'items': "
                                  "[{'metadata': {'name': 'a'}}]}",
                                  &v),
                     DECODE_REFUSED);
    assert_string_equal(v.items[0].reason, "KindMissing");
    assert_int_equal(decode_first("{'apiVersion': 'extensions/v1beta1', 'kind': 'IngressList',"
                                  " 'items': [{'metadata': {'name': 'a'}}]}",
                                  &v),
                     DECODE_REFUSED);
    assert_string_equal(v.items[1].reason, "ApiVersionRemoved");
    assert_string_equal(v.items[1].name, "a");
    assert_int_equal(decode_first("{'apiVersion': 'v1', 'kind': 'ServiceList', 'items': "
                                  "[{'apiVersion': 'v1', 'kind': 'Pod'}]}",
                                  &v),
                     DECODE_NOT_OURS);
    assert_int_equal(
        decode_first("{'apiVersion': 'v1', 'kind': 'ServiceList', 'items': [null]}", &v),
        DECODE_REFUSED);
    verdicts_fini(&v);
}

static void decode_once(void *ctx)
{
    struct verdicts v;
    struct objmeta *o = NULL;
    enum decode_result result;

    verdicts_init(&v);
    result = decode_object(ctx, &decoded_source, &v, &o);
    assert_true(result == DECODE_OK || result == DECODE_NO_MEMORY);
    assert_int_equal(result == DECODE_OK, o != NULL);
    object_unref(o);
    verdicts_fini(&v);
}

static void without_memory_nothing_is_half_decoded(void **state)
{
    static const char *const cases[] = {
        "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': 'shop',"
        " 'uid': 'u', 'resourceVersion': '12', 'odd': 1,"
        " 'annotations': {'a': 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'b': 5}},"
        " 'spec': {'ingressClassName': 'sealway', 'defaultBackend': {'resource': {'kind': 'x'}},"
        " 'rules': [{'host': 'A'}, {'host': 'a.shop.test', 'http': {'paths': [{'path': '/',"
        " 'pathType': 'Prefix', 'backend': {'service': {'name': 'web', 'port': {'name': "
        "'https'}}}}]}}]}}",
        SERVICE(
            "'spec': {'clusterIPs': ['10.0.0.1', 'fd00::1'], 'ports': [{'name': 'a', 'port': 1},"
            " {'name': 'b', 'port': 2}]}"),
        "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'name': 'x',"
        " 'labels': {'kubernetes.io/service-name': 'web'}}, 'addressType': 'IPv4', 'ports':"
        " [{'name': 'a', 'port': 1}], 'endpoints': [{'addresses': ['10.0.0.1']}, {'addresses':"
        " ['10.0.0.2']}, {'addresses': ['10.0.0.3']}, {'addresses': ['10.0.0.4']}]}",
        "{'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': {'name': 'x'}, 'subsets':"
        " [{'addresses': [{'ip': '10.0.0.1'}], 'notReadyAddresses': [{'ip': '10.0.0.2'}],"
        " 'ports': [{'port': 1}]}]}",
        CLASS,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cJSON *tree = json_text_parse(cases[i]);

        assert_true(failalloc_torture(decode_once, tree) >= 1);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(api_version_and_kind_decide_what_is_ours),
        cmocka_unit_test(a_removed_version_is_told_how_to_write_it_today),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(what_could_not_be_a_name_does_not_stand_as_one_in_a_verdict),
        cmocka_unit_test(a_value_of_the_wrong_type_is_an_error_with_its_path),
        cmocka_unit_test(a_mistyped_kind_of_a_group_known_whole_is_an_error),
        cmocka_unit_test(a_tree_is_foreign_only_if_its_kind_is_surely_nobodys_here),
        cmocka_unit_test(an_absent_field_is_reported_on_the_line_above_it),
        cmocka_unit_test(a_hostile_object_cannot_flood_the_report),
        cmocka_unit_test(from_an_api_server_there_is_no_file_and_no_line),
        cmocka_unit_test(an_object_knows_its_file_and_line),
        cmocka_unit_test(lists_are_told_from_objects),
        cmocka_unit_test(items_of_a_typed_list_need_no_kind_of_their_own),
        cmocka_unit_test(without_memory_nothing_is_half_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
