#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/conn.h"
#include "route/registry.h"
#include "route/series.h"
#include "route/table.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/sockopt.h"

#define LINES_ROOM (256u * 1024)

static int setup(void **state)
{
    struct inline_worker *iw;

    failsys_reset();
    inline_worker_setup(state);
    iw = *state;
    iw->shared.per_route_stats = true;
    iw->shared.access_log = true;
    return 0;
}

static int open_setup(void **state)
{
    struct inline_worker *iw;

    setup(state);
    iw = *state;
    inline_worker_open(iw, proxy_fixture_simple(&iw->f));
    return 0;
}

static int teardown(void **state)
{
    failsys_reset();
    return inline_worker_teardown(state);
}

static const struct listener_stats *counts(const struct inline_worker *iw)
{
    return &iw->w->counts[0];
}

/* What the one route of the fixture has counted; zeros before it did. */
static struct route_totals by_route(const struct inline_worker *iw)
{
    struct route_totals out = {0};
    struct series_snapshot s;

    assert_int_equal(registry_series_snapshot(iw->f.registry, &s), 0);
    assert_int_equal(s.n_cells, STATS_N_ROUTE_CELLS);
    assert_true(s.n_series <= 1);
    if (s.n_series == 1) {
        assert_string_equal(s.series[0].ns, "shop");
        assert_string_equal(s.series[0].ingress, "web");
        assert_string_equal(s.series[0].service, "web-svc");
        memcpy(&out, s.series[0].cells, sizeof(out));
    }
    series_snapshot_fini(&s);
    return out;
}

static struct route_totals unrouted(const struct inline_worker *iw)
{
    struct route_totals out = {0};

    stats_sum_route(&out, &iw->w->unrouted);
    return out;
}

static bool is_zero(struct route_totals t)
{
    static const struct route_totals nothing;

    return memcmp(&t, &nothing, sizeof(t)) == 0;
}

static int ask(struct inline_worker *iw, const void *bytes, size_t len)
{
    int fd = inline_worker_dial(iw);

    inline_worker_write(iw, fd, bytes, len);
    return fd;
}

static void close_and_settle(struct inline_worker *iw, int fd)
{
    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
}

static void a_routed_connection_counts_by_its_route_alone(void **state)
{
    struct inline_worker *iw = *state;
    struct route_totals t;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    t = by_route(iw);
    assert_int_equal(t.received_bytes, iw->f.hello_len); /* now, not at the end */
    assert_int_equal(t.dials[DIAL_OK], 1);
    assert_int_equal(t.connect_duration[HISTOGRAM_FIRST_BUCKET], 1);
    assert_int_equal(t.closed[END_CLIENT_EOF], 0);
    inline_worker_write(iw, client, "question", 8);
    inline_worker_expect(iw, server, "question", 8);
    inline_worker_write(iw, server, "an answer", 9);
    inline_worker_expect(iw, client, "an answer", 9);
    t = by_route(iw);
    assert_int_equal(t.received_bytes, iw->f.hello_len + 8);
    assert_int_equal(t.sent_bytes, 9);
    inline_worker_pass(iw, 61000);
    close(client);
    inline_worker_expect_eof(iw, server);
    close(server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    t = by_route(iw);
    assert_int_equal(t.closed[END_CLIENT_EOF], 1);
    assert_int_equal(t.connection_duration[0], 61000000);
    assert_int_equal(t.connection_duration[HISTOGRAM_FIRST_BUCKET + 3], 1); /* up to 600 s */
    assert_true(is_zero(unrouted(iw)));
}

static void early_data_behind_the_hello_is_counted_once(void **state)
{
    struct inline_worker *iw = *state;
    uint8_t bytes[sizeof(iw->f.hello) + 5];
    int client, server;

    memcpy(bytes, iw->f.hello, iw->f.hello_len);
    memcpy(bytes + iw->f.hello_len, "early", 5);
    client = ask(iw, bytes, iw->f.hello_len + 5);
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, bytes, iw->f.hello_len + 5);
    assert_int_equal(by_route(iw).received_bytes, iw->f.hello_len + 5);
    assert_int_equal(counts(iw)->hello_size[0], iw->f.hello_len);
    close(server);
    close_and_settle(iw, client);
}

static void with_it_off_or_without_memory_all_count_as_unrouted(void **state)
{
    struct inline_worker *iw = *state;
    unsigned before = failsys_count(FAILSYS_ALIGNED_ALLOC);

    for (int i = 0; i < 2; i++) {
        int client, server;
        iw->shared.per_route_stats = i == 1;
        failsys_fail(FAILSYS_ALIGNED_ALLOC, ENOMEM, 0, i == 1);
        inline_worker_relay(iw, &client, &server);
        close(server);
        inline_worker_expect_eof(iw, client);
        close_and_settle(iw, client);
        assert_true(is_zero(by_route(iw)));
        assert_int_equal(unrouted(iw).closed[END_SERVER_EOF], i + 1);
        assert_int_equal(unrouted(iw).dials[DIAL_OK], i + 1);
        assert_int_equal(unrouted(iw).received_bytes, (size_t)(i + 1) * iw->f.hello_len);
    }
    assert_int_equal(failsys_count(FAILSYS_ALIGNED_ALLOC), before + 1);
}

