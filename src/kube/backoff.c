#include "kube/backoff.h"

#include <limits.h>

const struct backoff_policy backoff_reflector = {
    .first_ms = 800,
    .cap_ms = 30u * 1000u,
    .forget_ms = 2u * 60u * 1000u,
};

uint32_t backoff_delay_ms(const struct backoff_policy *p, unsigned attempt, uint32_t random)
{
    /* 32 doublings bring the least wait over any cap; a first wait of 0 is never more. */
    uint64_t d = (uint64_t)p->first_ms << (attempt < 31 ? attempt : 31);

    if (d > p->cap_ms || (attempt > 31 && d > 0)) {
        d = p->cap_ms;
    }
    d += (d * random) >> 32;
    return d < UINT32_MAX ? (uint32_t)d : UINT32_MAX;
}

uint32_t backoff_next_ms(struct backoff *b, const struct backoff_policy *p, uint64_t now_ms,
                         uint32_t random)
{
    uint32_t delay_ms;

    if (b->attempts == 0 || (now_ms > b->since_ms && now_ms - b->since_ms >= p->forget_ms)) {
        *b = (struct backoff){.since_ms = now_ms};
    }
    delay_ms = backoff_delay_ms(p, b->attempts, random);
    if (b->attempts < UINT_MAX) {
        b->attempts++;
    }
    return delay_ms;
}
