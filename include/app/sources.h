/**
 * sources - where objects come from, looked at before anything starts.
 */
#ifndef APP_SOURCES_H
#define APP_SOURCES_H

#include "base/attr.h"
#include "base/err.h"

/** Whether --manifests names a directory we may read.  0 or -errno with `e` filled. */
MUST_CHECK int sources_check_manifests(const char *path, struct err *e);

/** Say that --manifests cannot be read, why, and what to give instead. */
void sources_refuse_manifests(const char *path, int error, struct err *e);

#endif
