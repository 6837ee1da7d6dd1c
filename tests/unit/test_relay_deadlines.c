#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include "proxy/relay.h"
#include "support/failsys.h"
#include "support/pattern.h"
#include "support/relay_scene.h"
#include "support/sockopt.h"

static const uint8_t zeros[64 * 1024];

static void an_idle_connection_ends_after_its_time_and_bytes_postpone_it(void **state)
{
    struct relay_scene *s = *state;

    inline_worker_pass(s->iw, IDLE_MS - 1000);
    relay_scene_pass(s, s->client, s->server, "x");
    inline_worker_pass(s->iw, IDLE_MS - 1000);
    relay_scene_pass(s, s->server, s->client, "y");
    inline_worker_pass(s->iw, IDLE_MS - 1);
    assert_int_equal(inline_worker_live(s->iw), 1);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    relay_scene_expect_ended(s, END_IDLE_TIMEOUT);
    inline_worker_expect_eof(s->iw, s->client);
    inline_worker_expect_eof(s->iw, s->server);
}

static void held_bytes_that_nobody_takes_are_no_progress(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_narrow(s);
    (void)inline_worker_flood(s->iw, s->server, DOWN);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(inline_worker_live(s->iw), 1);
        inline_worker_pass(s->iw, IDLE_MS / 4 + TIMEWHEEL_TICK_MS);
    }
    relay_scene_expect_ended(s, END_IDLE_TIMEOUT);
    assert_false(inline_worker_drain(s->iw, s->client, &(uint64_t){0})); /* cut short: a reset */
}

static void held_bytes_that_are_taken_are_progress(void **state)
{
    struct relay_scene *s = *state;

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
    struct relay_scene *s = *state;

    s->iw->shared.policy.idle_timeout_ms = 0;
    inline_worker_pass(s->iw, AGE_MS + TIMEWHEEL_TICK_MS);
    inline_worker_pass(s->iw, 1000ull * 24 * 3600 * 1000);
    relay_scene_pass(s, s->client, s->server, "still here");
}

