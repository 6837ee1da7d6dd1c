/**
 * failalloc - make the n-th allocation of our own objects fail (linked with --wrap).
 *
 * Torture: run a test again and again with the next allocation failing, until none failed.
 */
#ifndef SUPPORT_FAILALLOC_H
#define SUPPORT_FAILALLOC_H

#include <stdbool.h>
#include <stddef.h>

/** Let the `nth` allocation from now (1 = the next) return NULL once; 0: none fails. */
void failalloc_arm(size_t nth);

/** Whether the armed failure happened; disarms. */
bool failalloc_disarm(void);

/**
 * Run `body(ctx)` with the 1st, 2nd, … allocation failing until a run in which none failed.  The
 * body must clean up after itself in every run.  Returns the number of allocation points found.
 */
size_t failalloc_torture(void (*body)(void *ctx), void *ctx);

#endif
