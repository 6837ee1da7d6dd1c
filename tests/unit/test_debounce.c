#include "controller/debounce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS 1000u

static void nothing_is_due_before_a_ring(void **state)
{
    struct debounce d = {0};

    (void)state;
    assert_true(debounce_due_us(&d) == DEBOUNCE_NEVER);
}

static void one_ring_is_looked_at_once_it_was_quiet(void **state)
{
    struct debounce d = {0};

    (void)state;
    debounce_ring(&d, 100 * MS);
    assert_int_equal(debounce_due_us(&d), 110 * MS);
}

static void a_further_ring_puts_it_off(void **state)
{
    struct debounce d = {0};

    (void)state;
    debounce_ring(&d, 100 * MS);
    debounce_ring(&d, 109 * MS);
    assert_int_equal(debounce_due_us(&d), 119 * MS);
}

static void a_storm_is_looked_at_while_it_lasts(void **state)
{
    struct debounce d = {0};

    (void)state;
    for (unsigned ms = 100; ms < 150; ms++) {
        debounce_ring(&d, ms * MS);
        assert_true(debounce_due_us(&d) <= 150 * MS);
    }
    assert_int_equal(debounce_due_us(&d), 150 * MS);
    debounce_clear(&d);
    assert_true(debounce_due_us(&d) == DEBOUNCE_NEVER);
    debounce_ring(&d, 150 * MS);
    assert_int_equal(debounce_due_us(&d), 160 * MS);
}

static void the_earliest_of_all_counts(void **state)
{
    struct debounce d = {0};

    (void)state;
    debounce_again(&d, 1000 * MS);
    assert_int_equal(debounce_due_us(&d), 1000 * MS);
    debounce_again(&d, 2000 * MS);
    assert_int_equal(debounce_due_us(&d), 1000 * MS);
    debounce_again(&d, 500 * MS);
    assert_int_equal(debounce_due_us(&d), 500 * MS);
    debounce_ring(&d, 100 * MS);
    assert_int_equal(debounce_due_us(&d), 110 * MS);
    debounce_ring(&d, 495 * MS);
    assert_int_equal(debounce_due_us(&d), 150 * MS);
    debounce_clear(&d);
    debounce_again(&d, 600 * MS);
    debounce_ring(&d, 595 * MS);
    assert_int_equal(debounce_due_us(&d), 600 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_before_a_ring),
        cmocka_unit_test(one_ring_is_looked_at_once_it_was_quiet),
        cmocka_unit_test(a_further_ring_puts_it_off),
        cmocka_unit_test(a_storm_is_looked_at_while_it_lasts),
        cmocka_unit_test(the_earliest_of_all_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
