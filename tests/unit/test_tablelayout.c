#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../src/route/table_priv.h"
#include "registry_fixture.h"
#include "route_fixture.h"
#include "support/failalloc.h"

/* The frozen table of a builder with at least these claims. */
static struct table *freeze(struct table_builder *b)
{
    struct table *t;

    assert_non_null(b);
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    t = table_builder_freeze(b, 1);
    table_builder_free(b);
    assert_non_null(t);
    return t;
}

static void a_table_takes_what_it_needs(void **state)
{
    const struct wish wishes[] = {
        {.host = "a.test", .ingress = "one", .created_s = 1},
        {.host = "a.test", .ingress = "two", .created_s = 2, .service = "other"},
        {.host = "b.test", .ingress = "a-rather-long-name-of-an-ingress"},
    };
    struct table *t = freeze(fixture_builder(registry, wishes, ARRAY_LEN(wishes)));
    size_t need = sizeof(struct table) + sizeof(struct table_names) + sizeof(struct poolpage *) +
                  sizeof(struct poolpage) + 2 * sizeof(struct route) + sizeof(struct pool) +
                  tableindex_slots_for(2) * sizeof(struct table_slot) +
                  2 * tableindex_slots_for(1) * sizeof(uint32_t) + 2 * sizeof(struct poollink) +
                  sizeof(struct endpoint) + sizeof(struct claim_lost) + sizeof("shop") +
                  sizeof("two") + sizeof("other") + sizeof("https");

    (void)state;
    assert_in_range(table_bytes(t), need, need + 160); /* the chunk's head and alignment */
    assert_true(fixture_drop(t));
}

static void what_nobody_won_with_takes_no_room(void **state)
{
    const struct wish wish = {.host = "a.test"};
    struct table *lean = freeze(fixture_builder(registry, &wish, 1));
    struct table_builder *b = fixture_builder(registry, &wish, 1);
    struct table *t;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char service[32];

        (void)snprintf(service, sizeof(service), "unused-%d", i);
        assert_non_null(fixture_pool(b, &(struct wish){.service = service}));
    }
    t = freeze(b);
    assert_int_equal(table_bytes(t), table_bytes(lean));
    assert_true(fixture_drop(t));
    assert_true(fixture_drop(lean));
}

static void losing_pools_get_no_states(void **state)
{
    const struct wish wishes[] = {
        {.host = "a.test", .ingress = "one", .created_s = 1, .endpoint = "192.0.2.1:443"},
        {.host = "a.test",
         .ingress = "two",
         .created_s = 2,
         .service = "other",
         .endpoint = "192.0.2.2:443"},
    };
    struct table *t = freeze(fixture_builder(registry, wishes, ARRAY_LEN(wishes)));

    (void)state;
    assert_int_equal(t->n_pools, 1);
    assert_int_equal(t->n_endpoints, 1);
    assert_true(fixture_drop(t));
    assert_int_equal(registry_sweep(registry), 2);
}

static void endpoints_are_sorted_by_address(void **state)
{
    static const char *const texts[] = {"192.0.2.9:1", "[2001:db8::2]:1", "192.0.2.1:9",
                                        "192.0.2.1:1", "[2001:db8::1]:1", "198.51.100.1:1"};
    struct table_builder *b = table_builder_new(registry);
    struct builder_pool *pool;
    const struct pool *sorted;
    struct table *t;
    bool is_new;

    (void)state;
    assert_non_null(b);
    pool = table_builder_pool(b, "shop", "svc", "https", &is_new);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct netaddr a;

        assert_int_equal(netaddr_parse(texts[i], &a), 0);
        assert_int_equal(table_builder_endpoint(b, pool, &a, false), 0);
    }
    assert_int_equal(fixture_claim(b, &(struct wish){.host = "a.test"}), 0);
    t = freeze(b);
    assert_int_equal(t->n_endpoints, ARRAY_LEN(texts));
    sorted = fixture_pool_of(t, "a.test");
    for (size_t i = 1; i < sorted->n_endpoints; i++) {
        assert_true(netaddr_compare(endpoint_addr(&sorted->endpoints[i - 1]),
                                    endpoint_addr(&sorted->endpoints[i])) < 0);
    }
    assert_true(fixture_drop(t));
}

static void look_ups_and_counts_share_no_cache_line(void **state)
{
    (void)state;
    assert_true(offsetof(struct table, refs) >= offsetof(struct table, n_routes) + 64);
}

static void freeze_in_want(void *ctx)
{
    const struct wish wishes[] = {
        {.host = "a.test", .ingress = "one", .created_s = 1},
        {.host = "a.test", .ingress = "two", .created_s = 2, .service = "other"},
        {.host = "b.test", .endpoint = "192.0.2.9:443"},
    };

    (void)ctx;
    /* Whatever is not NULL is whole: dropping it walks over every route and endpoint. */
    assert_true(fixture_drop(fixture_table(registry, wishes, ARRAY_LEN(wishes))));
    (void)registry_sweep(registry);
}

static void without_memory_for_a_part_there_is_no_table(void **state)
{
    (void)state;
    assert_true(failalloc_torture(freeze_in_want, NULL) > 20);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_table_takes_what_it_needs),
        TEST(what_nobody_won_with_takes_no_room),
        TEST(losing_pools_get_no_states),
        TEST(endpoints_are_sorted_by_address),
        cmocka_unit_test(look_ups_and_counts_share_no_cache_line),
        TEST(without_memory_for_a_part_there_is_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
