#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/relay.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/pattern.h"
#include "support/sockopt.h"

#define MIB     (1024u * 1024)
#define UP      17 /* seeds of the two directions */
#define DOWN    42
#define TICK_MS (2 * TIMEWHEEL_TICK_MS) /* until a side that waits for nothing is watched */
#define AGE_MS  10000
#define IDLE_MS 60000
#define HALF_MS 30000

/* A relayed connection: the worker's inside of it, and the test's two ends. */
struct scene {
    struct inline_worker *iw;
    struct conn *c;
    int client, server;
};

/* The same is expected of copying and of splicing. */
static unsigned pipes;
static size_t most_held;

static int setup(void **state)
{
    static struct scene s;
    void *iw;

    failsys_reset();
    inline_worker_setup(&iw);
    s = (struct scene){.iw = iw, .client = -1, .server = -1};
    s.iw->f.policy.idle_timeout_ms = IDLE_MS;
    s.iw->shared.pipes = pipes;
    inline_worker_open(s.iw, proxy_fixture_simple(&s.iw->f));
    inline_worker_relay(s.iw, &s.client, &s.server);
    s.c = inline_worker_conn(s.iw, CONN_RELAYING);
    failsys_reset();
    *state = &s;
    return 0;
}

static void close_end(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static int teardown(void **state)
{
    struct scene *s = *state;
    void *iw = s->iw;

    failsys_reset();
    (void)failalloc_disarm();
    close_end(&s->client);
    close_end(&s->server);
    return inline_worker_teardown(&iw);
}

/* The test's client anew, with a receive buffer that is soon full. */
static void narrow(struct scene *s)
{
    struct inline_worker *iw = s->iw;

    close_end(&s->client);
    close_end(&s->server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    s->client = proxy_fixture_dial_narrow(&iw->addr);
    inline_worker_write(iw, s->client, iw->f.hello, iw->f.hello_len);
    s->server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, s->server, iw->f.hello, iw->f.hello_len);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_RELAYING) == 1);
    s->c = inline_worker_conn(iw, CONN_RELAYING);
}

static void pass_bytes(struct scene *s, int from, int to, const char *text)
{
    inline_worker_write(s->iw, from, text, strlen(text));
    inline_worker_expect(s->iw, to, text, strlen(text));
}

