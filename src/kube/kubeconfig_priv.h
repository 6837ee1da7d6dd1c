/**
 * kubeconfig - one or several kubeconfig files, and what a context in them amounts to.
 *
 * As kubectl merges them: of clusters, users, contexts and current-context the first file that has
 * one counts, whole; nothing is merged within an entry.  Relative paths belong to the directory of
 * the file they stand in.  Unknown fields are ignored.
 */
#ifndef KUBE_KUBECONFIG_PRIV_H
#define KUBE_KUBECONFIG_PRIV_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/limits.h"
#include "kube/kubeaccess.h"

struct kubeconfig {
    struct kubeconfig_file {
        char *path;
        cJSON *tree; /* NULL: an empty file */
    } files[LIMIT_KUBE_CONFIG_FILES];
    size_t n;
};

void kubeconfig_init(struct kubeconfig *c);

/** Free all; what was read is overwritten first. */
void kubeconfig_fini(struct kubeconfig *c);

/** Add a document that was read from `path`; `tree` (NULL or null: empty) is taken over in any
 * case.  Returns 0, -EINVAL when it is no kubeconfig or there are too many, -ENOMEM; `e` says so.
 */
MUST_CHECK int kubeconfig_add(struct kubeconfig *c, const char *path, cJSON *tree, struct err *e);

/** Read and add a file.  As kubeconfig_add(), and -ENOENT when there is none. */
MUST_CHECK int kubeconfig_load(struct kubeconfig *c, const char *path, kubeaccess_parse_fn *parse,
                               struct err *e);

/** What `context` (NULL: current-context) amounts to.  Returns 0, -EINVAL, -ENOMEM with `e`; `out`
 * is zeroed before, and filled on success only. */
MUST_CHECK int kubeconfig_resolve(const struct kubeconfig *c, const char *context,
                                  struct kubeaccess *out, struct err *e);

#endif
