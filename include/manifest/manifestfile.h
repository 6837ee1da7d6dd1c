/**
 * manifestfile - one manifest file: its text to objects, and what to keep of it when it breaks.
 *
 * Knows nothing of directories and of other files.
 */
#ifndef MANIFEST_MANIFESTFILE_H
#define MANIFEST_MANIFESTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "base/attr.h"
#include "model/object.h"
#include "model/verdict.h"

struct manifestslot;

/** What tells one state of a file from another without reading it. */
struct manifestid {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
    int error; /* errno when it cannot be looked at; EMEDIUMTYPE when it is no regular file */
};

/** An object as a file holds it. */
struct manifestobj {
    struct objmeta *meta; /* one reference */
    const char *path;     /* of the file; borrowed */
    size_t order;         /* in the file */
    struct manifestslot *slot;
    struct manifestobj *next, *prev; /* others of the same identity; see manifestindex.h */
};

/** All that one state of a file comes to. */
struct manifestcontent {
    struct manifestid id;
    bool in_motion; /* may have changed while it was read: read it again */
    struct manifestobj *objs;
    size_t n, cap;
    struct verdicts verdicts;
};

/** An empty content; allocates nothing. */
void manifestfile_init(struct manifestcontent *c);

/** Drop the objects, which no index may know any more. */
void manifestfile_fini(struct manifestcontent *c);

void manifestfile_identify(const struct stat *st, struct manifestid *out);
bool manifestfile_same_id(const struct manifestid *a, const struct manifestid *b);

/** How to read a file. */
struct manifestfile_request {
    const char *path;                   /* must outlive the content */
    const struct manifestid *id;        /* as the look at the directory found it */
    const struct manifestcontent *last; /* what it held before; NULL for nothing */
    /** The object of this identity in `last`, or NULL; may be NULL itself. */
    struct objmeta *(*find_last)(void *ctx, enum object_kind kind, const char *ns,
                                 const char *name);
    void *find_ctx;
    bool force; /* read it even if somebody is still writing */
};

/**
 * Read a file.  One that is broken as a whole keeps the objects of `last`, and an object that
 * cannot be used keeps its last version, each with an error verdict.
 *
 * Returns 0, -EAGAIN when the file is in motion and not forced, -ENOMEM; *out is an initialised
 * content and stays as it was unless 0 is returned.
 */
MUST_CHECK int manifestfile_load(const struct manifestfile_request *want,
                                 struct manifestcontent *out);

/** Read a stream to its end, as the file `path`.  Returns 0 or -ENOMEM. */
MUST_CHECK int manifestfile_load_stream(const char *path, int fd, struct manifestcontent *out);

#endif
