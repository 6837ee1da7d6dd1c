/**
 * storegroup - what a store has of one Service: itself, its EndpointSlices, and the Ingresses that
 * name it first.
 */
#ifndef MODEL_STOREGROUP_PRIV_H
#define MODEL_STOREGROUP_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/siphash.h"
#include "model/object.h"

/* A table that cannot grow refuses the new entry (its hh.tbl is then NULL) and stays as it was. */
#define HASH_NONFATAL_OOM 1
/* So each uthash of who includes this has a struct storekey for its key. */
#define HASH_KEYCMP(a, b, n) storegroup_key_differs(a, b)
#include <uthash.h>

struct storekey {
    const char *ns, *name;
    unsigned hash;
};

struct storegroup;

/** An object and its places. */
struct storeentry {
    struct storekey key; /* the texts are the object's */
    struct objmeta *object;
    struct storegroup *group; /* of the Service that it is, belongs to or names first; or NULL */
    struct storeentry *prev, *next; /* of a slice or Ingress: in its group */
    size_t naming_work;             /* of an Ingress that names another Service besides; else 0 */
    struct storeentry *prev_naming, *next_naming; /* of those that do */
    UT_hash_handle hh;
};

/** There is one as long as an entry points to it, or it is touched. */
struct storegroup {
    struct storeentry *service; /* NULL: not here (yet) */
    struct storeentry *slices;
    struct storeentry *ingresses; /* that name it first */
    size_t touched;               /* 1 + its index among those touched; 0: it is not */
    bool changed;                 /* the Service itself was put or removed */
    struct storekey key; /* the texts stand behind the struct: they outlive any one entry */
    UT_hash_handle hh;
};

struct storegroups {
    struct storegroup *table;    /* uthash by key */
    struct siphash_key hash_key; /* names come from outside */
};

/** No groups, with a hash key of their own; allocates nothing. */
void storegroups_init(struct storegroups *all);

/** Free all, which no entry may point to any more. */
void storegroups_fini(struct storegroups *all);

/** The texts stay borrowed. */
struct storekey storegroup_key(const struct storegroups *all, const char *ns, const char *name);

/** For uthash: whether two struct storekey are of different names. */
int storegroup_key_differs(const void *a, const void *b);

/** The group of the Service of this key, or NULL. */
struct storegroup *storegroup_find(const struct storegroups *all, const struct storekey *k);

/** The group an object belongs to, made if need be; *out is NULL for none.  0 or -ENOMEM. */
MUST_CHECK int storegroup_for(struct storegroups *all, const struct objmeta *o,
                              struct storegroup **out);

/** Enter an entry whose object is of this kind; `g` may be NULL. */
void storegroup_join(struct storegroup *g, struct storeentry *e, enum object_kind kind);

/** Take an entry out of its group, if it is in one; an empty group dies. */
void storegroup_leave(struct storegroups *all, struct storeentry *e);

/** Free a group that nothing keeps alive.  NULL is ignored. */
void storegroup_drop_if_empty(struct storegroups *all, struct storegroup *g);

#endif
