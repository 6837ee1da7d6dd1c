/*
 * The admin port where every port is free and an address is not loopback: a network of the test's
 * own.  Who may see whose hosts, and the defaults that only one on a machine can have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/adminport.h"
#include "support/command.h"
#include "support/http_ask.h"
#include "support/own_net.h"
#include "support/scene.h"

#define ELSEWHERE "192.0.2.1" /* who asks it here has it himself, and it is not loopback */

/* The admin port of the running program at another address than loopback. */
static struct netaddr elsewhere(const struct scene *s)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse_ip(ELSEWHERE, sealway_admin(s->program).port, &a), 0);
    return a;
}

static void others_hosts_are_shown_to_loopback_clients_only(void **state)
{
    static const char *const args[] = {"--admin", "0.0.0.0:0", NULL};
    struct scene *s = *state;
    struct netaddr here, there;

    scene_start_with_backend(s, NULL, args);
    there = elsewhere(s);
    assert_int_equal(netaddr_parse_ip("127.0.0.1", there.port, &here), 0);
    assert_true(http_says(&there, "/routes", 403, "kubectl port-forward"));
    assert_true(http_says(&there, "/explain?name=" SCENE_HOST, 403, "--admin-open"));
    assert_int_equal(http_status(&there, "/metrics"), 200);
    assert_int_equal(http_status(&there, "/healthz"), 200);
    assert_int_equal(http_status(&there, "/readyz"), 200);
    assert_int_equal(http_status(&here, "/routes"), 200);
    assert_int_equal(http_status(&here, "/explain?name=" SCENE_HOST), 200);
}

static void an_open_port_shows_them_to_everybody(void **state)
{
    static const char *const args[] = {"--admin", "0.0.0.0:0", "--admin-open", NULL};
    struct scene *s = *state;
    char command[128];
    struct netaddr there;

    scene_start_with_backend(s, NULL, args);
    there = elsewhere(s);
    assert_int_equal(http_status(&there, "/routes"), 200);
    assert_int_equal(http_status(&there, "/explain?name=" SCENE_HOST), 200);
    snprintf(command, sizeof(command), "routes --admin http://" ELSEWHERE ":%u", there.port);
    assert_int_equal(command_run(command), 0);
    command_says(SCENE_HOST);
}

static void a_command_is_refused_from_elsewhere_with_the_reason(void **state)
{
    static const char *const args[] = {"--admin", "0.0.0.0:0", NULL};
    struct scene *s = *state;
    char command[128];

    scene_start_with_backend(s, NULL, args);
    snprintf(command, sizeof(command), "routes --admin " ELSEWHERE ":%u 2>&1",
             sealway_admin(s->program).port);
    assert_int_equal(command_run(command), 1);
    command_says_one_line("answered 403: this page is for clients on this machine: use kubectl "
                          "port-forward, or start Sealway with --admin-open");
}

static void the_default_port_has_one_of_two_and_the_other_hears_why(void **state)
{
    const struct netaddr usual = adminport_default();
    char text[NETADDR_TEXT_MAX], line[256];
    const char *const args[] = {"--admin", netaddr_format(&usual, text), NULL};
    struct scene *s = *state;

    scene_start_with_backend(s, NULL, args);
    assert_int_equal(command_run("serve --manifests m --listen 127.0.0.1:0 2>&1"), 2);
    snprintf(line, sizeof(line),
             "sealway serve: admin port: cannot listen on %s: Address already in use; another "
             "process has it: stop that one, or choose another port with --admin\n",
             text);
    command_says_one_line(line);
    assert_int_equal(command_run("routes"), 0);
    command_says(SCENE_HOST);
    assert_int_equal(command_run("explain " SCENE_HOST), 0);
    assert_int_equal(command_run("explain nobody.test"), 3);
}

static void one_variable_does_for_the_program_and_for_who_asks_it(void **state)
{
    struct scene *s = *state;

    assert_int_equal(setenv("SEALWAY_ADMIN", "0.0.0.0:10299", 1), 0);
    scene_start_with_backend(s, NULL, NULL);
    assert_int_equal(sealway_admin(s->program).port, 10299);
    assert_int_equal(command_run("routes"), 0);
    command_says(SCENE_HOST);
    assert_int_equal(command_run("explain " SCENE_HOST), 0);
    assert_int_equal(command_run("explain " SCENE_HOST " --manifests m"), 3); /* of a directory */
    assert_int_equal(unsetenv("SEALWAY_ADMIN"), 0);
}

static int setup(void **state)
{
    command_setup(NULL);
    return scene_setup(state);
}

static int teardown(void **state)
{
    unsetenv("SEALWAY_ADMIN");
    command_teardown(NULL);
    return scene_teardown(state);
}

#define IN_NET(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_NET(others_hosts_are_shown_to_loopback_clients_only),
        IN_NET(an_open_port_shows_them_to_everybody),
        IN_NET(a_command_is_refused_from_elsewhere_with_the_reason),
        IN_NET(the_default_port_has_one_of_two_and_the_other_hears_why),
        IN_NET(one_variable_does_for_the_program_and_for_who_asks_it),
    };

    if (!own_net_enter()) {
        print_message("             skip admin_net: no network namespace of its own\n");
        return 0;
    }
    own_net_add_address(ELSEWHERE);
    return cmocka_run_group_tests_name("admin_net", tests, NULL, NULL);
}
