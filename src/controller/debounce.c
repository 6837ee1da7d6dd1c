#include "controller/debounce.h"

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void debounce_ring(struct debounce *d, uint64_t now_us)
{
    if (d->first_us == 0) {
        d->first_us = now_us;
    }
    d->last_us = now_us;
}

void debounce_again(struct debounce *d, uint64_t at_us)
{
    d->again_us = d->again_us == 0 ? at_us : earlier(d->again_us, at_us);
}

void debounce_clear(struct debounce *d)
{
    *d = (struct debounce){0};
}

uint64_t debounce_due_us(const struct debounce *d)
{
    uint64_t due_us = d->again_us == 0 ? DEBOUNCE_NEVER : d->again_us;

    if (d->first_us == 0) {
        return due_us;
    }
    return earlier(due_us,
                   earlier(d->last_us + DEBOUNCE_QUIET_US, d->first_us + DEBOUNCE_LIMIT_US));
}
