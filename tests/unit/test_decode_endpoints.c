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

static const struct endpoints *with(struct decoded *d, const char *subsets)
{
    char json[900];

    snprintf(
        json, sizeof(json),
        "{'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': {'name': 'web'}, 'subsets': %s}",
        subsets);
    decoded_init(d, json);
    return (const struct endpoints *)(const void *)d->o;
}

static void subsets_hold_ready_and_other_addresses(void **state)
{
    const struct endpoints *e;
    char text[NETADDR_TEXT_MAX];
    struct decoded d;

    (void)state;
    e = with(&d, "[{'addresses': [{'ip': '10.0.0.1'}, {'ip': 'fd00::1'}], 'notReadyAddresses':"
                 " [{'ip': '10.0.0.2'}], 'ports': [{'name': 'https', 'port': 8443}]}, {}]");
    assert_int_equal(d.v.n, 0);
    assert_int_equal(e->n_subsets, 2);
    assert_int_equal(e->subsets[0].n_ready, 2);
    assert_int_equal(e->subsets[0].n_not_ready, 1);
    assert_string_equal(netaddr_format_ip(&e->subsets[0].ready[1], text), "fd00::1");
    assert_string_equal(netaddr_format_ip(&e->subsets[0].not_ready[0], text), "10.0.0.2");
    assert_int_equal(e->subsets[0].n_ports, 1);
    assert_int_equal(e->subsets[0].ports[0].number, 8443);
    assert_int_equal(e->subsets[1].n_ready + e->subsets[1].n_not_ready + e->subsets[1].n_ports, 0);
    decoded_fini(&d);
}

static void null_is_no_subset_and_no_address(void **state)
{
    struct decoded d;

    (void)state;
    assert_int_equal(with(&d, "null")->n_subsets, 0);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
    assert_int_equal(with(&d, "[{'addresses': null, 'ports': null}]")->subsets[0].n_ready, 0);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void a_bad_address_costs_itself_only(void **state)
{
    static const char *const addresses[] = {"{'ip': 'x'}", "{'ip': 5}",  "{}",
                                            "null",        "'10.0.0.1'", "{'ip': '10.0.0.1/8'}"};
    char subsets[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        const struct endpoints *e;
        struct decoded d;

        snprintf(subsets, sizeof(subsets), "[{'addresses': [%s, {'ip': '10.0.0.9'}]}]",
                 addresses[i]);
        e = with(&d, subsets);
        assert_int_equal(e->subsets[0].n_ready, 1);
        assert_int_equal(d.v.n, 1);
        assert_int_equal(d.v.errors, 1);
        assert_non_null(strstr(d.v.items[0].message, "subsets[0].addresses[0]"));
        decoded_fini(&d);
    }
}

static void what_has_no_readable_shape_is_refused(void **state)
{
    struct decoded d;

    (void)state;
    (void)with(&d, "{'addresses': []}");
    assert_int_equal(d.result, DECODE_REFUSED);
    decoded_fini(&d);
    assert_int_equal(with(&d, "['x', {}]")->n_subsets, 1);
    assert_int_equal(d.v.errors, 1);
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subsets_hold_ready_and_other_addresses),
        cmocka_unit_test(null_is_no_subset_and_no_address),
        cmocka_unit_test(a_bad_address_costs_itself_only),
        cmocka_unit_test(what_has_no_readable_shape_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
