/* Reading the hello in the real program, and what each kind of refusal looks like on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakes/name_backend.h"
#include "fakes/scripted_peer.h"
#include "support/ask.h"
#include "support/manifest_writer.h"
#include "support/scene.h"
#include "support/wait_until.h"

#define KIB       1024ULL
#define PROMPT_MS 10000u

/* Descriptions of RFC 8446 6.2 and RFC 6066 3, as numbers: this is a test of the wire. */
#define UNEXPECTED_MESSAGE 10
#define RECORD_OVERFLOW    22
#define ILLEGAL_PARAMETER  47
#define DECODE_ERROR       50
#define INTERNAL_ERROR     80
#define UNRECOGNIZED_NAME  112

static void alert_bytes(uint8_t out[7], unsigned description)
{
    const uint8_t alert[7] = {0x15, 3, 3, 0, 2, 2, (uint8_t)description};

    memcpy(out, alert, sizeof(alert));
}

/* A program with one route, to a backend that says its name. */
struct stage {
    struct scene *scene;
    struct name_backend *backend;
};

static struct stage stage_start(void **state, const char *const *args)
{
    struct stage g = {.scene = *state};
    struct netaddr addr;

    g.backend = name_backend_start("127.0.0.1", "app");
    addr = name_backend_addr(g.backend);
    manifest_route(&g.scene->manifests, "app", SCENE_HOST, &addr, 1);
    scene_start(g.scene, args);
    return g;
}

static void assert_routed(struct stage *g, const struct hello_bytes *raw)
{
    struct ask_answer answer;
    uint8_t *got = malloc(raw->len);

    assert_non_null(got);
    ask_bytes(&g->scene->addr, raw->data, raw->len, &answer);
    assert_true(ask_is_from(&answer, "app", raw->len));
    assert_int_equal(name_backend_last_input(g->backend, got, raw->len), raw->len);
    assert_memory_equal(got, raw->data, raw->len);
    free(got);
}

static void assert_alert(const struct stage *g, const struct hello_bytes *raw, int description)
{
    struct ask_answer answer;

    ask_bytes_open(&g->scene->addr, raw->data, raw->len, &answer);
    assert_true(ask_is_alert(&answer, description));
}

static void assert_logged(const struct stage *g, const char *reason)
{
    char *line = sealway_access_line(g->scene->program, reason);

    assert_non_null(line);
    free(line);
}

static void a_hello_of_one_byte_segments_is_routed(void **state)
{
    struct scene *s = *state;
    const struct peer_step client[] = {
        PEER_TRICKLE(s->hello.data, s->hello.len),
        PEER_HALF_CLOSE,
        PEER_EXPECT("ok", 2),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        PEER_EXPECT(s->hello.data, s->hello.len),
        PEER_EXPECT_EOF,
        PEER_SEND("ok", 2),
        PEER_END,
    };
    struct peer *b, *c;

    scene_start_with_backend(s, NULL, NULL);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    assert_peers_ok(c, b);
}

static bool is_raised(void *ctx)
{
    return peer_flag_is_raised(ctx);
}

/* Kept from its processor for longer than a hello may take, with more to look at than one look of
 * the event loop takes (32), it must not time out those who were not late. */
static void a_stall_of_ours_is_not_held_against_the_clients(void **state)
{
    static const char *const args[] = {"--workers", "1", "--hello-timeout", "6s", NULL};
    enum { CLIENTS = 100, FIRST = 10 };
    struct stage g = stage_start(state, args);
    struct hello_bytes hello = {0};
    struct peer_flag begun[CLIENTS], sent[CLIENTS], go;
    struct peer *clients[CLIENTS];
    char answer[64];

    hello_simple(&hello, SCENE_HOST, NULL);
    snprintf(answer, sizeof(answer), "app %zu\n", hello.len);
    peer_flag_init(&go);
    for (size_t i = 0; i < CLIENTS; i++) {
        peer_flag_init(&begun[i]);
        peer_flag_init(&sent[i]);
        const struct peer_step script[] = {
            PEER_SEND(hello.data, FIRST),
            PEER_RAISE(&begun[i]),
            PEER_WAIT(&go),
            PEER_SEND(hello.data + FIRST, hello.len - FIRST),
            PEER_HALF_CLOSE,
            PEER_RAISE(&sent[i]),
            PEER_EXPECT(answer, strlen(answer)),
            PEER_EXPECT_EOF,
            PEER_END,
        };
        clients[i] = peer_dial(&g.scene->addr, script, NULL);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(wait_until(is_raised, &begun[i], PROMPT_MS));
    }
    sealway_signal(g.scene->program, SIGSTOP);
    peer_flag_raise(&go);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(wait_until(is_raised, &sent[i], PROMPT_MS));
    }
    usleep(6200 * 1000);
    sealway_signal(g.scene->program, SIGCONT);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_peer_ok(clients[i]);
        peer_flag_fini(&begun[i]);
        peer_flag_fini(&sent[i]);
    }
    peer_flag_fini(&go);
    hello_bytes_free(&hello);
    name_backend_stop(g.backend);
}

