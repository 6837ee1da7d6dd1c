/* Resets through the real program: passed on from either side in every state, and never at the cost
 * of what was said before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakes/scripted_peer.h"
#include "support/pattern.h"
#include "support/relay_play.h"
#include "support/scene.h"
#include "support/small_net.h"

static void a_reset_of_the_client_reaches_the_server(void **state)
{
    struct scene *s = *state;
    struct peer_flag ready;
    peer_flag_init(&ready);
    const struct peer_step client[] = {SEND_HELLO(s), PEER_WAIT(&ready), PEER_RESET, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_RAISE(&ready), PEER_EXPECT_RESET,
                                       PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    relay_play(s, client, server);
    relay_assert_logged(s, "client_reset");
    peer_flag_fini(&ready);
}

static void a_reset_of_the_server_reaches_the_client(void **state)
{
    struct scene *s = *state;
    const struct peer_step client[] = {SEND_HELLO(s), PEER_EXPECT_RESET, PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_RESET, PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    relay_play(s, client, server);
    relay_assert_logged(s, "server_reset");
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
    relay_play(s, client, server);
    relay_assert_logged(s, "client_reset");
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
    relay_play(s, client, server);
    relay_assert_logged(s, "server_reset");
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
    relay_play(s, client, server);
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
    relay_play(s, client, server);
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
    relay_play(s, client, server);
    relay_assert_logged(s, "client_reset");
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
    relay_assert_logged(s, "server_reset");
    peer_flag_fini(&finished);
    peer_flag_fini(&gone);
}

/* Before it goes away it says why: a client gets that, though its upload is in the way. */
static void an_upload_that_is_refused_half_way_gets_the_answer(void **state)
{
    struct scene *s = *state;
    struct peer_flag full;
    peer_flag_init(&full);
    const struct peer_step client[] = {SEND_HELLO(s),     PEER_FLOOD(UP, 1024 * MIB, 300),
                                       PEER_RAISE(&full), PEER_EXPECT("too large", 9),
                                       PEER_EXPECT_RESET, PEER_END};
    /* An end with input unread is a reset. */
    const struct peer_step server[] = {EXPECT_HELLO(s), PEER_WAIT(&full), PEER_SEND("too large", 9),
                                       PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    relay_play(s, client, server);
    relay_assert_logged(s, "server_reset");
    peer_flag_fini(&full);
}

/* And a server gets the client's last words, though what it sends is in the way. */
static void a_client_that_leaves_in_the_middle_of_a_download_is_heard(void **state)
{
    struct scene *s = *state;
    struct peer_flag full;
    peer_flag_init(&full);
    /* An end with input unread is a reset. */
    const struct peer_step client[] = {SEND_HELLO(s), PEER_WAIT(&full), PEER_SEND("goodbye", 7),
                                       PEER_END};
    const struct peer_step server[] = {EXPECT_HELLO(s),   PEER_FLOOD(DOWN, 1024 * MIB, 300),
                                       PEER_RAISE(&full), PEER_EXPECT("goodbye", 7),
                                       PEER_EXPECT_RESET, PEER_END};

    scene_start_with_backend(s, NULL, NULL);
    relay_play(s, client, server);
    relay_assert_logged(s, "client_reset");
    peer_flag_fini(&full);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)
#define COPYING(t)       cmocka_unit_test_setup_teardown(t, relay_setup_copying, relay_teardown_copying)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(a_reset_of_the_client_reaches_the_server),
        WITH_SCENE(a_reset_of_the_server_reaches_the_client),
        WITH_SCENE(a_reset_is_passed_on_while_its_side_is_not_written),
        WITH_SCENE(a_reset_is_passed_on_while_its_side_is_not_read),
        WITH_SCENE(a_reset_of_a_flooding_client_is_passed_on),
        WITH_SCENE(a_reset_is_passed_on_while_both_sides_are_full),
        WITH_SCENE(a_reset_after_a_half_close_is_passed_on),
        WITH_SCENE(a_reset_behind_the_servers_end_does_not_cost_the_answer),
        WITH_SCENE(an_upload_that_is_refused_half_way_gets_the_answer),
        WITH_SCENE(a_client_that_leaves_in_the_middle_of_a_download_is_heard),
    };
    /* What is spliced above. */
    const struct CMUnitTest copying[] = {
        COPYING(a_reset_is_passed_on_while_its_side_is_not_written),
        COPYING(a_reset_is_passed_on_while_its_side_is_not_read),
        COPYING(a_reset_of_a_flooding_client_is_passed_on),
        COPYING(a_reset_is_passed_on_while_both_sides_are_full),
        COPYING(a_reset_behind_the_servers_end_does_not_cost_the_answer),
        COPYING(an_upload_that_is_refused_half_way_gets_the_answer),
        COPYING(a_client_that_leaves_in_the_middle_of_a_download_is_heard),
    };
    const struct CMUnitTest small[] = {
        WITH_SCENE(a_reset_is_passed_on_while_both_sides_are_full),
    };
    int failed = cmocka_run_group_tests_name("resets", tests, NULL, NULL) +
                 cmocka_run_group_tests_name("resets, copying", copying, NULL, NULL);

    if (!small_net_enter()) {
        print_message("             skip small_buffers: no network namespace permitted\n");
        return failed;
    }
    return failed + cmocka_run_group_tests_name("resets with small buffers", small, NULL, NULL);
}
