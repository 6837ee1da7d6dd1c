/**
 * manifestindex - which of several objects of one identity is the one in the store.
 *
 * Many files may hold an object of the same kind, namespace and name; the first by path, then by
 * order in the file, is used, the others are told so.  When the first goes the next takes over.
 */
#ifndef MANIFEST_MANIFESTINDEX_H
#define MANIFEST_MANIFESTINDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/siphash.h"
#include "manifest/manifestfile.h"

struct store;

/** By what an object is known. */
struct manifestindex_id {
    enum object_kind kind;
    const char *ns, *name;
};

struct manifestindex {
    struct store *store;          /* borrowed */
    struct manifestslot *slots;   /* uthash by identity */
    struct manifestslot *touched; /* those that may differ from the store */
    size_t surplus;               /* objects beyond the first of their identity */
    struct siphash_key hash_key;  /* names come from outside */
};

/** An empty index over an empty store; allocates nothing. */
void manifestindex_init(struct manifestindex *ix, struct store *store);

/** Forget every object, leaving the store as it is. */
void manifestindex_fini(struct manifestindex *ix);

/** Make room for the objects of a content, so that attaching cannot fail.  0 or -ENOMEM. */
MUST_CHECK int manifestindex_prepare(struct manifestindex *ix, struct manifestcontent *c);

/** Enter the objects of a prepared content; they stay where they are until detached. */
void manifestindex_attach(struct manifestindex *ix, struct manifestcontent *c);

/** Take them out again. */
void manifestindex_detach(struct manifestindex *ix, struct manifestcontent *c);

/**
 * Bring the store up to date.  *changed_out is set to true if it differs from before.  Returns 0,
 * or -ENOMEM: what is missing is caught up by the next call.
 */
MUST_CHECK int manifestindex_settle(struct manifestindex *ix, bool *changed_out);

/** The object of an identity that the file `path` holds, or NULL. */
struct objmeta *manifestindex_find(const struct manifestindex *ix,
                                   const struct manifestindex_id *id, const char *path);

/** After settling: a verdict on each object of `c` that is not the first of its identity. */
void manifestindex_verdicts(const struct manifestindex *ix, const struct manifestcontent *c,
                            struct verdicts *v);

/** The words for an object that was met before, for index and one-time reading alike. */
void manifestindex_tell_duplicate(const struct objmeta *again, const struct objmeta *first,
                                  struct verdicts *v);

#endif
