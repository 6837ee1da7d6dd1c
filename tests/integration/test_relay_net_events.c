/*
 * What the relay goes through on real sockets besides the ends of its peers (test_relay_net.c), in
 * the same small net: dials that are refused, silent or lost, tables that change, timers, and the
 * program's own end; with small buffers, small segments and lost packets all the while.
 *
 *   RELAY_NET_SEED=n   play the same again; what gets lost is the kernel's luck
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/scripted_peer.h"
#include "proxy/stats.h"
#include "support/ask.h"
#include "support/form.h"
#include "support/http_ask.h"
#include "support/relay_net.h"
#include "support/sim.h"
#include "support/small_net.h"
#include "support/wait_until.h"

#define MOST_BYTES 40000u

#define DIALS "sealway_upstream_connect_total{"

/* Where nobody answers, as long as that is said (small_net_lose_dials). */
#define SILENT_NET "127.0.3.0/24"
#define SILENT_1   "127.0.3.1"
#define SILENT_2   "127.0.3.2"

/* Where endpoints are reached; and some elsewhere. */
#define HERE_NET "127.0.1.0/24"
#define HERE     "127.0.1.1"
#define THERE    "127.0.4.1"

/* In a hundred SYNs, and in a hundred answers to them. */
#define LOST_PERCENT 16u

/* Of all others: 500 and more in the short form, which is the shortest. */
#define LEAST_LOST 100u

/* Until luck has shown what is looked for. */
#define MOST_ROUNDS 12u

/* A timer's limit when the machine stalls and packets get lost on top. */
#define LATE_MS 15000.0

#define IDLE_MS       4000.0
#define HALF_CLOSE_MS 3500.0
#define ACTIVE_MS     300u /* and what stalls and lost packets add: less than IDLE_MS in all */

/* One byte after the other, for longer than both. */
#define TRICKLED 18
#define TRICKLE  PEER_SLOW_STREAM(7, TRICKLED, 1, 250)

static struct relay_net net;
static struct relay_net_kind kind = {.peers = {.deadline_ms = 60000}, .most_bytes = MOST_BYTES};

static void start(const char *const *args, const char *const *ips)
{
    const struct relay_net_config cfg = {.kind = &kind, .args = args, .ips = ips};

    relay_net_draw();
    relay_net_start(&net, &cfg);
}

/* Also what a test that failed has left. */
static int teardown(void **state)
{
    (void)state;
    small_net_keep_dials();
    return net.program == NULL || relay_net_stop(&net) == 0 ? 0 : -1;
}

static uint64_t dials(const char *result)
{
    char label[64];

    (void)snprintf(label, sizeof(label), "result=\"%s\"", result);
    return relay_net_metric(&net, DIALS, label);
}

/* --- dials ------------------------------------------------------------------------------------ */

/* Every dial is told as what it was, and every connection has had one that succeeded. */
static void check_dials(uint64_t refused, uint64_t timeout)
{
    assert_int_equal(dials("ok"), net.played);
    assert_int_equal(relay_net_metric(&net, DIALS, ""), net.played + refused + timeout);
    assert_int_equal(relay_net_metric(&net, "sealway_upstream_retries_total{", ""),
                     refused + timeout);
}

static void beside_refusing_and_silent_endpoints_everyone_comes_to_the_good_one(void **state)
{
    static const char *const args[] = {"--connect-timeout", "1s", "--connect-retries", "4", NULL};
    static const char *const ips[] = {"!127.0.2.1", "!127.0.2.2", SILENT_1, SILENT_2, HERE, NULL};
    uint64_t refused, timeout;

    (void)state;
    assert_true(small_net_lose_dials(SILENT_NET, 100));
    start(args, ips);
    relay_net_play_round(&net);
    relay_net_check_ends(&net);
    refused = dials("refused");
    timeout = dials("timeout");
    print_message("             %u connections, %" PRIu64 " dials refused, %" PRIu64 " timed out\n",
                  net.played, refused, timeout);
    assert_in_range(refused, 1, 2 * net.played);
    assert_in_range(timeout, 1, 2 * net.played);
    check_dials(refused, timeout);
}

/* So many that not one connection in a hundred million is lost with all its dials. */
static const char *const sixteen[] = {
    "127.0.1.1",  "127.0.1.2",  "127.0.1.3",  "127.0.1.4",  "127.0.1.5",  "127.0.1.6",
    "127.0.1.7",  "127.0.1.8",  "127.0.1.9",  "127.0.1.10", "127.0.1.11", "127.0.1.12",
    "127.0.1.13", "127.0.1.14", "127.0.1.15", "127.0.1.16", NULL};

