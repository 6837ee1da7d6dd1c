/**
 * kubefile - one small file, which may be secret, as text.
 *
 * Opened by its path each time: the kubelet renews files by swapping a link.
 */
#ifndef KUBE_KUBEFILE_PRIV_H
#define KUBE_KUBEFILE_PRIV_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/**
 * Read a regular file of at most `max` bytes without a NUL.  `*out` is terminated, to be freed with
 * secret_free().  Returns 0; -ENOENT, -EINVAL or another -errno, -ENOMEM, with `e` saying why in
 * words that follow the name of the file.
 */
MUST_CHECK int kubefile_read(const char *path, size_t max, char **out, struct err *e);

/** `name` as seen from a file at `beside`: itself when absolute, or else in the directory of
 * `beside`.  NULL without memory. */
MUST_CHECK char *kubefile_path(const char *beside, const char *name);

#endif
