#include "support/inline_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/logring.h"
#include "proxy/acceptor.h"
#include "proxy/clientcap.h"
#include "proxy/connbudget.h"
#include "proxy/listen.h"
#include "route/registry.h"
#include "route/series.h"
#include "route/table.h"
#include "support/failsys.h"
#include "support/pattern.h"

#define CLOCK_START_US    1000000000u
#define FLOOD_QUIET_MS    50u
#define FLOOD_QUIET_TURNS 200u
#define SETTLING_TURNS    5u
#define RESTING_TURNS     50u
#define RESTING_TRIES     10u

static uint64_t clock_us;
static size_t fds_before;

static uint64_t read_clock(void)
{
    return clock_us;
}

uint64_t inline_worker_real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int inline_worker_setup(void **state)
{
    struct inline_worker *iw = calloc(1, sizeof(*iw));

    assert_non_null(iw);
    fds_before = proxy_fixture_open_fds();
    clock_us = CLOCK_START_US;
    clock_replace(read_clock);
    proxy_fixture_init(&iw->f);
    iw->log = logring_new(LIMIT_LOG_RING);
    assert_non_null(iw->log);
    log_use_ring(iw->log);
    inline_worker_set_cap(iw, 1000);
    iw->shared.pipes = LIMIT_PIPES;
    *state = iw;
    return 0;
}

int inline_worker_teardown(void **state)
{
    struct inline_worker *iw = *state;

    inline_worker_close(iw);
    clientcap_free(iw->shared.clientcap);
    connbudget_free(iw->shared.budget);
    log_use_ring(NULL);
    logring_free(iw->log);
    proxy_fixture_fini(&iw->f);
    free(iw);
    clock_replace(NULL);
    assert_int_equal(proxy_fixture_open_fds(), fds_before);
    return 0;
}

void inline_worker_totals(const struct inline_worker *iw, struct route_totals *out)
{
    struct series_snapshot s;
    uint64_t *sum = (uint64_t *)out;

    *out = (struct route_totals){0};
    stats_sum_route(out, &iw->w->unrouted);
    assert_int_equal(registry_series_snapshot(iw->f.registry, &s), 0);
    for (size_t k = 0; k < s.n_cells; k++) {
        sum[k] += s.removed[k];
        for (size_t i = 0; i < s.n_series; i++) {
            sum[k] += s.series[i].cells[k];
        }
    }
    series_snapshot_fini(&s);
}

static uint64_t sum_of(const uint64_t *cells, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += cells[i];
    }
    return sum;
}

/* Whatever happened: nothing is active any more, and everything accepted has ended once. */
static void check_counts(const struct inline_worker *iw)
{
    struct listener_totals listener = {0};
    struct route_totals all;

    stats_sum_listener(&listener, &iw->w->counts[0]);
    inline_worker_totals(iw, &all);
    assert_int_equal(sum_of(listener.active, PHASES), 0);
    for (int i = 0; i < PHASES; i++) {
        assert_int_equal(listener.active[i], 0);
    }
    assert_int_equal(sum_of(all.closed, END_REASONS) - iw->ended_before, listener.accepted);
    assert_int_equal(sum_of(all.closed, END_REASONS),
                     sum_of(all.connection_duration + HISTOGRAM_FIRST_BUCKET,
                            ARRAY_LEN(all.connection_duration) - HISTOGRAM_FIRST_BUCKET));
    assert_int_equal(all.dials[DIAL_OK],
                     sum_of(all.connect_duration + HISTOGRAM_FIRST_BUCKET,
                            ARRAY_LEN(all.connect_duration) - HISTOGRAM_FIRST_BUCKET));
}

void inline_worker_open(struct inline_worker *iw, struct table *t)
{
    struct route_totals before;
    struct err e;
    int fd;

    err_clear(&e);
    iw->shared.policy = iw->f.policy;
    iw->w = worker_new(&iw->shared, 0, 1);
    assert_non_null(iw->w);
    inline_worker_totals(iw, &before);
    iw->ended_before = sum_of(before.closed, END_REASONS);
    iw->w->table = table_ref(t);
    assert_int_equal(netaddr_parse("127.0.0.1:0", &iw->addr), 0);
    assert_int_equal(listen_probe(&iw->addr, &e), 0);
    fd = listen_bind(&iw->addr, &e);
    assert_true(fd >= 0);
    worker_set_listener(iw->w, 0, fd);
    assert_int_equal(acceptor_listen(&iw->w->acceptors[0]), 0);
}

