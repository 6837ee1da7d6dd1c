#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "poolrow.h"
#include "registry_fixture.h"
#include "support/failalloc.h"

/* So many pools of two endpoints each. */
static struct poolrow row_of(unsigned n)
{
    struct poolrow row = {.n = n};

    for (unsigned i = 0; i < n; i++) {
        row.fills[i].n = 2;
    }
    return row;
}

static struct table *whole(const struct poolrow *row)
{
    struct table *t = poolrow_table(registry, row);

    assert_non_null(t);
    return t;
}

/* The table that comes of `base` by these pools of the row; NULL when none does. */
static struct table *amended(struct table *base, const struct poolrow *row, const unsigned places[],
                             size_t n)
{
    struct table *t = base;

    assert_int_equal(poolrow_amend(registry, base, row, places, n, &t), 0);
    assert_true(t != base);
    return t;
}

static void assert_same_pool(const struct pool *a, const struct pool *b)
{
    assert_string_equal(a->ns, b->ns);
    assert_string_equal(a->service, b->service);
    assert_string_equal(a->port, b->port);
    assert_int_equal(a->n_endpoints, b->n_endpoints);
    for (uint32_t i = 0; i < a->n_endpoints; i++) {
        assert_true(
            netaddr_equal(endpoint_addr(&a->endpoints[i]), endpoint_addr(&b->endpoints[i])));
        assert_int_equal(endpoint_is_terminating(&a->endpoints[i]),
                         endpoint_is_terminating(&b->endpoints[i]));
        assert_ptr_equal(endpoint_state(&a->endpoints[i]), endpoint_state(&b->endpoints[i]));
    }
}

/* A table is what one of the whole row is. */
static void assert_as_whole(const struct table *t, const struct poolrow *row)
{
    struct table *want = whole(row);

    assert_true(table_digest(t) == table_digest(want));
    assert_int_equal(table_endpoints(t), table_endpoints(want));
    assert_int_equal(t->n_pools, want->n_pools);
    assert_int_equal(t->n_pages, want->n_pages);
    for (size_t i = 0; i < t->n_pools; i++) {
        assert_same_pool(table_pool_at(t, i), table_pool_at(want, i));
    }
    for (unsigned i = 0; i < row->n; i++) {
        char host[24];

        (void)snprintf(host, sizeof(host), "h%03u.test", i);
        assert_same_pool(fixture_pool_of(t, host), table_pool_at(want, i));
    }
    assert_true(fixture_drop(want));
}

/* The pages at which two tables differ are those with a bit. */
static void assert_pages(const struct table *a, const struct table *b, unsigned bits)
{
    assert_ptr_equal(a->names, b->names);
    assert_int_equal(a->n_pages, b->n_pages);
    for (size_t i = 0; i < a->n_pages; i++) {
        bool differs = (bits >> i & 1) != 0;

        assert_true((a->pages[i] != b->pages[i]) == differs);
        assert_int_equal(a->pages[i]->tables, differs ? 1 : 2);
        assert_int_equal(b->pages[i]->tables, differs ? 1 : 2);
    }
}

static void one_pool_costs_its_page_and_no_other(void **state)
{
    const unsigned sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, POOLROW_MAX};

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        const unsigned places[] = {0, 62, 63, 64, 127, 128, sizes[s] - 1};

        for (size_t p = 0; p < ARRAY_LEN(places); p++) {
            unsigned place = places[p] < sizes[s] ? places[p] : 0;
            struct poolrow row = row_of(sizes[s]);
            struct table *base = whole(&row), *t;

            row.fills[place].n = 3;
            t = amended(base, &row, &place, 1);
            assert_pages(base, t, 1u << place / POOLPAGE_POOLS);
            assert_int_equal(t->names->tables, 2);
            assert_as_whole(t, &row);
            assert_true(fixture_drop(base));
            assert_as_whole(t, &row);
            assert_true(fixture_drop(t));
        }
    }
}

