/* The relay of the real program: every byte, every half-close, every reset, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "fakes/scripted_peer.h"
#include "support/form.h"
#include "support/launcher.h"
#include "support/pattern.h"
#include "support/scene.h"
#include "support/small_net.h"
#include "support/wait_until.h"

#define KIB (1024ULL)
#define MIB (1024ULL * 1024)

#define UP   17 /* seeds of the two directions */
#define DOWN 42

#define SEND_HELLO(s)   PEER_SEND((s)->hello.data, (s)->hello.len)
#define EXPECT_HELLO(s) PEER_EXPECT((s)->hello.data, (s)->hello.len)

static bool splices = true; /* whether the program has pipes for what moves in bulk */

/* Run a client through the program against the scene's backend; both must come to their end. */
static void play(struct scene *s, const struct peer_step *client, const struct peer_step *server)
{
    struct peer *b = peer_accept(s->listener, server, NULL);
    struct peer *c = peer_dial(&s->addr, client, NULL);

    assert_peers_ok(c, b);
}

static void assert_logged(const struct scene *s, const char *reason)
{
    char *line = sealway_access_line(s->program, reason);

    assert_non_null(line);
    free(line);
}

static void bytes_pass_unchanged_both_ways(void **state)
{
    struct scene *s = *state;
    const struct peer_step client[] = {
        SEND_HELLO(s),
        PEER_EXCHANGE(PEER_STREAM(UP, 3 * MIB + 7), PEER_STREAM(DOWN, 5 * MIB + 3)),
        PEER_HALF_CLOSE,
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s),
        PEER_EXCHANGE(PEER_STREAM(DOWN, 5 * MIB + 3), PEER_STREAM(UP, 3 * MIB + 7)),
        PEER_EXPECT_EOF,
        PEER_END,
    };

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
}

static void data_in_one_write_with_the_hello_passes(void **state)
{
    struct scene *s = *state;
    struct hello_bytes flight = {0};
    uint8_t early[64 * KIB];

    pattern_fill(UP, 0, early, sizeof(early));
    hello_bytes_add(&flight, s->hello.data, s->hello.len);
    hello_bytes_add(&flight, early, sizeof(early));

    const struct peer_step client[] = {
        PEER_SEND(flight.data, flight.len),
        PEER_HALF_CLOSE,
        PEER_EXPECT_STREAM(DOWN, 10),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        PEER_EXPECT(flight.data, flight.len),
        PEER_EXPECT_EOF,
        PEER_SEND_STREAM(DOWN, 10),
        PEER_END,
    };

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    hello_bytes_free(&flight);
}

static void a_late_answer_reaches_a_client_that_has_finished(void **state)
{
    struct scene *s = *state;
    const struct peer_step client[] = {
        SEND_HELLO(s),   PEER_SEND_STREAM(UP, 100),
        PEER_HALF_CLOSE, PEER_EXPECT_STREAM(DOWN, 2 * MIB),
        PEER_EXPECT_EOF, PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s), PEER_EXPECT_STREAM(UP, 100),     PEER_EXPECT_EOF,
        PEER_STALL(300), PEER_SEND_STREAM(DOWN, 2 * MIB), PEER_END,
    };

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
}

static void a_client_may_go_on_sending_after_the_server_has_finished(void **state)
{
    struct scene *s = *state;
    const struct peer_step client[] = {
        SEND_HELLO(s),   PEER_EXPECT_STREAM(DOWN, 100), PEER_EXPECT_EOF,
        PEER_STALL(300), PEER_SEND_STREAM(UP, 2 * MIB), PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s), PEER_SEND_STREAM(DOWN, 100),
        PEER_HALF_CLOSE, PEER_EXPECT_STREAM(UP, 2 * MIB),
        PEER_EXPECT_EOF, PEER_END,
    };

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
}

