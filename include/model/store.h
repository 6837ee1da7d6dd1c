/**
 * store - the objects as last seen, by kind and namespace/name.
 *
 * Holds one reference on each.  Belongs to the controller thread.  Also answers the questions
 * translation asks all the time: which Service does this Ingress name, which slices has it, and
 * what comes next of this kind (in an order of its own).
 */
#ifndef MODEL_STORE_H
#define MODEL_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "model/object.h"

struct store;

MUST_CHECK struct store *store_new(void);
void store_free(struct store *s);

/** Put an object in, taking one reference of its own; it replaces one of the same kind and key.  0
 * or -ENOMEM. */
MUST_CHECK int store_put(struct store *s, struct objmeta *o);

/** Likewise an object that means the same to routes as the one it replaces: status was written,
 * say.  For store_is_restated(), not for store_changed(). */
MUST_CHECK int store_restate(struct store *s, struct objmeta *o);

/** Take an object out.  Returns whether there was one. */
bool store_remove(struct store *s, enum object_kind kind, const char *ns, const char *name);

/** Borrowed, or NULL. */
const struct objmeta *store_find(const struct store *s, enum object_kind kind, const char *ns,
                                 const char *name);

/**
 * The Service `name` in the namespace of `ing`, as store_find() has it.  Quick for the first that
 * an Ingress names, while the walk over Ingresses stands at it.
 */
const struct service *store_find_backend(const struct store *s, const struct ingress *ing,
                                         const char *name);

size_t store_count(const struct store *s, enum object_kind kind);

/** What was put and removed since store_forget_changes(). */
enum store_change {
    STORE_SAME,
    STORE_ENDPOINTS, /* EndpointSlices and Endpoints only: store_next_touched() */
    STORE_ROUTES,    /* Ingresses and Services, too: store_touched_service(), and so on */
    STORE_ANY,       /* more than these lists hold, or an IngressClass */
};

enum store_change store_changed(const struct store *s);

/** Whether an Ingress or Service was replaced since then by one that says the same of routes. */
bool store_is_restated(const struct store *s);

/**
 * While that is STORE_ENDPOINTS, the Services whose endpoints they are, in any order: the first
 * when `after` is NULL, NULL behind the last.  None twice.  A Service that is not there is passed
 * over; nothing may be put or removed during a walk.
 */
const struct service *store_next_touched(const struct store *s, const struct service *after);

/** A Service that was put or removed, or whose endpoints were. */
struct store_touched_service {
    const char *ns, *name;
    const struct service *now; /* NULL: it is not there */
    bool changed;              /* the Service itself, not only its endpoints */
};

/** An Ingress that was put or removed. */
struct store_touched_ingress {
    const char *ns, *name;
    const struct ingress *before, *now; /* NULL: there was, or is, none */
};

/** Unless that is STORE_ANY: the i-th of all such.  Returns false behind the last; nothing may be
 * put or removed while they are used. */
bool store_touched_service(const struct store *s, size_t i, struct store_touched_service *out);
bool store_touched_ingress(const struct store *s, size_t i, struct store_touched_ingress *out);

typedef int (*store_ingress_fn)(void *ctx, const struct ingress *ing);

/**
 * `tell` of each Ingress with a backend that is this Service, which need not be there.  Ends early
 * with what it returns if that is not 0.  Cost: those that name it, and a walk over all that name
 * several, as long as store_naming_work() says: their rules and paths.
 */
int store_each_naming(const struct store *s, const char *ns, const char *service,
                      store_ingress_fn tell, void *ctx);

size_t store_naming_work(const struct store *s);

void store_forget_changes(struct store *s);

/**
 * Walk a kind: the first object when `after` is NULL, NULL behind the last.  Nothing may be put or
 * removed during a walk.  Order: any.
 */
const struct objmeta *store_next(const struct store *s, enum object_kind kind,
                                 const struct objmeta *after);

/** Walk the EndpointSlices of a Service, likewise.  Quick right after the Service was found, by the
 * texts of the object. */
const struct endpoint_slice *store_next_slice(const struct store *s, const char *ns,
                                              const char *service,
                                              const struct endpoint_slice *after);

#endif
