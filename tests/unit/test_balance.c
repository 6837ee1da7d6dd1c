#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "route/balance.h"
#include "route/registry.h"

#define NOW_MS 1000000u

/* A pool of `n` endpoints whose states stand beside them. */
static struct pool pool;
static struct endpoint *endpoints;
static struct endpoint_state *states;
static struct registry_counter *loads; /* of one worker */
static struct balance_rng rng;

static void make_pool(uint32_t n)
{
    endpoints = calloc(n > 0 ? n : 1, sizeof(*endpoints));
    states = calloc(n > 0 ? n : 1, sizeof(*states));
    loads = calloc(n > 0 ? n : 1, sizeof(*loads));
    assert_true(endpoints != NULL && states != NULL && loads != NULL);
    for (uint32_t i = 0; i < n; i++) {
        endpoints[i] = endpoint_at(&states[i].addr, false);
        states[i].active = &loads[i];
        states[i].workers = 1;
    }
    pool = (struct pool){.endpoints = endpoints, .n_endpoints = n};
    rng.state = 0x123456789abcdefu;
}

static int free_pool(void **state)
{
    (void)state;
    free(endpoints);
    free(states);
    free(loads);
    endpoints = NULL;
    states = NULL;
    loads = NULL;
    return 0;
}

/* The index of what a connection's next pick gets, or -1. */
static int64_t pick(struct balance_tried *tried)
{
    const struct endpoint *e = balance_pick(&pool, tried, &rng, NOW_MS);

    return e != NULL ? e - endpoints : -1;
}

static int64_t first_pick(void)
{
    struct balance_tried tried = {.n = 0};

    return pick(&tried);
}

static void fail_lately(uint32_t i)
{
    atomic_store(&states[i].skip_until_ms, NOW_MS + 1);
}

static void load(uint32_t i, uint32_t active)
{
    atomic_store(&loads[i].n, active);
}

static void an_empty_pool_has_nothing_to_pick(void **state)
{
    (void)state;
    make_pool(0);
    assert_int_equal(first_pick(), -1);
}

static void a_single_endpoint_is_picked_once(void **state)
{
    struct balance_tried tried = {.n = 0};

    (void)state;
    make_pool(1);
    assert_int_equal(pick(&tried), 0);
    assert_int_equal(tried.n, 1);
    assert_int_equal(tried.index[0], 0);
    assert_int_equal(pick(&tried), -1);
    assert_int_equal(tried.n, 1);
}

static void of_two_the_less_loaded_always_wins(void **state)
{
    (void)state;
    make_pool(2);
    load(0, 5);
    load(1, 4);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(first_pick(), 1);
    }
    load(1, 6);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(first_pick(), 0);
    }
}

/* How often each of `n` endpoints is picked first. */
static void count_picks(uint32_t n, unsigned picks, unsigned *counts)
{
    for (unsigned i = 0; i < picks; i++) {
        int64_t k = first_pick();

        assert_in_range(k, 0, n - 1);
        counts[k]++;
    }
}

static void equal_loads_are_picked_evenly(void **state)
{
    static const uint32_t sizes[] = {2, 3, 7, 10};

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        unsigned counts[10] = {0}, mean = 20000;

        make_pool(sizes[s]);
        count_picks(sizes[s], mean * sizes[s], counts);
        for (uint32_t i = 0; i < sizes[s]; i++) {
            assert_in_range(counts[i], mean - mean / 25, mean + mean / 25); /* > 5 sigma */
        }
        (void)free_pool(NULL);
    }
}

static void the_most_loaded_is_never_picked_and_the_least_twice_as_often(void **state)
{
    unsigned counts[5] = {0}, picks = 100000;

    (void)state;
    make_pool(5);
    for (uint32_t i = 0; i < 5; i++) {
        load(i, 10 * i);
    }
    count_picks(5, picks, counts);
    /* Two distinct of five: the least loaded is among them in 4 of 10 pairs, then 3, 2, 1, 0. */
    for (unsigned i = 0; i < 5; i++) {
        unsigned want = picks / 10 * (4 - i);

        assert_in_range(counts[i], want - want / 25, want + want / 25);
    }
}

static void load_evens_out_as_connections_come(void **state)
{
    uint32_t least = UINT32_MAX, most = 0;

    (void)state;
    make_pool(50);
    for (int i = 0; i < 50 * 200; i++) {
        (void)atomic_fetch_add(&loads[first_pick()].n, 1);
    }
    for (uint32_t i = 0; i < 50; i++) {
        uint32_t active = atomic_load(&loads[i].n);

        least = active < least ? active : least;
        most = active > most ? active : most;
    }
    assert_true(least >= 195 && most <= 205); /* one choice alone would spread by some 80 */
}

static void failed_endpoints_are_passed_over(void **state)
{
    unsigned counts[4] = {0};

    (void)state;
    make_pool(4);
    fail_lately(0);
    fail_lately(2);
    load(1, 100);
    load(3, 100);
    count_picks(4, 10000, counts);
    assert_int_equal(counts[0] + counts[2], 0);
    assert_in_range(counts[1], 4700, 5300);
}

static void when_all_failed_they_are_taken_all_the_same(void **state)
{
    unsigned counts[3] = {0};

    (void)state;
    make_pool(3);
    for (uint32_t i = 0; i < 3; i++) {
        fail_lately(i);
    }
    load(2, 1);
    count_picks(3, 10000, counts);
    assert_int_equal(counts[2], 0);
    assert_true(counts[0] > 4000 && counts[1] > 4000);
}