static void ten_megabytes_queued_at_the_fin_all_arrive(void **state)
{
    struct scene *s = *state;
    const struct peer_step client[] = {
        SEND_HELLO(s),
        PEER_EXCHANGE(PEER_STREAM(UP, 10 * MIB), PEER_NO_STREAM),
        PEER_HALF_CLOSE,
        PEER_EXCHANGE(PEER_NO_STREAM, PEER_SLOW_STREAM(DOWN, 10 * MIB, 256 * KIB, 5)),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s),
        PEER_EXCHANGE(PEER_NO_STREAM, PEER_SLOW_STREAM(UP, 10 * MIB, 256 * KIB, 5)),
        PEER_EXPECT_EOF,
        PEER_SEND_STREAM(DOWN, 10 * MIB),
        PEER_HALF_CLOSE,
        PEER_END,
    };

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
}

static void a_reset_of_the_client_reaches_the_server(void **state)
{
    struct scene *s = *state;
    struct peer_flag ready;
    peer_flag_init(&ready);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_WAIT(&ready), PEER_RESET, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_RAISE(&ready), PEER_EXPECT_RESET,
                                       PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    assert_logged(s, "client_reset");
    peer_flag_fini(&ready);
}

static void a_reset_of_the_server_reaches_the_client(void **state)
{
    struct scene *s = *state;
    const struct peer_step client[] = {SEND_HELLO(s), PEER_EXPECT_RESET, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_RESET, PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    assert_logged(s, "server_reset");
}

/* The server floods a client that reads nothing, so the program reads neither side when the client
 * resets. */
static void a_reset_is_passed_on_while_its_side_is_not_written(void **state)
{
    struct scene *s = *state;
    struct peer_flag full;
    peer_flag_init(&full);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_WAIT(&full), PEER_RESET, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_FLOOD(DOWN, 1024 * MIB, 300),
                                       PEER_RAISE(&full), PEER_EXPECT_RESET, PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    assert_logged(s, "client_reset");
    peer_flag_fini(&full);
}

/* The server floods a client that reads nothing, and is not read itself when it resets. */
static void a_reset_is_passed_on_while_its_side_is_not_read(void **state)
{
    struct scene *s = *state;
    struct peer_flag full;
    peer_flag_init(&full);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_WAIT(&full), PEER_EXPECT_RESET,
                                       PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_FLOOD(DOWN, 1024 * MIB, 300),
                                       PEER_RESET, PEER_RAISE(&full), PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    assert_logged(s, "server_reset");
    peer_flag_fini(&full);
}

static void a_reset_of_a_flooding_client_is_passed_on(void **state)
{
    struct scene *s = *state;
    struct peer_flag reset;
    peer_flag_init(&reset);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_FLOOD(UP, 1024 * MIB, 300), PEER_RESET,
                                       PEER_RAISE(&reset), PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_WAIT(&reset), PEER_EXPECT_RESET,
                                       PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    peer_flag_fini(&reset);
}

/* Both sides are full and neither is read nor written: the one that resets must be noticed. */
static void a_reset_is_passed_on_while_both_sides_are_full(void **state)
{
    struct scene *s = *state;
    struct peer_flag client_full, server_full;
    peer_flag_init(&client_full);
    peer_flag_init(&server_full);
    const struct peer_step client[] = {
        SEND_HELLO(s),
        PEER_FLOOD(UP, 1024 * MIB, 300),
        PEER_RAISE(&client_full),
        PEER_WAIT(&server_full),
        PEER_RESET,
        PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s),          PEER_FLOOD(DOWN, 1024 * MIB, 300),
        PEER_RAISE(&server_full), PEER_WAIT(&client_full),
        PEER_EXPECT_RESET,        PEER_END,
    };

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    peer_flag_fini(&client_full);
    peer_flag_fini(&server_full);
}

static void a_reset_after_a_half_close_is_passed_on(void **state)
{
    struct scene *s = *state;
    struct peer_flag finished;
    peer_flag_init(&finished);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_HALF_CLOSE, PEER_WAIT(&finished),
                                       PEER_RESET, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_EXPECT_EOF, PEER_RAISE(&finished),
                                       PEER_EXPECT_RESET, PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    play(s, client, server);
    assert_logged(s, "client_reset");
    peer_flag_fini(&finished);
}

