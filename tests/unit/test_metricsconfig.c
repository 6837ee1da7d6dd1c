#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "app/metrics.h"
#include "support/failalloc.h"
#include "support/inprocess.h"
#include "support/metric_lines.h"
#include "support/objects.h"

#define SHOP                                                                                       \
    OUR_CLASS SERVED("shop", "web", "127.0.0.2")                                                   \
        INGRESS("shop", "i", "",                                                                   \
                OURS RULES(HOST("a.test", "web", "number: 443") ", " HOST("*.a.test", "web",       \
                                                                          "number: 443")))

/* A file that was written a moment ago is looked at once more, which counts.  This one is old. */
static void make_old(const struct tempdir *d, const char *name)
{
    const struct timespec times[2] = {{.tv_sec = time(NULL) - 60}, {.tv_sec = time(NULL) - 60}};
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", d->path, name);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int setup_shop(void **state)
{
    struct inprocess *p;

    inprocess_setup(state);
    p = *state;
    tempdir_write(&p->manifests, "shop.yaml", SHOP);
    make_old(&p->manifests, "shop.yaml");
    inprocess_open(p);
    inprocess_start(p);
    return 0;
}

static const char *page(struct inprocess *p)
{
    return inprocess_metrics(p, metricsconfig_write, PROM_TEXT);
}

static double value_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void every_family_is_there_from_the_start(void **state)
{
    char *families = metric_lines_families(page(*state));

    assert_string_equal(families, "sealway_config_apply_total counter\n"
                                  "sealway_config_generation gauge\n"
                                  "sealway_config_last_apply_timestamp_seconds gauge\n"
                                  "sealway_config_last_apply_success gauge\n"
                                  "sealway_config_routes gauge\n"
                                  "sealway_config_table_bytes gauge\n"
                                  "sealway_config_age_seconds gauge\n"
                                  "sealway_config_apply_duration_seconds histogram\n"
                                  "sealway_config_adopted_generation gauge\n"
                                  "sealway_config_rejected_objects gauge\n");
    free(families);
}

static void before_the_first_table_nothing_is_published(void **state)
{
    metric_lines_has(page(*state), "sealway_config_apply_total{result=\"published\"} 0\n"
                                   "sealway_config_generation 0\n"
                                   "sealway_config_last_apply_timestamp_seconds 0\n"
                                   "sealway_config_last_apply_success 1\n"
                                   "sealway_config_routes 0\n"
                                   "sealway_config_apply_duration_seconds_count 0\n"
                                   "sealway_config_adopted_generation{worker=\"0\"} 0\n"
                                   "sealway_config_adopted_generation{worker=\"1\"} 0\n");
}

static void a_table_is_told_with_its_way_to_the_workers(void **state)
{
    const char *text = page(*state);

    metric_lines_has(text, "sealway_config_apply_total{result=\"published\"} 1\n"
                           "sealway_config_apply_total{result=\"unchanged\"} 0\n"
                           "sealway_config_apply_total{result=\"failed\"} 0\n"
                           "sealway_config_generation 1\n"
                           "sealway_config_last_apply_success 1\n"
                           "sealway_config_routes 2\n"
                           "sealway_config_apply_duration_seconds_bucket{le=\"+Inf\"} 1\n"
                           "sealway_config_apply_duration_seconds_count 1\n"
                           "sealway_config_adopted_generation{worker=\"0\"} 1\n"
                           "sealway_config_adopted_generation{worker=\"1\"} 1\n");
    assert_true(value_of(text, "\nsealway_config_apply_duration_seconds_sum ") > 0);
    assert_true(value_of(text, "\nsealway_config_table_bytes ") > 0);
    assert_true(value_of(text, "\nsealway_config_age_seconds ") < INPROCESS_PATIENCE_MS / 1000.0);
    assert_in_range(value_of(text, "\nsealway_config_last_apply_timestamp_seconds "),
                    time(NULL) - INPROCESS_PATIENCE_MS / 1000, time(NULL) + 1);
}

static void a_change_that_changes_no_route_makes_no_table(void **state)
{
    struct inprocess *p = *state;

    tempdir_write(&p->manifests, "more.yaml", SERVICE("shop", "unused", HTTPS_PORT));
    INPROCESS_UNTIL(
        p, metric_lines_sum(page(p), "sealway_config_apply_total{result=\"unchanged\"}") == 1);
    metric_lines_has(page(p), "sealway_config_apply_total{result=\"published\"} 1\n"
                              "sealway_config_generation 1\n"
                              "sealway_config_apply_duration_seconds_count 1\n");
}

static void rejected_objects_are_counted_until_they_are_mended(void **state)
{
    struct inprocess *p = *state;

    assert_int_equal(metric_lines_count(page(p), "sealway_config_rejected_objects{"), 0);
    tempdir_write(&p->manifests, "two.yaml",
                  INGRESS("rival", "j", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    INPROCESS_UNTIL(p, metric_lines_sum(page(p), "sealway_config_rejected_objects{") == 2);
    metric_lines_has(
        page(p),
        "sealway_config_rejected_objects{kind=\"Ingress\",reason=\"HostAlreadyClaimed\"} "
        "1\n"
        "sealway_config_rejected_objects{kind=\"Ingress\",reason=\"ServiceNotFound\"} 1\n");
    tempdir_write(&p->manifests, "two.yaml", "");
    INPROCESS_UNTIL(p, metric_lines_count(page(p), "sealway_config_rejected_objects{") == 0);
}

static void a_source_that_is_gone_is_no_success(void **state)
{
    struct inprocess *p = *state;
    char away[PATH_MAX];

    snprintf(away, sizeof(away), "%s.away", p->manifests.path);
    assert_int_equal(rename(p->manifests.path, away), 0);
    INPROCESS_UNTIL(p, metric_lines_count(page(p), "sealway_config_last_apply_success 0") == 1);
    assert_true(metric_lines_sum(page(p), "sealway_config_apply_total{result=\"failed\"}") > 0);
    metric_lines_has(page(p), "sealway_config_routes 2\n");
    assert_int_equal(rename(away, p->manifests.path), 0);
    INPROCESS_UNTIL(p, metric_lines_count(page(p), "sealway_config_last_apply_success 1") == 1);
}

static void write_in_want(void *p)
{
    inprocess_metrics_in_want(p, metricsconfig_write);
}

static void lacking_memory_the_page_fails_and_leaks_nothing(void **state)
{
    struct inprocess *p = *state;

    tempdir_write(&p->manifests, "two.yaml",
                  INGRESS("rival", "j", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    INPROCESS_UNTIL(p, metric_lines_sum(page(p), "sealway_config_rejected_objects{") == 2);
    assert_true(failalloc_torture(write_in_want, p) > 3);
}

static int setup_open(void **state)
{
    inprocess_setup(state);
    inprocess_open(*state);
    return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_shop, inprocess_teardown)
    const struct CMUnitTest tests[] = {
        T(every_family_is_there_from_the_start),
        cmocka_unit_test_setup_teardown(before_the_first_table_nothing_is_published, setup_open,
                                        inprocess_teardown),
        T(a_table_is_told_with_its_way_to_the_workers),
        T(a_change_that_changes_no_route_makes_no_table),
        T(rejected_objects_are_counted_until_they_are_mended),
        T(a_source_that_is_gone_is_no_success),
        T(lacking_memory_the_page_fails_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
