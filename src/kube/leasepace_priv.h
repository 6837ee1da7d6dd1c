/**
 * leasepace - when a candidate for a Lease comes again.
 *
 * Pure functions of the time, of what is known of the Lease, and of something random.
 */
#ifndef KUBE_LEASEPACE_PRIV_H
#define KUBE_LEASEPACE_PRIV_H

#include <stdint.h>

#include "kube/kubestatus.h"

/** Who leads, and last asked at `asked_ms`: at a pace that does not depend on how long it took. */
uint64_t leasepace_renew_ms(uint64_t asked_ms, uint64_t now_ms);

/**
 * Who does not lead: after LEASE_LOOK_MS and something, but no later than LEASE_TAKE_SPREAD_MS
 * after `expires_ms`, when the Lease of another runs out; that is ignored once it has passed.
 */
uint64_t leasepace_look_ms(uint64_t expires_ms, uint64_t now_ms, uint32_t random);

/** What a server asks for is granted as far as it does not exceed what a Lease lasts. */
uint64_t leasepace_asked_ms(const struct kubestatus *why);

#endif
