/**
 * touchedset - objects that changed, each as it was before the first of its changes.
 */
#ifndef MODEL_TOUCHEDSET_PRIV_H
#define MODEL_TOUCHEDSET_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "model/object.h"

#define TOUCHEDSET_MAX 512u

struct touchedset_item {
    struct objmeta *object; /* as it was; as it came, where there was none */
    unsigned hash;
    bool is_new; /* there was none */
};

/** Of one kind; zeroed: empty. */
struct touchedset {
    struct touchedset_item items[TOUCHEDSET_MAX];
    size_t n;
};

/** Note that `was` becomes `now`; one of them is NULL where there was, or will be, none.  `hash` is
 * that of their name.  Returns whether there was room. */
bool touchedset_add(struct touchedset *t, struct objmeta *was, struct objmeta *now, unsigned hash);

/** Forget all. */
void touchedset_clear(struct touchedset *t);

#endif
