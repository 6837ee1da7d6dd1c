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

static const struct endpoint_slice *with(struct decoded *d, const char *fields)
{
    char json[1200];

    snprintf(json, sizeof(json),
             "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'name':"
             " 'web-1', 'labels': {'kubernetes.io/service-name': 'web'}}, %s}",
             fields);
    decoded_init(d, json);
    return (const struct endpoint_slice *)(const void *)d->o;
}

static void a_slice_belongs_to_the_service_of_its_label(void **state)
{
    struct decoded d;

    (void)state;
    assert_string_equal(with(&d, "'addressType': 'IPv4'")->service, "web");
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
    decoded_init(&d, "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata':"
                     " {'name': 'x', 'labels': null}, 'addressType': 'IPv4'}");
    assert_string_equal(((const struct endpoint_slice *)(const void *)d.o)->service, "");
    decoded_fini(&d);
}

static void conditions_that_are_null_mean_what_the_api_says(void **state)
{
    static const struct {
        const char *conditions;
        bool ready, serving, terminating;
    } cases[] = {
        {"null", true, true, false},
        {"{}", true, true, false},
        {"{'ready': null, 'serving': null, 'terminating': null}", true, true, false},
        {"{'ready': false}", false, false, false},
        {"{'ready': false, 'serving': true, 'terminating': true}", false, true, true},
        {"{'ready': true, 'serving': false}", true, false, false},
    };
    char fields[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct endpoint_slice *s;
        struct decoded d;

        snprintf(fields, sizeof(fields),
                 "'addressType': 'IPv4', 'endpoints': [{'addresses': ['10.0.0.1'], 'conditions':"
                 " %s}]",
                 cases[i].conditions);
        s = with(&d, fields);
        assert_int_equal(s->n_endpoints, 1);
        assert_int_equal(s->endpoints[0].ready, cases[i].ready);
        assert_int_equal(s->endpoints[0].serving, cases[i].serving);
        assert_int_equal(s->endpoints[0].terminating, cases[i].terminating);
        assert_int_equal(d.v.n, 0);
        decoded_fini(&d);
    }
}

static void an_endpoint_whose_state_cannot_be_read_is_left_out(void **state)
{
    static const char *const conditions[] = {"'x'", "{'ready': 'false'}", "{'serving': 0}",
                                             "{'terminating': []}"};
    char fields[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        struct decoded d;

        snprintf(fields, sizeof(fields),
                 "'addressType': 'IPv4', 'endpoints': [{'addresses': ['10.0.0.1'], 'conditions':"
                 " %s}]",
                 conditions[i]);
        assert_int_equal(with(&d, fields)->n_endpoints, 0);
        assert_int_equal(d.v.errors, 1);
        decoded_fini(&d);
    }
}

