/**
 * object - the Kubernetes objects Sealway reads, as small structs.
 *
 * Decoded once, from a manifest file or from the API server, by the same decoders; the JSON tree
 * dies right after. Each object lives in one arena of its own and is immutable once decoded.  Only
 * the fields that routing needs are kept.  Counted with a plain integer: objects never leave the
 * thread that made them.
 */
#ifndef MODEL_OBJECT_H
#define MODEL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/netaddr.h"

enum object_kind {
    OBJECT_INGRESS,        /* networking.k8s.io/v1 */
    OBJECT_INGRESS_CLASS,  /* networking.k8s.io/v1 */
    OBJECT_SERVICE,        /* v1 */
    OBJECT_ENDPOINT_SLICE, /* discovery.k8s.io/v1 */
    OBJECT_ENDPOINTS,      /* v1 */
};
#define OBJECT_KINDS 5

struct annotation {
    const char *key, *value;
    unsigned line;
};

/** The head of every object struct: a pointer to the one is a pointer to the other. */
struct objmeta {
    enum object_kind kind;
    const char *ns; /* "" for cluster-scoped kinds; "default" where a file names none */
    const char *name;
    const char *uid;                      /* "" when absent */
    const char *resource_version;         /* "" when absent; opaque */
    int64_t created_s;                    /* Unix seconds; INT64_MAX when absent: the youngest */
    const char *file;                     /* "" when not from a file */
    unsigned line;                        /* where the object starts in it, 1-based */
    const struct annotation *annotations; /* of Ingress, IngressClass, Service; none of the others,
                                             and never kubectl's last-applied-configuration */
    size_t n_annotations;
};

/** An entry of status.loadBalancer.ingress. */
struct object_address {
    const char *ip, *hostname; /* one of them, or both; "" when absent */
    const char *more;          /* the whole entry as JSON when it says more than these; else "" */
};

enum backend_type { BACKEND_NONE, BACKEND_SERVICE, BACKEND_RESOURCE };

/** spec.defaultBackend or paths[].backend. */
struct ingress_backend {
    enum backend_type type;
    const char *service;
    const char *port_name; /* "" when by number */
    uint16_t port_number;  /* 0 when by name */
    unsigned line;         /* of the port, or of the backend when there is none */
};

struct ingress_path {
    const char *path; /* "" when absent */
    struct ingress_backend backend;
    unsigned line;
};

struct ingress_rule {
    const char *host; /* as written, valid for the API server; "" when absent */
    bool has_http;
    const struct ingress_path *paths;
    size_t n_paths;
    bool paths_refused; /* a path or its backend was not valid and is left out, as was said */
    unsigned line;
};

struct ingress {
    struct objmeta meta;
    const char *class_name; /* spec.ingressClassName; NULL when absent */
    unsigned class_line;
    struct ingress_backend default_backend;
    bool default_refused; /* there is one, but it is not valid, as was said; taken as none */
    const struct ingress_rule *rules;
    size_t n_rules;
    const struct object_address *addresses; /* its status; never judged */
    size_t n_addresses;
    bool addresses_cut; /* there is more in it than is kept here: it cannot be written back */
};

struct ingress_class {
    struct objmeta meta;
    const char *controller;
    bool is_default; /* ingressclass.kubernetes.io/is-default-class: "true" */
};

enum service_type {
    SERVICE_CLUSTER_IP,
    SERVICE_NODE_PORT,
    SERVICE_LOAD_BALANCER,
    SERVICE_EXTERNAL_NAME
};

struct service_port {
    const char *name; /* "" when unnamed */
    uint16_t number;
    bool is_tcp; /* protocol absent or TCP */
};

struct service {
    struct objmeta meta;
    enum service_type type;
    bool headless;                 /* clusterIP: None */
    struct netaddr cluster_ips[2]; /* port 0 */
    size_t n_cluster_ips;
    bool publish_not_ready; /* spec.publishNotReadyAddresses */
    const struct service_port *ports;
    size_t n_ports;
    /* Where it is reached from outside; never judged. */
    const char *cluster_ip_texts[2];        /* of cluster_ips */
    const char *external_name;              /* "" when absent */
    const char *const *external_ips;        /* valid ones */
    const struct object_address *addresses; /* of its status; `more` is always "" */
    size_t n_external_ips, n_addresses;
};

struct slice_port {
    const char *name; /* "" when absent or null */
    uint16_t number;  /* 0 when absent or null: not usable */
    bool is_tcp;
};

struct slice_endpoint {
    struct netaddr ip; /* addresses[0], port 0 */
    bool ready;        /* absent or null: true */
    bool serving;      /* absent or null: as ready */
    bool terminating;  /* absent or null: false */
};

struct endpoint_slice {
    struct objmeta meta;
    const char *service; /* label kubernetes.io/service-name; "" when absent: belongs to none */
    const struct slice_port *ports;
    size_t n_ports;
    const struct slice_endpoint *endpoints; /* none when addressType is FQDN */
    size_t n_endpoints;
    bool is_fqdn;
};

/** A subset of a legacy Endpoints object: every address on every port. */
struct endpoints_subset {
    const struct slice_port *ports;
    size_t n_ports;
    const struct netaddr *ready, *not_ready; /* port 0 */
    size_t n_ready, n_not_ready;
};

struct endpoints {
    struct objmeta meta; /* named as its Service */
    const struct endpoints_subset *subsets;
    size_t n_subsets;
};

/** One more holder.  Thread: the objects' own. */
struct objmeta *object_ref(struct objmeta *o);

/** One holder less; the last one frees.  NULL is ignored. */
void object_unref(struct objmeta *o);

/** "Ingress", "EndpointSlice", ... */
const char *object_kind_name(enum object_kind kind);

/** The value of an annotation, or NULL.  `line_out` may be NULL. */
const char *object_annotation(const struct objmeta *o, const char *key, unsigned *line_out);

#endif
