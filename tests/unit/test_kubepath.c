#include "../../src/kube/kubepath_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/kubewatch.h"
#include "support/failalloc.h"

static const struct kuberesource slices = {"/apis/discovery.k8s.io/v1", "discovery.k8s.io/v1",
                                           "endpointslices", "EndpointSlice"};

static void check(char *made, const char *want)
{
    assert_non_null(made);
    assert_string_equal(made, want);
    free(made);
}

static void a_collection_is_everywhere_or_in_a_namespace(void **state)
{
    (void)state;
    check(kubepath_collection(&slices, NULL), "/apis/discovery.k8s.io/v1/endpointslices");
    check(kubepath_collection(&slices, "a-b"),
          "/apis/discovery.k8s.io/v1/namespaces/a-b/endpointslices");
}

static void a_selector_is_percent_encoded(void **state)
{
    (void)state;
    check(kubepath_selector(NULL), "");
    check(kubepath_selector("kubernetes.io/service-name"),
          "&labelSelector=kubernetes.io%2Fservice-name");
    check(kubepath_selector("a_b~c=x,!d in (1 2)&\xc3\xa9"),
          "&labelSelector=a_b~c%3Dx%2C%21d%20in%20%281%202%29%26%C3%A9");
}

static void a_request_has_a_query_where_there_is_one(void **state)
{
    (void)state;
    check(kubepath_request("/api/v1/services", "limit=5", ""), "/api/v1/services?limit=5");
    check(kubepath_request("/api/v1/services", "limit=5", "&labelSelector=a"),
          "/api/v1/services?limit=5&labelSelector=a");
    check(kubepath_request("/api/v1/services", "", ""), "/api/v1/services");
    check(kubepath_request("/api/v1/services", "", "&labelSelector=a"),
          "/api/v1/services?labelSelector=a");
}

static void make_all(void *ctx)
{
    (void)ctx;
    free(kubepath_collection(&slices, "shop"));
    free(kubepath_selector("a=b"));
    free(kubepath_selector(NULL));
    free(kubepath_request("/a", "b", "&c"));
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(make_all, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_collection_is_everywhere_or_in_a_namespace),
        cmocka_unit_test(a_selector_is_percent_encoded),
        cmocka_unit_test(a_request_has_a_query_where_there_is_one),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
