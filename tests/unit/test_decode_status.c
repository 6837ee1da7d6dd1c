#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "model/object.h"
#include "support/decoded.h"
#include "support/failalloc.h"

#define TEXT_MAX 16384

static const struct ingress *ingress_with(struct decoded *d, const char *status)
{
    static char json[TEXT_MAX];

    assert_in_range(
        snprintf(
            json, sizeof(json),
            "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': 'i'},"
            " 'spec': {'defaultBackend': {'service': {'name': 's', 'port': {'number': 1}}}},"
            " 'status': %s}",
            status),
        1, sizeof(json) - 1);
    decoded_init_api(d, json);
    return (const struct ingress *)(const void *)d->o;
}

static const struct ingress *listing(struct decoded *d, const char *list)
{
    static char status[TEXT_MAX];

    assert_in_range(snprintf(status, sizeof(status), "{'loadBalancer': {'ingress': %s}}", list), 1,
                    sizeof(status) - 1);
    return ingress_with(d, status);
}

static const struct service *service_with(struct decoded *d, const char *spec, const char *status)
{
    static char json[TEXT_MAX];

    assert_in_range(snprintf(json, sizeof(json),
                             "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'},"
                             " 'spec': {'ports': [{'port': 443}], %s}, 'status': %s}",
                             spec, status),
                    1, sizeof(json) - 1);
    decoded_init_api(d, json);
    return (const struct service *)(const void *)d->o;
}

static void an_ingress_keeps_the_addresses_of_its_status(void **state)
{
    const struct ingress *ing;
    struct decoded d;

    (void)state;
    ing = listing(&d, "[{'ip': '192.0.2.1'}, {'hostname': 'lb.test'},"
                      " {'ip': '2001:db8::1', 'hostname': 'both.test'}]");
    assert_int_equal(ing->n_addresses, 3);
    assert_false(ing->addresses_cut);
    assert_string_equal(ing->addresses[0].ip, "192.0.2.1");
    assert_string_equal(ing->addresses[0].hostname, "");
    assert_string_equal(ing->addresses[0].more, "");
    assert_string_equal(ing->addresses[1].ip, "");
    assert_string_equal(ing->addresses[1].hostname, "lb.test");
    assert_string_equal(ing->addresses[2].ip, "2001:db8::1");
    assert_string_equal(ing->addresses[2].hostname, "both.test");
    decoded_fini(&d);
}

static void no_status_is_no_address(void **state)
{
    static const char *const none[] = {"null",
                                       "{}",
                                       "{'loadBalancer': null}",
                                       "{'loadBalancer': {}}",
                                       "{'loadBalancer': {'ingress': null}}",
                                       "{'loadBalancer': {'ingress': []}}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct decoded d;
        const struct ingress *ing = ingress_with(&d, none[i]);

        assert_int_equal(ing->n_addresses, 0);
        assert_false(ing->addresses_cut);
        decoded_fini(&d);
    }
}

static void an_entry_that_says_more_is_kept_as_json(void **state)
{
    const struct ingress *ing;
    struct decoded d;

    (void)state;
    ing = listing(&d, "[{'ip': '192.0.2.1', 'ports': [{'port': 443, 'protocol': 'TCP'}]},"
                      " {'ip': '192.0.2.2', 'ports': null}]");
    assert_int_equal(ing->n_addresses, 2);
    assert_string_equal(ing->addresses[0].ip, "192.0.2.1");
    assert_string_equal(ing->addresses[0].more,
                        "{\"ip\":\"192.0.2.1\",\"ports\":[{\"port\":443,\"protocol\":\"TCP\"}]}");
    assert_string_equal(ing->addresses[1].more, "");
    decoded_fini(&d);
}

