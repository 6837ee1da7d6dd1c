#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/hello.h"
#include "route/table.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/sockopt.h"
#include "tls/alert.h"

#define KIB 1024u

static int setup(void **state)
{
    failsys_reset();
    return inline_worker_setup(state);
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

static void expect_alert(struct inline_worker *iw, int fd, enum alert_code code)
{
    uint8_t alert[ALERT_RECORD_BYTES];

    alert_encode(code, alert);
    inline_worker_expect(iw, fd, alert, sizeof(alert));
    inline_worker_expect_eof(iw, fd);
}

/* The test's side is through: close it and see the connection end for `why`. */
static void expect_end(struct inline_worker *iw, int fd, enum end_reason why)
{
    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_ended(iw, why), 1);
}

static void send_hello_for(struct inline_worker *iw, int fd, const char *name)
{
    uint8_t raw[2 * KIB];

    inline_worker_write(iw, fd, raw, proxy_fixture_hello(name, 0, raw, sizeof(raw)));
}

static uint64_t hellos(const struct inline_worker *iw, enum hello_result r)
{
    return iw->w->counts[0].hello[r];
}

static void a_whole_hello_reaches_its_endpoint_byte_for_byte(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    assert_int_equal(hellos(iw, HELLO_OK), 1);
    assert_int_equal(iw->w->counts[0].match[MATCH_EXACT], 1);
    assert_int_equal(iw->w->unrouted.received_bytes, iw->f.hello_len);
    close(client);
    close(server);
}

static void a_hello_in_single_bytes_does_too_and_its_memory_goes_when_relaying_begins(void **state)
{
    struct inline_worker *iw = *state;
    int client = inline_worker_dial(iw), server;
    struct conn *c = inline_worker_conn(iw, CONN_READING_HELLO);

    for (size_t i = 0; i < iw->f.hello_len; i++) {
        assert_int_equal(c->state, CONN_READING_HELLO);
        inline_worker_write(iw, client, iw->f.hello + i, 1);
        INLINE_UNTIL(iw, c->hello_bytes == i + 1);
        assert_true(c->hello != NULL || c->state != CONN_READING_HELLO);
    }
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, iw->f.hello, iw->f.hello_len);
    INLINE_UNTIL(iw, c->state == CONN_RELAYING);
    assert_null(c->hello);
    close(client);
    close(server);
}

/* Send a hello of `bytes` in pieces of `piece`, and see it delivered whole. */
static void assert_delivered(struct inline_worker *iw, size_t bytes, size_t piece)
{
    uint8_t *raw = malloc(bytes);
    int client = inline_worker_dial(iw), server;
    struct conn *c = inline_worker_conn(iw, CONN_READING_HELLO);

    assert_int_equal(proxy_fixture_hello(PROXY_FIXTURE_HOST, bytes, raw, bytes), bytes);
    for (size_t at = 0; at < bytes; at += piece) {
        size_t n = bytes - at < piece ? bytes - at : piece;
        inline_worker_write(iw, client, raw + at, n);
        INLINE_UNTIL(iw, c->hello_bytes >= at + n || c->state != CONN_READING_HELLO);
    }
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, raw, bytes);
    free(raw);
    close(client);
    close(server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
}

/* Likewise, and see it refused as too large. */
static void assert_too_large(struct inline_worker *iw, size_t bytes, size_t piece)
{
    uint64_t before = inline_worker_ended(iw, END_HELLO_TOO_LARGE);
    uint8_t *raw = malloc(bytes);
    int client = inline_worker_dial(iw);

    assert_int_equal(proxy_fixture_hello(PROXY_FIXTURE_HOST, bytes, raw, bytes), bytes);
    for (size_t at = 0; at < bytes; at += piece) {
        inline_worker_write(iw, client, raw + at, bytes - at < piece ? bytes - at : piece);
        inline_worker_turn(iw);
    }
    free(raw);
    expect_alert(iw, client, ALERT_DECODE_ERROR);
    close(client);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_TOO_LARGE), before + 1);
}

