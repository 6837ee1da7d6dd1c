#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "proxy/linger.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/pattern.h"
#include "support/sockopt.h"

/* A relayed connection, and the test's two ends of it. */
struct scene {
    struct inline_worker *iw;
    struct conn *c;
    int client, server;
};

static int setup(void **state)
{
    static struct scene s;
    void *iw;

    failsys_reset();
    inline_worker_setup(&iw);
    s = (struct scene){.iw = iw, .client = -1, .server = -1};
    inline_worker_open(s.iw, proxy_fixture_simple(&s.iw->f));
    inline_worker_relay(s.iw, &s.client, &s.server);
    s.c = inline_worker_conn(s.iw, CONN_RELAYING);
    s.iw->shared.policy.half_close = false;
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    void *iw = s->iw;

    failsys_reset();
    close(s->client);
    close(s->server);
    return inline_worker_teardown(&iw);
}

static void fin(int fd)
{
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

static void until_lingering(struct scene *s)
{
    INLINE_UNTIL(s->iw, inline_worker_count(s->iw, CONN_LINGERING) == 1);
}

static void say(struct scene *s, int fd, size_t bytes)
{
    static const uint8_t zeros[16384];

    for (; bytes > 0; bytes -= bytes < sizeof(zeros) ? bytes : sizeof(zeros)) {
        inline_worker_write(s->iw, fd, zeros, bytes < sizeof(zeros) ? bytes : sizeof(zeros));
    }
}

static void expect_ended(struct scene *s, enum end_reason why)
{
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(inline_worker_ended(s->iw, why), 1);
}

/* As much of a stream as is under way to a reader that does not read, the kernels' buffers full of
 * it, and the FIN behind it; all of it is in the worker's hands or behind them then. */
static uint64_t send_all(struct scene *s, int from, uint64_t seed)
{
    uint8_t bytes[100000];

    pattern_fill(seed, 0, bytes, sizeof(bytes));
    inline_worker_write(s->iw, from, bytes, sizeof(bytes));
    fin(from);
    return sizeof(bytes);
}

static void the_end_of_an_answer_is_not_lost_to_a_request_under_way(void **state)
{
    struct scene *s = *state;
    uint64_t sent = send_all(s, s->server, DOWN);

    until_lingering(s);
    say(s, s->client, 3000); /* a closed socket would answer that with a reset */
    INLINE_UNTIL(s->iw, s->c->lingered == 3000);
    inline_worker_expect_stream(s->iw, s->client, DOWN, sent);
    inline_worker_expect_eof(s->iw, s->client);
    say(s, s->client, 1);
    fin(s->client);
    expect_ended(s, END_SERVER_EOF);
}

static void nor_the_end_of_a_request_to_an_answer_under_way(void **state)
{
    struct scene *s = *state;
    uint64_t sent = send_all(s, s->client, UP);

    until_lingering(s);
    say(s, s->server, 3000);
    INLINE_UNTIL(s->iw, s->c->lingered == 3000);
    inline_worker_expect_stream(s->iw, s->server, UP, sent);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_expect_eof(s->iw, s->client); /* nothing of the answer, and no more of it */
    fin(s->server);
    expect_ended(s, END_CLIENT_EOF);
}

static void nor_to_the_servers_reset_behind_it(void **state)
{
    struct scene *s = *state;
    uint64_t sent;

    s->iw->shared.policy.half_close = true;
    sent = send_all(s, s->server, DOWN);
    INLINE_UNTIL(s->iw, s->c->down.finished);
    sockopt_reset(s->server);
    s->server = -1;
    inline_worker_write(s->iw, s->client, "late", 4); /* whichever of the two tells of it */
    inline_worker_pass(s->iw, 2 * TIMEWHEEL_TICK_MS);
    until_lingering(s);
    say(s, s->client, 3000);
    inline_worker_expect_stream(s->iw, s->client, DOWN, sent);
    inline_worker_expect_eof(s->iw, s->client);
    fin(s->client);
    expect_ended(s, END_SERVER_RESET);
}

static void what_is_left_ends_after_its_time(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    until_lingering(s);
    inline_worker_pass(s->iw, LIMIT_LINGER_MS / 2);
    say(s, s->server, 1); /* which does not prolong it */
    INLINE_UNTIL(s->iw, s->c->lingered == 1);
    inline_worker_pass(s->iw, LIMIT_LINGER_MS / 2 - 1);
    assert_int_equal(inline_worker_live(s->iw), 1);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    expect_ended(s, END_CLIENT_EOF);
}

static void what_is_left_ends_after_its_bytes(void **state)
{
    struct scene *s = *state;

    fin(s->server);
    until_lingering(s);
    say(s, s->client, LIMIT_LINGER_BYTES);
    INLINE_UNTIL(s->iw, s->c->lingered == LIMIT_LINGER_BYTES);
    assert_int_equal(inline_worker_live(s->iw), 1);
    say(s, s->client, 1);
    expect_ended(s, END_SERVER_EOF);
}

static void a_server_that_is_closed_is_no_load_any_more(void **state)
{
    struct scene *s = *state;

    fin(s->server);
    until_lingering(s);
    assert_int_equal(s->c->server.fd, -1);
    assert_null(s->c->endpoint);
    assert_int_equal(proxy_fixture_load(&s->iw->f), 1); /* the route's */
    inline_worker_expect_eof(s->iw, s->server);
}

static void a_client_that_is_closed_leaves_the_server_as_a_load(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    until_lingering(s);
    assert_int_equal(s->c->client.fd, -1);
    assert_int_equal(proxy_fixture_load(&s->iw->f), 2);
}

/* The client's bytes wait for the server, so the client is not read. */
static void hold_bytes(struct scene *s)
{
    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1000);
    inline_worker_write(s->iw, s->client, "for the server", 14);
    INLINE_UNTIL(s->iw, s->c->up.held != NULL);
}

