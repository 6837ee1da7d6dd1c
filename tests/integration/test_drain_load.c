/* SIGTERM while a thousand clients a second come and two hundred stay: who was connected is
 * served, who came too late is refused, and who stays has until the deadline. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/form.h"
#include "support/launcher.h"
#include "support/mass_scene.h"
#include "support/second_signal.h"

#define PROMPT_MS 30000u

/* The crowd comes for so long, and the program is told to end after a part of it.  Where the
 * machine stands still meanwhile, the listeners may end behind the crowd: then another comes. */
#define CROWD_MS  4000u
#define SIGNAL_MS 1000u
#define CROWDS    6u /* at most */

/* A client that stands still with the machine before it says hello is no idle one. */
#define OPTIONS(delay, timeout)                                                                    \
    {                                                                                              \
        "--hello-timeout", "60s", "--drain-delay", delay, "--drain-timeout", timeout, NULL         \
    }

struct load {
    unsigned per_second, stayers;
};

struct drain_test {
    struct mass_scene *m;
    const struct load *load;
    struct crowd *shorts, *stayers;
    unsigned all, answered, refused; /* of the short ones that have ended */
};

static void invite_shorts(struct drain_test *t)
{
    const struct load *load = t->load;
    struct crowd_config shorts =
        mass_scene_shorts(t->m, load->per_second * CROWD_MS / 1000, load->per_second);

    t->shorts = mass_scene_crowd(t->m, &shorts);
}

static void start(struct drain_test *t, struct mass_scene *m, const struct load *load,
                  const char *const *args)
{
    *t = (struct drain_test){.m = m, .load = load};
    mass_scene_start(m, MASS_ECHO, args);
    invite_shorts(t);
    t->stayers = mass_scene_usual_crowd(m, load->stayers);
    assert_true(crowd_until_count(t->stayers, CROWD_OPEN, load->stayers, PROMPT_MS));
    assert_int_equal(crowd_ping(t->stayers, PROMPT_MS), load->stayers);
}

/* One at least was served by then, for nobody is refused before the signal. */
static void run_until_signal(struct drain_test *t, unsigned ms)
{
    crowd_run(t->shorts, ms);
    assert_true(crowd_until_count(t->shorts, CROWD_ENDED, 1, PROMPT_MS));
    sealway_signal(t->m->s->program, SIGTERM);
}

static void await_shorts(struct drain_test *t)
{
    const char *answer = t->m->short_answer;
    unsigned clients = crowd_clients(t->shorts);

    assert_true(crowd_until_count(t->shorts, CROWD_ENDED, clients, PROMPT_MS));
    t->all += clients;
    t->answered += crowd_count_answer(t->shorts, answer, strlen(answer));
    t->refused += crowd_count_end(t->shorts, CROWD_REFUSED);
}

/* They come until the listeners have ended. */
static void assert_no_short_one_was_lost(struct drain_test *t)
{
    await_shorts(t);
    for (unsigned i = 1; i < CROWDS && t->refused == 0; i++) {
        invite_shorts(t);
        await_shorts(t);
    }
    print_message("             of %u clients at %u/s: %u answered, %u refused, %u lost\n", t->all,
                  t->load->per_second, t->answered, t->refused, t->all - t->answered - t->refused);
    assert_true(t->answered > 0);
    assert_true(t->refused > 0);
    assert_int_equal(t->answered + t->refused, t->all);
}

