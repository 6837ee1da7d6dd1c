#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/fdlimit.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"

static const struct fdlimit_load LOAD = {.workers = 2, .listeners = 1}; /* keeps 64 + 2 * 9 */

static void a_connection_takes_two_descriptors_beside_the_reserve(void **state)
{
    (void)state;
    assert_int_equal(fdlimit_fitting(82, &LOAD), 0);
    assert_int_equal(fdlimit_fitting(83, &LOAD), 0);
    assert_int_equal(fdlimit_fitting(84, &LOAD), 1);
    assert_int_equal(fdlimit_fitting(1082, &LOAD), 500);
    assert_int_equal(fdlimit_fitting(0, &LOAD), 0);
}

static unsigned pipes_of(uint64_t limit, unsigned workers, uint64_t connections)
{
    struct fdlimit_load load = {.workers = workers};

    fdlimit_grant_pipes(limit, connections, &load);
    return load.pipes;
}

static void connections_that_are_asked_for_come_before_pipes(void **state)
{
    struct fdlimit_load load = {.workers = 1, .pipes = 32};
    uint64_t most = fdlimit_fitting(1024, &load);

    (void)state;
    assert_int_equal(pipes_of(1024, 1, most), 32);
    assert_int_equal(pipes_of(1024, 1, most + 1), 0);
}

static void pipes_take_a_sixteenth_at_most_and_nothing_of_a_few(void **state)
{
    struct fdlimit_load load = LOAD;

    (void)state;
    assert_int_equal(pipes_of(1023, 1, 0), 0);
    assert_int_equal(pipes_of(1024, 1, 0), 32);
    assert_int_equal(pipes_of(1024, 2, 0), 16);
    assert_int_equal(pipes_of(1024, LIMIT_WORKERS, 0), 0);
    assert_int_equal(pipes_of(UINT64_MAX, 1, 0), LIMIT_PIPES);
    assert_int_equal(pipes_of(UINT64_MAX, 4, 0), LIMIT_PIPES / 4);
    assert_int_equal(pipes_of(UINT64_MAX, LIMIT_WORKERS, 0), 4);
    load.pipes = 16;
    assert_int_equal(fdlimit_fitting(1082, &load), 500 - 2 * 16);
}

static void the_default_is_what_fits_up_to_a_million(void **state)
{
    uint32_t max = 0;
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(fdlimit_settle(1082, &LOAD, 0, &max, &e), 0);
    assert_int_equal(max, 500);
    assert_int_equal(fdlimit_settle(UINT64_MAX, &LOAD, 0, &max, &e), 0);
    assert_int_equal(max, 1048576);
}

static void a_given_value_must_fit(void **state)
{
    uint32_t max = 0;
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(fdlimit_settle(1082, &LOAD, 500, &max, &e), 0);
    assert_int_equal(max, 500);
    assert_int_equal(fdlimit_settle(1082, &LOAD, 501, &max, &e), -EINVAL);
    assert_int_equal(max, 500);
    assert_non_null(strstr(e.text, "--max-connections 501: only 500 fit"));
    assert_non_null(strstr(e.text, "which is 1082"));
    assert_non_null(strstr(e.text, "raise its hard limit to 1084"));
}

static void the_largest_numbers_do_not_wrap(void **state)
{
    static const struct fdlimit_load most = {.workers = LIMIT_WORKERS,
                                             .listeners = LIMIT_LISTENERS};
    uint32_t max = 0;
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(fdlimit_settle(UINT64_MAX, &most, UINT32_MAX, &max, &e), 0);
    assert_int_equal(max, UINT32_MAX);
    assert_int_equal(fdlimit_settle(1 << 20, &most, UINT32_MAX, &max, &e), -EINVAL);
    assert_non_null(strstr(e.text, "--max-connections 4294967295: only 515040 fit"));
    assert_non_null(strstr(e.text, "hard limit to 8589953086"));
}

static void a_limit_that_leaves_nothing_is_told(void **state)
{
    uint32_t max;
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(fdlimit_settle(32, &LOAD, 0, &max, &e), -EINVAL);
    assert_non_null(strstr(e.text, "RLIMIT_NOFILE is 32, which leaves no descriptors"));
}

static void the_soft_limit_is_raised_to_the_hard_one(void **state)
{
    struct rlimit before, lowered, after;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowered = before;
    lowered.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    assert_int_equal(fdlimit_raise(), before.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_int_equal(after.rlim_cur, before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_takes_two_descriptors_beside_the_reserve),
        cmocka_unit_test(pipes_take_a_sixteenth_at_most_and_nothing_of_a_few),
        cmocka_unit_test(connections_that_are_asked_for_come_before_pipes),
        cmocka_unit_test(the_default_is_what_fits_up_to_a_million),
        cmocka_unit_test(a_given_value_must_fit),
        cmocka_unit_test(the_largest_numbers_do_not_wrap),
        cmocka_unit_test(a_limit_that_leaves_nothing_is_told),
        cmocka_unit_test(the_soft_limit_is_raised_to_the_hard_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
