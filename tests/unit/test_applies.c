#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/applies.h"
#include "base/attr.h"

static uint64_t counted(const struct applies *a)
{
    uint64_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(a->counts); i++) {
        n += a->counts[i];
    }
    return n;
}

static int setup(void **state)
{
    static struct applies a;

    applies_init(&a);
    *state = &a;
    return 0;
}

static int teardown(void **state)
{
    applies_fini(*state);
    return 0;
}

static void a_table_counts_once_when_every_worker_has_it(void **state)
{
    struct applies *a = *state;

    applies_begin(a, 1, 1000);
    applies_done(a, 0, 2000);
    assert_int_equal(counted(a), 0);
    applies_done(a, 1, 13000);
    applies_done(a, 1, 14000);
    assert_int_equal(counted(a), 1);
    assert_int_equal(a->counts[2], 1); /* over 10 ms, up to 25 */
    assert_int_equal(a->sum_us, 12000);
}

static void a_table_nobody_looked_at_ends_with_the_next(void **state)
{
    struct applies *a = *state;

    applies_begin(a, 1, 0);
    applies_begin(a, 2, 4000);
    applies_begin(a, 3, 8000);
    applies_done(a, 2, 10000);
    assert_int_equal(counted(a), 2);
    assert_int_equal(a->sum_us, 10000 + 6000);
    applies_done(a, 3, 11000);
    assert_int_equal(counted(a), 3);
}

static void a_bound_belongs_to_its_bucket_and_the_last_has_no_bound(void **state)
{
    struct applies *a = *state;

    applies_begin(a, 1, 0);
    applies_done(a, 1, 5000);
    assert_int_equal(a->counts[0], 1);
    applies_begin(a, 2, 0);
    applies_done(a, 2, 30000001);
    assert_int_equal(a->counts[APPLIES_N_BOUNDS], 1);
}

static void a_clock_read_in_between_gives_no_negative_time(void **state)
{
    struct applies *a = *state;

    applies_begin(a, 1, 5000);
    applies_done(a, 1, 4000);
    assert_int_equal(a->counts[0], 1);
    assert_int_equal(a->sum_us, 0);
}

static void too_many_on_their_way_count_as_one_and_no_less_than_they_took(void **state)
{
    struct applies *a = *state;

    for (uint64_t g = 1; g <= APPLIES_PENDING + 10; g++) {
        applies_begin(a, g, g * 1000);
    }
    applies_done(a, APPLIES_PENDING + 9, 1000000);
    assert_int_equal(counted(a), APPLIES_PENDING - 1);
    applies_done(a, APPLIES_PENDING + 10, 1000000);
    assert_int_equal(counted(a), APPLIES_PENDING);
    assert_int_equal(a->n_pending, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_table_counts_once_when_every_worker_has_it),
        T(a_table_nobody_looked_at_ends_with_the_next),
        T(a_bound_belongs_to_its_bucket_and_the_last_has_no_bound),
        T(a_clock_read_in_between_gives_no_negative_time),
        T(too_many_on_their_way_count_as_one_and_no_less_than_they_took),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
