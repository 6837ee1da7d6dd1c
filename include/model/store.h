/**
 * store - the objects as last seen, by kind and namespace/name.
 *
 * Holds one reference on each.  Belongs to the controller thread.  Also answers the two questions
 * translation asks all the time: which slices has this Service, and what comes next of this kind
 * (in an order of its own).
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

/** Take an object out.  Returns whether there was one. */
bool store_remove(struct store *s, enum object_kind kind, const char *ns, const char *name);

/** Borrowed, or NULL. */
const struct objmeta *store_find(const struct store *s, enum object_kind kind, const char *ns,
                                 const char *name);

size_t store_count(const struct store *s, enum object_kind kind);

/**
 * Walk a kind: the first object when `after` is NULL, NULL behind the last.  Nothing may be put or
 * removed during a walk.  Order: any.
 */
const struct objmeta *store_next(const struct store *s, enum object_kind kind,
                                 const struct objmeta *after);

/** Walk the EndpointSlices of a Service, likewise. */
const struct endpoint_slice *store_next_slice(const struct store *s, const char *ns,
                                              const char *service,
                                              const struct endpoint_slice *after);

#endif
