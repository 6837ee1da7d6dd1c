#include "controller/endpointfill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/store.h"
#include "route/registry.h"
#include "route/table_builder.h"
#include "support/objects.h"
#include "support/translate_torture.h"
#include "support/translated.h"

#define ROUTED           OUR_CLASS INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443")))
#define WEB              SERVICE("shop", "web", HTTPS_PORT)
#define WEB_SLICE(n, ep) HTTPS_SLICE("shop", "web-" n, "web", ep)

static void expect_of(const struct translate_config *cfg, const char *yaml, const char *endpoints,
                      const char *verdicts)
{
    char route[512] = "shop/i -> web:443 [";
    struct translated t;

    strcat(route, endpoints);
    strcat(route, "]");
    translated_make(&t, cfg, yaml);
    assert_string_equal(translated_route(&t, "a.test"), route);
    assert_string_equal(translated_verdicts(&t), verdicts);
    translated_free(&t);
}

static void expect(const char *yaml, const char *endpoints, const char *verdicts)
{
    struct translate_config cfg = translated_config();

    expect_of(&cfg, yaml, endpoints, verdicts);
}

static void all_slices_of_the_service_count_in_both_families(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", READY("10.0.0.1") ", " READY(
                                         "10.0.0.2")) "apiVersion: discovery.k8s.io/v1\n"
                                                      "kind: EndpointSlice\n"
                                                      "metadata: {namespace: shop, name: six, "
                                                      "labels: {kubernetes.io/service-name: web}}\n"
                                                      "addressType: IPv6\n"
                                                      "ports: [{name: https, port: 9443}]\n"
                                                      "endpoints: [{addresses: ['fd00::1']}]\n",
           "10.0.0.1:8443 10.0.0.2:8443 [fd00::1]:9443", "");
}

static void slices_of_another_service_or_namespace_do_not(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", READY("10.0.0.1"))
               HTTPS_SLICE("other", "web-1", "web", READY("10.6.6.6"))
                   HTTPS_SLICE("shop", "api-1", "api", READY("10.6.6.7")),
           "10.0.0.1:8443", "");
}

static void slice_ports_are_found_by_the_name_of_the_service_port(void **state)
{
    (void)state;
    expect(ROUTED WEB SLICE("shop", "w", "web",
                            "{name: http, port: 443}, {name: https, port: 8443}, "
                            "{name: dns, port: 53, protocol: UDP}",
                            READY("10.0.0.1")),
           "10.0.0.1:8443", "");
}

static void an_unnamed_service_port_finds_the_unnamed_slice_port(void **state)
{
    (void)state;
    expect(ROUTED SERVICE("shop", "web", "ports: [{port: 443}]")
               SLICE("shop", "w", "web", "{port: 8443}", READY("10.0.0.1")),
           "10.0.0.1:8443", "");
}

static void one_port_name_may_mean_different_numbers_in_different_slices(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", READY("10.0.0.1"))
               SLICE("shop", "web-2", "web", "{name: https, port: 9443}", READY("10.0.0.2")),
           "10.0.0.1:8443 10.0.0.2:9443", "");
}

static void slice_ports_of_another_protocol_or_without_number_are_not_used(void **state)
{
    (void)state;
    expect(ROUTED WEB SLICE("shop", "w1", "web", "{name: https, port: 8443, protocol: UDP}",
                            READY("10.0.0.1"))
               SLICE("shop", "w2", "web", "{name: https}", READY("10.0.0.2")),
           "", "warning shop/i NoEndpoints");
}

