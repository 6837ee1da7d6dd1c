#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/acceptor.h"
#include "proxy/clientcap.h"
#include "proxy/listen.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/inline_worker.h"

#define IDLE_TURNS 50
#define PAUSE_MS   90  /* a tenth of a second, and libevent's clock is a coarse one */
#define STOP_MS    740 /* three quarters of a second, likewise */
#define STALL_MS   500

static int open_setup(void **state)
{
    struct inline_worker *iw;

    inline_worker_setup(state);
    iw = *state;
    inline_worker_open(iw, proxy_fixture_simple(&iw->f));
    failsys_reset();
    return 0;
}

static int teardown(void **state)
{
    failsys_reset();
    (void)failalloc_disarm();
    return inline_worker_teardown(state);
}

static struct stats *stats_of(struct inline_worker *iw)
{
    return &iw->w->stats;
}

static struct listener_stats *counts(struct inline_worker *iw)
{
    return &iw->w->counts[0];
}

/* Turn a few times and see that nothing is accepted meanwhile, unless a pause that began after
 * `since_ms` may be over: on a busy machine that is soon. */
static void assert_rests(struct inline_worker *iw, uint64_t since_ms)
{
    unsigned before = failsys_count(FAILSYS_ACCEPT4);

    for (unsigned i = 0; i < IDLE_TURNS && failsys_count(FAILSYS_ACCEPT4) == before; i++) {
        inline_worker_turn(iw);
    }
    if (failsys_count(FAILSYS_ACCEPT4) != before) {
        assert_true(inline_worker_real_ms() - since_ms >= PAUSE_MS);
    }
}

static void errors_of_one_pending_connection_do_not_hold_up_the_next(void **state)
{
    static const int errors[] = {EINTR,     ECONNABORTED, EPROTO,       ENETDOWN,   ENOPROTOOPT,
                                 EHOSTDOWN, ENONET,       EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        int fd;
        failsys_fail(FAILSYS_ACCEPT4, errors[i], 0, 1);
        fd = inline_worker_dial(iw);
        assert_int_equal(stats_of(iw)->accept_errors, 0);
        close(fd);
    }
    assert_int_equal(counts(iw)->accepted, ARRAY_LEN(errors));
}

static void an_error_that_never_ends_costs_a_batch_per_turn_and_no_more(void **state)
{
    struct inline_worker *iw = *state;
    int fd = proxy_fixture_dial(&iw->addr);

    failsys_fail(FAILSYS_ACCEPT4, EPERM, 0, UINT_MAX);
    inline_worker_turn(iw);
    assert_true(failsys_count(FAILSYS_ACCEPT4) <= LIMIT_ACCEPT_BATCH);
    close(fd);
}

static void without_descriptors_one_client_is_told_and_accepting_pauses(void **state)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        uint64_t accepted = counts(iw)->accepted, since_ms = inline_worker_real_ms();
        int told, served;
        failsys_fail(FAILSYS_ACCEPT4, errors[i], 0, 1);
        told = proxy_fixture_dial(&iw->addr);
        inline_worker_expect_eof(iw, told);
        served = proxy_fixture_dial(&iw->addr);
        assert_rests(iw, since_ms);
        INLINE_UNTIL(iw, counts(iw)->accepted == accepted + 1);
        assert_int_equal(stats_of(iw)->accept_errors, i + 1);
        assert_int_equal(counts(iw)->refused[REFUSED_DESCRIPTORS], i + 1);
        close(told);
        close(served);
    }
}

/* Each try is one for the client and one with the reserve descriptor. */
static void a_lack_that_lasts_costs_a_try_in_a_tenth_of_a_second(void **state)
{
    struct inline_worker *iw = *state;
    int fd = proxy_fixture_dial(&iw->addr);
    uint64_t until_ms = inline_worker_real_ms() + 500;

    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, UINT_MAX);
    while (inline_worker_real_ms() < until_ms) {
        inline_worker_turn(iw);
    }
    assert_in_range(failsys_count(FAILSYS_ACCEPT4), 2, 12);
    failsys_reset();
    INLINE_UNTIL(iw, counts(iw)->accepted == 1);
    close(fd);
}