/* Nobody is told: it is not the user who wrote it. */
static void a_strange_status_is_no_verdict_but_known_to_be_cut(void **state)
{
    static const struct {
        const char *status;
        size_t n;
        bool cut;
    } cases[] = {
        {"'x'", 0, false},
        {"[]", 0, false},
        {"{'loadBalancer': 5}", 0, false},
        {"{'loadBalancer': {'ingress': {}}}", 0, true},
        {"{'loadBalancer': {'ingress': 'x'}}", 0, true},
        {"{'loadBalancer': {'ingress': [null, 5, {}, {'ip': 'a'}]}}", 1, true},
        {"{'loadBalancer': {'ingress': [{'ip': 5}]}}", 0, true},
        {"{'loadBalancer': {'ingress': [['ip']]}}", 0, true},
        {"{'loadBalancer': {'ingress': [{'ports': []}]}}", 0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoded d;
        const struct ingress *ing = ingress_with(&d, cases[i].status);

        assert_int_equal(d.result, DECODE_OK);
        assert_int_equal(d.v.n, 0);
        assert_int_equal(ing->n_addresses, cases[i].n);
        assert_int_equal(ing->addresses_cut, cases[i].cut);
        decoded_fini(&d);
    }
}

/* "[entry, entry, ...]" */
static const char *times(const char *entry, size_t n)
{
    static char text[TEXT_MAX];
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i == 0 ? "[" : ",", entry);
    }
    snprintf(text + len, sizeof(text) - len, "]");
    return text;
}

static void what_is_over_a_cap_is_cut(void **state)
{
    static const char *const fields[] = {"ip", "hostname"};
    static char longest[TEXT_MAX];
    const struct ingress *ing;
    struct decoded d;

    (void)state;
    ing = listing(&d, times("{'ip': 'a'}", LIMIT_STATUS_ADDRESSES));
    assert_int_equal(ing->n_addresses, LIMIT_STATUS_ADDRESSES);
    assert_false(ing->addresses_cut);
    decoded_fini(&d);
    ing = listing(&d, times("{'ip': 'a'}", LIMIT_STATUS_ADDRESSES + 1));
    assert_int_equal(ing->n_addresses, LIMIT_STATUS_ADDRESSES);
    assert_true(ing->addresses_cut);
    decoded_fini(&d);
    assert_in_range(snprintf(longest, sizeof(longest), "[{'ip': 'a', 'x': '%*s'}]",
                             (int)LIMIT_STATUS_ENTRY_BYTES, ""),
                    1, sizeof(longest) - 1);
    ing = listing(&d, longest);
    assert_int_equal(ing->n_addresses, 0);
    assert_true(ing->addresses_cut);
    decoded_fini(&d);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        assert_in_range(snprintf(longest, sizeof(longest), "[{'%s': '%0254d'}]", fields[i], 0), 1,
                        sizeof(longest) - 1);
        ing = listing(&d, longest);
        assert_int_equal(ing->n_addresses, 0);
        assert_true(ing->addresses_cut);
        decoded_fini(&d);
    }
}

static void a_service_keeps_where_it_is_reached(void **state)
{
    const struct service *s;
    struct decoded d;

    (void)state;
    s = service_with(&d,
                     "'type': 'LoadBalancer', 'clusterIPs': ['10.0.0.1', 'FD00:0::1'],"
                     " 'externalIPs': ['192.0.2.7', 'x', 5, '192.0.2.8']",
                     "{'loadBalancer': {'ingress': [{'ip': '192.0.2.1', 'ipMode': 'VIP'},"
                     " {'hostname': 'lb.test'}, {}]}}");
    assert_int_equal(d.v.n, 0);
    assert_string_equal(s->cluster_ip_texts[0], "10.0.0.1");
    assert_string_equal(s->cluster_ip_texts[1], "fd00::1");
    assert_int_equal(s->n_external_ips, 2);
    assert_string_equal(s->external_ips[1], "192.0.2.8");
    assert_int_equal(s->n_addresses, 2);
    assert_string_equal(s->addresses[0].ip, "192.0.2.1");
    assert_string_equal(s->addresses[0].more, "");
    assert_string_equal(s->addresses[1].hostname, "lb.test");
    assert_string_equal(s->external_name, "");
    decoded_fini(&d);
    s = service_with(&d, "'type': 'ExternalName', 'externalName': 'web.test'", "null");
    assert_string_equal(s->external_name, "web.test");
    assert_string_equal(s->cluster_ip_texts[0], "");
    assert_int_equal(s->n_addresses + s->n_external_ips, 0);
    decoded_fini(&d);
}

