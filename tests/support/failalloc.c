#include "support/failalloc.h"

#include <stdarg.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static _Thread_local size_t armed; /* allocations until the failing one */
static _Thread_local bool fired;

void failalloc_arm(size_t nth)
{
    armed = nth;
    fired = false;
}

bool failalloc_disarm(void)
{
    bool was = fired;

    armed = 0;
    fired = false;
    return was;
}

size_t failalloc_torture(void (*body)(void *ctx), void *ctx)
{
    size_t nth = 0;

    do {
        failalloc_arm(++nth);
        body(ctx);
    } while (failalloc_disarm());
    return nth - 1;
}

static bool fails_now(void)
{
    if (armed == 0 || --armed != 0) {
        return false;
    }
    fired = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
    return fails_now() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return fails_now() ? NULL : __real_strndup(s, n);
}