static void a_reserve_that_was_lost_comes_back_with_the_next_chance(void **state)
{
    struct inline_worker *iw = *state;
    struct acceptor *a = &iw->w->acceptors[0];
    int fd;

    close(a->reserve_fd); /* as when another thread was quicker to take its place */
    a->reserve_fd = -1;
    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, 1);
    fd = proxy_fixture_dial(&iw->addr);
    INLINE_UNTIL(iw, stats_of(iw)->accept_errors == 1);
    assert_int_equal(counts(iw)->refused[REFUSED_DESCRIPTORS], 0);
    INLINE_UNTIL(iw, counts(iw)->accepted == 1);
    assert_true(a->reserve_fd >= 0);
    close(fd);
}

static void at_the_limit_of_the_process_nothing_spins_and_all_recover(void **state)
{
    struct inline_worker *iw = *state;
    struct rlimit before, tight;
    int clients[8], gaps[64], highest = 0;
    uint64_t since_ms, refused;
    size_t n_gaps = 0;

    if (getenv("RUN_UNDER") != NULL) {
        /* It closes what accept(2) returned beyond it, too. */
        print_message("             skip %s: valgrind keeps the limit itself\n", __func__);
        skip();
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = proxy_fixture_dial(&iw->addr);
        highest = clients[i];
    }
    tight = before;
    tight.rlim_cur = (rlim_t)highest + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while ((gaps[n_gaps] = dup(iw->f.backend)) >= 0) { /* below the limit, if any */
        assert_true(++n_gaps < ARRAY_LEN(gaps));
    }
    since_ms = inline_worker_real_ms();
    inline_worker_turn(iw);
    assert_rests(iw, since_ms);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (n_gaps > 0) {
        close(gaps[--n_gaps]);
    }
    refused = counts(iw)->refused[REFUSED_DESCRIPTORS];
    assert_in_range(refused, 1, 1 + (inline_worker_real_ms() - since_ms) / PAUSE_MS);
    INLINE_UNTIL(iw, counts(iw)->accepted + refused == ARRAY_LEN(clients));
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        close(clients[i]);
    }
}

static void a_failure_nobody_knows_pauses_without_refusing(void **state)
{
    struct inline_worker *iw = *state;
    uint64_t since_ms = inline_worker_real_ms();
    int fd;

    failsys_fail(FAILSYS_ACCEPT4, EINVAL, 0, 1);
    fd = proxy_fixture_dial(&iw->addr);
    INLINE_UNTIL(iw, stats_of(iw)->accept_errors == 1);
    assert_rests(iw, since_ms);
    assert_int_equal(counts(iw)->refused[REFUSED_DESCRIPTORS], 0);
    INLINE_UNTIL(iw, counts(iw)->accepted == 1);
    close(fd);
}

static void a_pause_that_cannot_be_arranged_or_ended_is_survived(void **state)
{
    struct inline_worker *iw = *state;
    int first, second;

    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, 1);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1); /* its timer */
    first = proxy_fixture_dial(&iw->addr);
    inline_worker_expect_eof(iw, first);
    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, 1);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 1, 1); /* the listener again; the timer follows */
    second = proxy_fixture_dial(&iw->addr);
    inline_worker_expect_eof(iw, second);
    close(first);
    close(second);
    first = inline_worker_dial(iw);
    assert_int_equal(counts(iw)->accepted, 1);
    close(first);
}

static void failures_are_told_once_a_second(void **state)
{
    struct inline_worker *iw = *state;
    char text[4096];
    int fd;

    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, 6); /* each pause's one try, and the reserve's */
    fd = proxy_fixture_dial(&iw->addr);
    INLINE_UNTIL(iw, stats_of(iw)->accept_errors == 3);
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, text, sizeof(text)), 1);
    assert_non_null(strstr(text, "descriptors"));
    inline_worker_pass(iw, 1000);
    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, 2);
    INLINE_UNTIL(iw, stats_of(iw)->accept_errors == 4);
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, text, sizeof(text)), 1);
    close(fd);
}

