#include "statusscope_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/store.h"
#include "route/registry.h"
#include "route/table.h"

#define LEGACY_CLASS "kubernetes.io/ingress.class"

/* The place of a key, or the empty one where it belongs: at most half of them are taken. */
static struct statuskey *place_of(const struct statusscope *s, const struct statuskey *k)
{
    size_t at = k->hash & (s->places - 1);

    while (s->owners[at].name && !statuskey_same(&s->owners[at], k)) {
        at = (at + 1) & (s->places - 1);
    }
    return &s->owners[at];
}

static int add_owners(struct statusscope *s, const struct table *t,
                      const struct siphash_key *secret)
{
    size_t n = 0;
    const struct route *routes = table_routes(t, &n);

    for (s->places = 2; s->places < 2 * n; s->places *= 2) {
    }
    s->owners = calloc(s->places, sizeof(*s->owners));
    if (!s->owners) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        struct statuskey k = statuskey_of(secret, routes[i].state->ns, routes[i].state->ingress);

        *place_of(s, &k) = k;
    }
    return 0;
}

static enum statusscope_class class_by_controller(const struct statusscope *s,
                                                  const struct ingress_class *class)
{
    if (!class) {
        return STATUSSCOPE_UNKNOWN;
    }
    return strcmp(class->controller, s->controller_class) == 0 ? STATUSSCOPE_OURS
                                                               : STATUSSCOPE_OTHERS;
}

/* Of several default classes one that is ours decides. */
static enum statusscope_class find_default(const struct statusscope *s)
{
    enum statusscope_class found = STATUSSCOPE_UNKNOWN;
    const struct objmeta *o = NULL;

    while ((o = store_next(s->store, OBJECT_INGRESS_CLASS, o)) != NULL) {
        const struct ingress_class *class = (const struct ingress_class *)(const void *)o;

        if (class->is_default && found != STATUSSCOPE_OURS) {
            found = class_by_controller(s, class);
        }
    }
    return found;
}

int statusscope_init(struct statusscope *s, const struct store *store, const struct table *t,
                     const char *controller_class, const struct siphash_key *secret)
{
    *s = (struct statusscope){.store = store, .controller_class = controller_class};
    s->default_class = find_default(s);
    return add_owners(s, t, secret);
}

void statusscope_fini(struct statusscope *s)
{
    free(s->owners);
    s->owners = NULL;
}

bool statusscope_is_served(const struct statusscope *s, const struct statuskey *k)
{
    return place_of(s, k)->name != NULL;
}

enum statusscope_class statusscope_class_of(const struct statusscope *s, const struct ingress *ing)
{
    const char *name = ing->class_name;

    if (!name || !*name) {
        name = object_annotation(&ing->meta, LEGACY_CLASS, NULL);
    }
    if (!name || !*name) {
        return s->default_class;
    }
    return class_by_controller(s, (const struct ingress_class *)(const void *)store_find(
                                      s->store, OBJECT_INGRESS_CLASS, "", name));
}