/* What was sent in front of its FIN is the client's, whatever becomes of the server. */
static void a_reset_behind_the_servers_end_does_not_cost_the_answer(void **state)
{
    struct scene *s = *state;
    struct peer_flag finished, gone;
    peer_flag_init(&finished);
    peer_flag_init(&gone);
    const struct peer_step client[] = {SEND_HELLO(s),
                                       PEER_WAIT(&finished),
                                       PEER_WAIT(&gone),
                                       PEER_STALL(100),
                                       PEER_EXPECT_STREAM(DOWN, 100000),
                                       PEER_EXPECT_EOF,
                                       PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s),   PEER_SEND_STREAM(DOWN, 100000),
                                       PEER_HALF_CLOSE,   PEER_RAISE(&finished),
                                       PEER_STALL(100),   PEER_RESET,
                                       PEER_RAISE(&gone), PEER_END};

    const struct peer_options small = {.rcvbuf = 4096}; /* so that most of it waits in the proxy */
    struct peer *b, *c;

    scene_start_with_backend(s, NULL, NULL);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, &small);
    assert_peers_ok(c, b);
    assert_logged(s, "server_reset");
    peer_flag_fini(&finished);
    peer_flag_fini(&gone);
}

static void an_idle_connection_ends_at_the_idle_timeout(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--idle-timeout", "500ms", NULL};
    const struct peer_step client[] = {SEND_HELLO(s), PEER_EXPECT_STREAM(DOWN, 10), PEER_DRAIN,
                                       PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_SEND_STREAM(DOWN, 10), PEER_DRAIN,
                                       PEER_END};
    struct peer_report report;
    struct peer *c, *b;

    scene_start_with_backend(s, NULL, args);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    peer_join(c, &report);
    assert_in_range(report.last_step_ms, 400, 10000);
    peer_join(b, &report);
    assert_logged(s, "idle_timeout");
}

static void bytes_either_way_keep_a_connection_from_being_idle(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--idle-timeout", "3s", NULL};
    const struct peer_step client[] = {
        SEND_HELLO(s),   PEER_EXCHANGE(PEER_NO_STREAM, PEER_STREAM(DOWN, 6)),
        PEER_HALF_CLOSE, PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s),
        PEER_EXCHANGE(PEER_SLOW_STREAM(DOWN, 6, 1, 1000), PEER_NO_STREAM),
        PEER_EXPECT_EOF,
        PEER_END,
    };

    scene_start_with_backend(s, NULL, args);
    play(s, client, server);
}

static void a_half_closed_connection_ends_at_its_own_timeout(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--half-close-timeout", "500ms", NULL};
    struct peer_flag ended;
    peer_flag_init(&ended);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_HALF_CLOSE, PEER_DRAIN, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_EXPECT_EOF, PEER_WAIT(&ended),
                                       PEER_END};
    struct peer_report report;
    struct peer *c, *b;

    scene_start_with_backend(s, NULL, args);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    peer_join(c, &report);
    assert_in_range(report.last_step_ms, 400, 10000);
    assert_logged(s, "half_close_timeout");
    peer_flag_raise(&ended);
    assert_peer_ok(b);
    peer_flag_fini(&ended);
}

static void without_half_close_the_first_fin_ends_both_directions(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--half-close", "off", NULL};
    const struct peer_step client[] = {SEND_HELLO(s), PEER_SEND_STREAM(UP, 1 * MIB),
                                       PEER_HALF_CLOSE, PEER_EXPECT_EOF, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_EXPECT_STREAM(UP, 1 * MIB),
                                       PEER_EXPECT_EOF, PEER_END};

    scene_start_with_backend(s, NULL, args);
    play(s, client, server);
}

static void what_is_queued_is_delivered_before_the_end_without_half_close(void **state)
{
    struct scene *s = *state;
    static const char *const args[] = {"--half-close", "off", NULL};
    const struct peer_step client[] = {
        SEND_HELLO(s),
        PEER_EXCHANGE(PEER_NO_STREAM, PEER_SLOW_STREAM(DOWN, 10 * MIB, 256 * KIB, 2)),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_SEND_STREAM(DOWN, 10 * MIB),
                                       PEER_HALF_CLOSE, PEER_DRAIN, PEER_END};

    scene_start_with_backend(s, NULL, args);
    play(s, client, server);
}

/* Asks the program's size and pipes every millisecond while a peer works. */
struct watched_size {
    const struct sealway *program;
    const struct peer_flag *done;
    long most_kib;
    unsigned most_pipes;
};

