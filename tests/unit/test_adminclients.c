#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/adminserver.h"
#include "base/limits.h"
#include "support/admin_scene.h"
#include "support/failalloc.h"

#define GET_PAGE    "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define GET_BIG     "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define MIB         (1024u * 1024u)
#define SHORT_MS    150u
#define EARLIEST_MS (SHORT_MS - 20) /* libevent's clock is coarse */
#define LONGER_MS   1000u /* where something must have been done before, on a slow machine too */

static int setup(void **state)
{
    struct admin_scene *scene = test_calloc(1, sizeof(*scene));

    admin_scene_init(scene);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    admin_scene_stop(*state);
    test_free(*state);
    return 0;
}

/* A client that has one answer and is idle now. */
static int enter_idle(struct admin_scene *scene)
{
    struct admin_answer a;
    int fd = admin_scene_enter(scene);

    assert_true(admin_scene_say(scene, fd, GET_PAGE));
    assert_true(admin_scene_read(scene, fd, false, &a));
    admin_answer_fini(&a);
    return fd;
}

static void expect_nobody(struct admin_scene *scene)
{
    admin_scene_turn(scene);
    ADMIN_UNTIL(scene, adminserver_clients(scene->server) == 0);
}

/* --- Deadlines ------------------------------------------------------------------------------- */

static void a_silent_client_is_closed(void **state)
{
    struct admin_scene *scene = *state;
    uint64_t start = admin_scene_ms();
    int fd;

    scene->limits.request_ms = SHORT_MS;
    admin_scene_start(scene);
    fd = admin_scene_enter(scene);
    admin_scene_expect_end(scene, fd);
    assert_true(admin_scene_ms() - start >= EARLIEST_MS);
    assert_int_equal(adminserver_clients(scene->server), 0);
    close(fd);
}

/* A byte now and then: the deadline is for the whole request. */
static void a_slow_request_is_closed_however_it_goes_on(void **state)
{
    static const char start[] = "GET /page HTTP/1.1\r\n";
    struct admin_scene *scene = *state;
    uint64_t since = admin_scene_ms();
    size_t sent = 0;
    int fd;

    scene->limits.request_ms = LONGER_MS;
    admin_scene_start(scene);
    fd = admin_scene_enter(scene);
    while (!admin_scene_ended(fd)) {
        char byte = sent < strlen(start) ? start[sent] : 'a';

        if (admin_scene_ms() - since > sent * 2) {
            (void)!send(fd, &byte, 1, MSG_NOSIGNAL);
            sent++;
        }
        admin_scene_turn(scene);
        assert_true(admin_scene_ms() - since < ADMIN_PATIENCE_MS);
    }
    assert_true(sent > strlen(start));
    assert_int_equal(scene->served, 0);
    close(fd);
}

static void an_idle_client_is_closed(void **state)
{
    struct admin_scene *scene = *state;
    uint64_t start = admin_scene_ms();
    int fd;

    scene->limits.idle_ms = SHORT_MS;
    admin_scene_start(scene);
    fd = enter_idle(scene);
    admin_scene_expect_end(scene, fd);
    assert_true(admin_scene_ms() - start >= EARLIEST_MS);
    close(fd);
}

static void the_first_byte_of_a_next_request_ends_idleness(void **state)
{
    struct admin_scene *scene = *state;
    int idle, slow;

    scene->limits.request_ms = LONGER_MS;
    admin_scene_start(scene);
    idle = enter_idle(scene);
    slow = enter_idle(scene);
    assert_true(admin_scene_say(scene, slow, "G"));
    admin_scene_expect_end(scene, slow);
    assert_false(admin_scene_ended(idle));
    close(idle);
    close(slow);
}

/* What was sent ahead is a request on the way as soon as the answer before it is taken. */
static void half_a_request_behind_a_whole_one_has_its_deadline(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fd;

    scene->limits.request_ms = LONGER_MS;
    admin_scene_start(scene);
    fd = admin_scene_enter(scene);
    assert_true(admin_scene_say(scene, fd, GET_PAGE "GET /pa"));
    assert_true(admin_scene_read(scene, fd, false, &a));
    admin_answer_fini(&a);
    admin_scene_expect_end(scene, fd);
    assert_int_equal(scene->served, 1);
    close(fd);
}

