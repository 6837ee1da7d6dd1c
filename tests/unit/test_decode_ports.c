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

static const struct endpoint_slice *with_ports(struct decoded *d, const char *ports)
{
    char json[900];

    snprintf(json, sizeof(json),
             "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4',"
             " 'metadata': {'name': 'web-1'}, 'ports': %s}",
             ports);
    decoded_init(d, json);
    return (const struct endpoint_slice *)(const void *)d->o;
}

static void what_a_port_does_not_say_has_a_default(void **state)
{
    static const struct {
        const char *port, *name;
        uint16_t number;
        bool is_tcp;
    } cases[] = {
        {"{'name': 'https', 'port': 8443, 'protocol': 'TCP'}", "https", 8443, true},
        {"{'name': null, 'port': 1, 'protocol': null}", "", 1, true},
        {"{'port': 1}", "", 1, true},
        {"{'name': '', 'port': null}", "", 0, true},
        {"{}", "", 0, true},
        {"null", "", 0, true},
        {"{'port': 1, 'protocol': ''}", "", 1, true},
        {"{'port': 1, 'protocol': 'UDP'}", "", 1, false},
        {"{'port': 1, 'protocol': 'SCTP'}", "", 1, false},
    };
    char ports[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct endpoint_slice *s;
        struct decoded d;

        snprintf(ports, sizeof(ports), "[%s]", cases[i].port);
        s = with_ports(&d, ports);
        assert_int_equal(s->n_ports, 1);
        assert_string_equal(s->ports[0].name, cases[i].name);
        assert_int_equal(s->ports[0].number, cases[i].number);
        assert_int_equal(s->ports[0].is_tcp, cases[i].is_tcp);
        assert_int_equal(d.v.n, 0);
        decoded_fini(&d);
    }
}

static void an_invalid_port_is_left_out_with_an_error(void **state)
{
    static const struct {
        const char *port, *reason;
    } cases[] = {
        {"{'port': 0}", "InvalidPort"},
        {"{'port': 65536}", "InvalidPort"},
        {"{'port': '1'}", "InvalidPort"},
        {"{'port': true}", "InvalidPort"},
        {"{'port': []}", "InvalidPort"},
        {"{'name': 'A', 'port': 1}", "InvalidPort"},
        {"{'name': 5, 'port': 1}", "InvalidField"},
        {"443", "InvalidField"},
    };
    char ports[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct endpoint_slice *s;
        struct decoded d;

        snprintf(ports, sizeof(ports), "[%s, {'name': 'good', 'port': 7}]", cases[i].port);
        s = with_ports(&d, ports);
        assert_int_equal(s->n_ports, 1);
        assert_string_equal(s->ports[0].name, "good");
        assert_int_equal(s->ports[0].number, 7);
        assert_true(s->ports[0].is_tcp);
        assert_int_equal(d.v.n, 1);
        assert_string_equal(d.v.items[0].reason, cases[i].reason);
        decoded_fini(&d);
    }
}

static void a_protocol_that_there_is_not_is_no_tcp(void **state)
{
    static const char *const protocols[] = {"'tcp'", "'TLS'", "6"};
    char ports[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        const struct endpoint_slice *s;
        struct decoded d;

        snprintf(ports, sizeof(ports), "[{'port': 1, 'protocol': %s}]", protocols[i]);
        s = with_ports(&d, ports);
        assert_int_equal(s->n_ports, 1);
        assert_false(s->ports[0].is_tcp);
        assert_int_equal(d.v.errors, 1);
        decoded_fini(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_port_does_not_say_has_a_default),
        cmocka_unit_test(an_invalid_port_is_left_out_with_an_error),
        cmocka_unit_test(a_protocol_that_there_is_not_is_no_tcp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
