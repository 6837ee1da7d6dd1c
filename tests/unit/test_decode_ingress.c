#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "model/object.h"
#include "support/decoded.h"

#define BACKEND "{'service': {'name': 'web', 'port': {'number': 443}}}"
#define PATH    "{'path': '/', 'pathType': 'Prefix', 'backend': " BACKEND "}"
#define HTTP    "{'paths': [" PATH "]}"

static const struct ingress *with_spec(struct decoded *d, const char *spec)
{
    char json[1500];

    snprintf(json, sizeof(json),
             "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': 'x'},"
             " 'spec': %s}",
             spec);
    decoded_init(d, json);
    return (const struct ingress *)(const void *)d->o;
}

static void rules_hosts_and_paths_are_kept_in_order(void **state)
{
    const struct ingress *i;
    struct decoded d;

    (void)state;
    i = with_spec(&d,
                  "{'ingressClassName': 'sealway', 'rules': [{'host': 'a.test', 'http':"
                  " {'paths': [{'path': '/b', 'pathType': 'Exact', 'backend': " BACKEND "}, " PATH
                  "]}}, {'host': '*.b.test', 'http': " HTTP "}, {'host': 'c.test'}, {}]}");
    assert_int_equal(d.v.n, 0);
    assert_string_equal(i->class_name, "sealway");
    assert_int_equal(i->class_line, 100 + strlen("ingressClassName"));
    assert_int_equal(i->default_backend.type, BACKEND_NONE);
    assert_int_equal(i->n_rules, 4);
    assert_string_equal(i->rules[0].host, "a.test");
    assert_int_equal(i->rules[0].line, 100 + strlen("host"));
    assert_int_equal(i->rules[0].n_paths, 2);
    assert_string_equal(i->rules[0].paths[0].path, "/b");
    assert_string_equal(i->rules[0].paths[1].path, "/");
    assert_string_equal(i->rules[1].host, "*.b.test");
    assert_true(i->rules[1].has_http);
    assert_string_equal(i->rules[2].host, "c.test");
    assert_false(i->rules[2].has_http);
    assert_string_equal(i->rules[3].host, "");
    decoded_fini(&d);
}

static void an_invalid_host_costs_its_rule_and_no_other(void **state)
{
    const struct verdict *v;
    const struct ingress *i;
    struct decoded d;

    (void)state;
    i = with_spec(&d, "{'rules': [{'host': 'a.test'}, {'host': 'B.test'}, {'host': 'c.test'}]}");
    assert_int_equal(i->n_rules, 2);
    assert_string_equal(i->rules[0].host, "a.test");
    assert_string_equal(i->rules[1].host, "c.test");
    v = decoded_verdict(&d, "InvalidHost");
    assert_int_equal(v->severity, VERDICT_ERROR);
    assert_int_equal(v->line, 100 + strlen("host"));
    assert_string_equal(v->message,
                        "spec.rules[1].host \"B.test\" is no host: write it in lower case");
    decoded_fini(&d);
}

static void a_rule_that_cannot_be_read_never_becomes_a_catch_all(void **state)
{
    static const char *const rules[] = {"{'host': 5}", "{'host': ['a.test']}", "'a.test'", "[]",
                                        "{'host': 'a.test', 'http': 'x'}"};
    char spec[300];

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(rules); k++) {
        const struct ingress *i;
        struct decoded d;

        snprintf(spec, sizeof(spec), "{'rules': [%s, {'host': 'b.test'}]}", rules[k]);
        i = with_spec(&d, spec);
        assert_int_equal(i->n_rules, 1);
        assert_string_equal(i->rules[0].host, "b.test");
        assert_non_null(decoded_verdict(&d, "InvalidField"));
        decoded_fini(&d);
    }
}

