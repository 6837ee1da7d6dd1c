/**
 * kubeconfigexec - users[].user.exec of a kubeconfig: the credential plugin.
 */
#ifndef KUBE_KUBECONFIGEXEC_PRIV_H
#define KUBE_KUBECONFIGEXEC_PRIV_H

#include "base/json.h"
#include "kube/kubeaccess.h"

/**
 * Fill `a->exec` when there is a plugin.  The rest of `a` is there already; `cluster` is what a
 * plugin may ask to be told.  Complaints and failures go to the kubeconfigreads of the two.
 */
void kubeconfigexec_read(const struct json_at *user, const struct json_at *cluster,
                         struct kubeaccess *a);

#endif
