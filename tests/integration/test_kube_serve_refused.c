/*
 * What an API server holds that cannot be used, and what it does not let one see: each is told in
 * words, and no other route is harmed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>

#include "support/http_ask.h"
#include "support/kubeserve.h"
#include "support/traffic.h"

#define SHOP "web.shop.test"
#define BLOG "www.blog.test"

/* ---- objects ---- */

#define REJECTED(kind, reason)                                                                     \
    "\nsealway_config_rejected_objects{kind=\"" kind "\",reason=\"" reason "\"} 1\n"

/* Another route still follows, and nobody was turned away meanwhile. */
static void assert_unharmed(struct kubeserve *s, struct traffic *traffic)
{
    struct traffic_report report;

    kubeserve_put_route(s, "blog", "www", BLOG, s->green);
    assert_true(kubeserve_reaches(s, BLOG, "green"));
    assert_true(traffic_wait_for(traffic, 10));
    traffic_stop(traffic, &report);
    assert_int_equal(report.failed, 0);
}

static struct traffic *start_with_traffic(struct kubeserve *s)
{
    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    return traffic_start(&s->addr, 2, SHOP, "blue");
}

static void a_host_that_is_none_is_one_verdict(void **state)
{
    struct kubeserve *s = *state;
    struct traffic *traffic = start_with_traffic(s);

    fakeapi_put_ingress(s->api, "shop", "bad", "no host at all!", "web");
    assert_true(kubeserve_logs(s, "object=\"Ingress shop/bad\""));
    assert_true(kubeserve_says(s, "/metrics", 200, REJECTED("Ingress", "InvalidHost")));
    assert_int_equal(kubeserve_logged(s, "shop/bad"), 1);
    assert_unharmed(s, traffic);
    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "bad");
}

static void endpoints_of_a_wrong_type_are_one_verdict(void **state)
{
    struct kubeserve *s = *state;
    struct traffic *traffic = start_with_traffic(s);

    fakeapi_put(s->api, "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
                        "\"metadata\":{\"name\":\"web-2\",\"namespace\":\"shop\",\"labels\":"
                        "{\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"IPv4\","
                        "\"endpoints\":\"10.0.0.1\",\"ports\":[{\"name\":\"https\",\"port\":1}]}");
    assert_true(kubeserve_logs(s, "object=\"EndpointSlice shop/web-2\""));
    assert_true(kubeserve_says(s, "/metrics", 200, REJECTED("EndpointSlice", "InvalidField")));
    assert_int_equal(kubeserve_logged(s, "shop/web-2"), 1);
    assert_unharmed(s, traffic);
}

static void an_object_without_a_name_is_passed_over_and_counted(void **state)
{
    struct kubeserve *s = *state;
    struct traffic *traffic = start_with_traffic(s);
    char event[256];

    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_SERVICES, 1));
    snprintf(event, sizeof(event),
             "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Service\","
             "\"metadata\":{\"namespace\":\"shop\",\"resourceVersion\":\"%llu\"},"
             "\"spec\":{\"ports\":[{\"port\":443}]}}}\n",
             (unsigned long long)fakeapi_version(s->api));
    fakeapi_inject_text(s->api, FAKEAPI_SERVICES, event);
    assert_true(kubeserve_says(s, "/metrics", 200,
                               "\nsealway_kube_watch_skipped_total{resource=\"services\"} 1\n"));
    assert_unharmed(s, traffic);
}

static void an_endpoint_on_loopback_is_refused_and_told(void **state)
{
    struct kubeserve *s = *state;
    struct traffic *traffic = start_with_traffic(s);
    struct name_backend *here = name_backend_start("127.0.0.1", "here");
    struct netaddr addr = name_backend_addr(here);

    fakeapi_put_service(s->api, "shop", "own");
    kubeserve_put_slice(s, "shop", "own", &addr);
    fakeapi_put_ingress(s->api, "shop", "own", "own.shop.test", "own");
    assert_true(kubeserve_logs(s, "endpoint address 127.0.0.1 is left out: loopback"));
    assert_true(
        kubeserve_logs(s, "reason=EndpointAddressRefused object=\"EndpointSlice shop/own-1\""));
    assert_true(kubeserve_says(s, "/explain?name=own.shop.test", 200,
                               "none of its 1 endpoints has an address that may be used"));
    assert_unharmed(s, traffic);
    assert_int_equal(name_backend_answered(here), 0);
    name_backend_stop(here);
}

