#include "leasepace_priv.h"

#include "kube/lease.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t share_of(uint64_t ms, uint32_t random)
{
    return (ms * random) >> 32;
}

uint64_t leasepace_renew_ms(uint64_t asked_ms, uint64_t now_ms)
{
    uint64_t at_ms = asked_ms + LEASE_RETRY_MS;

    return at_ms > now_ms ? at_ms : now_ms;
}

/* Both spreads are there so that not all candidates come together.  A look that finds the Lease
 * still good is not in vain: a renewal is seen the sooner. */
uint64_t leasepace_look_ms(uint64_t expires_ms, uint64_t now_ms, uint32_t random)
{
    uint64_t look_ms = now_ms + LEASE_LOOK_MS + share_of(LEASE_LOOK_SPREAD_MS, random);

    if (expires_ms <= now_ms) {
        return look_ms;
    }
    return least(look_ms, expires_ms + share_of(LEASE_TAKE_SPREAD_MS, random));
}

uint64_t leasepace_asked_ms(const struct kubestatus *why)
{
    uint64_t ms = why->has_retry_after ? UINT64_C(1000) * why->retry_after_s : 0;

    return least(ms, LEASE_DURATION_MS);
}
