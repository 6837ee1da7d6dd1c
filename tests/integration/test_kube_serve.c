/*
 * `sealway serve --kubeconfig` from the first light on: what an API server holds is served, what
 * changes there is seen, and nothing is accepted before everything is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fakes/tls_backend.h"
#include "support/command.h"
#include "support/curl_client.h"
#include "support/http_ask.h"
#include "support/kubeserve.h"
#include "support/wait_until.h"

#define SHOP "web.shop.test"
#define BLOG "www.blog.test"

/* ---- real TLS ---- */

static struct tls_backend *add_tls_route(struct kubeserve *s, const char *name, const char *host)
{
    struct tls_backend_config cfg = {.name = name, .ip = KUBESERVE_IP};
    char cert[PATH_MAX];
    struct tls_backend *b;
    struct netaddr addr;

    certs_issue(s->certs, name, host);
    cfg.cert = certs_path(s->certs, name, cert);
    b = tls_backend_start(&cfg);
    addr = tls_backend_addr(b);
    kubeserve_put_slice(s, "shop", name, &addr);
    fakeapi_put_service(s->api, "shop", name);
    fakeapi_put_ingress(s->api, "shop", name, host, name);
    return b;
}

/* A client that verifies the certificate of whom it reaches. */
static void assert_tls_reaches(const struct kubeserve *s, const char *host, const char *body)
{
    char ca[PATH_MAX], to[NETADDR_TEXT_MAX + 2] = "::", url[128], text[NETADDR_TEXT_MAX];
    struct curl_slist *connect_to;
    struct curl_client c;

    strcat(to, netaddr_format(&s->addr, text));
    connect_to = curl_slist_append(NULL, to);
    curl_client_init(&c, certs_path(s->certs, "ca", ca));
    curl_easy_setopt(c.easy, CURLOPT_CONNECT_TO, connect_to);
    snprintf(url, sizeof(url), "https://%s", host);
    assert_int_equal(curl_client_get(&c, url, "/"), 200);
    assert_string_equal(c.text, body);
    curl_client_fini(&c);
    curl_slist_free_all(connect_to);
}

static void a_tls_client_reaches_the_backend_that_the_api_server_names(void **state)
{
    struct kubeserve *s = *state;
    struct tls_backend *shop = add_tls_route(s, "web", SHOP);
    struct tls_backend *blog = add_tls_route(s, "www", BLOG);

    kubeserve_start(s, NULL);
    for (unsigned i = 0; i < 4; i++) {
        assert_tls_reaches(s, SHOP, "web\n");
        assert_tls_reaches(s, BLOG, "www\n");
    }
    tls_backend_stop(shop);
    tls_backend_stop(blog);
}

/* ---- changes ---- */

static void an_ingress_that_comes_changes_and_goes_is_followed(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(kubeserve_refuses(s, BLOG));
    kubeserve_put_route(s, "blog", "www", BLOG, s->green);
    assert_true(kubeserve_reaches(s, BLOG, "green"));
    fakeapi_put_ingress(s->api, "blog", "www", "other.blog.test", "www");
    assert_true(kubeserve_reaches(s, "other.blog.test", "green"));
    assert_true(kubeserve_refuses(s, BLOG));
    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "blog", "www");
    assert_true(kubeserve_refuses(s, "other.blog.test"));
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
}

static bool has_no_endpoint(const struct kubeserve *s, const char *host)
{
    char page[128];

    snprintf(page, sizeof(page), "/explain?name=%s", host);
    return kubeserve_says(s, page, 200, "internal_error");
}

static void slices_and_services_that_come_change_and_go_are_followed(void **state)
{
    struct kubeserve *s = *state;
    struct netaddr green = name_backend_addr(s->green);

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    kubeserve_put_slice(s, "shop", "web", &green);
    assert_true(kubeserve_reaches(s, SHOP, "green"));
    fakeapi_delete(s->api, FAKEAPI_ENDPOINTSLICES, "shop", "web-1");
    assert_true(has_no_endpoint(s, SHOP));
    kubeserve_put_slice(s, "shop", "web", &green);
    assert_true(kubeserve_reaches(s, SHOP, "green"));
    fakeapi_delete(s->api, FAKEAPI_SERVICES, "shop", "web");
    assert_true(has_no_endpoint(s, SHOP));
    fakeapi_put_service(s->api, "shop", "web");
    assert_true(kubeserve_reaches(s, SHOP, "green"));
}

static void a_class_that_goes_takes_its_routes_with_it(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    fakeapi_delete(s->api, FAKEAPI_INGRESSCLASSES, "", "sealway");
    assert_true(kubeserve_refuses(s, SHOP));
    fakeapi_put_class(s->api, "sealway", "sealway.io/ingress-controller");
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
}

/* ---- readiness ---- */

static bool is_held(void *ctx)
{
    const struct kubeserve *s = ctx;

    return fakeapi_held(s->api) == 1;
}