static void paths_are_judged_as_an_api_server_does_and_kept(void **state)
{
    static const struct {
        const char *path, *type, *reason;
    } cases[] = {
        {"'/'", "'Prefix'", NULL},
        {"'/'", "'Exact'", NULL},
        {"''", "'ImplementationSpecific'", NULL},
        {"null", "'ImplementationSpecific'", NULL},
        {"'/a.*'", "'ImplementationSpecific'", NULL},
        {"'/a//b'", "'ImplementationSpecific'", NULL},
        {"'/...'", "'Prefix'", NULL},
        {"''", "'Prefix'", "InvalidPath"},
        {"null", "'Exact'", "InvalidPath"},
        {"'a'", "'Prefix'", "InvalidPath"},
        {"'a'", "'ImplementationSpecific'", "InvalidPath"},
        {"'/a//b'", "'Prefix'", "InvalidPath"},
        {"'/a/./b'", "'Prefix'", "InvalidPath"},
        {"'/a/../b'", "'Prefix'", "InvalidPath"},
        {"'/a%2fb'", "'Exact'", "InvalidPath"},
        {"'/a%2Fb'", "'Exact'", "InvalidPath"},
        {"'/a/..'", "'Exact'", "InvalidPath"},
        {"'/.'", "'Exact'", "InvalidPath"},
        {"'/'", "null", "PathTypeMissing"},
        {"'/'", "''", "PathTypeMissing"},
        {"'/'", "'prefix'", "InvalidPathType"},
        {"'/'", "5", "InvalidField"},
    };
    char spec[400];

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        const struct ingress *i;
        struct decoded d;

        snprintf(spec, sizeof(spec),
                 "{'rules': [{'host': 'a.test', 'http': {'paths': [{'path': %s, 'pathType': %s,"
                 " 'backend': " BACKEND "}]}}]}",
                 cases[k].path, cases[k].type);
        i = with_spec(&d, spec);
        assert_int_equal(i->rules[0].n_paths, 1);
        assert_non_null(i->rules[0].paths[0].path);
        assert_int_equal(d.v.n, cases[k].reason != NULL);
        if (cases[k].reason != NULL) {
            assert_string_equal(d.v.items[0].reason, cases[k].reason);
            assert_int_equal(d.v.items[0].severity, VERDICT_ERROR);
        }
        decoded_fini(&d);
    }
}

static void a_path_that_is_no_text_is_left_out(void **state)
{
    const struct ingress *i;
    struct decoded d;

    (void)state;
    i = with_spec(&d, "{'rules': [{'host': 'a.test', 'http': {'paths': [{'path': 5, 'pathType':"
                      " 'Exact', 'backend': " BACKEND "}, 'x', " PATH "]}}]}");
    assert_int_equal(i->rules[0].n_paths, 1);
    assert_int_equal(d.v.errors, 2);
    decoded_fini(&d);
}

static void http_without_paths_is_remembered_as_http(void **state)
{
    static const char *const https[] = {"{}", "{'paths': null}", "{'paths': []}"};
    char spec[200];

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(https); k++) {
        const struct ingress *i;
        struct decoded d;

        snprintf(spec, sizeof(spec), "{'rules': [{'host': 'a.test', 'http': %s}]}", https[k]);
        i = with_spec(&d, spec);
        assert_true(i->rules[0].has_http);
        assert_int_equal(i->rules[0].n_paths, 0);
        assert_non_null(decoded_verdict(&d, "PathsMissing"));
        decoded_fini(&d);
    }
}

static void a_default_backend_stands_alone_or_beside_rules(void **state)
{
    const struct ingress *i;
    struct decoded d;

    (void)state;
    i = with_spec(&d, "{'defaultBackend': " BACKEND "}");
    assert_int_equal(d.v.n, 0);
    assert_int_equal(i->default_backend.type, BACKEND_SERVICE);
    assert_string_equal(i->default_backend.service, "web");
    assert_int_equal(i->n_rules, 0);
    decoded_fini(&d);

    i = with_spec(&d, "{'defaultBackend': {'service': {'name': 'web'}}, 'rules': [{}]}");
    assert_int_equal(i->default_backend.type, BACKEND_NONE);
    assert_int_equal(d.v.errors, 1);
    decoded_fini(&d);
}