static void fin(int fd)
{
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

static void expect_ended(struct scene *s, enum end_reason why)
{
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(inline_worker_ended(s->iw, why), 1);
}

static void bytes_pass_both_ways_and_are_counted(void **state)
{
    struct scene *s = *state;
    uint64_t received = s->iw->w->unrouted.received_bytes;

    pass_bytes(s, s->client, s->server, "question");
    pass_bytes(s, s->server, s->client, "an answer");
    assert_int_equal(s->iw->w->unrouted.received_bytes, received + 8);
    assert_int_equal(s->iw->w->unrouted.sent_bytes, 9);
    assert_int_equal(s->c->up.bytes, s->iw->f.hello_len + 8);
    assert_int_equal(s->c->down.bytes, 9);
    assert_null(s->c->up.held);
    assert_null(s->c->down.held);
}

static void after_the_clients_fin_the_server_may_go_on(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    pass_bytes(s, s->server, s->client, "late");
    fin(s->server);
    inline_worker_expect_eof(s->iw, s->client);
    expect_ended(s, END_CLIENT_EOF);
}

static void after_the_servers_fin_the_client_may_go_on(void **state)
{
    struct scene *s = *state;

    fin(s->server);
    inline_worker_expect_eof(s->iw, s->client);
    pass_bytes(s, s->client, s->server, "late");
    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    expect_ended(s, END_SERVER_EOF);
}

static void both_fins_at_once_end_it_in_order(void **state)
{
    struct scene *s = *state;

    inline_worker_write(s->iw, s->client, "bye", 3);
    inline_worker_write(s->iw, s->server, "ciao", 4);
    fin(s->client);
    fin(s->server);
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
    struct scene *s = *state;

    s->iw->shared.policy.half_close = false;
    failsys_cut(FAILSYS_SEND, 2); /* so that something is held when the FIN is read */
    inline_worker_write(s->iw, s->client, "last words", 10);
    fin(s->client);
    inline_worker_expect(s->iw, s->server, "last words", 10);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_expect_eof(s->iw, s->client);
    fin(s->server);
    expect_ended(s, END_CLIENT_EOF);
}

static void a_fin_behind_held_bytes_waits_for_them(void **state)
{
    struct scene *s = *state;
    uint64_t sent;

    narrow(s);
    sent = inline_worker_flood(s->iw, s->server, DOWN);
    fin(s->server);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    assert_non_null(s->c->down.held);
    assert_false(s->c->down.finished);
    inline_worker_expect_stream(s->iw, s->client, DOWN, sent);
    inline_worker_expect_eof(s->iw, s->client);
    pass_bytes(s, s->client, s->server, "thanks");
    fin(s->client);
    expect_ended(s, END_SERVER_EOF);
}

static void a_full_client_holds_back_its_server_in_bounded_memory(void **state)
{
    struct scene *s = *state;
    unsigned reads;

    narrow(s);
    (void)inline_worker_flood(s->iw, s->server, DOWN);
    assert_non_null(s->c->down.held);
    assert_true(s->c->down.held->left <= most_held);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    reads = failsys_count(FAILSYS_RECV);
    pass_bytes(s, s->client, s->server, "the other way is free");
    assert_true(failsys_count(FAILSYS_RECV) <= reads + 2);
}

static void a_full_server_holds_back_its_client_and_both_go_on_when_it_reads(void **state)
{
    struct scene *s = *state;
    uint64_t up, down;

    narrow(s);
    up = inline_worker_flood(s->iw, s->client, UP);
    assert_non_null(s->c->up.held);
    assert_true(s->c->up.held->left <= most_held);
    down = inline_worker_flood(s->iw, s->server, DOWN); /* both ways full at once */
    assert_non_null(s->c->down.held);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    inline_worker_expect_stream(s->iw, s->server, UP, up);
    inline_worker_expect_stream(s->iw, s->client, DOWN, down);
    fin(s->client);
    fin(s->server);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
}

static void one_event_reads_a_few_times_and_lets_others_work(void **state)
{
    struct scene *s = *state;
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
        skip(); /* a kernel that allows no such room (net.core.rmem_max) */
    }
    before = failsys_count(FAILSYS_RECV);
    inline_worker_turn(s->iw);
    reads = failsys_count(FAILSYS_RECV) - before;
    if (pipes == 0) {
        assert_int_equal(reads, LIMIT_RELAY_READS);
    } else { /* in and out by turns */
        assert_int_equal(reads, 1);
        assert_int_equal(failsys_count(FAILSYS_SPLICE), 2);
    }
}

static void a_reset_is_passed_on_from_either_side(void **state)
{
    struct scene *s = *state;

    inline_worker_reset(s->client);
    s->client = -1;
    inline_worker_expect_reset(s->iw, s->server);
    expect_ended(s, END_CLIENT_RESET);
    close_end(&s->server);
    inline_worker_relay(s->iw, &s->client, &s->server);
    inline_worker_reset(s->server);
    s->server = -1;
    inline_worker_expect_reset(s->iw, s->client);
    expect_ended(s, END_SERVER_RESET);
}

static void a_server_that_resets_while_its_client_is_full_is_noticed(void **state)
{
    struct scene *s = *state;
    uint64_t drained;

    narrow(s);
    (void)inline_worker_flood(s->iw, s->server, DOWN);
    assert_true(inline_worker_rests(s->iw, TICK_MS)); /* watched by now */
    inline_worker_reset(s->server);
    s->server = -1;
    expect_ended(s, END_SERVER_RESET);
    assert_false(inline_worker_drain(s->iw, s->client, &drained));
}

static void a_reset_within_the_tick_before_watching_is_noticed_after_it(void **state)
{
    struct scene *s = *state;

    narrow(s);
    (void)inline_worker_flood(s->iw, s->server,
                              DOWN); /* the clock stands: nothing is watched yet */
    assert_int_equal(s->c->server.waiting, 0);
    inline_worker_reset(s->server);
    s->server = -1;
    inline_worker_pass(s->iw, TICK_MS);
    expect_ended(s, END_SERVER_RESET);
}

static void a_client_that_resets_while_its_server_is_full_is_noticed(void **state)
{
    struct scene *s = *state;
    uint64_t drained;

    (void)inline_worker_flood(s->iw, s->client, UP);
    assert_non_null(s->c->up.held);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    inline_worker_reset(s->client);
    s->client = -1;
    expect_ended(s, END_CLIENT_RESET);
    assert_false(inline_worker_drain(s->iw, s->server, &drained));
}

static void a_reset_after_a_fin_is_noticed(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    inline_worker_reset(s->client);
    s->client = -1;
    expect_ended(s, END_CLIENT_RESET);
    INLINE_UNTIL(s->iw, conn_socket_error(s->server) == EPIPE); /* a read would still say EOF */
}

