#include "controller/servicepool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "controller/serviceset.h"
#include "model/store.h"
#include "route/registry.h"
#include "route/table_builder.h"
#include "support/objects.h"
#include "support/translate_torture.h"
#include "support/translated.h"

#define ONE(name, host, svc, port) INGRESS("shop", name, "", OURS RULES(HOST(host, svc, port)))
#define UPSTREAM                   ANNOTATED("sealway.io/service-upstream: 'true'")
#define UPSTREAM_ONE(name, host, svc, port)                                                        \
    INGRESS("shop", name, UPSTREAM, OURS RULES(HOST(host, svc, port)))

static void make(struct translated *t, const char *yaml)
{
    struct translate_config cfg = translated_config();

    translated_make(t, &cfg, yaml);
}

static void a_port_is_found_by_number_or_name_and_both_share_a_pool(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVED("shop", "web", "10.0.0.1") ONE("i", "a.test", "web", "number: 443")
                 ONE("j", "b.test", "web", "name: https"));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:443 [10.0.0.1:8443]");
    assert_string_equal(translated_route(&t, "b.test"), "shop/j -> web:443 [10.0.0.1:8443]");
    assert_string_equal(translated_verdicts(&t), "");
    translated_free(&t);
}

static void a_missing_service_is_a_warning_and_its_host_stays_claimed(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS ONE("i", "a.test", "web", "number: 443"));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:443 []");
    assert_string_equal(translated_verdicts(&t), "warning shop/i ServiceNotFound");
    assert_non_null(strstr(translated_verdict(&t, "ServiceNotFound")->message, "shop/web"));
    translated_free(&t);
}

static void a_service_of_another_namespace_does_not_count(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVED("other", "web", "10.0.0.1") ONE("i", "a.test", "web", "number: 443"));
    assert_string_equal(translated_verdicts(&t), "warning shop/i ServiceNotFound");
    translated_free(&t);
}

static void a_port_the_service_does_not_have_is_an_error_that_lists_those_it_has(void **state)
{
    struct translated t;
    const struct verdict *v;

    (void)state;
    make(&t, "apiVersion: networking.k8s.io/v1\n"
             "kind: Ingress\n"
             "metadata: {name: i, namespace: shop}\n"
             "spec:\n"
             "  ingressClassName: sealway\n"
             "  rules:\n"
             "  - host: a.test\n"
             "    http:\n"
             "      paths:\n"
             "      - path: /\n"
             "        pathType: Prefix\n"
             "        backend:\n"
             "          service:\n"
             "            name: web\n"
             "            port:\n"
             "              number: 8443\n"
             "---\n" OUR_CLASS SERVICE("shop", "web",
                                       "ports: [{name: https, port: 443}, {name: http, port: 80}, "
                                       "{name: dns, port: 53, protocol: UDP}]"));
    v = translated_verdict(&t, "ServicePortNotFound");
    assert_non_null(v);
    assert_int_equal(v->severity, VERDICT_ERROR);
    assert_int_equal(v->line, 16);
    assert_string_equal(v->message,
                        "Service shop/web has no port 8443; it has 443 (https), 80 (http)");
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:8443 []");
    translated_free(&t);
}

static void a_port_name_the_service_does_not_have_is_an_error(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVICE("shop", "web", "ports: [{port: 443}]")
                 ONE("i", "a.test", "web", "name: https"));
    assert_string_equal(translated_verdicts(&t), "error shop/i ServicePortNotFound");
    assert_non_null(strstr(translated_verdict(&t, "ServicePortNotFound")->message, "it has 443"));
    translated_free(&t);
}

static void nobody_else_takes_a_host_whose_backend_cannot_be_resolved(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVED("evil", "web", "10.6.6.6")
                 INGRESS("shop", "i", CREATED("2024-01-01T00:00:00Z"),
                         OURS RULES(HOST("a.test", "gone", "number: 443")))
                     INGRESS("evil", "i", CREATED("2025-01-01T00:00:00Z"),
                             OURS RULES(HOST("a.test", "web", "number: 443"))));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> gone:443 []");
    assert_string_equal(translated_verdicts(&t),
                        "warning shop/i ServiceNotFound; warning evil/i HostAlreadyClaimed");
    translated_free(&t);
}

static void a_port_for_another_protocol_is_an_error(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVICE("shop", "web", "ports: [{name: q, port: 443, protocol: UDP}]")
                 ONE("i", "a.test", "web", "number: 443"));
    assert_string_equal(translated_verdicts(&t), "error shop/i ServicePortNotTCP");
    assert_null(strstr(t.v.items[0].message, "for TCP"));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:443 []");
    translated_free(&t);
}

static void of_tcp_and_udp_on_one_number_tcp_is_taken(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVICE("shop", "web",
                               "ports: [{name: h3, port: 443, protocol: UDP}, "
                               "{name: https, port: 443}]")
                 HTTPS_SLICE("shop", "web-1", "web", READY("10.0.0.1"))
                     ONE("i", "a.test", "web", "number: 443"));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:443 [10.0.0.1:8443]");
    translated_free(&t);
}

