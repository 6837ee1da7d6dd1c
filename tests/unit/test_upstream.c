#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/upstream.h"
#include "route/registry.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/sockopt.h"
#include "tls/alert.h"

/* Every kind of endpoint; each test makes a pool of those it wants. */
struct scene {
    struct inline_worker *iw;
    struct netaddr refuser_addr[4], staller_addr;
    int refuser[4], staller, fill[2];
    struct table *table;
};

static int setup(void **state)
{
    static struct scene s;
    void *iw;

    failsys_reset();
    inline_worker_setup(&iw);
    s = (struct scene){.iw = iw};
    for (size_t i = 0; i < ARRAY_LEN(s.refuser); i++) {
        s.refuser[i] = proxy_fixture_refuser(&s.refuser_addr[i]);
    }
    s.staller = proxy_fixture_staller(&s.staller_addr, s.fill);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    void *iw = s->iw;

    failsys_reset();
    (void)failalloc_disarm();
    for (size_t i = 0; i < ARRAY_LEN(s->refuser); i++) {
        close(s->refuser[i]);
    }
    close(s->staller);
    close(s->fill[0]);
    close(s->fill[1]);
    return inline_worker_teardown(&iw);
}

static const struct pool *pool_of(const struct scene *s)
{
    size_t n;

    return table_pool(s->table, table_routes(s->table, &n));
}

static struct endpoint_state *state_of(const struct scene *s, const struct netaddr *addr)
{
    const struct pool *pool = pool_of(s);

    for (uint32_t i = 0; i < pool->n_endpoints; i++) {
        if (netaddr_equal(endpoint_addr(&pool->endpoints[i]), addr)) {
            return endpoint_state(&pool->endpoints[i]);
        }
    }
    fail_msg("no such endpoint");
    return NULL;
}

static bool is_skipped(const struct scene *s, const struct netaddr *addr)
{
    return state_of(s, addr)->skip_until_ms > clock_now_ms();
}

/* Open the worker with these endpoints; the first of them is tried first. */
static void open_with(struct scene *s, const struct netaddr *endpoints, size_t n)
{
    s->table = proxy_fixture_table(&s->iw->f, PROXY_FIXTURE_HOST, endpoints, n);
    for (size_t i = 1; i < n; i++) {
        state_of(s, &endpoints[i])->skip_until_ms = clock_now_ms() + 5000;
    }
    inline_worker_open(s->iw, s->table);
}

static const struct route_cells *cells_of(const struct scene *s)
{
    return &s->iw->w->unrouted;
}

/* A client that has sent its hello. */
static int ask(struct scene *s)
{
    int fd = inline_worker_dial(s->iw);

    inline_worker_write(s->iw, fd, s->iw->f.hello, s->iw->f.hello_len);
    return fd;
}

/* A client whose dial waits for an endpoint that does not answer. */
static int ask_stalled(struct scene *s)
{
    int fd = ask(s);

    INLINE_UNTIL(s->iw, inline_worker_count(s->iw, CONN_DIALLING) == 1);
    return fd;
}

static int expect_served(struct scene *s)
{
    int fd = inline_worker_accept(s->iw, s->iw->f.backend);

    inline_worker_expect(s->iw, fd, s->iw->f.hello, s->iw->f.hello_len);
    return fd;
}

static void expect_internal_error(struct scene *s, int fd)
{
    uint8_t alert[ALERT_RECORD_BYTES];

    alert_encode(ALERT_INTERNAL_ERROR, alert);
    inline_worker_expect(s->iw, fd, alert, sizeof(alert));
    inline_worker_expect_eof(s->iw, fd);
    close(fd);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
}