static void over_the_cap_clients_are_refused_and_counted_until_one_leaves(void **state)
{
    struct inline_worker *iw = *state;
    int a, b, refused;

    inline_worker_set_cap(iw, 2);
    a = inline_worker_dial(iw);
    b = inline_worker_dial(iw);
    refused = inline_worker_dial(iw);
    inline_worker_expect_eof(iw, refused);
    assert_int_equal(counts(iw)->refused[REFUSED_MAX_CONNECTIONS], 1);
    assert_int_equal(inline_worker_ended(iw, END_LIMIT), 1);
    assert_int_equal(inline_worker_open_connections(iw), 2);
    close(a);
    INLINE_UNTIL(iw, inline_worker_open_connections(iw) == 1);
    close(refused);
    refused = inline_worker_dial(iw);
    assert_int_equal(inline_worker_live(iw), 2);
    close(refused);
    close(b);
}

static void refusals_are_told_once_a_second_with_the_option_to_raise(void **state)
{
    struct inline_worker *iw = *state;
    char text[4096];
    int held;

    inline_worker_set_cap(iw, 0);
    for (unsigned i = 0; i < 5; i++) {
        close(inline_worker_dial(iw));
    }
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, text, sizeof(text)), 1);
    assert_non_null(strstr(text, "--max-connections "));
    inline_worker_set_cap(iw, 10);
    iw->shared.clientcap = clientcap_new(1);
    inline_worker_pass(iw, 1000);
    held = inline_worker_dial(iw);
    for (unsigned i = 0; i < 5; i++) {
        close(inline_worker_dial(iw));
    }
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, text, sizeof(text)), 1);
    assert_non_null(strstr(text, "--max-connections-per-client "));
    close(held);
}

static void a_client_that_is_refused_does_not_hide_what_else_is_lacking(void **state)
{
    struct inline_worker *iw = *state;
    char text[4096];
    int held, refused;

    iw->shared.clientcap = clientcap_new(1);
    held = inline_worker_dial(iw);
    refused = inline_worker_dial(iw);
    INLINE_UNTIL(iw, counts(iw)->refused[REFUSED_PER_CLIENT] == 1);
    close(refused);
    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, 1);
    refused = proxy_fixture_dial(&iw->addr);
    INLINE_UNTIL(iw, stats_of(iw)->accept_errors == 1);
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, text, sizeof(text)), 2);
    assert_non_null(strstr(text, "descriptors"));
    close(refused);
    close(held);
}

static void over_its_share_a_client_is_refused_and_others_are_not(void **state)
{
    struct inline_worker *iw = *state;
    struct netaddr other;
    int mine, refused;

    iw->shared.clientcap = clientcap_new(1);
    assert_int_equal(netaddr_parse("127.0.0.2:1", &other), 0);
    mine = inline_worker_dial(iw);
    refused = inline_worker_dial(iw);
    inline_worker_expect_eof(iw, refused);
    assert_int_equal(counts(iw)->refused[REFUSED_PER_CLIENT], 1);
    assert_int_equal(inline_worker_ended(iw, END_LIMIT), 1);
    assert_int_equal(inline_worker_open_connections(iw), 1);
    assert_true(clientcap_enter(iw->shared.clientcap, &other));
    clientcap_leave(iw->shared.clientcap, &other);
    close(mine);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    close(refused);
    mine = inline_worker_dial(iw);
    assert_int_equal(inline_worker_live(iw), 1);
    close(mine);
}

static void without_memory_a_client_is_dropped_told_and_counted_nowhere_for_long(void **state)
{
    struct inline_worker *iw = *state;
    char text[4096];
    int fd;

    iw->shared.clientcap = clientcap_new(5);
    fd = proxy_fixture_dial(&iw->addr);
    failalloc_arm(4); /* the client's three, then the connection */
    inline_worker_expect_eof(iw, fd);
    assert_true(failalloc_disarm());
    assert_int_equal(counts(iw)->accepted, 1);
    assert_int_equal(counts(iw)->refused[REFUSED_DESCRIPTORS], 1);
    assert_int_equal(inline_worker_ended(iw, END_ERROR), 1);
    assert_int_equal(inline_worker_open_connections(iw), 0);
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, text, sizeof(text)), 1);
    assert_non_null(strstr(text, "out of memory"));
    close(fd);
}

