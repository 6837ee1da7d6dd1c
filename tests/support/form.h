/**
 * form - how large a test runs: short within `make test`, long with FULL=1, small under a
 * sanitizer or valgrind.
 */
#ifndef SUPPORT_FORM_H
#define SUPPORT_FORM_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** Whether a sanitizer watches: memory and time are not the program's own then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FORM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FORM_SANITIZED 1
#endif
#endif
#ifndef FORM_SANITIZED
#define FORM_SANITIZED 0
#endif

/** Whether valgrind runs the test program, or the program that it starts: `make valgrind`. */
static inline bool form_is_under_valgrind(void)
{
    const char *test = getenv("RUN_UNDER"), *started = getenv("SEALWAY_UNDER");

    return (test != NULL && strstr(test, "valgrind") != NULL) ||
           (started != NULL && strstr(started, "valgrind") != NULL);
}

/** Whether all takes many times as long as it does by itself. */
static inline bool form_is_slowed(void)
{
    return FORM_SANITIZED || form_is_under_valgrind();
}

/** `make full` sets FULL=1. */
static inline bool form_is_full(void)
{
    const char *full = getenv("FULL");

    return full != NULL && full[0] == '1';
}

/** How many of something: in the long form, in the short one, under a sanitizer or valgrind. */
static inline unsigned form_pick(unsigned full, unsigned usual, unsigned sanitized)
{
    return form_is_slowed() ? sanitized : form_is_full() ? full : usual;
}

#endif