static void an_answer_that_is_not_taken_is_given_up(void **state)
{
    struct admin_scene *scene = *state;
    uint64_t start = admin_scene_ms();
    int fd;

    scene->big_bytes = 4 * MIB;
    scene->limits.answer_ms = SHORT_MS;
    admin_scene_start(scene);
    fd = admin_scene_stall(scene);
    ADMIN_UNTIL(scene, admin_scene_ended(fd)); /* by a reset, for a FIN would wait behind it */
    assert_true(admin_scene_ms() - start >= EARLIEST_MS);
    assert_int_equal(adminserver_clients(scene->server), 0);
    close(fd);
}

static void a_connection_ends_after_so_many_requests(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fd;

    scene->limits.requests = 3;
    admin_scene_start(scene);
    fd = admin_scene_enter(scene);
    for (int i = 1; i <= 3; i++) {
        assert_true(admin_scene_say(scene, fd, GET_PAGE));
        assert_true(admin_scene_read(scene, fd, false, &a));
        assert_int_equal(admin_answer_has(&a, "Connection: close"), i == 3);
        admin_answer_fini(&a);
    }
    admin_scene_expect_end(scene, fd);
    close(fd);
}

/* --- Crowds ---------------------------------------------------------------------------------- */

#define CROWD 1000

static void close_crowd(int fds[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        close(fds[i]);
    }
}

static void allow_descriptors(rlim_t n)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < n ? limit.rlim_max : n;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void a_thousand_idle_clients_do_not_lock_out_a_probe(void **state)
{
    struct admin_scene *scene = *state;
    static int fds[CROWD];

    allow_descriptors(4096);
    admin_scene_start(scene);
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = admin_scene_dial(scene);
        if (i % 50 == 49) {
            assert_true(admin_scene_gets(scene, GET_PAGE, 200));
        }
        admin_scene_turn(scene);
        assert_true(adminserver_clients(scene->server) <= LIMIT_ADMIN_CLIENTS);
    }
    assert_true(admin_scene_gets(scene, GET_PAGE, 200));
    close_crowd(fds, CROWD);
}

/* Everybody comes at once, the probe in the middle: each is listened to before it has to go. */
static void a_probe_in_a_full_queue_is_answered(void **state)
{
    struct admin_scene *scene = *state;
    struct admin_answer a;
    int fds[100];
    int probe = -1;

    admin_scene_start(scene);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (i == ARRAY_LEN(fds) / 2) {
            probe = admin_scene_dial(scene);
            assert_int_equal(write(probe, GET_PAGE, strlen(GET_PAGE)), strlen(GET_PAGE));
        }
        fds[i] = admin_scene_dial(scene);
    }
    assert_true(admin_scene_read(scene, probe, false, &a));
    assert_int_equal(a.status, 200);
    admin_answer_fini(&a);
    close(probe);
    close_crowd(fds, ARRAY_LEN(fds));
}

static void clients_that_stall_do_not_lock_out_a_probe(void **state)
{
    struct admin_scene *scene = *state;
    int fds[2 * LIMIT_ADMIN_CLIENTS];

    scene->big_bytes = 2 * MIB; /* more than the sockets' buffers hold */
    admin_scene_start(scene);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = admin_scene_stall(scene);
        assert_true(adminserver_clients(scene->server) <= LIMIT_ADMIN_ANSWERS);
        assert_true(admin_scene_gets(scene, GET_PAGE, 200));
    }
    close_crowd(fds, ARRAY_LEN(fds));
}

/* Nobody is left out where as many may take an answer as there may be. */
static void the_one_that_stalls_longest_makes_room_when_all_do(void **state)
{
    struct admin_scene *scene = *state;
    int first, second;

    scene->limits.clients = 2;
    scene->limits.answers = 2;
    scene->big_bytes = 8 * MIB;
    admin_scene_start(scene);
    first = admin_scene_stall(scene);
    second = admin_scene_stall(scene);
    assert_true(admin_scene_gets(scene, GET_PAGE, 200));
    ADMIN_UNTIL(scene, admin_scene_ended(first));
    assert_false(admin_scene_ended(second));
    close(first);
    close(second);
}

