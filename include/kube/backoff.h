/**
 * backoff - how long to wait before the next attempt: exponential with jitter.
 *
 * The same numbers as client-go's reflectors: 0.8 s doubling to 30 s, plus up to as much again by
 * chance, so that many clients of a server that comes back do not all come back with it.
 */
#ifndef KUBE_BACKOFF_H
#define KUBE_BACKOFF_H

#include <stdint.h>

struct backoff_policy {
    uint32_t first_ms, cap_ms;
    uint32_t forget_ms; /* so long after counting began it begins anew */
};

extern const struct backoff_policy backoff_reflector; /* 800 ms, 30 s, 2 min */

/** Attempts so far.  Zeroed is none. */
struct backoff {
    unsigned attempts;
    uint64_t since_ms; /* when counting began */
};

/**
 * The wait before attempt number `attempt` (0: the first one after a failure): d = first *
 * 2^attempt but at most the cap, and on top a share of d that `random` (all 32 bits) decides. Pure.
 */
uint32_t backoff_delay_ms(const struct backoff_policy *p, unsigned attempt, uint32_t random);

/** Count an attempt that failed now and say how long to wait. */
uint32_t backoff_next_ms(struct backoff *b, const struct backoff_policy *p, uint64_t now_ms,
                         uint32_t random);

#endif
