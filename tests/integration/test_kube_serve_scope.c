/* Of an API server, what is watched: some namespaces or all, EndpointSlices or Endpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/http_ask.h"
#include "support/kubeserve.h"

#define SHOP "web.shop.test"
#define BLOG "www.blog.test"
#define FARM "www.farm.test"

static unsigned asked(const struct kubeserve *s, enum fakeapi_resource kind, const char *ns)
{
    return fakeapi_requests(s->api, &(struct fakeapi_match){.resource = kind, .ns = ns});
}

static void put_three(struct kubeserve *s)
{
    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_put_route(s, "blog", "www", BLOG, s->green);
    kubeserve_put_route(s, "farm", "www", FARM, s->green);
}

static void only_the_namespaces_that_are_named_are_asked_for_and_served(void **state)
{
    static const char *const args[] = {"--watch-namespace", "shop", "--watch-namespace", "blog",
                                       NULL};
    static const enum fakeapi_resource kinds[] = {FAKEAPI_INGRESSES, FAKEAPI_SERVICES,
                                                  FAKEAPI_ENDPOINTSLICES};
    struct kubeserve *s = *state;

    put_three(s);
    kubeserve_start(s, args);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(kubeserve_reaches(s, BLOG, "green"));
    assert_true(kubeserve_refuses(s, FARM));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_int_equal(asked(s, kinds[i], ""), 0);
        assert_int_equal(asked(s, kinds[i], "farm"), 0);
        assert_in_range(asked(s, kinds[i], "shop"), 1, 3);
        assert_in_range(asked(s, kinds[i], "blog"), 1, 3);
    }
    assert_true(kubeserve_metric(s, "sealway_kube_objects{resource=\"ingresses\"}") == 2);
    kubeserve_put_route(s, "blog", "www", "new.blog.test", s->blue);
    assert_true(kubeserve_reaches(s, "new.blog.test", "blue"));
}

static void classes_out_of_reach_are_matched_by_their_names(void **state)
{
    static const char *const args[] = {"--watch-namespace", "shop", "--ingress-class", "sealway",
                                       NULL};
    struct kubeserve *s = *state;

    put_three(s);
    fakeapi_forbid(s->api, FAKEAPI_ANY_VERB, FAKEAPI_INGRESSCLASSES, true);
    kubeserve_start(s, args);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(kubeserve_logs(s, "cannot list ingressclasses.networking.k8s.io in all "));
    assert_true(kubeserve_logs(s, "not needed, so all goes on without it"));
    assert_int_equal(kubeserve_logged(s, "level=warn"), 0);
}

static void without_classes_and_without_their_names_it_says_what_to_do(void **state)
{
    static const char *const args[] = {"--watch-namespace", "shop", NULL};
    struct kubeserve *s = *state;

    put_three(s);
    fakeapi_forbid(s->api, FAKEAPI_ANY_VERB, FAKEAPI_INGRESSCLASSES, true);
    kubeserve_start(s, args);
    assert_true(kubeserve_refuses(s, SHOP));
    assert_true(kubeserve_logs(s, "IngressClasses cannot be read, and no option names a class, so "
                                  "no Ingress of a class will be served: give --ingress-class"));
}

static void a_namespace_that_may_not_be_read_is_named(void **state)
{
    static const char *const args[] = {"--watch-namespace", "shop", NULL};
    struct kubeserve *s = *state;

    put_three(s);
    fakeapi_forbid(s->api, FAKEAPI_LIST, FAKEAPI_SERVICES, true);
    kubeserve_start_unready(s, args);
    assert_true(kubeserve_logs(s, "cannot list services in namespace shop: 403 Forbidden; grant "
                                  "the verbs list and watch on services in the core API group to "
                                  "this service account or user by a Role in that namespace"));
    assert_int_equal(http_status(&s->admin, "/readyz"), 503);
}

/* ---- news of no weight ---- */

#define UNCHANGED "sealway_config_apply_total{result=\"unchanged\"}"

/* As status, whoever writes it, comes back in events: nothing is translated for it. */
static void what_no_route_is_made_of_is_no_change(void **state)
{
    struct kubeserve *s = *state;
    struct netaddr green = name_backend_addr(s->green);
    double unchanged;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_SERVICES, 1));
    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_ENDPOINTSLICES, 1));
    unchanged = kubeserve_metric(s, UNCHANGED);
    for (int i = 0; i < 5; i++) {
        fakeapi_put_service(s->api, "shop", "web"); /* as it was, with another version */
    }
    kubeserve_put_slice(s, "shop", "web", &green);
    assert_true(kubeserve_reaches(s, SHOP, "green"));
    assert_true(kubeserve_metric(s, "sealway_kube_watch_events_total{resource=\"services\"}") >= 5);
    assert_true(kubeserve_metric(s, UNCHANGED) == unchanged);
}

/* ---- Endpoints ---- */

static void put_endpoints(struct kubeserve *s, const char *name, const struct name_backend *b)
{
    struct netaddr addr = name_backend_addr(b);
    char ip[NETADDR_TEXT_MAX];

    fakeapi_putf(s->api,
                 "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":\"%s\","
                 "\"namespace\":\"shop\"},\"subsets\":[{\"addresses\":[{\"ip\":\"%s\"}],"
                 "\"ports\":[{\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]}]}",
                 name, netaddr_format_ip(&addr, ip), addr.port);
}

/* The slice leads to blue, the Endpoints to green, then to blue. */
static void assert_serves_endpoints(struct kubeserve *s, const char *const *args)
{
    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    put_endpoints(s, "web", s->green);
    kubeserve_start(s, args);
    assert_true(kubeserve_reaches(s, SHOP, "green"));
    assert_int_equal(asked(s, FAKEAPI_ENDPOINTSLICES, NULL), 0);
    put_endpoints(s, "web", s->blue);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(kubeserve_metric(s, "sealway_kube_objects{resource=\"endpoints\"}") == 1);
    assert_true(kubeserve_metric(s, "sealway_kube_objects{resource=\"endpointslices\"}") == -1);
}

static void endpoints_are_taken_where_they_are_asked_for(void **state)
{
    static const char *const args[] = {"--endpoints-api", "endpoints", NULL};

    assert_serves_endpoints(*state, args);
}

static void endpoints_are_taken_where_there_are_no_slices(void **state)
{
    struct kubeserve *s = *state;

    fakeapi_behave(s->api, &(struct fakeapi_behaviour){.no_slices = true});
    assert_serves_endpoints(s, NULL);
    assert_true(kubeserve_logs(s, "the API server has no EndpointSlices: Endpoints are watched"));
}

#define IT(test) cmocka_unit_test_setup_teardown(test, kubeserve_setup, kubeserve_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(only_the_namespaces_that_are_named_are_asked_for_and_served),
        IT(classes_out_of_reach_are_matched_by_their_names),
        IT(without_classes_and_without_their_names_it_says_what_to_do),
        IT(a_namespace_that_may_not_be_read_is_named),
        IT(endpoints_are_taken_where_they_are_asked_for),
        IT(what_no_route_is_made_of_is_no_change),
        IT(endpoints_are_taken_where_there_are_no_slices),
    };

    if (!kubeserve_enter_net()) {
        print_message("             skip kube_serve_scope: no network namespace of its own\n");
        return 0;
    }
    return cmocka_run_group_tests_name("kube_serve_scope", tests, NULL, NULL);
}
