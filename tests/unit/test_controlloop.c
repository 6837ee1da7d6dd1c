#include "controller/controlloop.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "controller/rounds.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/objects.h"
#include "support/receiver.h"
#include "support/scripted_source.h"
#include "support/wait_until.h"

#define ROUTE_TO(svc) INGRESS("shop", "i", "", OURS RULES(HOST("a.test", svc, "number: 443")))
#define WEB           SERVED("shop", "web", "10.0.0.1")
#define API           SERVED("shop", "api", "10.0.0.2")

#define PATIENCE_MS 20000 /* only a failing test waits so long */

struct world {
    struct controller_config cfg;
    struct scripted_source s;
    struct receiver r;
    struct rounds rounds;
    struct controlloop l;
    const char *expected; /* see is_served() */
    unsigned wanted;      /* see has_asked() */
};

static uint64_t now_us; /* the scripted clock */

static uint64_t scripted_now(void)
{
    return now_us;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct source_host host;
    struct err e;

    receiver_init(&w->r);
    scripted_source_init(&w->s);
    w->cfg = (struct controller_config){
        .translate = {.controller_class = "sealway.io/ingress-controller"},
        .publish = receiver_on_table,
        .report = receiver_on_report,
        .ctx = &w->r,
    };
    assert_int_equal(rounds_init(&w->rounds, &w->cfg), 0);
    assert_int_equal(controlloop_init(&w->l, &w->rounds, &e), 0);
    host = (struct source_host){
        .base = w->l.base, .store = w->rounds.store, .notice = controlloop_notice, .ctx = &w->l};
    w->rounds.source = scripted_source_open(&w->s, &host);
    w->s.yaml = OUR_CLASS WEB API ROUTE_TO("web");
    *state = w;
    return 0;
}

static int setup_clock(void **state)
{
    now_us = 5000000;
    clock_replace(scripted_now);
    return setup(state);
}

static int teardown(void **state)
{
    struct world *w = *state;

    controlloop_stop(&w->l);
    receiver_fini(&w->r);
    rounds_fini(&w->rounds);
    controlloop_fini(&w->l);
    scripted_source_fini(&w->s);
    clock_replace(NULL);
    free(w);
    return 0;
}

/** Read and publish what there is. */
static void begin(struct world *w)
{
    struct err e;

    assert_int_equal(rounds_read(&w->rounds, &e), 0);
    assert_int_equal(rounds_begin(&w->rounds, &e), 0);
}

static void start(struct world *w)
{
    struct err e;

    begin(w);
    assert_int_equal(controlloop_start(&w->l, &e), 0);
}

/* ---- on a scripted clock, without a thread ---- */

/** The clock moves on by so much, and the loop does what is due by it. */
static void pass(struct world *w, unsigned ms)
{
    now_us += ms * 1000ULL;
    event_active(w->l.due, EV_TIMEOUT, 1); /* libevent has a clock of its own */
    assert_true(event_base_loop(w->l.base, EVLOOP_NONBLOCK) >= 0);
}

static void ring(struct world *w)
{
    scripted_source_ring(&w->s, 1);
    assert_true(event_base_loop(w->l.base, EVLOOP_NONBLOCK) >= 0);
}

static void a_change_is_looked_at_after_ten_quiet_milliseconds(void **state)
{
    struct world *w = *state;

    begin(w);
    w->s.yaml = ROUTE_TO("api");
    ring(w);
    pass(w, 9);
    assert_int_equal(w->r.n, 1);
    pass(w, 1);
    assert_int_equal(w->r.n, 2);
    assert_int_equal(w->r.at_us - w->r.noticed_us, 10000);
    pass(w, 1000);
    assert_int_equal(w->s.syncs, 2);
}

static void a_storm_gives_a_table_every_fifty_milliseconds(void **state)
{
    struct world *w = *state;

    begin(w);
    for (unsigned ms = 1; ms <= 500; ms++) {
        unsigned n = w->r.n;

        w->s.yaml = n % 2 ? ROUTE_TO("api") : ROUTE_TO("web");
        ring(w);
        pass(w, 1);
        if (ms % 50 == 0) {
            assert_int_equal(w->r.n, n + 1);
            assert_int_equal(w->r.at_us - w->r.noticed_us, 50000);
        } else {
            assert_int_equal(w->r.n, n);
        }
    }
    assert_int_equal(w->s.syncs, 1 + 10);
}

static void a_hundred_rings_at_once_are_one(void **state)
{
    struct world *w = *state;

    begin(w);
    w->s.yaml = ROUTE_TO("api");
    scripted_source_ring(&w->s, 100);
    pass(w, 0);
    pass(w, 10);
    pass(w, 1000);
    assert_int_equal(w->r.n, 2);
    assert_int_equal(w->s.syncs, 2);
}

