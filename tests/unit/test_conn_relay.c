#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/relay.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/pattern.h"
#include "support/relay_scene.h"
#include "support/sockopt.h"

#define MIB (1024u * 1024)

static void bytes_pass_both_ways_and_are_counted(void **state)
{
    struct relay_scene *s = *state;
    uint64_t received = s->iw->w->unrouted.received_bytes;

    relay_scene_pass(s, s->client, s->server, "question");
    relay_scene_pass(s, s->server, s->client, "an answer");
    assert_int_equal(s->iw->w->unrouted.received_bytes, received + 8);
    assert_int_equal(s->iw->w->unrouted.sent_bytes, 9);
    assert_int_equal(s->c->up.bytes, s->iw->f.hello_len + 8);
    assert_int_equal(s->c->down.bytes, 9);
    assert_null(s->c->up.held);
    assert_null(s->c->down.held);
}

static void after_the_clients_fin_the_server_may_go_on(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    relay_scene_pass(s, s->server, s->client, "late");
    relay_scene_fin(s->server);
    inline_worker_expect_eof(s->iw, s->client);
    relay_scene_expect_ended(s, END_CLIENT_EOF);
}

static void after_the_servers_fin_the_client_may_go_on(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->server);
    inline_worker_expect_eof(s->iw, s->client);
    relay_scene_pass(s, s->client, s->server, "late");
    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    relay_scene_expect_ended(s, END_SERVER_EOF);
}

static void both_fins_at_once_end_it_in_order(void **state)
{
    struct relay_scene *s = *state;

    inline_worker_write(s->iw, s->client, "bye", 3);
    inline_worker_write(s->iw, s->server, "ciao", 4);
    relay_scene_fin(s->client);
    relay_scene_fin(s->server);
    inline_worker_expect(s->iw, s->server, "bye", 3);
    inline_worker_expect(s->iw, s->client, "ciao", 4);
    inline_worker_expect_eof(s->iw, s->client);
    inline_worker_expect_eof(s->iw, s->server);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(
        inline_worker_ended(s->iw, END_CLIENT_EOF) + inline_worker_ended(s->iw, END_SERVER_EOF), 1);
}

static void without_half_close_the_first_fin_ends_both_ways_behind_its_data(void **state)
{
    struct relay_scene *s = *state;

    s->iw->shared.policy.half_close = false;
    failsys_cut(FAILSYS_SEND, 2); /* so that something is held when the FIN is read */
    inline_worker_write(s->iw, s->client, "last words", 10);
    relay_scene_fin(s->client);
    inline_worker_expect(s->iw, s->server, "last words", 10);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_expect_eof(s->iw, s->client);
    relay_scene_fin(s->server);
    relay_scene_expect_ended(s, END_CLIENT_EOF);
}

static void a_fin_behind_held_bytes_waits_for_them(void **state)
{
    struct relay_scene *s = *state;
    uint64_t sent;

    relay_scene_narrow(s);
    sent = inline_worker_flood(s->iw, s->server, DOWN);
    relay_scene_fin(s->server);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    assert_non_null(s->c->down.held);
    assert_false(s->c->down.finished);
    inline_worker_expect_stream(s->iw, s->client, DOWN, sent);
    inline_worker_expect_eof(s->iw, s->client);
    relay_scene_pass(s, s->client, s->server, "thanks");
    relay_scene_fin(s->client);
    relay_scene_expect_ended(s, END_SERVER_EOF);
}

static void a_full_client_holds_back_its_server_in_bounded_memory(void **state)
{
    struct relay_scene *s = *state;
    unsigned reads;

    relay_scene_narrow(s);
    (void)inline_worker_flood(s->iw, s->server, DOWN);
    assert_non_null(s->c->down.held);
    assert_true(s->c->down.held->left <= s->most_held);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    reads = failsys_count(FAILSYS_RECV);
    relay_scene_pass(s, s->client, s->server, "the other way is free");
    assert_true(failsys_count(FAILSYS_RECV) <= reads + 2);
}

