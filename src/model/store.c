#include "model/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

/* A table that cannot grow refuses the new entry (its hh.tbl is then NULL) and stays as it was. */
#define HASH_NONFATAL_OOM 1

struct key {
    const char *ns, *name;
    unsigned hash;
};

static int key_differs(const void *a, const void *b)
{
    const struct key *x = a, *y = b;

    return strcmp(x->name, y->name) != 0 || strcmp(x->ns, y->ns) != 0;
}

#define HASH_KEYCMP(a, b, n) key_differs(a, b)
#include <uthash.h>
#include <utlist.h>

struct group;

struct entry {
    struct key key; /* the texts are the object's */
    struct objmeta *object;
    struct group *group;       /* of a slice that belongs to a Service */
    struct entry *prev, *next; /* in its group */
    UT_hash_handle hh;
};

/* The slices of one Service. */
struct group {
    struct key key; /* the texts stand behind the struct: they outlive any one slice */
    struct entry *slices;
    UT_hash_handle hh;
};

/* Where the walk of each kind stands, so that its next step needs no look-up. */
struct walk {
    const struct entry *last[OBJECT_KINDS];
    const struct entry *last_slice; /* of the walk over those of one Service */
};

struct store {
    struct entry *kinds[OBJECT_KINDS];
    struct group *groups;
    struct walk *walk;           /* also of a const store: it changes no answer */
    struct siphash_key hash_key; /* names come from outside */
};

struct store *store_new(void)
{
    struct store *s = calloc(1, sizeof(*s) + sizeof(struct walk));

    if (s == NULL) {
        return NULL;
    }
    s->walk = (struct walk *)(void *)(s + 1);
    if (siphash_key_random(&s->hash_key) < 0) {
        /* Without random bytes (a kernel older than 3.17) names can be aimed at one bucket. */
        memset(&s->hash_key, 0, sizeof(s->hash_key));
    }
    return s;
}

static struct key key_of(const struct store *s, const char *ns, const char *name)
{
    uint64_t ns_hash = siphash(&s->hash_key, ns, strlen(ns));
    uint64_t name_hash = siphash(&s->hash_key, name, strlen(name));

    /* not symmetric: a/b is not b/a */
    return (struct key){ns, name, (unsigned)(ns_hash * 31 + name_hash)};
}

static struct entry *find_entry(const struct store *s, enum object_kind kind, const struct key *k)
{
    struct entry *e;

    HASH_FIND_BYHASHVALUE(hh, s->kinds[kind], k, sizeof(*k), k->hash, e);
    return e;
}

static struct group *find_group(const struct store *s, const struct key *k)
{
    struct group *g;

    HASH_FIND_BYHASHVALUE(hh, s->groups, k, sizeof(*k), k->hash, g);
    return g;
}

static struct group *add_group(struct store *s, const struct key *k)
{
    size_t ns_size = strlen(k->ns) + 1, name_size = strlen(k->name) + 1;
    struct group *g = calloc(1, sizeof(*g) + ns_size + name_size);

    if (g == NULL) {
        return NULL;
    }
    g->key.ns = memcpy(g + 1, k->ns, ns_size);
    g->key.name = memcpy((char *)(g + 1) + ns_size, k->name, name_size);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->groups, &g->key, sizeof(g->key), k->hash, g);
    if (g->hh.tbl == NULL) {
        free(g);
        return NULL;
    }
    return g;
}

static void drop_group_if_empty(struct store *s, struct group *g)
{
    if (g != NULL && g->slices == NULL) {
        HASH_DEL(s->groups, g);
        free(g);
    }
}

static void leave_group(struct store *s, struct entry *e)
{
    struct group *g = e->group;

    if (g != NULL) {
        DL_DELETE(g->slices, e);
        e->group = NULL;
        drop_group_if_empty(s, g);
    }
}

/* The group a slice belongs to, made if need be; *out is NULL for anything else. */
static int group_for(struct store *s, const struct objmeta *o, struct group **out)
{
    const char *service;
    struct key k;

    *out = NULL;
    if (o->kind != OBJECT_ENDPOINT_SLICE) {
        return 0;
    }
    service = ((const struct endpoint_slice *)(const void *)o)->service;
    if (service[0] == '\0') {
        return 0;
    }
    k = key_of(s, o->ns, service);
    *out = find_group(s, &k);
    if (*out == NULL) {
        *out = add_group(s, &k);
    }
    return *out != NULL ? 0 : -ENOMEM;
}

