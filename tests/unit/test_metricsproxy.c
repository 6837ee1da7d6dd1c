#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/metrics.h"
#include "fakes/name_backend.h"
#include "proxy/proxy.h"
#include "support/ask.h"
#include "support/failalloc.h"
#include "support/inprocess.h"
#include "support/manifest_writer.h"
#include "support/metric_lines.h"
#include "support/proxy_fixture.h"

static const char *page(struct inprocess *p)
{
    return inprocess_metrics(p, metricsproxy_write, PROM_TEXT);
}

static void every_family_is_there_from_the_start(void **state)
{
    char *families = metric_lines_families(page(*state));

    assert_string_equal(families, "sealway_connections_accepted_total counter\n"
                                  "sealway_connections_active gauge\n"
                                  "sealway_connections_refused_total counter\n"
                                  "sealway_client_hello_total counter\n"
                                  "sealway_client_hello_features_total counter\n"
                                  "sealway_route_match_total counter\n"
                                  "sealway_client_hello_size_bytes histogram\n"
                                  "sealway_client_hello_duration_seconds histogram\n"
                                  "sealway_connections_limit gauge\n"
                                  "sealway_accept_errors_total counter\n");
    free(families);
}

#define L "{listener=\"127.0.0.1:PORT\""

static void every_word_of_a_closed_set_starts_at_0(void **state)
{
    const char *text = page(*state);

    assert_int_equal(metric_lines_count(text, "sealway_connections_active" L), PHASES);
    assert_int_equal(metric_lines_count(text, "sealway_connections_refused_total" L), REFUSALS);
    assert_int_equal(metric_lines_count(text, "sealway_client_hello_total" L), HELLO_RESULTS);
    assert_int_equal(metric_lines_count(text, "sealway_client_hello_features_total" L),
                     HELLO_FEATURES);
    assert_int_equal(metric_lines_count(text, "sealway_route_match_total" L), MATCHES);
    assert_int_equal(metric_lines_sum(text, "sealway_") - 1000, 0);
    metric_lines_has(text, "sealway_connections_limit 1000\nsealway_accept_errors_total 0\n");
}

static void what_happened_is_counted_by_its_word(void **state)
{
    struct inprocess *p = *state;
    struct name_backend *b = name_backend_start("127.0.0.1", "web");
    const struct netaddr at = name_backend_addr(b);
    struct ask_answer answer;

    manifest_route(&p->manifests, "web", "*.web.test", &at, 1);
    inprocess_open(p);
    inprocess_start(p);
    assert_true(inprocess_ask(p, "a.web.test", "web"));
    assert_true(inprocess_ask(p, "b.web.test", "web"));
    assert_false(inprocess_ask(p, "other.test", "web"));
    ask_bytes(&p->listen, "GET / HTTP/1.0\r\n\r\n", 18, &answer);
    INPROCESS_UNTIL(p, proxy_active(p->proxy) == 0);
    metric_lines_has(page(p), "sealway_connections_accepted_total" L "} 4\n"
                              "sealway_connections_active" L ",phase=\"relay\"} 0\n"
                              "sealway_client_hello_total" L ",result=\"ok\"} 3\n"
                              "sealway_client_hello_total" L ",result=\"not_tls\"} 1\n"
                              "sealway_route_match_total" L ",result=\"wildcard\"} 2\n"
                              "sealway_route_match_total" L ",result=\"none\"} 1\n"
                              "sealway_client_hello_size_bytes_bucket" L ",le=\"+Inf\"} 3\n"
                              "sealway_client_hello_size_bytes_count" L "} 3\n"
                              "sealway_client_hello_duration_seconds_count" L "} 3\n");
    name_backend_stop(b);
}

static void a_connection_shows_in_the_phase_it_is_in(void **state)
{
    struct inprocess *p = *state;
    int fd = proxy_fixture_dial(&p->listen);

    INPROCESS_UNTIL(
        p, metric_lines_count(page(p), "sealway_connections_active" L ",phase=\"peek\"} 1"));
    assert_int_equal(metric_lines_sum(page(p), "sealway_connections_active"), 1);
    close(fd);
    INPROCESS_UNTIL(p, metric_lines_sum(page(p), "sealway_connections_active") == 0);
}

static void write_in_want(void *p)
{
    inprocess_metrics_in_want(p, metricsproxy_write);
}

static void lacking_memory_the_page_fails_and_leaks_nothing(void **state)
{
    assert_true(failalloc_torture(write_in_want, *state) > 2);
}

int main(void)
{
#define OPEN(name) cmocka_unit_test_setup_teardown(name, inprocess_setup, inprocess_teardown)
#define STARTED(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, inprocess_setup_started, inprocess_teardown)
    const struct CMUnitTest tests[] = {
        STARTED(every_family_is_there_from_the_start),
        STARTED(every_word_of_a_closed_set_starts_at_0),
        OPEN(what_happened_is_counted_by_its_word),
        STARTED(a_connection_shows_in_the_phase_it_is_in),
        STARTED(lacking_memory_the_page_fails_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
