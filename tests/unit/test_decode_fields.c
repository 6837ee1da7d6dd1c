#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "support/decoded.h"

static void the_fields_of_the_api_are_known(void **state)
{
    static const char *const cases[] = {
        "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': 'x',"
        " 'generateName': 'x-', 'namespace': 'a', 'selfLink': '', 'uid': '', 'resourceVersion': '',"
        " 'generation': 1, 'creationTimestamp': null, 'deletionTimestamp': null,"
        " 'deletionGracePeriodSeconds': 1, 'labels': {'any': 'thing'}, 'annotations': {},"
        " 'ownerReferences': [{'any': 1}], 'finalizers': [], 'managedFields': [{'any': 1}]},"
        " 'spec': {'ingressClassName': 'c', 'defaultBackend': {'resource': {'apiGroup': 'a',"
        " 'kind': 'b', 'name': 'c'}}, 'tls': [{'hosts': [], 'secretName': 'x'}], 'rules': [{'host':"
        " 'a.test', 'http': {'paths': [{'path': '/', 'pathType': 'Exact', 'backend': {'service':"
        " {'name': 'a', 'port': {'number': 1, 'name': ''}}}}]}}]}, 'status': {'any': 'thing'}}",

        "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'IngressClass', 'metadata': {'name': 'x'},"
        " 'spec': {'controller': 'a.b/c', 'parameters': {'apiGroup': 'a', 'kind': 'b', 'name': 'c',"
        " 'scope': 'Cluster', 'namespace': 'd'}}}",

        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'x'}, 'spec': {'ports':"
        " [{'name': 'a', 'protocol': 'TCP', 'appProtocol': 'https', 'port': 443, 'targetPort': 'x',"
        " 'nodePort': 30000}], 'selector': {'any': 'thing'}, 'clusterIP': '10.0.0.1', 'clusterIPs':"
        " ['10.0.0.1'], 'type': 'LoadBalancer', 'externalIPs': [], 'sessionAffinity': 'ClientIP',"
        " 'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 1}}, 'loadBalancerIP': '',"
        " 'loadBalancerSourceRanges': [], 'loadBalancerClass': 'a/b', 'externalName': '',"
        " 'externalTrafficPolicy': 'Local', 'internalTrafficPolicy': 'Cluster',"
        " 'trafficDistribution': 'PreferSameZone', 'healthCheckNodePort': 1,"
        " 'publishNotReadyAddresses': true, 'ipFamilies': ['IPv4'], 'ipFamilyPolicy':"
        " 'SingleStack', 'allocateLoadBalancerNodePorts': true}, 'status': {'loadBalancer': {}}}",

        "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'name': 'x'},"
        " 'addressType': 'IPv4', 'endpoints': [{'addresses': ['10.0.0.1'], 'conditions': {'ready':"
        " true, 'serving': true, 'terminating': false}, 'hostname': 'a', 'targetRef': {'any': 1},"
        " 'deprecatedTopology': {'any': '1'}, 'nodeName': 'n', 'zone': 'z', 'hints': {'forZones':"
        " [{'name': 'z'}], 'forNodes': [{'name': 'n'}]}}], 'ports': [{'name': 'a', 'protocol':"
        " 'TCP', 'port': 1, 'appProtocol': 'https'}]}",

        "{'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': {'name': 'x'}, 'subsets':"
        " [{'addresses': [{'ip': '10.0.0.1', 'hostname': 'a', 'nodeName': 'n', 'targetRef': {}}],"
        " 'notReadyAddresses': [], 'ports': [{'name': 'a', 'port': 1, 'protocol': 'TCP',"
        " 'appProtocol': 'https'}]}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoded d;

        decoded_init(&d, cases[i]);
        assert_int_equal(d.result, DECODE_OK);
        if (d.v.n > 0) {
            fail_msg("%s: %s", d.v.items[0].reason, d.v.items[0].message);
        }
        decoded_fini(&d);
    }
}

static const char misspelt[] =
    "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': 'x', 'lables':"
    " {}}, 'spec': {'rules': [{'host': 'a.test'}, {'host': 'b.test', 'paths': []}], 'tsl': []},"
    " 'specs': {}}";

static void unknown_fields_are_one_warning_with_their_paths(void **state)
{
    const struct verdict *v;
    struct decoded d;

    (void)state;
    decoded_init(&d, misspelt);
    v = decoded_verdict(&d, "UnknownField");
    assert_int_equal(d.v.n, 1);
    assert_int_equal(v->severity, VERDICT_WARNING);
    assert_int_equal(v->line, 100 + strlen("lables"));
    assert_non_null(
        strstr(v->message, "metadata.lables, spec.rules[1].paths, spec.tsl, specs and drops them"));
    decoded_fini(&d);
}

static void what_an_api_server_sends_is_not_judged(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init_api(&d, misspelt);
    assert_int_equal(d.result, DECODE_OK);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void a_long_list_of_unknown_fields_is_cut_and_counted(void **state)
{
    char json[4000] = "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'x'}, 'spec': "
                      "{'ports': [{'port': 1}]";
    const struct verdict *v;
    struct decoded d;

    (void)state;
    for (char c = 'a'; c <= 'z'; c++) {
        char field[] = ", 'odd?': 1";

        field[6] = c;
        strcat(json, field);
    }
    strcat(json, "}}");
    decoded_init(&d, json);
    v = decoded_verdict(&d, "UnknownField");
    assert_non_null(strstr(v->message, "spec.odda, "));
    assert_non_null(strstr(v->message, "spec.oddh and 18 more"));
    decoded_fini(&d);
}

static void a_hostile_name_of_a_field_is_escaped(void **state)
{
    struct decoded d;

    (void)state;
    decoded_init(&d, "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'x'}, 'spec': "
                     "{'ports': [{'port': 1}], 'a\\nb': 1}}");
    assert_non_null(strstr(decoded_verdict(&d, "UnknownField")->message, "spec[\"a\\nb\"]"));
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_of_the_api_are_known),
        cmocka_unit_test(unknown_fields_are_one_warning_with_their_paths),
        cmocka_unit_test(what_an_api_server_sends_is_not_judged),
        cmocka_unit_test(a_long_list_of_unknown_fields_is_cut_and_counted),
        cmocka_unit_test(a_hostile_name_of_a_field_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
