#include "support/failalloc.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__real_arena_alloc(struct arena *a, size_t bytes);
void *__real_arena_calloc(struct arena *a, size_t count, size_t size);
char *__real_arena_strndup(struct arena *a, const char *text, size_t len);
char *__real_arena_strdup(struct arena *a, const char *text);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
void *__wrap_arena_alloc(struct arena *a, size_t bytes);
void *__wrap_arena_calloc(struct arena *a, size_t count, size_t size);
char *__wrap_arena_strndup(struct arena *a, const char *text, size_t len);
char *__wrap_arena_strdup(struct arena *a, const char *text);
void *yaml_malloc(size_t n);
void *yaml_realloc(void *p, size_t n);
char *yaml_strdup(const char *s);

extern const char __executable_start[], etext[]; /* the linker's */

static _Thread_local size_t armed; /* allocations until the failing one */
static _Thread_local bool fired;

static _Atomic size_t others_armed; /* likewise, of all threads but the one below */
static _Thread_local bool is_apart;

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

void failalloc_arm_others(size_t nth)
{
    is_apart = true;
    atomic_store(&others_armed, nth);
}

bool failalloc_disarm_others(void)
{
    return atomic_exchange(&others_armed, 0) == 0;
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

/* A whole line at a time, for tests may run side by side; by system call, for some tests have an
 * open() of their own. */
void failalloc_note(const char *caller)
{
    const char *path = getenv("FAILALLOC_LOG");
    char line[512];
    long fd;
    int len;

    if (path == NULL || caller < __executable_start || caller >= etext) {
        return;
    }
    fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    len = snprintf(line, sizeof(line), "%s %#tx\n", program_invocation_name,
                   caller - __executable_start);
    if (fd >= 0) {
        (void)syscall(SYS_write, fd, line, (size_t)len);
        (void)syscall(SYS_close, fd);
    }
}

/* Whether this is the one that other threads were to fail at. */
static bool other_fails_now(void)
{
    size_t left = is_apart ? 0 : atomic_load(&others_armed);

    while (left != 0 && !atomic_compare_exchange_weak(&others_armed, &left, left - 1)) {
        /* `left` was renewed */
    }
    return left == 1;
}

static bool own_fails_now(void)
{
    if (armed == 0 || --armed != 0) {
        return false;
    }
    fired = true;
    return true;
}

static bool fails_now(const char *caller)
{
    if (!own_fails_now() && !other_fails_now()) {
        return false;
    }
    failalloc_note(caller);
    errno = ENOMEM; /* as malloc() does */
    return true;
}

#define FAILS_NOW() fails_now(__builtin_return_address(0))

void *__wrap_malloc(size_t n)
{
    return FAILS_NOW() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return FAILS_NOW() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return FAILS_NOW() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
    return FAILS_NOW() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return FAILS_NOW() ? NULL : __real_strndup(s, n);
}

void *__wrap_arena_alloc(struct arena *a, size_t bytes)
{
    return FAILS_NOW() ? NULL : __real_arena_alloc(a, bytes);
}

void *__wrap_arena_calloc(struct arena *a, size_t count, size_t size)
{
    return FAILS_NOW() ? NULL : __real_arena_calloc(a, count, size);
}

char *__wrap_arena_strndup(struct arena *a, const char *text, size_t len)
{
    return FAILS_NOW() ? NULL : __real_arena_strndup(a, text, len);
}

char *__wrap_arena_strdup(struct arena *a, const char *text)
{
    return FAILS_NOW() ? NULL : __real_arena_strdup(a, text);
}

/*
 * libyaml has no hooks, but calls these of its own through the dynamic linker, which looks into the
 * program first.
 */
void *yaml_malloc(size_t n)
{
    return __wrap_malloc(n > 0 ? n : 1);
}

void *yaml_realloc(void *p, size_t n)
{
    return __wrap_realloc(p, n > 0 ? n : 1);
}

char *yaml_strdup(const char *s)
{
    return s != NULL ? __wrap_strdup(s) : NULL;
}

void failalloc_join_libcurl(void)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, __wrap_malloc, free, __wrap_realloc,
                             __wrap_strdup, __wrap_calloc) != CURLE_OK) {
        abort();
    }
}

/* Before main(), for nothing may have been allocated in another way. */
__attribute__((constructor)) static void join_libraries(void)
{
    static cJSON_Hooks hooks = {__wrap_malloc, free};

    cJSON_InitHooks(&hooks);
    event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
}
