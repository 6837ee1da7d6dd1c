#include "base/clock.h"

#include <stddef.h>

static uint64_t (*replacement)(void);

uint64_t clock_now_us(void)
{
    struct timespec now;

    if (replacement != NULL) {
        return replacement();
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: Linux always has this clock */
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_now_ms(void)
{
    return clock_now_us() / 1000u;
}

struct timespec clock_wall(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail either */
    return now;
}

void clock_replace(uint64_t (*now_us)(void))
{
    replacement = now_us;
}
