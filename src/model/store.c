#include "model/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends_priv.h"
#include "base/attr.h"
#include "storegroup_priv.h"
#include "touchedset_priv.h"

#include <utlist.h>

/* Where the walk of each kind stands, so that its next step needs no look-up. */
struct walk {
    const struct storeentry *last[OBJECT_KINDS];
    const struct storeentry *last_slice; /* of the walk over those of one Service */
    const struct storegroup *last_group; /* of the Service found last */
};

struct store {
    struct storeentry *kinds[OBJECT_KINDS];
    struct storegroups groups;
    struct storegroup *touched[TOUCHEDSET_MAX]; /* more are as good as any change */
    size_t n_touched;
    struct touchedset ingresses;
    struct storeentry *naming_more; /* Ingresses that name several Services */
    size_t naming_work;             /* of them all */
    bool some_changed;              /* a Service or an Ingress among what is touched */
    bool any_changed;               /* besides what is touched */
    bool restated;
    struct walk *walk; /* also of a const store: it changes no answer */
};

struct store *store_new(void)
{
    struct store *s = calloc(1, sizeof(*s) + sizeof(struct walk));

    if (s == NULL) {
        return NULL;
    }
    s->walk = (struct walk *)(void *)(s + 1);
    storegroups_init(&s->groups);
    return s;
}

static struct storeentry *find_entry(const struct store *s, enum object_kind kind,
                                     const struct storekey *k)
{
    struct storeentry *e;

    HASH_FIND_BYHASHVALUE(hh, s->kinds[kind], k, sizeof(*k), k->hash, e);
    return e;
}

static void touch(struct store *s, struct storegroup *g)
{
    if (g == NULL || g->touched > 0 || s->any_changed) {
        return;
    }
    if (s->n_touched == TOUCHEDSET_MAX) {
        s->any_changed = true;
        return;
    }
    s->touched[s->n_touched++] = g;
    g->touched = s->n_touched;
}

static void touch_service(struct store *s, struct storegroup *g)
{
    touch(s, g);
    if (g != NULL && g->touched > 0) {
        g->changed = true;
        s->some_changed = true;
    }
}

/* One of them is NULL where there was, or will be, none. */
static void touch_ingress(struct store *s, const struct storekey *k, struct objmeta *was,
                          struct objmeta *now)
{
    if (s->any_changed) {
        return;
    }
    if (touchedset_add(&s->ingresses, was, now, k->hash)) {
        s->some_changed = true;
    } else {
        s->any_changed = true;
    }
}

/* Before an object of this kind and key comes or goes; `g` is its group, or NULL. */
static void note_change(struct store *s, enum object_kind kind, const struct storekey *k,
                        struct storegroup *g)
{
    switch (kind) {
    case OBJECT_ENDPOINT_SLICE:
        touch(s, g);
        break;
    case OBJECT_ENDPOINTS:
        touch(s, storegroup_find(&s->groups, k)); /* named as its Service */
        break;
    case OBJECT_SERVICE:
        touch_service(s, g);
        break;
    case OBJECT_INGRESS: /* by touch_ingress() */
        break;
    case OBJECT_INGRESS_CLASS:
        s->any_changed = true;
        break;
    }
}

static struct storeentry *add_entry(struct store *s, enum object_kind kind,
                                    const struct storekey *k)
{
    struct storeentry *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        return NULL;
    }
    e->key = *k;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->kinds[kind], &e->key, sizeof(e->key), k->hash, e);
    if (e->hh.tbl == NULL) {
        free(e);
        return NULL;
    }
    return e;
}

/* An entry's object is an Ingress, or is none any more (NULL). */
static void note_names(struct store *s, struct storeentry *e, const struct objmeta *o)
{
    if (e->naming_work > 0) {
        DL_DELETE2(s->naming_more, e, prev_naming, next_naming);
        s->naming_work -= e->naming_work;
    }
    e->naming_work = o != NULL ? backends_work((const struct ingress *)(const void *)o) : 0;
    if (e->naming_work > 0) {
        DL_APPEND2(s->naming_more, e, prev_naming, next_naming);
        s->naming_work += e->naming_work;
    }
}

