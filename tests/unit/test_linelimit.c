#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "proxy/linelimit.h"

#define START_US 1000000000u
#define S_US     1000000u

static unsigned take_all(struct linelimit *l, uint64_t now_us)
{
    unsigned n = 0;

    while (n < 10 * LIMIT_ACCESS_LINES_BURST && linelimit_take(l, now_us)) {
        n++;
    }
    return n;
}

static void a_burst_passes_and_no_line_more(void **state)
{
    struct linelimit l = {0};

    (void)state;
    assert_int_equal(take_all(&l, START_US), LIMIT_ACCESS_LINES_BURST);
    assert_false(linelimit_take(&l, START_US));
}

static void it_comes_back_at_the_steady_rate_up_to_the_burst(void **state)
{
    struct linelimit l = {0};

    (void)state;
    (void)take_all(&l, START_US);
    assert_int_equal(take_all(&l, START_US + S_US / LIMIT_ACCESS_LINES_PER_S - 1), 0);
    assert_int_equal(take_all(&l, START_US + S_US / LIMIT_ACCESS_LINES_PER_S), 1);
    assert_int_equal(take_all(&l, START_US + S_US), LIMIT_ACCESS_LINES_PER_S - 1);
    assert_int_equal(take_all(&l, START_US + 3600ull * S_US), LIMIT_ACCESS_LINES_BURST);
}

static void refused_lines_do_not_put_off_the_next(void **state)
{
    struct linelimit l = {0};

    (void)state;
    (void)take_all(&l, START_US);
    for (unsigned i = 0; i < 100000; i++) {
        assert_false(linelimit_take(&l, START_US));
    }
    assert_true(linelimit_take(&l, START_US + S_US / LIMIT_ACCESS_LINES_PER_S));
}

static void the_steady_rate_is_never_refused(void **state)
{
    struct linelimit l = {0};

    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        assert_true(linelimit_take(&l, START_US + i * S_US / LIMIT_ACCESS_LINES_PER_S));
    }
}

static void a_flood_of_an_hour_gets_the_burst_and_the_rate(void **state)
{
    struct linelimit l = {0};
    uint64_t passed = 0;

    (void)state;
    for (uint64_t ms = 0; ms < 3600000; ms++) {
        passed += linelimit_take(&l, START_US + ms * 1000);
    }
    assert_in_range(passed, 3600 * LIMIT_ACCESS_LINES_PER_S,
                    3600 * LIMIT_ACCESS_LINES_PER_S + LIMIT_ACCESS_LINES_BURST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_no_line_more),
        cmocka_unit_test(it_comes_back_at_the_steady_rate_up_to_the_burst),
        cmocka_unit_test(refused_lines_do_not_put_off_the_next),
        cmocka_unit_test(the_steady_rate_is_never_refused),
        cmocka_unit_test(a_flood_of_an_hour_gets_the_burst_and_the_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
