#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "base/attr.h"
#include "kube/backoff.h"

static void the_wait_doubles_up_to_its_cap(void **state)
{
    static const uint32_t WAITS[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(WAITS); i++) {
        assert_int_equal(backoff_delay_ms(&backoff_reflector, i, 0), WAITS[i]);
    }
}

static void chance_adds_up_to_as_much_again(void **state)
{
    (void)state;
    assert_int_equal(backoff_delay_ms(&backoff_reflector, 0, 1u << 31), 1200);
    assert_int_equal(backoff_delay_ms(&backoff_reflector, 0, UINT32_MAX), 1599);
    assert_int_equal(backoff_delay_ms(&backoff_reflector, 9, 1u << 30), 37500);
    assert_int_equal(backoff_delay_ms(&backoff_reflector, 9, UINT32_MAX), 59999);
}

static void no_attempt_is_too_late_and_no_policy_too_large(void **state)
{
    const struct backoff_policy huge = {.first_ms = UINT32_MAX, .cap_ms = UINT32_MAX};
    const struct backoff_policy none = {.first_ms = 0, .cap_ms = 1000};
    const struct backoff_policy small_cap = {.first_ms = 500, .cap_ms = 100};
    const struct backoff_policy slow = {.first_ms = 1, .cap_ms = UINT32_MAX};

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        unsigned late = UINT_MAX >> bit;

        assert_int_equal(backoff_delay_ms(&backoff_reflector, late, 0),
                         late < 6 ? 800u << late : 30000);
        assert_int_equal(backoff_delay_ms(&huge, late, 0), UINT32_MAX);
        assert_int_equal(backoff_delay_ms(&huge, late, UINT32_MAX), UINT32_MAX);
        assert_int_equal(backoff_delay_ms(&none, late, UINT32_MAX), 0);
        assert_int_equal(backoff_delay_ms(&small_cap, late, 0), 100);
        assert_int_equal(backoff_delay_ms(&slow, bit, 0), 1u << bit);
    }
    assert_int_equal(backoff_delay_ms(&slow, 32, 0), UINT32_MAX);
    assert_int_equal(backoff_delay_ms(&slow, UINT_MAX, 0), UINT32_MAX);
}

static void attempts_are_counted(void **state)
{
    struct backoff b = {0};

    (void)state;
    assert_int_equal(backoff_next_ms(&b, &backoff_reflector, 1000, 0), 800);
    assert_int_equal(backoff_next_ms(&b, &backoff_reflector, 2000, 0), 1600);
    assert_int_equal(backoff_next_ms(&b, &backoff_reflector, 4000, UINT32_MAX), 6399);
    assert_int_equal(b.attempts, 3);
    assert_int_equal(b.since_ms, 1000);
}

static void counting_begins_anew_two_minutes_after_it_began(void **state)
{
    struct backoff b = {0};

    (void)state;
    (void)backoff_next_ms(&b, &backoff_reflector, 5000, 0);
    assert_int_equal(backoff_next_ms(&b, &backoff_reflector, 5000 + 119999, 0), 1600);
    assert_int_equal(backoff_next_ms(&b, &backoff_reflector, 5000 + 120000, 0), 800);
    assert_int_equal(b.since_ms, 125000);
    assert_int_equal(backoff_next_ms(&b, &backoff_reflector, 125000, 0), 1600);
}

static void counting_outlasts_any_number_and_a_clock_that_goes_back(void **state)
{
    struct backoff b = {.attempts = UINT_MAX - 1, .since_ms = 1000};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(backoff_next_ms(&b, &backoff_reflector, 500, 0), 30000);
    }
    assert_int_equal(b.attempts, UINT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_doubles_up_to_its_cap),
        cmocka_unit_test(chance_adds_up_to_as_much_again),
        cmocka_unit_test(no_attempt_is_too_late_and_no_policy_too_large),
        cmocka_unit_test(attempts_are_counted),
        cmocka_unit_test(counting_begins_anew_two_minutes_after_it_began),
        cmocka_unit_test(counting_outlasts_any_number_and_a_clock_that_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
