/**
 * jsonsplit - whole JSON values out of a stream of bytes, framed by depth.
 *
 * A watch is a stream of objects (a newline between them may be missing, and chunks end anywhere);
 * a list is one object whose `items` are wanted one by one, for a tree of all would cost twenty
 * times the text.  Each byte is looked at once, and copied only where a piece crosses chunks.  Only
 * framing: whether a piece is valid JSON is told by whoever parses it, though nothing with a NUL,
 * with brackets that do not match, or nested over the cap gets that far.
 */
#ifndef KUBE_JSONSPLIT_H
#define KUBE_JSONSPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"

enum jsonsplit_mode {
    JSONSPLIT_STREAM, /* objects one behind the other; whitespace between them */
    JSONSPLIT_LIST,   /* one object; the elements of its member "items" are pieces, and each other
                         member's value is one.  An `items` that is null or no list is a member; a
                         second `items` is refused. */
};

/** `key` is the member's name as written between its quotes, "items" for an element, NULL in a
 * stream; `is_element` tells an element from a member.  The text lives for the call, and has no
 * terminator. */
struct jsonsplit_piece {
    const char *key;
    bool is_element;
    const char *text;
    size_t len;
};

/** Gets each piece in order; what it returns other than 0 ends jsonsplit_feed() with that. */
typedef int jsonsplit_fn(void *ctx, const struct jsonsplit_piece *piece);

#define JSONSPLIT_KEY_MAX 32 /* a member with a longer name is framed and passed over */

struct jsonsplit {
    enum jsonsplit_mode mode;
    jsonsplit_fn *on_piece;
    void *ctx;
    struct buf piece; /* what earlier chunks had of the current one */
    char key[JSONSPLIT_KEY_MAX];
    uint8_t state; /* private from here on */
    bool in_items, had_items, key_too_long, in_string, escaped;
    unsigned depth; /* of the current piece */
    size_t key_len;
    char closers[LIMIT_KUBE_OBJECT_DEPTH]; /* what must close each level of it */
};

/** `max_piece` bounds one piece in bytes (LIMIT_KUBE_OBJECT_BYTES).  Allocates nothing. */
void jsonsplit_init(struct jsonsplit *s, enum jsonsplit_mode mode, size_t max_piece,
                    jsonsplit_fn *on_piece, void *ctx);
void jsonsplit_fini(struct jsonsplit *s);

/**
 * Take more bytes.  Returns 0, -EBADMSG (no JSON of that form, a NUL, nested too deep), -EMSGSIZE
 * (a piece over the cap), -ENOMEM, or what on_piece returned; after any of these only _fini is
 * allowed.
 */
MUST_CHECK int jsonsplit_feed(struct jsonsplit *s, const void *bytes, size_t len);

/** Whether the bytes so far end between pieces: for a stream, outside any object; for a list,
 * behind the one object. */
bool jsonsplit_is_complete(const struct jsonsplit *s);

#endif