static void a_failure_is_tried_again_after_a_second_or_a_ring(void **state)
{
    struct world *w = *state;

    begin(w);
    w->s.rc = -ENOMEM;
    w->s.failure = "out of memory";
    w->s.yaml = ROUTE_TO("api");
    ring(w);
    pass(w, 10);
    assert_int_equal(w->s.syncs, 2);
    pass(w, 999);
    assert_int_equal(w->s.syncs, 2);
    pass(w, 1);
    assert_int_equal(w->s.syncs, 3);
    w->s.rc = 0;
    ring(w);
    pass(w, 10);
    assert_int_equal(w->r.n, 2);
    pass(w, 5000);
    assert_int_equal(w->s.syncs, 4);
}

static void what_is_in_motion_is_looked_at_after_twenty_milliseconds(void **state)
{
    struct world *w = *state;

    begin(w);
    w->s.retry = true;
    ring(w);
    pass(w, 10);
    w->s.retry = false;
    pass(w, 19);
    assert_int_equal(w->s.syncs, 2);
    pass(w, 1);
    assert_int_equal(w->s.syncs, 3);
    pass(w, 5000);
    assert_int_equal(w->s.syncs, 3);
}

/** Let the tick come. */
static void tick(struct world *w)
{
    event_active(w->l.tick, EV_TIMEOUT, 1);
    assert_true(event_base_loop(w->l.base, EVLOOP_NONBLOCK) >= 0);
}

static uint64_t heard_ms(const struct world *w)
{
    struct controller_stats s;

    controllerstats_read(&w->rounds.stats, &s);
    return s.heard_ms;
}

static void only_a_live_source_keeps_its_age_by_the_tick(void **state)
{
    struct world *w = *state;

    begin(w);
    now_us += 500000;
    tick(w);
    assert_int_equal(heard_ms(w), 5500);
    w->s.live = false;
    now_us += 500000;
    tick(w);
    assert_int_equal(heard_ms(w), 5500);
    w->s.live = true;
    tick(w);
    assert_int_equal(heard_ms(w), 6000);
    assert_int_equal(w->s.syncs, 1);
}

static void the_tick_asks_whether_the_source_is_stale(void **state)
{
    struct world *w = *state;

    begin(w);
    w->s.yaml = ROUTE_TO("api");
    tick(w);
    assert_int_equal(w->s.syncs, 1);
    w->s.stale = true;
    tick(w);
    assert_int_equal(w->s.syncs, 2);
    assert_true(receiver_serves(&w->r, "api"));
}

static void the_tick_does_not_cut_the_quiet_short(void **state)
{
    struct world *w = *state;

    begin(w);
    w->s.yaml = ROUTE_TO("api");
    w->s.stale = true;
    ring(w);
    now_us += 9000;
    tick(w);
    assert_int_equal(w->s.syncs, 1);
    pass(w, 1);
    assert_int_equal(w->s.syncs, 2);
    assert_true(receiver_serves(&w->r, "api"));
}

static void the_tick_makes_up_for_a_timer_that_was_lost(void **state)
{
    struct world *w = *state;

    begin(w);
    w->s.yaml = ROUTE_TO("api");
    ring(w);
    assert_int_equal(event_del(w->l.due), 0);
    now_us += 500000;
    tick(w);
    assert_true(receiver_serves(&w->r, "api"));
}

static void a_table_is_freed_by_a_tick_once_nobody_holds_it(void **state)
{
    struct world *w = *state;
    struct table *held;

    begin(w);
    held = table_ref(w->r.newest);
    w->s.yaml = ROUTE_TO("api");
    ring(w);
    pass(w, 10);
    tick(w);
    assert_int_equal(w->rounds.publisher.n_retired, 1);
    table_unref(held);
    tick(w);
    assert_int_equal(w->rounds.publisher.n_retired, 0);
}

/* ---- with its thread ---- */

static bool is_served(void *ctx)
{
    struct world *w = ctx;

    return receiver_serves(&w->r, w->expected);
}

static void expect(struct world *w, const char *service)
{
    w->expected = service;
    assert_true(wait_until(is_served, w, PATIENCE_MS));
}

static bool has_asked(void *ctx)
{
    struct world *w = ctx;

    return scripted_source_syncs(&w->s) >= w->wanted;
}

