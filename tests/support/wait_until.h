/**
 * wait_until - wait for something another thread or process does, without guessing how long.
 *
 * The only place where a test may sleep.
 */
#ifndef SUPPORT_WAIT_UNTIL_H
#define SUPPORT_WAIT_UNTIL_H

#include <stdbool.h>

/**
 * Ask `cond(ctx)` about every millisecond until it holds.  Returns false when it did not hold
 * within `limit_ms`; choose that generously, it only costs time when the test fails.
 */
bool wait_until(bool (*cond)(void *ctx), void *ctx, unsigned limit_ms);

#endif
