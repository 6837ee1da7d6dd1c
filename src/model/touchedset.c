#include "touchedset_priv.h"

#include <string.h>

static bool has(const struct touchedset *t, const struct objmeta *o, unsigned hash)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct objmeta *one = t->items[i].object;

        if (t->items[i].hash == hash && strcmp(one->name, o->name) == 0 &&
            strcmp(one->ns, o->ns) == 0) {
            return true;
        }
    }
    return false;
}

bool touchedset_add(struct touchedset *t, struct objmeta *was, struct objmeta *now, unsigned hash)
{
    struct objmeta *o = was != NULL ? was : now;

    if (has(t, o, hash)) {
        return true;
    }
    if (t->n == TOUCHEDSET_MAX) {
        return false;
    }
    t->items[t->n++] =
        (struct touchedset_item){.object = object_ref(o), .hash = hash, .is_new = was == NULL};
    return true;
}

void touchedset_clear(struct touchedset *t)
{
    while (t->n > 0) {
        object_unref(t->items[--t->n].object);
    }
}