static void a_half_closed_connection_rests(void **state)
{
    struct scene *s = *state;

    fin(s->server);
    inline_worker_expect_eof(s->iw, s->client);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    pass_bytes(s, s->client, s->server, "x");
    assert_true(inline_worker_rests(s->iw, TICK_MS));
}

static void an_idle_connection_ends_after_its_time_and_bytes_postpone_it(void **state)
{
    struct scene *s = *state;

    inline_worker_pass(s->iw, IDLE_MS - 1000);
    pass_bytes(s, s->client, s->server, "x");
    inline_worker_pass(s->iw, IDLE_MS - 1000);
    pass_bytes(s, s->server, s->client, "y");
    inline_worker_pass(s->iw, IDLE_MS - 1);
    assert_int_equal(inline_worker_live(s->iw), 1);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    expect_ended(s, END_IDLE_TIMEOUT);
    inline_worker_expect_eof(s->iw, s->client);
    inline_worker_expect_eof(s->iw, s->server);
}

static void held_bytes_that_nobody_takes_are_no_progress(void **state)
{
    struct scene *s = *state;

    narrow(s);
    (void)inline_worker_flood(s->iw, s->server, DOWN);
    inline_worker_pass(s->iw, IDLE_MS + TIMEWHEEL_TICK_MS);
    expect_ended(s, END_IDLE_TIMEOUT);
    assert_false(inline_worker_drain(s->iw, s->client, &(uint64_t){0})); /* cut short: a reset */
}

static void held_bytes_that_are_taken_are_progress(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_SEND, EAGAIN, 0, UINT_MAX);
    inline_worker_write(s->iw, s->client, "x", 1);
    INLINE_UNTIL(s->iw, s->c->up.held != NULL);
    inline_worker_pass(s->iw, IDLE_MS - 1000);
    failsys_reset();
    inline_worker_expect(s->iw, s->server, "x", 1);
    inline_worker_pass(s->iw, IDLE_MS - 1);
    assert_int_equal(inline_worker_live(s->iw), 1);
}

static void with_the_idle_timeout_off_only_the_ageing_is_due(void **state)
{
    struct scene *s = *state;

    s->iw->shared.policy.idle_timeout_ms = 0;
    inline_worker_pass(s->iw, AGE_MS + TIMEWHEEL_TICK_MS);
    inline_worker_pass(s->iw, 1000ull * 24 * 3600 * 1000);
    pass_bytes(s, s->client, s->server, "still here");
}

