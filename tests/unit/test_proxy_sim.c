/*
 * The whole life of connections, simulated: the real code of the data plane on a simulated kernel.
 *
 *   SIM_SEED=n   play this one life again (with SIM_STEPS as printed by the failure)
 *   SIM_STEPS=n  of all lives together
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/log.h"
#include "proxy/stats.h"
#include "support/form.h"
#include "support/seed.h"
#include "support/sim.h"
#include "support/sim_hello.h"
#include "support/sim_world.h"

#define LIFE_STEPS   4000u /* of one life, at most */
#define ENOUGH_STEPS 400000u

/* What the peers, the kernel and the world do, as the simulation notes it. */
static const char *const drawn[] = {
    "client arrives",
    "bytes arrive",
    "FIN arrives",
    "far end takes",
    "broken",
    "dial ends",
    "joined",
    "time passes",
    "publish table",
    "stop accepting",
    "the world stands still",
    "meanwhile",
    "put off",
    "cut short",
    "no buffers",
    "soft error",
    "socket failed",
    "accept failed",
    "refused",
    "event_add failed",
    "an allocation failed",
    "pipe",
    "small pipe",
    "splice fails",
    "finish",
    "stop",
};

/* Fewer where every step costs more. */
static uint64_t usual_steps(void)
{
    return form_is_under_valgrind() ? 20000 : form_pick(20000000, 1000000, 400000);
}

static void print_tally(const struct sim_tally *t)
{
    print_message("             %" PRIu64 " steps, %" PRIu64 " lives, %" PRIu64
                  " connections, %" PRIu64 " KiB relayed, %" PRIu64 " of them spliced\n",
                  t->steps, t->lives, t->connections, t->bytes / 1024, t->spliced / 1024);
    for (unsigned i = 0; i < END_REASONS; i++) {
        print_message("             %-20s %" PRIu64 "\n", stats_end_word((enum end_reason)i),
                      t->ends[i]);
    }
    for (unsigned i = 0; i < DIALS; i++) {
        print_message("             dial: %-14s %" PRIu64 "\n",
                      stats_dial_word((enum dial_result)i), t->dials[i]);
    }
    for (unsigned i = 0; i < ARRAY_LEN(drawn); i++) {
        print_message("             %-22s %" PRIu64 "\n", drawn[i], sim_noted(drawn[i]));
    }
}

static void assert_seen(const char *what, uint64_t n)
{
    if (n == 0) {
        fail_msg("never seen: %s", what);
    }
}

/* What never comes is not tested.  In ENOUGH_STEPS each comes fifty times on average, or more, in
 * many lives: that it comes is no luck. */
static void assert_all_was_drawn(const struct sim_tally *t)
{
    for (unsigned i = 0; i < END_REASONS; i++) {
        assert_seen(stats_end_word((enum end_reason)i), t->ends[i]);
    }
    for (unsigned i = 0; i < DIALS; i++) {
        assert_seen(stats_dial_word((enum dial_result)i), t->dials[i]);
    }
    for (unsigned i = 0; i < ARRAY_LEN(drawn); i++) {
        assert_seen(drawn[i], sim_noted(drawn[i]));
    }
}

static void every_connection_keeps_its_promises_in_any_order_of_events(void **state)
{
    uint64_t seed = seed_draw("SIM_SEED");
    uint64_t steps = seed_number("SIM_STEPS", usual_steps());
    struct sim_tally tally = {0};

    (void)state;
    seed_tell_both("SIM_SEED", seed, "SIM_STEPS", steps);
    if (getenv("SIM_SEED") != NULL && steps <= LIFE_STEPS) {
        sim_world_live(seed, steps, &tally);
    }
    for (; tally.steps < steps; seed++) {
        sim_world_live(seed, 200 + seed * 7919 % (LIFE_STEPS - 200), &tally);
    }
    print_tally(&tally);
    if (steps >= usual_steps()) {
        assert_true(tally.connections > 0);
        assert_true(tally.spliced > 0);
    }
    if (steps >= ENOUGH_STEPS) {
        assert_all_was_drawn(&tally);
    }
}

static int setup(void **state)
{
    (void)state;
    log_configure(LOG_DEBUG, LOG_TEXT); /* every line is made */
    sim_hello_setup();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_hello_teardown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_connection_keeps_its_promises_in_any_order_of_events),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
