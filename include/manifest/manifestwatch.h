/**
 * manifestwatch - inotify as a door bell: something below may have changed.
 *
 * What changed is found out by looking at the tree, so no event can be misread and none that is
 * lost to a full queue matters.
 */
#ifndef MANIFEST_MANIFESTWATCH_H
#define MANIFEST_MANIFESTWATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/** A set of watch descriptors. */
struct manifestwatch_set {
    int *wds;
    size_t n, cap;
};

struct manifestwatch {
    int fd;                         /* -1 when not open */
    struct manifestwatch_set held;  /* as of the last finished round */
    struct manifestwatch_set round; /* asked for in this one */
};

/** Open the descriptor.  Returns 0 or -errno. */
MUST_CHECK int manifestwatch_init(struct manifestwatch *w);
void manifestwatch_fini(struct manifestwatch *w);

/** Watch the directory that `path` leads to, through symbolic links.  0 or -errno. */
MUST_CHECK int manifestwatch_directory(struct manifestwatch *w, const char *path);

/** Watch the file that the symbolic link `path` leads to, in a directory nobody watches. */
MUST_CHECK int manifestwatch_file(struct manifestwatch *w, const char *path);

/** Everything to be watched was asked for: let go of the rest. */
void manifestwatch_finish(struct manifestwatch *w);

/** The round was broken off: let go of nothing. */
void manifestwatch_abandon(struct manifestwatch *w);

/** Silence the bell.  Returns whether it had rung. */
bool manifestwatch_drain(struct manifestwatch *w);

#endif
