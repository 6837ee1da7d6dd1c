#include "app/optionpairs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/k8sname.h"

/* Whether binding `a` takes all that `b` would.  [::] is bound dual stack. */
static bool covers(const struct netaddr *a, const struct netaddr *b)
{
    return netaddr_is_unspecified(a) && (a->family == AF_INET6 || a->family == b->family);
}

static int check_two(const struct netaddr *a, const struct netaddr *b, struct err *e)
{
    char text_a[NETADDR_TEXT_MAX], text_b[NETADDR_TEXT_MAX];

    if (a->port != b->port || a->port == 0) {
        return 0; /* each port 0 takes a free one of its own */
    }
    netaddr_format(a, text_a);
    netaddr_format(b, text_b);
    if (netaddr_equal(a, b)) {
        err_set(e, "--listen %s: given twice; leave one out", text_a);
        return -EINVAL;
    }
    if (covers(a, b)) {
        err_set(e, "--listen %s: --listen %s takes its connections already; leave one out", text_b,
                text_a);
        return -EINVAL;
    }
    return 0;
}

static int check_listen(const struct options *o, struct err *e)
{
    for (size_t i = 0; i < o->n_listen; i++) {
        for (size_t j = i + 1; j < o->n_listen; j++) {
            int rc = check_two(&o->listen[i], &o->listen[j], e);

            if (rc == 0) {
                rc = check_two(&o->listen[j], &o->listen[i], e);
            }
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

/* The admin port is bound alone, so the kernel would call it a stranger's address. */
static int check_admin(const struct options *o, struct err *e)
{
    char text[NETADDR_TEXT_MAX];

    for (size_t i = 0; i < o->n_listen && o->admin.port != 0; i++) {
        const struct netaddr *l = &o->listen[i];

        if (l->port == o->admin.port &&
            (netaddr_equal(l, &o->admin) || covers(l, &o->admin) || covers(&o->admin, l))) {
            err_set(e, "--admin %s: --listen has that port; choose another one",
                    netaddr_format(&o->admin, text));
            return -EINVAL;
        }
    }
    return 0;
}

/* What says something about an API server; NULL: nothing. */
static const char *about_api_server(const struct options *o)
{
    const struct {
        const char *name;
        bool given;
    } all[] = {{"context", o->context != NULL},
               {"watch-namespace", o->watch_namespaces.n > 0},
               {"endpoints-api", o->endpoints_api != ENDPOINTS_AUTO},
               {"write", o->write == OPTIONS_WRITE_ON},
               {"publish-service", o->publish_service != NULL},
               {"publish-address", o->publish_addresses.n > 0}};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i].given) {
            return all[i].name;
        }
    }
    return NULL;
}

static int check_sources(const struct options *o, struct err *e)
{
    const char *useless = about_api_server(o);

    if (o->manifests != NULL && useless != NULL) {
        err_set(e,
                "--%s is about an API server, and --manifests takes objects from files; leave one "
                "out",
                useless);
        return -EINVAL;
    }
    if (o->watch_namespaces.n > LIMIT_KUBE_NAMESPACES) {
        err_set(e,
                "--watch-namespace: %zu namespaces, and %u are the most; leave it out to watch all",
                o->watch_namespaces.n, LIMIT_KUBE_NAMESPACES);
        return -EINVAL;
    }
    return 0;
}

static bool is_service_name(const char *text)
{
    const char *slash = strchr(text, '/');
    char ns[64];

    if (slash == NULL || (size_t)(slash - text) >= sizeof(ns)) {
        return false;
    }
    snprintf(ns, sizeof(ns), "%.*s", (int)(slash - text), text);
    return k8sname_is_label(ns) && k8sname_is_label(slash + 1);
}

/* Whether a Service, NAMESPACE/NAME, is among what is watched. */
static bool is_watched(const struct options *o, const char *service)
{
    size_t len = strcspn(service, "/");

    for (size_t i = 0; i < o->watch_namespaces.n; i++) {
        const char *ns = o->watch_namespaces.items[i];

        if (strlen(ns) == len && memcmp(ns, service, len) == 0) {
            return true;
        }
    }
    return o->watch_namespaces.n == 0;
}

static int check_publish(const struct options *o, struct err *e)
{
    if (o->publish_service != NULL && o->publish_addresses.n > 0) {
        err_set(e, "--publish-service and --publish-address: one takes the place of the other; "
                   "leave one out");
        return -EINVAL;
    }
    if (o->publish_service != NULL && !is_service_name(o->publish_service)) {
        err_set(e, "--publish-service %.100s: not the name of a Service; write NAMESPACE/NAME",
                o->publish_service);
        return -EINVAL;
    }
    if (o->publish_service != NULL && !is_watched(o, o->publish_service)) {
        err_set(e,
                "--publish-service %.100s: its namespace is not watched; add --watch-namespace "
                "%.*s, or use --publish-address",
                o->publish_service, (int)strcspn(o->publish_service, "/"), o->publish_service);
        return -EINVAL;
    }
    if (o->election_lease != NULL && !k8sname_is_subdomain(o->election_lease)) {
        err_set(e,
                "--election-lease %.100s: not the name of an object; write lower-case letters, "
                "digits, - and .",
                o->election_lease);
        return -EINVAL;
    }
    return 0;
}

int optionpairs_check(const struct options *o, struct err *e)
{
    int rc = check_sources(o, e);

    if (rc == 0) {
        rc = check_publish(o, e);
    }
    if (rc != 0) {
        return rc;
    }
    if (o->ingress_class_only && o->ingress_without_class) {
        err_set(e, "--ingress-class-only and --ingress-without-class contradict each other: the "
                   "one serves named classes only, the other Ingresses without one; leave one out");
        return -EINVAL;
    }
    rc = check_listen(o, e);
    return rc == 0 ? check_admin(o, e) : rc;
}
