/**
 * tempdir - a directory of a test's own, removed with everything in it.
 *
 * A test cannot go on without its files, so every failure here prints its cause and aborts.
 */
#ifndef SUPPORT_TEMPDIR_H
#define SUPPORT_TEMPDIR_H

#include <limits.h>
#include <stddef.h>

struct tempdir {
    char path[PATH_MAX / 2]; /* absolute, without a final slash; "" once removed */
};

/** Make a new empty directory below $TMPDIR or /tmp. */
void tempdir_make(struct tempdir *d);

/** Put the path of `name` inside the directory into `out`; returns `out`. */
const char *tempdir_path(const struct tempdir *d, const char *name, char out[PATH_MAX]);

/** Write `text` to the file `name` ("a/b.yaml" makes "a" too), in place of what it held. */
void tempdir_write(const struct tempdir *d, const char *name, const char *text);

/** As tempdir_write() for any bytes. */
void tempdir_write_bytes(const struct tempdir *d, const char *name, const void *bytes, size_t len);

/** Like tempdir_write(), but the file appears whole, as by an editor's or kubelet's rename(2). */
void tempdir_replace(const struct tempdir *d, const char *name, const char *text);

/** Make the directory `name` and those above it. */
void tempdir_mkdir(const struct tempdir *d, const char *name);

/** Remove the tree, following no symbolic link.  A removed or zeroed tempdir is ignored. */
void tempdir_remove(struct tempdir *d);

#endif