static void a_refused_dial_goes_on_to_the_next_endpoint_with_the_whole_hello(void **state)
{
    struct scene *s = *state;
    const struct netaddr pool[] = {s->refuser_addr[0], s->iw->f.backend_addr};
    int client, server;

    open_with(s, pool, 2);
    client = ask(s);
    server = expect_served(s);
    assert_int_equal(cells_of(s)->dials[DIAL_REFUSED], 1);
    assert_int_equal(cells_of(s)->retries, 1);
    assert_int_equal(cells_of(s)->dials[DIAL_OK], 1);
    assert_true(is_skipped(s, &pool[0]));
    assert_false(is_skipped(s, &pool[1])); /* it answered */
    assert_int_equal(registry_endpoint_active(state_of(s, &pool[0])), 0);
    assert_int_equal(registry_endpoint_active(state_of(s, &pool[1])), 1);
    close(client);
    close(server);
}

static void when_all_refuse_the_client_is_told_internal_error(void **state)
{
    struct scene *s = *state;

    open_with(s, s->refuser_addr, 2);
    expect_internal_error(s, ask(s));
    assert_int_equal(inline_worker_ended(s->iw, END_CONNECT_FAILED), 1);
    assert_int_equal(cells_of(s)->dials[DIAL_REFUSED], 2);
}

static void dials_are_bounded_by_the_retries(void **state)
{
    struct scene *s = *state;

    s->iw->f.policy.connect_retries = 2;
    open_with(s, s->refuser_addr, 4);
    expect_internal_error(s, ask(s));
    assert_int_equal(cells_of(s)->dials[DIAL_REFUSED], 3);
    assert_int_equal(cells_of(s)->retries, 2);
    s->iw->shared.policy.connect_retries = 0;
    expect_internal_error(s, ask(s));
    assert_int_equal(cells_of(s)->dials[DIAL_REFUSED], 4);
}

static void a_route_without_endpoints_answers_by_its_policy(void **state)
{
    struct scene *s = *state;
    int fd;

    open_with(s, NULL, 0);
    expect_internal_error(s, ask(s));
    s->iw->shared.policy.on_no_endpoint = PROXY_ANSWER_CLOSE;
    fd = ask(s);
    inline_worker_expect_eof(s->iw, fd);
    close(fd);
    s->iw->shared.policy.on_no_endpoint = PROXY_ANSWER_RESET;
    fd = ask(s);
    inline_worker_expect_reset(s->iw, fd);
    close(fd);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(inline_worker_ended(s->iw, END_NO_ENDPOINT), 3);
    assert_int_equal(cells_of(s)->dials[DIAL_ERROR], 0);
}

static void an_endpoint_that_does_not_answer_in_time_is_left_for_the_next(void **state)
{
    struct scene *s = *state;
    const struct netaddr pool[] = {s->staller_addr, s->iw->f.backend_addr};
    int client, server;

    open_with(s, pool, 2);
    client = ask_stalled(s);
    assert_int_equal(registry_endpoint_active(state_of(s, &pool[0])),
                     1); /* a dial in progress is load */
    inline_worker_pass(s->iw, 1999);
    assert_int_equal(cells_of(s)->dials[DIAL_TIMEOUT], 0);
    inline_worker_pass(s->iw, 1 + TIMEWHEEL_TICK_MS);
    server = expect_served(s);
    assert_int_equal(cells_of(s)->dials[DIAL_TIMEOUT], 1);
    assert_true(is_skipped(s, &pool[0]));
    assert_int_equal(registry_endpoint_active(state_of(s, &pool[0])), 0);
    close(client);
    close(server);
}

static void when_none_answers_in_time_the_client_is_told(void **state)
{
    struct scene *s = *state;

    open_with(s, &s->staller_addr, 1);
    int fd = ask_stalled(s);
    inline_worker_pass(s->iw, 2000 + TIMEWHEEL_TICK_MS);
    expect_internal_error(s, fd);
    assert_int_equal(inline_worker_ended(s->iw, END_CONNECT_FAILED), 1);
}

static void the_answer_is_not_lost_to_what_came_while_we_dialled(void **state)
{
    struct scene *s = *state;
    int fd;

    open_with(s, &s->staller_addr, 1);
    fd = ask_stalled(s);
    inline_worker_write(s->iw, fd, "early", 5);
    inline_worker_turn(s->iw);
    inline_worker_pass(s->iw, 2000 + TIMEWHEEL_TICK_MS);
    INLINE_UNTIL(s->iw, inline_worker_conn(s->iw, CONN_LINGERING)->lingered == 5);
    expect_internal_error(s, fd);
}

