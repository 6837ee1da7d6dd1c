/**
 * snapshot - manifests read once, and the table they come to: what `check` and `explain` look at.
 */
#ifndef SEALWAY_SNAPSHOT_H
#define SEALWAY_SNAPSHOT_H

#include <stddef.h>

#include "base/attr.h"
#include "controller/translate.h"
#include "controller/unserved.h"
#include "model/verdict.h"

struct store;
struct registry;
struct report;
struct table;

struct snapshot {
    struct store *store;
    struct registry *registry;
    struct table *table;
    struct verdicts verdicts; /* sorted */
    struct unserved unserved;
};

/** Read every path, a file that several name once, and translate.  0 or -ENOMEM; snapshot_fini() is
 * due in both cases. */
MUST_CHECK int snapshot_init(struct snapshot *s, const struct translate_config *cfg,
                             const char *const *paths, size_t n_paths);

/** All that is known beside the table, as a running instance would report it.  The caller owns the
 * reference.  NULL without memory. */
MUST_CHECK struct report *snapshot_report(const struct snapshot *s);

void snapshot_fini(struct snapshot *s);

#endif
