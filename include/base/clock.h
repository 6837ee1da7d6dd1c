/**
 * clock - the only reader of time.
 *
 * Modules that decide take "now" as an argument; those that act ask here.  A test may replace the
 * monotonic source.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Monotonic microseconds since an arbitrary start.  Thread: any.  Cost: one vDSO call. */
uint64_t clock_now_us(void);

/** Monotonic milliseconds, same origin. */
uint64_t clock_now_ms(void);

/** Wall clock, for log lines and file times only.  Thread: any. */
struct timespec clock_wall(void);

/** Take monotonic time from `now_us` instead; NULL restores the kernel's.  For tests, before
 * threads. */
void clock_replace(uint64_t (*now_us)(void));

#endif
