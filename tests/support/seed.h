/**
 * seed - the numbers that play a random test again: SIM_SEED=n, SIM_STEPS=n.
 *
 * The words that say so are those that tests/support/run_tests.sh looks for.
 */
#ifndef SUPPORT_SEED_H
#define SUPPORT_SEED_H

#include <stdint.h>

/** What the environment says; `otherwise` without the variable. */
uint64_t seed_number(const char *name, uint64_t otherwise);

/** The same of a seed; without the variable one of the time, the same for all of this run, so that
 * the last one told plays any of its tests again.  One thread only. */
uint64_t seed_draw(const char *name);

/** Print how to play it again. */
void seed_tell(const char *name, uint64_t seed);

/** The same of two variables: a seed, and how much there is to play. */
void seed_tell_both(const char *name, uint64_t seed, const char *length, uint64_t n);

#endif
