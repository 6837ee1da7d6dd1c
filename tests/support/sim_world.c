#include "support/sim_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/logring.h"
#include "proxy/acceptor.h"
#include "proxy/clientcap.h"
#include "proxy/connbudget.h"
#include "proxy/worker.h"
#include "route/registry.h"
#include "route/series.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/proxy_fixture.h"
#include "support/sim.h"
#include "support/sim_act.h"
#include "support/sim_event.h"
#include "support/sim_judge.h"
#include "support/sim_kernel.h"
#include "support/sim_peer.h"
#include "support/sim_pipe.h"
#include "support/sim_thread.h"

#define TABLES       6u
#define CALM_TURNS   60u /* more before nothing is left to do: a storm */
#define REST_TICKS   64u
#define FINISH_TURNS 20000u

enum phase { LIVE, FINISH, STOP };

static struct world {
    struct proxy_fixture f;
    struct worker_shared shared;
    struct worker *w;
    struct logring *log;
    struct sim_judge judge;
    struct sim_habits habits;
    unsigned endpoints[TABLES]; /* of the host, by table; UINT_MAX: it has no route */
    const struct table *in_force;
    enum phase phase;
    uint64_t steps;
    unsigned no_memory;  /* once in so many callbacks an allocation fails */
    unsigned calm_turns; /* since the world stands still */
    unsigned rest_left;  /* ticks that only pass */
    uint64_t rest_calls;
    uint64_t lines; /* of the access log */
    unsigned finish_turns;
} world;

/* --- the worker and its surroundings --------------------------------------------------------- */

static uint32_t any_of(const uint32_t *choices, size_t n)
{
    return choices[sim_below(n)];
}

#define ANY(...)                                                                                   \
    any_of((const uint32_t[]){__VA_ARGS__},                                                        \
           sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static enum proxy_answer any_answer(bool http)
{
    return (enum proxy_answer)sim_below(http ? PROXY_ANSWER_HTTP400 + 1 : PROXY_ANSWER_HTTP400);
}

static struct proxy_policy any_policy(void)
{
    return (struct proxy_policy){
        .on_unknown_name = any_answer(false),
        .on_no_name = any_answer(false),
        .on_not_tls = any_answer(true),
        .on_no_endpoint = any_answer(false),
        .hello_timeout_ms = ANY(300, 5000),
        .hello_max_bytes = ANY(20000, LIMIT_HELLO_DEFAULT_BYTES),
        .connect_timeout_ms = ANY(50, 2000),
        .connect_retries = ANY(0, 1, 2, 4),
        .idle_timeout_ms = ANY(0, 400, 60000, 3600000),
        .half_close_timeout_ms = ANY(300, 30000),
        .half_close = !sim_one_in(4),
    };
}

static struct sim_weather any_weather(void)
{
    bool fair = sim_one_in(4);

    return (struct sim_weather){
        .cut = ANY(0, 3, 20),
        .again = ANY(0, 10, 100),
        .no_buffers = fair ? 0 : ANY(0, 100, 1000),
        .no_socket = fair ? 0 : ANY(0, 5, 50),
        .no_event = fair ? 0 : ANY(0, 50, 500),
        .no_splice = fair ? 0 : ANY(0, 5, 10, 100),
        .small_pipes = fair ? 0 : ANY(0, 1, 3),
        .meanwhile = ANY(0, 3, 30),
        .descriptors = sim_one_in(4) ? 6 + (unsigned)sim_below(12) : 0,
        .fresh_numbers = sim_one_in(2),
    };
}

static void choose_endpoints(enum sim_endpoint *e)
{
    for (unsigned i = 0; i < SIM_ENDPOINTS; i++) {
        e[i] = (enum sim_endpoint)sim_below(SIM_ANY + 1);
    }
    e[0] = SIM_ACCEPTS;
    e[1] = sim_one_in(2) ? SIM_ACCEPTS_AT_ONCE : SIM_ACCEPTS;
}

static void make_tables(void)
{
    struct netaddr addrs[SIM_ENDPOINTS];

    for (unsigned t = 0; t < TABLES; t++) {
        unsigned n = 0;
        for (unsigned i = 0; i < SIM_ENDPOINTS; i++) {
            if (t == 0 || (t < 4 && sim_one_in(2))) {
                addrs[n++] = sim_peer_endpoint(i);
            }
        }
        world.endpoints[t] = t == 5 ? UINT32_MAX : n;
        (void)proxy_fixture_table(&world.f, t == 5 ? "other.proxy.test" : PROXY_FIXTURE_HOST, addrs,
                                  n);
    }
}

static void note_loads(void)
{
    size_t n;
    const struct pool *pool = table_pool(world.f.tables[0], table_routes(world.f.tables[0], &n));

    for (unsigned i = 0; i < SIM_ENDPOINTS; i++) {
        world.judge.loads[i] = endpoint_state(&pool->endpoints[i]);
    }
}

static void publish(void)
{
    unsigned t = sim_one_in(4) ? (unsigned)sim_below(TABLES) : (unsigned)sim_below(4);

    sim_note("publish table", t, 0);
    worker_publish(world.w, table_ref(world.f.tables[t]));
}

/* What is excused by the table in force. */
static void note_table(void)
{
    struct sim_judge *j = &world.judge;
    unsigned t = 0;

    if (world.w->table != world.in_force) {
        world.in_force = world.w->table;
        j->changes++;
    }
    while (t < TABLES && world.f.tables[t] != world.w->table) {
        t++;
    }
    if (t == TABLES) {
        return;
    }
    j->endpoints = world.endpoints[t];
    if (world.endpoints[t] == UINT32_MAX) {
        j->no_route_us = sim_now_us();
    } else if (world.endpoints[t] == 0) {
        j->no_endpoint_us = sim_now_us();
    }
}

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    (void)ctx;
    SIM_CHECK(len > 1 && line[len - 1] == '\n', "a line of %zu bytes", len);
    world.lines += stream == LOG_ACCESS ? 1 : 0;
    return true;
}

