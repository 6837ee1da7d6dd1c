/* Which backend a name reaches in the real program, what happens when it cannot be reached, and
 * what the access log says about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakes/name_backend.h"
#include "fakes/scripted_peer.h"
#include "support/ask.h"
#include "support/manifest_writer.h"
#include "support/scene.h"
#include "support/wait_until.h"

#define INTERNAL_ERROR    80
#define UNRECOGNIZED_NAME 112

#define QUEUED (256ULL * 1024)

#define PATIENCE_MS 20000

static struct name_backend *backend_of(struct scene *s, const char *name, const char *host)
{
    struct name_backend *b = name_backend_start("127.0.0.1", name);
    struct netaddr addr = name_backend_addr(b);

    manifest_route(&s->manifests, name, host, &addr, 1);
    return b;
}

/* A port that refuses: bound, so that nobody else gets it, and never listening. */
static int refusing_port(struct netaddr *addr_out)
{
    struct sockaddr_storage sa;
    struct netaddr any;
    socklen_t len;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(netaddr_parse("127.0.0.1:0", &any), 0);
    len = netaddr_to_sockaddr(&any, &sa);
    assert_int_equal(bind(fd, (const struct sockaddr *)&sa, len), 0);
    len = sizeof(sa);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    netaddr_from_sockaddr(addr_out, (const struct sockaddr *)&sa);
    return fd;
}

/* A port that swallows: Linux drops a SYN for a listener whose queue of accepted connections is
 * full, which with a backlog of 0 takes one. */
struct black_hole {
    int listener, queued;
};

static struct black_hole black_hole_open(struct netaddr *addr_out)
{
    struct black_hole h = {.listener = peer_listen("127.0.0.1", 0, NULL, addr_out)};
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(addr_out, &sa);

    h.queued = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(h.queued, (const struct sockaddr *)&sa, len), 0);
    return h;
}

static void black_hole_close(struct black_hole *h)
{
    close(h->queued);
    close(h->listener);
}

static void assert_alert_for(const struct scene *s, const char *name, int description)
{
    struct ask_answer answer;

    ask_name(&s->addr, name, &answer);
    assert_true(ask_is_alert(&answer, description));
}

static void an_exact_host_wins_over_a_wildcard_of_one_label(void **state)
{
    struct scene *s = *state;
    struct name_backend *exact = backend_of(s, "exact", "api.shop.test");
    struct name_backend *wild = backend_of(s, "wild", "*.shop.test");

    scene_start(s, NULL);
    assert_true(ask_reaches(&s->addr, "api.shop.test", "exact"));
    assert_true(ask_reaches(&s->addr, "API.Shop.TEST.", "exact"));
    assert_true(ask_reaches(&s->addr, "www.shop.test", "wild"));
    assert_alert_for(s, "a.b.shop.test", UNRECOGNIZED_NAME);
    assert_alert_for(s, "shop.test", UNRECOGNIZED_NAME);
    assert_alert_for(s, NULL, UNRECOGNIZED_NAME);
    name_backend_stop(exact);
    name_backend_stop(wild);
}

static void a_catch_all_answers_only_where_its_namespace_may_have_one(void **state)
{
    struct scene *s = *state;
    static const char *const allowed[] = {"--catch-all", "test", NULL};
    struct name_backend *b = backend_of(s, "rest", "");

    scene_start(s, NULL);
    assert_alert_for(s, "anything.test", UNRECOGNIZED_NAME);
    scene_stop(s);
    scene_start(s, allowed);
    assert_true(ask_reaches(&s->addr, "anything.test", "rest"));
    assert_true(ask_reaches(&s->addr, NULL, "rest"));
    name_backend_stop(b);
}

static void a_route_without_endpoints_gets_internal_error(void **state)
{
    struct scene *s = *state;
    char *line;

    manifest_route(&s->manifests, "app", SCENE_HOST, NULL, 0);
    scene_start(s, NULL);
    assert_alert_for(s, SCENE_HOST, INTERNAL_ERROR);
    line = sealway_access_line(s->program, "reason=no_endpoint");
    assert_non_null(line);
    free(line);
}

/* A text that the program is to write to stderr. */
struct expected_line {
    const struct sealway *program;
    const char *text;
};

static bool is_on_stderr(void *ctx)
{
    const struct expected_line *e = ctx;
    char *log = sealway_stderr(e->program);
    bool found = strstr(log, e->text) != NULL;

    free(log);
    return found;
}

