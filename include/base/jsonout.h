/**
 * jsonout - JSON text, written straight into a buffer.
 *
 * For answers too large to build as a tree first.  Values of any bytes come out as valid JSON in
 * UTF-8 (RFC 8259): control characters, those of U+0080 to U+009F too, are escaped, and a byte that
 * is no UTF-8 becomes U+FFFD.  The first failure sticks: what follows writes nothing, and
 * jsonout_finish() tells.  Owned by one thread.
 */
#ifndef BASE_JSONOUT_H
#define BASE_JSONOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;

#define JSONOUT_DEPTH 16 /* lists and objects within each other */

struct jsonout {
    struct buf *out;
    int rc;      /* of the first failure */
    bool pretty; /* one value a line, indented */
    bool empty;  /* nothing stands in the innermost list or object yet */
    unsigned depth;
    char closers[JSONOUT_DEPTH];
};

/** Write behind what `out` (borrowed) holds. */
void jsonout_init(struct jsonout *j, struct buf *out, bool pretty);

/* Each value has a key inside an object, and NULL as a key elsewhere.  Keys are literals of ours:
 * they are written as they are. */

void jsonout_object(struct jsonout *j, const char *key);
void jsonout_list(struct jsonout *j, const char *key);

/** End the innermost list or object. */
void jsonout_end(struct jsonout *j);

/** A terminated text; NULL is null. */
void jsonout_text(struct jsonout *j, const char *key, const char *text);
void jsonout_bytes(struct jsonout *j, const char *key, const char *bytes, size_t n);

void jsonout_uint(struct jsonout *j, const char *key, uint64_t value);
void jsonout_bool(struct jsonout *j, const char *key, bool value);
void jsonout_null(struct jsonout *j, const char *key);

/** Everything must be closed.  Ends with a newline.  Returns 0, or -ENOMEM or -ENOBUFS. */
MUST_CHECK int jsonout_finish(struct jsonout *j);

#endif
