/**
 * execspawn - start the program of a credential plugin, with pipes for what it says.
 */
#ifndef KUBE_EXECSPAWN_PRIV_H
#define KUBE_EXECSPAWN_PRIV_H

#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "kube/kubeaccess.h"

struct execspawn {
    pid_t pid;    /* also its process group */
    int out, err; /* its stdout and stderr; not blocking */
};

/**
 * Run it: looked up in $PATH unless it has a slash; stdin empty; no signal blocked, ignored or
 * caught; no other descriptor.  Returns 0, or -errno with `e`, which names it and how to get it.
 */
MUST_CHECK int execspawn_start(struct execspawn *out, const struct kubeaccess_exec *exec,
                               struct err *e);

#endif
