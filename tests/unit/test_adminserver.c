#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/adminserver.h"
#include "admin/adminsocket.h"
#include "support/admin_scene.h"
#include "support/failalloc.h"

#define GET_PAGE "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* Who connects, to the server's eyes; NULL: who it is. */
static const char *pretended_peer;

int __real_getpeername(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_getpeername(int fd, struct sockaddr *sa, socklen_t *len);

int __wrap_getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (pretended_peer == NULL) {
        return __real_getpeername(fd, sa, len);
    }
    assert_int_equal(inet_pton(AF_INET6, pretended_peer, &in6.sin6_addr), 1);
    assert_true(*len >= sizeof(in6));
    memcpy(sa, &in6, sizeof(in6));
    *len = sizeof(in6);
    return 0;
}

static int setup(void **state)
{
    struct admin_scene *scene = test_calloc(1, sizeof(*scene));

    admin_scene_init(scene);
    pretended_peer = NULL;
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    admin_scene_stop(*state);
    test_free(*state);
    return 0;
}

/* --- Pages ----------------------------------------------------------------------------------- */

static void a_page_is_served_with_its_headers(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    assert_true(admin_scene_ask(scene, GET_PAGE, &a));
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, ADMIN_PAGE);
    assert_true(admin_answer_has(&a, "Content-Type: text/plain; charset=utf-8"));
    assert_true(admin_answer_has(&a, "Content-Length: 7"));
    assert_true(admin_answer_has(&a, "Cache-Control: no-store"));
    assert_true(admin_answer_has(&a, "X-Content-Type-Options: nosniff"));
    admin_answer_fini(&a);
}

static void head_gets_the_same_head_and_no_body(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fd;

    admin_scene_start(scene);
    fd = admin_scene_dial(scene);
    for (int i = 0; i < 3; i++) {
        assert_true(admin_scene_say(scene, fd, "HEAD /big HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_true(admin_scene_read(scene, fd, true, &a));
        assert_int_equal(a.status, 200);
        assert_true(admin_answer_has(&a, "Content-Length: 1048576"));
        assert_true(admin_answer_has(&a, "Content-Type: text/plain; charset=utf-8"));
        admin_answer_fini(&a);
    }
    close(fd);
}

static void a_handler_sees_query_and_accept(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    assert_true(admin_scene_ask(
        scene, "GET /echo?a=%20b&c HTTP/1.1\r\nHost: x\r\naccept: text/*;q=0.1\r\n\r\n", &a));
    assert_string_equal(a.body, "/echo|a=%20b&c|text/*;q=0.1");
    assert_true(admin_answer_has(&a, "Content-Type: application/json"));
    assert_true(admin_answer_has(&a, "Sealway-Verdict: echoed"));
    admin_answer_fini(&a);
    assert_true(admin_scene_ask(scene, "GET /echo HTTP/1.0\r\n\r\n", &a));
    assert_string_equal(a.body, "/echo|-|-");
    admin_answer_fini(&a);
}

static void only_get_and_head_are_taken(void **state)
{
    static const char *const methods[] = {"POST",  "PUT",   "DELETE", "OPTIONS",
                                          "PATCH", "TRACE", "BREW",   "get"};
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        char request[128];

        snprintf(request, sizeof(request), "%s /page HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 methods[i]);
        assert_true(admin_scene_ask(scene, request, &a));
        assert_int_equal(a.status, 405);
        assert_true(admin_answer_has(&a, "Allow: GET, HEAD"));
        admin_answer_fini(&a);
    }
    assert_true(admin_scene_gets(scene, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405));
    assert_int_equal(scene->served, 0);
}

static void other_paths_are_answered_with_a_list(void **state)
{
    static const char *const paths[] = {
        "/",
        "/nothing",
        "/page/",
        "//page",
        "/PAGE",
        "/../page",
        "/page/..",
        "/%70age",
        "*",
        "/page%00",
        "/../../etc/passwd",
        "page",
        "/page;a=b",
        "?x",
    };
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char request[128];

        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", paths[i]);
        assert_true(admin_scene_ask(scene, request, &a));
        assert_int_equal(a.status, 404);
        assert_string_equal(a.body,
                            "no such page; there are:\n/page\n/big\n/private\n/echo\n/fail\n");
        admin_answer_fini(&a);
    }
    assert_int_equal(scene->served, 0);
}

static void a_whole_url_is_taken_for_its_path(void **state)
{
    struct admin_scene *scene = *state;

    admin_scene_start(scene);
    assert_true(admin_scene_gets(
        scene, "GET http://127.0.0.1/page HTTP/1.1\r\nHost: localhost\r\n\r\n", 200));
    assert_true(admin_scene_gets(
        scene, "GET http://a.example/page?x HTTP/1.1\r\nHost: a.example\r\n\r\n", 200));
    assert_true(
        admin_scene_gets(scene, "GET http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n", 404));
}

/* --- What is no request ---------------------------------------------------------------------- */

static void malformed_requests_are_refused_and_ended(void **state)
{
    static const char *const requests[] = {
        "\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET /page\r\n", /* HTTP/0.9 */
        "GET /page\r\n\r\n",
        "GET /page HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET /page HTTP/1.1.1\r\nHost: a\r\n\r\n",
        "GET /page FTP/1.1\r\nHost: a\r\n\r\n",
        "GET  /page\tHTTP/1.1\r\n\r\n",
        "GET /page HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /page HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "GET /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /page HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
        "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST /page HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\nContent-Length: 1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /* HTTP/2 */
        "\x16\x03\x01\x02\x01\r\n",         /* TLS, nearly */
    };
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        int fd = admin_scene_dial(scene);

        (void)admin_scene_say(scene, fd, requests[i]);
        assert_true(admin_scene_read(scene, fd, false, &a));
        assert_in_range(a.status, 400, 417);
        assert_true(admin_answer_has(&a, "Connection: close"));
        admin_answer_fini(&a);
        admin_scene_expect_end(scene, fd);
        close(fd);
    }
    assert_int_equal(scene->served, 0);
    assert_true(admin_scene_gets(scene, GET_PAGE, 200));
}

