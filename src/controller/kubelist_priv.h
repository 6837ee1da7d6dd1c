/**
 * kubelist - the objects of a list under way, beside what the store has.
 *
 * Of a name that a list has twice the last object counts.  Memory of what is known already is its
 * name only.
 */
#ifndef CONTROLLER_KUBELIST_PRIV_H
#define CONTROLLER_KUBELIST_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"

struct objmeta;

enum kubelist_standing {
    KUBELIST_NEW,     /* not in the store, or not as it is there */
    KUBELIST_KNOWN,   /* the store has this very version */
    KUBELIST_REFUSED, /* cannot be used */
};

struct kubelist_item {
    enum kubelist_standing standing;
    const char *ns, *name; /* the object's, or in the list's memory */
    struct objmeta *o;     /* when NEW: one reference */
    size_t at;             /* where it stands in the list */
};

struct kubelist {
    struct kubelist_item *items;
    size_t n, cap;
    struct arena names;
};

/** Empty; allocates nothing. */
void kubelist_init(struct kubelist *l);

/** Free all; usable again afterwards. */
void kubelist_fini(struct kubelist *l);

/**
 * Add one; `at` is set here, `ns` and `name` are copied where there is no object.  Takes a
 * reference of its own on the object.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int kubelist_add(struct kubelist *l, const struct kubelist_item *item);

/** All are added: sort by namespace and name, and leave of each the last, unless it was refused. */
void kubelist_settle(struct kubelist *l);

/** Whether a settled list has that object. */
bool kubelist_has(const struct kubelist *l, const char *ns, const char *name);

#endif
