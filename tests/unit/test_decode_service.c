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

static const struct service *with_spec(struct decoded *d, const char *spec)
{
    char json[800];

    snprintf(json, sizeof(json),
             "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'}, 'spec': %s}",
             spec);
    decoded_init(d, json);
    return (const struct service *)(const void *)d->o;
}

static void a_service_has_its_type(void **state)
{
    static const struct {
        const char *type;
        enum service_type is;
        size_t errors;
    } cases[] = {
        {"null", SERVICE_CLUSTER_IP, 0},
        {"''", SERVICE_CLUSTER_IP, 0},
        {"'ClusterIP'", SERVICE_CLUSTER_IP, 0},
        {"'NodePort'", SERVICE_NODE_PORT, 0},
        {"'LoadBalancer'", SERVICE_LOAD_BALANCER, 0},
        {"'ExternalName'", SERVICE_EXTERNAL_NAME, 0},
        {"'clusterip'", SERVICE_CLUSTER_IP, 1},
        {"5", SERVICE_CLUSTER_IP, 1},
    };
    char spec[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoded d;

        snprintf(spec, sizeof(spec), "{'type': %s, 'ports': [{'port': 1}]}", cases[i].type);
        assert_int_equal(with_spec(&d, spec)->type, cases[i].is);
        assert_int_equal(d.v.errors, cases[i].errors);
        decoded_fini(&d);
    }
}

static void cluster_addresses_are_parsed_or_headless(void **state)
{
    static const struct {
        const char *fields;
        bool headless;
        const char *first, *second;
        size_t errors;
    } cases[] = {
        {"'clusterIP': '10.0.0.1'", false, "10.0.0.1", NULL, 0},
        {"'clusterIP': 'fd00::1'", false, "fd00::1", NULL, 0},
        {"'clusterIP': 'None'", true, NULL, NULL, 0},
        {"'clusterIP': ''", false, NULL, NULL, 0},
        {"'clusterIP': null", false, NULL, NULL, 0},
        {"'clusterIP': 'none'", false, NULL, NULL, 1},
        {"'clusterIP': '10.0.0.256'", false, NULL, NULL, 1},
        {"'clusterIP': 5", false, NULL, NULL, 1},
        {"'clusterIP': '10.0.0.1', 'clusterIPs': ['10.0.0.1', 'fd00::1']", false, "10.0.0.1",
         "fd00::1", 0},
        {"'clusterIPs': ['None'], 'clusterIP': 'None'", true, NULL, NULL, 0},
        {"'clusterIPs': ['10.0.0.1', '10.0.0.2', '10.0.0.3']", false, "10.0.0.1", "10.0.0.2", 0},
        {"'clusterIPs': ['x', '10.0.0.2']", false, "10.0.0.2", NULL, 1},
        {"'clusterIPs': 'x', 'clusterIP': '10.0.0.1'", false, "10.0.0.1", NULL, 1},
        {"'clusterIPs': null", false, NULL, NULL, 0},
    };
    char spec[300], text[NETADDR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct service *s;
        struct decoded d;

        snprintf(spec, sizeof(spec), "{'ports': [{'port': 1}], %s}", cases[i].fields);
        s = with_spec(&d, spec);
        assert_int_equal(s->headless, cases[i].headless);
        assert_int_equal(s->n_cluster_ips, (cases[i].first != NULL) + (cases[i].second != NULL));
        if (cases[i].first != NULL) {
            assert_string_equal(netaddr_format_ip(&s->cluster_ips[0], text), cases[i].first);
        }
        if (cases[i].second != NULL) {
            assert_string_equal(netaddr_format_ip(&s->cluster_ips[1], text), cases[i].second);
        }
        assert_int_equal(d.v.errors, cases[i].errors);
        decoded_fini(&d);
    }
}