static struct entry *add_entry(struct store *s, enum object_kind kind, const struct key *k)
{
    struct entry *e = calloc(1, sizeof(*e));

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

int store_put(struct store *s, struct objmeta *o)
{
    struct key k = key_of(s, o->ns, o->name);
    struct entry *e = find_entry(s, o->kind, &k);
    struct objmeta *old;
    struct group *g;

    if (group_for(s, o, &g) < 0) {
        return -ENOMEM;
    }
    if (e == NULL) {
        e = add_entry(s, o->kind, &k);
        if (e == NULL) {
            drop_group_if_empty(s, g);
            return -ENOMEM;
        }
    }
    if (e->group != g) {
        leave_group(s, e);
        e->group = g;
        if (g != NULL) {
            DL_APPEND(g->slices, e);
        }
    }
    old = e->object;
    e->object = object_ref(o);
    e->key = k;
    object_unref(old);
    return 0;
}

bool store_remove(struct store *s, enum object_kind kind, const char *ns, const char *name)
{
    struct key k = key_of(s, ns, name);
    struct entry *e = find_entry(s, kind, &k);

    if (e == NULL) {
        return false;
    }
    leave_group(s, e);
    HASH_DEL(s->kinds[kind], e);
    s->walk->last[kind] = NULL;
    s->walk->last_slice = NULL;
    object_unref(e->object); /* last: the caller's texts may be this object's */
    free(e);
    return true;
}

static void free_entries(struct entry *e)
{
    while (e != NULL) {
        struct entry *next = e->hh.next;

        object_unref(e->object);
        free(e);
        e = next;
    }
}

static void free_groups(struct group *g)
{
    while (g != NULL) {
        struct group *next = g->hh.next;

        free(g);
        g = next;
    }
}

void store_free(struct store *s)
{
    struct group *groups;

    if (s == NULL) {
        return;
    }
    for (unsigned kind = 0; kind < OBJECT_KINDS; kind++) {
        struct entry *entries = s->kinds[kind];

        HASH_CLEAR(hh, s->kinds[kind]); /* frees the table; the entries keep their order */
        free_entries(entries);
    }
    groups = s->groups;
    HASH_CLEAR(hh, s->groups);
    free_groups(groups);
    free(s);
}

const struct objmeta *store_find(const struct store *s, enum object_kind kind, const char *ns,
                                 const char *name)
{
    struct key k = key_of(s, ns, name);
    const struct entry *e = find_entry(s, kind, &k);

    return e != NULL ? e->object : NULL;
}

size_t store_count(const struct store *s, enum object_kind kind)
{
    return HASH_COUNT(s->kinds[kind]);
}

const struct objmeta *store_next(const struct store *s, enum object_kind kind,
                                 const struct objmeta *after)
{
    const struct entry *e = s->kinds[kind];

    if (after != NULL) {
        e = s->walk->last[kind];
        if (e == NULL || e->object != after) {
            struct key k = key_of(s, after->ns, after->name);

            e = find_entry(s, kind, &k); /* walks of one kind within each other */
        }
        e = e != NULL ? e->hh.next : NULL;
    }
    s->walk->last[kind] = e;
    return e != NULL ? e->object : NULL;
}

const struct endpoint_slice *store_next_slice(const struct store *s, const char *ns,
                                              const char *service,
                                              const struct endpoint_slice *after)
{
    const struct entry *e = NULL;

    if (after != NULL) {
        e = s->walk->last_slice;
        if (e == NULL || e->object != &after->meta) {
            struct key k = key_of(s, after->meta.ns, after->meta.name);

            e = find_entry(s, OBJECT_ENDPOINT_SLICE, &k);
        }
        e = e != NULL ? e->next : NULL;
    } else {
        struct key k = key_of(s, ns, service);
        const struct group *g = find_group(s, &k);

        e = g != NULL ? g->slices : NULL;
    }
    s->walk->last_slice = e;
    return e != NULL ? (const struct endpoint_slice *)(const void *)e->object : NULL;
}