/* Descriptors of pipes: what it splices by, and maybe what it was started with. */
static unsigned count_pipes(pid_t pid)
{
    char path[64], target[64];
    unsigned n = 0;

    for (int fd = 0; fd < 100; fd++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
        n += readlink(path, target, sizeof(target)) > 5 && memcmp(target, "pipe:", 5) == 0;
    }
    return n;
}

static bool is_done(void *ctx)
{
    struct watched_size *w = ctx;
    long kib = sealway_rss_kib(w->program);
    unsigned pipes = count_pipes(sealway_pid(w->program));

    w->most_kib = kib > w->most_kib ? kib : w->most_kib;
    w->most_pipes = pipes > w->most_pipes ? pipes : w->most_pipes;
    return peer_flag_is_raised(w->done);
}

/* The pages a sanitizer needs for its own books are not the program's. */
static void assert_grew_less_than(const struct watched_size *w, long before_kib, long limit_kib)
{
    print_message("             resident: %ld KiB before, %ld KiB at most\n", before_kib,
                  w->most_kib);
    if (!FORM_SANITIZED) {
        assert_in_range(w->most_kib - before_kib + limit_kib, 0, 2 * limit_kib);
    }
}

static void a_hundred_megabytes_each_way_to_a_slow_reader_need_no_memory(void **state)
{
    const uint64_t large = form_pick(100, 100, 20) * MIB;
    struct scene *s = *state;
    struct peer_flag done;
    peer_flag_init(&done);
    const struct peer_step client[] = {
        SEND_HELLO(s),
        PEER_EXCHANGE(PEER_STREAM(UP, large), PEER_SLOW_STREAM(DOWN, large, 256 * KIB, 2)),
        PEER_HALF_CLOSE,
        PEER_EXPECT_EOF,
        PEER_RAISE(&done),
        PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s),
        PEER_EXCHANGE(PEER_STREAM(DOWN, large), PEER_SLOW_STREAM(UP, large, 256 * KIB, 2)),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    struct peer *c, *b;
    long before;

    scene_start_with_backend(s, NULL, NULL);
    before = sealway_rss_kib(s->program);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    struct watched_size w = {.program = s->program, .done = &done};
    assert_true(wait_until(is_done, &w, 120000));
    assert_peers_ok(c, b);
    assert_grew_less_than(&w, before, 2048);
    peer_flag_fini(&done);
}

static void a_client_that_never_reads_costs_a_bounded_amount(void **state)
{
    struct scene *s = *state;
    struct peer_flag full;
    peer_flag_init(&full);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_WAIT(&full), PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_FLOOD(DOWN, 1024 * MIB, 500),
                                       PEER_RAISE(&full), PEER_END};
    struct peer *c, *b;

    scene_start_with_backend(s, NULL, NULL);
    const long before = sealway_rss_kib(s->program);
    const unsigned pipes_before = count_pipes(sealway_pid(s->program));
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, NULL);
    struct watched_size w = {.program = s->program, .done = &full};
    assert_true(wait_until(is_done, &w, 60000));
    assert_peers_ok(c, b);
    assert_grew_less_than(&w, before, 2048);
    assert_int_equal(w.most_pipes > pipes_before, splices);
    peer_flag_fini(&full);
}

static void readers_that_stop_and_go_on_always_get_more(void **state)
{
    struct scene *s = *state;
    const struct peer_options small = {.rcvbuf = 4096};
    const struct peer_step client[] = {
        SEND_HELLO(s),
        PEER_EXCHANGE(PEER_STREAM(UP, 1 * MIB), PEER_SLOW_STREAM(DOWN, 1 * MIB, 33337, 1)),
        PEER_HALF_CLOSE,
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        EXPECT_HELLO(s),
        PEER_EXCHANGE(PEER_STREAM(DOWN, 1 * MIB), PEER_SLOW_STREAM(UP, 1 * MIB, 33337, 1)),
        PEER_HALF_CLOSE,
        PEER_EXPECT_EOF,
        PEER_END,
    };
    struct peer *c, *b;

    scene_start_with_backend(s, &small, NULL);
    b = peer_accept(s->listener, server, NULL);
    c = peer_dial(&s->addr, client, &small);
    assert_peers_ok(c, b);
}

