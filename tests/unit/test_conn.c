#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "proxy/clientcap.h"
#include "proxy/conn.h"
#include "route/registry.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/sockopt.h"
#include "tls/clienthello.h"

#define ANSWER_BYTES (3u * 1024 * 1024)
#define SHY_TURNS    60u /* that the client lets the answer pile up */

/* Libevent's memory fails with ours. */
static void *fail_malloc(size_t n)
{
    return malloc(n);
}

static void *fail_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

static int setup(void **state)
{
    struct inline_worker *iw;

    failsys_reset();
    inline_worker_setup(state);
    iw = *state;
    iw->shared.access_log = true;
    iw->shared.per_route_stats = true;
    iw->shared.clientcap = clientcap_new(10);
    (void)proxy_fixture_simple(&iw->f);
    return 0;
}

static int open_setup(void **state)
{
    struct inline_worker *iw;

    setup(state);
    iw = *state;
    inline_worker_open(iw, iw->f.tables[0]);
    return 0;
}

static int teardown(void **state)
{
    failsys_reset();
    (void)failalloc_disarm();
    return inline_worker_teardown(state);
}

/* One whole connection played by both its peers without expecting anything but an end. */
struct play {
    struct inline_worker *iw;
    int client, server;
    size_t asked, answered;
    unsigned turns; /* since the server was reached */
    bool over;      /* the client has seen a FIN or a reset */
};

static void play_client(struct play *p)
{
    static uint8_t trash[65536];
    ssize_t n;

    if (p->asked < p->iw->f.hello_len) { /* in two pieces, so that the first must be kept */
        size_t half = p->iw->f.hello_len / 2;
        n = write(p->client, p->iw->f.hello + p->asked, p->asked < half ? half : half + 1);
        p->asked += n > 0 ? (size_t)n : 0;
    }
    if (p->server < 0 || p->turns++ > SHY_TURNS) {
        n = read(p->client, trash, sizeof(trash));
        p->over = n == 0 || (n < 0 && errno != EAGAIN);
    }
}

static void play_server(struct play *p)
{
    static const uint8_t answer[ANSWER_BYTES];
    uint8_t trash[4096];
    ssize_t n;

    if (p->server < 0) {
        p->server = accept(p->iw->f.backend, NULL, NULL);
        if (p->server >= 0) {
            assert_int_equal(fcntl(p->server, F_SETFL, O_NONBLOCK), 0);
        }
        return;
    }
    n = read(p->server, trash, sizeof(trash));
    if (p->answered < ANSWER_BYTES) {
        n = write(p->server, answer + p->answered, ANSWER_BYTES - p->answered);
        p->answered += n > 0 ? (size_t)n : 0;
        if (p->answered == ANSWER_BYTES) {
            assert_int_equal(shutdown(p->server, SHUT_WR), 0);
        }
    }
}

/* Play one connection from its accept to its end in a worker of its own. */
static void play(struct inline_worker *iw, void (*arm)(unsigned nth), unsigned nth)
{
    struct play p = {.iw = iw, .server = -1};
    uint64_t until = inline_worker_real_ms() + INLINE_PATIENCE_MS;

    p.client = proxy_fixture_dial_narrow(&iw->addr);
    arm(nth);
    while (!p.over) {
        inline_worker_turn(iw);
        play_client(&p);
        play_server(&p);
        assert_true(inline_worker_real_ms() < until);
    }
    close(p.client);
    if (p.server >= 0) {
        close(p.server);
    }
    while (inline_worker_live(iw) > 0) {
        inline_worker_turn(iw);
        assert_true(inline_worker_real_ms() < until);
    }
}

static uint64_t sum_of_ends(const struct inline_worker *iw)
{
    uint64_t sum = 0;

    for (int why = 0; why < END_REASONS; why++) {
        sum += inline_worker_ended(iw, (enum end_reason)why);
    }
    return sum;
}