static void an_amended_table_finds_what_its_base_finds(void **state)
{
    struct poolrow row = row_of(70);
    struct table *base = whole(&row), *t;
    const unsigned place = 66;
    size_t n, n_base;

    (void)state;
    row.fills[66].variant = 1;
    t = amended(base, &row, &place, 1);
    assert_int_equal(table_generation(t), table_generation(base) + 1);
    assert_ptr_equal(table_routes(t, &n), table_routes(base, &n_base));
    assert_int_equal(n, n_base);
    assert_ptr_equal(fixture_lookup(t, "h066.test"), fixture_lookup(base, "h066.test"));
    assert_int_equal(endpoint_addr(&fixture_pool_of(t, "h066.test")->endpoints[0])->port, 444);
    assert_int_equal(endpoint_addr(&fixture_pool_of(base, "h066.test")->endpoints[0])->port, 443);
    assert_null(table_catch_all(t));
    assert_null(fixture_lookup(t, "h070.test"));
    assert_false(table_free_if_unused(t));
    assert_ptr_equal(table_ref(t), t);
    table_unref(t);
    assert_true(fixture_drop(t));
    assert_true(fixture_drop(base));
}

static void a_catch_all_stays_one(void **state)
{
    const struct wish wish = {.host = ""};
    const struct wish moved = {.endpoint = "192.0.2.2:443"};
    struct table *base = fixture_table(registry, &wish, 1), *t = NULL;
    struct table_builder *b = fixture_builder(registry, NULL, 0);

    (void)state;
    assert_non_null(fixture_pool(b, &moved));
    assert_int_equal(table_builder_amend(b, base, 2, &t), 0);
    table_builder_free(b);
    assert_ptr_equal(table_catch_all(t), table_catch_all(base));
    assert_true(table_pool(t, table_catch_all(t)) != table_pool(base, table_catch_all(base)));
    assert_true(fixture_drop(base));
    assert_string_equal(table_catch_all(t)->host, "");
    assert_true(fixture_drop(t));
}

static void every_way_that_a_pool_can_differ_counts(void **state)
{
    static const struct poolrow_fill fills[] = {
        {.n = 0},  {.n = 1}, {.n = 3}, {.n = 2, .variant = 1}, {.n = 2, .terminating = true},
        {.n = 40},
    };
    const unsigned place = 1;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
        struct poolrow row = row_of(3), old = row;
        struct table *base = whole(&row), *t, *back;

        row.fills[1] = fills[i];
        t = amended(base, &row, &place, 1);
        assert_as_whole(t, &row);
        back = amended(t, &old, &place, 1);
        assert_as_whole(back, &old);
        assert_true(table_digest(back) == table_digest(base));
        assert_true(fixture_drop(base));
        assert_true(fixture_drop(back));
        assert_as_whole(t, &row);
        assert_true(fixture_drop(t));
    }
}

static void where_nothing_differs_there_is_no_table(void **state)
{
    struct poolrow row = row_of(130);
    struct table *base = whole(&row), *none = whole(&(struct poolrow){.n = 0});
    const unsigned places[] = {5, 64, 129};

    (void)state;
    assert_null(amended(base, &row, places, 3));
    assert_null(amended(base, &row, places, 0));
    assert_null(amended(none, &row, places, 3)); /* has none of them */
    assert_int_equal(base->names->tables, 1);
    assert_int_equal(base->pages[0]->tables, 1);
    assert_int_equal(endpoint_state(&table_pool_at(base, 5)->endpoints[0])->tables, 1);
    assert_true(fixture_drop(base));
    assert_true(fixture_drop(none));
}

static void the_order_in_which_endpoints_are_told_is_no_difference(void **state)
{
    const struct poolrow row = row_of(1);
    struct table *base = whole(&row), *t = base;
    struct table_builder *b = table_builder_new(registry);
    bool is_new;
    struct builder_pool *pool = table_builder_pool(b, "shop", "s000", "443", &is_new);

    (void)state;
    for (unsigned k = 1; k <= 2; k++) {
        struct netaddr a = poolrow_addr(0, k, 0); /* poolrow tells the second first */

        assert_int_equal(table_builder_endpoint(b, pool, &a, false), 0);
    }
    assert_int_equal(table_builder_amend(b, base, 2, &t), 0);
    assert_null(t);
    table_builder_free(b);
    assert_true(fixture_drop(base));
}

