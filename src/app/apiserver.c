#include "app/apiserver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/options.h"
#include "manifest/yamldoc.h"

/* A watch of each kind, discovery, a probe, a request that is being retried; files; a plugin. */
#define DESCRIPTORS        24
#define DESCRIPTORS_PER_NS 4 /* Ingresses, Services, slices; a probe */

int apiserver_parse(const char *path, const char *text, size_t len, cJSON **out, struct err *e)
{
    struct yamldoc_error error;
    struct yamldoc *d = yamldoc_parse(text, len, &error);
    const struct yamldoc_fault *fault = d != NULL ? yamldoc_faults(d) : NULL;
    int rc = -EINVAL;

    (void)path; /* whoever asked puts it in front */
    if (d == NULL && error.line == 0) {
        err_set(e, "out of memory");
        return -ENOMEM;
    }
    if (d == NULL) {
        err_set(e, "line %u: %s", error.line, error.text);
        return -EINVAL;
    }
    if (fault != NULL) {
        err_set(e, "line %u: %s", fault->error.line, fault->error.text);
    } else if (yamldoc_count(d) != 1) {
        err_set(e, "%zu documents; a kubeconfig is one", yamldoc_count(d));
    } else {
        *out = cJSON_Duplicate(yamldoc_tree(d, 0), 1);
        rc = *out != NULL ? 0 : -ENOMEM;
    }
    yamldoc_free(d);
    return rc;
}

/* "sealway/0.1.0 (linux/amd64)", as Go programs call machines. */
static void write_agent(char *text, size_t size, const char *version)
{
    struct utsname u;
    const char *machine = uname(&u) == 0 ? u.machine : "unknown";

    if (strcmp(machine, "x86_64") == 0) {
        machine = "amd64";
    } else if (strcmp(machine, "aarch64") == 0) {
        machine = "arm64";
    }
    snprintf(text, size, "sealway/%.32s (linux/%.32s)", version, machine);
}

static void name_sources(struct err *e)
{
    err_set(e, "no source of objects: give --manifests DIR for files, or --kubeconfig FILE (or "
               "$KUBECONFIG) for an API server; in a pod its service account is taken");
}

static int find_access(struct apiserver *a, const struct options *o, struct err *e)
{
    const struct kubeaccess_query query = {.kubeconfig = o->kubeconfig,
                                           .context = o->context,
                                           .env = getenv("KUBECONFIG"),
                                           .host = getenv("KUBERNETES_SERVICE_HOST"),
                                           .port = getenv("KUBERNETES_SERVICE_PORT"),
                                           .parse = apiserver_parse};

    if (!kubeaccess_is_named(&query)) {
        name_sources(e);
        return -ENOENT;
    }
    return kubeaccess_find(&a->access, &query, e);
}

/* Who writes, to people and to other replicas: the pod's name, which is the host's name in it. */
static void write_names(struct apiserver *a)
{
    const char *pod = getenv("POD_NAME");

    if (pod != NULL && *pod != '\0') {
        snprintf(a->instance, sizeof(a->instance), "%s", pod);
    } else if (gethostname(a->instance, sizeof(a->instance) - 1) != 0) {
        snprintf(a->instance, sizeof(a->instance), "sealway");
    }
    snprintf(a->identity, sizeof(a->identity), "%.200s_%08x%08x", a->instance, arc4random(),
             arc4random());
}

/* In a pod unless a kubeconfig says where to look. */
static bool is_in_pod(const struct options *o)
{
    const char *env = getenv("KUBECONFIG");

    return o->kubeconfig == NULL && (env == NULL || *env == '\0');
}

static void settle_writing(struct apiserver *a, const struct options *o)
{
    const char *own = getenv("POD_NAMESPACE");

    if (own == NULL || *own == '\0') {
        own = a->access.ns != NULL && *a->access.ns != '\0' ? a->access.ns : "default";
    }
    write_names(a);
    a->writes = o->write == OPTIONS_WRITE_ON || (o->write == OPTIONS_WRITE_AUTO && is_in_pod(o));
    a->write = (struct kubewriter_config){.access = &a->access,
                                          .agent = a->agent,
                                          .identity = a->identity,
                                          .instance = a->instance,
                                          .lease_ns = own,
                                          .lease = o->election_lease,
                                          .controller_class = o->controller_class,
                                          .publish_service = o->publish_service,
                                          .publish_addresses = o->publish_addresses.items,
                                          .n_publish_addresses = o->publish_addresses.n};
}

int apiserver_find(struct apiserver *a, const struct options *o, const char *version, struct err *e)
{
    int rc;

    memset(a, 0, sizeof(*a));
    (void)prctl(PR_SET_DUMPABLE, 0);
    rc = find_access(a, o, e);
    if (rc != 0) {
        return rc;
    }
    write_agent(a->agent, sizeof(a->agent), version);
    a->config = (struct kubesource_config){.access = &a->access,
                                           .agent = a->agent,
                                           .namespaces = o->watch_namespaces.items,
                                           .n_namespaces = o->watch_namespaces.n,
                                           .endpoints = o->endpoints_api,
                                           .names_classes = o->ingress_classes.n > 0};
    settle_writing(a, o);
    return 0;
}

void apiserver_fini(struct apiserver *a)
{
    kubeaccess_fini(&a->access);
}

unsigned apiserver_descriptors(const struct options *o)
{
    return o->manifests != NULL
               ? 0
               : DESCRIPTORS + DESCRIPTORS_PER_NS * (unsigned)o->watch_namespaces.n;
}
