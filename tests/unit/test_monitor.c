#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "app/adminport.h"
#include "controller/report.h"
#include "route/table.h"
#include "support/admin_scene.h"
#include "support/failalloc.h"
#include "support/inprocess.h"
#include "support/manifest_writer.h"

static int setup_open(void **state)
{
    inprocess_setup(state);
    inprocess_open(*state);
    return 0;
}

static uint64_t applied(const struct inprocess *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(p->monitor.applies.counts); i++) {
        n += p->monitor.applies.counts[i];
    }
    return n;
}

static void the_first_table_is_seen_with_its_report_and_has_reached_everybody(void **state)
{
    struct inprocess *p = *state;

    assert_false(monitor_is_ready(&p->monitor));
    assert_null(p->monitor.view.table);
    inprocess_start(p);
    assert_int_equal(table_generation(p->monitor.view.table), 1);
    assert_int_equal(p->monitor.view.report->generation, 1);
    assert_int_equal(applied(p), 1);
    assert_true(p->monitor.applies.sum_us > 0);
}

static void a_change_is_seen_and_counted_once_every_worker_has_it(void **state)
{
    struct inprocess *p = *state;
    struct netaddr endpoint;

    assert_int_equal(netaddr_parse("127.0.0.1:1", &endpoint), 0);
    for (uint64_t i = 2; i < 5; i++) {
        char host[32];

        snprintf(host, sizeof(host), "host%u.test", (unsigned)i);
        manifest_route(&p->manifests, "web", host, &endpoint, 1);
        INPROCESS_UNTIL(p, applied(p) == i);
        assert_int_equal(table_generation(p->monitor.view.table), i);
    }
    assert_int_equal(p->monitor.applies.n_pending, 0);
}

static void an_address_in_use_is_told_before_anything_runs(void **state)
{
    struct inprocess *p = *state;
    const struct netaddr taken = monitor_addr(&p->monitor);
    struct monitor other;
    struct err e;

    monitor_init(&other);
    assert_int_equal(monitor_open(&other, &taken, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, "Address already in use"));
    monitor_fini(&other);
}

static void without_an_address_it_takes_the_default(void **state)
{
    const struct netaddr none = {.family = AF_UNSPEC};
    const struct netaddr usual = adminport_default();
    struct netaddr got;
    struct monitor m;
    struct err e;

    (void)state;
    monitor_init(&m);
    if (monitor_open(&m, &none, &e) == 0) {
        got = monitor_addr(&m);
        assert_true(netaddr_equal(&got, &usual));
    } else {
        assert_non_null(strstr(e.text, ":10254: Address already in use")); /* of who runs here */
    }
    monitor_fini(&m);
}

static void one_that_saw_nothing_can_end(void **state)
{
    struct monitor m;

    (void)state;
    monitor_init(&m);
    monitor_fini(&m);
}

static void live_in_want(void *ctx)
{
    struct inprocess *p = ctx;
    const struct monitor_config cfg = {.base = p->base,
                                       .options = &p->options,
                                       .build = p->monitor.metrics.build,
                                       .proxy = p->proxy,
                                       .controller = p->controller,
                                       .logs = p->logs,
                                       .is_draining = p->monitor.metrics.is_draining,
                                       .ctx = p};
    struct err e = {""};
    struct monitor m;
    int rc;

    monitor_init(&m);
    rc = monitor_open(&m, &p->options.admin, &e);
    if (rc == 0) {
        rc = monitor_start(&m, &cfg, &e);
    }
    if (rc != 0) {
        assert_int_equal(rc, -ENOMEM);
        assert_non_null(strstr(e.text, "memory"));
    }
    monitor_fini(&m);
}

static void drop_message(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

static void lacking_memory_it_does_not_start_and_leaks_nothing(void **state)
{
    event_set_log_callback(drop_message);
    assert_true(failalloc_torture(live_in_want, *state) > 8);
    event_set_log_callback(NULL);
}

int main(void)
{
#define OPEN(name) cmocka_unit_test_setup_teardown(name, setup_open, inprocess_teardown)
#define STARTED(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, inprocess_setup_started, inprocess_teardown)
    const struct CMUnitTest tests[] = {
        OPEN(the_first_table_is_seen_with_its_report_and_has_reached_everybody),
        STARTED(a_change_is_seen_and_counted_once_every_worker_has_it),
        OPEN(an_address_in_use_is_told_before_anything_runs),
        cmocka_unit_test(without_an_address_it_takes_the_default),
        cmocka_unit_test(one_that_saw_nothing_can_end),
        OPEN(lacking_memory_it_does_not_start_and_leaks_nothing),
    };

    admin_scene_spare_evhttp();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