static void pools_that_the_base_has_not_are_left_out(void **state)
{
    struct poolrow small = row_of(3), row = row_of(6);
    struct table *base = whole(&small), *t;
    const unsigned places[] = {5, 1, 3};

    (void)state;
    small.fills[1].n = row.fills[1].n = 1;
    t = amended(base, &row, places, 3);
    assert_as_whole(t, &small);
    assert_true(fixture_drop(t));
    assert_true(fixture_drop(base));
}

static void pools_of_several_pages_and_several_of_one_change_at_once(void **state)
{
    struct poolrow row = row_of(POOLROW_MAX);
    const unsigned places[] = {199, 3, 130, 0, 63, 128, 1, 191};
    struct table *base = whole(&row), *t;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        row.fills[places[i]].n = (unsigned)i;
    }
    row.fills[1].n = 2; /* as it was */
    t = amended(base, &row, places, ARRAY_LEN(places));
    assert_pages(base, t, 1u << 0 | 1u << 2 | 1u << 3);
    assert_as_whole(t, &row);
    assert_true(fixture_drop(t));
    assert_true(fixture_drop(base));
}

static void states_are_held_by_the_pages_that_name_them(void **state)
{
    struct poolrow row = row_of(65);
    struct table *base = whole(&row), *t;
    const struct endpoint_state *here = endpoint_state(&table_pool_at(base, 1)->endpoints[0]);
    const struct endpoint_state *there = endpoint_state(&table_pool_at(base, 64)->endpoints[0]);
    const struct route_state *route = fixture_lookup(base, "h000.test")->state;
    const unsigned place = 0;

    (void)state;
    row.fills[0].n = 1;
    t = amended(base, &row, &place, 1);
    assert_int_equal(here->tables, 2);  /* its page is made anew */
    assert_int_equal(there->tables, 1); /* its page is shared */
    assert_int_equal(route->tables, 1);
    assert_int_equal(registry_sweep(registry), 0);
    assert_true(fixture_drop(base));
    assert_int_equal(here->tables, 1);
    assert_int_equal(there->tables, 1);
    assert_int_equal(route->tables, 1);
    assert_int_equal(registry_sweep(registry), 1); /* the endpoint that is gone */
    assert_true(fixture_drop(t));
    assert_int_equal(registry_sweep(registry), 2 * 65 - 1 + 65);
}

static void a_table_may_go_before_its_base(void **state)
{
    struct poolrow row = row_of(65), old = row;
    struct table *base = whole(&row), *t;
    const unsigned place = 64;

    (void)state;
    row.fills[64].n = 5;
    t = amended(base, &row, &place, 1);
    assert_true(fixture_drop(t));
    assert_int_equal(base->names->tables, 1);
    assert_int_equal(base->pages[0]->tables, 1);
    assert_as_whole(base, &old);
    assert_true(fixture_drop(base));
}

static void the_bytes_of_a_table_include_what_it_shares(void **state)
{
    struct poolrow row = row_of(65);
    struct table *base = whole(&row), *t;
    const unsigned place = 64;
    size_t bytes = table_bytes(base);

    (void)state;
    row.fills[64].n = 12;
    t = amended(base, &row, &place, 1);
    assert_int_equal(table_bytes(base), bytes);
    assert_int_equal(table_bytes(t), table_bytes(base) + 10 * sizeof(struct endpoint));
    assert_true(fixture_drop(base));
    assert_true(fixture_drop(t));
}

