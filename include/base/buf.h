/**
 * buf - a growing byte buffer that knows its maximum from birth.
 *
 * Owned and used by one thread.  Never shrinks by itself.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf {
    uint8_t *data; /* NULL while nothing was appended */
    size_t len;
    size_t cap;
    size_t max;
};

/** An empty buffer that will never hold more than `max` bytes; allocates nothing. */
void buf_init(struct buf *b, size_t max);

/** Free what it holds; the buffer is empty and usable afterwards.  NULL is ignored. */
void buf_fini(struct buf *b);

/** Make room for `n` more bytes.  Returns 0, -ENOBUFS over the maximum, -ENOMEM. */
MUST_CHECK int buf_reserve(struct buf *b, size_t n);

/** Append bytes.  Returns 0, or as buf_reserve(), the buffer then being unchanged. */
MUST_CHECK int buf_append(struct buf *b, const void *bytes, size_t n);

/** Append formatted text, without a terminator.  Returns as buf_append(). */
MUST_CHECK int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** Drop the first `n` bytes (n <= len).  Cost: moves the rest. */
void buf_consume(struct buf *b, size_t n);

#endif
