/**
 * yamldoc - YAML or JSON text to cJSON trees, with line numbers kept.
 *
 * YAML 1.1 by libyaml, resolved as Kubernetes' own tools do (JSON types only): plain scalars to
 * null, boolean, number or string; anchors and aliases are refused past a bound; merge keys,
 * tags other than the core ones and duplicate keys are faults of the document they are in.  JSON is
 * read by its own grammar, for libyaml refuses some of it.  Bounded in size, depth and nodes
 * (base/limits.h).  A NUL character, which cJSON cannot hold, becomes U+FFFD.  Knows nothing about
 * Kubernetes.
 */
#ifndef MANIFEST_YAMLDOC_H
#define MANIFEST_YAMLDOC_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/attr.h"

struct yamldoc; /* all documents of one text */

struct yamldoc_error {
    unsigned line;  /* 1-based; 0 when memory ran out: the text is not to blame */
    char text[256]; /* what is wrong, and how to mend it */
};

/**
 * What is wrong with one document and with no other: there is YAML that JSON, and so Kubernetes,
 * has no like of.  Its tree is there, with something in the place of what could not be read.
 */
struct yamldoc_fault {
    const cJSON *tree; /* NULL or a null when the document is as good as empty */
    struct yamldoc_error error;
    struct yamldoc_fault *next;
};

/**
 * Parse a whole text.  Returns the documents, or NULL with `error_out` filled: nothing is
 * half-taken from a broken text.  A fault of one document is not an error: see yamldoc_faults().
 */
MUST_CHECK struct yamldoc *yamldoc_parse(const char *text, size_t len,
                                         struct yamldoc_error *error_out);

void yamldoc_free(struct yamldoc *d);

/** Number of documents that are not empty. */
size_t yamldoc_count(const struct yamldoc *d);

/** The tree of a document, owned by `d`; to be read only (aliases share what they stand for). */
const cJSON *yamldoc_tree(const struct yamldoc *d, size_t index);

/** The faults, the first one of each document that has any, in their order; NULL when all is well.
 */
const struct yamldoc_fault *yamldoc_faults(const struct yamldoc *d);

/**
 * Line of a node of any of the trees, that of its key in a mapping; 0 when it is not one.  `ctx` is
 * the struct yamldoc: fits decode_source.
 */
unsigned yamldoc_line_of(void *ctx, const cJSON *node);

#endif
