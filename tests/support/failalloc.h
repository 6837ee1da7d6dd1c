/**
 * failalloc - make the n-th allocation fail (linked with --wrap).
 *
 * Reached are the calls of our own objects, those inside cJSON, libevent and libyaml, and every
 * request to an arena, though a chunk of it may have room.  Not reached: what the C library (fopen,
 * opendir, getaddrinfo) and OpenSSL allocate themselves, and libcurl unless it is asked for.
 *
 * Torture: run a test again and again with the next allocation failing, until none failed.
 */
#ifndef SUPPORT_FAILALLOC_H
#define SUPPORT_FAILALLOC_H

#include <stdbool.h>
#include <stddef.h>

/** Let this thread's `nth` allocation from now (1 = the next) return NULL once; 0: none fails. */
void failalloc_arm(size_t nth);

/** Reach those inside libcurl, too; before anything of it is used. */
void failalloc_join_libcurl(void);

/** Whether the armed failure happened; disarms. */
bool failalloc_disarm(void);

/** Likewise for the `nth` of all threads that have never called this. */
void failalloc_arm_others(size_t nth);
bool failalloc_disarm_others(void);

/**
 * Run `body(ctx)` with the 1st, 2nd, … allocation failing until a run in which none failed.  The
 * body must clean up after itself in every run.  Returns the number of allocation points found.
 */
size_t failalloc_torture(void (*body)(void *ctx), void *ctx);

/**
 * With FAILALLOC_LOG=FILE in the environment: append that the call which returns to `caller`
 * failed, as "program offset" for addr2line.  Calls from within libraries are left out.
 */
void failalloc_note(const char *caller);

#endif