static void a_dialled_socket_gets_its_keepalive_when_it_has_lasted(void **state)
{
    struct relay_scene *s = *state;

    assert_int_equal(sockopt_of(s->c->client.fd, SOL_SOCKET, SO_KEEPALIVE), 1); /* inherited */
    inline_worker_pass(s->iw, AGE_MS - 1);
    assert_int_equal(sockopt_of(s->c->server.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    assert_int_equal(sockopt_of(s->c->server.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
}

static void a_dialled_socket_gets_it_too_when_half_closed_early(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_pass(s->iw, TICK_MS);
    inline_worker_pass(s->iw, AGE_MS);
    assert_int_equal(sockopt_of(s->c->server.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
}

static void a_half_closed_connection_ends_without_progress(void **state)
{
    struct relay_scene *s = *state;

    inline_worker_pass(s->iw, HALF_MS + 10000); /* silence before the FIN does not count */
    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_pass(s->iw, HALF_MS - 1000);
    relay_scene_pass(s, s->server, s->client, "x");
    inline_worker_pass(s->iw, HALF_MS - 1);
    assert_int_equal(inline_worker_live(s->iw), 1);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    relay_scene_expect_ended(s, END_HALF_CLOSE_TIMEOUT);
    assert_int_equal(inline_worker_ended(s->iw, END_IDLE_TIMEOUT), 0);
}

static void a_half_closed_connection_that_moves_slowly_goes_on(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    for (unsigned i = 0; i < 20; i++) {
        inline_worker_pass(s->iw, HALF_MS - 1000);
        relay_scene_pass(s, s->server, s->client, "x");
    }
    relay_scene_fin(s->server);
    relay_scene_expect_ended(s, END_CLIENT_EOF);
}

static void what_lies_in_a_socket_at_a_deadline_moves_however_late_we_look(void **state)
{
    struct relay_scene *s = *state;

    inline_worker_write(s->iw, s->client, "up", 2);
    inline_worker_pass(s->iw, 10 * IDLE_MS);
    inline_worker_expect(s->iw, s->server, "up", 2);
    relay_scene_fin(s->client);
    inline_worker_expect_eof(s->iw, s->server);
    inline_worker_write(s->iw, s->server, "down", 4);
    relay_scene_fin(s->server);
    inline_worker_pass(s->iw, 10 * HALF_MS);
    inline_worker_expect(s->iw, s->client, "down", 4);
    relay_scene_expect_ended(s, END_CLIENT_EOF);
}

/* The server says much and ends; all of it is the kernel's then, and we have nothing to move. */
static void leave_on_its_way(struct relay_scene *s)
{
    relay_scene_narrow(s);
    for (unsigned i = 0; i < 8; i++) {
        inline_worker_write(s->iw, s->server, zeros, sizeof(zeros));
    }
    relay_scene_fin(s->server);
    INLINE_UNTIL(s->iw, s->c->down.finished);
}

static void expect_half_close_timeout(struct relay_scene *s)
{
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(inline_worker_live(s->iw), 1);
        inline_worker_pass(s->iw, HALF_MS / 4 + TIMEWHEEL_TICK_MS);
    }
    relay_scene_expect_ended(s, END_HALF_CLOSE_TIMEOUT);
}

static void what_is_on_its_way_to_a_slow_peer_is_progress_while_it_moves(void **state)
{
    struct relay_scene *s = *state;

    leave_on_its_way(s);
    inline_worker_pass(s->iw, TICK_MS);
    for (unsigned i = 0; i < 4; i++) {
        inline_worker_pass(s->iw, HALF_MS / 2);
        assert_int_equal(inline_worker_live(s->iw), 1);
        inline_worker_expect(s->iw, s->client, zeros, sizeof(zeros));
        inline_worker_pass(s->iw, HALF_MS / 4 + TIMEWHEEL_TICK_MS);
    }
    expect_half_close_timeout(s);
}

static void who_looks_late_for_the_first_time_looks_again(void **state)
{
    struct relay_scene *s = *state;

    leave_on_its_way(s);
    inline_worker_pass(s->iw, 10 * HALF_MS);
    expect_half_close_timeout(s);
}

/* Its event could not be added yet. */
static void a_reset_before_the_watch_begins_is_not_told_as_a_timeout(void **state)
{
    struct relay_scene *s = *state;

    relay_scene_fin(s->server);
    inline_worker_expect_eof(s->iw, s->client);
    assert_true(s->c->watch_due);
    sockopt_reset(s->server);
    s->server = -1;
    inline_worker_pass(s->iw, 10 * HALF_MS);
    INLINE_UNTIL(s->iw, s->c->state == CONN_LINGERING); /* the client is left time to read */
    relay_scene_close(&s->client);
    relay_scene_expect_ended(s, END_SERVER_RESET);
}

#define IN_SCENE(test)                                                                             \
    cmocka_unit_test_setup_teardown(test, relay_scene_setup, relay_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(an_idle_connection_ends_after_its_time_and_bytes_postpone_it),
        IN_SCENE(held_bytes_that_nobody_takes_are_no_progress),
        IN_SCENE(held_bytes_that_are_taken_are_progress),
        IN_SCENE(with_the_idle_timeout_off_only_the_ageing_is_due),
        IN_SCENE(a_dialled_socket_gets_its_keepalive_when_it_has_lasted),
        IN_SCENE(a_dialled_socket_gets_it_too_when_half_closed_early),
        IN_SCENE(a_half_closed_connection_ends_without_progress),
        IN_SCENE(a_half_closed_connection_that_moves_slowly_goes_on),
        IN_SCENE(what_lies_in_a_socket_at_a_deadline_moves_however_late_we_look),
        IN_SCENE(what_is_on_its_way_to_a_slow_peer_is_progress_while_it_moves),
        IN_SCENE(who_looks_late_for_the_first_time_looks_again),
        IN_SCENE(a_reset_before_the_watch_begins_is_not_told_as_a_timeout),
    };
    int failed = cmocka_run_group_tests_name("copying", tests, relay_scene_copies, NULL);

    return failed + cmocka_run_group_tests_name("splicing", tests, relay_scene_splices, NULL);
}
