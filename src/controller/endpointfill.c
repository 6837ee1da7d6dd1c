#include "controller/endpointfill.h"

#include <errno.h>
#include <string.h>

#include "model/store.h"
#include "model/verdict.h"
#include "route/table_builder.h"

enum endpoint_use { USE_NOT, USE_READY, USE_TERMINATING };

/** One pool while it is being filled. */
struct filling {
    struct endpointfill *f;
    const struct service *svc;
    const struct service_port *port;
    struct builder_pool *pool;
    enum endpoint_use wanted; /* of this pass */
    struct endpointfill_count count;
};

void endpointfill_init(struct endpointfill *f, const struct endpointfill *env)
{
    *f = *env;
    onceset_init(&f->told);
}

bool endpointfill_is_worded(const struct endpointfill_count *c)
{
    return c->added == 0 || c->full || c->told;
}

void endpointfill_fini(struct endpointfill *f)
{
    onceset_fini(&f->told);
}

/* What is told once of an object: its refused addresses, or that a port of it is our listener. */
#define ABOUT_ADDRESSES 0u
#define ABOUT_FQDN      65536u /* no port */

/** An address that no backend can have, whoever says so. */
static bool is_refused(const struct translate_config *cfg, const struct netaddr *ip)
{
    if (netaddr_is_unspecified(ip) || netaddr_is_multicast(ip)) {
        return true;
    }
    return cfg->from_api_server && (netaddr_is_loopback(ip) || netaddr_is_link_local(ip));
}

static void tell_refused(struct filling *x, const struct objmeta *about, const struct netaddr *ip)
{
    char text[NETADDR_TEXT_MAX];

    x->count.told = true;
    if (!onceset_add(&x->f->told, about, ABOUT_ADDRESSES)) {
        return;
    }
    verdicts_add(x->f->verdicts, about, 0, VERDICT_WARNING, "EndpointAddressRefused",
                 "endpoint address %s is left out: %s addresses are no backends",
                 netaddr_format_ip(ip, text),
                 x->f->cfg->from_api_server ? "loopback, link-local, multicast and unspecified"
                                            : "multicast and unspecified");
}

static void tell_own_listener(struct filling *x, const struct objmeta *about,
                              const struct netaddr *addr)
{
    char text[NETADDR_TEXT_MAX];

    x->count.told = true;
    if (!onceset_add(&x->f->told, about, addr->port)) {
        return;
    }
    verdicts_add(x->f->verdicts, about, 0, VERDICT_WARNING, "EndpointIsOwnListener",
                 "endpoint %s is left out: this is where Sealway itself listens, and connections "
                 "would go round in a loop; point the Service at the backend",
                 netaddr_format(addr, text));
}

/** A slice of names instead of addresses. */
static void tell_fqdn(struct filling *x, const struct objmeta *about)
{
    x->count.told = true;
    if (onceset_add(&x->f->told, about, ABOUT_FQDN)) {
        verdicts_add(x->f->verdicts, about, 0, VERDICT_WARNING, "AddressTypeNotSupported",
                     "addressType FQDN is deprecated and nothing is routed to its names: write "
                     "IPv4 or IPv6 and addresses");
    }
}

/** Take an endpoint if it is what this pass wants and may be dialled. */
static int offer(struct filling *x, const struct objmeta *about, const struct netaddr *addr,
                 enum endpoint_use use)
{
    const struct translate_config *cfg = x->f->cfg;
    int rc;

    if (use != x->wanted || addr->family == AF_UNSPEC) {
        return 0;
    }
    if (is_refused(cfg, addr)) {
        x->count.refused++;
        tell_refused(x, about, addr);
        return 0;
    }
    if (cfg->is_own_listener && cfg->is_own_listener(cfg->own_listener_ctx, addr)) {
        x->count.refused++;
        tell_own_listener(x, about, addr);
        return 0;
    }
    rc = table_builder_endpoint(x->f->builder, x->pool, addr, use == USE_TERMINATING);
    if (rc == -ENOBUFS) {
        x->count.full = true;
        return 0;
    }
    if (rc == 0) {
        x->count.added++;
    }
    return rc;
}

static const struct slice_port *port_named(const struct slice_port *ports, size_t n,
                                           const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (ports[i].is_tcp && ports[i].number != 0 && strcmp(ports[i].name, name) == 0) {
            return &ports[i];
        }
    }
    return NULL;
}

