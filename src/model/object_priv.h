/**
 * object_priv - how objects come to be; for the decoders only.
 */
#ifndef MODEL_OBJECT_PRIV_H
#define MODEL_OBJECT_PRIV_H

#include "base/arena.h"
#include "base/attr.h"
#include "model/object.h"

/**
 * A zeroed object of a kind (struct ingress, struct service, ...) with one reference, in an arena
 * of its own.  Only `meta.kind` is set.  NULL without memory.
 */
MUST_CHECK struct objmeta *object_new(enum object_kind kind);

/** Where everything that the object points to is allocated, until it is handed out. */
struct arena *object_arena(struct objmeta *o);

#endif
