/**
 * kubeconfiguser - users[].user of a kubeconfig: token, client certificate, impersonation.
 */
#ifndef KUBE_KUBECONFIGUSER_PRIV_H
#define KUBE_KUBECONFIGUSER_PRIV_H

#include "base/json.h"
#include "kube/kubeaccess.h"

/**
 * Fill everything but the plugin.  What Kubernetes has given up (passwords, auth providers) is
 * refused.  Complaints and failures go to the kubeconfigread that reads `user`.
 */
void kubeconfiguser_read(const struct json_at *user, struct kubeaccess *a);

#endif