static void a_hello_over_several_records_is_routed(void **state)
{
    struct stage g = stage_start(state, NULL);
    const size_t sizes[] = {1, 7, 64, 200};
    struct hello h;

    hello_begin(&h, NULL);
    hello_add_name(&h, SCENE_HOST, strlen(SCENE_HOST));
    hello_end(&h);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct hello_bytes raw = {0};

        hello_records(&raw, &h.message, sizes[i]);
        assert_routed(&g, &raw);
        hello_bytes_free(&raw);
    }
    hello_free(&h);
    name_backend_stop(g.backend);
}

static void a_browsers_hello_and_a_sixty_kilobyte_hello_are_routed(void **state)
{
    struct stage g = stage_start(state, NULL);
    struct hello_bytes raw = {0};
    struct hello h;

    hello_browser(&raw, SCENE_HOST);
    assert_routed(&g, &raw);
    hello_bytes_free(&raw);

    hello_begin(&h, NULL);
    hello_add_padding(&h, 60 * KIB);
    hello_add_name(&h, SCENE_HOST, strlen(SCENE_HOST));
    hello_end(&h);
    hello_records(&raw, &h.message, 16 * KIB);
    assert_routed(&g, &raw);
    hello_bytes_free(&raw);
    hello_free(&h);
    name_backend_stop(g.backend);
}