static void bytes_in_hand_for_the_other_side_are_cut_with_a_reset(void **state)
{
    struct scene *s = *state;

    hold_bytes(s);
    fin(s->server);
    until_lingering(s);
    assert_null(s->c->up.held);
    inline_worker_expect_eof(s->iw, s->client);
    INLINE_UNTIL(s->iw, conn_socket_error(s->server) != 0);
}

static void both_fins_together_need_no_time(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    fin(s->server);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
}

static void a_reset_of_what_is_left_keeps_the_reason(void **state)
{
    struct scene *s = *state;

    fin(s->server);
    until_lingering(s);
    sockopt_reset(s->client);
    s->client = -1;
    expect_ended(s, END_SERVER_EOF);
}

static void interrupted_reads_are_read_again(void **state)
{
    struct scene *s = *state;

    fin(s->client);
    until_lingering(s);
    failsys_fail(FAILSYS_RECV, EINTR, 0, 2);
    say(s, s->server, 10);
    INLINE_UNTIL(s->iw, s->c->lingered == 10);
}

static void without_memory_to_wait_it_ends_at_once(void **state)
{
    struct scene *s = *state;

    hold_bytes(s);
    fin(s->server);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    expect_ended(s, END_SERVER_EOF);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(the_end_of_an_answer_is_not_lost_to_a_request_under_way),
        IN_SCENE(nor_the_end_of_a_request_to_an_answer_under_way),
        IN_SCENE(nor_to_the_servers_reset_behind_it),
        IN_SCENE(what_is_left_ends_after_its_time),
        IN_SCENE(what_is_left_ends_after_its_bytes),
        IN_SCENE(a_server_that_is_closed_is_no_load_any_more),
        IN_SCENE(a_client_that_is_closed_leaves_the_server_as_a_load),
        IN_SCENE(bytes_in_hand_for_the_other_side_are_cut_with_a_reset),
        IN_SCENE(both_fins_together_need_no_time),
        IN_SCENE(a_reset_of_what_is_left_keeps_the_reason),
        IN_SCENE(interrupted_reads_are_read_again),
        IN_SCENE(without_memory_to_wait_it_ends_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
