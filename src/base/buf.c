#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256u

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    if (b == NULL) {
        return;
    }
    free(b->data);
    buf_init(b, b->max);
}

/* Doubling keeps appending linear; `need` and the result are at most b->max. */
static size_t grown_cap(const struct buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;

    while (cap < need && cap <= b->max / 2) {
        cap *= 2;
    }
    if (cap < need || cap > b->max) {
        cap = b->max;
    }
    return cap;
}

int buf_reserve(struct buf *b, size_t n)
{
    uint8_t *data;
    size_t cap;

    if (n > b->max - b->len) {
        return -ENOBUFS;
    }
    if (n <= b->cap - b->len) {
        return 0;
    }
    cap = grown_cap(b, b->len + n);
    if (cap == SIZE_MAX) {
        return -ENOMEM;
    }
    data = realloc(b->data, cap + 1); /* one spare byte: vsnprintf always terminates */
    if (data == NULL) {
        return -ENOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *bytes, size_t n)
{
    int rc = buf_reserve(b, n);

    if (rc < 0 || n == 0) {
        return rc;
    }
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
    return 0;
}

static MUST_CHECK PRINTF_LIKE(2, 0) int append_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    size_t n;
    int rc;

    va_copy(again, args);
    rc = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (rc <= 0) {
        return rc < 0 ? -EINVAL : 0;
    }
    n = (size_t)rc;
    rc = buf_reserve(b, n);
    if (rc < 0) {
        return rc;
    }
    (void)vsnprintf((char *)b->data + b->len, n + 1, fmt, args);
    b->len += n;
    return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    int rc;

    va_start(args, fmt);
    rc = append_vprintf(b, fmt, args);
    va_end(args);
    return rc;
}

void buf_consume(struct buf *b, size_t n)
{
    ASSERT(n <= b->len);
    if (n == 0) {
        return;
    }
    b->len -= n;
    memmove(b->data, b->data + n, b->len);
}
