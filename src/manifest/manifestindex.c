#include "manifest/manifestindex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/limits.h"
#include "model/store.h"

/** All objects of one identity. */
struct manifestslot {
    struct manifestobj *objs;        /* unordered: only the first matters, found when settling */
    const struct manifestobj *first; /* as of the last settling */
    const struct objmeta *stored;    /* what the store holds, kept alive by it */
    enum object_kind kind;
    bool is_touched;
    struct manifestslot *next_touched;
    UT_hash_handle hh;
    size_t name_at; /* in key, where the name starts */
    size_t key_len;
    char key[]; /* kind, namespace, NUL, name, NUL */
};

#define KEY_NS  1u  /* in key, where the namespace starts */
#define KEY_MAX 512 /* longer than any valid one: names end at 253 bytes */

void manifestindex_init(struct manifestindex *ix, struct store *store)
{
    *ix = (struct manifestindex){.store = store};
    /* Without random bytes (a kernel older than 3.17) names can be aimed at one bucket. */
    (void)!siphash_key_random(&ix->hash_key);
}

void manifestindex_fini(struct manifestindex *ix)
{
    struct manifestslot *s = ix->slots;

    HASH_CLEAR(hh, ix->slots); /* frees the table; the slots keep their order */
    while (s) {
        struct manifestslot *next = s->hh.next;

        free(s);
        s = next;
    }
    manifestindex_init(ix, ix->store);
}

static size_t key_len(const struct manifestindex_id *id)
{
    return KEY_NS + strlen(id->ns) + 1 + strlen(id->name) + 1;
}

/** Write the key_len() bytes that stand for an identity. */
static void write_key(char *key, const struct manifestindex_id *id)
{
    size_t ns_size = strlen(id->ns) + 1;

    key[0] = (char)id->kind;
    memcpy(key + KEY_NS, id->ns, ns_size);
    memcpy(key + KEY_NS + ns_size, id->name, strlen(id->name) + 1);
}

static struct manifestslot *slot_new(const struct manifestindex_id *id)
{
    size_t len = key_len(id);
    struct manifestslot *s = calloc(1, sizeof(*s) + len);

    if (s) {
        s->kind = id->kind;
        s->name_at = KEY_NS + strlen(id->ns) + 1;
        s->key_len = len;
        write_key(s->key, id);
    }
    return s;
}

static void touch(struct manifestindex *ix, struct manifestslot *s)
{
    if (!s->is_touched) {
        s->is_touched = true;
        s->next_touched = ix->touched;
        ix->touched = s;
    }
}

static unsigned hash_of(const struct manifestindex *ix, const char *key, size_t len)
{
    return (unsigned)siphash(&ix->hash_key, key, len);
}

static struct manifestslot *find_slot(const struct manifestindex *ix, const char *key, size_t len)
{
    struct manifestslot *found;

    HASH_FIND_BYHASHVALUE(hh, ix->slots, key, len, hash_of(ix, key, len), found);
    return found;
}

/** The slot of an object, made when there is none; NULL without memory. */
static struct manifestslot *slot_of(struct manifestindex *ix, const struct objmeta *o)
{
    const struct manifestindex_id id = {o->kind, o->ns, o->name};
    struct manifestslot *made = slot_new(&id), *found;

    if (!made) {
        return NULL;
    }
    found = find_slot(ix, made->key, made->key_len);
    if (found) {
        free(made);
        return found;
    }
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, ix->slots, made->key, made->key_len,
                                hash_of(ix, made->key, made->key_len), made);
    if (!made->hh.tbl) {
        free(made);
        return NULL;
    }
    /* Should nothing ever be entered, settling takes the empty slot away. */
    touch(ix, made);
    return made;
}

int manifestindex_prepare(struct manifestindex *ix, struct manifestcontent *c)
{
    for (size_t i = 0; i < c->n; i++) {
        c->objs[i].slot = slot_of(ix, c->objs[i].meta);
        if (!c->objs[i].slot) {
            return -ENOMEM;
        }
    }
    return 0;
}

