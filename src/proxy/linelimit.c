#include "proxy/linelimit.h"

#include "base/limits.h"

#define US_PER_LINE (1000000u / LIMIT_ACCESS_LINES_PER_S)
#define AHEAD_US    ((uint64_t)(LIMIT_ACCESS_LINES_BURST - 1) * US_PER_LINE)

bool linelimit_take(struct linelimit *l, uint64_t now_us)
{
    uint64_t due_us = l->due_us > now_us ? l->due_us : now_us;

    if (due_us - now_us > AHEAD_US) {
        return false;
    }
    l->due_us = due_us + US_PER_LINE;
    return true;
}
