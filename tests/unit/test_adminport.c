#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "app/adminport.h"
#include "app/listeners.h"
#include "base/limits.h"
#include "support/admin_scene.h"
#include "support/failalloc.h"
#include "support/inprocess.h"
#include "support/proxy_fixture.h"

/* The client's half of an admin_scene, on a port that serves the real pages. */
static struct admin_scene client_of(struct inprocess *p)
{
    return (struct admin_scene){.base = p->base, .at = monitor_addr(&p->monitor)};
}

static void assert_page(struct inprocess *p, const char *target, int status, const char *words)
{
    struct admin_scene client = client_of(p);
    struct admin_answer a;
    char request[256];

    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    assert_true(admin_scene_ask(&client, request, &a));
    assert_int_equal(a.status, status);
    if (strstr(a.body, words) == NULL) {
        fail_msg("expected: %s\n%s says: %s", words, target, a.body);
    }
    admin_answer_fini(&a);
}

static void every_page_of_a_serving_instance_answers(void **state)
{
    struct inprocess *p = *state;

    assert_page(p, "/healthz", 200, "[+]workers ok\n[+]controller ok\nok\n");
    assert_page(p, "/readyz", 200, "[+]objects ok\n[+]workers ok\n[+]not-draining ok\nok\n");
    assert_page(p, "/metrics", 200, "\nsealway_ready 1\n");
    assert_page(p, "/routes", 200, "{\"generation\":1,");
    assert_page(p, "/explain?name=x.test", 200, "x.test");
    assert_page(p, "/", 404, "/metrics\n/healthz\n/readyz\n/routes\n/explain\n");
}

static void what_is_not_ready_yet_says_so_but_lives(void **state)
{
    struct inprocess *p = *state;

    assert_page(p, "/healthz", 200, "ok\n");
    assert_page(p, "/readyz", 503,
                "[-]objects: the objects have not all been read yet\n"
                "[-]workers: worker 0 has no table yet\n[+]not-draining ok\n"
                "readyz check failed\n");
    assert_page(p, "/metrics", 200, "\nsealway_ready 0\n");
    assert_page(p, "/routes", 503, "no table yet");
}

static void what_drains_is_alive_and_not_ready(void **state)
{
    struct inprocess *p = *state;

    p->draining = true;
    monitor_forget_controller(&p->monitor);
    assert_page(p, "/healthz", 200, "[+]controller ok\n");
    assert_page(p, "/readyz", 503, "[-]not-draining: stopping: ");
    assert_page(p, "/metrics", 200, "\nsealway_draining 1\n");
}

static void the_default_is_port_10254_of_every_address(void **state)
{
    const struct netaddr a = adminport_default(), like = listeners_default();

    (void)state;
    assert_int_equal(a.port, 10254);
    assert_int_equal(a.family, like.family);
    assert_true(netaddr_is_unspecified(&a));
}

static void opened_alone_it_holds_its_port_until_it_is_closed(void **state)
{
    struct netaddr any, at;
    struct adminport *port, *other;
    char text[NETADDR_TEXT_MAX];
    struct err e;

    (void)state;
    assert_int_equal(netaddr_parse("127.0.0.1:0", &any), 0);
    assert_int_equal(adminport_open(&any, &port, &e), 0);
    at = adminport_addr(port);
    assert_int_not_equal(at.port, 0);
    assert_int_equal(adminport_open(&at, &other, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, netaddr_format(&at, text)));
    assert_non_null(strstr(e.text, "another process has it"));
    assert_null(strchr(e.text, '\n'));
    adminport_close(port);
    assert_int_equal(adminport_open(&at, &port, &e), 0);
    adminport_close(port);
    adminport_close(NULL);
}

static void closing_ends_clients_whose_answers_are_on_the_way(void **state)
{
    struct inprocess *p = *state;
    struct admin_scene client = client_of(p);
    size_t fds = proxy_fixture_open_fds();
    int asking = admin_scene_dial(&client), idle = admin_scene_dial(&client);

    assert_true(admin_scene_say(&client, asking, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"));
    adminport_close(p->monitor.admin);
    p->monitor.admin = NULL;
    admin_scene_expect_end(&client, asking);
    admin_scene_expect_end(&client, idle);
    close(asking);
    close(idle);
    assert_int_equal(proxy_fixture_open_fds(), fds - 1);
}

static void live_in_want(void *ctx)
{
    struct inprocess *p = ctx;
    const struct adminport_config cfg = {.base = p->base,
                                         .metrics = p->monitor.metrics,
                                         .policy = &p->options.policy,
                                         .watchdog = &p->monitor.watchdog};
    struct adminport *port;
    struct err e = {""};
    int rc = adminport_open(&p->options.admin, &port, &e);

    if (rc == 0) {
        rc = adminport_serve(port, &cfg, &e);
        adminport_close(port);
    }
    if (rc != 0) {
        assert_int_equal(rc, -ENOMEM);
        assert_non_null(strstr(e.text, "memory"));
    }
}

static void drop_message(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

static void lacking_memory_it_does_not_serve_and_leaks_nothing(void **state)
{
    event_set_log_callback(drop_message);
    assert_true(failalloc_torture(live_in_want, *state) > 5);
    event_set_log_callback(NULL);
}

static int setup_open(void **state)
{
    inprocess_setup(state);
    inprocess_open(*state);
    return 0;
}

int main(void)
{
#define OPEN(name) cmocka_unit_test_setup_teardown(name, setup_open, inprocess_teardown)
#define STARTED(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, inprocess_setup_started, inprocess_teardown)
    const struct CMUnitTest tests[] = {
        STARTED(every_page_of_a_serving_instance_answers),
        OPEN(what_is_not_ready_yet_says_so_but_lives),
        STARTED(what_drains_is_alive_and_not_ready),
        cmocka_unit_test(the_default_is_port_10254_of_every_address),
        cmocka_unit_test(opened_alone_it_holds_its_port_until_it_is_closed),
        STARTED(closing_ends_clients_whose_answers_are_on_the_way),
        OPEN(lacking_memory_it_does_not_serve_and_leaks_nothing),
    };

    admin_scene_spare_evhttp();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
