/* Several workers behind one address, in process: the kernel gives each its share, none touches
 * what is another's, and one that stalls stops nobody but its own clients, and is seen. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "fakes/name_backend.h"
#include "proxy/connbudget.h"
#include "proxy/listen.h"
#include "proxy/worker.h"
#include "route/table.h"
#include "support/crowd.h"
#include "support/form.h"
#include "support/own_net.h"
#include "support/proxy_fixture.h"
#include "support/traffic.h"
#include "support/wait_until.h"

#define MOST_WORKERS 4u
#define CONNECTIONS  form_pick(100000, 20000, 3000)
#define WAVES        (form_is_full() ? 200u : 40u) /* of resets, also under a sanitizer */
#define WAVE         100u
#define PROMPT_MS    60000u

/* The largest share may be so much of the smallest, in hundredths. */
#define UNEVEN 130u

/* How long a worker stalls, and after which time of silence one counts as stalled. */
#define STALL_MS  3000u
#define SILENT_MS 2000u

/* What a test turns to stall a worker: its loop reads `go`, which nobody writes for a while. */
struct stall {
    int begin[2], go[2]; /* pipes */
    struct event *event;
};

struct crew {
    struct proxy_fixture f;
    struct worker_shared shared;
    struct worker *workers[MOST_WORKERS];
    unsigned n;
    struct name_backend *backend;
    struct netaddr addr;
    struct stall stall; /* of the first worker */
};

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
    struct stall *s = arg;
    char byte;

    (void)what;
    if (read(fd, &byte, 1) != 1 || read(s->go[0], &byte, 1) != 1) {
        abort();
    }
}

static void arrange_stall(struct crew *c)
{
    struct stall *s = &c->stall;

    assert_int_equal(pipe(s->begin), 0);
    assert_int_equal(pipe(s->go), 0);
    s->event = event_new(c->workers[0]->base, s->begin[0], EV_READ | EV_PERSIST, on_stall, s);
    assert_non_null(s->event);
    assert_int_equal(event_add(s->event, NULL), 0);
}

static bool all_have_adopted(void *ctx)
{
    const struct crew *c = ctx;

    for (unsigned i = 0; i < c->n; i++) {
        uint64_t at_us;
        if (worker_adopted(c->workers[i], &at_us) == 0) {
            return false;
        }
    }
    return true;
}

static void start(struct crew *c)
{
    const struct netaddr backend = name_backend_addr(c->backend);
    struct table *t = proxy_fixture_table(&c->f, PROXY_FIXTURE_HOST, &backend, 1);
    struct err e;

    assert_int_equal(netaddr_parse("127.0.0.1:0", &c->addr), 0);
    assert_int_equal(listen_probe(&c->addr, &e), 0);
    for (unsigned i = 0; i < c->n; i++) {
        int fd = listen_bind(&c->addr, &e);
        assert_true(fd >= 0);
        c->workers[i] = worker_new(&c->shared, i, 1);
        assert_non_null(c->workers[i]);
        worker_set_listener(c->workers[i], 0, fd);
    }
    arrange_stall(c);
    for (unsigned i = 0; i < c->n; i++) {
        worker_hold_listeners(c->workers[i]);
        assert_int_equal(worker_start(c->workers[i]), 0);
        worker_publish(c->workers[i], table_ref(t));
    }
    assert_true(wait_until(all_have_adopted, c, PROMPT_MS));
}

static int setup(void **state)
{
    struct crew *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    proxy_fixture_init(&c->f);
    c->shared.budget = connbudget_new(100000, ARRAY_LEN(c->workers));
    assert_non_null(c->shared.budget);
    c->shared.policy = c->f.policy;
    c->backend = name_backend_start("127.0.0.1", "app");
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct crew *c = *state;

    for (unsigned i = 0; i < c->n; i++) {
        worker_stop(c->workers[i]);
    }
    for (unsigned i = 0; i < c->n; i++) {
        worker_join(c->workers[i]);
        if (i == 0) {
            event_free(c->stall.event);
        }
        worker_free(c->workers[i]);
    }
    assert_int_equal(connbudget_open(c->shared.budget), 0);
    connbudget_free(c->shared.budget);
    for (unsigned i = 0; i < 2; i++) {
        close(c->stall.begin[i]);
        close(c->stall.go[i]);
    }
    name_backend_stop(c->backend);
    proxy_fixture_fini(&c->f);
    free(c);
    return 0;
}

static uint64_t accepted_by(const struct crew *c, unsigned worker)
{
    return atomic_load(&c->workers[worker]->counts[0].accepted);
}