static void an_external_name_is_a_warning_and_never_dialled(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVICE("shop", "web", "type: ExternalName, externalName: example.com")
                 ONE("i", "a.test", "web", "number: 443"));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:443 []");
    assert_string_equal(translated_verdicts(&t), "warning shop/i ExternalNameUnsupported");
    translated_free(&t);
}

static void a_service_without_endpoint_is_told_to_each_ingress_that_uses_it(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) ONE("i", "a.test", "web", "number: 443")
                 ONE("j", "b.test", "web", "name: https"));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:443 []");
    assert_string_equal(translated_verdicts(&t),
                        "warning shop/i NoEndpoints; warning shop/j NoEndpoints");
    assert_non_null(
        strstr(translated_verdict(&t, "NoEndpoints")->message, "there is no EndpointSlice"));
    translated_free(&t);
}

static void the_reason_for_an_empty_pool_is_told(void **state)
{
    static const struct {
        const char *slice, *why;
    } cases[] = {
        {SLICE("shop", "w", "web", "{name: http, port: 80}", READY("10.0.0.1")),
         "no EndpointSlice of it has a TCP port named \"https\""},
        {SLICE("shop", "w", "web", "{name: https}", READY("10.0.0.1")),
         "its EndpointSlices give port \"https\" no number"},
        {HTTPS_SLICE("shop", "w", "web", ""), "its EndpointSlices hold no endpoint"},
        {HTTPS_SLICE("shop", "w", "web", ENDPOINT("10.0.0.1", "ready: false")),
         "none of its 1 endpoints is ready"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char yaml[4096] =
            OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) ONE("i", "a.test", "web", "number: 443");
        struct translated t;

        strcat(yaml, cases[i].slice);
        make(&t, yaml);
        assert_string_equal(translated_verdicts(&t), "warning shop/i NoEndpoints");
        assert_non_null(strstr(t.v.items[0].message, cases[i].why));
        translated_free(&t);
    }
}

static void service_upstream_means_the_cluster_ips(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVICE("shop", "web",
                               "clusterIPs: [10.96.0.1, 'fd00::1'], clusterIP: 10.96.0.1, "
                               "ports: [{name: https, port: 443}]")
                 HTTPS_SLICE("shop", "web-1", "web", READY("10.0.0.1"))
                     UPSTREAM_ONE("i", "a.test", "web", "number: 443")
                         ONE("j", "b.test", "web", "number: 443"));
    assert_string_equal(translated_route(&t, "a.test"),
                        "shop/i -> web:443/cluster-ip [10.96.0.1:443 [fd00::1]:443]");
    assert_string_equal(translated_route(&t, "b.test"), "shop/j -> web:443 [10.0.0.1:8443]");
    assert_string_equal(translated_verdicts(&t), "");
    translated_free(&t);
}

static void service_upstream_without_cluster_ip_falls_back_to_endpoints(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS SERVICE("shop", "web", "clusterIP: None, " HTTPS_PORT)
                 HTTPS_SLICE("shop", "web-1", "web", READY("10.0.0.1"))
                     UPSTREAM_ONE("i", "a.test", "web", "number: 443"));
    assert_string_equal(translated_route(&t, "a.test"), "shop/i -> web:443 [10.0.0.1:8443]");
    assert_string_equal(translated_verdicts(&t), "warning shop/i NoClusterIP");
    translated_free(&t);
}

static void annotations_of_a_service_in_use_are_judged_once(void **state)
{
    struct translated t;

    (void)state;
    make(&t, OUR_CLASS
         "apiVersion: v1\n"
         "kind: Service\n"
         "metadata: {namespace: shop, name: web, annotations: {sealway.io/proxy-protocol: v2}}\n"
         "spec: {ports: [{name: https, port: 443}]}\n"
         "---\n" HTTPS_SLICE("shop", "web-1", "web", READY("10.0.0.1"))
             ONE("i", "a.test", "web", "number: 443") ONE("j", "b.test", "web", "number: 443"));
    assert_string_equal(translated_verdicts(&t), "warning shop/web NotYetSupported");
    translated_free(&t);
}

static void a_pool_of_endpoints_is_named_by_the_number_of_its_port(void **state)
{
    static const struct service_port ports[] = {
        {"h3", 443, false}, {"https", 443, true}, {"", 80, true}, {"other", 443, true}};
    struct service svc = {.ports = ports, .n_ports = ARRAY_LEN(ports)};

    (void)state;
    assert_ptr_equal(servicepool_port_of(&svc, "443"), &ports[1]);
    assert_ptr_equal(servicepool_port_of(&svc, "80"), &ports[2]);
    assert_null(servicepool_port_of(&svc, "443/cluster-ip"));
    assert_null(servicepool_port_of(&svc, "https")); /* a backend that has no port */
    assert_null(servicepool_port_of(&svc, "44"));
    assert_null(servicepool_port_of(&svc, ""));
    svc.type = SERVICE_EXTERNAL_NAME;
    assert_null(servicepool_port_of(&svc, "443"));
}