/* Shorter than the second after which a SYN is sent again: each that is lost is a dial that failed.
 */
static void who_loses_a_syn_comes_to_the_next_endpoint(void **state)
{
    static const char *const args[] = {"--connect-timeout", "700ms", "--connect-retries", "15",
                                       NULL};
    uint64_t timeout, lost;

    (void)state;
    assert_true(small_net_lose_dials(HERE_NET, LOST_PERCENT));
    start(args, sixteen);
    do {
        relay_net_play_round(&net);
        timeout = dials("timeout");
    } while (timeout == 0 && net.played < MOST_ROUNDS * RELAY_NET_PAIRS);
    relay_net_check_ends(&net);
    lost = small_net_lost_dials();
    print_message("             %u connections, %" PRIu64 " SYNs lost, %" PRIu64
                  " dials timed out\n",
                  net.played, lost, timeout);
    assert_in_range(timeout, 1, lost);
    check_dials(0, timeout);
}

static double field(const char *line, const char *name)
{
    const char *at = strstr(line, name);

    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

/* Connections that came to their first endpoint, yet not with the first SYN. */
static unsigned count_sent_again(void)
{
    char *log = sealway_stdout(net.program);
    unsigned n = 0;

    for (char *rest = log, *line; (line = strsep(&rest, "\n")) != NULL;) {
        n += strstr(line, " retries=0 ") != NULL && field(line, " connect_ms=") > 900;
    }
    free(log);
    return n;
}

/* Long enough for SYNs that are sent again; not so long that one unlucky endpoint would matter. */
static void a_lost_syn_is_sent_again_within_the_time_of_a_dial(void **state)
{
    static const char *const args[] = {"--connect-timeout", "2500ms", "--connect-retries", "15",
                                       NULL};
    uint64_t timeout, lost;
    unsigned again;

    (void)state;
    assert_true(small_net_lose_dials(HERE_NET, LOST_PERCENT));
    start(args, sixteen);
    do {
        relay_net_play_round(&net);
        relay_net_check_ends(&net);
        again = count_sent_again();
    } while (again == 0 && net.played < MOST_ROUNDS * RELAY_NET_PAIRS);
    timeout = dials("timeout");
    lost = small_net_lost_dials();
    print_message("             %u connections, %" PRIu64 " SYNs lost, %u sent again in time, "
                  "%" PRIu64 " dials timed out\n",
                  net.played, lost, again, timeout);
    assert_in_range(again, 1, net.played);
    assert_true(timeout <= lost);
    check_dials(0, timeout);
}

/* --- table changes ---------------------------------------------------------------------------- */

/* The first half of the pairs stay at their gates, the others come and go. */
#define STAYERS (RELAY_NET_PAIRS / 2)

static void route_all(const char *const *ips)
{
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        relay_net_route(&net, i, ips);
    }
}

static void stand_at_gates(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        net.pairs[i].plan = relay_plan_gated(kind.most_bytes);
        relay_net_begin(&net, i);
    }
    relay_net_wait_at_gates(&net, from, to);
}

static void begin_passers(void)
{
    for (unsigned i = STAYERS; i < RELAY_NET_PAIRS; i++) {
        const enum relay_ending how = (enum relay_ending)sim_below(RELAY_ENDINGS);
        net.pairs[i].plan = relay_plan_any(how, kind.most_bytes, true);
        relay_net_begin(&net, i);
    }
}

static void end_all(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        relay_net_end(&net, i);
    }
}

static void assert_came_to(unsigned from, unsigned to, const char *ip)
{
    for (unsigned i = from; i < to; i++) {
        char text[NETADDR_TEXT_MAX];
        assert_string_equal(netaddr_format_ip(&net.pairs[i].came_to, text), ip);
    }
}

/* All of the newest table's endpoints are there, and every worker routes by it. */
static bool is_all_there(void *ctx)
{
    const struct netaddr admin = sealway_admin(net.program);
    struct http_answer answer;
    unsigned n = 0;
    uint64_t generation;

    (void)ctx;
    http_ask(&admin, "GET", "/routes", &answer);
    for (const char *at = answer.text; (at = strstr(at, "\"" THERE ":")) != NULL; at++) {
        n++;
    }
    n = strstr(answer.text, "\"" HERE ":") != NULL ? 0 : n;
    http_answer_fini(&answer);
    generation = relay_net_metric(&net, "sealway_config_generation ", "");
    return n == RELAY_NET_PAIRS &&
           relay_net_metric(&net, "sealway_config_adopted_generation{", "") == 2 * generation;
}