static void the_largest_hello_passes_and_a_byte_more_is_refused_however_they_come(void **state)
{
    static const size_t caps[] = {512, 2048, 2049, 64 * KIB, 64 * KIB + 1, 200 * KIB};
    static const size_t pieces[] = {7, 2048, 16 * KIB + 5, SIZE_MAX};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
            if (caps[i] / pieces[k] > 1000) {
                continue;
            }
            iw->shared.policy.hello_max_bytes = (uint32_t)caps[i];
            assert_delivered(iw, caps[i], pieces[k]);
            assert_too_large(iw, caps[i] + 1, pieces[k]);
        }
    }
}

static void bytes_at_the_cap_without_an_end_are_too_large_not_an_eof(void **state)
{
    struct inline_worker *iw = *state;
    uint8_t raw[512];
    int client = inline_worker_dial(iw);

    /* Records of one byte: the declared length fits, the headers in between do not. */
    iw->shared.policy.hello_max_bytes = sizeof(raw);
    for (size_t i = 0; i < sizeof(raw); i++) {
        static const uint8_t message[] = {1, 0, 1, 0x40};
        static const uint8_t header[] = {22, 3, 1, 0, 1};
        size_t at = i / 6;
        raw[i] = i % 6 < 5 ? header[i % 6] : at < sizeof(message) ? message[at] : 0;
    }
    for (size_t at = 0; at < sizeof(raw); at += 16) {
        inline_worker_write(iw, client, raw + at, 16);
        inline_worker_turn(iw);
    }
    expect_alert(iw, client, ALERT_DECODE_ERROR);
    expect_end(iw, client, END_HELLO_TOO_LARGE);
}

static void what_follows_the_hello_in_the_same_segment_is_delivered_behind_it(void **state)
{
    struct inline_worker *iw = *state;
    uint8_t flight[40 * KIB] = {0};
    int client = inline_worker_dial(iw), server;

    memcpy(flight, iw->f.hello, iw->f.hello_len);
    for (size_t i = iw->f.hello_len; i < sizeof(flight); i++) {
        flight[i] = (uint8_t)(i * 7);
    }
    iw->shared.policy.hello_max_bytes = 512;
    inline_worker_write(iw, client, flight, sizeof(flight));
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, flight, sizeof(flight));
    close(client);
    close(server);
}

static void an_unknown_name_gets_what_its_policy_says(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);

    send_hello_for(iw, fd, "nobody.test");
    expect_alert(iw, fd, ALERT_UNRECOGNIZED_NAME);
    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);

    iw->shared.policy.on_unknown_name = PROXY_ANSWER_CLOSE;
    fd = inline_worker_dial(iw);
    send_hello_for(iw, fd, "nobody.test");
    inline_worker_expect_eof(iw, fd);
    close(fd);

    iw->shared.policy.on_unknown_name = PROXY_ANSWER_RESET;
    fd = inline_worker_dial(iw);
    send_hello_for(iw, fd, "nobody.test");
    inline_worker_expect_reset(iw, fd);
    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_ended(iw, END_NO_ROUTE), 3);
    assert_int_equal(iw->w->counts[0].match[MATCH_NONE], 3);
    assert_int_equal(hellos(iw, HELLO_OK), 3);
}

static void no_name_and_an_address_get_what_their_policy_says(void **state)
{
    static const char *const names[] = {NULL, "192.0.2.1", "[2001:db8::1]"};
    struct inline_worker *iw = *state;

    iw->shared.policy.on_unknown_name = PROXY_ANSWER_RESET; /* the other one is meant */
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int fd = inline_worker_dial(iw);
        send_hello_for(iw, fd, names[i]);
        expect_alert(iw, fd, ALERT_UNRECOGNIZED_NAME);
        close(fd);
        INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    }
    assert_int_equal(inline_worker_ended(iw, END_HELLO_NO_NAME), ARRAY_LEN(names));
    assert_int_equal(hellos(iw, HELLO_NO_NAME), ARRAY_LEN(names));
}