static void a_full_server_holds_back_its_client_and_both_go_on_when_it_reads(void **state)
{
    struct relay_scene *s = *state;
    uint64_t up, down;

    relay_scene_narrow(s);
    up = inline_worker_flood(s->iw, s->client, UP);
    assert_non_null(s->c->up.held);
    assert_true(s->c->up.held->left <= s->most_held);
    down = inline_worker_flood(s->iw, s->server, DOWN); /* both ways full at once */
    assert_non_null(s->c->down.held);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    inline_worker_expect_stream(s->iw, s->server, UP, up);
    inline_worker_expect_stream(s->iw, s->client, DOWN, down);
    relay_scene_fin(s->client);
    relay_scene_fin(s->server);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
}

static void one_event_reads_a_few_times_and_lets_others_work(void **state)
{
    struct relay_scene *s = *state;
    static const uint8_t bytes[LIMIT_RELAY_BYTES];
    const int room = 4 * MIB;
    int waiting = 0;
    unsigned before, reads;

    assert_int_equal(setsockopt(s->c->server.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    while (write(s->server, bytes, sizeof(bytes)) > 0) {
        /* fill what is between us, without the worker */
    }
    assert_int_equal(ioctl(s->c->server.fd, FIONREAD, &waiting), 0);
    if ((unsigned)waiting <= (LIMIT_RELAY_READS + 1) * LIMIT_RELAY_BYTES) {
        print_message("             skip %s: net.core.rmem_max allows no such room\n", __func__);
        skip();
    }
    before = failsys_count(FAILSYS_RECV);
    inline_worker_turn(s->iw);
    reads = failsys_count(FAILSYS_RECV) - before;
    if (s->iw->shared.pipes == 0) {
        assert_int_equal(reads, LIMIT_RELAY_READS);
    } else { /* in and out by turns */
        assert_int_equal(reads, 1);
        assert_int_equal(failsys_count(FAILSYS_SPLICE), 2);
    }
}

static void a_reset_is_passed_on_from_either_side(void **state)
{
    struct relay_scene *s = *state;

    sockopt_reset(s->client);
    s->client = -1;
    inline_worker_expect_reset(s->iw, s->server);
    relay_scene_expect_ended(s, END_CLIENT_RESET);
    relay_scene_close(&s->server);
    inline_worker_relay(s->iw, &s->client, &s->server);
    sockopt_reset(s->server);
    s->server = -1;
    inline_worker_expect_reset(s->iw, s->client);
    relay_scene_expect_ended(s, END_SERVER_RESET);
}

static void a_server_that_resets_while_its_client_is_full_is_noticed(void **state)
{
    struct relay_scene *s = *state;
    uint64_t drained;

    relay_scene_narrow(s);
    (void)inline_worker_flood(s->iw, s->server, DOWN);
    assert_true(inline_worker_rests(s->iw, TICK_MS)); /* watched by now */
    sockopt_reset(s->server);
    s->server = -1;
    relay_scene_expect_ended(s, END_SERVER_RESET);
    assert_false(inline_worker_drain(s->iw, s->client, &drained));
}

static void a_reset_within_the_tick_before_watching_is_noticed_after_it(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_narrow(s);
    (void)inline_worker_flood(s->iw, s->server,
                              DOWN); /* the clock stands: nothing is watched yet */
    assert_int_equal(s->c->server.waiting, 0);
    sockopt_reset(s->server);
    s->server = -1;
    inline_worker_pass(s->iw, TICK_MS);
    relay_scene_expect_ended(s, END_SERVER_RESET);
}

static void a_client_that_resets_while_its_server_is_full_is_noticed(void **state)
{
    struct relay_scene *s = *state;
    uint64_t drained;

    (void)inline_worker_flood(s->iw, s->client, UP);
    assert_non_null(s->c->up.held);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    sockopt_reset(s->client);
    s->client = -1;
    relay_scene_expect_ended(s, END_CLIENT_RESET);
    assert_false(inline_worker_drain(s->iw, s->server, &drained));
}

static void a_reset_after_a_fin_is_noticed(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    sockopt_reset(s->client);
    s->client = -1;
    relay_scene_expect_ended(s, END_CLIENT_RESET);
    INLINE_UNTIL(s->iw, conn_socket_error(s->server) == EPIPE); /* a read would still say EOF */
}

static void a_half_closed_connection_rests(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->server);
    inline_worker_expect_eof(s->iw, s->client);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    relay_scene_pass(s, s->client, s->server, "x");
    assert_true(inline_worker_rests(s->iw, TICK_MS));
}

static void a_sink_that_breaks_is_the_one_to_blame(void **state)
{
    static const struct {
        int error;
        bool up;
        enum end_reason why;
    } cases[] = {{EPIPE, true, END_SERVER_RESET},
                 {ECONNRESET, true, END_SERVER_RESET},
                 {EPIPE, false, END_CLIENT_RESET},
                 {ECONNRESET, false, END_CLIENT_RESET},
                 {ETIMEDOUT, false, END_ERROR}};
    struct relay_scene *s = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t before = inline_worker_ended(s->iw, cases[i].why);
        failsys_fail(FAILSYS_SEND, cases[i].error, 0, 1);
        inline_worker_write(s->iw, cases[i].up ? s->client : s->server, "x", 1);
        INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
        assert_int_equal(inline_worker_ended(s->iw, cases[i].why), before + 1);
        relay_scene_close(&s->client);
        relay_scene_close(&s->server);
        inline_worker_relay(s->iw, &s->client, &s->server);
    }
}

