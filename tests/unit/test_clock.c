#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static uint64_t scripted_us;

static uint64_t scripted(void)
{
    return scripted_us;
}

static int restore_the_kernels_clock(void **state)
{
    (void)state;
    clock_replace(NULL);
    return 0;
}

static void time_never_goes_back(void **state)
{
    uint64_t now, before = clock_now_us();

    (void)state;
    for (int i = 0; i < 100000; i++) {
        now = clock_now_us();
        assert_true(now >= before);
        before = now;
    }
}

static void it_is_the_kernels_monotonic_time(void **state)
{
    struct timespec before, after;
    uint64_t now_us, now_ms;

    (void)state;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    now_us = clock_now_us();
    now_ms = clock_now_ms();
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(now_us >= (uint64_t)before.tv_sec * 1000000u + (uint64_t)before.tv_nsec / 1000u);
    assert_true(now_us <= (uint64_t)after.tv_sec * 1000000u + (uint64_t)after.tv_nsec / 1000u);
    assert_true(now_ms >= now_us / 1000);
    assert_true(now_ms <= (uint64_t)after.tv_sec * 1000u + (uint64_t)after.tv_nsec / 1000000u);
}

static void a_replacement_rules_micro_and_milliseconds(void **state)
{
    (void)state;
    clock_replace(scripted);
    scripted_us = 1234567;
    assert_int_equal(clock_now_us(), 1234567);
    assert_int_equal(clock_now_ms(), 1234);
    scripted_us = UINT64_MAX;
    assert_int_equal(clock_now_us(), UINT64_MAX);
    clock_replace(NULL);
    assert_true(clock_now_us() < UINT64_MAX);
}

static void the_wall_clock_is_not_replaced(void **state)
{
    struct timespec now;
    time_t before = time(NULL);

    (void)state;
    clock_replace(scripted);
    scripted_us = 0;
    now = clock_wall();
    assert_true(now.tv_sec >= before - 1); /* time() may read a coarser clock */
    assert_true(now.tv_sec <= time(NULL) + 1);
    assert_in_range(now.tv_nsec, 0, 999999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(it_is_the_kernels_monotonic_time),
        cmocka_unit_test_teardown(a_replacement_rules_micro_and_milliseconds,
                                  restore_the_kernels_clock),
        cmocka_unit_test_teardown(the_wall_clock_is_not_replaced, restore_the_kernels_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
