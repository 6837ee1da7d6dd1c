#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/routespage.h"
#include "model/object.h"
#include "route/registry.h"
#include "support/explained.h"
#include "support/json_path.h"
#include "support/objects.h"

#define WEB SERVED("shop", "web", "10.0.0.1")

/* The page, parsed; the caller deletes it. */
static cJSON *page_of(struct explained *e)
{
    const struct routespage page = {
        .table = e->t.table, .report = e->q.report, .now_ms = e->q.now_ms, .wall = e->q.wall};
    cJSON *tree;

    e->out.len = 0;
    assert_int_equal(routespage_json(&page, &e->out), 0);
    tree = cJSON_Parse(explained_text(e));
    assert_non_null(tree);
    return tree;
}

static void assert_text(const cJSON *t, const char *path, const char *text)
{
    assert_string_equal(json_path_text(t, path), text);
}

static void routes_that_share_a_pool_point_to_one(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS WEB SERVED("shop", "api", "10.0.0.2")
                       INGRESS("shop", "i", "",
                               OURS RULES(HOST("a.test", "api", "number: 443") ", " HOST(
                                   "b.test", "web", "number: 443") ", " HOST("c.test", "web",
                                                                             "name: https"))));
    t = page_of(&e);
    assert_int_equal(json_path_count(t, "routes"), 3);
    assert_int_equal(json_path_count(t, "pools"), 2);
    assert_text(t, "routes.0.host", "a.test");
    assert_text(t, "routes.0.namespace", "shop");
    assert_text(t, "routes.0.ingress", "i");
    assert_text(t, "routes.0.service", "api");
    assert_text(t, "routes.0.port", "443");
    assert_int_equal(json_path_number(t, "routes.1.pool"), json_path_number(t, "routes.2.pool"));
    assert_int_not_equal(json_path_number(t, "routes.0.pool"),
                         json_path_number(t, "routes.1.pool"));
    assert_int_equal(json_path_number(t, "routes.1.ready"), 1);
    assert_text(t, json_path_number(t, "routes.1.pool") ? "pools.1.service" : "pools.0.service",
                "web");
    cJSON_Delete(t);
    explained_free(&e);
}

static void endpoints_are_told_with_their_state(void **state)
{
    const struct endpoint *endpoint;
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) HTTPS_SLICE(
                       "shop", "w", "web",
                       ENDPOINT("10.0.0.1", "ready: false, serving: true, terminating: true"))
                       INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    explained_ask(&e, "a.test");
    endpoint = &e.x.pool->endpoints[0];
    atomic_store(&endpoint_state(endpoint)->skip_until_ms, e.q.now_ms + 2500);
    registry_endpoint_enter(endpoint_state(endpoint), 0);
    registry_route_enter(e.x.route->state, 0);
    t = page_of(&e);
    assert_int_equal(json_path_number(t, "routes.0.active"), 1);
    assert_int_equal(json_path_number(t, "routes.0.ready"), 0);
    assert_int_equal(json_path_number(t, "routes.0.terminating"), 1);
    assert_int_equal(json_path_number(t, "routes.0.skipped"), 1);
    assert_text(t, "pools.0.endpoints.0.address", "10.0.0.1:8443");
    assert_text(t, "pools.0.endpoints.0.state", "terminating");
    assert_int_equal(json_path_number(t, "pools.0.endpoints.0.active"), 1);
    assert_int_equal(json_path_number(t, "pools.0.endpoints.0.skipped_for_seconds"), 3);
    assert_true(cJSON_IsNull(json_path_at(t, "pools.0.fault")));
    registry_endpoint_leave(endpoint_state(endpoint), 0);
    registry_route_leave(e.x.route->state, 0);
    cJSON_Delete(t);
    explained_free(&e);
}

static void losers_faults_and_rejections_are_told(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS INGRESS("shop", "i", CREATED("2024-01-01T00:00:00Z"),
                                     OURS RULES(HOST("a.test", "web", "number: 443")))
                       INGRESS("thief", "j", "", OURS RULES(HOST("a.test", "loot", "name: https")))
                           INGRESS("blog", "k", "",
                                   OF_CLASS("gone") RULES(HOST("b.test", "web", "number: 443"))));
    t = page_of(&e);
    assert_text(t, "routes.0.lost.0.namespace", "thief");
    assert_text(t, "routes.0.lost.0.ingress", "j");
    assert_text(t, "routes.0.lost.0.service", "loot");
    assert_text(t, "routes.0.lost.0.port", "https");
    assert_text(t, "routes.0.lost.0.reason", "other_namespace");
    assert_text(t, "pools.0.fault.reason", "ServiceNotFound");
    assert_int_equal(json_path_count(t, "rejected"), 3); /* a note is none */
    assert_text(t, "rejected.0.name", "i");
    assert_text(t, "rejected.0.severity", "warning");
    assert_text(t, "rejected.0.file", "test.yaml");
    assert_int_equal(json_path_number(t, "rejected_left_out"), 0);
    cJSON_Delete(t);
    explained_free(&e);
}

static void the_age_is_that_of_the_table(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    t = page_of(&e);
    assert_int_equal(json_path_number(t, "generation"), 1);
    assert_text(t, "published", "2024-01-01T00:00:00Z");
    assert_int_equal(json_path_number(t, "age_seconds"), 303);
    assert_int_equal(json_path_count(t, "routes"), 0);
    assert_int_equal(json_path_count(t, "pools"), 0);
    cJSON_Delete(t);
    e.q.report = NULL;
    t = page_of(&e);
    assert_true(cJSON_IsNull(json_path_at(t, "published")));
    assert_true(cJSON_IsNull(json_path_at(t, "age_seconds")));
    assert_int_equal(json_path_count(t, "rejected"), 0);
    cJSON_Delete(t);
    explained_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_that_share_a_pool_point_to_one),
        cmocka_unit_test(endpoints_are_told_with_their_state),
        cmocka_unit_test(losers_faults_and_rejections_are_told),
        cmocka_unit_test(the_age_is_that_of_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
