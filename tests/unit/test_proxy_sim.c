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

#include "base/log.h"
#include "proxy/stats.h"
#include "support/form.h"
#include "support/seed.h"
#include "support/sim_hello.h"
#include "support/sim_world.h"

#define LIFE_STEPS 4000u /* of one life, at most */

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
        assert_true(tally.spliced > 0); /* else nothing was said about splicing */
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
