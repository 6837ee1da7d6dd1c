#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "admin/health.h"
#include "app/metrics.h"
#include "proxy/stats.h"
#include "support/failalloc.h"
#include "support/inprocess.h"
#include "support/metric_lines.h"
#include "support/procinfo.h"
#include "support/proxy_fixture.h"

static bool well;

static bool probe(void *ctx, struct err *why)
{
    (void)ctx;
    (void)why;
    return well;
}

static int setup(void **state)
{
    struct health *health = health_new();
    struct inprocess *p;

    inprocess_setup_started(state);
    p = *state;
    assert_non_null(health);
    assert_int_equal(health_add(health, HEALTH_READY, "probe", probe, NULL), 0);
    p->monitor.metrics.health = health;
    well = true;
    return 0;
}

static int teardown(void **state)
{
    struct inprocess *p = *state;
    union {
        const struct health *borrowed;
        struct health *own;
    } health = {.borrowed = p->monitor.metrics.health};

    health_free(health.own);
    return inprocess_teardown(state);
}

static const char *page(struct inprocess *p)
{
    return inprocess_metrics(p, metricsprocess_write, PROM_TEXT);
}

static double value_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void every_family_is_there(void **state)
{
    char *families = metric_lines_families(page(*state));

    assert_string_equal(families, "sealway_build_info gauge\n"
                                  "sealway_log_lines_dropped_total counter\n"
                                  "sealway_log_lines_held_back_total counter\n"
                                  "sealway_ready gauge\n"
                                  "sealway_draining gauge\n"
                                  "process_cpu_seconds_total counter\n"
                                  "process_max_fds gauge\n"
                                  "process_open_fds gauge\n"
                                  "process_resident_memory_bytes gauge\n"
                                  "process_virtual_memory_bytes gauge\n"
                                  "process_start_time_seconds gauge\n");
    free(families);
}

static void the_build_and_the_logs_are_told(void **state)
{
    const char *text = page(*state);

    metric_lines_has(text, "sealway_build_info{version=\"1.2.3\",revision=\"abcdef\","
                           "openssl=\"OpenSSL 3\",libevent=\"libevent 2\"} 1\n"
                           "sealway_log_lines_dropped_total{stream=\"access\"} 0\n"
                           "sealway_log_lines_dropped_total{stream=\"main\"} 0\n"
                           "sealway_log_lines_held_back_total{reason=\"no_route\"} 0\n");
    assert_int_equal(metric_lines_count(text, "sealway_log_lines_held_back_total{"), END_REASONS);
}

static void ready_and_draining_are_what_the_probes_say(void **state)
{
    struct inprocess *p = *state;

    metric_lines_has(page(p), "sealway_ready 1\nsealway_draining 0\n");
    well = false;
    metric_lines_has(page(p), "sealway_ready 0\nsealway_draining 0\n");
    p->draining = true;
    metric_lines_has(page(p), "sealway_draining 1\n");
}

static void the_process_is_told_as_the_kernel_knows_it(void **state)
{
    const char *text = page(*state);
    struct procinfo_memory memory;
    struct rlimit files;

    procinfo_memory(getpid(), &memory);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(value_of(text, "\nprocess_cpu_seconds_total ") <=
                (double)procinfo_cpu_us(getpid()) / 1e6 + 0.02);
    assert_true(value_of(text, "\nprocess_max_fds ") == (double)files.rlim_cur);
    assert_true(value_of(text, "\nprocess_open_fds ") == (double)proxy_fixture_open_fds());
    assert_in_range(value_of(text, "\nprocess_resident_memory_bytes "), memory.rss_kib * 512,
                    memory.rss_kib * 2048);
    assert_true(value_of(text, "\nprocess_virtual_memory_bytes ") >=
                value_of(text, "\nprocess_resident_memory_bytes "));
    assert_in_range(value_of(text, "\nprocess_start_time_seconds "), time(NULL) - 600,
                    time(NULL) + 2);
}

static void write_in_want(void *p)
{
    inprocess_metrics_in_want(p, metricsprocess_write);
}

static void lacking_memory_the_page_fails_and_leaks_nothing(void **state)
{
    assert_true(failalloc_torture(write_in_want, *state) > 2);
}

static void lacking_descriptors_what_cannot_be_read_is_left_out(void **state)
{
    struct inprocess *p = *state;
    struct rlimit before, none;
    const char *text;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    text = page(p);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(metric_lines_count(text, "process_open_fds"), 0);
    assert_int_equal(metric_lines_count(text, "process_resident_memory_bytes"), 0);
    metric_lines_has(text, "sealway_ready 1\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_family_is_there),
        T(the_build_and_the_logs_are_told),
        T(ready_and_draining_are_what_the_probes_say),
        T(the_process_is_told_as_the_kernel_knows_it),
        T(lacking_memory_the_page_fails_and_leaks_nothing),
        T(lacking_descriptors_what_cannot_be_read_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
