#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "../../src/app/routepools_priv.h"
#include "route/registry.h"
#include "support/explained.h"
#include "support/failalloc.h"
#include "support/objects.h"

static struct routespage page_of(const struct explained *e)
{
    return (struct routespage){.table = e->t.table, .report = e->q.report, .now_ms = e->q.now_ms};
}

static void a_table_without_routes_has_no_pools(void **state)
{
    struct routepools all;
    struct routespage page;
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    page = page_of(&e);
    assert_int_equal(routepools_init(&all, &page), 0);
    assert_int_equal(all.n, 0);
    routepools_fini(&all);
    explained_free(&e);
}

static void each_pool_is_there_once_and_found_for_all_its_routes(void **state)
{
    struct routepools all;
    struct routespage page;
    struct explained e;
    const struct route *routes;
    size_t n;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                       INGRESS("shop", "i", "",
                               OURS RULES(HOST("a.test", "web", "number: 443") ", " HOST(
                                   "b.test", "gone", "number: 443") ", " HOST("c.test", "web",
                                                                              "number: 443"))));
    page = page_of(&e);
    routes = table_routes(e.t.table, &n);
    atomic_store(&endpoint_state(&table_pool(e.t.table, &routes[0])->endpoints[0])->skip_until_ms,
                 page.now_ms + 1);
    assert_int_equal(routepools_init(&all, &page), 0);
    assert_int_equal(all.n, 2);
    assert_ptr_equal(routepools_of(&all, &routes[0]), routepools_of(&all, &routes[2]));
    assert_ptr_equal(routepools_of(&all, &routes[1])->pool, table_pool(e.t.table, &routes[1]));
    assert_int_equal(routepools_of(&all, &routes[0])->ready, 1);
    assert_int_equal(routepools_of(&all, &routes[0])->skipped, 1);
    assert_null(routepools_of(&all, &routes[0])->fault);
    assert_string_equal(routepools_of(&all, &routes[1])->fault->reason, "ServiceNotFound");
    routepools_fini(&all);
    page.report = NULL;
    assert_int_equal(routepools_init(&all, &page), 0);
    assert_null(routepools_of(&all, &routes[1])->fault);
    routepools_fini(&all);
    explained_free(&e);
}

static void list_in_want(void *ctx)
{
    const struct routespage *page = ctx;
    struct routepools all;
    int rc = routepools_init(&all, page);

    assert_true(rc == 0 || rc == -ENOMEM);
    routepools_fini(&all);
}

static void without_memory_there_are_no_pools(void **state)
{
    struct routespage page;
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                       INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    page = page_of(&e);
    assert_true(failalloc_torture(list_in_want, &page) >= 1);
    explained_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_without_routes_has_no_pools),
        cmocka_unit_test(each_pool_is_there_once_and_found_for_all_its_routes),
        cmocka_unit_test(without_memory_there_are_no_pools),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
