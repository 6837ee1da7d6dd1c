/**
 * reflectorwait - how long a reflector waits before its next request.
 *
 * Those that count an attempt are called once for each failure.
 */
#ifndef KUBE_REFLECTORWAIT_PRIV_H
#define KUBE_REFLECTORWAIT_PRIV_H

#include <stdint.h>

#include "kube/reflector.h"

/** Values of reflector.state.  Either one is due, not before wait_until_ms, or one runs. */
enum { REFLECTOR_DUE_LIST, REFLECTOR_DUE_WATCH, REFLECTOR_LISTING, REFLECTOR_WATCHING };

/** Nothing runs any more: `state` (REFLECTOR_DUE_LIST, REFLECTOR_DUE_WATCH), after a wait of
 * `wait_ms`. */
void reflectorwait_rest(struct reflector *r, uint8_t state, uint64_t now_ms, uint64_t wait_ms);

/** Some failure. */
uint64_t reflectorwait_backoff_ms(struct reflector *r, uint64_t now_ms, uint32_t random);

/** The running watch ends now: one that was steady makes failures before it count no more.  Before
 * whatever counts a new one. */
void reflectorwait_trust(struct reflector *r, uint64_t now_ms);

/** Our version is no good, a list mends it: no wait, unless the last list has only just come. */
uint64_t reflectorwait_mend_ms(struct reflector *r, uint64_t now_ms, uint32_t random);

/** A refusal, whatever its code: backoff, but at least what the server asks for.  A 403 or 404 is
 * no other: whoever installs this program grants its rights a moment before or after it starts, and
 * a server that starts knows neither rights nor groups at first. */
uint64_t reflectorwait_refusal_ms(struct reflector *r, const struct kubestatus *why,
                                  uint64_t now_ms, uint32_t random);

/** A watch was cut after `lasted_ms`, the next goes on from there: no wait, unless this repeats. */
uint64_t reflectorwait_again_ms(struct reflector *r, uint64_t lasted_ms, uint64_t now_ms,
                                uint32_t random);

/** When to list though nothing asks for it. */
uint64_t reflectorwait_relist_at_ms(uint64_t now_ms, uint32_t random);

/** When the pace allows the next request; and that it is sent now. */
uint64_t reflectorwait_pace_due_ms(const struct reflector *r);
void reflectorwait_pace(struct reflector *r, uint64_t now_ms);

#endif