/* With less than 1024 descriptors there are no pipes: fdlimit_grant_pipes(). */
static int setup_copying(void **state)
{
    int failed = scene_setup(state);
    const struct scene *s = *state;

    launcher_begin(&s->manifests, "ulimit -n 1000", NULL);
    splices = false;
    return failed;
}

static int teardown_copying(void **state)
{
    splices = true;
    launcher_end();
    return scene_teardown(state);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)
#define COPYING(t)       cmocka_unit_test_setup_teardown(t, setup_copying, teardown_copying)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(bytes_pass_unchanged_both_ways),
        WITH_SCENE(data_in_one_write_with_the_hello_passes),
        WITH_SCENE(a_late_answer_reaches_a_client_that_has_finished),
        WITH_SCENE(a_client_may_go_on_sending_after_the_server_has_finished),
        WITH_SCENE(ten_megabytes_queued_at_the_fin_all_arrive),
        WITH_SCENE(a_reset_of_the_client_reaches_the_server),
        WITH_SCENE(a_reset_of_the_server_reaches_the_client),
        WITH_SCENE(a_reset_is_passed_on_while_its_side_is_not_written),
        WITH_SCENE(a_reset_is_passed_on_while_its_side_is_not_read),
        WITH_SCENE(a_reset_of_a_flooding_client_is_passed_on),
        WITH_SCENE(a_reset_is_passed_on_while_both_sides_are_full),
        WITH_SCENE(a_reset_after_a_half_close_is_passed_on),
        WITH_SCENE(a_reset_behind_the_servers_end_does_not_cost_the_answer),
        WITH_SCENE(an_idle_connection_ends_at_the_idle_timeout),
        WITH_SCENE(bytes_either_way_keep_a_connection_from_being_idle),
        WITH_SCENE(a_half_closed_connection_ends_at_its_own_timeout),
        WITH_SCENE(without_half_close_the_first_fin_ends_both_directions),
        WITH_SCENE(what_is_queued_is_delivered_before_the_end_without_half_close),
        WITH_SCENE(a_hundred_megabytes_each_way_to_a_slow_reader_need_no_memory),
        WITH_SCENE(a_client_that_never_reads_costs_a_bounded_amount),
        WITH_SCENE(readers_that_stop_and_go_on_always_get_more),
    };
    /* What a sink does not take at once is held back and goes out in parts. */
    const struct CMUnitTest small[] = {
        WITH_SCENE(bytes_pass_unchanged_both_ways),
        WITH_SCENE(data_in_one_write_with_the_hello_passes),
        WITH_SCENE(a_late_answer_reaches_a_client_that_has_finished),
        WITH_SCENE(a_client_may_go_on_sending_after_the_server_has_finished),
        WITH_SCENE(a_reset_is_passed_on_while_both_sides_are_full),
        WITH_SCENE(readers_that_stop_and_go_on_always_get_more),
    };
    /* What is spliced above. */
    const struct CMUnitTest copying[] = {
        COPYING(bytes_pass_unchanged_both_ways),
        COPYING(ten_megabytes_queued_at_the_fin_all_arrive),
        COPYING(a_reset_is_passed_on_while_its_side_is_not_written),
        COPYING(a_reset_is_passed_on_while_its_side_is_not_read),
        COPYING(a_reset_of_a_flooding_client_is_passed_on),
        COPYING(a_reset_is_passed_on_while_both_sides_are_full),
        COPYING(a_reset_behind_the_servers_end_does_not_cost_the_answer),
        COPYING(what_is_queued_is_delivered_before_the_end_without_half_close),
        COPYING(a_client_that_never_reads_costs_a_bounded_amount),
    };
    int failed = cmocka_run_group_tests_name("relay", tests, NULL, NULL) +
                 cmocka_run_group_tests_name("relay, copying", copying, NULL, NULL);

    if (!small_net_enter()) {
        print_message("             skip small_buffers: no network namespace permitted\n");
        return failed;
    }
    return failed + cmocka_run_group_tests_name("relay with small buffers", small, NULL, NULL);
}