/* Some of those that come meanwhile dial an endpoint of the table before. */
static void transfers_under_way_are_not_touched_by_new_tables(void **state)
{
    static const char *const args[] = {"--connect-timeout", "1s", "--workers", "2", NULL};
    static const char *const here[] = {HERE, NULL}, *const there[] = {THERE, NULL};
    static const char *const unsure[] = {SILENT_1, HERE, NULL}, *const both[] = {HERE, THERE, NULL};
    static const char *const *const tables[] = {unsure, both, unsure, there};

    (void)state;
    (void)small_net_lose_dials(SILENT_NET,
                               100); /* without nft(8) they answer, which does no harm */
    start(args, here);
    stand_at_gates(0, STAYERS);
    for (unsigned i = 0; i < 4; i++) {
        begin_passers();
        route_all(tables[i]);
        end_all(STAYERS, RELAY_NET_PAIRS);
    }
    assert_true(wait_until(is_all_there, NULL, RELAY_NET_PATIENCE_MS));
    begin_passers();
    end_all(STAYERS, RELAY_NET_PAIRS);
    assert_came_to(STAYERS, RELAY_NET_PAIRS, THERE);
    peer_flag_raise(&net.open);
    end_all(0, STAYERS);
    assert_came_to(0, STAYERS, HERE);
    relay_net_check_ends(&net);
}

/* --- timers ----------------------------------------------------------------------------------- */

/* Four kinds of connections, each from either side, one with each pair. */
enum timed { IDLE, TRICKLES, HALF_CLOSED, TRICKLES_HALF_CLOSED, TIMED };

struct timed_pair {
    enum timed what;
    bool client_acts; /* or the server */
};

static struct timed_pair timed_pair(unsigned i)
{
    return (struct timed_pair){.what = (enum timed)(i % TIMED), .client_acts = i / TIMED % 2 == 0};
}

/* Both are sure of the connection first.  The actor goes on for a while before it does what makes
 * the other only wait. */
static void begin_timed(unsigned i)
{
    static const struct peer_stream one = {.seed = 3, .bytes = 1};
    struct relay_pair *pair = &net.pairs[i];
    const struct timed_pair t = timed_pair(i);
    struct peer_flag *over = &pair->reached;
    const struct peer_step scripts[TIMED][2][7] = {
        [IDLE] = {{PEER_EXCHANGE(one, one), PEER_STALL(ACTIVE_MS), PEER_SEND_STREAM(5, 1),
                   PEER_EXPECT_EOF, PEER_END},
                  {PEER_EXCHANGE(one, one), PEER_EXPECT_STREAM(5, 1), PEER_EXPECT_EOF, PEER_END}},
        [TRICKLES] = {{PEER_EXCHANGE(one, one), PEER_EXCHANGE(TRICKLE, PEER_NO_STREAM),
                       PEER_HALF_CLOSE, PEER_EXPECT_EOF, PEER_END},
                      {PEER_EXCHANGE(one, one), PEER_EXPECT_STREAM(7, TRICKLED), PEER_EXPECT_EOF,
                       PEER_HALF_CLOSE, PEER_END}},
        [HALF_CLOSED] = {{PEER_EXCHANGE(one, one), PEER_STALL(ACTIVE_MS), PEER_HALF_CLOSE,
                          PEER_EXPECT_EOF, PEER_RAISE(over), PEER_END},
                         {PEER_EXCHANGE(one, one), PEER_EXPECT_EOF, PEER_WAIT(over), PEER_END}},
        [TRICKLES_HALF_CLOSED] = {{PEER_EXCHANGE(one, one), PEER_EXPECT_EOF,
                                   PEER_EXCHANGE(TRICKLE, PEER_NO_STREAM), PEER_HALF_CLOSE,
                                   PEER_END},
                                  {PEER_EXCHANGE(one, one), PEER_HALF_CLOSE,
                                   PEER_EXPECT_STREAM(7, TRICKLED), PEER_EXPECT_EOF, PEER_END}},
    };

    pair->server = relay_net_answer(&net, i, scripts[t.what][t.client_acts]);
    pair->client = relay_net_dial(&net, i, scripts[t.what][!t.client_acts]);
}

