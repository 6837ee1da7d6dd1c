#include "storegroup_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "backends_priv.h"

void storegroups_init(struct storegroups *all)
{
    *all = (struct storegroups){.table = NULL};
    /* Without random bytes (a kernel older than 3.17) names can be aimed at one bucket. */
    (void)!siphash_key_random(&all->hash_key);
}

void storegroups_fini(struct storegroups *all)
{
    struct storegroup *g = all->table;

    HASH_CLEAR(hh, all->table); /* frees the table; the groups keep their order */
    for (struct storegroup *next; g != NULL; g = next) {
        next = g->hh.next;
        free(g);
    }
}

int storegroup_key_differs(const void *a, const void *b)
{
    const struct storekey *x = a, *y = b;

    return strcmp(x->name, y->name) != 0 || strcmp(x->ns, y->ns) != 0;
}

struct storekey storegroup_key(const struct storegroups *all, const char *ns, const char *name)
{
    uint64_t ns_hash = siphash(&all->hash_key, ns, strlen(ns));
    uint64_t name_hash = siphash(&all->hash_key, name, strlen(name));

    /* not symmetric: a/b is not b/a */
    return (struct storekey){ns, name, (unsigned)(ns_hash * 31 + name_hash)};
}

struct storegroup *storegroup_find(const struct storegroups *all, const struct storekey *k)
{
    struct storegroup *g;

    HASH_FIND_BYHASHVALUE(hh, all->table, k, sizeof(*k), k->hash, g);
    return g;
}

static struct storegroup *add(struct storegroups *all, const struct storekey *k)
{
    size_t ns_size = strlen(k->ns) + 1, name_size = strlen(k->name) + 1;
    struct storegroup *g = calloc(1, sizeof(*g) + ns_size + name_size);

    if (g == NULL) {
        return NULL;
    }
    g->key.ns = memcpy(g + 1, k->ns, ns_size);
    g->key.name = memcpy((char *)(g + 1) + ns_size, k->name, name_size);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, all->table, &g->key, sizeof(g->key), k->hash, g);
    if (g->hh.tbl == NULL) {
        free(g);
        return NULL;
    }
    return g;
}

void storegroup_drop_if_empty(struct storegroups *all, struct storegroup *g)
{
    if (g == NULL || g->service != NULL || g->slices != NULL || g->ingresses != NULL ||
        g->touched > 0) {
        return;
    }
    ASSERT(all->table != NULL); /* g is in it */
    HASH_DEL(all->table, g);
    free(g);
}

void storegroup_leave(struct storegroups *all, struct storeentry *e)
{
    struct storegroup *g = e->group;

    if (g == NULL) {
        return;
    }
    if (e->object->kind == OBJECT_ENDPOINT_SLICE) {
        DL_DELETE(g->slices, e);
    } else if (e->object->kind == OBJECT_SERVICE) {
        g->service = NULL;
    } else {
        DL_DELETE(g->ingresses, e);
    }
    e->group = NULL;
    storegroup_drop_if_empty(all, g);
}

void storegroup_join(struct storegroup *g, struct storeentry *e, enum object_kind kind)
{
    e->group = g;
    if (g == NULL) {
        return;
    }
    if (kind == OBJECT_ENDPOINT_SLICE) {
        DL_APPEND(g->slices, e);
    } else if (kind == OBJECT_SERVICE) {
        g->service = e;
    } else {
        DL_APPEND(g->ingresses, e);
    }
}

/* The name of the Service whose group an object is in; "" for none. */
static const char *service_of(const struct objmeta *o)
{
    switch (o->kind) {
    case OBJECT_INGRESS:
        return backends_first((const struct ingress *)(const void *)o);
    case OBJECT_SERVICE:
        return o->name;
    case OBJECT_ENDPOINT_SLICE:
        return ((const struct endpoint_slice *)(const void *)o)->service;
    case OBJECT_INGRESS_CLASS:
    case OBJECT_ENDPOINTS:
        break;
    }
    return "";
}

int storegroup_for(struct storegroups *all, const struct objmeta *o, struct storegroup **out)
{
    const char *service = service_of(o);
    struct storekey k;

    *out = NULL;
    if (service[0] == '\0') {
        return 0;
    }
    k = storegroup_key(all, o->ns, service);
    *out = storegroup_find(all, &k);
    if (*out == NULL) {
        *out = add(all, &k);
    }
    return *out != NULL ? 0 : -ENOMEM;
}