static void a_client_that_resets_ends_the_dial(void **state)
{
    struct scene *s = *state;

    open_with(s, &s->staller_addr, 1);
    sockopt_reset(ask_stalled(s));
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(inline_worker_ended(s->iw, END_CLIENT_RESET), 1);
    assert_false(is_skipped(s, &s->staller_addr));
}

static void a_reset_after_more_bytes_and_a_fin_ends_it_too(void **state)
{
    struct scene *s = *state;
    int fd;

    open_with(s, &s->staller_addr, 1);
    fd = ask_stalled(s);
    inline_worker_write(s->iw, fd, "more", 4);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(inline_worker_rests(s->iw, 0));
    assert_int_equal(inline_worker_live(s->iw), 1);
    sockopt_reset(fd);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(inline_worker_ended(s->iw, END_CLIENT_RESET), 1);
}

static void what_the_client_sends_while_we_dial_waits_without_spinning_and_is_delivered(
    void **state)
{
    struct scene *s = *state;
    const struct netaddr pool[] = {s->staller_addr, s->iw->f.backend_addr};
    int client, server;

    open_with(s, pool, 2);
    client = ask_stalled(s);
    for (int i = 0; i < 3; i++) {
        inline_worker_write(s->iw, client, "early", 5);
        assert_true(inline_worker_rests(s->iw, 0));
    }
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    assert_true(inline_worker_rests(s->iw, 0));
    inline_worker_pass(s->iw, 2000 + TIMEWHEEL_TICK_MS);
    server = expect_served(s);
    inline_worker_expect(s->iw, server, "earlyearlyearly", 15);
    inline_worker_expect_eof(s->iw, server);
    close(client);
    close(server);
}

static void what_came_with_the_hello_is_kept_for_the_next_dial_even_over_the_hellos_cap(
    void **state)
{
    struct scene *s = *state;
    const struct netaddr pool[] = {s->staller_addr, s->iw->f.backend_addr};
    static uint8_t flight[40000];
    int client, server;

    s->iw->f.policy.hello_max_bytes = 512;
    memset(flight, 'e', sizeof(flight));
    memcpy(flight, s->iw->f.hello, s->iw->f.hello_len);
    open_with(s, pool, 2);
    client = proxy_fixture_dial(&s->iw->addr);
    inline_worker_write(s->iw, client, flight, sizeof(flight)); /* all there when it is accepted */
    INLINE_UNTIL(s->iw, inline_worker_count(s->iw, CONN_DIALLING) == 1);
    inline_worker_pass(s->iw, 2000 + TIMEWHEEL_TICK_MS);
    server = inline_worker_accept(s->iw, s->iw->f.backend);
    inline_worker_expect(s->iw, server, flight, sizeof(flight));
    close(client);
    close(server);
}

static void the_table_is_held_while_dialling_and_not_a_moment_longer(void **state)
{
    struct scene *s = *state;
    const struct netaddr pool[] = {s->staller_addr, s->iw->f.backend_addr};
    struct proxy_fixture *f = &s->iw->f;
    int client, server;

    open_with(s, pool, 2);
    client = ask_stalled(s);
    worker_use_table(s->iw->w, table_ref(proxy_fixture_table(f, "other.test", NULL, 0)));
    table_unref(s->table); /* the fixture's */
    assert_false(table_free_if_unused(s->table));
    inline_worker_pass(s->iw, 2000 + TIMEWHEEL_TICK_MS);
    server = expect_served(s);
    INLINE_UNTIL(s->iw, inline_worker_count(s->iw, CONN_RELAYING) == 1);
    assert_true(table_free_if_unused(s->table));
    f->tables[0] = f->tables[--f->n_tables];
    assert_int_equal(registry_sweep(f->registry), 1); /* the staller; the rest is being used */
    inline_worker_write(s->iw, client, "go on", 5);
    inline_worker_expect(s->iw, server, "go on", 5);
    close(client);
    close(server);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(registry_sweep(f->registry), 2);
}