static void idle_clients_go_before_asking_ones_and_those_before_answered_ones(void **state)
{
    struct admin_scene *scene = *state;
    int answered, asking, idle[2], fresh[3];

    scene->limits.clients = 4;
    scene->big_bytes = 4 * MIB;
    admin_scene_start(scene);
    answered = admin_scene_stall(scene);
    asking = admin_scene_enter(scene);
    idle[0] = enter_idle(scene);
    idle[1] = enter_idle(scene);

    fresh[0] = admin_scene_dial(scene);
    ADMIN_UNTIL(scene, admin_scene_ended(idle[0]));
    assert_false(admin_scene_ended(idle[1]));
    fresh[1] = admin_scene_dial(scene);
    ADMIN_UNTIL(scene, admin_scene_ended(idle[1]));
    assert_false(admin_scene_ended(asking));
    fresh[2] = admin_scene_dial(scene);
    ADMIN_UNTIL(scene, admin_scene_ended(asking));
    assert_false(admin_scene_ended(answered));
    assert_int_equal(adminserver_clients(scene->server), 4);
    close_crowd((int[]){answered, asking, idle[0], idle[1], fresh[0], fresh[1], fresh[2]}, 7);
}

/* --- Bytes that are not wanted --------------------------------------------------------------- */

/* Send and send until the server has closed or takes no more; how much it took. */
static size_t flood(struct admin_scene *scene, int fd)
{
    static char bytes[65536];
    unsigned refused = 0;
    size_t sent = 0;

    memset(bytes, 'x', sizeof(bytes));
    while (refused < 20 && sent < 64 * MIB && !admin_scene_ended(fd)) {
        ssize_t n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);

        sent += n > 0 ? (size_t)n : 0;
        refused = n > 0 ? 0 : refused + 1;
        admin_scene_turn(scene);
    }
    return sent;
}

/* Who does not take his answer may send whatever he likes: it is not read before that. */
static void bytes_sent_ahead_wait_in_the_kernel(void **state)
{
    struct admin_scene *scene = *state;
    int fd;

    scene->big_bytes = 4 * MIB;
    admin_scene_start(scene);
    fd = admin_scene_stall(scene);
    assert_true(flood(scene, fd) < 16 * MIB); /* what both sockets' buffers hold, not any amount */
    assert_false(admin_scene_ended(fd));
    close(fd);
}

/*
 * Behind a request that is none evhttp reads on by itself while its answer waits to be taken.  That
 * waits when the answer before it has just filled the sockets' buffers: one of these sizes does.
 */
static void bytes_behind_an_error_wait_in_the_kernel(void **state)
{
    struct admin_scene *scene = *state;

    scene->send_bytes = 4096;
    scene->receive_bytes = 4096;
    admin_scene_start(scene);
    for (size_t size = 1024; size < 32768; size += 128) {
        int fd;

        scene->big_bytes = size;
        fd = admin_scene_dial(scene);
        assert_true(admin_scene_say(scene, fd, GET_BIG "no request\r\n"));
        assert_true(flood(scene, fd) < 16 * MIB);
        close(fd);
        expect_nobody(scene);
    }
}

/* --- Odd ends -------------------------------------------------------------------------------- */

static void reset(int fd)
{
    const struct linger now = {.l_onoff = 1};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}

static void clients_may_vanish_at_any_time(void **state)
{
    struct admin_scene *scene = *state;

    scene->big_bytes = 4 * MIB;
    admin_scene_start(scene);
    reset(admin_scene_dial(scene)); /* before it is accepted */
    expect_nobody(scene);
    reset(admin_scene_enter(scene));
    expect_nobody(scene);
    reset(enter_idle(scene));
    expect_nobody(scene);
    reset(admin_scene_stall(scene));
    expect_nobody(scene);
    close(admin_scene_stall(scene));
    expect_nobody(scene);
    assert_true(admin_scene_gets(scene, GET_PAGE, 200));
}

static void the_server_may_go_at_any_time(void **state)
{
    struct admin_scene *scene = *state;
    int fds[5];

    scene->big_bytes = 4 * MIB;
    admin_scene_start(scene);
    fds[0] = admin_scene_enter(scene);
    fds[1] = enter_idle(scene);
    fds[2] = admin_scene_stall(scene);
    fds[3] = admin_scene_stall(scene);
    fds[4] = admin_scene_dial(scene);
    admin_scene_stop(scene);
    close_crowd(fds, ARRAY_LEN(fds));
}

static void on_break(evutil_socket_t fd, short what, void *base)
{
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(base);
}

