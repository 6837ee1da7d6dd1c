/**
 * apiserver - which API server objects come from, found out before anything starts.
 */
#ifndef APP_APISERVER_H
#define APP_APISERVER_H

#include "base/attr.h"
#include "base/err.h"
#include "controller/kubesource.h"
#include "controller/kubewriter.h"
#include "kube/kubeaccess.h"

struct options;

struct apiserver {
    struct kubeaccess access;
    char agent[96];
    char instance[256];              /* the pod's name, or the machine's */
    char identity[288];              /* and what tells two lives of it apart */
    struct kubesource_config config; /* borrows from these, and from the options */
    struct kubewriter_config write;  /* likewise */
    bool writes;                     /* whether anything is written at all */
};

/**
 * Find out by options, environment and service account; `version` is the program's.  From here on
 * the process leaves no core dump and cannot be read by others of its user, for it holds
 * credentials.
 *
 * Returns 0, -ENOENT when no source is named at all, -EINVAL or -ENOMEM, with `e` filled.
 * apiserver_fini() is due after 0.
 */
MUST_CHECK int apiserver_find(struct apiserver *a, const struct options *o, const char *version,
                              struct err *e);

/** A zeroed one is accepted. */
void apiserver_fini(struct apiserver *a);

/** Descriptors it may hold open: connections, files, a plugin's pipes. */
unsigned apiserver_descriptors(const struct options *o);

/** Read a kubeconfig's text, which is YAML or JSON: a kubeaccess_parse_fn. */
MUST_CHECK int apiserver_parse(const char *path, const char *text, size_t len, cJSON **out,
                               struct err *e);

#endif
