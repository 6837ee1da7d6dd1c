/* More clients at once than can be served at once: those that are connected are served on, and
 * those that come get their turn.
 *
 * Runs alone: how long others wait meanwhile is measured. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/form.h"
#include "support/mass_scene.h"
#include "support/own_net.h"
#include "support/procinfo.h"
#include "support/traffic.h"
#include "support/wait_until.h"

#define PROMPT_MS   60000u
#define FRIENDS     50u
#define CALM_PINGS  100u
#define WAVES       form_pick(20, 3, 2)
#define WAVE        form_pick(9000, 6000, 500)
#define CONNECTIONS form_pick(20000, 2000, 200) /* in a turn */
#define TURNS       3u
#define MOST_TURNS  10u
#define FEW_CLIENTS 4u

/* What a friend may wait for its echo while the storm rages: this, or a third of the storm if that
 * is more, for what slows a machine down slows both; and for as long as the machine stood still.
 * One that is forgotten while others come waits for longer. */
#define MOST_WAIT_US (FORM_SANITIZED ? UINT64_C(10000000) : UINT64_C(2000000))

/* A thread that wants to run every millisecond, and has to wait for so long only when the machine
 * stands still. */
#define STANDSTILL_US UINT64_C(50000)

struct standstill {
    pthread_t thread;
    _Atomic bool stop;
    uint64_t ran_us;   /* when, the last time */
    uint64_t total_us; /* of all standstills */
};

/* Friends that ask again and again, in a thread of their own. */
struct pinger {
    struct crowd *friends;
    pthread_t thread;
    _Atomic bool stop;
    unsigned pings, unanswered;
    uint64_t total_us, worst_us;
};

static void ping(struct pinger *p)
{
    uint64_t began_us = clock_now_us(), took_us;

    p->unanswered += crowd_clients(p->friends) - crowd_ping(p->friends, PROMPT_MS);
    took_us = clock_now_us() - began_us;
    p->pings++;
    p->total_us += took_us;
    p->worst_us = took_us > p->worst_us ? took_us : p->worst_us;
}

static void *ping_on(void *arg)
{
    struct pinger *p = arg;

    while (!atomic_load(&p->stop)) {
        ping(p);
    }
    return NULL;
}

static bool note_standstill(void *ctx)
{
    struct standstill *s = ctx;
    bool is_over = atomic_load(&s->stop); /* asked first: what it waited until then counts */
    uint64_t now_us = clock_now_us(), waited_us = now_us - s->ran_us;

    s->ran_us = now_us;
    s->total_us += waited_us >= STANDSTILL_US ? waited_us : 0;
    return is_over;
}

static void *watch_machine(void *arg)
{
    (void)wait_until(note_standstill, arg, UINT32_MAX);
    return NULL;
}

static void standstill_begin(struct standstill *s)
{
    s->ran_us = clock_now_us();
    assert_int_equal(pthread_create(&s->thread, NULL, watch_machine, s), 0);
}

static void standstill_end(struct standstill *s)
{
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    print_message("             the machine stood still for %" PRIu64 " us\n", s->total_us);
}

static uint64_t most_wait_us(uint64_t storm_us, const struct standstill *s)
{
    uint64_t third_us = storm_us > s->total_us ? (storm_us - s->total_us) / 3 : 0;

    return s->total_us + (third_us > MOST_WAIT_US ? third_us : MOST_WAIT_US);
}

static void say_how_they_fared(const struct pinger *p, const char *when)
{
    print_message("             %s: %u echoes to %u friends each, %" PRIu64
                  " us on average, %" PRIu64 " us at worst\n",
                  when, p->pings, FRIENDS, p->total_us / p->pings, p->worst_us);
}

/* Returns how many us it took. */
static uint64_t storm(struct mass_scene *m)
{
    uint64_t began_us = clock_now_us();
    uint64_t answered = 0, took_us;

    for (unsigned i = 0; i < WAVES; i++) {
        struct crowd_config cfg = mass_scene_shorts(m, crowd_fitting(WAVE), 0);
        struct crowd *wave;
        cfg.sources = 8;
        wave = crowd_new(&cfg);
        assert_true(crowd_until_count(wave, CROWD_ENDED, cfg.clients, PROMPT_MS));
        answered += crowd_count_answer(wave, m->short_answer, strlen(m->short_answer));
        assert_int_equal(crowd_count_end(wave, CROWD_FIN), cfg.clients);
        crowd_free(wave);
    }
    took_us = clock_now_us() - began_us;
    print_message("             %u waves of %u at once: %" PRIu64 " answered, %" PRIu64
                  " a second\n",
                  WAVES, crowd_fitting(WAVE), answered, answered * 1000000 / took_us);
    assert_int_equal(answered, WAVES * crowd_fitting(WAVE));
    return took_us;
}