static void what_is_over_a_cap_of_a_service_is_left_out(void **state)
{
    static char spec[TEXT_MAX], status[TEXT_MAX];
    const struct service *s;
    struct decoded d;

    (void)state;
    assert_in_range(snprintf(spec, sizeof(spec), "'externalIPs': %s, 'externalName': '%0254d'",
                             times("'192.0.2.7'", LIMIT_STATUS_ADDRESSES + 1), 0),
                    1, sizeof(spec) - 1);
    assert_in_range(snprintf(status, sizeof(status), "{'loadBalancer': {'ingress': %s}}",
                             times("{'ip': '192.0.2.1'}", LIMIT_STATUS_ADDRESSES + 1)),
                    1, sizeof(status) - 1);
    s = service_with(&d, spec, status);
    assert_int_equal(s->n_external_ips, LIMIT_STATUS_ADDRESSES);
    assert_int_equal(s->n_addresses, LIMIT_STATUS_ADDRESSES);
    assert_string_equal(s->external_name, "");
    decoded_fini(&d);
}

static void strange_addresses_of_a_service_are_left_out_in_silence(void **state)
{
    static const char *const specs[] = {"'externalIPs': 'x'", "'externalIPs': {'a': 'b'}",
                                        "'externalName': 5", "'externalIPs': null"};
    struct decoded d;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        const struct service *s =
            service_with(&d, specs[i], "{'loadBalancer': {'ingress': {'ip': 'a'}}}");

        assert_int_equal(d.v.n, 0);
        assert_int_equal(s->n_external_ips + s->n_addresses, 0);
        assert_string_equal(s->external_name, "");
        decoded_fini(&d);
    }
    assert_int_equal(service_with(&d, "'externalName': ''", "{'loadBalancer': []}")->n_addresses,
                     0);
    decoded_fini(&d);
}

static void decode_once(void *ctx)
{
    struct objmeta *o = NULL;
    struct verdicts v;
    enum decode_result result;

    verdicts_init(&v);
    result = decode_object(ctx, &decoded_source, &v, &o);
    assert_true(result == DECODE_OK || result == DECODE_NO_MEMORY);
    object_unref(result == DECODE_OK ? o : NULL);
    verdicts_fini(&v);
}

static void without_memory_no_half_of_a_status_is_kept(void **state)
{
    struct decoded d;

    (void)state;
    (void)listing(&d, "[{'ip': '192.0.2.1', 'ports': [{'port': 443}]}, {'hostname': 'a.test'}]");
    assert_true(failalloc_torture(decode_once, d.tree) >= 6);
    decoded_fini(&d);
    (void)service_with(&d, "'externalIPs': ['192.0.2.1'], 'clusterIP': '10.0.0.1'",
                       "{'loadBalancer': {'ingress': [{'ip': '192.0.2.1'}]}}");
    assert_true(failalloc_torture(decode_once, d.tree) >= 6);
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ingress_keeps_the_addresses_of_its_status),
        cmocka_unit_test(no_status_is_no_address),
        cmocka_unit_test(an_entry_that_says_more_is_kept_as_json),
        cmocka_unit_test(a_strange_status_is_no_verdict_but_known_to_be_cut),
        cmocka_unit_test(what_is_over_a_cap_is_cut),
        cmocka_unit_test(a_service_keeps_where_it_is_reached),
        cmocka_unit_test(what_is_over_a_cap_of_a_service_is_left_out),
        cmocka_unit_test(strange_addresses_of_a_service_are_left_out_in_silence),
        cmocka_unit_test(without_memory_no_half_of_a_status_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