static void assert_shares_are_even(const struct crew *c)
{
    uint64_t least = UINT64_MAX, most = 0;
    char shares[128] = "";

    for (unsigned i = 0; i < c->n; i++) {
        uint64_t n = accepted_by(c, i);
        size_t len = strlen(shares);
        snprintf(shares + len, sizeof(shares) - len, " %" PRIu64, n);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    print_message("             %u workers accepted%s\n", c->n, shares);
    assert_true(most * 100 < least * UNEVEN);
}

static void share_connections(struct crew *c, unsigned workers)
{
    struct traffic_report report;
    struct traffic *t;

    c->n = workers;
    start(c);
    t = traffic_start(&c->addr, 8, PROXY_FIXTURE_HOST, "app");
    while (traffic_asked(t) < CONNECTIONS) {
        assert_true(traffic_wait_for(t, CONNECTIONS / 100));
    }
    traffic_stop(t, &report);
    assert_string_equal(report.first, "");
    assert_shares_are_even(c);
}

static void two_workers_get_even_shares_of_many_short_connections(void **state)
{
    share_connections(*state, 2);
}

static void four_workers_get_even_shares_of_many_short_connections(void **state)
{
    share_connections(*state, 4);
}

/* Descriptors that are closed here are opened there at once: each belongs to one loop for life. */
static void connections_that_are_reset_at_any_moment_do_not_mix(void **state)
{
    struct crew *c = *state;
    struct traffic_report report;
    struct traffic *t;
    unsigned reset = 0;

    c->n = MOST_WORKERS;
    start(c);
    t = traffic_start(&c->addr, 4, PROXY_FIXTURE_HOST, "app");
    for (unsigned wave = 0; wave < WAVES; wave++) {
        const struct crowd_config cfg = {
            .to = c->addr, .clients = WAVE, .hello = c->f.hello, .hello_len = c->f.hello_len};
        struct crowd *crowd = crowd_new(&cfg);
        (void)crowd_until_count(crowd, CROWD_OPEN, 1 + wave % WAVE, 100);
        reset += crowd_count(crowd, CROWD_OPEN);
        crowd_leave_all(crowd, true);
        crowd_free(crowd);
    }
    traffic_stop(t, &report);
    print_message("             %" PRIu64 " served whole between %u resets\n", report.asked, reset);
    assert_string_equal(report.first, "");
    assert_true(report.asked > 0);
    assert_in_range(reset, WAVES * WAVE / 10, WAVES * WAVE); /* most are open by then */
}

static uint64_t silence_ms(const struct crew *c, unsigned worker)
{
    return clock_now_ms() - atomic_load(&c->workers[worker]->turned_ms);
}

/* The slowest of those that were answered, from connect to end. */
static uint64_t slowest_ms(const struct crowd *crowd)
{
    uint64_t slowest_us = 0;

    for (unsigned i = 0; i < crowd_clients(crowd); i++) {
        const struct crowd_member *m = crowd_member(crowd, i);
        if (m->state == CROWD_ENDED && m->ended_us - m->began_us > slowest_us) {
            slowest_us = m->ended_us - m->began_us;
        }
    }
    return slowest_us / 1000;
}

static void assert_only_the_first_is_silent(const struct crew *c)
{
    assert_true(silence_ms(c, 0) >= SILENT_MS);
    for (unsigned i = 1; i < c->n; i++) {
        assert_true(silence_ms(c, i) < SILENT_MS);
    }
}

static void a_stalled_worker_is_seen_and_stops_nobody_elses_clients(void **state)
{
    struct crew *c = *state;
    struct crowd_config to = {
        .clients = 400, .hello = c->f.hello, .hello_len = c->f.hello_len, .half_close = true};
    struct crowd *crowd;
    unsigned served;

    c->n = MOST_WORKERS;
    start(c);
    to.to = c->addr;
    assert_int_equal(write(c->stall.begin[1], "x", 1), 1);
    crowd = crowd_new(&to);
    crowd_run(crowd, STALL_MS);
    served = crowd_count(crowd, CROWD_ENDED);
    print_message("             one of %u workers stalled: %u of %u served, the slowest in %" PRIu64
                  " ms; silent for %" PRIu64 " ms, the next for %" PRIu64 "\n",
                  c->n, served, to.clients, slowest_ms(crowd), silence_ms(c, 0), silence_ms(c, 1));
    assert_in_range(served, to.clients / 2, to.clients - 1);
    assert_true(slowest_ms(crowd) < STALL_MS / 2);
    assert_only_the_first_is_silent(c);
    assert_int_equal(write(c->stall.go[1], "x", 1), 1);
    assert_true(crowd_until_count(crowd, CROWD_ENDED, to.clients, PROMPT_MS));
    assert_int_equal(crowd_count_end(crowd, CROWD_FIN), to.clients);
    assert_true(silence_ms(c, 0) < SILENT_MS);
    crowd_free(crowd);
}

#define WITH_CREW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CREW(two_workers_get_even_shares_of_many_short_connections),
        WITH_CREW(four_workers_get_even_shares_of_many_short_connections),
        WITH_CREW(connections_that_are_reset_at_any_moment_do_not_mix),
        WITH_CREW(a_stalled_worker_is_seen_and_stops_nobody_elses_clients),
    };

    (void)own_net_enter(); /* so that thousands of ports are nobody else's; if it may be */
    return cmocka_run_group_tests_name("resources_workers", tests, NULL, NULL);
}
