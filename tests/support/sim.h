/**
 * sim - a simulation's seed, clock and luck, and what happened last.
 *
 * Everything a simulation decides follows from its seed, so that one that failed can be played
 * again.  A failure prints the seed, the step and the last events, and fails the running test.
 * One simulation at a time, one thread.
 */
#ifndef SUPPORT_SIM_H
#define SUPPORT_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/** Begin anew: the clock, the steps and the events of the former are gone. */
void sim_begin(uint64_t seed);

/** How to play this one again, printed with a failure: SIM_SEED=... SIM_STEPS=... */
void sim_set_replay(uint64_t steps);

/** One of 0 ... n - 1; n is not 0. */
uint64_t sim_below(uint64_t n);

/** True once in `n` times; 0: never. */
bool sim_one_in(uint64_t n);

/** Likewise for what is bad luck, which never strikes while it is calm. */
bool sim_unlucky(uint64_t n);
void sim_set_calm(bool calm);
bool sim_is_calm(void);

/** One of 1 ... most (not 0): often small, often most, sometimes in between. */
uint64_t sim_size(uint64_t most);

/** The simulated clock, in microseconds; for clock_replace(), too. */
uint64_t sim_now_us(void);
void sim_pass_us(uint64_t us);

/** Steps so far.  A step is one act of the world or one callback. */
uint64_t sim_steps(void);
void sim_step(void);

/** Remember an event: a literal and two numbers. */
void sim_note(const char *what, int64_t a, int64_t b);

/** How often this was noted, in all simulations so far. */
uint64_t sim_noted(const char *what);

/** Print how to replay and what happened last, and fail the test. */
NORETURN void sim_fail(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** What must hold in every state. */
#define SIM_CHECK(cond, ...)                                                                       \
    do {                                                                                           \
        if (UNLIKELY(!(cond))) {                                                                   \
            sim_fail(__FILE__, __LINE__, __VA_ARGS__);                                             \
        }                                                                                          \
    } while (0)

#endif