/* The loop ends right behind the accept: evhttp has him, and we have not looked yet. */
static void the_server_may_go_while_somebody_comes_in(void **state)
{
    const struct timeval now = {.tv_sec = 0};
    struct admin_scene *scene = *state;
    int fd;

    admin_scene_start(scene);
    fd = admin_scene_dial(scene);
    while (adminserver_clients(scene->server) == 0) {
        assert_int_equal(event_base_once(scene->base, -1, EV_TIMEOUT, on_break, scene->base, &now),
                         0);
        admin_scene_turn(scene);
    }
    admin_scene_stop(scene);
    close(fd);
}

/* With no descriptor left the listening socket stays readable: it must not be asked all the time.
 */
static void without_descriptors_it_waits(void **state)
{
    struct admin_scene *scene = *state;
    struct rlimit before, none;
    unsigned turns = 0;
    uint64_t start;
    int fd;

    if (getenv("RUN_UNDER") != NULL) {
        print_message("             skip %s: valgrind keeps the limit itself\n", __func__);
        skip();
    }
    admin_scene_start(scene);
    fd = admin_scene_dial(scene);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    start = admin_scene_ms();
    while (admin_scene_ms() - start < 350) {
        assert_true(event_base_loop(scene->base, EVLOOP_ONCE) >= 0);
        turns++;
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(turns < 30);
    assert_int_equal(adminserver_clients(scene->server), 0);
    assert_true(admin_scene_say(scene, fd, GET_PAGE));
    ADMIN_UNTIL(scene, scene->served == 1);
    close(fd);
}

/* --- No memory ------------------------------------------------------------------------------ */

static void drop_message(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

/* Ask with the nth allocation failing; whatever becomes of that, the next client is served. */
static bool ask_without_memory(struct admin_scene *scene, const char *request, size_t nth)
{
    bool fired;
    int fd;

    admin_scene_start(scene);
    failalloc_arm(nth);
    fd = admin_scene_dial(scene);
    (void)admin_scene_say(scene, fd, request);
    (void)shutdown(fd, SHUT_WR);
    admin_scene_expect_end(scene, fd);
    fired = failalloc_disarm();
    close(fd);
    expect_nobody(scene);
    assert_true(admin_scene_gets(scene, GET_PAGE, 200));
    admin_scene_stop(scene);
    return fired;
}

static void without_memory_a_client_is_lost_and_no_more(void **state)
{
    static const char *const requests[] = {
        GET_PAGE,
        "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "HEAD http://a:80/private HTTP/1.0\r\nHost: localhost:80\r\n b\r\n\r\n",
        "POST /page HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        "no request at all\r\n\r\n",
    };
    struct admin_scene *scene = *state;

    scene->big_bytes = 100000;
    event_set_log_callback(drop_message);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        size_t nth = 1;

        while (ask_without_memory(scene, requests[i], nth)) {
            nth++;
        }
        assert_true(nth > 20);
    }
    event_set_log_callback(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_silent_client_is_closed),
        TEST(a_slow_request_is_closed_however_it_goes_on),
        TEST(an_idle_client_is_closed),
        TEST(the_first_byte_of_a_next_request_ends_idleness),
        TEST(half_a_request_behind_a_whole_one_has_its_deadline),
        TEST(an_answer_that_is_not_taken_is_given_up),
        TEST(a_connection_ends_after_so_many_requests),
        TEST(a_thousand_idle_clients_do_not_lock_out_a_probe),
        TEST(a_probe_in_a_full_queue_is_answered),
        TEST(clients_that_stall_do_not_lock_out_a_probe),
        TEST(the_one_that_stalls_longest_makes_room_when_all_do),
        TEST(idle_clients_go_before_asking_ones_and_those_before_answered_ones),
        TEST(bytes_sent_ahead_wait_in_the_kernel),
        TEST(bytes_behind_an_error_wait_in_the_kernel),
        TEST(clients_may_vanish_at_any_time),
        TEST(the_server_may_go_at_any_time),
        TEST(the_server_may_go_while_somebody_comes_in),
        TEST(without_descriptors_it_waits),
        TEST(without_memory_a_client_is_lost_and_no_more),
    };

    signal(SIGPIPE, SIG_IGN); /* as the program has it */
    admin_scene_spare_evhttp();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
