/* Dials that cannot be made: no local port left, no route, no answer.  Others are tried, clients
 * are told soon, an endpoint is not blamed for what we lack, and all is well when there is again.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/form.h"
#include "support/manifest_writer.h"
#include "support/mass_scene.h"
#include "support/own_net.h"
#include "support/procinfo.h"
#include "support/proxy_fixture.h"
#include "support/wait_until.h"

#define FEW_PORTS   "41000 41099"
#define MANY_PORTS  "32768 60999"
#define PORTS       100u
#define CLIENTS     300u
#define SOURCES     16u /* of the clients, who have to do with few ports as well */
#define PROMPT_MS   20000u
#define WINDOW_MS   form_pick(10000, 2000, 2000)
#define RECOVERY_MS 5000u /* an endpoint that is blamed is passed over for longer */

#define MOST_CPU_PERCENT 20u

#define BOTH_HOST "both.scene.test"

static const char internal_error[7] = {0x15, 3, 3, 0, 2, 2, 80};

/* A second backend, and a route to it and to `other`. */
static struct mass_backend *add_both(struct mass_scene *m, const struct netaddr *other)
{
    struct mass_backend *second = mass_backend_start("127.0.0.2", MASS_ECHO);
    const struct netaddr both[] = {*other, mass_backend_addr(second)};

    manifest_route(&m->s->manifests, "both", BOTH_HOST, both, 2);
    return second;
}

static struct crowd *come(struct mass_scene *m, const struct hello_bytes *hello, unsigned clients)
{
    struct crowd_config cfg = mass_scene_clients(m, clients);

    cfg.hello = hello->data;
    cfg.hello_len = hello->len;
    cfg.sources = SOURCES;
    return mass_scene_crowd(m, &cfg);
}

static uint64_t slowest_end_ms(const struct crowd *c)
{
    uint64_t slowest_us = 0;

    for (unsigned i = 0; i < crowd_clients(c); i++) {
        const struct crowd_member *m = crowd_member(c, i);
        if (m->state == CROWD_ENDED && m->ended_us - m->connected_us > slowest_us) {
            slowest_us = m->ended_us - m->connected_us;
        }
    }
    return slowest_us / 1000;
}

static bool is_told(void *ctx)
{
    return mass_scene_told(ctx, "cannot connect") > 0;
}

/* Lines of dials that failed, once there is one: a thread of its own writes them. */
static unsigned lines(struct mass_scene *m)
{
    (void)wait_until(is_told, m, PROMPT_MS); /* the number tells */
    return mass_scene_told(m, "cannot connect");
}

static bool has_none_open(void *ctx)
{
    return mass_backend_open(ctx) == 0;
}

static void without_ports_clients_are_told_at_once_and_nothing_spins(void **state)
{
    struct mass_scene *m = *state;
    struct procinfo_load load;
    struct crowd *crowd, *late;
    unsigned served, percent;
    uint64_t began_us;

    mass_scene_start(m, MASS_ECHO, NULL);
    own_net_set("ipv4/ip_local_port_range", FEW_PORTS);
    began_us = clock_now_us();
    crowd = come(m, &m->s->hello, CLIENTS);
    assert_true(crowd_until_told(crowd, PROMPT_MS));
    served = crowd_count_echoed(crowd);
    procinfo_load_begin(&load, sealway_pid(m->s->program));
    crowd_run(crowd, WINDOW_MS);
    percent = procinfo_load_percent(&load);
    print_message("             %u ports: %u of %u served, %u given an alert within %" PRIu64
                  " ms; %u %% CPU, %u lines\n",
                  PORTS, served, CLIENTS,
                  crowd_count_answer(crowd, internal_error, sizeof(internal_error)),
                  slowest_end_ms(crowd), percent, lines(m));
    assert_in_range(served, PORTS / 2, PORTS);
    assert_int_equal(crowd_count_answer(crowd, internal_error, sizeof(internal_error)),
                     CLIENTS - served);
    assert_true(percent < MOST_CPU_PERCENT);
    assert_in_range(lines(m), 1, (clock_now_us() - began_us) / 1000000 + 2); /* one a second */
    assert_int_equal(crowd_ping(crowd, PROMPT_MS), served);
    crowd_leave_all(crowd, true); /* a FIN would keep the ports for a minute */
    assert_true(wait_until(has_none_open, m->backend, PROMPT_MS));
    late = come(m, &m->s->hello, PORTS / 2);
    assert_true(crowd_until_told(late, RECOVERY_MS));
    assert_int_equal(crowd_count_echoed(late), PORTS / 2);
}

