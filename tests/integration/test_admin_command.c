/*
 * `sealway routes` and `sealway explain --admin` as a user meets them: against a running program,
 * and against whatever else may answer at an address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakes/scripted_peer.h"
#include "support/command.h"
#include "support/json_path.h"
#include "support/objects.h"
#include "support/scene.h"

#define SHOP                                                                                       \
    INGRESS("shop", "web", "", OURS RULES(HOST("shop.test", "web", "number: 443")))                \
    SERVED("shop", "web", "127.0.0.2")

/* Run "ARGS --admin TO TAIL". */
static int run_at(const char *args, const struct netaddr *to, const char *tail)
{
    char command[512], text[NETADDR_TEXT_MAX];

    snprintf(command, sizeof(command), "%s --admin http://%s %s", args, netaddr_format(to, text),
             tail);
    return command_run(command);
}

/* ---- a running program ---- */

static void start_shop(struct scene *s, struct netaddr *admin_out)
{
    tempdir_write(&s->manifests, "shop.yaml", SHOP);
    scene_start(s, NULL);
    *admin_out = sealway_admin(s->program);
}

static void the_routes_of_a_running_program_are_listed(void **state)
{
    struct netaddr admin;
    cJSON *tree;

    start_shop(*state, &admin);
    assert_int_equal(run_at("routes", &admin, ""), 0);
    command_says("shop.test");
    command_says("web:443");
    assert_int_equal(run_at("routes", &admin, "-o json"), 0);
    tree = cJSON_Parse(command_output());
    assert_string_equal(json_path_text(tree, "routes.0.host"), "shop.test");
    cJSON_Delete(tree);
}

static void a_running_program_explains_with_the_exit_status_of_its_verdict(void **state)
{
    struct netaddr admin;
    cJSON *tree;

    start_shop(*state, &admin);
    assert_int_equal(run_at("explain shop.test", &admin, ""), 0);
    command_says("route: host shop.test, ingress shop/web, service web:443, 0 active\n");
    assert_int_equal(run_at("explain nobody.test", &admin, ""), 3);
    command_says("answer: fatal alert unrecognized_name (112)");
    assert_int_equal(run_at("explain ''", &admin, "--alpn h2 --client 192.0.2.7"), 3);
    command_says("name: none\n");
    assert_int_equal(run_at("explain shop.test", &admin, "-o json --alpn 'h2&name=x'"), 0);
    tree = cJSON_Parse(command_output());
    assert_string_equal(json_path_text(tree, "alpn"), "h2&name=x");
    cJSON_Delete(tree);
}

static void a_name_of_any_bytes_arrives_as_it_is(void **state)
{
    struct netaddr admin;

    start_shop(*state, &admin);
    assert_int_equal(run_at("explain \"$(printf '\\033[31m\\302\\233&x=%%2e#')\"", &admin, ""), 3);
    command_is_silent_about("\x1b");
    command_is_silent_about("\xc2\x9b");
    command_says("name: cannot be a DNS name: ?[31m?&x=%2e#\n");
}

static void an_address_may_be_written_as_serve_has_it_or_as_a_url(void **state)
{
    struct netaddr admin;
    char command[128];

    start_shop(*state, &admin);
    snprintf(command, sizeof(command), "routes --admin 127.0.0.1:%u", admin.port);
    assert_int_equal(command_run(command), 0);
    snprintf(command, sizeof(command), "routes --admin 0.0.0.0:%u", admin.port);
    assert_int_equal(command_run(command), 0);
    snprintf(command, sizeof(command), "routes --admin [::]:%u", admin.port);
    assert_int_equal(command_run(command), 0);
    snprintf(command, sizeof(command), "routes --admin HTTP://localhost:%u//", admin.port);
    assert_int_equal(command_run(command), 0);
    snprintf(command, sizeof(command), "routes --admin http://127.0.0.1:%u/nowhere/ 2>&1",
             admin.port);
    assert_int_equal(command_run(command), 1);
    command_says_one_line("answered 404: no such page; there are:");
}

/* ---- no answer ---- */

static void what_is_no_address_is_wrong_usage(void **state)
{
    static const char *const urls[] = {
        "localhost:10254", "127.0.0.1:0",    "https://a:1",    "ftp://a:1",
        "http://",         "http:///routes", "http://:80",     "http://a:1?x",
        "http://a#1",      "http://u@a:1",   "'http://a b:1'", "http://[::1:1",
        "http://a:999999", "10254",          "/run/socket",    "\"http://a$(printf '\\033')b:1\"",
    };
    char command[256];

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        snprintf(command, sizeof(command), "routes --admin %s 2>&1", urls[i]);
        assert_int_equal(command_run(command), 2);
        command_says_one_line(": not an address to ask; give http://HOST:PORT\n");
        command_is_silent_about("\x1b");
        snprintf(command, sizeof(command), "explain x --admin %s 2>&1", urls[i]);
        assert_int_equal(command_run(command), 2);
    }
}

static void where_nobody_listens_the_mend_is_told(void **state)
{
    struct netaddr gone;

    (void)state;
    close(peer_listen("127.0.0.1", 1, NULL, &gone));
    assert_int_equal(run_at("routes", &gone, "2>&1"), 1);
    command_says_one_line("sealway routes: no answer from http://127.0.0.1:");
    command_says("see that sealway serve runs there, and what its --admin says\n");
    assert_int_equal(run_at("explain x", &gone, "2>&1"), 1);
    assert_int_equal(command_run_after("export http_proxy=http://127.0.0.1:9;",
                                       "routes --admin http://127.0.0.1:1 2>&1"),
                     1);
    command_says("127.0.0.1 port 1"); /* not the proxy's */
}

