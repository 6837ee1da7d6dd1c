/* SIGTERM and SIGINT: go on accepting for a while, serve what is queued, let connections end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/name_backend.h"
#include "fakes/scripted_peer.h"
#include "support/ask.h"
#include "support/manifest_writer.h"
#include "support/scene.h"
#include "support/second_signal.h"
#include "support/wait_until.h"

/* Far above what ending takes, far below every delay a test sets and expects to be skipped. */
#define PROMPT_MS 10000u

/* Far more than one turn of a worker's loop takes. */
#define QUEUED 200

static bool is_raised(void *ctx)
{
    return peer_flag_is_raised(ctx);
}

static bool refuses(void *ctx)
{
    const struct scene *s = ctx;
    struct ask_answer answer;

    ask_name(&s->addr, "other.test", &answer);
    return answer.end == ASK_REFUSED;
}

/* A second route whose backend says its name, next to the scene's scripted one. */
static struct name_backend *add_other(struct scene *s)
{
    struct name_backend *b = name_backend_start("127.0.0.1", "other");
    struct netaddr addr = name_backend_addr(b);

    manifest_route(&s->manifests, "other", "other.test", &addr, 1);
    return b;
}

static void a_connection_lives_on_while_new_ones_are_first_served_then_refused(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--drain-delay", "4s", "--drain-timeout", "60s", NULL};
    struct name_backend *other = add_other(s);
    struct peer_flag up, go_on;
    peer_flag_init(&up);
    peer_flag_init(&go_on);
    const struct peer_step client[] = {
        PEER_SEND(s->hello.data, s->hello.len),
        PEER_EXPECT_STREAM(1, 10),
        PEER_RAISE(&up),
        PEER_WAIT(&go_on),
        PEER_SEND_STREAM(2, 100000),
        PEER_HALF_CLOSE,
        PEER_EXPECT_STREAM(3, 100000),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        PEER_EXPECT(s->hello.data, s->hello.len),
        PEER_SEND_STREAM(1, 10),
        PEER_EXPECT_STREAM(2, 100000),
        PEER_EXPECT_EOF,
        PEER_SEND_STREAM(3, 100000),
        PEER_END,
    };
    struct peer *c, *b;

    scene_start_with_backend(s, NULL, args);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    assert_true(wait_until(is_raised, &up, PROMPT_MS));
    sealway_signal(s->program, SIGTERM);
    assert_true(ask_reaches(&s->addr, "other.test", "other"));
    assert_true(wait_until(refuses, s, PROMPT_MS));
    peer_flag_raise(&go_on);
    assert_peers_ok(c, b);
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
    name_backend_stop(other);
    peer_flag_fini(&up);
    peer_flag_fini(&go_on);
}

static void what_is_left_after_the_timeout_is_closed(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--drain-timeout", "300ms", NULL};
    struct peer_flag up;
    peer_flag_init(&up);
    const struct peer_step client[] = {PEER_SEND(s->hello.data, s->hello.len),
                                       PEER_EXPECT_STREAM(1, 10), PEER_RAISE(&up), PEER_DRAIN,
                                       PEER_END};
    const struct peer_step server[] = {PEER_EXPECT(s->hello.data, s->hello.len),
                                       PEER_SEND_STREAM(1, 10), PEER_DRAIN, PEER_END};
    struct peer_report report;
    struct peer *c, *b;
    char *line;

    scene_start_with_backend(s, NULL, args);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    assert_true(wait_until(is_raised, &up, PROMPT_MS));
    sealway_signal(s->program, SIGTERM);
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
    peer_join(c, &report);
    peer_join(b, &report);
    line = sealway_access_line(s->program, "reason=drain");
    assert_non_null(line);
    free(line);
    peer_flag_fini(&up);
}

static void a_second_signal_skips_the_waiting(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--drain-delay", "60s", "--drain-timeout", "60s", NULL};
    struct name_backend *other = add_other(s);
    const struct peer_step client[] = {PEER_SEND(s->hello.data, s->hello.len), PEER_DRAIN,
                                       PEER_END};
    const struct peer_step server[] = {PEER_EXPECT(s->hello.data, s->hello.len), PEER_DRAIN,
                                       PEER_END};
    struct peer_report report;
    struct peer *c, *b;

    scene_start_with_backend(s, NULL, args);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    sealway_signal(s->program, SIGTERM);
    assert_true(ask_reaches(&s->addr, "other.test", "other"));
    assert_int_equal(sealway_wait(s->program, 100), -1);
    second_signal_ends(s->program, SIGTERM);
    peer_join(c, &report);
    peer_join(b, &report);
    name_backend_stop(other);
}

static void without_connections_it_ends_at_once(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--drain-timeout", "60s", NULL};

    scene_start_with_backend(s, NULL, args);
    sealway_signal(s->program, SIGINT);
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
}

/* While the program is stopped the kernel queues connections; the first thing it learns when it
 * goes on is the signal to end.  Closing the listener now would reset them all. */
static void connections_in_the_queue_are_served(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--workers", "1", "--drain-timeout", "60s", NULL};
    struct name_backend *other = add_other(s);
    struct hello_bytes hello = {0};
    struct peer_flag sent[QUEUED];
    struct peer *clients[QUEUED];
    char answer[64];

    hello_simple(&hello, "other.test", NULL);
    snprintf(answer, sizeof(answer), "other %zu\n", hello.len);
    scene_start_with_backend(s, NULL, args);
    sealway_signal(s->program, SIGSTOP);
    for (size_t i = 0; i < QUEUED; i++) {
        peer_flag_init(&sent[i]);
        const struct peer_step script[] = {
            PEER_SEND(hello.data, hello.len),    PEER_HALF_CLOSE, PEER_RAISE(&sent[i]),
            PEER_EXPECT(answer, strlen(answer)), PEER_EXPECT_EOF, PEER_END,
        };
        clients[i] = peer_dial(&s->addr, script, NULL);
    }
    for (size_t i = 0; i < QUEUED; i++) {
        assert_true(wait_until(is_raised, &sent[i], PROMPT_MS));
    }
    sealway_signal(s->program, SIGTERM);
    sealway_signal(s->program, SIGCONT);
    for (size_t i = 0; i < QUEUED; i++) {
        assert_peer_ok(clients[i]);
        peer_flag_fini(&sent[i]);
    }
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
    hello_bytes_free(&hello);
    name_backend_stop(other);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(a_connection_lives_on_while_new_ones_are_first_served_then_refused),
        WITH_SCENE(what_is_left_after_the_timeout_is_closed),
        WITH_SCENE(a_second_signal_skips_the_waiting),
        WITH_SCENE(without_connections_it_ends_at_once),
        WITH_SCENE(connections_in_the_queue_are_served),
    };

    return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