static void memory_that_comes_back_is_used_from_the_next_connection_on(void **state)
{
    struct inline_worker *iw = *state;

    for (int i = 0; i < 2; i++) {
        int client, server;
        failsys_fail(FAILSYS_ALIGNED_ALLOC, ENOMEM, 0, i == 0);
        inline_worker_relay(iw, &client, &server);
        close(server);
        inline_worker_expect_eof(iw, client);
        close_and_settle(iw, client);
    }
    assert_int_equal(unrouted(iw).closed[END_SERVER_EOF], 1);
    assert_int_equal(by_route(iw).closed[END_SERVER_EOF], 1);
}

static void what_a_route_counted_outlives_it(void **state)
{
    struct inline_worker *iw = *state;
    struct route_totals all;
    struct series_snapshot s;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    table_unref(iw->w->table); /* the next table has no such route */
    iw->w->table = table_ref(proxy_fixture_table(&iw->f, "other.test", &iw->f.backend_addr, 1));
    table_unref(iw->f.tables[0]);
    assert_true(table_free_if_unused(iw->f.tables[0]));
    iw->f.tables[0] = iw->f.tables[--iw->f.n_tables];
    (void)registry_sweep(iw->f.registry);
    inline_worker_write(iw, server, "late", 4);
    inline_worker_expect(iw, client, "late", 4);
    close(server);
    inline_worker_expect_eof(iw, client);
    close_and_settle(iw, client);
    (void)registry_sweep(iw->f.registry);
    assert_int_equal(registry_series_snapshot(iw->f.registry, &s), 0);
    assert_int_equal(s.n_series, 1); /* the other host is of the same Ingress and Service */
    series_snapshot_fini(&s);
    inline_worker_totals(iw, &all);
    assert_int_equal(all.sent_bytes, 4);
    assert_int_equal(all.closed[END_SERVER_EOF], 1);
}

static void assert_active(struct inline_worker *iw, enum conn_phase phase)
{
    for (int i = 0; i < PHASES; i++) {
        assert_int_equal(counts(iw)->active[i], i == (int)phase);
    }
}

static void a_connection_is_in_one_phase_after_the_other_and_then_in_none(void **state)
{
    struct inline_worker *iw = *state;
    struct netaddr stalled;
    int fill[2], staller = proxy_fixture_staller(&stalled, fill);
    int client, server;

    inline_worker_open(iw, proxy_fixture_simple(&iw->f));
    assert_active(iw, PHASES);
    client = inline_worker_dial(iw);
    assert_active(iw, PHASE_PEEK);
    inline_worker_write(iw, client, iw->f.hello, iw->f.hello_len);
    server = inline_worker_accept(iw, iw->f.backend);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_RELAYING) == 1);
    assert_active(iw, PHASE_RELAY);
    assert_int_equal(shutdown(server, SHUT_WR), 0);
    inline_worker_expect_eof(iw, client);
    assert_active(iw, PHASE_HALF_CLOSED);
    close_and_settle(iw, client);
    close(server);
    assert_active(iw, PHASES);

    client = ask(iw, "GET / ", 6);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
    assert_active(iw, PHASE_LINGER);
    close_and_settle(iw, client);
    inline_worker_close(iw);

    inline_worker_open(iw, proxy_fixture_table(&iw->f, PROXY_FIXTURE_HOST, &stalled, 1));
    client = ask(iw, iw->f.hello, iw->f.hello_len);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_DIALLING) == 1);
    assert_active(iw, PHASE_CONNECT);
    sockopt_reset(client);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_active(iw, PHASES);
    close(staller);
    close(fill[0]);
    close(fill[1]);
}

static void without_half_close_the_first_fin_leaves_the_other_side_to_linger(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    iw->shared.policy.half_close = false;
    inline_worker_relay(iw, &client, &server);
    assert_int_equal(shutdown(server, SHUT_WR), 0);
    INLINE_UNTIL(iw, counts(iw)->active[PHASE_RELAY] == 0);
    assert_active(iw, PHASE_LINGER);
    close_and_settle(iw, client);
    assert_active(iw, PHASES);
    close(server);
}

static void a_route_without_endpoints_counts_what_it_denies(void **state)
{
    struct inline_worker *iw = *state;

    inline_worker_open(iw, proxy_fixture_table(&iw->f, PROXY_FIXTURE_HOST, NULL, 0));
    for (unsigned i = 1; i <= 3; i++) {
        int fd = ask(iw, iw->f.hello, iw->f.hello_len);
        INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
        assert_int_equal(by_route(iw).denied[DENIED_NO_ENDPOINTS], i);
        close_and_settle(iw, fd);
        assert_int_equal(by_route(iw).closed[END_NO_ENDPOINT], i);
    }
    assert_true(is_zero(unrouted(iw)));
}

