/**
 * manifestsource - a directory of manifests as a source.
 */
#ifndef CONTROLLER_MANIFESTSOURCE_H
#define CONTROLLER_MANIFESTSOURCE_H

#include "base/attr.h"
#include "base/err.h"
#include "controller/source.h"

/**
 * Open it; nothing is read before the first sync, and all of it then: from there on it is complete.
 * Returns 0, or -errno with `e` filled.
 */
MUST_CHECK int manifestsource_open(struct source *out, const char *path,
                                   const struct source_host *host, struct err *e);

#endif
