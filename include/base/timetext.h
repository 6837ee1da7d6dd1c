/**
 * timetext - moments and spans as text.
 */
#ifndef BASE_TIMETEXT_H
#define BASE_TIMETEXT_H

#include <stdint.h>
#include <time.h>

#define TIMETEXT_MAX 32

/** "2026-01-31T12:00:00Z" (RFC 3339), to the second; returns `text`. */
const char *timetext_utc(time_t seconds, char text[TIMETEXT_MAX]);

/** "2026-01-31T12:00:00.000042Z", Kubernetes' MicroTime: exactly six digits, or servers refuse it.
 * Unix time in microseconds; what is below 0 or past the year 9999 is taken as that end.  Returns
 * `text`. */
const char *timetext_micro(int64_t wall_us, char text[TIMETEXT_MAX]);

/** "45s", "5m 3s", "7h 2m", "12d 7h": the two largest units; returns `text`. */
const char *timetext_span(uint64_t seconds, char text[TIMETEXT_MAX]);

/** Whole seconds from `then` to `now`; 0 when the clock was set back in between. */
uint64_t timetext_seconds_since(const struct timespec *then, const struct timespec *now);

#endif