void manifestindex_attach(struct manifestindex *ix, struct manifestcontent *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct manifestobj *o = &c->objs[i];
        struct manifestslot *s = o->slot;

        ix->surplus += s->objs != NULL;
        o->prev = NULL;
        o->next = s->objs;
        if (o->next) {
            o->next->prev = o;
        }
        s->objs = o;
        touch(ix, s);
    }
}

void manifestindex_detach(struct manifestindex *ix, struct manifestcontent *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct manifestobj *o = &c->objs[i];
        struct manifestslot *s = o->slot;

        if (o->next) {
            o->next->prev = o->prev;
        }
        if (o->prev) {
            o->prev->next = o->next;
        } else {
            s->objs = o->next;
        }
        s->first = NULL;
        ix->surplus -= s->objs != NULL;
        touch(ix, s);
    }
}

static bool comes_before(const struct manifestobj *a, const struct manifestobj *b)
{
    int order = strcmp(a->path, b->path);

    return order < 0 || (order == 0 && a->order < b->order);
}

static const struct manifestobj *first_of(const struct manifestslot *s)
{
    const struct manifestobj *first = s->objs;

    for (const struct manifestobj *o = s->objs; o; o = o->next) {
        if (comes_before(o, first)) {
            first = o;
        }
    }
    return first;
}

/** Make the store hold what the slot says.  An empty slot dies. */
static int settle_slot(struct manifestindex *ix, struct manifestslot *s, bool *changed_out)
{
    int rc;

    s->first = first_of(s);
    if (!s->first) {
        if (s->stored) {
            (void)store_remove(ix->store, s->kind, s->key + KEY_NS, s->key + s->name_at);
            *changed_out = true;
        }
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): not empty, for it holds s
        HASH_DEL(ix->slots, s);
        free(s);
        return 0;
    }
    if (s->first->meta == s->stored) {
        return 0;
    }
    rc = store_put(ix->store, s->first->meta);
    if (rc == 0) {
        s->stored = s->first->meta;
        *changed_out = true;
    }
    return rc;
}

int manifestindex_settle(struct manifestindex *ix, bool *changed_out)
{
    while (ix->touched) {
        struct manifestslot *s = ix->touched;
        int rc;

        ix->touched = s->next_touched;
        s->is_touched = false;
        rc = settle_slot(ix, s, changed_out);
        if (rc != 0) {
            touch(ix, s);
            return rc;
        }
    }
    return 0;
}

struct objmeta *manifestindex_find(const struct manifestindex *ix,
                                   const struct manifestindex_id *id, const char *path)
{
    char key[KEY_MAX];
    size_t len = key_len(id);
    const struct manifestslot *s;

    if (len > sizeof(key)) {
        return NULL;
    }
    write_key(key, id);
    s = find_slot(ix, key, len);
    for (const struct manifestobj *o = s ? s->objs : NULL; o; o = o->next) {
        if (strcmp(o->path, path) == 0) {
            return o->meta;
        }
    }
    return NULL;
}

void manifestindex_tell_duplicate(const struct objmeta *again, const struct objmeta *first,
                                  struct verdicts *v)
{
    size_t said = v->n;

    verdicts_add(v, again, 0, VERDICT_ERROR, "DuplicateObject",
                 "this %s at %s:%u is not used: it is already defined at %s:%u; remove one of the "
                 "two",
                 object_kind_name(again->kind), again->file, again->line, first->file, first->line);
    verdicts_mark_refused(v, said); /* whatever the first one is, this one is not in the store */
}

void manifestindex_verdicts(const struct manifestindex *ix, const struct manifestcontent *c,
                            struct verdicts *v)
{
    size_t told = 0;

    if (ix->surplus == 0) {
        return;
    }
    for (size_t i = 0; i < c->n && told < LIMIT_VERDICTS_PER_FILE; i++) {
        const struct manifestobj *first = c->objs[i].slot->first;

        if (first && first != &c->objs[i]) {
            manifestindex_tell_duplicate(c->objs[i].meta, first->meta, v);
            told++;
        }
    }
}