static void nothing_is_accepted_before_everything_is_listed(void **state)
{
    static const enum fakeapi_resource kinds[] = {FAKEAPI_INGRESSES, FAKEAPI_INGRESSCLASSES,
                                                  FAKEAPI_SERVICES, FAKEAPI_ENDPOINTSLICES};
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct fakeapi_match list = {.verb = FAKEAPI_LIST, .resource = kinds[i]};

        fakeapi_script(s->api, &list, 1, &(struct fakeapi_answer){.held = true});
        kubeserve_start_unready(s, NULL);
        assert_true(wait_until(is_held, s, KUBESERVE_MS));
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            assert_true(kinds[k] == kinds[i] || fakeapi_wait_watches(s->api, kinds[k], 1));
        }
        assert_int_equal(http_status(&s->admin, "/healthz"), 200);
        assert_true(kubeserve_stays_closed(s));
        fakeapi_release(s->api);
        assert_true(kubeserve_says(s, "/readyz", 200, "ok"));
        assert_true(kubeserve_reaches(s, SHOP, "blue"));
        kubeserve_end(s);
    }
}

static void a_cluster_without_a_single_object_is_ready(void **state)
{
    struct kubeserve *s = *state;

    fakeapi_delete(s->api, FAKEAPI_INGRESSCLASSES, "", "sealway");
    kubeserve_start(s, NULL);
    assert_true(kubeserve_says(s, "/readyz", 200, "ok"));
    assert_true(kubeserve_refuses(s, SHOP));
}

/* ---- what operators see ---- */

#define OF(resource) "{resource=\"" resource "\"}"

static void the_metrics_tell_objects_events_and_when(void **state)
{
    static const char *const resources[] = {"ingresses", "ingressclasses", "services",
                                            "endpointslices"};
    struct kubeserve *s = *state;
    double last;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        char sample[96];

        snprintf(sample, sizeof(sample), "sealway_kube_objects{resource=\"%s\"}", resources[i]);
        assert_true(kubeserve_metric(s, sample) == 1);
        snprintf(sample, sizeof(sample), "sealway_kube_synced{resource=\"%s\"}", resources[i]);
        assert_true(kubeserve_metric(s, sample) == 1);
    }
    assert_true(kubeserve_metric(s, "sealway_kube_objects" OF("endpoints")) == -1);
    assert_true(kubeserve_metric(s, "sealway_kube_watch_events_total" OF("services")) == 0);
    fakeapi_put_service(s->api, "shop", "more");
    fakeapi_put_service(s->api, "shop", "more");
    fakeapi_delete(s->api, FAKEAPI_SERVICES, "shop", "more");
    fakeapi_put_service(s->api, "shop", "other");
    assert_true(kubeserve_says(s, "/metrics", 200,
                               "\nsealway_kube_watch_events_total" OF("services") " 4\n"));
    assert_true(kubeserve_metric(s, "sealway_kube_objects" OF("services")) == 2);
    assert_true(kubeserve_metric(s, "sealway_kube_relists_total" OF("services")) == 0);
    assert_true(kubeserve_metric(s, "sealway_kube_watch_errors_total" OF("services")) == 0);
    last = kubeserve_metric(s, "sealway_kube_watch_last_event_timestamp_seconds" OF("services"));
    assert_true(last > (double)time(NULL) - 60 && last < (double)time(NULL) + 1);
    assert_true(kubeserve_metric(s, "sealway_config_age_seconds") < 60);
}

static void routes_and_explain_name_the_objects_of_the_api_server(void **state)
{
    struct kubeserve *s = *state;
    char command[128];

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    fakeapi_put_ingress(s->api, "shop", "lost", "lost.shop.test", "nothing");
    kubeserve_start(s, NULL);
    snprintf(command, sizeof(command), "routes --admin 127.0.0.1:%u 2>&1", s->admin.port);
    assert_int_equal(command_run(command), 0);
    command_says("\nweb.shop.test    shop        web       web:443        1/1         0\n");
    command_says("ServiceNotFound");
    snprintf(command, sizeof(command), "explain " SHOP " --admin 127.0.0.1:%u 2>&1", s->admin.port);
    assert_int_equal(command_run(command), 0);
    command_says("route: host " SHOP ", ingress shop/web, service web:443,");
    command_is_silent_about(":0:");
    snprintf(command, sizeof(command), "explain lost.shop.test --admin 127.0.0.1:%u 2>&1",
             s->admin.port);
    assert_int_equal(command_run(command), 0); /* its host is claimed, and answered by an error */
    command_says("\n  none: ServiceNotFound: there is no Service shop/nothing; create it");
    command_is_silent_about(":0:");
    command_is_silent_about("()");
    assert_int_equal(kubeserve_logged(s, ":0:"), 0);
}

static int setup_commands(void **state)
{
    command_setup(NULL);
    return kubeserve_setup(state);
}

static int teardown_commands(void **state)
{
    command_teardown(NULL);
    return kubeserve_teardown(state);
}

#define IT(test) cmocka_unit_test_setup_teardown(test, kubeserve_setup, kubeserve_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(a_tls_client_reaches_the_backend_that_the_api_server_names),
        IT(an_ingress_that_comes_changes_and_goes_is_followed),
        IT(slices_and_services_that_come_change_and_go_are_followed),
        IT(a_class_that_goes_takes_its_routes_with_it),
        IT(nothing_is_accepted_before_everything_is_listed),
        IT(a_cluster_without_a_single_object_is_ready),
        IT(the_metrics_tell_objects_events_and_when),
        cmocka_unit_test_setup_teardown(routes_and_explain_name_the_objects_of_the_api_server,
                                        setup_commands, teardown_commands),
    };

    if (!kubeserve_enter_net()) {
        print_message("             skip kube_serve: no network namespace of its own\n");
        return 0;
    }
    return cmocka_run_group_tests_name("kube_serve", tests, NULL, NULL);
}