static void versions_that_are_none_are_refused(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    assert_true(admin_scene_gets(scene, "GET /page HTTP/0.9\r\n\r\n", 505));
    assert_true(admin_scene_gets(scene, "GET /page HTTP/-7.1\r\n\r\n", 505));
    assert_true(admin_scene_gets(scene, "GET /page HTTP/1.-1\r\n\r\n", 505));
    assert_true(admin_scene_gets(scene, "GET /page HTTP/1.0\r\n\r\n", 200));
    assert_true(admin_scene_ask(scene, "GET /page HTTP/1.9\r\n\r\n", &a));
    assert_memory_equal(a.head, "HTTP/1.1 200 ", 13);
    admin_answer_fini(&a);
}

static void bodies_are_not_read(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fd;

    admin_scene_start(scene);
    fd = admin_scene_dial(scene);
    assert_true(admin_scene_say(scene, fd,
                                "PUT /page HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"));
    assert_true(admin_scene_read(scene, fd, false, &a));
    assert_int_equal(a.status, 413);
    admin_answer_fini(&a);
    admin_scene_expect_end(scene, fd);
    close(fd);
    assert_true(admin_scene_gets(
        scene, "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405));
}

/* A request whose head has this many bytes, in lines of at most 1000. */
static char *long_head(size_t bytes)
{
    static const char start[] = "GET /page HTTP/1.1\r\n";
    char *text = malloc(bytes + 1);
    size_t len = strlen(start);

    assert_non_null(text);
    memcpy(text, start, len);
    while (len < bytes - 2) {
        size_t line = bytes - 2 - len < 2000 ? bytes - 2 - len : 1000;

        memset(text + len, 'a', line);
        text[len + 1] = ':';
        memcpy(text + len + line - 2, "\r\n", 2);
        len += line;
    }
    memcpy(text + len, "\r\n", 3);
    assert_int_equal(strlen(text), bytes);
    return text;
}

static void a_head_may_have_eight_kib(void **state)
{
    struct admin_scene *scene = *state;
    char *fits = long_head(8192);
    char *too_long = long_head(8192 + 64);

    admin_scene_start(scene);
    assert_true(admin_scene_gets(scene, fits, 200));
    assert_true(admin_scene_gets(scene, too_long, 400));
    free(fits);
    free(too_long);
}

static void a_head_of_a_mebibyte_is_cut_short(void **state)
{
    struct admin_scene *scene = *state;
    char *lines = long_head(1024 * 1024);
    char *line = malloc(1024 * 1024);

    assert_non_null(line);
    memset(line, 'G', 1024 * 1024);
    admin_scene_start(scene);
    for (int i = 0; i < 2; i++) {
        int fd = admin_scene_dial(scene);

        (void)admin_scene_write(scene, fd, i == 0 ? lines : line, 1024 * 1024);
        admin_scene_expect_end(scene, fd);
        close(fd);
    }
    assert_int_equal(scene->served, 0);
    assert_true(admin_scene_gets(scene, GET_PAGE, 200));
    free(lines);
    free(line);
}

/* --- More than one request ------------------------------------------------------------------- */

static void a_connection_serves_many_requests(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fd;

    admin_scene_start(scene);
    fd = admin_scene_dial(scene);
    for (int i = 0; i < 10; i++) {
        assert_true(admin_scene_say(scene, fd, GET_PAGE));
        assert_true(admin_scene_read(scene, fd, false, &a));
        assert_int_equal(a.status, 200);
        admin_answer_fini(&a);
    }
    assert_int_equal(adminserver_clients(scene->server), 1);
    close(fd);
    ADMIN_UNTIL(scene, adminserver_clients(scene->server) == 0);
}

static void a_client_of_http_1_0_is_closed_unless_it_asks(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fd;

    admin_scene_start(scene);
    fd = admin_scene_dial(scene);
    assert_true(admin_scene_say(scene, fd, "GET /page HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_true(admin_scene_read(scene, fd, false, &a));
    assert_true(admin_answer_has(&a, "Connection: keep-alive"));
    admin_answer_fini(&a);
    assert_true(admin_scene_say(scene, fd, "GET /page HTTP/1.0\r\n\r\n"));
    assert_true(admin_scene_read(scene, fd, false, &a));
    admin_answer_fini(&a);
    admin_scene_expect_end(scene, fd);
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    char requests[2048] = "";
    size_t len = 0;
    int fd;

    admin_scene_start(scene);
    for (int i = 0; i < 20; i++) {
        len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                "GET /echo?%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    }
    fd = admin_scene_dial(scene);
    assert_true(admin_scene_say(scene, fd, requests));
    for (int i = 0; i < 20; i++) {
        char want[32];

        snprintf(want, sizeof(want), "/echo|%d|-", i);
        assert_true(admin_scene_read(scene, fd, false, &a));
        assert_string_equal(a.body, want);
        admin_answer_fini(&a);
    }
    close(fd);
}

static void a_client_that_has_finished_its_output_gets_its_answer(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fd;

    scene->big_bytes = 8 * 1024 * 1024;
    admin_scene_start(scene);
    fd = admin_scene_dial(scene);
    assert_int_equal(write(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 30), 30);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(admin_scene_read(scene, fd, false, &a));
    assert_int_equal(a.len, scene->big_bytes);
    admin_answer_fini(&a);
    admin_scene_expect_end(scene, fd);
    close(fd);
}

/* --- Pages for this machine ------------------------------------------------------------------ */

static void private_pages_are_for_loopback_clients(void **state)
{
    static const struct {
        const char *peer;
        int status;
    } cases[] = {
        {"::1", 200},
        {"::ffff:127.0.0.1", 200},
        {"::ffff:127.1.2.3", 200},
        {"::ffff:10.1.2.3", 403},
        {"fd00::1", 403},
        {"fe80::1", 403},
    };
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        pretended_peer = cases[i].peer;
        assert_true(admin_scene_ask(scene, "GET /private HTTP/1.1\r\nHost: [::1]\r\n\r\n", &a));
        assert_int_equal(a.status, cases[i].status);
        assert_true(a.status == 200 || strstr(a.body, "--admin-open") != NULL);
        admin_answer_fini(&a);
        assert_true(admin_scene_gets(scene, GET_PAGE, 200));
    }
}

static void private_pages_are_not_for_names_that_point_here(void **state)
{
    struct admin_scene *scene = *state;

    admin_scene_start(scene);
    assert_true(admin_scene_gets(
        scene, "GET /private HTTP/1.1\r\nHost: rebound.example:10254\r\n\r\n", 403));
    assert_true(admin_scene_gets(
        scene, "GET http://rebound.example/private HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 403));
    assert_true(
        admin_scene_gets(scene, "GET /private HTTP/1.1\r\nHost: localhost:10254\r\n\r\n", 200));
    assert_true(admin_scene_gets(scene, "GET /private HTTP/1.0\r\n\r\n", 200));
    assert_true(
        admin_scene_gets(scene, "GET /page HTTP/1.1\r\nHost: rebound.example:10254\r\n\r\n", 200));
}

static void an_open_server_shows_private_pages_to_everybody(void **state)
{
    struct admin_scene *scene = *state;

    scene->open = true;
    pretended_peer = "::ffff:10.1.2.3";
    admin_scene_start(scene);
    assert_true(
        admin_scene_gets(scene, "GET /private HTTP/1.1\r\nHost: admin.example:10254\r\n\r\n", 200));
}

/* --- Failures -------------------------------------------------------------------------------- */

static void a_failing_handler_is_an_error_of_the_server(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;

    admin_scene_start(scene);
    assert_true(admin_scene_ask(scene, "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n", &a));
    assert_int_equal(a.status, 503);
    assert_true(admin_answer_has(&a, "Retry-After: 5"));
    assert_true(admin_answer_has(&a, "Content-Type: text/plain; charset=utf-8"));
    assert_non_null(strstr(a.body, "Input/output error"));
    assert_null(strstr(a.body, "half a pa"));
    assert_null(strstr(a.head, "Sealway-Verdict"));
    admin_answer_fini(&a);
}

static void a_page_over_the_limit_is_an_error_that_says_so(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;

    scene->limits.page_bytes = scene->big_bytes - 1;
    admin_scene_start(scene);
    assert_true(admin_scene_ask(scene, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", &a));
    assert_int_equal(a.status, 500);
    assert_non_null(strstr(a.body, "larger than"));
    admin_answer_fini(&a);
}

static void open_and_ask(void *ctx)
{
    struct admin_scene *scene = ctx;
    struct adminserver_path path = {"/page", NULL, NULL, false};
    struct adminserver_config cfg = {.paths = &path, .n_paths = 1};
    struct err e;
    int rc;

    cfg.base = event_base_new();
    if (cfg.base == NULL) {
        return;
    }
    assert_int_equal(netaddr_parse("127.0.0.1:0", &scene->at), 0);
    cfg.fd = adminsocket_open(&scene->at, &e);
    assert_true(cfg.fd >= 0);
    rc = adminserver_new(&cfg, &scene->server, &e);
    if (rc == 0) {
        int fd = admin_scene_dial(scene);

        scene->base = cfg.base;
        (void)admin_scene_say(scene, fd, "GET /nothing HTTP/1.0\r\n\r\n");
        admin_scene_expect_end(scene, fd);
        close(fd);
        admin_scene_stop(scene);
        return;
    }
    assert_int_equal(rc, -ENOMEM);
    assert_non_null(strstr(e.text, "memory"));
    close(cfg.fd);
    event_base_free(cfg.base);
}

static void drop_message(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

static void lacking_memory_costs_an_answer_and_no_more(void **state)
{
    event_set_log_callback(drop_message);
    assert_true(failalloc_torture(open_and_ask, *state) > 50);
    event_set_log_callback(NULL);
}

static void it_can_be_freed_before_it_has_done_anything(void **state)
{
    struct admin_scene *scene = *state;
    struct err e;
    int fd;

    admin_scene_start(scene);
    close(admin_scene_dial(scene));
    admin_scene_stop(scene);
    adminserver_free(NULL);
    fd = adminsocket_open(&scene->at, &e);
    assert_true(fd >= 0); /* its socket is closed, too */
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_served_with_its_headers),
        TEST(head_gets_the_same_head_and_no_body),
        TEST(a_handler_sees_query_and_accept),
        TEST(only_get_and_head_are_taken),
        TEST(other_paths_are_answered_with_a_list),
        TEST(a_whole_url_is_taken_for_its_path),
        TEST(malformed_requests_are_refused_and_ended),
        TEST(versions_that_are_none_are_refused),
        TEST(bodies_are_not_read),
        TEST(a_head_may_have_eight_kib),
        TEST(a_head_of_a_mebibyte_is_cut_short),
        TEST(a_connection_serves_many_requests),
        TEST(a_client_of_http_1_0_is_closed_unless_it_asks),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(a_client_that_has_finished_its_output_gets_its_answer),
        TEST(private_pages_are_for_loopback_clients),
        TEST(private_pages_are_not_for_names_that_point_here),
        TEST(an_open_server_shows_private_pages_to_everybody),
        TEST(a_failing_handler_is_an_error_of_the_server),
        TEST(a_page_over_the_limit_is_an_error_that_says_so),
        TEST(lacking_memory_costs_an_answer_and_no_more),
        TEST(it_can_be_freed_before_it_has_done_anything),
    };

    signal(SIGPIPE, SIG_IGN); /* as the program has it */
    admin_scene_spare_evhttp();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