/* Signal, delay, end of the listeners, deadline far away; the stayers leave by and by. */
static void drain_under(struct drain_test *t)
{
    unsigned stayers = crowd_clients(t->stayers);
    uint64_t left_us;

    run_until_signal(t, SIGNAL_MS);
    crowd_run(t->shorts, 500);
    assert_int_equal(crowd_ping(t->stayers, PROMPT_MS), stayers);
    assert_no_short_one_was_lost(t);
    assert_int_equal(crowd_ping(t->stayers, PROMPT_MS), stayers);
    assert_int_equal(sealway_wait(t->m->s->program, 0), -1);
    for (unsigned i = 0; i < stayers / 2; i++) {
        crowd_leave(t->stayers, i, i % 2 == 0);
    }
    assert_int_equal(crowd_ping(t->stayers, PROMPT_MS), stayers - stayers / 2);
    crowd_leave_all(t->stayers, false);
    left_us = clock_now_us();
    assert_int_equal(sealway_wait(t->m->s->program, PROMPT_MS), 0);
    print_message("             %u stayed and worked to their end; exit 0 after %" PRIu64 " ms\n",
                  stayers, (clock_now_us() - left_us) / 1000);
}

static void under_load_nobody_who_was_connected_is_dropped(void **state)
{
    static const char *const args[] = OPTIONS("1s", "60s");
    const struct load load = {.per_second = form_pick(1000, 1000, 200), .stayers = 200};
    struct drain_test t;

    start(&t, *state, &load, args);
    drain_under(&t);
}

/* Those who stay are closed at the deadline, in order, while others still knock. */
static void at_the_deadline_all_who_stay_are_closed(void **state)
{
    static const char *const args[] = OPTIONS("500ms", "10s");
    const struct load load = {.per_second = form_pick(1000, 1000, 200), .stayers = 200};
    struct drain_test t;

    start(&t, *state, &load, args);
    run_until_signal(&t, 500);
    crowd_run(t.shorts, 1500);
    assert_int_equal(crowd_ping(t.stayers, PROMPT_MS), load.stayers);
    assert_no_short_one_was_lost(&t);
    assert_true(crowd_until_count(t.stayers, CROWD_ENDED, load.stayers, PROMPT_MS));
    assert_int_equal(sealway_wait(t.m->s->program, PROMPT_MS), 0);
    assert_int_equal(crowd_count_end(t.stayers, CROWD_FIN), load.stayers);
    assert_int_equal(mass_scene_logged(t.m, "reason=drain"), load.stayers);
}

static void a_second_signal_under_load_ends_it_at_once(void **state)
{
    static const char *const args[] = OPTIONS("60s", "60s");
    const struct load load = {.per_second = form_pick(1000, 1000, 200), .stayers = 200};
    struct drain_test t;

    start(&t, *state, &load, args);
    run_until_signal(&t, 500);
    crowd_run(t.shorts, 500);
    assert_int_equal(crowd_ping(t.stayers, PROMPT_MS), load.stayers);
    second_signal_ends(t.m->s->program, SIGTERM);
    assert_true(crowd_until_count(t.stayers, CROWD_ENDED, load.stayers, PROMPT_MS));
}

/* Nothing is lost, and nothing was left on the heap: reachable blocks count as well. */
static void valgrind_sees_an_empty_heap_after_a_drain(void **state)
{
    static const char *const args[] = OPTIONS("1s", "60s");
    const struct load load = {.per_second = 50, .stayers = 20};
    struct mass_scene *m = *state;
    struct drain_test t;

    if (!form_is_full() || form_is_slowed() || system("command -v valgrind >/dev/null") != 0) {
        print_message("             skip %s: only in the full form, with valgrind\n", __func__);
        skip();
    }
    launcher_begin(&m->s->manifests, "",
                   "valgrind -q --leak-check=full --show-leak-kinds=all "
                   "--errors-for-leak-kinds=all --error-exitcode=99");
    start(&t, m, &load, args);
    launcher_end();
    drain_under(&t);
}

#define WITH_SCENE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, mass_scene_setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(under_load_nobody_who_was_connected_is_dropped),
        WITH_SCENE(at_the_deadline_all_who_stay_are_closed),
        WITH_SCENE(a_second_signal_under_load_ends_it_at_once),
        WITH_SCENE(valgrind_sees_an_empty_heap_after_a_drain),
    };

    return cmocka_run_group_tests_name("drain_load", tests, NULL, NULL);
}
