/**
 * kubepath - where a collection is to be had.
 */
#ifndef KUBE_KUBEPATH_PRIV_H
#define KUBE_KUBEPATH_PRIV_H

#include "base/attr.h"

struct kuberesource;

/** "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"; of all namespaces for a NULL `ns`.
 * Owned by the caller; NULL without memory. */
MUST_CHECK char *kubepath_collection(const struct kuberesource *resource, const char *ns);

/** What a label selector adds to a query: "&labelSelector=a%3Db", or "" for NULL.  Likewise. */
MUST_CHECK char *kubepath_selector(const char *labels);

/** The path of one request; `query` may be "".  Likewise. */
MUST_CHECK char *kubepath_request(const char *collection, const char *query, const char *selector);

#endif