static void each_kind_of_bad_hello_gets_its_own_alert(void **state)
{
    struct stage g = stage_start(state, NULL);
    static const struct {
        const char *name;
        int alert;
    } names[] = {
        {"nobody.scene.test", UNRECOGNIZED_NAME},  {NULL, UNRECOGNIZED_NAME},
        {"10.0.0.1", UNRECOGNIZED_NAME},           {"a..b", ILLEGAL_PARAMETER},
        {"app.scene.test:443", ILLEGAL_PARAMETER}, {"app.scene.test..", ILLEGAL_PARAMETER},
    };
    static const struct {
        const char *bytes;
        size_t len;
        int alert;
    } raws[] = {
        {"\x16\x03\x01\x40\x01", 5, RECORD_OVERFLOW},
        {"\x16\x03\x01\x00\x00", 5, UNEXPECTED_MESSAGE},
        {"\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9, UNEXPECTED_MESSAGE},
        {"\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9, DECODE_ERROR}, /* over --hello-max-bytes */
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct hello_bytes raw = {0};

        hello_simple(&raw, names[i].name, NULL);
        assert_alert(&g, &raw, names[i].alert);
        hello_bytes_free(&raw);
    }
    for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
        struct hello_bytes raw = {0};

        hello_bytes_add(&raw, raws[i].bytes, raws[i].len);
        assert_alert(&g, &raw, raws[i].alert);
        hello_bytes_free(&raw);
    }
    assert_int_equal(name_backend_answered(g.backend), 0);
    name_backend_stop(g.backend);
}

/* A close with unread input would make the kernel reset, and the reset overtake the alert. */
static void an_alert_is_not_lost_to_unread_input(void **state)
{
    struct scene *s = *state;
    struct hello_bytes flight = {0};
    uint8_t alert[7];

    hello_simple(&flight, "nobody.scene.test", NULL);
    hello_bytes_add_zeros(&flight, 64 * KIB);
    alert_bytes(alert, UNRECOGNIZED_NAME);
    const struct peer_step client[] = {
        PEER_SEND(flight.data, flight.len), PEER_STALL(100),
        PEER_EXPECT(alert, sizeof(alert)),  PEER_EXPECT_EOF,
        PEER_EXPECT_NO_RESET(200),          PEER_END,
    };
    scene_start_with_backend(s, NULL, NULL);
    for (int i = 0; i < 5; i++) {
        struct peer *c = peer_dial(&s->addr, client, NULL);

        assert_peer_ok(c);
    }
    hello_bytes_free(&flight);
}

static void the_policy_close_gives_a_fin_without_a_word(void **state)
{
    static const char *const args[] = {
        "--on-unknown-name", "close", "--on-no-name", "close", "--on-not-tls", "close", NULL};
    struct stage g = stage_start(state, args);
    struct ask_answer answer;

    ask_name(&g.scene->addr, "nobody.scene.test", &answer);
    assert_int_equal(answer.end, ASK_FIN);
    assert_int_equal(answer.len, 0);
    ask_name(&g.scene->addr, NULL, &answer);
    assert_int_equal(answer.end, ASK_FIN);
    assert_int_equal(answer.len, 0);
    ask_bytes_open(&g.scene->addr, "GET / HTTP/1.0\r\n\r\n", 18, &answer);
    assert_int_equal(answer.end, ASK_FIN);
    assert_int_equal(answer.len, 0);
    name_backend_stop(g.backend);
}

static void the_policy_reset_gives_a_reset(void **state)
{
    static const char *const args[] = {
        "--on-unknown-name", "reset", "--on-no-name", "reset", "--on-not-tls", "reset", NULL};
    struct stage g = stage_start(state, args);
    struct ask_answer answer;

    ask_name(&g.scene->addr, "nobody.scene.test", &answer);
    assert_int_equal(answer.end, ASK_RESET);
    ask_name(&g.scene->addr, NULL, &answer);
    assert_int_equal(answer.end, ASK_RESET);
    ask_bytes_open(&g.scene->addr, "SSH-2.0-x\r\n", 11, &answer);
    assert_int_equal(answer.end, ASK_RESET);
    name_backend_stop(g.backend);
}

static void plain_http_is_told_so_and_other_protocols_are_closed(void **state)
{
    struct stage g = stage_start(state, NULL);
    struct ask_answer answer;

    ask_bytes_open(&g.scene->addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, &answer);
    assert_int_equal(answer.end, ASK_FIN);
    assert_int_equal(strncmp(answer.bytes, "HTTP/1.1 400 ", 13), 0);
    assert_non_null(strstr(answer.bytes, "\r\n\r\n"));
    ask_bytes_open(&g.scene->addr, "SSH-2.0-x\r\n", 11, &answer);
    assert_int_equal(answer.end, ASK_FIN);
    assert_int_equal(answer.len, 0);
    assert_logged(&g, "hello_not_tls");
    name_backend_stop(g.backend);
}

/* The deadline is one for the whole hello: a byte now and then does not move it. */
static void a_slow_hello_is_closed_at_the_deadline(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--hello-timeout", "3s", NULL};
    const struct peer_step client[] = {
        PEER_SEND(s->hello.data, 10),
        PEER_STALL(2000),
        PEER_SEND(s->hello.data + 10, 1),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    struct peer_report report;
    struct peer *c;
    char *line;

    scene_start_with_backend(s, NULL, args);
    c = peer_dial(&s->addr, client, NULL);
    peer_join(c, &report);
    assert_string_equal(report.failure, "");
    assert_in_range(report.last_step_ms, 0, 2500); /* else the byte has moved it to 3000 */
    line = sealway_access_line(s->program, "hello_timeout");
    assert_non_null(line);
    free(line);
}

static void the_end_of_input_inside_a_hello_ends_the_connection(void **state)
{
    struct stage g = stage_start(state, NULL);
    struct ask_answer answer;

    ask_bytes(&g.scene->addr, g.scene->hello.data, g.scene->hello.len - 1, &answer);
    assert_int_equal(answer.end, ASK_FIN);
    assert_int_equal(answer.len, 0);
    assert_logged(&g, "hello_eof");
    name_backend_stop(g.backend);
}

static void a_hello_over_the_limit_is_refused_by_its_declared_length(void **state)
{
    static const char *const args[] = {"--hello-max-bytes", "1KiB", NULL};
    struct stage g = stage_start(state, args);
    struct hello_bytes raw = {0};
    struct hello h;

    hello_begin(&h, NULL);
    hello_add_padding(&h, 2 * KIB);
    hello_add_name(&h, SCENE_HOST, strlen(SCENE_HOST));
    hello_end(&h);
    hello_records(&raw, &h.message, 16 * KIB);
    raw.len = 9; /* the length of the message is there, and no more */
    assert_alert(&g, &raw, DECODE_ERROR);
    assert_logged(&g, "hello_too_large");
    hello_bytes_free(&raw);
    hello_free(&h);
    name_backend_stop(g.backend);
}

static void a_route_without_endpoints_is_answered_by_its_policy(void **state)
{
    struct scene *s = *state;
    struct ask_answer answer;
    struct peer *c;
    uint8_t alert[7];
    static const char *const reset[] = {"--on-no-endpoint", "reset", NULL};

    alert_bytes(alert, INTERNAL_ERROR);
    const struct peer_step client[] = {
        PEER_SEND(s->hello.data, s->hello.len),
        PEER_EXPECT(alert, sizeof(alert)),
        PEER_EXPECT_EOF,
        PEER_END,
    };

    manifest_route(&s->manifests, "app", SCENE_HOST, NULL, 0);
    scene_start(s, NULL);
    c = peer_dial(&s->addr, client, NULL);
    assert_peer_ok(c);
    scene_stop(s);
    scene_start(s, reset);
    ask_name(&s->addr, SCENE_HOST, &answer);
    assert_int_equal(answer.end, ASK_RESET);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(a_hello_of_one_byte_segments_is_routed),
        WITH_SCENE(a_stall_of_ours_is_not_held_against_the_clients),
        WITH_SCENE(a_hello_over_several_records_is_routed),
        WITH_SCENE(a_browsers_hello_and_a_sixty_kilobyte_hello_are_routed),
        WITH_SCENE(each_kind_of_bad_hello_gets_its_own_alert),
        WITH_SCENE(an_alert_is_not_lost_to_unread_input),
        WITH_SCENE(the_policy_close_gives_a_fin_without_a_word),
        WITH_SCENE(the_policy_reset_gives_a_reset),
        WITH_SCENE(plain_http_is_told_so_and_other_protocols_are_closed),
        WITH_SCENE(a_slow_hello_is_closed_at_the_deadline),
        WITH_SCENE(the_end_of_input_inside_a_hello_ends_the_connection),
        WITH_SCENE(a_hello_over_the_limit_is_refused_by_its_declared_length),
        WITH_SCENE(a_route_without_endpoints_is_answered_by_its_policy),
    };

    return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