static void a_retry_takes_the_good_ones_before_the_failed(void **state)
{
    (void)state;
    make_pool(5);
    fail_lately(1);
    fail_lately(3);
    for (int round = 0; round < 1000; round++) {
        struct balance_tried tried = {.n = 0};
        unsigned seen = 0;

        for (int k = 0; k < 5; k++) {
            int64_t i = pick(&tried);

            assert_in_range(i, 0, 4);
            assert_int_equal(seen & 1u << i, 0); /* never the same again */
            seen |= 1u << i;
            assert_true((k < 3) == (i != 1 && i != 3));
        }
        assert_int_equal(pick(&tried), -1);
        assert_int_equal(tried.n, 5);
    }
}

static void tries_end_when_no_more_can_be_noted(void **state)
{
    struct balance_tried tried = {.n = 0};

    (void)state;
    make_pool(1000);
    for (size_t i = 0; i < LIMIT_CONNECT_RETRIES + 1; i++) {
        assert_true(pick(&tried) >= 0);
    }
    assert_int_equal(pick(&tried), -1);
    assert_int_equal(tried.n, LIMIT_CONNECT_RETRIES + 1);
}

static void one_good_endpoint_among_60000_is_found(void **state)
{
    struct balance_tried tried = {.n = 0};

    (void)state;
    make_pool(LIMIT_ENDPOINTS_PER_POOL);
    for (uint32_t i = 0; i < LIMIT_ENDPOINTS_PER_POOL; i++) {
        fail_lately(i);
    }
    atomic_store(&states[59999].skip_until_ms, 0);
    assert_int_equal(pick(&tried), 59999);
    assert_int_equal(tried.index[0], 59999);
    assert_in_range(pick(&tried), 0, 59998); /* any, there being no other good one */
}

static void a_large_pool_is_picked_from_all_over(void **state)
{
    unsigned quarters[4] = {0};

    (void)state;
    make_pool(LIMIT_ENDPOINTS_PER_POOL);
    for (int i = 0; i < 40000; i++) {
        quarters[first_pick() * 4 / LIMIT_ENDPOINTS_PER_POOL]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(quarters[i], 9500, 10500);
    }
}

static void a_failure_is_held_against_it_for_about_ten_seconds(void **state)
{
    uint64_t first, until;
    bool varies = false;

    (void)state;
    make_pool(1);
    assert_true(balance_mark_failed(&endpoints[0], &rng, NOW_MS));
    first = atomic_load(&states[0].skip_until_ms);
    for (int i = 0; i < 1000; i++) {
        assert_false(balance_mark_failed(&endpoints[0], &rng, NOW_MS)); /* nothing new */
        until = atomic_load(&states[0].skip_until_ms);
        assert_in_range(until, NOW_MS + 7500, NOW_MS + 12500);
        varies = varies || until != first;
        assert_true(balance_is_skipped(&endpoints[0], NOW_MS));
        assert_true(balance_is_skipped(&endpoints[0], until - 1));
        assert_false(balance_is_skipped(&endpoints[0], until));
    }
    assert_true(varies);
}

static void a_success_clears_it(void **state)
{
    uint64_t until;

    (void)state;
    make_pool(1);
    assert_false(balance_is_skipped(&endpoints[0], 0));
    assert_true(balance_mark_failed(&endpoints[0], &rng, NOW_MS));
    balance_mark_ok(&endpoints[0]);
    assert_false(balance_is_skipped(&endpoints[0], NOW_MS));
    assert_int_equal(atomic_load(&states[0].skip_until_ms), 0);
    assert_true(balance_mark_failed(&endpoints[0], &rng, NOW_MS));
    until = atomic_load(&states[0].skip_until_ms);
    assert_false(balance_mark_failed(&endpoints[0], &rng, until - 1));
    until = atomic_load(&states[0].skip_until_ms);
    assert_true(balance_mark_failed(&endpoints[0], &rng, until)); /* its time was over */
}

static void a_seed_of_zero_is_random_too(void **state)
{
    unsigned counts[4] = {0};

    (void)state;
    make_pool(4);
    rng.state = 0;
    count_picks(4, 4000, counts);
    for (int i = 0; i < 4; i++) {
        assert_in_range(counts[i], 800, 1200);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, free_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_pool_has_nothing_to_pick),
        TEST(a_single_endpoint_is_picked_once),
        TEST(of_two_the_less_loaded_always_wins),
        TEST(equal_loads_are_picked_evenly),
        TEST(the_most_loaded_is_never_picked_and_the_least_twice_as_often),
        TEST(load_evens_out_as_connections_come),
        TEST(failed_endpoints_are_passed_over),
        TEST(when_all_failed_they_are_taken_all_the_same),
        TEST(a_retry_takes_the_good_ones_before_the_failed),
        TEST(tries_end_when_no_more_can_be_noted),
        TEST(one_good_endpoint_among_60000_is_found),
        TEST(a_large_pool_is_picked_from_all_over),
        TEST(a_failure_is_held_against_it_for_about_ten_seconds),
        TEST(a_success_clears_it),
        TEST(a_seed_of_zero_is_random_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
