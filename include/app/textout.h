/**
 * textout - text for a terminal, written into a buffer.
 *
 * The first failure sticks: what follows writes nothing.  Owned by one thread.
 */
#ifndef APP_TEXTOUT_H
#define APP_TEXTOUT_H

#include <stddef.h>

#include "base/attr.h"

struct buf;

struct textout {
    struct buf *out;
    int rc; /* 0, -ENOMEM or -ENOBUFS */
};

/** Write behind what `out` (borrowed) holds. */
void textout_init(struct textout *t, struct buf *out);

/** Words of ours. */
void textout_put(struct textout *t, const char *text);

/** Formatted words and numbers of ours, at most 511 bytes; text from outside is for textout_safe().
 */
void textout_printf(struct textout *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** Text of any origin: what a terminal would take for a command, and what is no UTF-8, becomes '?'.
 */
void textout_safe(struct textout *t, const char *text);
void textout_safe_bytes(struct textout *t, const char *bytes, size_t n);

/** `n` spaces. */
void textout_spaces(struct textout *t, size_t n);

#endif
