/**
 * debounce - when to look, after things began to ring.
 *
 * A single change is looked at as soon as it has been quiet for a moment; a storm of them now and
 * then while it lasts.  Pure: whoever waits brings the time.
 */
#ifndef CONTROLLER_DEBOUNCE_H
#define CONTROLLER_DEBOUNCE_H

#include <stdint.h>

#define DEBOUNCE_QUIET_US 10000u /* without a further ring */
#define DEBOUNCE_LIMIT_US 50000u /* but no later than this after the first */

#define DEBOUNCE_NEVER UINT64_MAX

/** Times are clock_now_us(); a zeroed one waits for nothing. */
struct debounce {
    uint64_t first_us, last_us; /* of the rings that nobody looked at yet; 0: none */
    uint64_t again_us;          /* a look that is due without a ring; 0: none */
};

/** It rings. */
void debounce_ring(struct debounce *d, uint64_t now_us);

/** A look is due at `at_us` at the latest. */
void debounce_again(struct debounce *d, uint64_t at_us);

/** It is being looked at: nothing is due any more. */
void debounce_clear(struct debounce *d);

/** When to look; DEBOUNCE_NEVER: only after a ring. */
uint64_t debounce_due_us(const struct debounce *d);

#endif
