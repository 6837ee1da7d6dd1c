#include "controller/servicepool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/limits.h"
#include "controller/serviceport.h"
#include "controller/serviceset.h"
#include "controller/unserved.h"
#include "model/annotation.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/table_builder.h"

#define PORT_TEXT                                                                                  \
    320 /* a port name as written is an IANA name of 15 bytes; a file may hold more                \
         */
#define PORTS_TEXT 400
#define POOL_NAME  32

/** A pool that needs words each time somebody asks for it; those without fault have no entry. */
struct pool_fault {
    const struct builder_pool *pool;
    struct endpointfill_count count;
    UT_hash_handle hh;
};

void servicepool_init(struct servicepool *p, const struct endpointfill *env,
                      struct serviceset *worded)
{
    p->worded = worded;
    endpointfill_init(&p->fill, env);
    p->faults = NULL;
    onceset_init(&p->judged);
}

void servicepool_fini(struct servicepool *p)
{
    struct pool_fault *f = p->faults;

    HASH_CLEAR(hh, p->faults); /* frees the table; the entries keep their order */
    while (f) {
        struct pool_fault *next = f->hh.next;

        free(f);
        f = next;
    }
    onceset_fini(&p->judged);
    endpointfill_fini(&p->fill);
}

/** The pool of a backend without endpoints to look for: claimed, and answered with an error, for
 * the reason just said. */
static int empty_pool(struct servicepool *p, const struct servicepool_request *want,
                      struct builder_pool **out)
{
    char port[PORT_TEXT];
    const struct unserved_pool fault = {
        .ns = want->ingress->meta.ns,
        .service = want->backend->service,
        .port = serviceport_as_written(want->backend, port, sizeof(port)),
        .said = unserved_said(p->fill.verdicts, 0),
    };
    bool is_new;

    *out = table_builder_pool(p->fill.builder, fault.ns, fault.service, fault.port, &is_new);
    if (!*out) {
        return -ENOMEM;
    }
    if (is_new) {
        unserved_add_pool(p->fill.unserved, &fault);
    }
    return 0;
}

static void tell_no_service(struct servicepool *p, const struct servicepool_request *want)
{
    const struct objmeta *about = &want->ingress->meta;

    verdicts_add(p->fill.verdicts, about, want->backend->line, VERDICT_WARNING, "ServiceNotFound",
                 "there is no Service %s/%s; create it, or name another one; until then its hosts "
                 "are answered with an error",
                 about->ns, want->backend->service);
}

static void tell_external_name(struct servicepool *p, const struct servicepool_request *want)
{
    const struct objmeta *about = &want->ingress->meta;

    verdicts_add(p->fill.verdicts, about, want->backend->line, VERDICT_WARNING,
                 "ExternalNameUnsupported",
                 "Service %s/%s is of type ExternalName, which is not supported; use a Service "
                 "without selector and an EndpointSlice with the addresses",
                 about->ns, want->backend->service);
}

static void tell_port(struct servicepool *p, const struct servicepool_request *want,
                      const struct service *svc, enum serviceport_answer answer)
{
    const struct objmeta *about = &want->ingress->meta;
    char port[PORT_TEXT], ports[PORTS_TEXT];

    serviceport_as_written(want->backend, port, sizeof(port));
    serviceport_list(svc, ports, sizeof(ports));
    if (answer == SERVICEPORT_NOT_TCP) {
        verdicts_add(p->fill.verdicts, about, want->backend->line, VERDICT_ERROR,
                     "ServicePortNotTCP",
                     "port %s of Service %s/%s is not a TCP port, and TLS needs one; it has %s",
                     port, about->ns, want->backend->service, ports);
        return;
    }
    verdicts_add(p->fill.verdicts, about, want->backend->line, VERDICT_ERROR, "ServicePortNotFound",
                 "Service %s/%s has no port %s; it has %s", about->ns, want->backend->service, port,
                 ports);
}

/** Why a pool stayed empty, in words. */
static void describe_emptiness(const struct service_port *port, const struct endpointfill_count *n,
                               char *text, size_t size)
{
    if (n->objects == 0) {
        snprintf(text, size, "there is no EndpointSlice for it");
    } else if (n->matching == 0 && n->unnumbered > 0) {
        snprintf(text, size, "its EndpointSlices give port \"%.63s\" no number", port->name);
    } else if (n->matching == 0 && *port->name) {
        snprintf(text, size, "no EndpointSlice of it has a TCP port named \"%.63s\"", port->name);
    } else if (n->matching == 0) {
        snprintf(text, size, "no EndpointSlice of it has a TCP port without a name");
    } else if (n->seen == 0) {
        snprintf(text, size, "its EndpointSlices hold no endpoint");
    } else if (n->refused > 0) {
        snprintf(text, size, "none of its %zu endpoints has an address that may be used", n->seen);
    } else {
        snprintf(text, size, "none of its %zu endpoints is ready", n->seen);
    }
}

static void tell_fault(struct servicepool *p, const struct servicepool_request *want,
                       const struct service_port *port, const struct endpointfill_count *n)
{
    const struct objmeta *about = &want->ingress->meta;
    char why[160];

    if (n->full) {
        verdicts_add(p->fill.verdicts, about, want->backend->line, VERDICT_WARNING,
                     "TooManyEndpoints",
                     "Service %s/%s has more endpoints than a route can hold (%u); the rest is "
                     "left out",
                     about->ns, want->backend->service, LIMIT_ENDPOINTS_PER_POOL);
        return;
    }
    describe_emptiness(port, n, why, sizeof(why));
    verdicts_add(p->fill.verdicts, about, want->backend->line, VERDICT_WARNING, "NoEndpoints",
                 "Service %s/%s has no usable endpoint for port %u: %s; until it has one its hosts "
                 "are answered with an error",
                 about->ns, want->backend->service, (unsigned)port->number, why);
}

