/**
 * endpointfill - the addresses behind one port of a Service, into a pool.
 *
 * From the EndpointSlices of the Service by the name of its port, from a legacy Endpoints object
 * where the Service has no slice, or the ClusterIPs.  Ready endpoints; when the port has none,
 * those that serve while they terminate (KEP-1669).  Addresses that must not be dialled are left
 * out, and told once per object.
 */
#ifndef CONTROLLER_ENDPOINTFILL_H
#define CONTROLLER_ENDPOINTFILL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "controller/onceset.h"
#include "controller/translate.h"
#include "model/object.h"

struct builder_pool;
struct store;
struct table_builder;
struct unserved;
struct verdicts;

/** What one translation works with; the pointers are borrowed. */
struct endpointfill {
    const struct translate_config *cfg;
    const struct store *store;
    struct table_builder *builder;
    struct verdicts *verdicts;
    struct unserved *unserved; /* NULL when nobody wants it */
    struct onceset told;       /* the objects whose addresses were complained about */
};

/** What was found, enough to say why a pool stayed empty. */
struct endpointfill_count {
    size_t objects;    /* slices, or the one Endpoints object */
    size_t matching;   /* of them, those that have the port */
    size_t unnumbered; /* and those that have it, but without a number */
    size_t seen;       /* endpoints in these */
    size_t refused;    /* would have been taken, but for their address */
    size_t added;
    bool full; /* LIMIT_ENDPOINTS_PER_POOL was met */
    bool told; /* there was a word to say of an object, be it the second time */
};

/** Whether there is anything to say of such a pool: of itself or of an object that it is from. */
bool endpointfill_is_worded(const struct endpointfill_count *c);

/** Nothing told yet; copies the pointers of `env`, allocates nothing. */
void endpointfill_init(struct endpointfill *f, const struct endpointfill *env);

void endpointfill_fini(struct endpointfill *f);

/** Add the endpoints of `port` to a new pool.  Returns 0 or -ENOMEM. */
MUST_CHECK int endpointfill_endpoints(struct endpointfill *f, const struct service *svc,
                                      const struct service_port *port, struct builder_pool *pool,
                                      struct endpointfill_count *out);

/** Add the ClusterIPs of a Service that has some, with `port`, instead.  Returns 0 or -ENOMEM. */
MUST_CHECK int endpointfill_cluster_ips(struct endpointfill *f, const struct service *svc,
                                        const struct service_port *port, struct builder_pool *pool,
                                        struct endpointfill_count *out);

#endif
