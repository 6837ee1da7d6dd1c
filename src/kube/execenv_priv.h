/**
 * execenv - the environment of a credential plugin.
 */
#ifndef KUBE_EXECENV_PRIV_H
#define KUBE_EXECENV_PRIV_H

#include "base/attr.h"
#include "kube/kubeaccess.h"

struct execenv {
    char **vars; /* NULL-terminated; all but the first is borrowed */
    char *info;  /* KUBERNETES_EXEC_INFO=..., the first of them */
};

/**
 * What is `inherited`, with the plugin's own variables in place of those of the same name, and
 * KUBERNETES_EXEC_INFO, which tells it what is asked for.  Borrows from both.  Returns 0 or
 * -ENOMEM.
 */
MUST_CHECK int execenv_init(struct execenv *env, const struct kubeaccess_exec *exec,
                            char **inherited);

void execenv_fini(struct execenv *env);

#endif
