#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/flow.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/pattern.h"

#define KIB     1024u
#define MIB     (1024u * KIB)
#define LARGE   (256u * KIB)
#define SMALL   4096u
#define TICK_MS (2 * TIMEWHEEL_TICK_MS)

/* A relayed connection, of which the server sends. */
struct scene {
    struct inline_worker *iw;
    struct conn *c;
    int client, server;
    uint64_t at; /* of the stream */
};

static void begin(void **state, unsigned pipes)
{
    static struct scene s;
    void *iw;

    failsys_reset();
    inline_worker_setup(&iw);
    s = (struct scene){.iw = iw, .client = -1, .server = -1};
    s.iw->shared.pipes = pipes;
    inline_worker_open(s.iw, proxy_fixture_simple(&s.iw->f));
    inline_worker_relay(s.iw, &s.client, &s.server);
    s.c = inline_worker_conn(s.iw, CONN_RELAYING);
    failsys_reset();
    *state = &s;
}

static int setup(void **state)
{
    begin(state, 2);
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    void *iw = s->iw;

    failsys_reset();
    (void)failalloc_disarm();
    close(s->client);
    close(s->server);
    return inline_worker_teardown(&iw);
}

static struct pipepool *pool_of(const struct scene *s)
{
    return &s->iw->w->pipes;
}

/* The server writes `len` bytes at once; the worker has not looked yet. */
static void send_at_once(struct scene *s, size_t len)
{
    static uint8_t bytes[LARGE];

    assert_true(len <= sizeof(bytes));
    pattern_fill(DOWN, s->at, bytes, len);
    assert_int_equal(write(s->server, bytes, len), len);
}

static void receive(struct scene *s, size_t len)
{
    uint8_t bytes[SMALL];

    while (len > 0) {
        size_t part = len < sizeof(bytes) ? len : sizeof(bytes);
        pattern_fill(DOWN, s->at, bytes, part);
        inline_worker_expect(s->iw, s->client, bytes, part);
        s->at += part;
        len -= part;
    }
}

static void move(struct scene *s, size_t len)
{
    send_at_once(s, len);
    receive(s, len);
}

/* Until nobody takes more: what is held then is in a pipe. */
static uint64_t stall(struct scene *s)
{
    uint64_t sent = inline_worker_flood(s->iw, s->server, DOWN);

    assert_non_null(s->c->down.held);
    assert_null(s->c->down.held->bytes);
    return sent;
}

static void a_large_read_makes_a_flow_splice_and_two_small_ones_end_that(void **state)
{
    struct scene *s = *state;
    unsigned splices;

    move(s, SMALL);
    assert_int_equal(failsys_count(FAILSYS_SPLICE), 0);
    move(s, LARGE);
    assert_true(s->c->down.splices);
    assert_false(s->c->up.splices); /* each direction for itself */
    splices = failsys_count(FAILSYS_SPLICE);
    assert_true(splices >= 2);
    while (s->c->down.splices) {
        move(s, SMALL);
    }
    splices = failsys_count(FAILSYS_SPLICE);
    move(s, SMALL);
    move(s, SMALL);
    assert_int_equal(failsys_count(FAILSYS_SPLICE), splices);
}

/* Splices of a turn in which each moves `len` bytes at most, in and out. */
static unsigned splices_of_a_turn(struct scene *s, size_t len)
{
    failsys_reset();
    failsys_cut(FAILSYS_SPLICE, len);
    inline_worker_turn(s->iw);
    return failsys_count(FAILSYS_SPLICE);
}

static void a_flow_with_much_moves_twice_in_a_turn_and_one_with_little_once(void **state)
{
    struct scene *s = *state;

    move(s, LARGE);
    assert_true(s->c->down.splices);
    send_at_once(s, LARGE);
    proxy_fixture_arrive(s->server);
    assert_int_equal(splices_of_a_turn(s, 40 * (size_t)KIB), 2 * LIMIT_RELAY_SPLICES);
    assert_int_equal(splices_of_a_turn(s, 20 * (size_t)KIB), 2);
    failsys_reset();
    receive(s, LARGE);
}

static void a_flow_with_very_much_moves_once_in_a_turn(void **state)
{
    struct scene *s = *state;

    move(s, LARGE);
    send_at_once(s, LARGE);
    proxy_fixture_arrive(s->server);
    assert_int_equal(splices_of_a_turn(s, LIMIT_RELAY_SPLICE_BYTES), 2);
    failsys_reset();
}

static void a_single_small_read_between_large_ones_changes_nothing(void **state)
{
    struct scene *s = *state;
    unsigned reads;

    move(s, LARGE);
    move(s, LARGE);
    reads = failsys_count(FAILSYS_RECV);
    for (unsigned i = 0; i < 5; i++) {
        s->c->down.small_moves = 0; /* as behind a large one */
        move(s, SMALL);
        assert_true(s->c->down.splices);
    }
    assert_int_equal(failsys_count(FAILSYS_RECV), reads);
}