static int remember_fault(struct servicepool *p, const struct builder_pool *pool,
                          const struct endpointfill_count *count)
{
    struct pool_fault *f = calloc(1, sizeof(*f));

    if (!f) {
        return -ENOMEM;
    }
    f->pool = pool;
    f->count = *count;
    HASH_ADD_PTR(p->faults, pool, f);
    if (!f->hh.tbl) {
        free(f);
        return -ENOMEM;
    }
    return 0;
}

static int fill(struct servicepool *p, const struct service *svc, const struct service_port *port,
                bool cluster_ip, struct builder_pool *pool)
{
    struct endpointfill_count count;
    int rc = cluster_ip ? endpointfill_cluster_ips(&p->fill, svc, port, pool, &count)
                        : endpointfill_endpoints(&p->fill, svc, port, pool, &count);

    /* Of two ports with one number it shows nowhere whose endpoints these are. */
    if (rc == 0 && p->worded && (count.told || count.full || !serviceport_is_alone(svc, port))) {
        serviceset_add(p->worded, svc->meta.ns, svc->meta.name);
    }
    if (rc == 0 && (count.added == 0 || count.full)) {
        rc = remember_fault(p, pool, &count);
    }
    return rc;
}

/* No port name holds a '/', so the two ways to reach one port are two pools. */
static void name_pool(const struct service_port *port, bool cluster_ip, char name[POOL_NAME])
{
    (void)snprintf(name, POOL_NAME, cluster_ip ? "%u/cluster-ip" : "%u", (unsigned)port->number);
}

const struct service_port *servicepool_port_of(const struct service *svc, const char *name)
{
    char own[POOL_NAME];

    for (size_t i = 0; i < svc->n_ports && svc->type != SERVICE_EXTERNAL_NAME; i++) {
        name_pool(&svc->ports[i], false, own);
        if (svc->ports[i].is_tcp && strcmp(own, name) == 0) {
            return &svc->ports[i];
        }
    }
    return NULL;
}

static int resolve_port(struct servicepool *p, const struct servicepool_request *want,
                        const struct service *svc, const struct service_port *port,
                        struct builder_pool **out)
{
    bool cluster_ip = want->service_upstream && !svc->headless && svc->n_cluster_ips > 0;
    const struct pool_fault *fault;
    struct builder_pool *pool;
    char key[POOL_NAME];
    bool is_new;
    int rc;

    if (want->service_upstream && !cluster_ip) {
        verdicts_add(p->fill.verdicts, &want->ingress->meta, want->backend->line, VERDICT_WARNING,
                     "NoClusterIP",
                     "sealway.io/service-upstream has no effect: Service %s/%s has no ClusterIP; "
                     "its endpoints are used",
                     svc->meta.ns, svc->meta.name);
    }
    name_pool(port, cluster_ip, key);
    pool = table_builder_pool(p->fill.builder, svc->meta.ns, svc->meta.name, key, &is_new);
    if (!pool) {
        return -ENOMEM;
    }
    rc = is_new ? fill(p, svc, port, cluster_ip, pool) : 0;
    if (rc != 0) {
        return rc;
    }
    HASH_FIND_PTR(p->faults, &pool, fault);
    if (fault) {
        tell_fault(p, want, port, &fault->count);
    }
    if (fault && is_new) {
        const struct unserved_pool at_fault = {
            .ns = svc->meta.ns,
            .service = svc->meta.name,
            .port = key,
            .said = unserved_said(p->fill.verdicts, 0),
        };

        unserved_add_pool(p->fill.unserved, &at_fault);
    }
    *out = pool;
    return 0;
}

static void judge_annotations(struct servicepool *p, const struct service *svc)
{
    size_t before = p->fill.verdicts->n;

    if (svc->meta.n_annotations > 0 && onceset_add(&p->judged, svc, 0)) {
        annotation_read_service(&svc->meta, p->fill.verdicts);
    }
    if (p->fill.verdicts->n > before && p->worded) {
        serviceset_add(p->worded, svc->meta.ns, svc->meta.name);
    }
}

int servicepool_resolve(struct servicepool *p, const struct servicepool_request *want,
                        struct builder_pool **out)
{
    const struct service *svc =
        store_find_backend(p->fill.store, want->ingress, want->backend->service);
    const struct service_port *port = NULL;
    enum serviceport_answer answer;

    if (!svc) {
        tell_no_service(p, want);
        return empty_pool(p, want, out);
    }
    judge_annotations(p, svc);
    if (svc->type == SERVICE_EXTERNAL_NAME) {
        tell_external_name(p, want);
        return empty_pool(p, want, out);
    }
    answer = serviceport_find(svc, want->backend, &port);
    if (answer != SERVICEPORT_FOUND) {
        tell_port(p, want, svc, answer);
        return empty_pool(p, want, out);
    }
    return resolve_port(p, want, svc, port, out);
}

bool servicepool_same_backend(const struct servicepool *p, const char *ns,
                              const struct ingress_backend *a, const struct ingress_backend *b)
{
    const struct service_port *port_a = NULL, *port_b = NULL;
    const struct service *svc;

    if (strcmp(a->service, b->service) != 0) {
        return false;
    }
    if (a->port_number == b->port_number && strcmp(a->port_name, b->port_name) == 0) {
        return true;
    }
    svc = (const struct service *)store_find(p->fill.store, OBJECT_SERVICE, ns, a->service);
    return svc && serviceport_find(svc, a, &port_a) == SERVICEPORT_FOUND &&
           serviceport_find(svc, b, &port_b) == SERVICEPORT_FOUND && port_a == port_b;
}
