/**
 * kubewarnings - what the API server warns of (RFC 7234 5.5), each text logged once.
 */
#ifndef KUBE_KUBEWARNINGS_PRIV_H
#define KUBE_KUBEWARNINGS_PRIV_H

#include <stddef.h>

#include "base/limits.h"

/** Texts told already.  Zeroed there are none. */
struct kubewarnings {
    char *told[LIMIT_KUBE_WARNINGS];
    size_t n;
};

/** Log what a header line says if it is a warning and new; beyond the cap nothing is new. */
void kubewarnings_hear(struct kubewarnings *w, const char *line, size_t len);

void kubewarnings_fini(struct kubewarnings *w);

#endif