uint64_t inline_worker_open_connections(const struct inline_worker *iw)
{
    return connbudget_open(iw->shared.budget);
}

void inline_worker_set_cap(struct inline_worker *iw, uint32_t max)
{
    struct connbudget *b = connbudget_new(max, 1);
    uint64_t open = iw->shared.budget != NULL ? connbudget_open(iw->shared.budget) : 0;

    assert_non_null(b);
    for (; open > 0; open--) {
        assert_true(connbudget_enter(b, 0));
    }
    connbudget_free(iw->shared.budget);
    iw->shared.budget = b;
}

static void reap(struct worker *w)
{
    struct conn *c;

    while ((c = LIST_FIRST(&w->conns[CONN_ENDED])) != NULL) {
        conn_free(c);
    }
}

void inline_worker_close(struct inline_worker *iw)
{
    if (iw->w == NULL) {
        return;
    }
    for (int state = 0; state < CONN_ENDED; state++) {
        struct conn *c;
        while ((c = LIST_FIRST(&iw->w->conns[state])) != NULL) {
            conn_end(c, END_DRAIN);
        }
    }
    reap(iw->w);
    check_counts(iw);
    assert_int_equal(inline_worker_open_connections(iw), 0);
    assert_int_equal(timewheel_pop(&iw->w->wheel, UINT64_MAX) == NULL, true);
    worker_free(iw->w);
    iw->w = NULL;
}

static void fire_deadlines(struct worker *w)
{
    struct timewheel_entry *e;

    while ((e = timewheel_pop(&w->wheel, clock_now_ms())) != NULL) {
        conn_on_deadline(CONTAINER_OF(e, struct conn, timer));
    }
}

/* No connection may rest without a deadline, but one whose idle timeout is off. */
static void check_deadlines(const struct inline_worker *iw)
{
    for (int state = 0; state < CONN_ENDED; state++) {
        struct conn *c;
        LIST_FOREACH (c, &iw->w->conns[state], link) {
            if (c->timer.due_tick == 0) {
                assert_int_equal(state, CONN_RELAYING);
                assert_int_equal(iw->shared.policy.idle_timeout_ms, 0);
                assert_false(c->up.eof || c->down.eof);
            }
        }
    }
}

void inline_worker_turn(struct inline_worker *iw)
{
    (void)event_base_loop(iw->w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    fire_deadlines(iw->w);
    reap(iw->w);
    check_deadlines(iw);
}

void inline_worker_pass(struct inline_worker *iw, uint64_t ms)
{
    clock_us += ms * 1000;
    fire_deadlines(iw->w);
    reap(iw->w);
    check_deadlines(iw);
}

int inline_worker_dial(struct inline_worker *iw)
{
    uint64_t before = iw->w->counts[0].accepted;
    int fd = proxy_fixture_dial(&iw->addr);

    INLINE_UNTIL(iw, iw->w->counts[0].accepted != before);
    return fd;
}

size_t inline_worker_count(const struct inline_worker *iw, enum conn_state state)
{
    size_t n = 0;
    struct conn *c;

    LIST_FOREACH (c, &iw->w->conns[state], link) {
        n++;
    }
    return n;
}

struct conn *inline_worker_conn(const struct inline_worker *iw, enum conn_state state)
{
    return LIST_FIRST(&iw->w->conns[state]);
}

size_t inline_worker_live(const struct inline_worker *iw)
{
    size_t n = 0;

    for (int state = 0; state < CONN_ENDED; state++) {
        n += inline_worker_count(iw, (enum conn_state)state);
    }
    return n;
}

uint64_t inline_worker_ended(const struct inline_worker *iw, enum end_reason why)
{
    struct route_totals totals;

    inline_worker_totals(iw, &totals);
    return totals.closed[why];
}

struct lines {
    enum log_stream stream;
    char *out;
    size_t len, room, n;
};

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct lines *l = ctx;

    if (stream == l->stream) {
        assert_true(len < l->room - l->len);
        memcpy(l->out + l->len, line, len);
        l->len += len;
        l->n++;
    }
    return true;
}

size_t inline_worker_log(struct inline_worker *iw, enum log_stream stream, char *out, size_t room)
{
    struct lines l = {.stream = stream, .out = out, .room = room};

    (void)logring_drain(iw->log, take_line, &l);
    out[l.len] = '\0';
    return l.n;
}

