/**
 * manifestdir - a tree of manifest files as a source of objects.
 *
 * Reads every .yaml, .yml and .json file below a directory (names starting with '.' are passed
 * over, which also hides the ..data links behind a mounted ConfigMap), keeps each file's objects,
 * and puts them into a store.  A file that breaks keeps its last good objects and says so.  Changes
 * are noticed by inotify: writes, renames over, symlink swaps, new and vanished directories.
 * Thread: the owner.
 */
#ifndef MANIFEST_MANIFESTDIR_H
#define MANIFEST_MANIFESTDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct manifestdir;
struct store;
struct verdicts;

/**
 * A source that reads below `path` into `store` (borrowed).  Nothing is read yet.  Returns NULL
 * with `e` filled when the directory cannot be read or watched.
 */
MUST_CHECK struct manifestdir *manifestdir_open(const char *path, struct store *store,
                                                struct err *e);

void manifestdir_close(struct manifestdir *m);

/** The inotify descriptor: readable when something below may have changed. */
int manifestdir_fd(const struct manifestdir *m);

struct manifestdir_change {
    unsigned files_read; /* files that were new or changed */
    bool changed;        /* the store differs from before */
    bool retry;          /* something was in motion (a file being written): sync again soon */
};

/** Silence the descriptor without looking at the tree.  Returns whether there was a notice. */
bool manifestdir_drain(struct manifestdir *m);

/**
 * Whether the path leads to another directory than at the last sync (or to one again, when that
 * failed): what no watch tells, for the change is above.  Cost: one stat(2).
 */
bool manifestdir_is_stale(const struct manifestdir *m);

/** Let the next sync read every file again, changed or not. */
void manifestdir_reread(struct manifestdir *m);

/**
 * Swallow pending notices, look at the tree, read what changed, bring the store up to date.  The
 * first call reads everything.
 *
 * Returns 0, or -errno with `e` filled when the tree as a whole could not be read; the store then
 * stays as it was.  (Out of memory it may hold a part of what is new; the next sync catches up.)
 */
MUST_CHECK int manifestdir_sync(struct manifestdir *m, struct manifestdir_change *out,
                                struct err *e);

/** Every verdict standing about the files as they are now (appended to `v`). */
void manifestdir_verdicts(const struct manifestdir *m, struct verdicts *v);

/**
 * Read one file, directory or "-" (stdin) once, into a store: what `check` does.  A file that
 * cannot be opened is an error verdict.  Returns 0, -ENOMEM.
 */
MUST_CHECK int manifestdir_read_once(const char *path, struct store *store, struct verdicts *v);

#endif
