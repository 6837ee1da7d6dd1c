#include "kubesame_priv.h"

#include <string.h>

#include "base/netaddr.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_meta(const struct objmeta *a, const struct objmeta *b)
{
    if (!same_text(a->uid, b->uid) || a->created_s != b->created_s ||
        a->n_annotations != b->n_annotations) {
        return false;
    }
    for (size_t i = 0; i < a->n_annotations; i++) {
        if (!same_text(a->annotations[i].key, b->annotations[i].key) ||
            !same_text(a->annotations[i].value, b->annotations[i].value)) {
            return false;
        }
    }
    return true;
}

static bool same_addresses(const struct netaddr *a, const struct netaddr *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!netaddr_equal(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}

/* ---- Ingress and IngressClass ---------------------------------------------------------------- */

static bool same_backend(const struct ingress_backend *a, const struct ingress_backend *b)
{
    return a->type == b->type && same_text(a->service, b->service) &&
           same_text(a->port_name, b->port_name) && a->port_number == b->port_number;
}

static bool same_rule(const struct ingress_rule *a, const struct ingress_rule *b)
{
    if (!same_text(a->host, b->host) || a->has_http != b->has_http ||
        a->paths_refused != b->paths_refused || a->n_paths != b->n_paths) {
        return false;
    }
    for (size_t i = 0; i < a->n_paths; i++) {
        if (!same_text(a->paths[i].path, b->paths[i].path) ||
            !same_backend(&a->paths[i].backend, &b->paths[i].backend)) {
            return false;
        }
    }
    return true;
}

static bool same_ingress(const struct ingress *a, const struct ingress *b)
{
    if (!same_text(a->class_name, b->class_name) || a->default_refused != b->default_refused ||
        !same_backend(&a->default_backend, &b->default_backend) || a->n_rules != b->n_rules) {
        return false;
    }
    for (size_t i = 0; i < a->n_rules; i++) {
        if (!same_rule(&a->rules[i], &b->rules[i])) {
            return false;
        }
    }
    return true;
}

static bool same_class(const struct ingress_class *a, const struct ingress_class *b)
{
    return same_text(a->controller, b->controller) && a->is_default == b->is_default;
}

/* ---- Service --------------------------------------------------------------------------------- */

static bool same_service(const struct service *a, const struct service *b)
{
    if (a->type != b->type || a->headless != b->headless ||
        a->publish_not_ready != b->publish_not_ready || a->n_cluster_ips != b->n_cluster_ips ||
        a->n_ports != b->n_ports ||
        !same_addresses(a->cluster_ips, b->cluster_ips, a->n_cluster_ips)) {
        return false;
    }
    for (size_t i = 0; i < a->n_ports; i++) {
        const struct service_port *x = &a->ports[i], *y = &b->ports[i];

        if (!same_text(x->name, y->name) || x->number != y->number || x->is_tcp != y->is_tcp) {
            return false;
        }
    }
    return true;
}

/* ---- EndpointSlice and Endpoints ------------------------------------------------------------- */

static bool same_ports(const struct slice_port *a, const struct slice_port *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!same_text(a[i].name, b[i].name) || a[i].number != b[i].number ||
            a[i].is_tcp != b[i].is_tcp) {
            return false;
        }
    }
    return true;
}

static bool same_slice(const struct endpoint_slice *a, const struct endpoint_slice *b)
{
    if (!same_text(a->service, b->service) || a->is_fqdn != b->is_fqdn ||
        a->n_ports != b->n_ports || a->n_endpoints != b->n_endpoints ||
        !same_ports(a->ports, b->ports, a->n_ports)) {
        return false;
    }
    for (size_t i = 0; i < a->n_endpoints; i++) {
        const struct slice_endpoint *x = &a->endpoints[i], *y = &b->endpoints[i];

        if (!netaddr_equal(&x->ip, &y->ip) || x->ready != y->ready || x->serving != y->serving ||
            x->terminating != y->terminating) {
            return false;
        }
    }
    return true;
}

static bool same_endpoints(const struct endpoints *a, const struct endpoints *b)
{
    if (a->n_subsets != b->n_subsets) {
        return false;
    }
    for (size_t i = 0; i < a->n_subsets; i++) {
        const struct endpoints_subset *x = &a->subsets[i], *y = &b->subsets[i];

        if (x->n_ports != y->n_ports || x->n_ready != y->n_ready ||
            x->n_not_ready != y->n_not_ready || !same_ports(x->ports, y->ports, x->n_ports) ||
            !same_addresses(x->ready, y->ready, x->n_ready) ||
            !same_addresses(x->not_ready, y->not_ready, x->n_not_ready)) {
            return false;
        }
    }
    return true;
}

bool kubesame_routes(const struct objmeta *a, const struct objmeta *b)
{
    const void *x = a, *y = b;

    if (a->kind != b->kind || !same_meta(a, b)) {
        return false;
    }
    switch (a->kind) {
    case OBJECT_INGRESS:
        return same_ingress(x, y);
    case OBJECT_INGRESS_CLASS:
        return same_class(x, y);
    case OBJECT_SERVICE:
        return same_service(x, y);
    case OBJECT_ENDPOINT_SLICE:
        return same_slice(x, y);
    case OBJECT_ENDPOINTS:
        return same_endpoints(x, y);
    }
    return false;
}
