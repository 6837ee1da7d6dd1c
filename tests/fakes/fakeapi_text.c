#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fakes/fakeapi_priv.h"

void fakeapi_text_die(const char *what, const char *about)
{
    fprintf(stderr, "fake_apiserver: %s: %.400s\n", what, about);
    abort();
}

void *fakeapi_text_grow(void *old, size_t n, size_t size)
{
    void *mem = reallocarray(old, n, size);

    if (mem == NULL) {
        fakeapi_text_die("memory", "none left");
    }
    return mem;
}

void *fakeapi_text_alloc(size_t bytes)
{
    void *mem = fakeapi_text_grow(NULL, bytes, 1);

    memset(mem, 0, bytes);
    return mem;
}

char *fakeapi_text_copy_n(const char *s, size_t len)
{
    char *copy = fakeapi_text_alloc(len + 1);

    memcpy(copy, s, len);
    return copy;
}

char *fakeapi_text_copy(const char *s)
{
    return s != NULL ? fakeapi_text_copy_n(s, strlen(s)) : NULL;
}

void fakeapi_text_add(struct fakeapi_text *t, const void *bytes, size_t len)
{
    if (t->cap - t->len <= len) {
        t->cap = t->len + len + 1 + t->cap / 2 + 64;
        t->s = fakeapi_text_grow(t->s, t->cap, 1);
    }
    memcpy(t->s + t->len, bytes, len);
    t->len += len;
    t->s[t->len] = '\0';
}

void fakeapi_text_adds(struct fakeapi_text *t, const char *s)
{
    fakeapi_text_add(t, s, strlen(s));
}

void fakeapi_text_vaddf(struct fakeapi_text *t, const char *fmt, va_list ap)
{
    char *s = NULL;
    int n = vasprintf(&s, fmt, ap);

    if (n < 0) {
        fakeapi_text_die("memory", fmt);
    }
    fakeapi_text_add(t, s, (size_t)n);
    free(s);
}

void fakeapi_text_addf(struct fakeapi_text *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fakeapi_text_vaddf(t, fmt, ap);
    va_end(ap);
}

void fakeapi_text_add_quoted(struct fakeapi_text *t, const char *s)
{
    fakeapi_text_add(t, "\"", 1);
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            fakeapi_text_add(t, "\\", 1);
        }
        if ((unsigned char)*s < ' ') {
            fakeapi_text_addf(t, "\\u%04x", (unsigned)*s);
        } else {
            fakeapi_text_add(t, s, 1);
        }
    }
    fakeapi_text_add(t, "\"", 1);
}

void fakeapi_text_free(struct fakeapi_text *t)
{
    free(t->s);
    *t = (struct fakeapi_text){0};
}

uint64_t fakeapi_text_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t fakeapi_text_after_ms(unsigned ms)
{
    return fakeapi_text_now_us() + ms * (uint64_t)1000;
}