/* After whatever happened: nothing is counted any more, each end was, and the worker serves on. */
static void assert_clean(struct inline_worker *iw)
{
    int client, server, orphan;

    assert_int_equal(proxy_fixture_load(&iw->f), 0);
    assert_int_equal(inline_worker_open_connections(iw), 0);
    assert_int_equal(sum_of_ends(iw) - iw->ended_before, iw->w->counts[0].accepted);
    while ((orphan = accept(iw->f.backend, NULL, NULL)) >= 0) {
        close(orphan); /* dialled and given up before the peers saw it */
    }
    inline_worker_pass(iw, 15000); /* a failed endpoint's time */
    inline_worker_relay(iw, &client, &server);
    close(client);
    close(server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
}

/* Play with the 1st, 2nd, … point failing until none failed; a fresh worker each time, so that
 * libevent has nothing ready either.  Returns the number of points. */
static unsigned torture(struct inline_worker *iw, void (*arm)(unsigned), bool (*disarm)(void),
                        unsigned most)
{
    unsigned nth = 0;
    bool fired;

    do {
        inline_worker_open(iw, iw->f.tables[0]);
        play(iw, arm, ++nth);
        fired = disarm();
        assert_clean(iw);
        inline_worker_close(iw);
    } while (fired && nth < most);
    return nth - 1;
}

static void arm_memory(unsigned nth)
{
    failalloc_arm(nth);
}

static void a_connection_survives_or_ends_cleanly_wherever_memory_runs_out(void **state)
{
    struct inline_worker *iw = *state;

    /* The client's share, connection, hello, its bytes, facts, held bytes; libevent's own. */
    assert_true(torture(iw, arm_memory, failalloc_disarm, 1000) >= 8);
}

static enum failsys_call broken_call;
static int broken_error;
static unsigned broken_nth;

static void arm_call(unsigned nth)
{
    failsys_reset();
    broken_nth = nth;
    failsys_fail(broken_call, broken_error, nth - 1, 1);
}

static bool disarm_call(void)
{
    bool fired = failsys_count(broken_call) >= broken_nth;

    failsys_reset();
    return fired;
}

static void a_connection_survives_or_ends_cleanly_whichever_call_fails(void **state)
{
    static const struct {
        enum failsys_call call;
        int error;
        unsigned least;
    } points[] = {
        {FAILSYS_ALIGNED_ALLOC, ENOMEM, 1}, /* of the route's cells, made once */
        {FAILSYS_EVENT_ADD, ENOMEM, 4},      {FAILSYS_SEND, ECONNRESET, 10},
        {FAILSYS_SEND, EAGAIN, 10},          {FAILSYS_RECV, ECONNRESET, 10},
        {FAILSYS_RECV, ETIMEDOUT, 10},       {FAILSYS_RECV, EAGAIN, 10},
        {FAILSYS_SOCKET, EMFILE, 1},         {FAILSYS_CONNECT, ECONNREFUSED, 1},
        {FAILSYS_CONNECT, EADDRNOTAVAIL, 1}, {FAILSYS_GETSOCKOPT, EINVAL, 0},
        {FAILSYS_ACCEPT4, ECONNABORTED, 1},  {FAILSYS_PIPE2, EMFILE, 1},
        {FAILSYS_SETPIPE_SZ, EPERM, 1},      {FAILSYS_SPLICE, EAGAIN, 2},
        {FAILSYS_SPLICE, EINVAL, 2},         {FAILSYS_SPLICE, ENOMEM, 2},
        {FAILSYS_SPLICE, ECONNRESET, 2},
    };
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        broken_call = points[i].call;
        broken_error = points[i].error;
        iw->shared.pipes = points[i].call >= FAILSYS_SPLICE ? 2 : 0;
        assert_true(torture(iw, arm_call, disarm_call, 30) >= points[i].least);
    }
}

static void facts_are_kept_for_the_log_alone(void **state)
{
    struct inline_worker *iw = *state;
    struct conn *c;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    c = inline_worker_conn(iw, CONN_RELAYING);
    assert_non_null(c->facts);
    assert_int_equal(c->facts->name_len, strlen(PROXY_FIXTURE_HOST));
    assert_memory_equal(c->facts->text, PROXY_FIXTURE_HOST "h2,http/1.1",
                        strlen(PROXY_FIXTURE_HOST "h2,http/1.1"));
    assert_int_equal(c->facts->versions, CLIENTHELLO_TLS12 | CLIENTHELLO_TLS13);
    assert_true(netaddr_equal(&c->local_addr, &iw->addr));
    assert_true(netaddr_same_ip(&c->client_addr, &iw->addr));
    close(client);
    close(server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);

    iw->shared.access_log = false;
    inline_worker_relay(iw, &client, &server);
    assert_null(inline_worker_conn(iw, CONN_RELAYING)->facts);
    close(client);
    close(server);
}

