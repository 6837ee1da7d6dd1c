/**
 * docbuild - trees from what a parser reads, whatever its syntax: one call for each thing in order.
 *
 * Holds the limits on depth and number of nodes; a key that is in an object twice is a fault of its
 * document.  All calls return 0, -EINVAL with the error filled, or -ENOMEM.
 */
#ifndef MANIFEST_DOCBUILD_PRIV_H
#define MANIFEST_DOCBUILD_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/limits.h"
#include "docnodes_priv.h"
#include "manifest/yamldoc.h"

/** An object or list that is not closed yet. */
struct doclevel {
    struct docnode *node;
    char *key; /* the key whose value is awaited */
    unsigned key_line;
    size_t count;
};

/** The finished documents. */
struct doctrees {
    const cJSON **items;
    size_t n, cap;
    struct yamldoc_fault *faults, *last_fault; /* in order; memory of the nodes */
};

struct docbuild {
    struct docnodes *nodes;
    struct doctrees *trees;
    struct yamldoc_error *error;
    struct docnode *root;        /* of the document under way; NULL before it has one */
    struct yamldoc_fault *fault; /* of the document under way; NULL while it has none */
    size_t total;                /* nodes of all documents, those behind aliases included */
    size_t depth;
    struct doclevel levels[LIMIT_YAML_DEPTH];
    const cJSON **scratch; /* for finding duplicate keys */
    size_t scratch_cap;
};

struct docscalar {
    int type;         /* of cJSON */
    const char *text; /* what a text is; of the others, how it is written (NULL: not known) */
    size_t len;
    double number;
};

/** Nodes, trees and error are borrowed and filled. */
void docbuild_init(struct docbuild *b, struct docnodes *nodes, struct doctrees *trees,
                   struct yamldoc_error *error);

/** Free what building needed; nodes and trees stay. */
void docbuild_fini(struct docbuild *b);

/** Fill the error: the whole text is broken.  Returns -EINVAL. */
int docbuild_fail(struct docbuild *b, unsigned line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/**
 * Something is wrong with the document under way and with no other: remember it, if it is the first
 * such thing, and go on.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int docbuild_fault(struct docbuild *b, unsigned line, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/** Whether a key comes next, for the innermost thing open is an object. */
bool docbuild_wants_key(const struct docbuild *b);

/** An object (or a list) begins, as the next item, value or root.  `out` may be NULL. */
MUST_CHECK int docbuild_open(struct docbuild *b, bool object, unsigned line, struct docnode **out);

/** The innermost one ends. */
MUST_CHECK int docbuild_close(struct docbuild *b);

/** A key.  NUL characters in texts, which cJSON cannot hold, become U+FFFD, here and in scalars. */
MUST_CHECK int docbuild_key(struct docbuild *b, const char *text, size_t len, unsigned line);

/** A key that is the text of `target`; shared, not copied.  A fault when that is no text. */
MUST_CHECK int docbuild_key_again(struct docbuild *b, const struct docnode *target, unsigned line);

/** A scalar, as the next item, value or root.  `out` may be NULL. */
MUST_CHECK int docbuild_scalar(struct docbuild *b, const struct docscalar *s, unsigned line,
                               struct docnode **out);

/**
 * What `target` is, once more; a fault while `target` is open.  It is shared, not copied: it costs
 * one node of memory, but counts with all it holds, as whoever walks the tree will see it.
 */
MUST_CHECK int docbuild_again(struct docbuild *b, const struct docnode *target, unsigned line);

/** The document ends; an empty one (no root, or null) is passed over. */
MUST_CHECK int docbuild_end(struct docbuild *b);

#endif