static void a_slice_of_names_is_told_when_its_service_is_used(void **state)
{
#define NAMES(service)                                                                             \
    "apiVersion: discovery.k8s.io/v1\n"                                                            \
    "kind: EndpointSlice\n"                                                                        \
    "metadata: {namespace: shop, name: names, labels: {kubernetes.io/service-name: " service       \
    "}}\n"                                                                                         \
    "addressType: FQDN\n"                                                                          \
    "ports: [{name: https, port: 8443}]\n"                                                         \
    "endpoints: [{addresses: [a.test]}]\n"
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", READY("10.0.0.1")) NAMES("web"), "10.0.0.1:8443",
           "warning shop/names AddressTypeNotSupported");
    expect(ROUTED WEB WEB_SLICE("1", READY("10.0.0.1")) NAMES("other"), "10.0.0.1:8443", "");
}

static void only_ready_endpoints_are_used(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE(
               "1", ENDPOINT("10.0.0.1", "ready: true") ", " ENDPOINT(
                        "10.0.0.2",
                        "ready: false") ", " ENDPOINT("10.0.0.3",
                                                      "") ", " ENDPOINT("10.0.0.4",
                                                                        "ready: false, serving: "
                                                                        "true, terminating: true")),
           "10.0.0.1:8443 10.0.0.3:8443", "");
}

static void with_no_ready_one_those_that_serve_while_terminating_are(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE(
               "1",
               ENDPOINT("10.0.0.1",
                        "ready: false, serving: true, "
                        "terminating: true") ", " ENDPOINT("10.0.0.2", "ready: false, serving: "
                                                                       "false, terminating: true"))
               WEB_SLICE("2", ENDPOINT("10.0.0.3", "ready: false, serving: true")),
           "10.0.0.1:8443?", "");
}

static void whether_one_is_ready_is_asked_of_the_whole_service(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", ENDPOINT("10.0.0.1", "ready: false, serving: true, "
                                                          "terminating: true"))
               WEB_SLICE("2", READY("10.0.0.2")),
           "10.0.0.2:8443", "");
}

static void published_not_ready_addresses_are_all_used(void **state)
{
    (void)state;
    expect(ROUTED SERVICE("shop", "web", "publishNotReadyAddresses: true, " HTTPS_PORT)
               WEB_SLICE("1", ENDPOINT("10.0.0.1", "ready: false") ", " READY("10.0.0.2")),
           "10.0.0.1:8443 10.0.0.2:8443", "");
}

static void an_endpoint_in_two_slices_is_used_once_in_its_best_state(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", READY("10.0.0.1")) WEB_SLICE("2", READY("10.0.0.1"))
               WEB_SLICE("3", ENDPOINT("10.0.0.1", "ready: false")),
           "10.0.0.1:8443", "");
}

#define LEGACY                                                                                     \
    "apiVersion: v1\n"                                                                             \
    "kind: Endpoints\n"                                                                            \
    "metadata: {namespace: shop, name: web}\n"                                                     \
    "subsets:\n"                                                                                   \
    "- addresses: [{ip: 10.1.0.1}, {ip: 10.1.0.2}]\n"                                              \
    "  notReadyAddresses: [{ip: 10.1.0.3}]\n"                                                      \
    "  ports: [{name: https, port: 8443}, {name: http, port: 80}]\n"                               \
    "---\n"

static void legacy_endpoints_count_for_a_service_without_slice(void **state)
{
    (void)state;
    expect(ROUTED WEB LEGACY, "10.1.0.1:8443 10.1.0.2:8443", "");
}

static void legacy_endpoints_do_not_count_next_to_a_slice(void **state)
{
    (void)state;
    expect(ROUTED WEB LEGACY WEB_SLICE("1", READY("10.0.0.1")), "10.0.0.1:8443", "");
    expect(ROUTED WEB LEGACY WEB_SLICE("1", ""), "", "warning shop/i NoEndpoints");
}

static void legacy_endpoints_honour_published_not_ready_addresses(void **state)
{
    (void)state;
    expect(ROUTED SERVICE("shop", "web", "publishNotReadyAddresses: true, " HTTPS_PORT) LEGACY,
           "10.1.0.1:8443 10.1.0.2:8443 10.1.0.3:8443", "");
}