/* ---- rights ---- */

#define CANNOT_LIST_SLICES                                                                         \
    "cannot list endpointslices.discovery.k8s.io in all namespaces: 403 Forbidden; grant the "     \
    "verbs list and watch on endpointslices in API group discovery.k8s.io to this service "        \
    "account or user by a ClusterRole and a ClusterRoleBinding"

static void a_kind_that_may_not_be_listed_withholds_readiness_and_is_named(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    fakeapi_forbid(s->api, FAKEAPI_LIST, FAKEAPI_ENDPOINTSLICES, true);
    kubeserve_start_unready(s, NULL);
    assert_true(kubeserve_logs(s, CANNOT_LIST_SLICES));
    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_INGRESSES, 1)); /* the others go on */
    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_SERVICES, 1));
    assert_true(kubeserve_stays_closed(s));
    assert_true(kubeserve_metric(s, "sealway_kube_synced{resource=\"endpointslices\"}") == 0);
    assert_true(kubeserve_metric(s, "sealway_kube_synced{resource=\"services\"}") == 1);
    fakeapi_forbid(s->api, FAKEAPI_LIST, FAKEAPI_ENDPOINTSLICES, false);
    sealway_signal(s->program, SIGHUP); /* who mended it need not wait for the next attempt */
    assert_true(kubeserve_says(s, "/readyz", 200, "ok"));
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
}

/* As where roles and their bindings are installed a moment after the program. */
static void rights_that_come_after_the_start_need_no_restart(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    fakeapi_forbid(s->api, FAKEAPI_ANY_VERB, FAKEAPI_ANY_RESOURCE, true);
    kubeserve_start_unready(s, NULL);
    assert_true(kubeserve_logs(s, "cannot list services in all namespaces: 403 Forbidden; grant"));
    assert_true(kubeserve_logs(s, CANNOT_LIST_SLICES));
    fakeapi_forbid(s->api, FAKEAPI_ANY_VERB, FAKEAPI_ANY_RESOURCE, false);
    assert_true(kubeserve_says(s, "/readyz", 200, "ok"));
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_int_equal(kubeserve_logged(s, "cannot list services"), 1);
}

static void a_kind_that_may_no_longer_be_watched_costs_no_readiness(void **state)
{
    struct kubeserve *s = *state;
    struct netaddr green = name_backend_addr(s->green);

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_INGRESSES, 1));
    fakeapi_forbid(s->api, FAKEAPI_WATCH, FAKEAPI_INGRESSES, true);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_RST);
    assert_true(kubeserve_logs(
        s, "cannot watch ingresses.networking.k8s.io in all namespaces: 403 Forbidden; grant the "
           "verbs list and watch on ingresses in API group networking.k8s.io"));
    kubeserve_put_slice(s, "shop", "web", &green);
    assert_true(kubeserve_reaches(s, SHOP, "green"));
    assert_int_equal(http_status(&s->admin, "/readyz"), 200);
}

#define IT(test) cmocka_unit_test_setup_teardown(test, kubeserve_setup, kubeserve_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(a_host_that_is_none_is_one_verdict),
        IT(endpoints_of_a_wrong_type_are_one_verdict),
        IT(an_object_without_a_name_is_passed_over_and_counted),
        IT(an_endpoint_on_loopback_is_refused_and_told),
        IT(a_kind_that_may_not_be_listed_withholds_readiness_and_is_named),
        IT(rights_that_come_after_the_start_need_no_restart),
        IT(a_kind_that_may_no_longer_be_watched_costs_no_readiness),
    };

    if (!kubeserve_enter_net()) {
        print_message("             skip kube_serve_refused: no network namespace of its own\n");
        return 0;
    }
    return cmocka_run_group_tests_name("kube_serve_refused", tests, NULL, NULL);
}
