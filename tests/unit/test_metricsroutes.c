#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/metrics.h"
#include "fakes/name_backend.h"
#include "proxy/stats.h"
#include "support/failalloc.h"
#include "support/hello_builder.h"
#include "support/inprocess.h"
#include "support/manifest_writer.h"
#include "support/metric_lines.h"

#define NOBODY  "{namespace=\"\",route=\"\""
#define REMOVED "{namespace=\"\",route=\"_removed\""
#define WEB     "{namespace=\"test\",route=\"web\""

static struct name_backend *backend;

static int setup(void **state)
{
    backend = name_backend_start("127.0.0.1", "web");
    return inprocess_setup(state);
}

static int teardown(void **state)
{
    int rc = inprocess_teardown(state);

    name_backend_stop(backend);
    return rc;
}

static void start_with_route(struct inprocess *p)
{
    const struct netaddr at = name_backend_addr(backend);

    manifest_route(&p->manifests, "web", "web.test", &at, 1);
    inprocess_open(p);
    inprocess_start(p);
}

static const char *page(struct inprocess *p)
{
    return inprocess_metrics(p, metricsroutes_write, PROM_TEXT);
}

static void every_family_is_there_from_the_start(void **state)
{
    struct inprocess *p = *state;
    char *families;

    start_with_route(p);
    families = metric_lines_families(page(p));
    assert_string_equal(families, "sealway_connections_closed_total counter\n"
                                  "sealway_denied_total counter\n"
                                  "sealway_upstream_retries_total counter\n"
                                  "sealway_connection_duration_seconds histogram\n"
                                  "sealway_received_bytes_total counter\n"
                                  "sealway_sent_bytes_total counter\n"
                                  "sealway_upstream_connect_total counter\n"
                                  "sealway_endpoint_ejections_total counter\n"
                                  "sealway_upstream_connect_duration_seconds histogram\n");
    free(families);
}

static void the_process_has_every_word_at_0_and_a_route_nothing_yet(void **state)
{
    struct inprocess *p = *state;
    const char *text;

    start_with_route(p);
    text = page(p);
    assert_int_equal(metric_lines_count(text, "sealway_connections_closed_total" NOBODY),
                     END_REASONS);
    assert_int_equal(metric_lines_count(text, "sealway_connections_closed_total" REMOVED),
                     END_REASONS);
    assert_int_equal(metric_lines_count(text, "sealway_denied_total" NOBODY), DENIALS);
    assert_int_equal(metric_lines_count(text, "sealway_upstream_connect_total" NOBODY), DIALS);
    assert_int_equal(metric_lines_sum(text, "sealway_"), 0);
    assert_int_equal(metric_lines_count(text, "sealway_connections_closed_total" WEB), 0);
}

/* What one request to the backend adds up to. */
static void assert_one_request(const char *text, const char *route, const char *service)
{
    struct hello_bytes hello = {0};
    char lines[2048];

    hello_simple(&hello, "web.test", NULL);
    snprintf(lines, sizeof(lines),
             "sealway_connections_closed_total{%s,reason=\"client_eof\"} 1\n"
             "sealway_upstream_retries_total{%s} 0\n"
             "sealway_connection_duration_seconds_count{%s} 1\n"
             "sealway_received_bytes_total{%s,service=\"%s\"} %zu\n"
             "sealway_sent_bytes_total{%s,service=\"%s\"} %d\n"
             "sealway_upstream_connect_total{%s,service=\"%s\",result=\"ok\"} 1\n",
             route, route, route, route, service, hello.len, route, service,
             snprintf(NULL, 0, "web %zu\n", hello.len), route, service);
    metric_lines_has(text, lines);
    hello_bytes_free(&hello);
}

static void what_a_route_did_is_counted_by_its_names(void **state)
{
    struct inprocess *p = *state;
    const char *text;

    start_with_route(p);
    assert_true(inprocess_ask(p, "web.test", "web"));
    text = page(p);
    assert_one_request(text, "namespace=\"test\",route=\"web\"", "web");
    metric_lines_has(text,
                     "sealway_endpoint_ejections_total{namespace=\"test\",service=\"web\"} 0\n"
                     "sealway_upstream_connect_duration_seconds_count{namespace=\"test\","
                     "service=\"web\"} 1\n");
    assert_int_equal(metric_lines_count(text, "sealway_connections_closed_total" WEB), 1);
    assert_int_equal(metric_lines_count(text, "sealway_denied_total" WEB), 0);
    assert_int_equal(metric_lines_sum(text, "sealway_connections_closed_total" NOBODY), 0);
}

static void what_found_no_route_is_the_process_own(void **state)
{
    struct inprocess *p = *state;

    start_with_route(p);
    assert_false(inprocess_ask(p, "other.test", "web"));
    metric_lines_has(page(p), "sealway_connections_closed_total" NOBODY ",reason=\"no_route\"} 1\n"
                              "sealway_connection_duration_seconds_count" NOBODY "} 1\n");
}

static void a_route_that_goes_leaves_its_counts_behind(void **state)
{
    struct inprocess *p = *state;

    start_with_route(p);
    assert_true(inprocess_ask(p, "web.test", "web"));
    tempdir_replace(&p->manifests, "web.yaml", "# nobody\n");
    INPROCESS_UNTIL(p, metric_lines_count(page(p), "sealway_connections_closed_total" WEB) == 0);
    assert_one_request(page(p), "namespace=\"\",route=\"_removed\"", "_removed");
}

static void without_metrics_by_route_everything_is_the_process_own(void **state)
{
    struct inprocess *p = *state;
    const char *text;

    p->options.per_route_metrics = false;
    start_with_route(p);
    assert_true(inprocess_ask(p, "web.test", "web"));
    text = page(p);
    assert_one_request(text, "namespace=\"\",route=\"\"", "");
    assert_int_equal(metric_lines_count(text, "sealway_connections_closed_total{"), END_REASONS);
}

static void write_in_want(void *p)
{
    inprocess_metrics_in_want(p, metricsroutes_write);
}

static void lacking_memory_the_page_fails_and_leaks_nothing(void **state)
{
    struct inprocess *p = *state;

    start_with_route(p);
    assert_true(inprocess_ask(p, "web.test", "web"));
    assert_true(failalloc_torture(write_in_want, p) > 8);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_family_is_there_from_the_start),
        T(the_process_has_every_word_at_0_and_a_route_nothing_yet),
        T(what_a_route_did_is_counted_by_its_names),
        T(what_found_no_route_is_the_process_own),
        T(a_route_that_goes_leaves_its_counts_behind),
        T(without_metrics_by_route_everything_is_the_process_own),
        T(lacking_memory_the_page_fails_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