static void spliced_bytes_are_counted_like_any(void **state)
{
    struct scene *s = *state;
    uint64_t up = s->c->up.bytes, received = s->iw->w->unrouted.received_bytes;
    int server = s->server;

    for (unsigned i = 0; i < 16; i++) {
        move(s, LARGE);
    }
    assert_int_equal(s->c->down.bytes, 16 * LARGE);
    assert_int_equal(s->iw->w->unrouted.sent_bytes, 16 * LARGE);
    s->server = s->client; /* now the other way */
    s->client = server;
    for (unsigned i = 0; i < 16; i++) {
        move(s, LARGE);
    }
    assert_true(s->c->up.splices);
    assert_int_equal(s->c->up.bytes - up, 16 * LARGE);
    assert_int_equal(s->iw->w->unrouted.received_bytes - received, 16 * LARGE);
}

static void a_flow_without_bytes_in_hand_has_no_pipe(void **state)
{
    struct scene *s = *state;

    move(s, LARGE);
    assert_true(s->c->down.splices);
    assert_null(s->c->down.held);
    assert_int_equal(pool_of(s)->n_empty, 1);
    pipepool_rest(pool_of(s));
    pipepool_rest(pool_of(s));
    assert_int_equal(pool_of(s)->n_empty, 0);
}

static void a_stalled_flow_keeps_its_pipe_until_it_is_empty(void **state)
{
    struct scene *s = *state;
    uint64_t sent = stall(s);

    assert_true(s->c->down.held->left <= LIMIT_PIPE_BYTES);
    assert_int_equal(pool_of(s)->n_empty, 0);
    assert_true(inline_worker_rests(s->iw, TICK_MS));
    inline_worker_expect_stream(s->iw, s->client, DOWN, sent);
    assert_null(s->c->down.held);
    assert_int_equal(pool_of(s)->n_empty, 1);
}

static void bytes_in_a_pipe_are_cut_off_by_a_reset_and_their_pipe_is_closed(void **state)
{
    struct scene *s = *state;
    uint64_t drained;
    size_t fds;

    (void)stall(s);
    fds = proxy_fixture_open_fds();
    conn_end(s->c, END_DRAIN);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(proxy_fixture_open_fds(), fds - 4); /* two sockets, two ends */
    assert_int_equal(pool_of(s)->n_empty, 0);
    assert_false(inline_worker_drain(s->iw, s->client, &drained));
}

static void without_a_pipe_a_flow_copies(void **state)
{
    struct scene *s = *state;
    struct pipe *others[2];

    for (unsigned i = 0; i < 2; i++) {
        others[i] = pipepool_take(pool_of(s));
        assert_non_null(others[i]);
    }
    move(s, LARGE);
    assert_int_equal(failsys_count(FAILSYS_SPLICE), 0);
    pipepool_give(pool_of(s), others[0]);
    move(s, LARGE);
    assert_true(failsys_count(FAILSYS_SPLICE) > 0);
    pipepool_give(pool_of(s), others[1]);
}

static void without_descriptors_or_memory_for_a_pipe_a_flow_copies(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_PIPE2, EMFILE, 0, 1);
    move(s, LARGE);
    assert_int_equal(failsys_count(FAILSYS_SPLICE), 0);
    pipepool_rest(pool_of(s));
    failsys_fail(FAILSYS_SPLICE, ENOMEM, 0, 1);
    move(s, LARGE);
    move(s, LARGE);
    assert_int_equal(inline_worker_live(s->iw), 1);
    assert_true(failsys_count(FAILSYS_SPLICE) > 1); /* it has tried again */
}

static void where_splicing_does_not_work_it_is_tried_once(void **state)
{
    static const int errors[] = {EINVAL, ENOSYS, EPERM};

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct scene *s = *state;
        failsys_fail(FAILSYS_SPLICE, errors[i], 0, 1);
        move(s, LARGE);
        move(s, LARGE);
        assert_int_equal(failsys_count(FAILSYS_SPLICE), 1);
        (void)teardown(state);
        begin(state, 2);
    }
}

static void a_sink_that_cannot_be_spliced_to_gets_what_is_in_the_pipe_all_the_same(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_SPLICE, EINVAL, 1, 1);
    move(s, LARGE);
    assert_int_equal(failsys_count(FAILSYS_SPLICE), 2);
    move(s, LARGE);
    assert_int_equal(failsys_count(FAILSYS_SPLICE), 2);
}

static void without_memory_for_it_both_sides_are_reset(void **state)
{
    struct scene *s = *state;
    uint64_t drained;

    failsys_fail(FAILSYS_SPLICE, EINVAL, 1, 1);
    send_at_once(s, LARGE);
    failalloc_arm(1);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_true(failalloc_disarm());
    assert_int_equal(inline_worker_ended(s->iw, END_ERROR), 1);
    assert_false(inline_worker_drain(s->iw, s->client, &drained));
}

static void an_error_of_the_source_or_the_sink_is_told_by_splice_too(void **state)
{
    for (unsigned out = 0; out < 2; out++) {
        struct scene *s = *state;
        move(s, LARGE);
        failsys_fail(FAILSYS_SPLICE, ECONNRESET, out, 1);
        send_at_once(s, LARGE);
        INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
        assert_int_equal(inline_worker_ended(s->iw, out != 0 ? END_CLIENT_RESET : END_SERVER_RESET),
                         1);
        (void)teardown(state);
        begin(state, 2);
    }
}