static void the_catch_all_takes_unknown_and_missing_names(void **state)
{
    static const char *const names[] = {NULL, "192.0.2.1", "nobody.test"};
    struct inline_worker *iw = *state;

    inline_worker_open(iw, proxy_fixture_table(&iw->f, "", &iw->f.backend_addr, 1));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int fd = inline_worker_dial(iw), server;
        send_hello_for(iw, fd, names[i]);
        server = inline_worker_accept(iw, iw->f.backend);
        close(fd);
        close(server);
    }
    assert_int_equal(iw->w->counts[0].match[MATCH_DEFAULT], 3);
    assert_int_equal(hellos(iw, HELLO_NO_NAME), 2);
}

static void a_wildcard_is_counted_as_one(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    inline_worker_open(iw, proxy_fixture_table(&iw->f, "*.proxy.test", &iw->f.backend_addr, 1));
    inline_worker_relay(iw, &client, &server);
    assert_int_equal(iw->w->counts[0].match[MATCH_WILDCARD], 1);
    close(client);
    close(server);
}

static void what_is_no_host_name_is_malformed(void **state)
{
    static const char *const names[] = {"a b.test", "a..test", "x.test:443", "*.test",
                                        "a\x1b.test"};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int fd = inline_worker_dial(iw);
        send_hello_for(iw, fd, names[i]);
        expect_alert(iw, fd, ALERT_ILLEGAL_PARAMETER);
        close(fd);
        INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
        assert_int_equal(inline_worker_ended(iw, END_HELLO_MALFORMED), i + 1);
    }
    assert_int_equal(hellos(iw, HELLO_OK), 0);
}

static void a_broken_hello_gets_the_parsers_alert_and_its_memory_is_gone(void **state)
{
    static const uint8_t overflow[] = {22, 3, 1, 0x40, 1};
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);
    struct conn *c = inline_worker_conn(iw, CONN_READING_HELLO);

    inline_worker_write(iw, fd, overflow, 4);
    INLINE_UNTIL(iw, c->hello != NULL);
    inline_worker_write(iw, fd, overflow + 4, 1);
    INLINE_UNTIL(iw, c->state == CONN_LINGERING);
    assert_null(c->hello);
    expect_alert(iw, fd, ALERT_RECORD_OVERFLOW);
    expect_end(iw, fd, END_HELLO_MALFORMED);
    assert_int_equal(hellos(iw, HELLO_MALFORMED), 1);
}

static void the_deadline_counts_from_the_accept_and_no_byte_moves_it(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);
    struct conn *c = inline_worker_conn(iw, CONN_READING_HELLO);

    for (uint32_t i = 0; i < 4; i++) {
        inline_worker_pass(iw, 1240);
        inline_worker_write(iw, fd, iw->f.hello + i, 1);
        INLINE_UNTIL(iw, c->hello_bytes == i + 1);
    }
    inline_worker_pass(iw, 40); /* 5000: not yet */
    assert_int_equal(inline_worker_live(iw), 1);
    inline_worker_pass(iw, TIMEWHEEL_TICK_MS);
    assert_int_equal(inline_worker_live(iw), 0);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_TIMEOUT), 1);
    assert_int_equal(hellos(iw, HELLO_TIMEOUT), 1);
    inline_worker_expect_eof(iw, fd);
    close(fd);
}

static void a_silent_client_costs_no_buffer_and_ends_by_the_deadline(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);

    assert_null(inline_worker_conn(iw, CONN_READING_HELLO)->hello);
    inline_worker_pass(iw, 5000 + TIMEWHEEL_TICK_MS);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_TIMEOUT), 1);
    close(fd);
}

static void a_hello_that_is_there_at_the_deadline_is_routed_however_late_we_look(void **state)
{
    struct inline_worker *iw = *state;
    const size_t first = 10; /* read in time; for the rest the worker was late */
    int client = inline_worker_dial(iw), server;
    struct conn *c = inline_worker_conn(iw, CONN_READING_HELLO);

    inline_worker_write(iw, client, iw->f.hello, first);
    INLINE_UNTIL(iw, c->hello_bytes == first);
    inline_worker_write(iw, client, iw->f.hello + first, iw->f.hello_len - first);
    inline_worker_pass(iw, 60000);
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, iw->f.hello, iw->f.hello_len);
    assert_int_equal(hellos(iw, HELLO_TIMEOUT), 0);
    close(client);
    close(server);
}