static void assert_told(const struct scene *s, const char *text)
{
    struct expected_line e = {.program = s->program, .text = text};

    assert_true(wait_until(is_on_stderr, &e, PATIENCE_MS));
}

static void a_route_whose_endpoints_all_refuse_gets_internal_error(void **state)
{
    struct scene *s = *state;
    struct netaddr addr;
    int fd = refusing_port(&addr);
    char text[NETADDR_TEXT_MAX];
    char *line, *log;

    manifest_route(&s->manifests, "app", SCENE_HOST, &addr, 1);
    scene_start(s, NULL);
    assert_alert_for(s, SCENE_HOST, INTERNAL_ERROR);
    assert_alert_for(s, SCENE_HOST, INTERNAL_ERROR);
    netaddr_format(&addr, text);
    line = sealway_access_line(s->program, "connect_failed");
    assert_non_null(line);
    assert_non_null(strstr(line, text));
    free(line);
    assert_told(s, "cannot connect to an endpoint");
    log = sealway_stderr(s->program);
    line = strstr(log, "cannot connect to an endpoint");
    assert_non_null(line);
    assert_non_null(strstr(line, text));
    assert_null(strstr(line + 1, "cannot connect to an endpoint"));
    free(log);
    close(fd);
}

/* Take the only place there is: the one before, who looked whether the program listens, may have it
 * for a moment yet.  The backend's end tells who is in; both are returned. */
static void take_the_place(const struct scene *s, int fds[2])
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(&s->addr, &sa);
    const uint64_t end_us = clock_now_us() + PATIENCE_MS * 1000u;

    for (;;) {
        struct pollfd p[] = {{.events = POLLIN}, {.fd = s->listener, .events = POLLIN}};

        p[0].fd = socket(s->addr.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(p[0].fd, (const struct sockaddr *)&sa, len), 0);
        (void)send(p[0].fd, s->hello.data, s->hello.len, MSG_NOSIGNAL);
        assert_true(poll(p, 2, PATIENCE_MS) > 0);
        if (p[1].revents != 0) {
            fds[0] = p[0].fd;
            fds[1] = accept(s->listener, NULL, NULL);
            return;
        }
        close(p[0].fd); /* refused */
        assert_true(clock_now_us() < end_us);
    }
}

static void a_connection_over_a_cap_is_refused_counted_and_told(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--max-connections", "1", NULL};
    struct ask_answer answer;
    int first[2];
    char *line;

    scene_start_with_backend(s, NULL, args);
    take_the_place(s, first);
    ask_name(&s->addr, SCENE_HOST, &answer);
    assert_int_equal(answer.len, 0);
    line = sealway_access_line(s->program, "reason=limit");
    assert_non_null(line);
    assert_non_null(strstr(line, "client=127.0.0.1:"));
    free(line);
    assert_told(s, "--max-connections is reached");
    close(first[0]);
    close(first[1]);
}

struct line_count {
    const struct sealway *program;
    const char *text;
    unsigned wanted, found;
};

static bool has_lines(void *ctx)
{
    struct line_count *c = ctx;
    char *log = sealway_stdout(c->program);

    c->found = 0;
    for (const char *at = log; (at = strstr(at, c->text)) != NULL; at++) {
        c->found++;
    }
    free(log);
    return c->found >= c->wanted;
}

#define TRIES 40u

/* Of the connections so far exactly one had to go on to a second endpoint. */
static void assert_retried_once(const struct scene *s)
{
    struct line_count all = {.program = s->program, .text = " reason=client_eof", .wanted = TRIES};
    struct line_count retried = {.program = s->program, .text = " retries=1 ", .wanted = 1};

    assert_true(wait_until(has_lines, &all, PATIENCE_MS));
    assert_true(has_lines(&retried));
    assert_int_equal(retried.found, 1);
}

/* ask_reaches() also checks that the second endpoint got every byte of the hello, once. */
static void a_refusing_endpoint_is_tried_once_and_then_passed_over(void **state)
{
    struct scene *s = *state;
    struct name_backend *b = name_backend_start("127.0.0.1", "good");
    struct netaddr endpoints[2];
    int fd = refusing_port(&endpoints[0]);

    endpoints[1] = name_backend_addr(b);
    manifest_route(&s->manifests, "app", SCENE_HOST, endpoints, 2);
    scene_start(s, NULL);
    for (int i = 0; i < (int)TRIES; i++) {
        assert_true(ask_reaches(&s->addr, SCENE_HOST, "good"));
    }
    assert_retried_once(s);
    name_backend_stop(b);
    close(fd);
}