/* read(2), turning the loop until it says something: bytes, 0, or -errno. */
static ssize_t read_turning(struct inline_worker *iw, int fd, void *into, size_t room)
{
    ssize_t n = -1;
    int error = EAGAIN;

    INLINE_UNTIL(iw, (n = read(fd, into, room)) >= 0 || (error = errno) != EAGAIN);
    return n >= 0 ? n : -error;
}

void inline_worker_expect(struct inline_worker *iw, int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint8_t got[16384];

    while (len > 0) {
        ssize_t n = read_turning(iw, fd, got, len < sizeof(got) ? len : sizeof(got));
        assert_true(n > 0);
        assert_memory_equal(got, at, (size_t)n);
        at += n;
        len -= (size_t)n;
    }
}

void inline_worker_expect_eof(struct inline_worker *iw, int fd)
{
    uint8_t byte;

    assert_int_equal(read_turning(iw, fd, &byte, 1), 0);
}

void inline_worker_expect_reset(struct inline_worker *iw, int fd)
{
    uint8_t byte;

    assert_int_equal(read_turning(iw, fd, &byte, 1), -ECONNRESET);
}

int inline_worker_accept(struct inline_worker *iw, int listener)
{
    int fd = -1;

    INLINE_UNTIL(iw, (fd = accept(listener, NULL, NULL)) >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

void inline_worker_write(struct inline_worker *iw, int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = -1;
        INLINE_UNTIL(iw, (n = write(fd, at, len)) >= 0 || errno != EAGAIN);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static unsigned calls_in_turns(struct inline_worker *iw, unsigned turns, uint64_t ms)
{
    unsigned before = failsys_count_all();

    for (unsigned i = 0; i < turns; i++) {
        inline_worker_turn(iw);
        inline_worker_pass(iw, ms);
    }
    return failsys_count_all() - before;
}

/* What was sent just now may come while we count; one that spins never rests. */
bool inline_worker_rests(struct inline_worker *iw, uint64_t ms)
{
    unsigned tries = 1;

    (void)calls_in_turns(iw, SETTLING_TURNS, ms);
    while (calls_in_turns(iw, RESTING_TURNS, ms) != 0) {
        if (tries++ == RESTING_TRIES) {
            return false;
        }
    }
    return true;
}

bool inline_worker_drain(struct inline_worker *iw, int fd, uint64_t *read_out)
{
    static uint8_t trash[65536];
    ssize_t n;

    *read_out = 0;
    while ((n = read_turning(iw, fd, trash, sizeof(trash))) > 0) {
        *read_out += (uint64_t)n;
    }
    assert_true(n == 0 || n == -ECONNRESET);
    return n == 0;
}

uint64_t inline_worker_flood(struct inline_worker *iw, int fd, uint64_t seed)
{
    static uint8_t bytes[65536];
    uint64_t at = 0, quiet = inline_worker_real_ms();
    unsigned refused = 0; /* a busy machine may take our time away, but not our turns */

    while (refused < FLOOD_QUIET_TURNS || inline_worker_real_ms() - quiet < FLOOD_QUIET_MS) {
        ssize_t n;
        pattern_fill(seed, at, bytes, sizeof(bytes));
        n = write(fd, bytes, sizeof(bytes));
        refused++;
        if (n > 0) {
            at += (uint64_t)n;
            refused = 0;
            quiet = inline_worker_real_ms();
        }
        inline_worker_turn(iw);
    }
    return at;
}

void inline_worker_expect_stream(struct inline_worker *iw, int fd, uint64_t seed, uint64_t bytes)
{
    static uint8_t got[65536];
    uint64_t at = 0;

    while (at < bytes) {
        uint64_t left = bytes - at;
        ssize_t n = read_turning(iw, fd, got, left < sizeof(got) ? left : sizeof(got));
        assert_true(n > 0);
        assert_int_equal(pattern_mismatch(seed, at, got, (size_t)n), n);
        at += (uint64_t)n;
    }
}

void inline_worker_relay(struct inline_worker *iw, int *client_out, int *server_out)
{
    *client_out = inline_worker_dial(iw);
    inline_worker_write(iw, *client_out, iw->f.hello, iw->f.hello_len);
    *server_out = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, *server_out, iw->f.hello, iw->f.hello_len);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_RELAYING) > 0);
}