static MUST_CHECK int put(struct store *s, struct objmeta *o, bool is_change)
{
    struct storekey k = storegroup_key(&s->groups, o->ns, o->name);
    struct storeentry *e = find_entry(s, o->kind, &k);
    struct objmeta *old;
    struct storegroup *g;

    s->walk->last_group = NULL; /* it may die */
    if (storegroup_for(&s->groups, o, &g) < 0) {
        return -ENOMEM;
    }
    if (e == NULL) {
        e = add_entry(s, o->kind, &k);
        if (e == NULL) {
            storegroup_drop_if_empty(&s->groups, g);
            return -ENOMEM;
        }
    }
    if (is_change) {
        note_change(s, o->kind, &k, e->group);
        note_change(s, o->kind, &k, g);
        if (o->kind == OBJECT_INGRESS) {
            touch_ingress(s, &k, e->object, o);
        }
    }
    if (o->kind == OBJECT_INGRESS) {
        note_names(s, e, o);
    }
    if (e->group != g) {
        storegroup_leave(&s->groups, e);
        storegroup_join(g, e, o->kind);
    }
    old = e->object;
    e->object = object_ref(o);
    e->key = k;
    object_unref(old);
    return 0;
}

int store_put(struct store *s, struct objmeta *o)
{
    return put(s, o, true);
}

int store_restate(struct store *s, struct objmeta *o)
{
    s->restated = s->restated || o->kind == OBJECT_INGRESS || o->kind == OBJECT_SERVICE;
    return put(s, o, false);
}

bool store_remove(struct store *s, enum object_kind kind, const char *ns, const char *name)
{
    struct storekey k = storegroup_key(&s->groups, ns, name);
    struct storeentry *e = find_entry(s, kind, &k);

    if (e == NULL) {
        return false;
    }
    s->walk->last_group = NULL; /* it may die */
    note_change(s, kind, &k, e->group);
    if (kind == OBJECT_INGRESS) {
        touch_ingress(s, &k, e->object, NULL);
        note_names(s, e, NULL);
    }
    storegroup_leave(&s->groups, e);
    HASH_DEL(s->kinds[kind], e);
    *s->walk = (struct walk){0};
    object_unref(e->object); /* last: the caller's texts may be this object's */
    free(e);
    return true;
}

static void free_entries(struct storeentry *e)
{
    for (struct storeentry *next; e != NULL; e = next) {
        next = e->hh.next;
        object_unref(e->object);
        free(e);
    }
}

void store_free(struct store *s)
{
    if (s == NULL) {
        return;
    }
    for (unsigned kind = 0; kind < OBJECT_KINDS; kind++) {
        struct storeentry *entries = s->kinds[kind];

        HASH_CLEAR(hh, s->kinds[kind]); /* frees the table; the entries keep their order */
        free_entries(entries);
    }
    storegroups_fini(&s->groups);
    touchedset_clear(&s->ingresses);
    free(s);
}

const struct objmeta *store_find(const struct store *s, enum object_kind kind, const char *ns,
                                 const char *name)
{
    struct storekey k = storegroup_key(&s->groups, ns, name);
    const struct storeentry *e = find_entry(s, kind, &k);

    if (e != NULL && kind == OBJECT_SERVICE) {
        s->walk->last_group = e->group;
    }
    return e != NULL ? e->object : NULL;
}

const struct service *store_find_backend(const struct store *s, const struct ingress *ing,
                                         const char *name)
{
    const struct storeentry *e = s->walk->last[OBJECT_INGRESS];
    const struct objmeta *o;

    if (e == NULL || e->object != &ing->meta || e->group == NULL ||
        strcmp(e->group->key.name, name) != 0) {
        o = store_find(s, OBJECT_SERVICE, ing->meta.ns, name);
    } else {
        s->walk->last_group = e->group;
        o = e->group->service != NULL ? e->group->service->object : NULL;
    }
    return (const struct service *)(const void *)o;
}

size_t store_count(const struct store *s, enum object_kind kind)
{
    return HASH_COUNT(s->kinds[kind]);
}

enum store_change store_changed(const struct store *s)
{
    if (s->any_changed || s->some_changed) {
        return s->any_changed ? STORE_ANY : STORE_ROUTES;
    }
    return s->n_touched > 0 ? STORE_ENDPOINTS : STORE_SAME;
}

const struct service *store_next_touched(const struct store *s, const struct service *after)
{
    size_t i = 0;

    if (after != NULL) {
        const struct storekey k = storegroup_key(&s->groups, after->meta.ns, after->meta.name);

        i = storegroup_find(&s->groups, &k)->touched;
    }
    while (i < s->n_touched && s->touched[i]->service == NULL) {
        i++;
    }
    return i < s->n_touched ? (const struct service *)(const void *)s->touched[i]->service->object
                            : NULL;
}

