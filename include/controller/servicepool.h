/**
 * servicepool - the pool behind a backend of an Ingress.
 *
 * Finds the Service and its port by number or name and has the pool filled, once per Service port.
 * A backend that cannot be resolved gets a pool too, an empty one: its host stays claimed and is
 * answered with an error, so that nobody else can take the name.
 */
#ifndef CONTROLLER_SERVICEPOOL_H
#define CONTROLLER_SERVICEPOOL_H

#include <stdbool.h>

#include "base/attr.h"
#include "controller/endpointfill.h"
#include "model/object.h"

struct builder_pool;
struct pool_fault;
struct serviceset;

/** All pools of one translation. */
struct servicepool {
    struct endpointfill fill;
    struct pool_fault *faults; /* uthash: what is wrong with a pool that was filled */
    struct onceset judged;     /* Services whose annotations were */
    struct serviceset
        *worded; /* borrowed; gets those of which, or of whose slices, a word was said; or NULL */
};

/** What an Ingress asks for. */
struct servicepool_request {
    const struct ingress *ingress;
    const struct ingress_backend *backend; /* of type BACKEND_SERVICE */
    bool service_upstream;                 /* the ClusterIP instead of the endpoints */
};

/** Nothing resolved yet; copies the pointers of `env`, allocates nothing. */
void servicepool_init(struct servicepool *p, const struct endpointfill *env,
                      struct serviceset *worded);

void servicepool_fini(struct servicepool *p);

/**
 * The pool of a backend, filled when it is asked for the first time.  Every Ingress that asks hears
 * of a fault in its Service.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int servicepool_resolve(struct servicepool *p, const struct servicepool_request *want,
                                   struct builder_pool **out);

/** The port whose endpoints a pool has that is named so in a table; NULL when it has others. */
const struct service_port *servicepool_port_of(const struct service *svc, const char *name);

/** Whether two backends of one namespace come to the same Service port, however they spell it. */
bool servicepool_same_backend(const struct servicepool *p, const char *ns,
                              const struct ingress_backend *a, const struct ingress_backend *b);

#endif