static void each_failure_of_a_dial_has_its_word(void **state)
{
    static const struct {
        enum failsys_call call;
        int error;
        enum dial_result want;
        bool ejects;
    } cases[] = {{FAILSYS_CONNECT, ECONNREFUSED, DIAL_REFUSED, true},
                 {FAILSYS_CONNECT, ETIMEDOUT, DIAL_TIMEOUT, true},
                 {FAILSYS_CONNECT, EHOSTUNREACH, DIAL_UNREACHABLE, true},
                 {FAILSYS_CONNECT, ENETUNREACH, DIAL_UNREACHABLE, true},
                 {FAILSYS_CONNECT, EHOSTDOWN, DIAL_UNREACHABLE, true},
                 {FAILSYS_CONNECT, ENETDOWN, DIAL_UNREACHABLE, true},
                 {FAILSYS_CONNECT, EADDRNOTAVAIL, DIAL_NO_PORT, false},
                 {FAILSYS_CONNECT, EACCES, DIAL_ERROR, true},
                 {FAILSYS_SOCKET, EMFILE, DIAL_ERROR, false},
                 {FAILSYS_SEND, ECONNRESET, DIAL_ERROR, true}};
    struct inline_worker *iw = *state;

    iw->shared.policy.connect_retries = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_totals before = by_route(iw), after;
        int fd = inline_worker_dial(iw);
        failsys_fail(cases[i].call, cases[i].error, 0, 1);
        inline_worker_write(iw, fd, iw->f.hello, iw->f.hello_len);
        INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
        close_and_settle(iw, fd);
        after = by_route(iw);
        for (int d = 0; d < DIALS; d++) {
            assert_int_equal(after.dials[d] - before.dials[d], d == (int)cases[i].want);
        }
        assert_int_equal(after.ejections - before.ejections, cases[i].ejects);
        assert_int_equal(after.closed[END_CONNECT_FAILED], i + 1);
        inline_worker_pass(iw, 15000); /* the endpoint's time */
    }
    assert_int_equal(by_route(iw).connect_duration[0], 0);
}

static void an_endpoint_is_ejected_once_and_retried_dials_are_counted(void **state)
{
    struct inline_worker *iw = *state;
    struct netaddr addrs[2];
    int refusers[2] = {proxy_fixture_refuser(&addrs[0]), proxy_fixture_refuser(&addrs[1])};

    inline_worker_open(iw, proxy_fixture_table(&iw->f, PROXY_FIXTURE_HOST, addrs, 2));
    for (unsigned i = 1; i <= 3; i++) { /* none is left out when all have failed */
        int fd = ask(iw, iw->f.hello, iw->f.hello_len);
        INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
        close_and_settle(iw, fd);
        assert_int_equal(by_route(iw).dials[DIAL_REFUSED], 2 * i);
        assert_int_equal(by_route(iw).retries, i);
        assert_int_equal(by_route(iw).ejections, 2);
    }
    inline_worker_pass(iw, 15000);
    close_and_settle(iw, ask(iw, iw->f.hello, iw->f.hello_len));
    assert_int_equal(by_route(iw).ejections, 4);
    close(refusers[0]);
    close(refusers[1]);
}

static void over_a_cap_counts_as_refused_and_as_closed_by_the_limit(void **state)
{
    static char lines[LINES_ROOM];
    struct inline_worker *iw = *state;
    int first = inline_worker_dial(iw), second;

    inline_worker_set_cap(iw, 1);
    second = inline_worker_dial(iw);
    inline_worker_expect_eof(iw, second);
    assert_int_equal(counts(iw)->accepted, 2);
    assert_int_equal(counts(iw)->refused[REFUSED_MAX_CONNECTIONS], 1);
    assert_int_equal(unrouted(iw).closed[END_LIMIT], 1);
    assert_int_equal(unrouted(iw).connection_duration[HISTOGRAM_FIRST_BUCKET], 1);
    assert_int_equal(inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines)), 1);
    assert_non_null(strstr(lines, " reason=limit\n"));
    assert_active(iw, PHASE_PEEK); /* the first alone */
    close(second);
    close_and_settle(iw, first);
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define OPENED(test) cmocka_unit_test_setup_teardown(test, open_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPENED(a_routed_connection_counts_by_its_route_alone),
        OPENED(early_data_behind_the_hello_is_counted_once),
        OPENED(with_it_off_or_without_memory_all_count_as_unrouted),
        OPENED(memory_that_comes_back_is_used_from_the_next_connection_on),
        OPENED(what_a_route_counted_outlives_it),
        CLOSED(a_connection_is_in_one_phase_after_the_other_and_then_in_none),
        OPENED(without_half_close_the_first_fin_leaves_the_other_side_to_linger),
        CLOSED(a_route_without_endpoints_counts_what_it_denies),
        OPENED(each_failure_of_a_dial_has_its_word),
        CLOSED(an_endpoint_is_ejected_once_and_retried_dials_are_counted),
        OPENED(over_a_cap_counts_as_refused_and_as_closed_by_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
