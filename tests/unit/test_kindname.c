#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../src/model/kindname_priv.h"
#include "base/attr.h"

#define NETWORKING "networking.k8s.io/v1"
#define DISCOVERY  "discovery.k8s.io/v1"

static void a_mistyped_kind_is_taken_for_the_nearest(void **state)
{
    static const char *const cases[][3] = {
        {NETWORKING, "Ingres", "Ingress"},
        {NETWORKING, "ingress", "Ingress"},
        {NETWORKING, "Ingressclass", "IngressClass"},
        {NETWORKING, "NetworkPolicies", "NetworkPolicy"},
        {NETWORKING, "IngressClas", "IngressClass"},
        {DISCOVERY, "EndpointSlices", "EndpointSlice"},
        {DISCOVERY, "Ingress", "EndpointSlice"},
        {NETWORKING, "INGRESSES", "Ingress"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(kindname_meant(cases[i][0], cases[i][1]), cases[i][2]);
    }
}

static void a_kind_that_exists_or_may_exist_is_left_alone(void **state)
{
    static const char *const cases[][2] = {
        {NETWORKING, "Ingress"},       {NETWORKING, "IngressList"},
        {NETWORKING, "NetworkPolicy"}, {NETWORKING, "IPAddressList"},
        {NETWORKING, "ServiceCIDR"},   {DISCOVERY, "EndpointSliceList"},
        {"networking.k8s.io/v2", "X"}, {"v1", "Servic"},
        {"apps/v1", "Ingres"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_null(kindname_meant(cases[i][0], cases[i][1]));
    }
}

static void a_kind_without_end_is_compared_to_a_bound(void **state)
{
    char kind[5000];

    (void)state;
    memset(kind, 'I', sizeof(kind));
    kind[sizeof(kind) - 1] = '\0';
    assert_non_null(kindname_meant(NETWORKING, kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistyped_kind_is_taken_for_the_nearest),
        cmocka_unit_test(a_kind_that_exists_or_may_exist_is_left_alone),
        cmocka_unit_test(a_kind_without_end_is_compared_to_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
