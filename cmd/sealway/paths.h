/**
 * paths - arguments that name the same files, each file to be read once.
 */
#ifndef SEALWAY_PATHS_H
#define SEALWAY_PATHS_H

#include <stddef.h>

#include "base/attr.h"

/**
 * Write the paths that have to be read to `kept_out` (room for `n`), in their order: less those all
 * of whose files (the same device and inode) others name too, as `dir/a.yaml` beside `dir`.  What
 * cannot be looked at is kept, for reading it tells why.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int paths_distinct(const char *const *paths, size_t n, const char **kept_out,
                              size_t *n_kept_out);

#endif
