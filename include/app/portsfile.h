/**
 * portsfile - the file of --ports-file: what was bound, for whoever starts us with port 0.
 *
 * Looked at before anything starts, so that a mistake is told as one; an older file is taken away
 * only when this run can no longer fail to start.
 */
#ifndef APP_PORTSFILE_H
#define APP_PORTSFILE_H

#include "base/attr.h"
#include "base/err.h"

struct listeners;
struct netaddr;

/**
 * Whether `path` can be written: nothing or a regular file, in a directory where we may make files
 * (one is made beside it, and removed).  Returns 0 or -errno with `e` naming the option and the
 * mend.
 */
MUST_CHECK int portsfile_check(const char *path, struct err *e);

/** Remove the file of an earlier run, which would be taken for this one's. */
void portsfile_remove(const char *path);

/**
 * Write {"listen":["ADDR:PORT",...],"admin":"ADDR:PORT"} to `path`, whole or not at all.  Returns 0
 * or -errno with `e` filled.
 */
MUST_CHECK int portsfile_write(const struct listeners *l, const struct netaddr *admin,
                               const char *path, struct err *e);

#endif