static void a_question_that_is_too_long_is_not_asked(void **state)
{
    (void)state;
    assert_int_equal(command_run("explain \"$(printf 'a%.0s' $(seq 9000))\" --admin "
                                 "http://127.0.0.1:1 2>&1"),
                     1);
    command_says_one_line("sealway explain: the question is too long to be asked\n");
}

/* ---- somebody else's answer ---- */

/* What `command` comes to when this is all the answer it gets. */
static int run_answered(const char *command, const void *answer, size_t len)
{
    const struct peer_step script[] = {PEER_SEND(answer, len), PEER_HALF_CLOSE, PEER_DRAIN,
                                       PEER_END};
    struct peer_report report;
    struct netaddr at;
    int fd = peer_listen("127.0.0.1", 1, NULL, &at), status;
    struct peer *p = peer_accept(fd, script, NULL);

    status = run_at(command, &at, "2>&1");
    peer_join(p, &report); /* may have been cut short */
    close(fd);
    return status;
}

#define ANSWERED(command, text) run_answered(command, text, strlen(text))

static void a_refusal_is_told_by_its_first_line(void **state)
{
    (void)state;
    assert_int_equal(ANSWERED("routes", "HTTP/1.1 503 Busy\r\nContent-Length: 18\r\n\r\n"
                                        "not now\nsecond line"),
                     1);
    command_says_one_line(" answered 503: not now\n");
    assert_int_equal(ANSWERED("routes", "HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n"), 1);
    command_says_one_line(" answered 500: \n");
    assert_int_equal(ANSWERED("routes", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                                        "Content-Length: 0\r\n\r\n"),
                     1);
    command_says_one_line(" answered 302: ");
}

static void what_is_no_sealway_is_not_taken_for_one(void **state)
{
    static const char html[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html";

    (void)state;
    assert_int_equal(ANSWERED("routes", html), 1);
    command_says_one_line("is not the admin port of a sealway that this one can ask\n");
    assert_int_equal(ANSWERED("explain x", html), 1);
    command_says_one_line("is not the admin port of a sealway");
}

static void what_is_no_http_or_is_cut_short_is_no_answer(void **state)
{
    static const char cut[] = "HTTP/1.1 200 OK\r\nSealway-Verdict: listed\r\nContent-Length: 99\r\n"
                              "\r\nshop.test";
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 80};

    (void)state;
    assert_int_equal(run_answered("routes", alert, sizeof(alert)), 1);
    command_says_one_line("sealway routes: no answer from ");
    assert_int_equal(ANSWERED("routes", ""), 1);
    command_says_one_line("sealway routes: no answer from ");
    assert_int_equal(ANSWERED("routes", cut), 1);
    command_says_one_line("sealway routes: no answer from ");
    command_is_silent_about("shop.test");
}

static void an_answer_commands_no_terminal(void **state)
{
    (void)state;
    assert_int_equal(ANSWERED("routes", "HTTP/1.1 200 OK\r\nSealway-Verdict: listed\r\n"
                                        "Content-Length: 21\r\n\r\n"
                                        "one\n\x1b[31m\xc2\x9btwo \xc3\xa4\x7f\nthree"),
                     0);
    command_says("one\n?[31m?two \xc3\xa4?\nth");
    assert_int_equal(ANSWERED("routes", "HTTP/1.1 500 E\r\nContent-Length: 7\r\n\r\n"
                                        "\x1b[31m\r\x9b"),
                     1);
    command_says_one_line(" answered 500: ?[31m?");
    assert_int_equal(ANSWERED("explain x", "HTTP/1.1 200 OK\r\nsealway-verdict: routed\r\n"
                                           "Content-Length: 5\r\n\r\n\x1b[31m"),
                     0);
    command_says("?[31m");
}

/* Its script reads the whole question, lest the answer be lost to a reset. */
static void a_huge_answer_is_cut_off(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nSealway-Verdict: listed\r\n\r\n";
    char question[256], text[NETADDR_TEXT_MAX];
    struct peer_report report;
    struct netaddr at;
    int fd = peer_listen("127.0.0.1", 1, NULL, &at);
    int len = snprintf(question, sizeof(question),
                       "GET /routes?format=table HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n",
                       netaddr_format(&at, text));
    const struct peer_step script[] = {PEER_EXPECT(question, (size_t)len),
                                       PEER_SEND(head, strlen(head)),
                                       PEER_SEND_STREAM(1, 65ul * 1024 * 1024), PEER_END};
    struct peer *p = peer_accept(fd, script, NULL);

    (void)state;
    assert_int_equal(run_at("routes", &at, "2>&1"), 1);
    command_says_one_line(": an answer of more than 64 MiB is no page of sealway\n");
    peer_join(p, &report); /* the client hangs up on it */
    close(fd);
}

static int setup(void **state)
{
    command_setup(NULL);
    return scene_setup(state);
}

static int teardown(void **state)
{
    command_teardown(NULL);
    return scene_teardown(state);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_routes_of_a_running_program_are_listed),
        T(a_running_program_explains_with_the_exit_status_of_its_verdict),
        T(a_name_of_any_bytes_arrives_as_it_is),
        T(an_address_may_be_written_as_serve_has_it_or_as_a_url),
        T(what_is_no_address_is_wrong_usage),
        T(where_nobody_listens_the_mend_is_told),
        T(a_question_that_is_too_long_is_not_asked),
        T(a_refusal_is_told_by_its_first_line),
        T(what_is_no_sealway_is_not_taken_for_one),
        T(what_is_no_http_or_is_cut_short_is_no_answer),
        T(an_answer_commands_no_terminal),
        T(a_huge_answer_is_cut_off),
    };

    return cmocka_run_group_tests_name("admin_command", tests, NULL, NULL);
}