static void a_lack_of_our_own_does_not_mark_the_endpoint(void **state)
{
    static const struct {
        enum failsys_call call;
        int error;
    } lacks[] = {
        {FAILSYS_SOCKET, EMFILE},   {FAILSYS_SOCKET, ENFILE},  {FAILSYS_SOCKET, ENOBUFS},
        {FAILSYS_SOCKET, ENOMEM},   {FAILSYS_CONNECT, EAGAIN}, {FAILSYS_CONNECT, EADDRNOTAVAIL},
        {FAILSYS_CONNECT, ENOBUFS}, {FAILSYS_SEND, ENOBUFS},   {FAILSYS_SEND, ENOMEM}};
    uint64_t errors = 0, no_port = 0;
    struct scene *s = *state;

    open_with(s, &s->iw->f.backend_addr, 1);
    for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
        int fd = inline_worker_dial(s->iw);
        failsys_fail(lacks[i].call, lacks[i].error, 0, 1);
        inline_worker_write(s->iw, fd, s->iw->f.hello, s->iw->f.hello_len);
        expect_internal_error(s, fd);
        no_port += lacks[i].error == EADDRNOTAVAIL;
        errors += lacks[i].error != EADDRNOTAVAIL;
        assert_int_equal(cells_of(s)->dials[DIAL_ERROR], errors);
        assert_int_equal(cells_of(s)->dials[DIAL_NO_PORT], no_port);
        assert_int_equal(cells_of(s)->ejections, 0);
        assert_false(is_skipped(s, &s->iw->f.backend_addr));
    }
}

static void a_failing_endpoint_is_told_when_it_begins_to_fail(void **state)
{
    struct scene *s = *state;
    char text[4096], addr[NETADDR_TEXT_MAX];

    open_with(s, s->refuser_addr, 1);
    for (unsigned i = 0; i < 3; i++) {
        expect_internal_error(s, ask(s));
    }
    assert_int_equal(inline_worker_log(s->iw, LOG_MAIN, text, sizeof(text)), 1);
    assert_non_null(strstr(text, netaddr_format(&s->refuser_addr[0], addr)));
    assert_non_null(strstr(text, "namespace=shop"));
    assert_non_null(strstr(text, strerror(ECONNREFUSED)));
    inline_worker_pass(s->iw, 15000);
    expect_internal_error(s, ask(s));
    assert_int_equal(inline_worker_log(s->iw, LOG_MAIN, text, sizeof(text)), 1);
}

/* As one whose queue is full does: now it takes a connection, now it refuses the next. */
static void an_endpoint_that_comes_and_goes_does_not_flood_the_log(void **state)
{
    const unsigned rounds = LIMIT_ACCESS_LINES_BURST + 50;
    struct scene *s = *state;
    static char text[LIMIT_LOG_RING];

    open_with(s, s->refuser_addr, 1);
    for (unsigned i = 0; i < rounds; i++) {
        expect_internal_error(s, ask(s));
        state_of(s, &s->refuser_addr[0])->skip_until_ms = 0; /* another worker reached it */
    }
    assert_int_equal(cells_of(s)->ejections, rounds);
    assert_int_equal(inline_worker_log(s->iw, LOG_MAIN, text, sizeof(text)),
                     LIMIT_ACCESS_LINES_BURST);
}

/* EPERM and EACCES are what policies of this machine answer: they are about the address too. */
static void an_endpoint_that_cannot_be_reached_or_must_not_is_marked(void **state)
{
    static const int errors[] = {ENETUNREACH, EHOSTUNREACH, EPERM, EACCES, EINVAL};
    struct scene *s = *state;

    open_with(s, &s->iw->f.backend_addr, 1);
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        int fd = inline_worker_dial(s->iw);
        failsys_fail(FAILSYS_CONNECT, errors[i], 0, 1);
        inline_worker_write(s->iw, fd, s->iw->f.hello, s->iw->f.hello_len);
        expect_internal_error(s, fd);
        assert_true(is_skipped(s, &s->iw->f.backend_addr));
        inline_worker_pass(s->iw, LIMIT_ENDPOINT_SKIP_MS * 5 / 4);
        assert_false(is_skipped(s, &s->iw->f.backend_addr));
    }
}