/* Change up to five pools of the row at random, and say which. */
static size_t change(struct poolrow *row, unsigned places[5], uint64_t *seed)
{
    size_t n = 1 + fixture_random(seed) % 5, kept = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned place = fixture_random(seed) % row->n;

        row->fills[place] = (struct poolrow_fill){
            .n = fixture_random(seed) % 12,
            .variant = fixture_random(seed) % 2,
            .terminating = fixture_random(seed) % 4 == 0,
        };
        places[kept++] = place;
    }
    return kept;
}

static void a_table_amended_again_and_again_is_what_a_whole_one_is(void **state)
{
    struct table *held[8] = {NULL};
    struct poolrow row = row_of(150);
    struct table *t = whole(&row);
    size_t n_endpoints;
    uint64_t seed = 11;

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        unsigned places[5], slot = fixture_random(&seed) % ARRAY_LEN(held);
        size_t n = change(&row, places, &seed);
        struct table *next = amended(t, &row, places, n);

        if (next == NULL) {
            continue; /* as it was, by chance */
        }
        assert_as_whole(next, &row);
        assert_true(fixture_drop(held[slot])); /* in any order */
        held[slot] = t;
        t = next;
    }
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        assert_true(fixture_drop(held[i]));
    }
    assert_as_whole(t, &row);
    (void)registry_sweep(registry);
    assert_int_equal(t->names->tables, 1);
    n_endpoints = table_endpoints(t);
    assert_true(fixture_drop(t));
    assert_int_equal(registry_sweep(registry), 150 + n_endpoints);
}

/* What stands of a base and must do so when no amendment comes of it. */
struct stand {
    struct table *base;
    struct poolrow row; /* of the amendment */
    uint64_t digest;    /* of what it comes to */
};

static void amend_in_want(void *ctx)
{
    static const unsigned places[] = {0, 64, 129};
    struct stand *s = ctx;
    struct table *t = NULL;
    int rc = poolrow_amend(registry, s->base, &s->row, places, ARRAY_LEN(places), &t);

    assert_true(rc == 0 ? t != NULL : rc == -ENOMEM && t == NULL);
    if (t != NULL) {
        assert_true(table_digest(t) == s->digest);
        assert_true(fixture_drop(t));
    }
    (void)registry_sweep(registry);
    assert_int_equal(s->base->names->tables, 1);
    for (size_t i = 0; i < s->base->n_pages; i++) {
        assert_int_equal(s->base->pages[i]->tables, 1);
    }
    for (size_t i = 0; i < s->base->n_pools; i++) {
        assert_int_equal(endpoint_state(&table_pool_at(s->base, i)->endpoints[0])->tables, 1);
    }
}

static void without_memory_the_base_is_as_it_was(void **state)
{
    struct poolrow row = row_of(130), old = row;
    struct stand s = {.base = whole(&row), .row = row};
    struct table *want;

    (void)state;
    s.row.fills[0].n = 40;
    s.row.fills[64].n = 3;
    s.row.fills[129].n = 1;
    want = whole(&s.row);
    s.digest = table_digest(want);
    assert_true(fixture_drop(want));
    assert_true(failalloc_torture(amend_in_want, &s) > 50);
    assert_as_whole(s.base, &old);
    assert_true(fixture_drop(s.base));
    assert_int_equal(registry_sweep(registry), 130 * 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_pool_costs_its_page_and_no_other),
        TEST(an_amended_table_finds_what_its_base_finds),
        TEST(a_catch_all_stays_one),
        TEST(every_way_that_a_pool_can_differ_counts),
        TEST(where_nothing_differs_there_is_no_table),
        TEST(the_order_in_which_endpoints_are_told_is_no_difference),
        TEST(pools_that_the_base_has_not_are_left_out),
        TEST(pools_of_several_pages_and_several_of_one_change_at_once),
        TEST(states_are_held_by_the_pages_that_name_them),
        TEST(a_table_may_go_before_its_base),
        TEST(the_bytes_of_a_table_include_what_it_shares),
        TEST(a_table_amended_again_and_again_is_what_a_whole_one_is),
        TEST(without_memory_the_base_is_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