/* How a connection is to end: for `reason` (a part of its word), and not sooner. */
struct expected_end {
    const char *reason;
    double ms; /* 0: whenever */
};

/* The program's own clock is cut to milliseconds. */
static void check_end(unsigned i, const struct expected_end *e)
{
    char *line = sealway_access_line(net.program, net.pairs[i].host);
    double ms;

    assert_non_null(line);
    ms = field(line, " duration_ms=");
    if (strstr(strstr(line, " duration_ms="), e->reason) == NULL ||
        (e->ms > 0 && (ms < e->ms - 1 || ms > e->ms + LATE_MS))) {
        fail_msg("not %s after %.0f ms: %s", e->reason, e->ms, line);
    }
    free(line);
}

static void timers_cut_what_is_silent_and_nothing_else(void **state)
{
    static const char *const args[] = {"--idle-timeout", "4s", "--half-close-timeout", "3500ms",
                                       NULL};
    static const struct expected_end ends[TIMED] = {
        [IDLE] = {" reason=idle_timeout", ACTIVE_MS + IDLE_MS},
        [TRICKLES] = {"_eof", 0},
        [HALF_CLOSED] = {" reason=half_close_timeout", ACTIVE_MS + HALF_CLOSE_MS},
        [TRICKLES_HALF_CLOSED] = {"_eof", 0},
    };

    (void)state;
    start(args, NULL);
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        begin_timed(i);
    }
    end_all(0, RELAY_NET_PAIRS);
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        check_end(i, &ends[timed_pair(i).what]);
    }
}

/* --- the program's end ------------------------------------------------------------------------ */

/* Of the pairs, at SIGTERM: in the middle of a transfer, dialling, with half a hello. */
#define TRANSFERS 6u
#define DIALLERS  9u

static bool is_refused(void *ctx)
{
    struct ask_answer answer;

    (void)ctx;
    ask_name(&net.addr, "nobody.scene.test", &answer);
    return answer.end == ASK_REFUSED;
}

struct phase {
    const char *label;
    uint64_t connections;
};

static bool is_in_phase(void *ctx)
{
    const struct phase *p = ctx;

    return relay_net_metric(&net, "sealway_connections_active{", p->label) == p->connections;
}

/* Their endpoints do not answer yet.  False where that cannot be. */
static bool begin_diallers(void)
{
    struct phase dialling = {"phase=\"connect\"", DIALLERS - TRANSFERS};

    if (!small_net_lose_dials(HERE_NET, 100)) {
        return false;
    }
    for (unsigned i = TRANSFERS; i < DIALLERS; i++) {
        const enum relay_ending how = (enum relay_ending)sim_below(RELAY_ORDERLY_ENDINGS);
        net.pairs[i].plan = relay_plan_any(how, kind.most_bytes, kind.is_lossy);
        relay_net_begin(&net, i);
    }
    assert_true(wait_until(is_in_phase, &dialling, RELAY_NET_PATIENCE_MS));
    return true;
}

static void begin_with_half_a_hello(unsigned i)
{
    struct relay_pair *pair = &net.pairs[i];
    const uint8_t *hello = pair->hello.data;
    const size_t half = 1 + sim_below(pair->hello.len - 1);
    const struct peer_step client[] = {PEER_SEND(hello, half),
                                       PEER_WAIT(&net.open),
                                       PEER_SEND(hello + half, pair->hello.len - half),
                                       PEER_EXPECT_STREAM(5, 5000),
                                       PEER_EXPECT_EOF,
                                       PEER_END};
    const struct peer_step server[] = {PEER_SEND_STREAM(5, 5000), PEER_END};

    pair->server = relay_net_answer(&net, i, server);
    pair->client = peer_dial(&net.addr, client, &kind.peers);
}

static void begin_with_half_hellos(void)
{
    struct phase reading = {"phase=\"peek\"", RELAY_NET_PAIRS - DIALLERS};

    for (unsigned i = DIALLERS; i < RELAY_NET_PAIRS; i++) {
        begin_with_half_a_hello(i);
    }
    assert_true(wait_until(is_in_phase, &reading, RELAY_NET_PATIENCE_MS));
}

