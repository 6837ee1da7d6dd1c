#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/routegroups.h"

#include <string.h>

#include "base/attr.h"
#include "support/failalloc.h"

static struct route_totals totals[4];

static struct routegroups_row rows[] = {
    {"b", "shop", "web", &totals[0], false},
    {"a", "shop", "web", &totals[1], false},
    {"a", "shop", "api", &totals[2], false},
    {"", "", "", &totals[3], true},
};

static int setup(void **state)
{
    (void)state;
    memset(totals, 0, sizeof(totals));
    for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
        totals[i].received_bytes = (uint64_t)1 << (8 * i);
        totals[i].denied[DENIED_NO_ENDPOINTS] = i + 1;
    }
    return 0;
}

static void assert_group(const struct routegroup *g, const char *labels, uint64_t received)
{
    assert_int_equal(g->labels.len, strlen(labels));
    assert_memory_equal(g->labels.text, labels, g->labels.len);
    assert_int_equal(g->totals->received_bytes, received);
}

static void rows_alike_in_the_names_a_metric_has_are_one(void **state)
{
    struct routegroups g;

    (void)state;
    assert_int_equal(routegroups_init(&g, rows, ARRAY_LEN(rows), ROUTEGROUPS_ROUTE), 0);
    assert_int_equal(g.n, 3);
    assert_group(&g.groups[0], "namespace=\"\",route=\"\"", 0x1000000);
    assert_group(&g.groups[1], "namespace=\"a\",route=\"shop\"", 0x10100);
    assert_int_equal(g.groups[1].totals->denied[DENIED_NO_ENDPOINTS], 2 + 3);
    assert_group(&g.groups[2], "namespace=\"b\",route=\"shop\"", 1);
    routegroups_fini(&g);
}

static void each_metric_has_its_own_names(void **state)
{
    struct routegroups g;

    (void)state;
    assert_int_equal(routegroups_init(&g, rows, ARRAY_LEN(rows), ROUTEGROUPS_SERVICE), 0);
    assert_int_equal(g.n, 4);
    assert_group(&g.groups[1], "namespace=\"a\",service=\"api\"", 0x10000);
    routegroups_fini(&g);
    assert_int_equal(routegroups_init(&g, rows, ARRAY_LEN(rows), ROUTEGROUPS_ROUTE_SERVICE), 0);
    assert_int_equal(g.n, 4);
    assert_group(&g.groups[3], "namespace=\"b\",route=\"shop\",service=\"web\"", 1);
    routegroups_fini(&g);
}

static void the_process_own_row_stays_known(void **state)
{
    struct routegroups g;

    (void)state;
    assert_int_equal(routegroups_init(&g, rows, ARRAY_LEN(rows), ROUTEGROUPS_ROUTE), 0);
    assert_true(g.groups[0].is_process);
    assert_false(g.groups[1].is_process);
    routegroups_fini(&g);
}

static void no_rows_are_no_groups(void **state)
{
    struct routegroups g;

    (void)state;
    assert_int_equal(routegroups_init(&g, rows, 0, ROUTEGROUPS_ROUTE), 0);
    assert_int_equal(g.n, 0);
    routegroups_fini(&g);
}

static void group_all(void *ctx)
{
    struct routegroups g;

    (void)ctx;
    (void)!routegroups_init(&g, rows, ARRAY_LEN(rows), ROUTEGROUPS_ROUTE);
    routegroups_fini(&g);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    failalloc_torture(group_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rows_alike_in_the_names_a_metric_has_are_one, setup),
        cmocka_unit_test_setup(each_metric_has_its_own_names, setup),
        cmocka_unit_test_setup(the_process_own_row_stays_known, setup),
        cmocka_unit_test_setup(no_rows_are_no_groups, setup),
        cmocka_unit_test_setup(running_out_of_memory_leaks_nothing, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