/* tcp(7): a splice stops in front of an urgent byte for ever, a read leaves it out and goes on. */
static void urgent_data_does_not_stop_a_spliced_flow_nor_make_it_spin(void **state)
{
    struct scene *s = *state;

    move(s, LARGE);
    assert_true(s->c->down.splices);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(send(s->server, "!", 1, MSG_OOB), 1);
        move(s, LARGE);
        assert_true(inline_worker_rests(s->iw, 1));
    }
    assert_int_equal(send(s->server, "!", 1, MSG_OOB), 1);
    assert_true(inline_worker_rests(s->iw, 1));
}

/* A splice calls a source ended that has, with urgent data in front of what is left. */
static void an_end_behind_urgent_data_loses_no_byte(void **state)
{
    struct scene *s = *state;
    uint8_t bytes[SMALL];

    move(s, LARGE);
    assert_true(s->c->down.splices);
    send_at_once(s, SMALL);
    assert_int_equal(send(s->server, "!", 1, MSG_OOB), 1);
    pattern_fill(DOWN, s->at + SMALL, bytes, SMALL);
    assert_int_equal(write(s->server, bytes, SMALL), SMALL);
    assert_int_equal(shutdown(s->server, SHUT_WR), 0);
    proxy_fixture_arrive(s->server);
    receive(s, 2 * (size_t)SMALL);
    inline_worker_expect_eof(s->iw, s->client);
}

/* What fails in passing must not change a byte of what arrives. */
static void no_byte_is_lost_to_short_interrupted_or_refused_calls(void **state)
{
    struct scene *s = *state;
    static uint8_t bytes[4 * MIB], got[4 * MIB];
    size_t sent = 0, received = 0;
    uint64_t until = inline_worker_real_ms() + INLINE_PATIENCE_MS;

    pattern_fill(DOWN, 0, bytes, sizeof(bytes));
    for (unsigned round = 0; received < sizeof(bytes); round++) {
        ssize_t n;
        failsys_cut(FAILSYS_SEND, 1 + round * 7919 % 70000);
        failsys_cut(FAILSYS_RECV, 1 + round * 104729 % 70000);
        failsys_cut(FAILSYS_SPLICE, 1 + round * 15485863 % 300000);
        failsys_fail(FAILSYS_SEND, round % 3 == 0 ? EINTR : EAGAIN, round % 5, round % 2);
        failsys_fail(FAILSYS_RECV, round % 3 == 1 ? EINTR : EAGAIN, round % 7, round % 2);
        failsys_fail(FAILSYS_SPLICE, round % 3 == 2 ? EINTR : EAGAIN, round % 6, round % 3);
        n = write(s->server, bytes + sent, sizeof(bytes) - sent);
        sent += n > 0 ? (size_t)n : 0;
        inline_worker_turn(s->iw);
        n = read(s->client, got + received, sizeof(got) - received);
        received += n > 0 ? (size_t)n : 0;
        assert_true(inline_worker_real_ms() < until);
    }
    assert_int_equal(pattern_mismatch(DOWN, 0, got, sizeof(got)), sizeof(got));
    assert_true(failsys_count(FAILSYS_SPLICE) > 0 || pool_of(s)->is_useless);
}

static int setup_copying(void **state)
{
    begin(state, 0);
    return 0;
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(a_large_read_makes_a_flow_splice_and_two_small_ones_end_that),
        IN_SCENE(a_flow_with_much_moves_twice_in_a_turn_and_one_with_little_once),
        IN_SCENE(a_flow_with_very_much_moves_once_in_a_turn),
        IN_SCENE(a_single_small_read_between_large_ones_changes_nothing),
        IN_SCENE(spliced_bytes_are_counted_like_any),
        IN_SCENE(a_flow_without_bytes_in_hand_has_no_pipe),
        IN_SCENE(a_stalled_flow_keeps_its_pipe_until_it_is_empty),
        IN_SCENE(bytes_in_a_pipe_are_cut_off_by_a_reset_and_their_pipe_is_closed),
        IN_SCENE(without_a_pipe_a_flow_copies),
        IN_SCENE(without_descriptors_or_memory_for_a_pipe_a_flow_copies),
        IN_SCENE(where_splicing_does_not_work_it_is_tried_once),
        IN_SCENE(a_sink_that_cannot_be_spliced_to_gets_what_is_in_the_pipe_all_the_same),
        IN_SCENE(without_memory_for_it_both_sides_are_reset),
        IN_SCENE(an_error_of_the_source_or_the_sink_is_told_by_splice_too),
        IN_SCENE(urgent_data_does_not_stop_a_spliced_flow_nor_make_it_spin),
        IN_SCENE(an_end_behind_urgent_data_loses_no_byte),
        IN_SCENE(no_byte_is_lost_to_short_interrupted_or_refused_calls),
        cmocka_unit_test_setup_teardown(no_byte_is_lost_to_short_interrupted_or_refused_calls,
                                        setup_copying, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
