/**
 * linelimit - how many lines one cause may log: so many a second, with a burst.
 *
 * For lines that a client can cause without being let through: a flood of them must not push the
 * others out of the log.  Zeroed: its burst is there.  Pure: time is an argument.
 */
#ifndef PROXY_LINELIMIT_H
#define PROXY_LINELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct linelimit {
    uint64_t due_us; /* when the lines let through so far would be due at the steady rate */
};

/** Whether one more line may be written now; counted when it may. */
bool linelimit_take(struct linelimit *l, uint64_t now_us);

#endif