/* Somebody says something and is reset while `to_it`, what the other has sent, is still held. */
static void expect_last_words(struct relay_scene *s, const struct flow *to_it, int *leaver,
                              int other)
{
    failsys_fail(FAILSYS_SEND, EAGAIN, 0, UINT_MAX);
    inline_worker_write(s->iw, other, "too much", 8);
    INLINE_UNTIL(s->iw, to_it->held != NULL);
    inline_worker_write(s->iw, *leaver, "last words", 10);
    sockopt_reset(*leaver);
    *leaver = -1;
    failsys_reset();
    inline_worker_expect(s->iw, other, "last words", 10);
    inline_worker_expect_reset(s->iw, other);
}

/* Before it saw what it had in its hands refused, the server had answered. */
static void what_a_server_said_before_its_reset_is_delivered(void **state)
{
    struct relay_scene *s = *state;

    expect_last_words(s, &s->c->up, &s->server, s->client);
    relay_scene_expect_ended(s, END_SERVER_RESET);
}

/* Nobody reads what the server goes on to send: a client that has taken its leave is gone. */
static void what_a_client_said_before_its_reset_is_delivered(void **state)
{
    struct relay_scene *s = *state;

    expect_last_words(s, &s->c->down, &s->client, s->server);
    relay_scene_expect_ended(s, END_CLIENT_RESET);
}

/* Neither can have what the other said: that is found out once, not as often as there is to read.
 */
static void last_words_for_one_who_is_gone_too_are_dropped(void **state)
{
    static const uint8_t much[3 * LIMIT_RELAY_BYTES];
    struct relay_scene *s = *state;

    assert_int_equal(write(s->client, much, sizeof(much)), sizeof(much));
    assert_int_equal(write(s->server, much, sizeof(much)), sizeof(much));
    failsys_fail(FAILSYS_SEND, EPIPE, 0, UINT_MAX);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(failsys_count(FAILSYS_SEND), 2);
    failsys_reset();
}

/* A host that is unreachable for a while is told by SO_ERROR, too, and is no end of a connection.
 */
static void what_tcp_goes_on_in_spite_of_ends_nothing(void **state)
{
    struct relay_scene *s = *state;
    uint64_t sent;

    relay_scene_narrow(s);
    failsys_fail(FAILSYS_GETSOCKOPT, EHOSTUNREACH, 0, UINT_MAX);
    sent = inline_worker_flood(s->iw, s->server, DOWN);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    assert_int_equal(s->c->server.waiting, CONN_WATCH);
    inline_worker_expect_stream(s->iw, s->client, DOWN, sent);
}

static void a_held_flow_whose_sink_breaks_ends_likewise(void **state)
{
    struct relay_scene *s = *state;

    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 2);
    inline_worker_write(s->iw, s->client, "x", 1);
    INLINE_UNTIL(s->iw, s->c->up.held != NULL);
    failsys_fail(FAILSYS_SEND, ECONNRESET, 0, 1);
    relay_scene_expect_ended(s, END_SERVER_RESET);
    inline_worker_expect_reset(s->iw, s->client);
}

