/* The load of the benchmark: keeps connections busy, checks every byte that comes back, and says
 * what each unit of work cost the proxy in CPU time.  One line of JSON on stdout; exit status 1 if
 * anything failed. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/load/config.h"
#include "bench/load/latency.h"
#include "bench/load/pool.h"
#include "bench/load/usage.h"
#include "bench/load/window.h"
#include "bench/wire.h"

#define SECOND_NS     1000000000u
#define MS_NS         1000000u
#define AT_ONCE       64u /* connections being opened, so that no queue overflows */
#define FAILURES_MOST 1000u
#define PROBE_NS      MS_NS

static struct config cfg;
static struct pool pool;
static struct {
    uint64_t connections, exchanges;
    uint64_t late; /* units of an open loop for which no connection was free */
    uint64_t end_ns;
    unsigned ready; /* greeted, or answered for the last time */
} run;
static struct conn **waiting; /* connections that a paced run may use, the longest first */
static uint64_t wait_head, wait_tail;

static volatile sig_atomic_t told_to_end; /* by SIGTERM, before its time */

static void on_sigterm(int number)
{
    (void)number;
    told_to_end = 1;
}

/* Who starts us may have blocked it until we are ready for it. */
static void take_sigterm(void)
{
    const struct sigaction act = {.sa_handler = on_sigterm}; /* without SA_RESTART: it wakes */
    sigset_t set;

    sigaction(SIGTERM, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static bool is_over(void)
{
    return told_to_end || pool_now_ns() >= run.end_ns || pool_failed(&pool) > FAILURES_MOST;
}

static bool is_paced(void)
{
    return cfg.rate > 0 && cfg.mode == MODE_RR;
}

static bool is_bulk(void)
{
    return cfg.mode == MODE_DOWN || cfg.mode == MODE_UP;
}

/* Connections, requests, or bytes, until now. */
static uint64_t units_done(void)
{
    uint64_t bytes = cfg.mode == MODE_UP ? cfg.request : cfg.response;

    return cfg.mode == MODE_SHORT ? run.connections : run.exchanges * (is_bulk() ? bytes : 1);
}

/* A turn of a loop that is measured while it is at its full.  Bulk is measured from its begin to
 * its end: what is on its way would be too much of it to be left out. */
static void turn(uint64_t until_ns)
{
    uint64_t next = window_next_ns();

    pool_turn(&pool, until_ns < next ? until_ns : next);
    if (!is_bulk()) {
        window_turn(units_done(), false);
    }
}

static void wait_turn(struct conn *c)
{
    waiting[wait_tail++ % cfg.concurrent] = c;
}

static void on_greeted(struct conn *c)
{
    if (cfg.mode == MODE_SHORT) {
        conn_ask(c);
    } else if (cfg.mode == MODE_PROBE) {
        run.ready++;
        c->done = true;
    } else {
        run.ready++;
    }
}

static void on_answered(struct conn *c)
{
    uint64_t now = pool_now_ns();

    run.exchanges++;
    if (window_is_open()) {
        latency_add(now - c->began_ns);
    }
    if (cfg.mode == MODE_SHORT) {
        run.connections++;
        c->done = true;
    } else if (is_paced()) {
        wait_turn(c);
    } else if (cfg.mode != MODE_IDLE && !is_over()) {
        c->began_ns = now;
        conn_ask(c);
    } else {
        run.ready++;
    }
}

/* ---- connections ---- */

/* Each that is due by the rate; when the next one is. */
static uint64_t dial_due(uint64_t start, uint64_t *begun)
{
    for (;;) {
        uint64_t due = start + *begun * SECOND_NS / cfg.rate;
        struct conn *c;

        if (due > pool_now_ns() || due >= run.end_ns) {
            return due;
        }
        (*begun)++;
        c = pool_dial(&pool);
        if (c == NULL) {
            run.late++;
        } else {
            c->began_ns = due;
        }
    }
}

static void run_short(void)
{
    uint64_t start = pool_now_ns(), begun = 0;

    while (!is_over() || pool_active(&pool) > 0) {
        uint64_t until = UINT64_MAX;
        struct conn *c;

        if (cfg.rate > 0) {
            until = is_over() ? UINT64_MAX : dial_due(start, &begun);
        } else {
            while (!is_over() && (c = pool_dial(&pool)) != NULL) {
                c->began_ns = c->progress_ns;
            }
        }
        turn(until);
    }
}

/* ---- requests ---- */

/* Open all connections and wait until each is greeted. */
static void greet_all(void)
{
    uint32_t started = 0;

    while (run.ready + pool_failed(&pool) < cfg.concurrent) {
        while (started < cfg.concurrent && started - run.ready - pool_failed(&pool) < AT_ONCE) {
            started++;
            (void)pool_dial(&pool);
        }
        pool_turn(&pool, UINT64_MAX);
    }
}

/* One request on each connection; closed loops go on by themselves until the time is over. */
static void ask_all(void)
{
    run.ready = 0;
    for (unsigned i = 0; i < cfg.concurrent; i++) {
        struct conn *c = &pool.conns[i];

        if (c->phase == CONN_READY) {
            c->began_ns = c->progress_ns = pool_now_ns();
            conn_ask(c);
        }
    }
    while (run.ready < pool_active(&pool)) {
        turn(UINT64_MAX);
    }
}

static uint64_t ask_due(uint64_t start, uint64_t *begun)
{
    for (;;) {
        uint64_t due = start + *begun * SECOND_NS / cfg.rate;
        struct conn *c;

        if (due > pool_now_ns() || due >= run.end_ns || wait_head == wait_tail) {
            return wait_head == wait_tail ? UINT64_MAX : due;
        }
        (*begun)++;
        c = waiting[wait_head++ % cfg.concurrent];
        c->began_ns = due;
        c->progress_ns = pool_now_ns();
        conn_ask(c);
    }
}

static void run_paced(void)
{
    uint64_t start = pool_now_ns(), begun = 0;

    for (unsigned i = 0; i < cfg.concurrent; i++) {
        if (pool.conns[i].phase == CONN_READY) {
            wait_turn(&pool.conns[i]);
        }
    }
    while (!is_over() || wait_tail - wait_head < pool_active(&pool)) {
        turn(is_over() ? UINT64_MAX : ask_due(start, &begun));
    }
}

/* ---- the others ---- */

static void hold(void)
{
    struct timespec t = {.tv_sec = (time_t)(cfg.ms / 1000),
                         .tv_nsec = (long)(cfg.ms % 1000 * MS_NS)};

    if (!told_to_end) {
        nanosleep(&t, NULL);
    }
}

static void print_faults(void)
{
    printf("\"errors\": %" PRIu64 ", \"closed\": %" PRIu64 ", \"alerts\": %" PRIu64
           ", \"misroutes\": %" PRIu64 ", \"crossed\": %" PRIu64 ", \"stuck\": %" PRIu64
           ", \"late\": %" PRIu64,
           pool_failed(&pool), pool.faults[FAULT_CLOSED], pool.faults[FAULT_ALERT],
           pool.faults[FAULT_MISROUTED], pool.faults[FAULT_CROSSED], pool.faults[FAULT_STUCK],
           run.late);
}

/* Memory of idle connections, CPU time while nothing happens, and whether they still answer. */
static void run_idle(void)
{
    uint64_t before = usage_pss_kib(&cfg), held, cpu;

    greet_all();
    hold(); /* let what is delayed (time wheels, ACKs) come to rest */
    held = usage_pss_kib(&cfg);
    cpu = usage_cpu_ns(&cfg);
    hold();
    cpu = usage_cpu_ns_since(&cfg, cpu);
    ask_all();
    printf("{\"mode\": \"idle\", \"units\": %u, \"pss_before_kib\": %" PRIu64
           ", \"pss_kib\": %" PRIu64 ", \"cpu_ns\": %" PRIu64 ", \"wall_ns\": %" PRIu64
           ", \"answering\": %u, ",
           cfg.concurrent, before, held, cpu, cfg.ms * MS_NS, run.ready);
    print_faults();
    printf("}\n");
}

/* Tries the one name until it is routed: the moment that it was, by the monotonic clock. */
static void run_probe(void)
{
    while (run.ready == 0 && pool_now_ns() < run.end_ns) {
        pool.faults[FAULT_CLOSED] = pool.faults[FAULT_ALERT] = 0; /* not yet routed */
        (void)pool_dial(&pool);
        while (pool_active(&pool) > 0) {
            pool_turn(&pool, UINT64_MAX);
        }
        if (run.ready == 0) {
            pool_turn(&pool, pool_now_ns() + PROBE_NS);
        }
    }
    printf("{\"mode\": \"probe\", \"units\": %u, \"now_ns\": %" PRIu64 ", \"tries\": %u, ",
           run.ready, pool_now_ns(), pool.serial);
    print_faults();
    printf("}\n");
}

/* One transfer on each connection, so that buffers have their size; then what counts. */
static void run_bulk(void)
{
    run.end_ns = 0;
    ask_all();
    run.end_ns = window_start(&cfg);
    window_turn(units_done(), false);
    ask_all();
}

static void run_timed(void)
{
    if (cfg.mode != MODE_SHORT) {
        greet_all();
    }
    if (is_bulk()) {
        run_bulk();
    } else {
        run.end_ns = window_start(&cfg);
        if (cfg.mode == MODE_SHORT) {
            run_short();
        } else if (cfg.rate > 0) {
            run_paced();
        } else {
            ask_all();
        }
    }
    window_turn(units_done(), true);
    printf("{\"mode\": \"%s\", \"done\": %" PRIu64 ", ", cfg.mode_name, units_done());
    window_print();
    printf(", ");
    latency_print();
    printf(", ");
    print_faults();
    printf("}\n");
}

int main(int argc, char **argv)
{
    static const struct conn_user user = {.greeted = on_greeted, .answered = on_answered};

    take_sigterm();
    cfg = config_parse(argc, argv);
    wire_start();
    pool_start(&pool, &cfg, &user);
    waiting = calloc(cfg.concurrent, sizeof(struct conn *));
    if (waiting == NULL) {
        perror("calloc");
        return 1;
    }
    run.end_ns = pool_now_ns() + cfg.ms * MS_NS;
    if (cfg.mode == MODE_IDLE) {
        run_idle();
    } else if (cfg.mode == MODE_PROBE) {
        run_probe();
    } else {
        run_timed();
    }
    return pool_failed(&pool) > 0;
}