static void what_is_there_at_the_deadline_is_no_excuse_for_what_is_not(void **state)
{
    struct inline_worker *iw = *state;
    int client = inline_worker_dial(iw);

    (void)inline_worker_conn(iw, CONN_READING_HELLO);
    inline_worker_write(iw, client, iw->f.hello, iw->f.hello_len - 1);
    inline_worker_pass(iw, 5000 + TIMEWHEEL_TICK_MS);
    assert_int_equal(inline_worker_live(iw), 0);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_TIMEOUT), 1);
    assert_int_equal(hellos(iw, HELLO_TIMEOUT), 1);
    close(client);
}

static void an_end_before_the_hello_is_whole_is_an_eof_at_any_byte(void **state)
{
    struct inline_worker *iw = *state;

    for (size_t cut = 0; cut < iw->f.hello_len; cut += 13) {
        int fd = inline_worker_dial(iw);
        inline_worker_write(iw, fd, iw->f.hello, cut);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        inline_worker_expect_eof(iw, fd);
        close(fd);
        INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    }
    assert_int_equal(inline_worker_ended(iw, END_HELLO_EOF), hellos(iw, HELLO_EOF));
    assert_int_equal(inline_worker_ended(iw, END_HELLO_EOF), (iw->f.hello_len + 12) / 13);
}

static void a_reset_before_the_hello_is_whole_is_the_clients(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);

    inline_worker_write(iw, fd, iw->f.hello, 10);
    INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_READING_HELLO)->hello_bytes == 10);
    sockopt_reset(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_ended(iw, END_CLIENT_RESET), 1);
}

static void reading_survives_interruptions_and_short_reads(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    failsys_fail(FAILSYS_RECV, EINTR, 0, 3);
    failsys_cut(FAILSYS_RECV, 3);
    client = inline_worker_dial(iw);
    inline_worker_write(iw, client, iw->f.hello, iw->f.hello_len);
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, iw->f.hello, iw->f.hello_len);
    close(client);
    close(server);
}

/* Whatever else a kernel may do: what it has shown to be readable is asked for once, not again and
 * again until it comes. */
static void a_read_that_finds_nothing_is_tried_once_a_turn_and_costs_no_hello(void **state)
{
    struct inline_worker *iw = *state;
    int client = inline_worker_dial(iw), server;
    unsigned before;

    inline_worker_write(iw, client, iw->f.hello, iw->f.hello_len);
    failsys_fail(FAILSYS_RECV, EAGAIN, 0, UINT_MAX);
    before = failsys_count(FAILSYS_RECV);
    INLINE_UNTIL(iw, failsys_count(FAILSYS_RECV) != before);
    before = failsys_count(FAILSYS_RECV);
    for (unsigned turns = 1; turns <= 100; turns++) {
        inline_worker_turn(iw);
        assert_in_range(failsys_count(FAILSYS_RECV) - before, 1, turns);
    }
    assert_int_equal(inline_worker_count(iw, CONN_READING_HELLO), 1);
    failsys_reset();
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, iw->f.hello, iw->f.hello_len);
    close(client);
    close(server);
}

static void half_a_hello_is_waited_for_without_a_call(void **state)
{
    struct inline_worker *iw = *state;
    int client = inline_worker_dial(iw);
    struct conn *c = inline_worker_conn(iw, CONN_READING_HELLO);

    assert_true(inline_worker_rests(iw, 1));
    for (size_t at = 0; at < 60; at += 20) {
        inline_worker_write(iw, client, iw->f.hello + at, 20);
        INLINE_UNTIL(iw, c->hello_bytes == at + 20);
        assert_true(inline_worker_rests(iw, 1));
    }
    assert_int_equal(c->state, CONN_READING_HELLO);
    close(client);
}