static void an_endpoint_that_breaks_before_a_byte_was_taken_is_left_for_the_next(void **state)
{
    struct scene *s = *state;
    int client, server;
    const struct netaddr pool[] = {s->iw->f.backend_addr, s->refuser_addr[0]};

    open_with(s, pool, 2);
    assert_int_equal(listen(s->refuser[0], 5), 0); /* a second backend */
    failsys_fail(FAILSYS_SEND, ECONNRESET, 0, 1);
    client = ask(s);
    INLINE_UNTIL(s->iw, (server = accept(s->refuser[0], NULL, NULL)) >= 0);
    assert_int_equal(fcntl(server, F_SETFL, O_NONBLOCK), 0);
    inline_worker_expect(s->iw, server, s->iw->f.hello, s->iw->f.hello_len);
    assert_int_equal(cells_of(s)->dials[DIAL_ERROR], 1);
    assert_true(is_skipped(s, &s->iw->f.backend_addr));
    close(client);
    close(server);
}

static void a_kernel_that_is_not_ready_is_waited_for(void **state)
{
    struct scene *s = *state;
    int client, server;

    open_with(s, &s->iw->f.backend_addr, 1);
    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 2);
    client = ask(s);
    server = expect_served(s);
    assert_int_equal(cells_of(s)->dials[DIAL_OK], 1);
    assert_int_equal(cells_of(s)->retries, 0);
    close(client);
    close(server);
}

static void a_kernel_that_is_never_ready_does_not_outlast_the_deadline(void **state)
{
    struct scene *s = *state;
    int fd;

    open_with(s, &s->iw->f.backend_addr, 1);
    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1000000);
    fd = ask_stalled(s);
    for (int i = 0; i < 30; i++) {
        inline_worker_turn(s->iw);
        inline_worker_pass(s->iw, 100);
    }
    assert_int_equal(cells_of(s)->dials[DIAL_TIMEOUT], 1);
    close(fd);
}

static void a_connection_that_stands_at_the_deadline_is_used_however_late_we_look(void **state)
{
    struct scene *s = *state;
    int client, server;

    open_with(s, &s->iw->f.backend_addr, 1);
    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1000);
    client = ask_stalled(s);
    failsys_reset();
    inline_worker_pass(s->iw, 60000); /* nobody has seen that it is writable */
    server = expect_served(s);
    close(client);
    close(server);
}

static void interrupted_and_short_sends_deliver_every_byte_in_order(void **state)
{
    struct scene *s = *state;
    int client, server;

    open_with(s, &s->iw->f.backend_addr, 1);
    failsys_fail(FAILSYS_SEND, EINTR, 0, 3);
    failsys_cut(FAILSYS_SEND, 5);
    client = ask(s);
    inline_worker_write(s->iw, client, "and more", 8);
    server = expect_served(s);
    inline_worker_expect(s->iw, server, "and more", 8);
    assert_int_equal(inline_worker_conn(s->iw, CONN_RELAYING)->up.bytes, s->iw->f.hello_len + 8);
    close(client);
    close(server);
}

static void an_error_told_by_the_socket_is_a_failed_dial(void **state)
{
    struct scene *s = *state;

    open_with(s, &s->iw->f.backend_addr, 1);
    failsys_fail(FAILSYS_SEND, EAGAIN, 0, 1);
    int fd = ask_stalled(s);
    failsys_fail(FAILSYS_SEND, ECONNREFUSED, 0, 1);
    expect_internal_error(s, fd);
    assert_int_equal(cells_of(s)->dials[DIAL_REFUSED], 1);
}

