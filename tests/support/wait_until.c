#include "support/wait_until.h"

#include <stdint.h>
#include <time.h>

/* Not clock_now_ms(): the test may have replaced it. */
static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

bool wait_until(bool (*cond)(void *ctx), void *ctx, unsigned limit_ms)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    uint64_t deadline_ms = now_ms() + limit_ms;

    while (!cond(ctx)) {
        if (now_ms() >= deadline_ms) {
            return cond(ctx); /* it may have come while this thread was not running */
        }
        (void)nanosleep(&pause, NULL);
    }
    return true;
}
