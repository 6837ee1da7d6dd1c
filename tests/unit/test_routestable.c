#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/routespage.h"
#include "route/registry.h"
#include "support/explained.h"
#include "support/objects.h"

#define WEB SERVED("shop", "web", "10.0.0.1")

static const char *table_of(struct explained *e)
{
    const struct routespage page = {
        .table = e->t.table, .report = e->q.report, .now_ms = e->q.now_ms, .wall = e->q.wall};

    e->out.len = 0;
    assert_int_equal(routespage_table(&page, &e->out), 0);
    return explained_text(e);
}

static void columns_are_as_wide_as_what_stands_in_them(void **state)
{
    static const char *const shop[] = {"shop"};
    struct translate_config cfg = translated_config();
    struct explained e;

    (void)state;
    cfg.catch_all = shop;
    cfg.n_catch_all = 1;
    explained_make(
        &e, &cfg,
        OUR_CLASS WEB INGRESS("shop", "a-long-name", CREATED("2024-01-01T00:00:00Z"),
                              OURS "defaultBackend: " BACKEND("web", "number: 443") ", " RULES(
                                  HOST("a.shop.test", "web", "number: 443") ", " HOST(
                                      "b.shop.test", "gone", "number: 443")))
            INGRESS("thief", "j", "", OURS RULES(HOST("a.shop.test", "web", "number: 443"))));
    assert_string_equal(
        table_of(&e),
        "HOST          NAMESPACE   INGRESS       SERVICE:PORT   ENDPOINTS   ACTIVE   NOTES\n"
        "(any)         shop        a-long-name   web:443        1/1         0\n"
        "a.shop.test   shop        a-long-name   web:443        1/1         0        1 claim lost\n"
        "b.shop.test   shop        a-long-name   gone:443       0/0         0        no endpoint, "
        "ServiceNotFound\n"
        "3 routes, generation 1, published 2024-01-01T00:00:00Z, 5m 3s ago; 0 errors, 3 "
        "warnings\n");
    explained_free(&e);
}

static void notes_tell_what_an_operator_should_see(void **state)
{
    const struct pool *pool;
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) HTTPS_SLICE(
                       "shop", "w", "web",
                       ENDPOINT("10.0.0.1", "ready: false, serving: true, terminating: true"))
                       INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    explained_ask(&e, "a.test");
    pool = e.x.pool;
    atomic_store(&endpoint_state(&pool->endpoints[0])->skip_until_ms, e.q.now_ms + 2500);
    registry_route_enter(e.x.route->state, 0);
    assert_non_null(strstr(table_of(&e), " 0/1         1        all terminating, 1 skipped\n"));
    registry_route_leave(e.x.route->state, 0);
    explained_free(&e);
}

static void the_same_backend_once_more_is_no_lost_claim(void **state)
{
    struct explained e;

    (void)state;
    explained_make(
        &e, NULL,
        OUR_CLASS WEB INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443")))
            INGRESS("shop", "j", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    explained_ask(&e, "a.test");
    assert_int_equal(e.x.route->n_lost, 1);
    assert_null(strstr(table_of(&e), "lost"));
    explained_free(&e);
}

#define LONG "a-host-name-that-is-much-longer-than-what-is-usual"

static void a_cell_wider_than_its_column_shifts_only_its_own_line(void **state)
{
    struct explained e;
    const char *text;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS WEB INGRESS(
                       "shop", "i", "",
                       OURS RULES(HOST(LONG "." LONG ".test", "web",
                                       "number: 443") ", " HOST("b.test", "web", "number: 443"))));
    text = table_of(&e);
    assert_non_null(strstr(text, "HOST     NAMESPACE"));
    assert_non_null(strstr(text, "\nb.test   shop "));
    assert_non_null(strstr(text, ".test   shop "));
    explained_free(&e);
}

static void a_table_without_routes_has_a_head_and_a_sum(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    e.q.report = NULL;
    assert_string_equal(table_of(&e),
                        "HOST   NAMESPACE   INGRESS   SERVICE:PORT   ENDPOINTS   ACTIVE   NOTES\n"
                        "0 routes, generation 1\n");
    explained_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_what_stands_in_them),
        cmocka_unit_test(notes_tell_what_an_operator_should_see),
        cmocka_unit_test(the_same_backend_once_more_is_no_lost_claim),
        cmocka_unit_test(a_cell_wider_than_its_column_shifts_only_its_own_line),
        cmocka_unit_test(a_table_without_routes_has_a_head_and_a_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