static void a_dial_that_cannot_be_waited_for_ends_the_connection(void **state)
{
    struct scene *s = *state;

    open_with(s, &s->staller_addr, 1);
    for (unsigned skip = 0; skip < 2; skip++) { /* the server's registration, the client's */
        int fd = proxy_fixture_dial(&s->iw->addr);
        inline_worker_write(s->iw, fd, s->iw->f.hello, s->iw->f.hello_len);
        failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, skip, 1);
        INLINE_UNTIL(s->iw, inline_worker_ended(s->iw, END_ERROR) == skip + 1);
        assert_int_equal(inline_worker_live(s->iw), 0);
        assert_int_equal(proxy_fixture_load(&s->iw->f), 0);
        close(fd);
    }
}

static void a_client_that_cannot_be_watched_meanwhile_ends_it_too(void **state)
{
    struct scene *s = *state;
    int fd;

    open_with(s, &s->staller_addr, 1);
    fd = ask_stalled(s);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    inline_worker_write(s->iw, fd, "more", 4);
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(inline_worker_ended(s->iw, END_ERROR), 1);
    close(fd);
}

static void without_memory_to_keep_the_hello_the_connection_ends(void **state)
{
    struct scene *s = *state;

    open_with(s, &s->staller_addr, 1);
    for (size_t nth = 2; nth <= 3; nth++) { /* the connection is the first */
        int fd = proxy_fixture_dial(&s->iw->addr);
        inline_worker_write(s->iw, fd, s->iw->f.hello, s->iw->f.hello_len);
        failalloc_arm(nth);
        INLINE_UNTIL(s->iw, inline_worker_ended(s->iw, END_ERROR) == nth - 1);
        assert_true(failalloc_disarm());
        close(fd);
    }
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(a_refused_dial_goes_on_to_the_next_endpoint_with_the_whole_hello),
        IN_SCENE(when_all_refuse_the_client_is_told_internal_error),
        IN_SCENE(dials_are_bounded_by_the_retries),
        IN_SCENE(a_route_without_endpoints_answers_by_its_policy),
        IN_SCENE(an_endpoint_that_does_not_answer_in_time_is_left_for_the_next),
        IN_SCENE(when_none_answers_in_time_the_client_is_told),
        IN_SCENE(the_answer_is_not_lost_to_what_came_while_we_dialled),
        IN_SCENE(a_client_that_resets_ends_the_dial),
        IN_SCENE(a_reset_after_more_bytes_and_a_fin_ends_it_too),
        IN_SCENE(what_the_client_sends_while_we_dial_waits_without_spinning_and_is_delivered),
        IN_SCENE(what_came_with_the_hello_is_kept_for_the_next_dial_even_over_the_hellos_cap),
        IN_SCENE(the_table_is_held_while_dialling_and_not_a_moment_longer),
        IN_SCENE(a_lack_of_our_own_does_not_mark_the_endpoint),
        IN_SCENE(a_failing_endpoint_is_told_when_it_begins_to_fail),
        IN_SCENE(an_endpoint_that_comes_and_goes_does_not_flood_the_log),
        IN_SCENE(an_endpoint_that_cannot_be_reached_or_must_not_is_marked),
        IN_SCENE(an_endpoint_that_breaks_before_a_byte_was_taken_is_left_for_the_next),
        IN_SCENE(a_kernel_that_is_not_ready_is_waited_for),
        IN_SCENE(a_kernel_that_is_never_ready_does_not_outlast_the_deadline),
        IN_SCENE(a_connection_that_stands_at_the_deadline_is_used_however_late_we_look),
        IN_SCENE(interrupted_and_short_sends_deliver_every_byte_in_order),
        IN_SCENE(an_error_told_by_the_socket_is_a_failed_dial),
        IN_SCENE(a_dial_that_cannot_be_waited_for_ends_the_connection),
        IN_SCENE(a_client_that_cannot_be_watched_meanwhile_ends_it_too),
        IN_SCENE(without_memory_to_keep_the_hello_the_connection_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