static void loopback_and_link_local_are_refused_from_an_api_server_only(void **state)
{
    struct translate_config cfg = translated_config();
    const char *yaml = ROUTED WEB WEB_SLICE(
        "1", READY("127.0.0.1") ", " READY("169.254.169.254") ", " READY("10.0.0.1"));

    (void)state;
    expect_of(&cfg, yaml, "10.0.0.1:8443 127.0.0.1:8443 169.254.169.254:8443", "");
    cfg.from_api_server = true;
    expect_of(&cfg, yaml, "10.0.0.1:8443", "warning shop/web-1 EndpointAddressRefused");
}

static void multicast_and_unspecified_are_refused_always(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", READY("224.0.0.1") ", " READY("10.0.0.1"))
               WEB_SLICE("2", READY("0.0.0.0")),
           "10.0.0.1:8443",
           "warning shop/web-1 EndpointAddressRefused; warning shop/web-2 EndpointAddressRefused");
}

static void a_service_of_refused_addresses_only_says_so(void **state)
{
    (void)state;
    expect(ROUTED WEB WEB_SLICE("1", READY("224.0.0.1")), "",
           "warning shop/i NoEndpoints; warning shop/web-1 EndpointAddressRefused");
}

static void a_fault_of_a_slice_is_told_once_however_many_use_it(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(
        &t, &cfg,
        ROUTED SERVICE("shop", "web", "ports: [{name: https, port: 443}, {name: alt, port: 444}]")
            SLICE("shop", "w", "web", "{name: https, port: 8443}, {name: alt, port: 8444}",
                  READY("224.0.0.1") ", " READY("10.0.0.1"))
                INGRESS("shop", "j", "",
                        OURS RULES(HOST("b.test", "web", "number: 443") ", " HOST("c.test", "web",
                                                                                  "number: 444"))));
    assert_string_equal(translated_verdicts(&t), "warning shop/w EndpointAddressRefused");
    assert_string_equal(translated_route(&t, "c.test"), "shop/j -> web:444 [10.0.0.1:8444]");
    translated_free(&t);
}

static bool is_ours(void *ctx, const struct netaddr *a)
{
    return netaddr_equal(a, ctx);
}

static void our_own_listener_is_no_endpoint(void **state)
{
    struct translate_config cfg = translated_config();
    struct netaddr own;

    (void)state;
    assert_int_equal(netaddr_parse("10.0.0.9:8443", &own), 0);
    cfg.is_own_listener = is_ours;
    cfg.own_listener_ctx = &own;
    expect_of(&cfg, ROUTED WEB WEB_SLICE("1", READY("10.0.0.9") ", " READY("10.0.0.1")),
              "10.0.0.1:8443", "warning shop/web-1 EndpointIsOwnListener");
}

static void a_hand_made_slice_without_ports_contributes_nothing(void **state)
{
    (void)state;
    expect(ROUTED WEB SLICE("shop", "w", "web", "", READY("10.0.0.1")), "",
           "warning shop/i NoEndpoints");
}

static void out_of_memory_between_any_two_endpoints_leaks_nothing(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    assert_true(translate_torture(&cfg,
                                  ROUTED WEB WEB_SLICE("1", READY("10.0.0.1") ", " READY(
                                                                "224.0.0.1") ", " READY("10.0.0.2"))
                                      WEB_SLICE("2", READY("10.0.0.3"))) > 20);
    assert_true(translate_torture(
                    &cfg, ROUTED WEB
                    "apiVersion: v1\nkind: Endpoints\nmetadata: {namespace: shop, name: web}\n"
                    "subsets: [{addresses: [{ip: 10.0.0.1}, {ip: 10.0.0.2}], ports: [{name: https, "
                    "port: 8443}]}]\n") > 20);
}