/* Somebody else on this machine has all ports towards the first endpoint. */
static void another_endpoint_is_tried_and_the_first_one_is_not_blamed(void **state)
{
    struct mass_scene *m = *state;
    struct hello_bytes hello = {0};
    struct mass_backend *first = mass_backend_start("127.0.0.1", MASS_ECHO), *second;
    const struct netaddr addr = mass_backend_addr(first);
    const struct crowd_config greedy = {.to = addr, .clients = PORTS + 50};
    struct crowd *others, *crowd, *late;
    uint64_t before;

    second = add_both(m, &addr);
    mass_scene_start(m, MASS_ECHO, NULL);
    own_net_set("ipv4/ip_local_port_range", FEW_PORTS);
    others = mass_scene_crowd(m, &greedy);
    assert_true(crowd_until_count(others, CROWD_ENDED, 1, PROMPT_MS)); /* no further port */
    hello_simple(&hello, BOTH_HOST, NULL);
    crowd = come(m, &hello, PORTS / 2);
    assert_true(crowd_until_told(crowd, PROMPT_MS));
    assert_int_equal(crowd_count_echoed(crowd), PORTS / 2);
    assert_int_equal(mass_backend_accepted(second), PORTS / 2);
    assert_true(lines(m) > 0);
    crowd_leave_all(others, true);
    before = mass_backend_accepted(first);
    late = come(m, &hello, PORTS / 5);
    assert_true(crowd_until_told(late, RECOVERY_MS));
    assert_int_equal(crowd_count_echoed(late), PORTS / 5);
    print_message("             %u of %u went to the first endpoint as soon as there were ports\n",
                  (unsigned)(mass_backend_accepted(first) - before), PORTS / 5);
    assert_true(mass_backend_accepted(first) > before);
    hello_bytes_free(&hello);
    mass_backend_stop(first);
    mass_backend_stop(second);
}

/* How many clients of a route whose other endpoint is `bad` are served, and how long that takes. */
static void serve_beside(struct mass_scene *m, const struct netaddr *bad, const char *what)
{
    static const char *const args[] = {"--connect-timeout", "1s", NULL};
    struct hello_bytes hello = {0};
    struct mass_backend *second = add_both(m, bad);
    struct crowd *crowd;
    uint64_t began_us;

    mass_scene_start(m, MASS_ECHO, args);
    hello_simple(&hello, BOTH_HOST, NULL);
    crowd = come(m, &hello, CLIENTS);
    began_us = clock_now_us();
    assert_true(crowd_until_told(crowd, PROMPT_MS));
    print_message(
        "             beside one that %s: %u of %u served within %" PRIu64 " ms, %u lines\n", what,
        crowd_count_echoed(crowd), CLIENTS, (clock_now_us() - began_us) / 1000, lines(m));
    assert_int_equal(crowd_count_echoed(crowd), CLIENTS);
    assert_int_equal(mass_backend_accepted(second), CLIENTS);
    assert_in_range(lines(m), 1, 20); /* it is told when it begins */
    hello_bytes_free(&hello);
    mass_backend_stop(second);
}

/* The kernel drops the SYN, as a firewall, a full table of connections or a dead node would. */
static void an_endpoint_that_never_answers_costs_a_few_a_timeout_each(void **state)
{
    struct netaddr stalled;
    int fill[2], staller = proxy_fixture_staller(&stalled, fill);

    serve_beside(*state, &stalled, "never answers");
    close(staller);
    close(fill[0]);
    close(fill[1]);
}

static void what_the_kernel_will_not_dial_costs_nobody_anything(void **state)
{
    static const struct {
        const char *type, *what;
    } routes[] = {{"prohibit", "is prohibited"},
                  {"unreachable", "is unreachable"},
                  {"blackhole", "has no route"}};

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        struct netaddr bad;
        char command[64];
        if (i > 0) {
            assert_int_equal(mass_scene_teardown(state), 0);
            assert_int_equal(mass_scene_setup(state), 0);
        }
        snprintf(command, sizeof(command), "ip route replace %s 10.9.9.9", routes[i].type);
        if (system(command) != 0) {
            print_message("             skip %s: %s fails\n", __func__, command);
            skip();
        }
        assert_int_equal(netaddr_parse("10.9.9.9:443", &bad), 0);
        serve_beside(*state, &bad, routes[i].what);
    }
}

static int setup(void **state)
{
    own_net_set("ipv4/ip_local_port_range", MANY_PORTS);
    return mass_scene_setup(state);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(without_ports_clients_are_told_at_once_and_nothing_spins),
        WITH_SCENE(another_endpoint_is_tried_and_the_first_one_is_not_blamed),
        WITH_SCENE(an_endpoint_that_never_answers_costs_a_few_a_timeout_each),
        WITH_SCENE(what_the_kernel_will_not_dial_costs_nobody_anything),
    };

    if (!own_net_enter()) {
        print_message("             skip resources_ports: no network namespace permitted\n");
        return 0;
    }
    return cmocka_run_group_tests_name("resources_ports", tests, NULL, NULL);
}