static void the_first_table_comes_from_the_thread_once_all_was_read(void **state)
{
    struct world *w = *state;

    w->s.complete = w->s.live = false;
    start(w);
    assert_int_equal(receiver_count(&w->r), 0);
    scripted_source_ring(&w->s, 1);
    w->wanted = 2;
    assert_true(wait_until(has_asked, w, PATIENCE_MS));
    assert_int_equal(receiver_count(&w->r), 0);
    pthread_mutex_lock(&w->s.lock);
    w->s.complete = w->s.live = true;
    pthread_mutex_unlock(&w->s.lock);
    scripted_source_ring(&w->s, 1);
    expect(w, "web");
    pthread_mutex_lock(&w->r.lock);
    assert_true(pthread_equal(w->r.thread, w->l.thread));
    pthread_mutex_unlock(&w->r.lock);
}

static void one_that_forgets_to_ring_is_found_complete(void **state)
{
    struct world *w = *state;

    w->s.complete = false;
    start(w);
    pthread_mutex_lock(&w->s.lock);
    w->s.complete = true;
    pthread_mutex_unlock(&w->s.lock);
    expect(w, "web");
}

static void a_source_that_dies_keeps_its_table(void **state)
{
    struct world *w = *state;

    start(w);
    scripted_source_change(&w->s, ROUTE_TO("api"));
    expect(w, "api");
    pthread_mutex_lock(&w->s.lock);
    w->s.live = false;
    w->s.stale = true; /* asked at every tick, and with nothing to tell */
    w->wanted = w->s.syncs + 3;
    pthread_mutex_unlock(&w->s.lock);
    assert_true(wait_until(has_asked, w, PATIENCE_MS));
    assert_int_equal(receiver_count(&w->r), 2);
    expect(w, "api");
}

static void a_storm_ends_in_the_last_change(void **state)
{
    struct world *w = *state;

    start(w);
    for (unsigned i = 0; i < 400; i++) {
        scripted_source_change(&w->s, i % 2 ? ROUTE_TO("api") : ROUTE_TO("web"));
    }
    expect(w, "api");
    assert_true(scripted_source_syncs(&w->s) <= 400);
}

static bool has_reloaded(void *ctx)
{
    struct world *w = ctx;
    bool done;

    pthread_mutex_lock(&w->s.lock);
    done = w->s.reloads == 1 && w->s.syncs >= 2;
    pthread_mutex_unlock(&w->s.lock);
    return done;
}

static void a_reload_asks_at_once(void **state)
{
    struct world *w = *state;

    start(w);
    controlloop_reload(&w->l);
    assert_true(wait_until(has_reloaded, w, PATIENCE_MS));
}

static void it_stops_in_the_middle_of_a_storm(void **state)
{
    struct world *w = *state;
    unsigned n;

    start(w);
    scripted_source_ring(&w->s, 100000);
    controlloop_stop(&w->l);
    controlloop_stop(&w->l);
    n = receiver_count(&w->r);
    scripted_source_ring(&w->s, 1);
    assert_int_equal(receiver_count(&w->r), n);
}

static void init_in_want(void *ctx)
{
    struct world *w = ctx;
    struct controlloop l;
    struct err e = {0};

    if (controlloop_init(&l, &w->rounds, &e) != 0) {
        assert_string_not_equal(e.text, "");
    }
    controlloop_fini(&l);
    controlloop_fini(&l);
}

static void out_of_memory_at_the_start_is_told(void **state)
{
    assert_true(failalloc_torture(init_in_want, *state) >= 3);
}

#define TEST(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ON_CLOCK(name) cmocka_unit_test_setup_teardown(name, setup_clock, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_CLOCK(a_change_is_looked_at_after_ten_quiet_milliseconds),
        ON_CLOCK(a_storm_gives_a_table_every_fifty_milliseconds),
        ON_CLOCK(a_hundred_rings_at_once_are_one),
        ON_CLOCK(a_failure_is_tried_again_after_a_second_or_a_ring),
        ON_CLOCK(what_is_in_motion_is_looked_at_after_twenty_milliseconds),
        ON_CLOCK(only_a_live_source_keeps_its_age_by_the_tick),
        ON_CLOCK(the_tick_asks_whether_the_source_is_stale),
        ON_CLOCK(the_tick_does_not_cut_the_quiet_short),
        ON_CLOCK(the_tick_makes_up_for_a_timer_that_was_lost),
        ON_CLOCK(a_table_is_freed_by_a_tick_once_nobody_holds_it),
        TEST(the_first_table_comes_from_the_thread_once_all_was_read),
        TEST(one_that_forgets_to_ring_is_found_complete),
        TEST(a_source_that_dies_keeps_its_table),
        TEST(a_storm_ends_in_the_last_change),
        TEST(a_reload_asks_at_once),
        TEST(it_stops_in_the_middle_of_a_storm),
        TEST(out_of_memory_at_the_start_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