static bool has_unnumbered(const struct endpoint_slice *slice, const char *name)
{
    for (size_t i = 0; i < slice->n_ports; i++) {
        const struct slice_port *p = &slice->ports[i];

        if (p->is_tcp && p->number == 0 && strcmp(p->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum endpoint_use use_of(const struct filling *x, const struct slice_endpoint *e)
{
    if (e->ready || x->svc->publish_not_ready) {
        return USE_READY;
    }
    return e->serving && e->terminating ? USE_TERMINATING : USE_NOT;
}

static int offer_slice(struct filling *x, const struct endpoint_slice *slice)
{
    const struct slice_port *port = port_named(slice->ports, slice->n_ports, x->port->name);
    int rc = 0;

    x->count.objects++;
    if (slice->is_fqdn) {
        tell_fqdn(x, &slice->meta);
    }
    if (!port) {
        x->count.unnumbered += has_unnumbered(slice, x->port->name);
        return 0;
    }
    x->count.matching++;
    x->count.seen += slice->n_endpoints;
    for (size_t i = 0; i < slice->n_endpoints && rc == 0; i++) {
        struct netaddr addr = slice->endpoints[i].ip;

        addr.port = port->number;
        rc = offer(x, &slice->meta, &addr, use_of(x, &slice->endpoints[i]));
    }
    return rc;
}

static int offer_addresses(struct filling *x, const struct endpoints *ep, uint16_t port,
                           const struct netaddr *ips, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct netaddr addr = ips[i];

        addr.port = port;
        rc = offer(x, &ep->meta, &addr, USE_READY);
    }
    return rc;
}

static int offer_subset(struct filling *x, const struct endpoints *ep,
                        const struct endpoints_subset *sub)
{
    const struct slice_port *port = port_named(sub->ports, sub->n_ports, x->port->name);
    int rc;

    if (!port) {
        return 0;
    }
    x->count.matching = 1;
    x->count.seen += sub->n_ready + sub->n_not_ready;
    rc = offer_addresses(x, ep, port->number, sub->ready, sub->n_ready);
    if (rc == 0 && x->svc->publish_not_ready) {
        rc = offer_addresses(x, ep, port->number, sub->not_ready, sub->n_not_ready);
    }
    return rc;
}

static int offer_legacy(struct filling *x)
{
    const struct objmeta *o =
        store_find(x->f->store, OBJECT_ENDPOINTS, x->svc->meta.ns, x->svc->meta.name);
    const struct endpoints *ep = (const struct endpoints *)o;
    int rc = 0;

    if (!ep) {
        return 0;
    }
    x->count.objects = 1;
    for (size_t i = 0; i < ep->n_subsets && rc == 0; i++) {
        rc = offer_subset(x, ep, &ep->subsets[i]);
    }
    return rc;
}

/** One walk over all slices, in search of endpoints of one use. */
static int offer_slices(struct filling *x, enum endpoint_use wanted)
{
    const struct objmeta *svc = &x->svc->meta;
    const struct endpoint_slice *slice = NULL;
    int rc = 0;

    x->wanted = wanted;
    x->count = (struct endpointfill_count){.refused = x->count.refused, .told = x->count.told};
    while (rc == 0 && (slice = store_next_slice(x->f->store, svc->ns, svc->name, slice)) != NULL) {
        rc = offer_slice(x, slice);
    }
    return rc;
}

int endpointfill_endpoints(struct endpointfill *f, const struct service *svc,
                           const struct service_port *port, struct builder_pool *pool,
                           struct endpointfill_count *out)
{
    struct filling x = {.f = f, .svc = svc, .port = port, .pool = pool};
    int rc = offer_slices(&x, USE_READY);

    if (rc == 0 && x.count.objects == 0) {
        rc = offer_legacy(&x);
    } else if (rc == 0 && x.count.added == 0) {
        /* Of the whole Service nothing is ready: better one that is on its way out than none. */
        rc = offer_slices(&x, USE_TERMINATING);
    }
    if (rc == 0) {
        *out = x.count;
    }
    return rc;
}

int endpointfill_cluster_ips(struct endpointfill *f, const struct service *svc,
                             const struct service_port *port, struct builder_pool *pool,
                             struct endpointfill_count *out)
{
    struct filling x = {.f = f, .svc = svc, .port = port, .pool = pool, .wanted = USE_READY};
    int rc = 0;

    x.count.objects = x.count.matching = 1;
    x.count.seen = svc->n_cluster_ips;
    for (size_t i = 0; i < svc->n_cluster_ips && rc == 0; i++) {
        struct netaddr addr = svc->cluster_ips[i];

        addr.port = port->number;
        rc = offer(&x, &svc->meta, &addr, USE_READY);
    }
    if (rc == 0) {
        *out = x.count;
    }
    return rc;
}