static void there_is_a_word_to_say_of_what_is_empty_full_or_complained_about(void **state)
{
    struct endpointfill_count c = {.objects = 1, .matching = 1, .seen = 2, .added = 2};

    (void)state;
    assert_false(endpointfill_is_worded(&c));
    c.full = true;
    assert_true(endpointfill_is_worded(&c));
    c.full = false;
    c.told = true;
    assert_true(endpointfill_is_worded(&c));
    c.told = false;
    c.added = 0;
    assert_true(endpointfill_is_worded(&c));
}

/* What filling the pool of "web" counts, a first or another time. */
static bool is_told(struct endpointfill *f, const struct service *svc, const char *pool_name)
{
    struct endpointfill_count c;
    bool is_new;
    struct builder_pool *pool = table_builder_pool(f->builder, "shop", "web", pool_name, &is_new);

    assert_int_equal(endpointfill_endpoints(f, svc, svc->ports, pool, &c), 0);
    assert_int_equal(c.added, 1);
    return c.told;
}

static void each_pool_knows_of_a_word_that_is_said_once(void **state)
{
    struct translate_config cfg = translated_config();
    struct registry *r = registry_new(0, 0);
    struct store *s = objects_store(WEB WEB_SLICE("1", READY("10.0.0.1") ", " READY("224.0.0.1")));
    struct verdicts v;
    const struct endpointfill env = {
        .cfg = &cfg, .store = s, .builder = table_builder_new(r), .verdicts = &v};
    const struct service *svc =
        (const struct service *)(const void *)store_find(s, OBJECT_SERVICE, "shop", "web");
    struct endpointfill f;

    (void)state;
    verdicts_init(&v);
    endpointfill_init(&f, &env);
    assert_true(is_told(&f, svc, "1"));
    assert_true(is_told(&f, svc, "2"));
    assert_int_equal(v.n, 1);
    objects_put(s, WEB_SLICE("1", READY("10.0.0.1")));
    assert_false(is_told(&f, svc, "3"));
    endpointfill_fini(&f);
    verdicts_fini(&v);
    table_builder_free(env.builder);
    store_free(s);
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_slices_of_the_service_count_in_both_families),
        cmocka_unit_test(slices_of_another_service_or_namespace_do_not),
        cmocka_unit_test(slice_ports_are_found_by_the_name_of_the_service_port),
        cmocka_unit_test(an_unnamed_service_port_finds_the_unnamed_slice_port),
        cmocka_unit_test(one_port_name_may_mean_different_numbers_in_different_slices),
        cmocka_unit_test(slice_ports_of_another_protocol_or_without_number_are_not_used),
        cmocka_unit_test(a_slice_of_names_is_told_when_its_service_is_used),
        cmocka_unit_test(only_ready_endpoints_are_used),
        cmocka_unit_test(with_no_ready_one_those_that_serve_while_terminating_are),
        cmocka_unit_test(whether_one_is_ready_is_asked_of_the_whole_service),
        cmocka_unit_test(published_not_ready_addresses_are_all_used),
        cmocka_unit_test(an_endpoint_in_two_slices_is_used_once_in_its_best_state),
        cmocka_unit_test(legacy_endpoints_count_for_a_service_without_slice),
        cmocka_unit_test(legacy_endpoints_do_not_count_next_to_a_slice),
        cmocka_unit_test(legacy_endpoints_honour_published_not_ready_addresses),
        cmocka_unit_test(loopback_and_link_local_are_refused_from_an_api_server_only),
        cmocka_unit_test(multicast_and_unspecified_are_refused_always),
        cmocka_unit_test(a_service_of_refused_addresses_only_says_so),
        cmocka_unit_test(a_fault_of_a_slice_is_told_once_however_many_use_it),
        cmocka_unit_test(there_is_a_word_to_say_of_what_is_empty_full_or_complained_about),
        cmocka_unit_test(each_pool_knows_of_a_word_that_is_said_once),
        cmocka_unit_test(our_own_listener_is_no_endpoint),
        cmocka_unit_test(a_hand_made_slice_without_ports_contributes_nothing),
        cmocka_unit_test(out_of_memory_between_any_two_endpoints_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
