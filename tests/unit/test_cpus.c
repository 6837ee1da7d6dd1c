#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/test_cpus.XXXXXX";
static char membership[sizeof(root) + 16];

static int setup(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    if (mkdtemp(root) == NULL) {
        return -1;
    }
    snprintf(membership, sizeof(membership), "%s/membership", root);
    return 0;
}

static int teardown(void **state)
{
    char command[sizeof(root) + 16];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

/* Write a file below the root, making the directories on the way. */
static void put(const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *slash = path + sizeof(root); (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static unsigned quota(void)
{
    return cpus_of_quota(membership, root);
}

static void version_2_quotas_round_up(void **state)
{
    (void)state;
    put("membership", "0::/\n");
    put("cpu.max", "150000 100000\n");
    assert_int_equal(quota(), 2);
    put("cpu.max", "100000 100000\n");
    assert_int_equal(quota(), 1);
    put("cpu.max", "10000 100000\n");
    assert_int_equal(quota(), 1);
}

static void the_tightest_group_on_the_way_up_counts(void **state)
{
    (void)state;
    put("membership", "0::/kubepods/pod1/c1\n");
    put("kubepods/pod1/c1/cpu.max", "max 100000\n");
    put("kubepods/pod1/cpu.max", "300000 100000\n");
    put("kubepods/cpu.max", "800000 100000\n");
    assert_int_equal(quota(), 3);
    put("kubepods/pod1/c1/cpu.max", "200000 100000\n");
    assert_int_equal(quota(), 2);
}

static void a_path_of_the_host_falls_back_to_the_containers_root(void **state)
{
    (void)state;
    put("membership", "0::/not/visible/here\n");
    put("cpu.max", "400000 100000\n");
    assert_int_equal(quota(), 4);
}

static void version_1_reads_the_cpu_controller(void **state)
{
    (void)state;
    put("membership", "5:memory:/m\n4:cpuset:/\n2:cpu,cpuacct:/docker/x\n0::/\n");
    put("cpu/docker/x/cpu.cfs_quota_us", "250000\n");
    put("cpu/docker/x/cpu.cfs_period_us", "100000\n");
    put("cpu/cpu.cfs_quota_us", "-1\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota(), 3);
}

static void no_quota_is_no_limit(void **state)
{
    (void)state;
    assert_int_equal(quota(), 0);
    put("membership", "0::/\n");
    assert_int_equal(quota(), 0);
    put("cpu.max", "max 100000\n");
    assert_int_equal(quota(), 0);
}

static void nonsense_is_no_limit(void **state)
{
    static const char *const TEXTS[] = {
        "", "\n", "100000", "100000 0", "-5 7", "a b", "99999999999999999999 1"};

    (void)state;
    put("membership", "nonsense\n:\n0::/\n");
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        put("cpu.max", TEXTS[i]);
        assert_int_equal(quota(), 0);
    }
}

static void affinity_limits_the_cpus_usable(void **state)
{
    cpu_set_t before, one;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    }
    assert_true(cpus_usable() >= 1);
    assert_true(cpus_usable() <= (unsigned)CPU_COUNT(&before));
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(cpus_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(version_2_quotas_round_up),
        T(the_tightest_group_on_the_way_up_counts),
        T(a_path_of_the_host_falls_back_to_the_containers_root),
        T(version_1_reads_the_cpu_controller),
        T(no_quota_is_no_limit),
        T(nonsense_is_no_limit),
        T(affinity_limits_the_cpus_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
