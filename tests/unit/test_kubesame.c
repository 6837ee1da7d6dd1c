#include "../../src/controller/kubesame_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/decoded.h"

#define TEXT_MAX 2048

#define META(name)                                                                                 \
    "'metadata': {'namespace': 'shop', 'name': '" name "', 'uid': 'u-1', 'resourceVersion': '7',"  \
    " 'creationTimestamp': '2026-01-02T03:04:05Z', 'labels': {'a': 'b'},"                          \
    " 'annotations': {'sealway.io/tls-mode': 'passthrough', 'x.test/y': 'z'},"                     \
    " 'managedFields': [{'manager': 'm'}]}"

static const char ingress[] = "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', " META(
    "web") ", 'spec': {"
           "'ingressClassName': 'sealway', 'defaultBackend': {'service': {'name': 'all', 'port': "
           "{'number': 1443}}}, 'rules': [{'host': 'www.shop.test', 'http': {'paths': [{'path': "
           "'/', "
           "'pathType': 'Prefix', 'backend': {'service': {'name': 'web', 'port': {'name': "
           "'https'}}}}]}}, "
           "{'host': 'bare.shop.test'}]}, 'status': {'loadBalancer': {'ingress': [{'ip': "
           "'192.0.2.1'}]}}}";

static const char class[] =
    "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'IngressClass', 'metadata': {'name': 'sealway',"
    " 'uid': 'u-1', 'resourceVersion': '7', 'annotations': "
    "{'ingressclass.kubernetes.io/is-default-class': 'true'}}, 'spec': {'controller': "
    "'sealway.io/ingress-controller'}}";

static const char service[] = "{'apiVersion': 'v1', 'kind': 'Service', " META(
    "web") ", 'spec': {'type': 'LoadBalancer', "
           "'clusterIP': '10.0.0.7', 'clusterIPs': ['10.0.0.7'], 'publishNotReadyAddresses': "
           "false, "
           "'ports': [{'name': 'https', 'port': 443, 'protocol': 'TCP'}]}, 'status': "
           "{'loadBalancer': "
           "{'ingress': [{'ip': '192.0.2.1'}]}}}";

static const char slice[] =
    "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'namespace': "
    "'shop', 'name': 'web-1', 'uid': 'u-1', 'resourceVersion': '7', 'annotations': {'x.test/y': "
    "'z'}, 'labels': {'kubernetes.io/service-name': 'web'}}, 'addressType': 'IPv4', 'ports': "
    "[{'name': 'https', 'port': 8443, 'protocol': 'TCP'}], 'endpoints': [{'addresses': "
    "['10.1.0.1'], 'nodeName': 'n1', 'conditions': {'ready': true, 'serving': true, "
    "'terminating': false}}]}";

static const char endpoints[] =
    "{'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': {'namespace': 'shop', 'name': 'web', "
    "'uid': 'u-1', 'resourceVersion': '7', 'annotations': {'x.test/y': 'z'}}, 'subsets': "
    "[{'addresses': [{'ip': '10.1.0.1'}], 'notReadyAddresses': [{'ip': '10.1.0.2'}], 'ports': "
    "[{'name': 'https', 'port': 8443}]}]}";