static void a_silent_endpoint_costs_one_connect_timeout(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--connect-timeout", "300ms", NULL};
    struct name_backend *b = name_backend_start("127.0.0.1", "good");
    struct netaddr endpoints[2];
    struct black_hole hole = black_hole_open(&endpoints[0]);

    endpoints[1] = name_backend_addr(b);
    manifest_route(&s->manifests, "app", SCENE_HOST, endpoints, 2);
    scene_start(s, args);
    for (int i = 0; i < (int)TRIES; i++) {
        assert_true(ask_reaches(&s->addr, SCENE_HOST, "good"));
    }
    assert_retried_once(s);
    name_backend_stop(b);
    black_hole_close(&hole);
}

static void data_sent_during_a_failed_dial_is_not_lost(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--connect-timeout", "500ms", NULL};
    struct netaddr endpoints[2];
    struct black_hole hole = black_hole_open(&endpoints[0]);
    const struct peer_step client[] = {
        PEER_SEND(s->hello.data, s->hello.len),
        PEER_STALL(50),
        PEER_SEND_STREAM(1, QUEUED),
        PEER_HALF_CLOSE,
        PEER_EXPECT_STREAM(2, 100),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        PEER_EXPECT(s->hello.data, s->hello.len),
        PEER_EXPECT_STREAM(1, QUEUED),
        PEER_EXPECT_EOF,
        PEER_SEND_STREAM(2, 100),
        PEER_END,
    };

    s->listener = peer_listen("127.0.0.1", 64, NULL, &endpoints[1]);
    manifest_route(&s->manifests, "app", SCENE_HOST, endpoints, 2);
    scene_start(s, args);
    for (int i = 0; i < 8; i++) {
        struct peer *b = peer_accept(s->listener, server, NULL);
        struct peer *c = peer_dial(&s->addr, client, NULL);

        assert_peers_ok(c, b);
    }
    black_hole_close(&hole);
}

static void a_client_that_resets_during_the_dial_is_let_go_at_once(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--connect-timeout", "60s", NULL};
    struct netaddr endpoint;
    struct black_hole hole = black_hole_open(&endpoint);
    const struct peer_step client[] = {PEER_SEND(s->hello.data, s->hello.len), PEER_STALL(100),
                                       PEER_RESET, PEER_END};
    struct peer *c;
    char *line;

    manifest_route(&s->manifests, "app", SCENE_HOST, &endpoint, 1);
    scene_start(s, args);
    c = peer_dial(&s->addr, client, NULL);
    assert_peer_ok(c);
    line = sealway_access_line(s->program, "reason=client_reset");
    assert_non_null(line);
    free(line);
    black_hole_close(&hole);
}

static void one_listener_serves_both_address_families(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--listen", "[::]:0", "--listen", "127.0.0.1:0", NULL};
    struct name_backend *b = backend_of(s, "app", SCENE_HOST);
    struct netaddr v4, v6, second;

    scene_start(s, args);
    assert_int_equal(netaddr_parse_ip("127.0.0.1", s->addr.port, &v4), 0);
    assert_int_equal(netaddr_parse_ip("::1", s->addr.port, &v6), 0);
    second = sealway_addr(s->program, 1);
    assert_true(ask_reaches(&v4, SCENE_HOST, "app"));
    assert_true(ask_reaches(&v6, SCENE_HOST, "app"));
    assert_true(ask_reaches(&second, SCENE_HOST, "app"));
    name_backend_stop(b);
}

static void endpoints_of_ipv6_are_reached(void **state)
{
    struct scene *s = *state;
    struct name_backend *b = name_backend_start("::1", "six");
    struct netaddr addr = name_backend_addr(b);

    manifest_route(&s->manifests, "app", SCENE_HOST, &addr, 1);
    scene_start(s, NULL);
    assert_true(ask_reaches(&s->addr, SCENE_HOST, "six"));
    name_backend_stop(b);
}

static void assert_has(const char *line, const char *field)
{
    if (strstr(line, field) == NULL) {
        fail_msg("no %s in: %s", field, line);
    }
}

