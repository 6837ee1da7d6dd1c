#include "base/timetext.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/attr.h"

#define US_PER_S    1000000
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

const char *timetext_utc(time_t seconds, char text[TIMETEXT_MAX])
{
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, TIMETEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        snprintf(text, TIMETEXT_MAX, "unknown"); /* a year of more digits than an int has */
    }
    return text;
}

const char *timetext_micro(int64_t wall_us, char text[TIMETEXT_MAX])
{
    int64_t us = wall_us > 0 ? wall_us : 0;
    int64_t seconds = us / US_PER_S;
    char whole[TIMETEXT_MAX];

    timetext_utc((time_t)(seconds < LAST_SECOND ? seconds : LAST_SECOND), whole);
    /* In the place of the "Z". */
    snprintf(text, TIMETEXT_MAX, "%.19s.%06uZ", whole, (unsigned)(us % US_PER_S));
    return text;
}

const char *timetext_span(uint64_t seconds, char text[TIMETEXT_MAX])
{
    static const struct {
        uint64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    uint64_t rest;

    while (i + 1 < ARRAY_LEN(units) && seconds < units[i].seconds) {
        i++;
    }
    rest = seconds % units[i].seconds;
    if (i + 1 < ARRAY_LEN(units)) {
        snprintf(text, TIMETEXT_MAX, "%" PRIu64 "%c %" PRIu64 "%c", seconds / units[i].seconds,
                 units[i].unit, rest / units[i + 1].seconds, units[i + 1].unit);
    } else {
        snprintf(text, TIMETEXT_MAX, "%" PRIu64 "s", seconds);
    }
    return text;
}

uint64_t timetext_seconds_since(const struct timespec *then, const struct timespec *now)
{
    return now->tv_sec > then->tv_sec ? (uint64_t)(now->tv_sec - then->tv_sec) : 0;
}