/* `text` with the first `from` in it replaced. */
static const char *change(const char *text, const char *from, const char *to, char out[TEXT_MAX])
{
    const char *at = strstr(text, from);
    int n;

    assert_non_null(at);
    n = snprintf(out, TEXT_MAX, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_in_range(n, 1, TEXT_MAX - 1);
    return out;
}

static bool is_same(const char *text, const char *from, const char *to)
{
    struct decoded a, b;
    char changed[TEXT_MAX];
    bool same;

    decoded_init_api(&a, text);
    decoded_init_api(&b, change(text, from, to, changed));
    assert_non_null(a.o);
    assert_non_null(b.o);
    same = kubesame_routes(a.o, b.o);
    assert_int_equal(kubesame_routes(b.o, a.o), same);
    decoded_fini(&a);
    decoded_fini(&b);
    return same;
}

static void what_no_route_is_made_of_makes_no_difference(void **state)
{
    static const struct {
        const char *text, *from, *to;
    } rows[] = {
        {ingress, "'resourceVersion': '7'", "'resourceVersion': '8'"},
        {ingress, "'manager': 'm'", "'manager': 'n'"},
        {ingress, "'a': 'b'", "'a': 'c'"},
        {ingress, "'192.0.2.1'", "'192.0.2.2'"},
        {ingress, "[{'ip': '192.0.2.1'}]", "[]"},
        {class, "'7'", "'8'"},
        {service, "'7'", "'8'"},
        {service, "'192.0.2.1'", "'192.0.2.2'"},
        {service, "'ports'", "'externalIPs': ['192.0.2.9'], 'ports'"},
        {slice, "'7'", "'8'"},
        {slice, "y': 'z'", "y': 'last-change-trigger-time'"},
        {slice, "'n1'", "'n2'"},
        {endpoints, "'7'", "'8'"},
        {endpoints, "y': 'z'", "y': 'a leader was elected'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!is_same(rows[i].text, rows[i].from, rows[i].to)) {
            fail_msg("%s -> %s is said to differ", rows[i].from, rows[i].to);
        }
    }
}

static void whatever_may_decide_makes_a_difference(void **state)
{
    static const struct {
        const char *text, *from, *to;
    } rows[] = {
        {ingress, "'u-1'", "'u-2'"},
        {ingress, "03:04:05Z", "03:04:06Z"},
        {ingress, "'passthrough'", "'off'"},
        {ingress, "'x.test/y'", "'x.test/x'"},
        {ingress, ", 'x.test/y': 'z'", ""},
        {ingress, "'sealway'", "'other'"},
        {ingress, "'ingressClassName': 'sealway',", ""},
        {ingress, "'all'", "'most'"},
        {ingress, "1443", "1444"},
        {ingress, "'defaultBackend': {'service': {'name': 'all', 'port': {'number': 1443}}},", ""},
        {ingress, "'www.shop.test'", "'ww2.shop.test'"},
        {ingress, "'host': 'www.shop.test', ", ""},
        {ingress, "'path': '/'", "'path': '/a'"},
        {ingress, "'name': 'web', 'port'", "'name': 'wob', 'port'"},
        {ingress, "'name': 'https'", "'name': 'http'"},
        {ingress, "{'name': 'https'}", "{'number': 443}"},
        {ingress, ", {'host': 'bare.shop.test'}", ""},
        {ingress, "'host': 'bare.shop.test'", "'host': 'bare.shop.test', 'http': {'paths': []}"},
        {ingress, "{'host': 'bare.shop.test'}", "{'host': 'b.test', 'http': {'paths': [7]}}"},
        {ingress, "{'service': {'name': 'all', 'port': {'number': 1443}}}", "{'service': 7}"},
        {class, "'u-1'", "'u-2'"},
        {class, "sealway.io/ingress-controller", "sealway.io/other"},
        {class, "'true'", "'false'"},
        {service, "'passthrough'", "'off'"},
        {service, "'LoadBalancer'", "'ClusterIP'"},
        {service, "'10.0.0.7', 'clusterIPs': ['10.0.0.7']",
         "'10.0.0.8', 'clusterIPs': ['10.0.0.8']"},
        {service, "'clusterIPs': ['10.0.0.7']", "'clusterIPs': ['10.0.0.7', 'fd00::7']"},
        {service, "'10.0.0.7', 'clusterIPs': ['10.0.0.7']", "'None', 'clusterIPs': ['None']"},
        {service, "'publishNotReadyAddresses': false", "'publishNotReadyAddresses': true"},
        {service, "'https'", "'http'"},
        {service, "443", "444"},
        {service, "'TCP'", "'UDP'"},
        {service, "'protocol': 'TCP'}", "'protocol': 'TCP'}, {'name': 'b', 'port': 1}"},
        {slice, "'u-1'", "'u-2'"},
        {slice, "'web'", "'wob'"},
        {slice, "'https'", "'http'"},
        {slice, "8443", "8444"},
        {slice, "'TCP'", "'UDP'"},
        {slice, "'10.1.0.1'", "'10.1.0.2'"},
        {slice, "'ready': true", "'ready': false"},
        {slice, "'serving': true", "'serving': false"},
        {slice, "'terminating': false", "'terminating': true"},
        {slice, "'endpoints': [", "'endpoints': [{'addresses': ['10.1.0.9']}, "},
        {slice, "'IPv4'", "'FQDN'"},
        {slice, "'ports': [{'name': 'https', 'port': 8443, 'protocol': 'TCP'}]", "'ports': null"},
        {endpoints, "'u-1'", "'u-2'"},
        {endpoints, "'10.1.0.1'", "'10.1.0.3'"},
        {endpoints, "'10.1.0.2'", "'10.1.0.3'"},
        {endpoints, "8443", "8444"},
        {endpoints, "'notReadyAddresses'", "'others'"},
        {endpoints, "'subsets': [", "'subsets': [{'ports': []}, "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (is_same(rows[i].text, rows[i].from, rows[i].to)) {
            fail_msg("%s -> %s is said to be the same", rows[i].from, rows[i].to);
        }
    }
}

static void other_kinds_are_never_the_same(void **state)
{
    struct decoded a, b;

    (void)state;
    decoded_init_api(&a, service);
    decoded_init_api(&b, endpoints);
    assert_false(kubesame_routes(a.o, b.o));
    decoded_fini(&a);
    decoded_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_route_is_made_of_makes_no_difference),
        cmocka_unit_test(whatever_may_decide_makes_a_difference),
        cmocka_unit_test(other_kinds_are_never_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