static void a_dialled_socket_gets_its_keepalive_when_it_has_lasted(void **state)
{
    struct scene *s = *state;

    assert_int_equal(sockopt_of(s->c->client.fd, SOL_SOCKET, SO_KEEPALIVE), 1); /* inherited */
    inline_worker_pass(s->iw, AGE_MS - 1);
    assert_int_equal(sockopt_of(s->c->server.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    assert_int_equal(sockopt_of(s->c->server.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
}

static void a_dialled_socket_gets_it_too_when_half_closed_early(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_pass(s->iw, TICK_MS);
    inline_worker_pass(s->iw, AGE_MS);
    assert_int_equal(sockopt_of(s->c->server.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
}

static void a_half_closed_connection_ends_without_progress(void **state)
{
    struct scene *s = *state;

    inline_worker_pass(s->iw, HALF_MS + 10000); /* silence before the FIN does not count */
    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_pass(s->iw, HALF_MS - 1000);
    pass_bytes(s, s->server, s->client, "x");
    inline_worker_pass(s->iw, HALF_MS - 1);
    assert_int_equal(inline_worker_live(s->iw), 1);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    expect_ended(s, END_HALF_CLOSE_TIMEOUT);
    assert_int_equal(inline_worker_ended(s->iw, END_IDLE_TIMEOUT), 0);
}

static void a_half_closed_connection_that_moves_slowly_goes_on(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    for (unsigned i = 0; i < 20; i++) {
        inline_worker_pass(s->iw, HALF_MS - 1000);
        pass_bytes(s, s->server, s->client, "x");
    }
    fin(s->server);
    expect_ended(s, END_CLIENT_EOF);
}

static void what_lies_in_a_socket_at_a_deadline_moves_however_late_we_look(void **state)
{
    struct scene *s = *state;

    inline_worker_write(s->iw, s->client, "up", 2);
    inline_worker_pass(s->iw, 10 * IDLE_MS);
    inline_worker_expect(s->iw, s->server, "up", 2);
    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_write(s->iw, s->server, "down", 4);
    fin(s->server);
    inline_worker_pass(s->iw, 10 * HALF_MS);
    inline_worker_expect(s->iw, s->client, "down", 4);
    expect_ended(s, END_CLIENT_EOF);
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
    struct scene *s = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t before = inline_worker_ended(s->iw, cases[i].why);
        failsys_fail(FAILSYS_SEND, cases[i].error, 0, 1);
        inline_worker_write(s->iw, cases[i].up ? s->client : s->server, "x", 1);
        INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
        assert_int_equal(inline_worker_ended(s->iw, cases[i].why), before + 1);
        close_end(&s->client);
        close_end(&s->server);
        inline_worker_relay(s->iw, &s->client, &s->server);
    }
}

static void a_held_flow_whose_sink_breaks_ends_likewise(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 2);
    inline_worker_write(s->iw, s->client, "x", 1);
    INLINE_UNTIL(s->iw, s->c->up.held != NULL);
    failsys_fail(FAILSYS_SEND, ECONNRESET, 0, 1);
    expect_ended(s, END_SERVER_RESET);
    inline_worker_expect_reset(s->iw, s->client);
}

static void a_broken_connection_is_reset_on_both_sides(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_RECV, ETIMEDOUT, 0, 1);
    inline_worker_write(s->iw, s->client, "x", 1);
    expect_ended(s, END_ERROR);
    inline_worker_expect_reset(s->iw, s->client);
    inline_worker_expect_reset(s->iw, s->server);
}

static void without_memory_to_hold_bytes_both_sides_are_reset(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1);
    failalloc_arm(1);
    inline_worker_write(s->iw, s->client, "x", 1);
    expect_ended(s, END_ERROR);
    assert_true(failalloc_disarm());
    inline_worker_expect_reset(s->iw, s->client);
    inline_worker_expect_reset(s->iw, s->server);
}

static void a_side_that_cannot_be_waited_for_or_watched_ends_it(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1); /* for the server to take what is held */
    inline_worker_write(s->iw, s->client, "x", 1);
    expect_ended(s, END_ERROR);
    close_end(&s->client);
    close_end(&s->server);

    inline_worker_relay(s->iw, &s->client, &s->server);
    fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    inline_worker_pass(s->iw, TICK_MS);
    assert_int_equal(inline_worker_ended(s->iw, END_ERROR), 2);
}

static void a_fin_that_cannot_be_passed_on_is_settled_by_the_reset_behind_it(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    failsys_fail(FAILSYS_SHUTDOWN, ENOTCONN, 0, 1);
    INLINE_UNTIL(s->iw, s->c->up.finished);
    inline_worker_reset(s->server);
    s->server = -1;
    expect_ended(s, END_SERVER_RESET);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

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
        IN_SCENE(an_idle_connection_ends_after_its_time_and_bytes_postpone_it),
        IN_SCENE(held_bytes_that_nobody_takes_are_no_progress),
        IN_SCENE(held_bytes_that_are_taken_are_progress),
        IN_SCENE(with_the_idle_timeout_off_only_the_ageing_is_due),
        IN_SCENE(a_dialled_socket_gets_its_keepalive_when_it_has_lasted),
        IN_SCENE(a_dialled_socket_gets_it_too_when_half_closed_early),
        IN_SCENE(a_half_closed_connection_ends_without_progress),
        IN_SCENE(a_half_closed_connection_that_moves_slowly_goes_on),
        IN_SCENE(what_lies_in_a_socket_at_a_deadline_moves_however_late_we_look),
        IN_SCENE(a_sink_that_breaks_is_the_one_to_blame),
        IN_SCENE(a_held_flow_whose_sink_breaks_ends_likewise),
        IN_SCENE(a_broken_connection_is_reset_on_both_sides),
        IN_SCENE(without_memory_to_hold_bytes_both_sides_are_reset),
        IN_SCENE(a_side_that_cannot_be_waited_for_or_watched_ends_it),
        IN_SCENE(a_fin_that_cannot_be_passed_on_is_settled_by_the_reset_behind_it),
    };

    int failed;

    most_held = LIMIT_RELAY_BYTES;
    failed = cmocka_run_group_tests_name("copying", tests, NULL, NULL);
    pipes = LIMIT_PIPES;
    most_held = LIMIT_PIPE_BYTES;
    return failed + cmocka_run_group_tests_name("splicing", tests, NULL, NULL);
}
