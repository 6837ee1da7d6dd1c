/**
 * manifesttree - one look at a directory tree: which manifest files there are.
 *
 * Names that end in .yaml, .yml or .json and do not start with '.'; symbolic links are followed,
 * into directories too, but never into one that is being walked already.  Reads no file.
 */
#ifndef MANIFEST_MANIFESTTREE_H
#define MANIFEST_MANIFESTTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "manifest/manifestfile.h"

struct manifestwatch;

struct manifesttree_entry {
    const char *path;
    struct manifestid id;
};

struct manifesttree {
    struct manifesttree_entry *entries; /* sorted by path */
    size_t n, cap;
    const char **blind; /* directories below which nothing can be told: what was there may be */
    size_t n_blind, cap_blind;
    struct verdicts verdicts;
    dev_t dev; /* of the root */
    ino_t ino;
    struct arena arena; /* of the texts */
};

/**
 * Look at everything below `root`; `watch` (may be NULL) gets every directory before it is read, so
 * that no later change goes unnoticed.  Returns 0, or -errno with `e` filled when the root itself
 * cannot be read; *out is then empty.  Either way manifesttree_fini() is due.
 */
MUST_CHECK int manifesttree_walk(const char *root, struct manifestwatch *watch,
                                 struct manifesttree *out, struct err *e);

void manifesttree_fini(struct manifesttree *t);

/** Whether `path` lies below a directory that could not be read. */
bool manifesttree_is_blind(const struct manifesttree *t, const char *path);

#endif