static void route_and_endpoint_count_it_while_it_lasts(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    assert_int_equal(registry_route_active(inline_worker_conn(iw, CONN_RELAYING)->route), 1);
    assert_int_equal(registry_endpoint_active(inline_worker_conn(iw, CONN_RELAYING)->endpoint), 1);
    assert_int_equal(proxy_fixture_load(&iw->f), 2);
    assert_int_equal(inline_worker_open_connections(iw), 1);
    close(client);
    close(server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(proxy_fixture_load(&iw->f), 0);
    assert_int_equal(inline_worker_open_connections(iw), 0);
}

static void a_wait_for_the_same_thing_costs_no_call(void **state)
{
    struct inline_worker *iw = *state;
    struct conn *c;
    int client, server;
    unsigned before;

    inline_worker_relay(iw, &client, &server);
    c = inline_worker_conn(iw, CONN_RELAYING);
    before = failsys_count(FAILSYS_EVENT_ADD);
    assert_int_equal(conn_wait(c, &c->client, c->client.waiting), 0);
    assert_int_equal(failsys_count(FAILSYS_EVENT_ADD), before);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    assert_int_equal(conn_wait(c, &c->client, EV_WRITE | EV_PERSIST), -ENOMEM);
    assert_int_equal(c->client.waiting, 0);
    assert_int_equal(conn_wait(c, &c->client, EV_READ | EV_PERSIST), 0);
    close(client);
    close(server);
}

static void only_what_a_peer_did_is_a_reset(void **state)
{
    static const struct {
        int error;
        bool client;
        enum end_reason why;
    } cases[] = {
        {ECONNRESET, true, END_CLIENT_RESET},  {EPIPE, true, END_CLIENT_RESET},
        {ECONNRESET, false, END_SERVER_RESET}, {EPIPE, false, END_SERVER_RESET},
        {ETIMEDOUT, true, END_ERROR},          {EHOSTUNREACH, false, END_ERROR},
    };
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t before = inline_worker_ended(iw, cases[i].why);
        struct conn *c;
        int client, server;
        inline_worker_relay(iw, &client, &server);
        c = inline_worker_conn(iw, CONN_RELAYING);
        conn_fail(c, cases[i].client ? &c->client : &c->server, cases[i].error);
        assert_int_equal(c->end, cases[i].why); /* valid until the reaper comes */
        assert_int_equal(inline_worker_ended(iw, cases[i].why), before + 1);
        if (cases[i].why != END_CLIENT_RESET) {
            inline_worker_expect_reset(iw, client);
        }
        if (cases[i].why != END_SERVER_RESET) {
            inline_worker_expect_reset(iw, server);
        }
        close(client);
        close(server);
    }
}

static void an_orderly_end_is_a_fin_to_both(void **state)
{
    static const enum end_reason ends[] = {END_CLIENT_EOF, END_SERVER_EOF, END_IDLE_TIMEOUT,
                                           END_HALF_CLOSE_TIMEOUT, END_DRAIN};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        int client, server;
        inline_worker_relay(iw, &client, &server);
        conn_end(inline_worker_conn(iw, CONN_RELAYING), ends[i]);
        inline_worker_expect_eof(iw, client);
        inline_worker_expect_eof(iw, server);
        close(client);
        close(server);
    }
}

static void a_drain_ends_with_a_fin_though_the_client_has_said_more(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    assert_int_equal(write(client, "more", 4), 4);
    conn_end(inline_worker_conn(iw, CONN_RELAYING), END_DRAIN);
    inline_worker_expect_eof(iw, client);
    inline_worker_expect_eof(iw, server);
    close(client);
    close(server);
}

static void a_socket_tells_its_pending_error(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    assert_int_equal(conn_socket_error(client), 0);
    sockopt_reset(server);
    INLINE_UNTIL(iw, conn_socket_error(client) == ECONNRESET);
    close(client);
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define OPENED(test) cmocka_unit_test_setup_teardown(test, open_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOSED(a_connection_survives_or_ends_cleanly_wherever_memory_runs_out),
        CLOSED(a_connection_survives_or_ends_cleanly_whichever_call_fails),
        OPENED(facts_are_kept_for_the_log_alone),
        OPENED(route_and_endpoint_count_it_while_it_lasts),
        OPENED(a_wait_for_the_same_thing_costs_no_call),
        OPENED(only_what_a_peer_did_is_a_reset),
        OPENED(an_orderly_end_is_a_fin_to_both),
        OPENED(a_drain_ends_with_a_fin_though_the_client_has_said_more),
        OPENED(a_socket_tells_its_pending_error),
    };

    event_set_mem_functions(fail_malloc, fail_realloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
