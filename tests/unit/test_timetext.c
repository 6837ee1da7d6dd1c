#include "base/timetext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_moment_is_told_in_utc(void **state)
{
    char text[TIMETEXT_MAX];

    (void)state;
    assert_string_equal(timetext_utc(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(timetext_utc(1769861106, text), "2026-01-31T12:05:06Z");
    assert_string_equal(timetext_utc(INT64_MAX, text), "unknown");
}

static void a_moment_in_microseconds_has_exactly_six_digits(void **state)
{
    char text[TIMETEXT_MAX];

    (void)state;
    assert_string_equal(timetext_micro(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(timetext_micro(1769861106000042, text), "2026-01-31T12:05:06.000042Z");
    assert_string_equal(timetext_micro(-1, text), "1970-01-01T00:00:00.000000Z");
    assert_int_equal(strlen(timetext_micro(INT64_MAX, text)), 27);
    assert_ptr_equal(strstr(text, "9999-12-31T23:59:59."), text);
}

static void a_span_has_its_two_largest_units(void **state)
{
    char text[TIMETEXT_MAX];

    (void)state;
    assert_string_equal(timetext_span(0, text), "0s");
    assert_string_equal(timetext_span(59, text), "59s");
    assert_string_equal(timetext_span(60, text), "1m 0s");
    assert_string_equal(timetext_span(7325, text), "2h 2m");
    assert_string_equal(timetext_span(12 * 86400 + 7 * 3600 + 59, text), "12d 7h");
    assert_string_equal(timetext_span(UINT64_MAX, text), "213503982334601d 7h");
}

static void a_clock_that_was_set_back_makes_no_age(void **state)
{
    const struct timespec early = {.tv_sec = 10, .tv_nsec = 5}, late = {.tv_sec = 13};

    (void)state;
    assert_int_equal(timetext_seconds_since(&early, &late), 3);
    assert_int_equal(timetext_seconds_since(&late, &early), 0);
    assert_int_equal(timetext_seconds_since(&early, &early), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_is_told_in_utc),
        cmocka_unit_test(a_moment_in_microseconds_has_exactly_six_digits),
        cmocka_unit_test(a_span_has_its_two_largest_units),
        cmocka_unit_test(a_clock_that_was_set_back_makes_no_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