static void sigterm_lets_all_that_is_under_way_end_whole(void **state)
{
    static const char *const args[] = {
        "--drain-timeout", "120s", "--hello-timeout", "60s", "--connect-timeout", "60s", NULL};
    static const char *const here[] = {HERE, NULL};
    bool some_dial;

    (void)state;
    start(args, here);
    stand_at_gates(0, TRANSFERS);
    some_dial = begin_diallers();
    begin_with_half_hellos();
    sealway_signal(net.program, SIGTERM);
    assert_true(wait_until(is_refused, NULL, RELAY_NET_PATIENCE_MS));
    small_net_keep_dials();
    peer_flag_raise(&net.open);
    end_all(0, TRANSFERS);
    if (some_dial) {
        end_all(TRANSFERS, DIALLERS);
    }
    end_all(DIALLERS, RELAY_NET_PAIRS);
    assert_int_equal(sealway_wait(net.program, RELAY_NET_PATIENCE_MS), 0); /* long before 120 s */
    assert_int_equal(relay_net_count_ends(&net, stats_end_word(END_DRAIN)), 0);
}

/* Nobody ever goes on: at the deadline, not sooner, all are told, and the program ends well. */
static void at_the_deadline_of_the_drain_all_are_told_and_it_ends(void **state)
{
    static const char *const args[] = {"--drain-timeout", "2s", NULL};
    static const struct expected_end cut = {" reason=drain", 2000};
    static const struct peer_stream one = {.seed = 3, .bytes = 1};

    (void)state;
    start(args, NULL);
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        struct relay_pair *pair = &net.pairs[i];
        const struct peer_step both[] = {PEER_EXCHANGE(one, one), PEER_RAISE(&pair->reached),
                                         PEER_EXPECT_EOF, PEER_END};
        pair->server = relay_net_answer(&net, i, both);
        pair->client = relay_net_dial(&net, i, both);
    }
    relay_net_wait_at_gates(&net, 0, RELAY_NET_PAIRS);
    sealway_signal(net.program, SIGTERM);
    end_all(0, RELAY_NET_PAIRS);
    assert_int_equal(sealway_wait(net.program, RELAY_NET_PATIENCE_MS), 0);
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        check_end(i, &cut);
    }
}

/* --- the nets --------------------------------------------------------------------------------- */

#define TORN_DOWN(test) cmocka_unit_test_teardown(test, teardown)

static int changes_timers_and_drain(const char *name)
{
    const struct CMUnitTest tests[] = {
        TORN_DOWN(transfers_under_way_are_not_touched_by_new_tables),
        TORN_DOWN(timers_cut_what_is_silent_and_nothing_else),
        TORN_DOWN(sigterm_lets_all_that_is_under_way_end_whole),
        TORN_DOWN(at_the_deadline_of_the_drain_all_are_told_and_it_ends),
    };

    return _cmocka_run_group_tests(name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}

static int lost_dials(void)
{
    const struct CMUnitTest tests[] = {
        TORN_DOWN(beside_refusing_and_silent_endpoints_everyone_comes_to_the_good_one),
        TORN_DOWN(who_loses_a_syn_comes_to_the_next_endpoint),
        TORN_DOWN(a_lost_syn_is_sent_again_within_the_time_of_a_dial),
    };

    return cmocka_run_group_tests_name("dials in a small net", tests, NULL, NULL);
}

static bool with_small_segments(void)
{
    if (!small_net_split()) {
        print_message("             skip events_with_small_segments: "
                      "ip(8) does not split them here\n");
        return false;
    }
    kind.peers.mss = 500;
    return true;
}

static bool with_lost_packets(void)
{
    if (!small_net_lose(3)) {
        print_message("             skip events_with_lost_packets: "
                      "no nft(8), or it is not permitted here\n");
        return false;
    }
    kind.is_lossy = true;
    return true;
}

static int in_full_form(const char *name)
{
    return form_is_full() ? changes_timers_and_drain(name) : 0;
}

/* Each net has what those before it have.  The short form has all of it at once: as much as is
 * permitted here. */
static int in_every_net(void)
{
    int failed;

    kind.peers.rcvbuf = 4096;
    failed = in_full_form("events with small buffers");
    if (with_small_segments()) {
        failed += in_full_form("events with small segments");
    }
    if (with_lost_packets()) {
        failed += in_full_form("events with lost packets");
        failed += lost_dials();
    }
    if (!form_is_full()) {
        failed += changes_timers_and_drain("events in the worst net");
    }
    return kind.is_lossy && !small_net_has_lost(LEAST_LOST) ? failed + 1 : failed;
}

int main(void)
{
    if (!small_net_enter()) {
        print_message(
            "             skip relay_net_events: no network namespace is permitted here\n");
        return 0;
    }
    return in_every_net();
}