void store_forget_changes(struct store *s)
{
    s->walk->last_group = NULL; /* it may die */
    while (s->n_touched > 0) {
        struct storegroup *g = s->touched[--s->n_touched];

        g->touched = 0;
        g->changed = false;
        storegroup_drop_if_empty(&s->groups, g);
    }
    touchedset_clear(&s->ingresses);
    s->some_changed = s->any_changed = s->restated = false;
}

bool store_touched_service(const struct store *s, size_t i, struct store_touched_service *out)
{
    const struct storegroup *g;

    if (i >= s->n_touched) {
        return false;
    }
    g = s->touched[i];
    *out = (struct store_touched_service){
        .ns = g->key.ns,
        .name = g->key.name,
        .now = g->service != NULL ? (const struct service *)(const void *)g->service->object : NULL,
        .changed = g->changed,
    };
    return true;
}

bool store_touched_ingress(const struct store *s, size_t i, struct store_touched_ingress *out)
{
    const struct objmeta *o;

    if (i >= s->ingresses.n) {
        return false;
    }
    o = s->ingresses.items[i].object;
    *out = (struct store_touched_ingress){
        .ns = o->ns,
        .name = o->name,
        .before = s->ingresses.items[i].is_new ? NULL : (const struct ingress *)(const void *)o,
        .now = (const struct ingress *)(const void *)store_find(s, OBJECT_INGRESS, o->ns, o->name),
    };
    return true;
}

static int tell_if_naming(const struct storeentry *e, const struct storekey *service,
                          store_ingress_fn tell, void *ctx)
{
    const struct ingress *ing = (const struct ingress *)(const void *)e->object;

    return strcmp(ing->meta.ns, service->ns) == 0 && backends_have(ing, service->name)
               ? tell(ctx, ing)
               : 0;
}

int store_each_naming(const struct store *s, const char *ns, const char *service,
                      store_ingress_fn tell, void *ctx)
{
    const struct storekey k = storegroup_key(&s->groups, ns, service);
    const struct storegroup *g = storegroup_find(&s->groups, &k);
    const struct storeentry *e;
    int rc = 0;

    for (e = g != NULL ? g->ingresses : NULL; e != NULL && rc == 0; e = e->next) {
        rc = e->naming_work > 0 ? 0 : tell_if_naming(e, &k, tell, ctx);
    }
    for (e = s->naming_more; e != NULL && rc == 0; e = e->next_naming) {
        rc = tell_if_naming(e, &k, tell, ctx);
    }
    return rc;
}

size_t store_naming_work(const struct store *s)
{
    return s->naming_work;
}

bool store_is_restated(const struct store *s)
{
    return s->restated;
}

const struct objmeta *store_next(const struct store *s, enum object_kind kind,
                                 const struct objmeta *after)
{
    const struct storeentry *e = s->kinds[kind];

    if (after != NULL) {
        e = s->walk->last[kind];
        if (e == NULL || e->object != after) {
            struct storekey k = storegroup_key(&s->groups, after->ns, after->name);

            e = find_entry(s, kind, &k); /* walks of one kind within each other */
        }
        e = e != NULL ? e->hh.next : NULL;
    }
    s->walk->last[kind] = e;
    return e != NULL ? e->object : NULL;
}

static const struct storegroup *group_of(const struct store *s, const char *ns, const char *service)
{
    const struct storegroup *g = s->walk->last_group;
    const struct objmeta *o = g != NULL && g->service != NULL ? g->service->object : NULL;
    struct storekey k;

    if (o != NULL && o->ns == ns && o->name == service) {
        return g; /* the very texts of the Service found last */
    }
    k = storegroup_key(&s->groups, ns, service);
    return storegroup_find(&s->groups, &k);
}

const struct endpoint_slice *store_next_slice(const struct store *s, const char *ns,
                                              const char *service,
                                              const struct endpoint_slice *after)
{
    const struct storeentry *e = NULL;

    if (after != NULL) {
        e = s->walk->last_slice;
        if (e == NULL || e->object != &after->meta) {
            struct storekey k = storegroup_key(&s->groups, after->meta.ns, after->meta.name);

            e = find_entry(s, OBJECT_ENDPOINT_SLICE, &k);
        }
        e = e != NULL ? e->next : NULL;
    } else {
        const struct storegroup *g = group_of(s, ns, service);

        e = g != NULL ? g->slices : NULL;
    }
    s->walk->last_slice = e;
    return e != NULL ? (const struct endpoint_slice *)(const void *)e->object : NULL;
}
