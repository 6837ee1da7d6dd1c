/**
 * attr - the few compiler attributes and macros every module may use.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

/** The result says whether the work was done; ignoring it is a compile error. */
#define MUST_CHECK __attribute__((warn_unused_result))

/** Let the compiler check a printf-like function's arguments (1-based positions). */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define NORETURN __attribute__((noreturn))

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/** Bytes that CPUs take from each other at once: what one writes for itself has its own. */
#define CACHE_LINE ((size_t)64)

/** The struct that holds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/**
 * Stop the process when our own reasoning is wrong.  Stays on in release builds; never for
 * input, which must be refused instead.
 */
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (UNLIKELY(!(cond))) {                                                                   \
            attr_assert_failed(#cond, __FILE__, __LINE__);                                         \
        }                                                                                          \
    } while (0)

/** Print the failed condition on stderr and abort.  Only ASSERT calls it. */
NORETURN void attr_assert_failed(const char *cond, const char *file, int line);

#endif
