/**
 * kubeconfigcluster - clusters[].cluster of a kubeconfig: where the server is and whom it trusts.
 */
#ifndef KUBE_KUBECONFIGCLUSTER_PRIV_H
#define KUBE_KUBECONFIGCLUSTER_PRIV_H

#include "base/json.h"
#include "kube/kubeaccess.h"

/** Fill server, tls_server_name, proxy_url, insecure and ca.  Complaints and failures go to the
 * kubeconfigread that reads `cluster`. */
void kubeconfigcluster_read(const struct json_at *cluster, struct kubeaccess *a);

/** The same as a credential plugin wants it: the spec.cluster of an ExecCredential, with the CA in
 * it.  NULL when that failed, which `cluster`'s reader knows. */
char *kubeconfigcluster_for_plugin(const struct json_at *cluster, const struct kubeaccess *a);

#endif