static void what_is_queued_at_the_stop_is_served_and_later_ones_are_refused(void **state)
{
    struct inline_worker *iw = *state;
    int clients[LIMIT_ACCEPT_BATCH + 5];
    int late;

    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = proxy_fixture_dial(&iw->addr);
        inline_worker_write(iw, clients[i], "", 0);
    }
    assert_int_equal(iw->shared.listening, 1);
    acceptor_stop(&iw->w->acceptors[0]);
    assert_int_equal(iw->shared.listening, 1);
    INLINE_UNTIL(iw, iw->w->acceptors[0].fd == -1);
    assert_int_equal(iw->shared.listening, 0);
    assert_int_equal(counts(iw)->accepted, ARRAY_LEN(clients));
    assert_int_equal(inline_worker_live(iw), ARRAY_LEN(clients));
    late = proxy_fixture_dial(&iw->addr);
    assert_int_equal(read(late, &(char){0}, 1), -1);
    assert_true(errno == ECONNREFUSED || errno == ENOTCONN);
    close(late);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        close(clients[i]);
    }
}

/* A client's connection is queued when its handshake has ended, which may be after the stop. */
static void during_the_stop_handshakes_are_ended_and_none_is_begun(void **state)
{
    struct inline_worker *iw = *state;
    int queued = proxy_fixture_dial(&iw->addr), late;

    acceptor_stop(&iw->w->acceptors[0]);
    late = proxy_fixture_begin_dial(&iw->addr);
    INLINE_UNTIL(iw, counts(iw)->accepted == 1);
    assert_true(iw->w->acceptors[0].fd >= 0);
    assert_int_equal(write(late, "x", 1), -1);
    assert_int_equal(errno, EAGAIN); /* still connecting */
    INLINE_UNTIL(iw, iw->w->acceptors[0].fd == -1);
    assert_int_equal(counts(iw)->accepted, 1);
    close(queued);
    close(late);
}

struct stall {
    struct acceptor *acceptor;
    uint64_t stopped_ms;
};

/* A turn that has lasted for a while when the stop comes. */
static void stop_late_in_a_turn(evutil_socket_t fd, short what, void *arg)
{
    struct stall *s = arg;

    (void)fd;
    (void)what;
    usleep(STALL_MS * 1000);
    s->stopped_ms = inline_worker_real_ms();
    acceptor_stop(s->acceptor);
}

static void a_stop_lasts_as_long_though_its_turn_had_stalled(void **state)
{
    struct inline_worker *iw = *state;
    struct stall s = {.acceptor = &iw->w->acceptors[0]};
    const struct timeval at_once = {0};

    assert_int_equal(
        event_base_once(iw->w->base, -1, EV_TIMEOUT, stop_late_in_a_turn, &s, &at_once), 0);
    INLINE_UNTIL(iw, s.stopped_ms != 0);
    INLINE_UNTIL(iw, iw->w->acceptors[0].fd == -1);
    assert_true(inline_worker_real_ms() - s.stopped_ms >= STOP_MS);
}

static void a_stop_that_cannot_be_timed_serves_the_queue_and_closes(void **state)
{
    struct inline_worker *iw = *state;
    int fd = proxy_fixture_dial(&iw->addr);

    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    acceptor_stop(&iw->w->acceptors[0]);
    assert_int_equal(counts(iw)->accepted, 1);
    assert_int_equal(iw->w->acceptors[0].fd, -1);
    close(fd);
}

static void a_stop_ends_though_accepting_fails_for_ever(void **state)
{
    struct inline_worker *iw = *state;

    failsys_fail(FAILSYS_ACCEPT4, EPERM, 0, UINT_MAX);
    acceptor_stop(&iw->w->acceptors[0]);
    INLINE_UNTIL(iw, iw->w->acceptors[0].fd == -1);
}

