/*
 * An API server that is not there: at the start, for a while, for good.  The program lives, says
 * so, serves what it knows, goes on where it was, and ends in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support/http_ask.h"
#include "support/kubeserve.h"
#include "support/traffic.h"
#include "support/wait_until.h"

#define SHOP      "web.shop.test"
#define BLOG      "www.blog.test"
#define PROMPT_MS 5000u
#define NO_RELIST "\nsealway_kube_relists_total{resource=\"ingresses\"} 0\n"

static void it_waits_for_an_api_server_that_is_not_there_yet(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    fakeapi_listen(s->api, false);
    kubeserve_start_unready(s, NULL);
    assert_true(kubeserve_logs(s, "the API server does not answer; nothing is served before "
                                  "everything was read once\" request=\"list "));
    assert_true(kubeserve_logs(s, "Connection refused"));
    assert_int_equal(http_status(&s->admin, "/healthz"), 200);
    assert_true(kubeserve_metric(s, "sealway_kube_synced{resource=\"services\"}") == 0);
    assert_true(kubeserve_stays_closed(s));
    fakeapi_listen(s->api, true);
    assert_true(kubeserve_says(s, "/readyz", 200, "[+]objects ok"));
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(kubeserve_logs(s, "the API server answers again"));
    assert_int_equal(kubeserve_logged(s, "the API server does not answer"), 1);
    assert_int_equal(kubeserve_logged(s, "level=warn"), 1);
}

static bool is_old(void *ctx)
{
    return kubeserve_metric(ctx, "sealway_config_age_seconds") > 2;
}

static bool is_young(void *ctx)
{
    return kubeserve_metric(ctx, "sealway_config_age_seconds") < 1;
}

static void its_routes_outlive_the_api_server_and_watches_go_on_where_they_were(void **state)
{
    struct kubeserve *s = *state;
    struct traffic_report report;
    struct traffic *traffic;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    traffic = traffic_start(&s->addr, 2, SHOP, "blue");
    fakeapi_listen(s->api, false);
    fakeapi_drop(s->api, FAKEAPI_RST);
    assert_true(wait_until(is_old, s, KUBESERVE_MS));
    assert_int_equal(http_status(&s->admin, "/readyz"), 200);
    assert_true(kubeserve_logs(s, "the API server does not answer; the last routes keep being "
                                  "served"));
    assert_true(kubeserve_metric(s, "sealway_kube_watch_errors_total{resource=\"services\"}") > 0);
    kubeserve_put_route(s, "blog", "www", BLOG, s->green); /* nobody hears it yet */
    fakeapi_listen(s->api, true);
    assert_true(kubeserve_reaches(s, BLOG, "green"));
    assert_true(wait_until(is_young, s, 2 * KUBESERVE_MS));
    assert_true(kubeserve_logs(s, "the API server answers again"));
    assert_int_equal(kubeserve_logged(s, "the API server does not answer"), 1);
    assert_true(kubeserve_says(s, "/metrics", 200, NO_RELIST));
    assert_int_equal(fakeapi_requests(s->api, &(struct fakeapi_match){.verb = FAKEAPI_LIST}), 4);
    traffic_stop(traffic, &report);
    assert_int_equal(report.failed, 0);
    assert_true(report.asked > 0);
}

static void a_history_that_is_lost_is_mended_by_a_list(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(fakeapi_wait_watches(s->api, FAKEAPI_INGRESSES, 1));
    fakeapi_listen(s->api, false);
    fakeapi_drop(s->api, FAKEAPI_RST);
    kubeserve_put_route(s, "blog", "www", BLOG, s->green);
    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "web");
    fakeapi_compact(s->api);
    fakeapi_listen(s->api, true);
    assert_true(kubeserve_reaches(s, BLOG, "green"));
    assert_true(kubeserve_refuses(s, SHOP));
    assert_true(kubeserve_says(s, "/metrics", 200,
                               "\nsealway_kube_relists_total{resource=\"ingresses\"} 1\n"));
}

/* ---- the end ---- */

static void assert_ends_by_sigterm(struct kubeserve *s)
{
    sealway_signal(s->program, SIGTERM);
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
}

static bool hangs(void *ctx)
{
    const struct kubeserve *s = ctx;

    return fakeapi_held(s->api) >= 4;
}

static void it_ends_in_time_while_requests_hang(void **state)
{
    struct kubeserve *s = *state;

    fakeapi_script(s->api, &(struct fakeapi_match){0}, 0, &(struct fakeapi_answer){.held = true});
    kubeserve_start_unready(s, NULL);
    assert_true(wait_until(hangs, s, KUBESERVE_MS));
    assert_ends_by_sigterm(s);
    fakeapi_unscript(s->api);
}

static void it_ends_in_time_while_its_watches_are_open(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_start(s, NULL);
    for (int i = FAKEAPI_INGRESSES; i <= FAKEAPI_SERVICES; i++) {
        assert_true(fakeapi_wait_watches(s->api, (enum fakeapi_resource)i, 1));
    }
    fakeapi_freeze(s->api, true);
    assert_ends_by_sigterm(s);
    fakeapi_freeze(s->api, false);
}

static void it_ends_in_time_while_an_api_server_is_not_there(void **state)
{
    static const char *const args[] = {"--drain-delay", "60s", NULL}; /* for who was ready */
    struct kubeserve *s = *state;

    fakeapi_listen(s->api, false);
    kubeserve_start_unready(s, args);
    assert_true(kubeserve_logs(s, "Connection refused"));
    assert_ends_by_sigterm(s);
}

static void it_ends_in_time_however_early_it_is_told(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_start_unready(s, NULL); /* addresses are known, threads start just now */
    assert_ends_by_sigterm(s);
}

#define IT(test) cmocka_unit_test_setup_teardown(test, kubeserve_setup, kubeserve_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(it_waits_for_an_api_server_that_is_not_there_yet),
        IT(its_routes_outlive_the_api_server_and_watches_go_on_where_they_were),
        IT(a_history_that_is_lost_is_mended_by_a_list),
        IT(it_ends_in_time_while_requests_hang),
        IT(it_ends_in_time_while_its_watches_are_open),
        IT(it_ends_in_time_while_an_api_server_is_not_there),
        IT(it_ends_in_time_however_early_it_is_told),
    };

    if (!kubeserve_enter_net()) {
        print_message("             skip kube_serve_away: no network namespace of its own\n");
        return 0;
    }
    return cmocka_run_group_tests_name("kube_serve_away", tests, NULL, NULL);
}