static void a_broken_connection_is_reset_on_both_sides(void **state)
{
    struct relay_scene *s = *state;

    failsys_fail(FAILSYS_RECV, ETIMEDOUT, 0, 1);
    inline_worker_write(s->iw, s->client, "x", 1);
    relay_scene_expect_ended(s, END_ERROR);
    inline_worker_expect_reset(s->iw, s->client);
    inline_worker_expect_reset(s->iw, s->server);
}

static void without_memory_to_hold_bytes_both_sides_are_reset(void **state)
{
    struct relay_scene *s = *state;

    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1);
    failalloc_arm(1);
    inline_worker_write(s->iw, s->client, "x", 1);
    relay_scene_expect_ended(s, END_ERROR);
    assert_true(failalloc_disarm());
    inline_worker_expect_reset(s->iw, s->client);
    inline_worker_expect_reset(s->iw, s->server);
}

static void a_side_that_cannot_be_waited_for_or_watched_ends_it(void **state)
{
    struct relay_scene *s = *state;

    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1); /* for the server to take what is held */
    inline_worker_write(s->iw, s->client, "x", 1);
    relay_scene_expect_ended(s, END_ERROR);
    relay_scene_close(&s->client);
    relay_scene_close(&s->server);

    inline_worker_relay(s->iw, &s->client, &s->server);
    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    inline_worker_pass(s->iw, TICK_MS);
    assert_int_equal(inline_worker_ended(s->iw, END_ERROR), 2);
}

static void a_fin_that_cannot_be_passed_on_is_settled_by_the_reset_behind_it(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->client);
    failsys_fail(FAILSYS_SHUTDOWN, ENOTCONN, 0, 1);
    INLINE_UNTIL(s->iw, s->c->up.finished);
    sockopt_reset(s->server);
    s->server = -1;
    relay_scene_expect_ended(s, END_SERVER_RESET);
}

#define IN_SCENE(test)                                                                             \
    cmocka_unit_test_setup_teardown(test, relay_scene_setup, relay_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(bytes_pass_both_ways_and_are_counted),
        IN_SCENE(after_the_clients_fin_the_server_may_go_on),
        IN_SCENE(after_the_servers_fin_the_client_may_go_on),
        IN_SCENE(both_fins_at_once_end_it_in_order),
        IN_SCENE(without_half_close_the_first_fin_ends_both_ways_behind_its_data),
        IN_SCENE(a_fin_behind_held_bytes_waits_for_them),
        IN_SCENE(a_full_client_holds_back_its_server_in_bounded_memory),
        IN_SCENE(a_full_server_holds_back_its_client_and_both_go_on_when_it_reads),
        IN_SCENE(one_event_reads_a_few_times_and_lets_others_work),
        IN_SCENE(a_reset_is_passed_on_from_either_side),
        IN_SCENE(a_server_that_resets_while_its_client_is_full_is_noticed),
        IN_SCENE(a_reset_within_the_tick_before_watching_is_noticed_after_it),
        IN_SCENE(a_client_that_resets_while_its_server_is_full_is_noticed),
        IN_SCENE(a_reset_after_a_fin_is_noticed),
        IN_SCENE(a_half_closed_connection_rests),
        IN_SCENE(a_sink_that_breaks_is_the_one_to_blame),
        IN_SCENE(what_a_server_said_before_its_reset_is_delivered),
        IN_SCENE(what_a_client_said_before_its_reset_is_delivered),
        IN_SCENE(last_words_for_one_who_is_gone_too_are_dropped),
        IN_SCENE(what_tcp_goes_on_in_spite_of_ends_nothing),
        IN_SCENE(a_held_flow_whose_sink_breaks_ends_likewise),
        IN_SCENE(a_broken_connection_is_reset_on_both_sides),
        IN_SCENE(without_memory_to_hold_bytes_both_sides_are_reset),
        IN_SCENE(a_side_that_cannot_be_waited_for_or_watched_ends_it),
        IN_SCENE(a_fin_that_cannot_be_passed_on_is_settled_by_the_reset_behind_it),
    };
    int failed = cmocka_run_group_tests_name("copying", tests, relay_scene_copies, NULL);

    return failed + cmocka_run_group_tests_name("splicing", tests, relay_scene_splices, NULL);
}