static void ports_have_names_numbers_and_a_protocol(void **state)
{
    const struct service *s;
    struct decoded d;

    (void)state;
    s = with_spec(&d, "{'ports': [{'name': 'https', 'port': 443}, {'name': 'quic', 'port': 443,"
                      " 'protocol': 'UDP'}], 'publishNotReadyAddresses': true}");
    assert_int_equal(d.v.n, 0);
    assert_int_equal(s->n_ports, 2);
    assert_string_equal(s->ports[0].name, "https");
    assert_int_equal(s->ports[0].number, 443);
    assert_true(s->ports[0].is_tcp);
    assert_false(s->ports[1].is_tcp);
    assert_true(s->publish_not_ready);
    decoded_fini(&d);
    s = with_spec(&d, "{'ports': [{'port': 65535, 'protocol': 'TCP'}]}");
    assert_string_equal(s->ports[0].name, "");
    assert_int_equal(s->ports[0].number, 65535);
    assert_false(s->publish_not_ready);
    decoded_fini(&d);
}

static void an_invalid_port_is_left_out(void **state)
{
    static const char *const ports[] = {
        "{'name': 'a'}",
        "{'name': 'a', 'port': 0}",
        "{'name': 'a', 'port': '443'}",
        "{'name': 5, 'port': 1}",
        "{'name': 'A', 'port': 1}",
        "{'name': 'a', 'port': 65536}",
        "'443'",
        "{'name': 'a', 'port': 1.5}",
        "null",
    };
    char spec[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        const struct service *s;
        struct decoded d;

        snprintf(spec, sizeof(spec), "{'ports': [%s, {'name': 'b', 'port': 2}]}", ports[i]);
        s = with_spec(&d, spec);
        assert_int_equal(s->n_ports, 1);
        assert_string_equal(s->ports[0].name, "b");
        assert_int_equal(d.v.errors, 1);
        decoded_fini(&d);
    }
}

static void several_ports_need_different_names(void **state)
{
    struct decoded d;

    (void)state;
    (void)with_spec(&d, "{'ports': [{'port': 1}, {'name': 'b', 'port': 2}]}");
    assert_string_equal(d.v.items[0].reason, "InvalidPort");
    assert_int_equal(d.v.n, 1);
    decoded_fini(&d);
    (void)with_spec(&d, "{'ports': [{'name': 'b', 'port': 1}, {'name': 'b', 'port': 2}]}");
    assert_non_null(strstr(d.v.items[0].message, "\"b\""));
    assert_int_equal(d.v.n, 1);
    decoded_fini(&d);
}

static void a_service_without_ports_must_be_headless_or_external(void **state)
{
    static const struct {
        const char *spec;
        size_t errors;
    } cases[] = {
        {"{}", 1},
        {"{'ports': null}", 1},
        {"null", 1},
        {"{'clusterIP': 'None'}", 0},
        {"{'type': 'ExternalName', 'externalName': 'a.test'}", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoded d;

        assert_int_equal(with_spec(&d, cases[i].spec)->n_ports, 0);
        assert_int_equal(d.v.errors, cases[i].errors);
        decoded_fini(&d);
    }
}

static void what_has_no_readable_shape_is_refused(void **state)
{
    static const char *const specs[] = {"[]", "'x'", "{'ports': {}}", "{'ports': 443}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        struct decoded d;

        (void)with_spec(&d, specs[i]);
        assert_int_equal(d.result, DECODE_REFUSED);
        assert_int_equal(d.v.errors, 1);
        decoded_fini(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_has_its_type),
        cmocka_unit_test(cluster_addresses_are_parsed_or_headless),
        cmocka_unit_test(ports_have_names_numbers_and_a_protocol),
        cmocka_unit_test(an_invalid_port_is_left_out),
        cmocka_unit_test(several_ports_need_different_names),
        cmocka_unit_test(a_service_without_ports_must_be_headless_or_external),
        cmocka_unit_test(what_has_no_readable_shape_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