static void a_stop_in_a_pause_and_a_second_stop_are_fine(void **state)
{
    struct inline_worker *iw = *state;
    int fd;

    failsys_fail(FAILSYS_ACCEPT4, EMFILE, 0, 2);
    fd = proxy_fixture_dial(&iw->addr);
    INLINE_UNTIL(iw, stats_of(iw)->accept_errors == 1);
    acceptor_stop(&iw->w->acceptors[0]);
    acceptor_stop(&iw->w->acceptors[0]);
    INLINE_UNTIL(iw, iw->w->acceptors[0].fd == -1);
    acceptor_stop(&iw->w->acceptors[0]);
    assert_int_equal(counts(iw)->accepted, 1);
    close(fd);
}

static void one_that_is_closed_has_nothing_to_listen_to(void **state)
{
    struct inline_worker *iw = *state;

    acceptor_stop(&iw->w->acceptors[0]);
    INLINE_UNTIL(iw, iw->w->acceptors[0].fd == -1);
    assert_int_equal(acceptor_listen(&iw->w->acceptors[0]), 0);
    assert_null(iw->w->acceptors[0].event);
    assert_int_equal(failsys_count(FAILSYS_LISTEN), 0);
}

static void one_that_cannot_listen_closes_instead_of_reporting_it_for_ever(void **state)
{
    static const struct {
        enum failsys_call call;
        int error, rc;
        unsigned skip;
    } points[] = {{FAILSYS_LISTEN, EADDRINUSE, -EADDRINUSE, 0},
                  {FAILSYS_EVENT_NEW, ENOMEM, -ENOMEM, 0},
                  {FAILSYS_EVENT_NEW, ENOMEM, -ENOMEM, 1},
                  {FAILSYS_EVENT_NEW, ENOMEM, -ENOMEM, 2},
                  {FAILSYS_EVENT_ADD, ENOMEM, -ENOMEM, 0}};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct acceptor *a = &iw->w->acceptors[0];
        struct err e;
        acceptor_fini(a);
        acceptor_init(a, iw->w, 0, listen_bind(&iw->addr, &e));
        failsys_reset();
        failsys_fail(points[i].call, points[i].error, points[i].skip, 1);
        assert_int_equal(acceptor_listen(a), points[i].rc);
        assert_int_equal(a->fd, -1);
        assert_rests(iw, inline_worker_real_ms());
    }
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, open_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPENED(errors_of_one_pending_connection_do_not_hold_up_the_next),
        OPENED(an_error_that_never_ends_costs_a_batch_per_turn_and_no_more),
        OPENED(without_descriptors_one_client_is_told_and_accepting_pauses),
        OPENED(a_lack_that_lasts_costs_a_try_in_a_tenth_of_a_second),
        OPENED(a_reserve_that_was_lost_comes_back_with_the_next_chance),
        OPENED(at_the_limit_of_the_process_nothing_spins_and_all_recover),
        OPENED(a_failure_nobody_knows_pauses_without_refusing),
        OPENED(a_pause_that_cannot_be_arranged_or_ended_is_survived),
        OPENED(failures_are_told_once_a_second),
        OPENED(over_the_cap_clients_are_refused_and_counted_until_one_leaves),
        OPENED(refusals_are_told_once_a_second_with_the_option_to_raise),
        OPENED(a_client_that_is_refused_does_not_hide_what_else_is_lacking),
        OPENED(over_its_share_a_client_is_refused_and_others_are_not),
        OPENED(without_memory_a_client_is_dropped_told_and_counted_nowhere_for_long),
        OPENED(what_is_queued_at_the_stop_is_served_and_later_ones_are_refused),
        OPENED(a_stop_lasts_as_long_though_its_turn_had_stalled),
        OPENED(during_the_stop_handshakes_are_ended_and_none_is_begun),
        OPENED(a_stop_that_cannot_be_timed_serves_the_queue_and_closes),
        OPENED(a_stop_ends_though_accepting_fails_for_ever),
        OPENED(a_stop_in_a_pause_and_a_second_stop_are_fine),
        OPENED(one_that_is_closed_has_nothing_to_listen_to),
        OPENED(one_that_cannot_listen_closes_instead_of_reporting_it_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
