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

/* Decode an Ingress with this as its only path's backend; returns the rule. */
static const struct ingress_rule *with_backend(struct decoded *d, const char *backend)
{
    const struct ingress *i;
    char json[700];

    snprintf(json, sizeof(json),
             "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': 'x'},"
             " 'spec': {'rules': [{'host': 'a.test', 'http': {'paths': [{'path': '/', 'pathType':"
             " 'Prefix', 'backend': %s}]}}]}}",
             backend);
    decoded_init(d, json);
    assert_int_equal(d->result, DECODE_OK);
    i = (const struct ingress *)(const void *)d->o;
    assert_int_equal(i->n_rules, 1);
    return &i->rules[0];
}

static void a_service_is_named_with_a_port_by_number_or_name(void **state)
{
    const struct ingress_rule *rule;
    struct decoded d;

    (void)state;
    rule = with_backend(&d, "{'service': {'name': 'web', 'port': {'number': 443}}}");
    assert_int_equal(rule->paths[0].backend.type, BACKEND_SERVICE);
    assert_string_equal(rule->paths[0].backend.service, "web");
    assert_string_equal(rule->paths[0].backend.port_name, "");
    assert_int_equal(rule->paths[0].backend.port_number, 443);
    assert_int_equal(rule->paths[0].backend.line, 100 + strlen("number"));
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);

    rule = with_backend(&d, "{'service': {'name': 'web', 'port': {'name': 'https', 'number': 0}}}");
    assert_string_equal(rule->paths[0].backend.port_name, "https");
    assert_int_equal(rule->paths[0].backend.port_number, 0);
    assert_int_equal(rule->paths[0].backend.line, 100 + strlen("name"));
    decoded_fini(&d);
}

static void a_resource_is_told_from_a_service(void **state)
{
    const struct ingress_rule *rule;
    struct decoded d;

    (void)state;
    rule = with_backend(&d, "{'resource': {'apiGroup': 'a.b', 'kind': 'Bucket', 'name': 'x'}}");
    assert_int_equal(rule->paths[0].backend.type, BACKEND_RESOURCE);
    assert_string_equal(rule->paths[0].backend.service, "");
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void an_invalid_backend_costs_its_path(void **state)
{
    static const struct {
        const char *backend, *reason, *says;
    } cases[] = {
        {"null", "InvalidBackend", "names no Service"},
        {"{}", "InvalidBackend", "names no Service"},
        {"{'service': null}", "InvalidBackend", "names no Service"},
        {"[]", "InvalidField", "must be an object"},
        {"{'service': 'web'}", "InvalidField", "must be an object, not \"web\""},
        {"{'service': {'port': {'number': 1}}}", "InvalidBackend", "names no Service"},
        {"{'service': {'name': 5, 'port': {'number': 1}}}", "InvalidField", "must be a text"},
        {"{'service': {'name': 'Web', 'port': {'number': 1}}}", "InvalidBackend", "\"Web\""},
        {"{'service': {'name': 'a.b', 'port': {'number': 1}}}", "InvalidBackend", "\"a.b\""},
        {"{'service': {'name': 'web'}}", "InvalidBackend", "names no port"},
        {"{'service': {'name': 'web', 'port': {}}}", "InvalidBackend", "names no port"},
        {"{'service': {'name': 'web', 'port': 443}}", "InvalidField", "must be an object, not 443"},
        {"{'service': {'name': 'web', 'port': {'number': 1, 'name': 'a'}}}", "InvalidBackend",
         "both name and number"},
        {"{'service': {'name': 'web', 'port': {'number': 65536}}}", "InvalidPort", "65535"},
        {"{'service': {'name': 'web', 'port': {'number': -1}}}", "InvalidPort", "not -1"},
        {"{'service': {'name': 'web', 'port': {'number': 1.5}}}", "InvalidPort", "not 1.5"},
        {"{'service': {'name': 'web', 'port': {'number': '443'}}}", "InvalidPort", "quotes"},
        {"{'service': {'name': 'web', 'port': {'number': 'https'}}}", "InvalidPort", "field name"},
        {"{'service': {'name': 'web', 'port': {'name': 443}}}", "InvalidField", "must be a text"},
        {"{'service': {'name': 'web', 'port': {'name': '443'}}}", "InvalidBackend", "port.number"},
        {"{'service': {'name': 'web', 'port': {'number': 1}}, 'resource': {}}", "InvalidBackend",
         "both service and resource"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ingress_rule *rule;
        struct decoded d;

        rule = with_backend(&d, cases[i].backend);
        assert_true(rule->has_http);
        assert_int_equal(rule->n_paths, 0);
        assert_int_equal(d.v.n, 1);
        assert_int_equal(d.v.errors, 1);
        assert_string_equal(d.v.items[0].reason, cases[i].reason);
        assert_non_null(strstr(d.v.items[0].message, "spec.rules[0].http.paths[0].backend"));
        if (strstr(d.v.items[0].message, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].backend, d.v.items[0].message);
        }
        decoded_fini(&d);
    }
}

static void the_form_of_v1beta1_is_told_how_to_write_it_today(void **state)
{
    const struct ingress_rule *rule;
    struct decoded d;

    (void)state;
    rule = with_backend(&d, "{'serviceName': 'web', 'servicePort': 443}");
    assert_int_equal(rule->n_paths, 0);
    assert_int_equal(d.v.n, 1);
    assert_string_equal(d.v.items[0].reason, "FieldRemoved");
    assert_int_equal(d.v.items[0].line, 100 + strlen("serviceName"));
    assert_non_null(strstr(d.v.items[0].message, "service.port.number"));
    decoded_fini(&d);
    (void)with_backend(&d, "{'servicePort': 443}");
    assert_string_equal(d.v.items[0].reason, "FieldRemoved");
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_is_named_with_a_port_by_number_or_name),
        cmocka_unit_test(a_resource_is_told_from_a_service),
        cmocka_unit_test(an_invalid_backend_costs_its_path),
        cmocka_unit_test(the_form_of_v1beta1_is_told_how_to_write_it_today),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