static void in_a_storm_everybody_is_served_and_friends_do_not_wait(void **state)
{
    struct mass_scene *m = *state;
    struct pinger calm = {0}, stormy = {0};
    struct standstill standstill = {0};
    uint64_t storm_us;

    mass_scene_start(m, MASS_ECHO, NULL);
    calm.friends = stormy.friends = mass_scene_usual_crowd(m, FRIENDS);
    assert_true(crowd_until_count(calm.friends, CROWD_OPEN, FRIENDS, PROMPT_MS));
    while (calm.pings < CALM_PINGS) {
        ping(&calm);
    }
    standstill_begin(&standstill);
    assert_int_equal(pthread_create(&stormy.thread, NULL, ping_on, &stormy), 0);
    storm_us = storm(m);
    atomic_store(&stormy.stop, true);
    pthread_join(stormy.thread, NULL);
    standstill_end(&standstill);
    say_how_they_fared(&calm, "calm");
    say_how_they_fared(&stormy, "storm");
    assert_int_equal(calm.unanswered + stormy.unanswered, 0);
    if (standstill.total_us > storm_us / 2) {
        print_message("             skip %s: the machine itself stood still for longer\n",
                      __func__);
        skip();
    }
    assert_true(stormy.worst_us < most_wait_us(storm_us, &standstill));
}

/* Connections that clients made one after the other, and what they took. */
struct rate {
    uint64_t per_s;     /* by the clock: what a busy machine left */
    uint64_t per_cpu_s; /* of the program's own CPU time: what it makes of what it gets */
};

static struct rate rate_of(const struct mass_scene *m, unsigned clients)
{
    struct traffic *t = traffic_start(&m->s->addr, clients, MASS_SCENE_SHORT_HOST, "short");
    pid_t pid = sealway_pid(m->s->program);
    uint64_t began_us, took_us, cpu_us, asked;
    struct traffic_report report;

    assert_true(traffic_wait_for(t, clients));
    asked = traffic_asked(t);
    began_us = clock_now_us();
    cpu_us = procinfo_cpu_us(pid);
    while (traffic_asked(t) - asked < CONNECTIONS) {
        assert_true(traffic_wait_for(t, CONNECTIONS / 10));
    }
    cpu_us = procinfo_cpu_us(pid) - cpu_us;
    took_us = clock_now_us() - began_us;
    asked = traffic_asked(t) - asked;
    traffic_stop(t, &report);
    assert_string_equal(report.first, "");
    return (struct rate){asked * 1000000 / took_us, asked * 1000000 / (cpu_us + 1)};
}

/* What neighbours take away, they take away now and then: the best of some turns is the nearest to
 * what the program does by itself. */
static void keep_better(struct rate *best, struct rate r)
{
    best->per_s = r.per_s > best->per_s ? r.per_s : best->per_s;
    best->per_cpu_s = r.per_cpu_s > best->per_cpu_s ? r.per_cpu_s : best->per_cpu_s;
}

static void say_rate(unsigned clients, const struct rate *r)
{
    print_message("             %u clients: %" PRIu64 " connections a second, %" PRIu64
                  " in a second of CPU time\n",
                  clients, r->per_s, r->per_cpu_s);
}

/* An overload costs no more than a fifth of what is done at best.  By the clock that cannot be told
 * here: clients and backend have the same processors, and forty take more of them than four.  Nor
 * when slowed: a turn takes too little of the program's CPU time to be measured then. */
static bool does_no_less(const struct rate *many, const struct rate *few)
{
    return form_is_slowed() || many->per_cpu_s * 5 >= few->per_cpu_s * 4;
}

/* And none of the time is spent waiting. */
static bool does_not_wait(const struct rate *many, const struct rate *few)
{
    return many->per_s * 5 > few->per_s;
}

/* What neighbours take may count as the program's own, so it may need more turns. */
static bool takes_turn(unsigned turn, const struct rate *many, const struct rate *few)
{
    bool is_enough = does_no_less(many, few) && does_not_wait(many, few);

    return turn < TURNS || (turn < MOST_TURNS && !is_enough);
}

static void many_times_the_clients_do_not_get_less_done(void **state)
{
    struct mass_scene *m = *state;
    struct rate few = {0}, many = {0};

    mass_scene_start(m, MASS_ECHO, NULL);
    for (unsigned turn = 0; takes_turn(turn, &many, &few); turn++) {
        keep_better(&few, rate_of(m, FEW_CLIENTS));
        keep_better(&many, rate_of(m, TRAFFIC_MOST_CLIENTS));
    }
    say_rate(FEW_CLIENTS, &few);
    say_rate(TRAFFIC_MOST_CLIENTS, &many);
    assert_true(does_no_less(&many, &few));
    assert_true(does_not_wait(&many, &few));
}

#define WITH_SCENE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, mass_scene_setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(in_a_storm_everybody_is_served_and_friends_do_not_wait),
        WITH_SCENE(many_times_the_clients_do_not_get_less_done),
    };

    (void)own_net_enter(); /* so that thousands of ports are nobody else's; if it may be */
    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