static void spec_backend_is_of_v1beta1(void **state)
{
    const struct ingress *i;
    struct decoded d;

    (void)state;
    i = with_spec(&d, "{'backend': {'serviceName': 'web', 'servicePort': 443}}");
    assert_int_equal(i->default_backend.type, BACKEND_NONE);
    assert_int_equal(d.v.n, 1);
    assert_string_equal(d.v.items[0].reason, "FieldRemoved");
    assert_non_null(strstr(d.v.items[0].message, "spec.defaultBackend"));
    decoded_fini(&d);
}

static void an_ingress_needs_rules_or_a_default(void **state)
{
    static const char *const specs[] = {"{}", "null", "{'rules': []}", "{'rules': null}"};

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(specs); k++) {
        struct decoded d;

        (void)with_spec(&d, specs[k]);
        assert_int_equal(d.result, DECODE_OK);
        assert_non_null(decoded_verdict(&d, "RulesMissing"));
        decoded_fini(&d);
    }
}

static void what_has_no_readable_shape_is_refused(void **state)
{
    static const char *const specs[] = {"[]", "'x'", "{'rules': {}}", "{'rules': 'a.test'}",
                                        "{'rules': [{}], 'ingressClassName': ['sealway']}"};

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(specs); k++) {
        struct decoded d;

        (void)with_spec(&d, specs[k]);
        assert_int_equal(d.result, DECODE_REFUSED);
        assert_non_null(decoded_verdict(&d, "InvalidField"));
        decoded_fini(&d);
    }
}

static void a_class_name_is_kept_even_when_no_class_can_have_it(void **state)
{
    const struct ingress *i;
    struct decoded d;

    (void)state;
    i = with_spec(&d, "{'ingressClassName': '', 'rules': [{}]}");
    assert_string_equal(i->class_name, ""); /* and not absent, which a default class would claim */
    assert_int_equal(d.v.errors, 1);
    decoded_fini(&d);
    i = with_spec(&d, "{'ingressClassName': null, 'rules': [{}]}");
    assert_null(i->class_name);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void tls_is_judged_but_not_needed(void **state)
{
    const struct ingress *i;
    struct decoded d;

    (void)state;
    i = with_spec(&d, "{'rules': [{'host': 'a.test'}], 'tls': [{'hosts': ['a.test', '*.b.test'],"
                      " 'secretName': 'x'}, {}, null]}");
    assert_int_equal(d.v.n, 0);
    assert_int_equal(i->n_rules, 1);
    decoded_fini(&d);
    i = with_spec(&d, "{'rules': [{'host': 'a.test'}], 'tls': [{'hosts': ['A.test', 5],"
                      " 'secretName': 5}, 'x']}");
    assert_int_equal(i->n_rules, 1);
    assert_int_equal(d.v.errors, 4);
    assert_non_null(strstr(decoded_verdict(&d, "InvalidHost")->message, "spec.tls[0].hosts[0]"));
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_hosts_and_paths_are_kept_in_order),
        cmocka_unit_test(an_invalid_host_costs_its_rule_and_no_other),
        cmocka_unit_test(a_rule_that_cannot_be_read_never_becomes_a_catch_all),
        cmocka_unit_test(paths_are_judged_as_an_api_server_does_and_kept),
        cmocka_unit_test(a_path_that_is_no_text_is_left_out),
        cmocka_unit_test(http_without_paths_is_remembered_as_http),
        cmocka_unit_test(a_default_backend_stands_alone_or_beside_rules),
        cmocka_unit_test(spec_backend_is_of_v1beta1),
        cmocka_unit_test(an_ingress_needs_rules_or_a_default),
        cmocka_unit_test(what_has_no_readable_shape_is_refused),
        cmocka_unit_test(a_class_name_is_kept_even_when_no_class_can_have_it),
        cmocka_unit_test(tls_is_judged_but_not_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
