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
#include "support/pattern.h"
#include "support/relay_play.h"
#include "support/scene.h"
#include "support/small_net.h"
#include "support/wait_until.h"

#define KIB (1024ULL)

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
    relay_play(s, client, server);
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
    relay_play(s, client, server);
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
    relay_play(s, client, server);
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
    relay_play(s, client, server);
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
    relay_play(s, client, server);
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
    relay_assert_logged(s, "idle_timeout");
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
    relay_play(s, client, server);
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
    relay_assert_logged(s, "half_close_timeout");
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
    relay_play(s, client, server);
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
    relay_play(s, client, server);
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
    assert_int_equal(w.most_pipes > pipes_before, relay_splices);
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

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)
#define COPYING(t)       cmocka_unit_test_setup_teardown(t, relay_setup_copying, relay_teardown_copying)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(bytes_pass_unchanged_both_ways),
        WITH_SCENE(data_in_one_write_with_the_hello_passes),
        WITH_SCENE(a_late_answer_reaches_a_client_that_has_finished),
        WITH_SCENE(a_client_may_go_on_sending_after_the_server_has_finished),
        WITH_SCENE(ten_megabytes_queued_at_the_fin_all_arrive),
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
        WITH_SCENE(readers_that_stop_and_go_on_always_get_more),
    };
    /* What is spliced above. */
    const struct CMUnitTest copying[] = {
        COPYING(bytes_pass_unchanged_both_ways),
        COPYING(ten_megabytes_queued_at_the_fin_all_arrive),
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