static void the_access_line_tells_the_whole_story(void **state)
{
    struct scene *s = *state;
    struct name_backend *b = backend_of(s, "app", "*.scene.test");
    struct netaddr addr = name_backend_addr(b);
    char text[NETADDR_TEXT_MAX], want[128];
    char *line;

    scene_start(s, NULL);
    assert_true(ask_reaches(&s->addr, SCENE_HOST, "app"));
    line = sealway_access_line(s->program, SCENE_HOST);
    assert_non_null(line);
    assert_has(line, "time=");
    assert_has(line, " client=127.0.0.1:");
    snprintf(want, sizeof(want), " local=%s ", netaddr_format(&s->addr, text));
    assert_has(line, want);
    assert_has(line, " sni=" SCENE_HOST " ");
    assert_has(line, " host=*.scene.test ");
    assert_has(line, " namespace=test ingress=app service=app ");
    snprintf(want, sizeof(want), " endpoint=%s ", netaddr_format(&addr, text));
    assert_has(line, want);
    assert_has(line, " retries=0 ");
    snprintf(want, sizeof(want), " hello_bytes=%zu ", s->hello.len);
    assert_has(line, want);
    snprintf(want, sizeof(want), " bytes_in=%zu ", s->hello.len);
    assert_has(line, want);
    assert_has(line, " closed_by=client ");
    assert_has(line, " reason=client_eof");
    free(line);
    name_backend_stop(b);
}

static void the_access_line_as_json_has_every_field(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--log-format", "json", NULL};
    static const char *const texts[] = {"time",    "client",   "local",     "sni",
                                        "tls",     "host",     "namespace", "ingress",
                                        "service", "endpoint", "closed_by", "reason"};
    static const char *const numbers[] = {"retries",     "hello_bytes", "hello_ms", "connect_ms",
                                          "duration_ms", "bytes_in",    "bytes_out"};
    struct name_backend *b = backend_of(s, "app", SCENE_HOST);
    cJSON *json;
    char *line;

    scene_start(s, args);
    assert_true(ask_reaches(&s->addr, SCENE_HOST, "app"));
    line = sealway_access_line(s->program, SCENE_HOST);
    assert_non_null(line);
    json = cJSON_Parse(line);
    assert_non_null(json);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, texts[i])));
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(json, numbers[i])));
    }
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "alpn")));
    cJSON_Delete(json);
    free(line);
    name_backend_stop(b);
}

/* Escapes, quotes, line ends and bytes that are no UTF-8 must not reach the terminal or the parser
 * of whoever reads the log. */
static void assert_hostile_name_is_one_clean_line(struct scene *s, const char *format)
{
    static const char name[] = "evil\x1b[2J\"\r\nsni=forged\xff\xc0.test";
    const char *const args[] = {"--log-format", format, NULL};
    struct ask_answer answer;
    cJSON *json = NULL;
    char *line;

    scene_start(s, args);
    ask_name(&s->addr, name, &answer);
    assert_true(ask_is_alert(&answer, 47));
    line = sealway_access_line(s->program, "evil");
    assert_non_null(line);
    assert_has(line, "hello_malformed");
    for (const char *p = line; *p != '\0'; p++) {
        assert_true(isprint((unsigned char)*p));
    }
    assert_null(strstr(line, " sni=forged"));
    if (strcmp(format, "json") == 0) {
        json = cJSON_Parse(line);
        assert_non_null(json);
    }
    cJSON_Delete(json);
    free(line);
    scene_stop(s);
}

static void a_hostile_name_is_escaped_in_the_log(void **state)
{
    assert_hostile_name_is_one_clean_line(*state, "text");
    assert_hostile_name_is_one_clean_line(*state, "json");
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(an_exact_host_wins_over_a_wildcard_of_one_label),
        WITH_SCENE(a_catch_all_answers_only_where_its_namespace_may_have_one),
        WITH_SCENE(a_route_without_endpoints_gets_internal_error),
        WITH_SCENE(a_route_whose_endpoints_all_refuse_gets_internal_error),
        WITH_SCENE(a_connection_over_a_cap_is_refused_counted_and_told),
        WITH_SCENE(a_refusing_endpoint_is_tried_once_and_then_passed_over),
        WITH_SCENE(a_silent_endpoint_costs_one_connect_timeout),
        WITH_SCENE(data_sent_during_a_failed_dial_is_not_lost),
        WITH_SCENE(a_client_that_resets_during_the_dial_is_let_go_at_once),
        WITH_SCENE(one_listener_serves_both_address_families),
        WITH_SCENE(endpoints_of_ipv6_are_reached),
        WITH_SCENE(the_access_line_tells_the_whole_story),
        WITH_SCENE(the_access_line_as_json_has_every_field),
        WITH_SCENE(a_hostile_name_is_escaped_in_the_log),
    };

    return cmocka_run_group_tests_name("routing", tests, NULL, NULL);
}