/* --- its turns ------------------------------------------------------------------------------- */

static void before_callback(void)
{
    world.judge.hurts = sim_kernel_hurts();
    if (sim_unlucky(world.no_memory)) {
        failalloc_arm(1 + sim_below(3));
    }
}

static void after_callback(void)
{
    if (failalloc_disarm()) {
        sim_note("an allocation failed", 0, 0);
        sim_kernel_hurt();
    }
    note_table();
    sim_judge_step(&world.judge);
    sim_judge_ended(&world.judge);
}

/* One act of the world. */
static void act(void)
{
    sim_step();
    if (sim_one_in(60)) {
        publish();
    } else if (sim_one_in(world.habits.stop_accepting)) {
        sim_note("stop accepting", 0, 0);
        worker_stop_accepting(world.w);
    } else {
        sim_act_any(&world.habits, world.w->acceptors[0].fd, world.judge.changes);
    }
}

static void stop(void)
{
    sim_note("stop", 0, 0);
    world.phase = STOP;
    sim_peer_note_stop();
    worker_stop(world.w);
}

/* The end comes: every peer does what it can, or the worker is stopped on the spot. */
static void begin_end(void)
{
    if (sim_one_in(3)) {
        stop();
        return;
    }
    sim_note("finish", 0, 0);
    world.phase = FINISH;
    world.rest_left = 0;
    sim_set_calm(true);
}

static void finish_turn(void)
{
    SIM_CHECK(world.finish_turns++ < FINISH_TURNS, "some connections never end");
    world.judge.finishing = true; /* what was due is done */
    if (sim_act_finish()) {
        return;
    }
    if (sim_peer_clients() == 0) {
        stop();
        return;
    }
    SIM_CHECK(sim_event_next_us() != UINT64_MAX, "%u clients wait, for nothing",
              sim_peer_clients());
    sim_pass_us(sim_event_next_us() - sim_now_us());
}

/* Nothing is due.  After standing still the world may let only time pass for a while. */
static void at_rest(void)
{
    sim_judge_rest(&world.judge);
    if (world.phase == FINISH) {
        finish_turn();
    } else if (world.rest_left > 0) {
        unsigned most = 24 * (sim_peer_clients() + 1);
        SIM_CHECK(sim_event_calls() - world.rest_calls < most,
                  "%u events while nothing happened but time", most);
        world.rest_left--;
        sim_pass_us(TIMEWHEEL_TICK_MS * 1000);
        sim_set_calm(world.rest_left > 0);
    } else if (sim_is_calm()) {
        sim_set_calm(false);
        if (sim_one_in(4)) {
            sim_set_calm(true);
            world.rest_left = REST_TICKS;
            world.rest_calls = sim_event_calls();
        }
    } else {
        act();
    }
}

static void begin_turn(void)
{
    (void)logring_drain(world.log, take_line, NULL);
    if (sim_is_calm()) {
        SIM_CHECK(world.calm_turns++ < CALM_TURNS, "events without end while nothing happens");
        return;
    }
    if (world.phase != LIVE) {
        return;
    }
    if (sim_steps() >= world.steps) {
        begin_end();
        return;
    }
    for (uint64_t n = sim_below(4); n > 0; n--) {
        act();
    }
    if (sim_one_in(40)) {
        sim_note("the world stands still", 0, 0);
        sim_set_calm(true);
        world.calm_turns = 0;
    }
}

/* In place of event_base_loop(EVLOOP_ONCE). */
static void loop(void)
{
    begin_turn();
    while (!sim_event_is_due()) {
        world.calm_turns = 0;
        at_rest();
    }
    sim_event_turn();
}

static void meanwhile(void)
{
    if (world.phase == LIVE) {
        world.habits.within = true;
        act();
        world.habits.within = false;
    }
}

/* --- a life ---------------------------------------------------------------------------------- */