static void a_failing_read_ends_the_connection_with_its_cause(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);

    failsys_fail(FAILSYS_RECV, ETIMEDOUT, 0, 1);
    inline_worker_write(iw, fd, iw->f.hello, 1);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_ended(iw, END_ERROR), 1);
    close(fd);
    failsys_fail(FAILSYS_RECV, ECONNRESET, 0, 1);
    fd = inline_worker_dial(iw);
    assert_int_equal(inline_worker_ended(iw, END_CLIENT_RESET), 1);
    close(fd);
}

static void a_client_that_cannot_be_waited_for_is_dropped(void **state)
{
    struct inline_worker *iw = *state;
    int fd;

    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1); /* silent at first */
    fd = inline_worker_dial(iw);
    assert_int_equal(inline_worker_ended(iw, END_ERROR), 1);
    close(fd);
    fd = proxy_fixture_dial(&iw->addr);
    inline_worker_write(iw, fd, iw->f.hello, 10); /* or with half a hello */
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    INLINE_UNTIL(iw, inline_worker_ended(iw, END_ERROR) == 2);
    close(fd);
}

static void a_hello_is_routed_by_the_table_of_its_last_byte(void **state)
{
    struct inline_worker *iw = *state;
    int client = inline_worker_dial(iw), server;
    struct conn *c = inline_worker_conn(iw, CONN_READING_HELLO);
    struct table *before = iw->w->table;

    inline_worker_write(iw, client, iw->f.hello, 50);
    INLINE_UNTIL(iw, c->hello_bytes == 50);
    iw->w->table = table_ref(proxy_fixture_table(&iw->f, "", &iw->f.backend_addr, 1));
    table_unref(before);
    inline_worker_write(iw, client, iw->f.hello + 50, iw->f.hello_len - 50);
    server = inline_worker_accept(iw, iw->f.backend);
    assert_int_equal(iw->w->counts[0].match[MATCH_DEFAULT], 1);
    close(client);
    close(server);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, open_setup, teardown)
#define CLOSED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPENED(a_whole_hello_reaches_its_endpoint_byte_for_byte),
        OPENED(a_hello_in_single_bytes_does_too_and_its_memory_goes_when_relaying_begins),
        OPENED(the_largest_hello_passes_and_a_byte_more_is_refused_however_they_come),
        OPENED(bytes_at_the_cap_without_an_end_are_too_large_not_an_eof),
        OPENED(what_follows_the_hello_in_the_same_segment_is_delivered_behind_it),
        OPENED(an_unknown_name_gets_what_its_policy_says),
        OPENED(no_name_and_an_address_get_what_their_policy_says),
        CLOSED(the_catch_all_takes_unknown_and_missing_names),
        CLOSED(a_wildcard_is_counted_as_one),
        OPENED(what_is_no_host_name_is_malformed),
        OPENED(a_broken_hello_gets_the_parsers_alert_and_its_memory_is_gone),
        OPENED(the_deadline_counts_from_the_accept_and_no_byte_moves_it),
        OPENED(a_silent_client_costs_no_buffer_and_ends_by_the_deadline),
        OPENED(a_hello_that_is_there_at_the_deadline_is_routed_however_late_we_look),
        OPENED(what_is_there_at_the_deadline_is_no_excuse_for_what_is_not),
        OPENED(an_end_before_the_hello_is_whole_is_an_eof_at_any_byte),
        OPENED(a_reset_before_the_hello_is_whole_is_the_clients),
        OPENED(reading_survives_interruptions_and_short_reads),
        OPENED(a_read_that_finds_nothing_is_tried_once_a_turn_and_costs_no_hello),
        OPENED(half_a_hello_is_waited_for_without_a_call),
        OPENED(a_failing_read_ends_the_connection_with_its_cause),
        OPENED(a_client_that_cannot_be_waited_for_is_dropped),
        OPENED(a_hello_is_routed_by_the_table_of_its_last_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