static void lists_may_be_null(void **state)
{
    const struct endpoint_slice *s;
    struct decoded d;

    (void)state;
    s = with(&d, "'addressType': 'IPv4', 'endpoints': null, 'ports': null");
    assert_int_equal(s->n_endpoints + s->n_ports, 0);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void only_the_first_address_counts(void **state)
{
    const struct endpoint_slice *s;
    char text[NETADDR_TEXT_MAX];
    struct decoded d;

    (void)state;
    s = with(&d, "'addressType': 'IPv6', 'endpoints': [{'addresses': ['fd00::1', 'rubbish']}]");
    assert_int_equal(s->n_endpoints, 1);
    assert_string_equal(netaddr_format_ip(&s->endpoints[0].ip, text), "fd00::1");
    assert_int_equal(s->endpoints[0].ip.port, 0);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void a_bad_address_costs_its_endpoint_only(void **state)
{
    static const struct {
        const char *type, *endpoint, *reason;
    } cases[] = {
        {"IPv4", "{'addresses': ['fd00::1']}", "InvalidAddress"},
        {"IPv6", "{'addresses': ['10.0.0.1']}", "InvalidAddress"},
        {"IPv6", "{'addresses': ['::ffff:10.0.0.1']}", "InvalidAddress"},
        {"IPv4", "{'addresses': ['10.0.0.1:443']}", "InvalidAddress"},
        {"IPv4", "{'addresses': ['a.test']}", "InvalidAddress"},
        {"IPv4", "{'addresses': ['']}", "InvalidAddress"},
        {"IPv4", "{'addresses': [null]}", "InvalidAddress"},
        {"IPv4", "{'addresses': []}", "InvalidAddress"},
        {"IPv4", "{}", "InvalidAddress"},
        {"IPv4", "null", "InvalidAddress"},
        {"IPv4", "{'addresses': [5]}", "InvalidField"},
        {"IPv4", "{'addresses': '10.0.0.1'}", "InvalidField"},
        {"IPv4", "'10.0.0.1'", "InvalidField"},
    };
    char fields[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct endpoint_slice *s;
        struct decoded d;

        snprintf(fields, sizeof(fields),
                 "'addressType': '%s', 'endpoints': [%s, {'addresses': ['%s']}]", cases[i].type,
                 cases[i].endpoint, strcmp(cases[i].type, "IPv4") == 0 ? "10.0.0.9" : "fd00::9");
        s = with(&d, fields);
        assert_int_equal(s->n_endpoints, 1);
        assert_int_equal(d.v.n, 1);
        assert_string_equal(d.v.items[0].reason, cases[i].reason);
        assert_int_equal(d.v.errors, 1);
        decoded_fini(&d);
    }
}

static void names_are_not_addresses_and_no_fault_before_somebody_wants_them(void **state)
{
    const struct endpoint_slice *s;
    struct decoded d;

    (void)state;
    s = with(&d, "'addressType': 'FQDN', 'endpoints': [{'addresses': ['a.test']}]");
    assert_int_equal(s->n_endpoints, 0);
    assert_true(s->is_fqdn);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void without_a_type_addresses_are_taken_as_they_look(void **state)
{
    static const struct {
        const char *type, *reason;
    } cases[] = {
        {"", "AddressTypeMissing"},
        {"'addressType': null,", "AddressTypeMissing"},
        {"'addressType': 'ipv4',", "InvalidField"},
        {"'addressType': 4,", "InvalidField"},
    };
    char fields[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoded d;

        snprintf(fields, sizeof(fields),
                 "%s 'endpoints': [{'addresses': ['10.0.0.1']}, {'addresses': ['fd00::1']}]",
                 cases[i].type);
        assert_int_equal(with(&d, fields)->n_endpoints, 2);
        assert_int_equal(d.v.n, 1);
        assert_string_equal(d.v.items[0].reason, cases[i].reason);
        decoded_fini(&d);
    }
}

static void more_endpoints_than_an_api_server_takes_are_kept(void **state)
{
    char *json = malloc(100000);
    struct decoded d;
    size_t n;

    (void)state;
    assert_non_null(json);
    n = (size_t)sprintf(json, "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',"
                              " 'metadata': {'name': 'x'}, 'addressType': 'IPv4', 'endpoints': [");
    for (int i = 0; i < 1001; i++) {
        n += (size_t)sprintf(json + n, "%s{'addresses': ['10.0.%d.%d']}", i > 0 ? "," : "", i / 250,
                             i % 250);
    }
    strcpy(json + n, "]}");
    decoded_init(&d, json);
    assert_int_equal(((const struct endpoint_slice *)(const void *)d.o)->n_endpoints, 1001);
    assert_non_null(decoded_verdict(&d, "TooManyEndpoints"));
    decoded_fini(&d);
    free(json);
}

static void what_has_no_readable_shape_is_refused(void **state)
{
    static const char *const fields[] = {"'endpoints': {}", "'endpoints': 'x'", "'ports': 443"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct decoded d;

        (void)with(&d, fields[i]);
        assert_int_equal(d.result, DECODE_REFUSED);
        decoded_fini(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_belongs_to_the_service_of_its_label),
        cmocka_unit_test(conditions_that_are_null_mean_what_the_api_says),
        cmocka_unit_test(an_endpoint_whose_state_cannot_be_read_is_left_out),
        cmocka_unit_test(lists_may_be_null),
        cmocka_unit_test(only_the_first_address_counts),
        cmocka_unit_test(a_bad_address_costs_its_endpoint_only),
        cmocka_unit_test(names_are_not_addresses_and_no_fault_before_somebody_wants_them),
        cmocka_unit_test(without_a_type_addresses_are_taken_as_they_look),
        cmocka_unit_test(more_endpoints_than_an_api_server_takes_are_kept),
        cmocka_unit_test(what_has_no_readable_shape_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