static void begin_worker(void)
{
    uint32_t max_connections;

    world.shared.policy = any_policy();
    max_connections = ANY(1000, 1000, 4);
    world.shared.budget = connbudget_new(max_connections, 1);
    assert_non_null(world.shared.budget);
    world.shared.pipes = ANY(LIMIT_PIPES, LIMIT_PIPES, 2, 0);
    world.shared.access_log = sim_one_in(2);
    world.shared.per_route_stats = sim_one_in(2);
    if (sim_one_in(4)) {
        world.shared.clientcap = clientcap_new(2);
        assert_non_null(world.shared.clientcap);
    }
    world.judge.capped = world.shared.clientcap != NULL || max_connections < 1000;
    world.w = worker_new(&world.shared, 0, 1);
    assert_non_null(world.w);
    world.judge.w = world.w;
    world.w->rng.state = sim_below(UINT32_MAX) + 1;
    world.w->log_ring = world.log;
    sim_event_spare(world.w->tick_event);
    worker_set_listener(world.w, 0, sim_kernel_listener());
    worker_publish(world.w, table_ref(world.f.tables[0]));
    assert_int_equal(worker_start(world.w), 0);
}

static void begin(uint64_t seed, uint64_t steps)
{
    static const struct sim_event_hooks hooks = {before_callback, after_callback};
    static const struct sim_weather fair;
    struct sim_far far = sim_peer_far;
    enum sim_endpoint endpoints[SIM_ENDPOINTS];

    memset(&world, 0, sizeof(world));
    sim_begin(seed);
    sim_set_replay(steps);
    clock_replace(sim_now_us);
    far.meanwhile = meanwhile;
    sim_kernel_begin(&fair, &far);
    sim_event_begin(&hooks);
    sim_thread_begin(loop);
    choose_endpoints(endpoints);
    sim_peer_begin(endpoints);
    world.steps = steps;
    world.habits = sim_act_any_habits();
    world.no_memory = sim_one_in(2) ? 0 : ANY(20, 200);
    world.log = logring_new(LIMIT_LOG_RING);
    assert_non_null(world.log);
    world.f.registry = registry_new(1, STATS_N_ROUTE_CELLS);
    assert_non_null(world.f.registry);
    make_tables();
    note_loads();
    begin_worker();
    *sim_kernel_weather() = any_weather();
}

/* What it counted, with a route and without. */
static void sum_cells(struct route_totals *sum)
{
    struct series_snapshot s;

    stats_sum_route(sum, &world.w->unrouted);
    assert_int_equal(registry_series_snapshot(world.f.registry, &s), 0);
    for (size_t i = 0; i < s.n_series; i++) {
        const struct route_totals *r = (const void *)s.series[i].cells;
        for (unsigned end = 0; end < END_REASONS; end++) {
            sum->closed[end] += r->closed[end];
        }
        for (unsigned dial = 0; dial < DIALS; dial++) {
            sum->dials[dial] += r->dials[dial];
        }
    }
    series_snapshot_fini(&s);
}

/* Every connection has ended once, and left a line. */
static void check_books(struct sim_tally *tally)
{
    const struct worker *w = world.w;
    uint64_t accepted = w->counts[0].accepted, ended = 0, held_back = 0;
    struct route_totals sum = {0};

    (void)logring_drain(world.log, take_line, NULL);
    sum_cells(&sum);
    for (unsigned i = 0; i < END_REASONS; i++) {
        ended += sum.closed[i];
        held_back += w->stats.lines_held_back[i];
        tally->ends[i] += sum.closed[i];
    }
    for (unsigned i = 0; i < DIALS; i++) {
        tally->dials[i] += sum.dials[i];
    }
    SIM_CHECK(ended == accepted, "%" PRIu64 " connections ended, %" PRIu64 " were accepted", ended,
              accepted);
    SIM_CHECK(!world.shared.access_log || world.no_memory != 0 ||
                  world.lines + held_back == accepted,
              "%" PRIu64 " lines and %" PRIu64 " held back for %" PRIu64 " connections",
              world.lines, held_back, accepted);
    tally->lives++;
    tally->steps += sim_steps();
    tally->connections += accepted;
    tally->bytes += world.judge.moved;
    tally->spliced += sim_pipe_moved();
}

static void end(struct sim_tally *tally)
{
    world.judge.hurts = sim_kernel_hurts();
    sim_judge_stopped(&world.judge);
    check_books(tally);
    SIM_CHECK(world.shared.listening == 0, "a listener is counted and closed");
    worker_join(world.w);
    worker_free(world.w);
    SIM_CHECK(sim_kernel_open() == 0, "%u descriptors are left open", sim_kernel_open());
    SIM_CHECK(proxy_fixture_load(&world.f) == 0, "a gauge is not back at 0");
    for (unsigned t = 0; t < TABLES; t++) {
        table_unref(world.f.tables[t]);
        SIM_CHECK(table_free_if_unused(world.f.tables[t]), "a table is held by nobody");
    }
    (void)registry_sweep(world.f.registry);
    registry_free(world.f.registry);
    clientcap_free(world.shared.clientcap);
    connbudget_free(world.shared.budget);
    logring_free(world.log);
    clock_replace(NULL);
}

void sim_world_live(uint64_t seed, uint64_t steps, struct sim_tally *tally)
{
    begin(seed, steps);
    sim_thread_run();
    end(tally);
}
