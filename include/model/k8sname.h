/**
 * k8sname - what the API server accepts as names, hosts and port names.
 *
 * The rules of k8s.io/apimachinery/pkg/util/validation, no stricter and no laxer: what these refuse
 * could never be in a cluster.  Whether a name can be looked up by SNI is route/hostname's matter.
 */
#ifndef MODEL_K8SNAME_H
#define MODEL_K8SNAME_H

#include <stdbool.h>

/** A DNS-1123 label, as a Namespace has: [a-z0-9-], 63 at most, ends alphanumeric. */
bool k8sname_is_label(const char *name);

/**
 * A DNS-1123 subdomain, as an Ingress or an IngressClass has: such labels (of any length, as in the
 * API server) joined by dots, 253 at most.
 */
bool k8sname_is_subdomain(const char *name);

/** A Service's name: a DNS-1035 label, or since Kubernetes 1.34 a DNS-1123 label.  Both pass. */
bool k8sname_is_service(const char *name);

/** The name of a Service port in an Ingress: RFC 6335, [a-z0-9-], 15 at most, one letter. */
bool k8sname_is_port(const char *name);

/** The key of an annotation or a label: [subdomain/]name, the name of 63 [A-Za-z0-9_.-] at most. */
bool k8sname_is_qualified(const char *key);

/** A controller in an IngressClass: subdomain/path. */
bool k8sname_is_controller(const char *name);

/**
 * What is wrong with the host of a rule, and how to mend it; NULL when it is a subdomain, or "*."
 * and a subdomain.  The text is static.
 */
const char *k8sname_host_fault(const char *host);

#endif