/* The Services of which a change of endpoints may change a word. */
static void expect_worded(const char *yaml, bool web, bool api)
{
    struct translate_config cfg = translated_config();
    struct registry *r = registry_new(0, 0);
    struct table_builder *b = table_builder_new(r);
    struct store *s = objects_store(yaml);
    const struct siphash_key key = {{1, 2}};
    struct serviceset worded;
    struct verdicts v;

    verdicts_init(&v);
    serviceset_init(&worded, &key);
    assert_int_equal(translate(&cfg, s, b, &(struct translate_outcome){&v, NULL, &worded}), 0);
    assert_int_equal(serviceset_has(&worded, "shop", "web"), web);
    assert_int_equal(serviceset_has(&worded, "shop", "api"), api);
    serviceset_fini(&worded);
    verdicts_fini(&v);
    store_free(s);
    table_builder_free(b);
    registry_free(r);
}

static void services_are_noted_where_a_change_of_endpoints_may_change_a_word(void **state)
{
    (void)state;
    expect_worded(OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                      ONE("i", "a.test", "web", "number: 443"),
                  false, false);
    expect_worded(OUR_CLASS SERVED("shop", "web", "10.0.0.1") SERVICE("shop", "api", HTTPS_PORT)
                      ONE("i", "a.test", "web", "number: 443")
                          ONE("j", "b.test", "api", "number: 443"),
                  false, false); /* that it has none shows in the table */
    expect_worded(OUR_CLASS SERVED("shop", "web", "224.0.0.1") SERVED("shop", "api", "10.0.0.2")
                      HTTPS_SLICE("shop", "more", "api", READY("224.0.0.1"))
                          ONE("i", "a.test", "web", "number: 443")
                              ONE("j", "b.test", "api", "number: 443"),
                  true, true); /* an address is refused */
    expect_worded(OUR_CLASS SERVED("shop", "web", "10.0.0.1") SERVED("shop", "api", "10.0.0.2")
                      ONE("i", "a.test", "web", "number: 443")
                          ONE("j", "a.test", "api", "number: 443"),
                  false, true); /* its claim is lost */
    expect_worded(OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                      SERVICE("shop", "api", "ports: [{name: a, port: 1}, {name: b, port: 1}]")
                          SLICE("shop", "a-1", "api", "{name: b, port: 2}", READY("10.0.0.2"))
                              ONE("i", "a.test", "web", "number: 443")
                                  ONE("j", "b.test", "api", "name: b"),
                  false, true); /* two ports of one number */
}

static void out_of_memory_in_any_pool_leaks_nothing(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    /* Two empty pools, of which the second is remembered next to the first, and a full one. */
    assert_true(translate_torture(
                    &cfg,
                    OUR_CLASS SERVED("shop", "web", "10.0.0.1") SERVICE("shop", "none", HTTPS_PORT)
                        SERVICE("shop", "nor", HTTPS_PORT) ONE("i", "a.test", "none", "number: 443")
                            ONE("j", "b.test", "nor", "number: 443")
                                ONE("k", "c.test", "web", "number: 443")
                                    ONE("l", "d.test", "gone", "number: 443")) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_found_by_number_or_name_and_both_share_a_pool),
        cmocka_unit_test(a_missing_service_is_a_warning_and_its_host_stays_claimed),
        cmocka_unit_test(a_service_of_another_namespace_does_not_count),
        cmocka_unit_test(a_port_the_service_does_not_have_is_an_error_that_lists_those_it_has),
        cmocka_unit_test(a_port_name_the_service_does_not_have_is_an_error),
        cmocka_unit_test(nobody_else_takes_a_host_whose_backend_cannot_be_resolved),
        cmocka_unit_test(a_port_for_another_protocol_is_an_error),
        cmocka_unit_test(of_tcp_and_udp_on_one_number_tcp_is_taken),
        cmocka_unit_test(an_external_name_is_a_warning_and_never_dialled),
        cmocka_unit_test(a_service_without_endpoint_is_told_to_each_ingress_that_uses_it),
        cmocka_unit_test(the_reason_for_an_empty_pool_is_told),
        cmocka_unit_test(service_upstream_means_the_cluster_ips),
        cmocka_unit_test(service_upstream_without_cluster_ip_falls_back_to_endpoints),
        cmocka_unit_test(annotations_of_a_service_in_use_are_judged_once),
        cmocka_unit_test(a_pool_of_endpoints_is_named_by_the_number_of_its_port),
        cmocka_unit_test(services_are_noted_where_a_change_of_endpoints_may_change_a_word),
        cmocka_unit_test(out_of_memory_in_any_pool_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
