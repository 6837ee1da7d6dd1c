#include "kubenotes_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/verdict.h"

/* A table that cannot grow refuses the new entry (its hh.tbl is then NULL) and stays as it was. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define KEY_MAX 512 /* a name has 253 characters at most, a namespace 63 */

struct kubenote {
    struct verdicts standing;
    struct verdicts listed; /* what the list under way says */
    bool kept;              /* the list says: as it stands */
    UT_hash_handle hh;
    size_t len;
    char key[]; /* "ns/name" */
};

struct key {
    char text[KEY_MAX];
    size_t len;
    unsigned hash;
};

void kubenotes_init(struct kubenotes *n)
{
    *n = (struct kubenotes){0};
    if (siphash_key_random(&n->hash_key) < 0) {
        /* Without random bytes (a kernel older than 3.17) names can be aimed at one bucket. */
        memset(&n->hash_key, 0, sizeof(n->hash_key));
    }
}

static void free_note(struct kubenote *note)
{
    verdicts_fini(&note->standing);
    verdicts_fini(&note->listed);
    free(note);
}

void kubenotes_fini(struct kubenotes *n)
{
    struct kubenote *note = n->notes;

    HASH_CLEAR(hh, n->notes); /* frees the table; the entries keep their order */
    while (note) {
        struct kubenote *next = note->hh.next;

        free_note(note);
        note = next;
    }
}

static struct key key_of(const struct kubenotes *n, const char *ns, const char *name)
{
    size_t ns_len = strlen(ns), name_len = strlen(name);
    struct key k;

    ASSERT(ns_len + 1 + name_len <= sizeof(k.text)); /* the caller has checked names */
    memcpy(k.text, ns, ns_len);
    k.text[ns_len] = '/';
    memcpy(k.text + ns_len + 1, name, name_len);
    k.len = ns_len + 1 + name_len;
    k.hash = (unsigned)siphash(&n->hash_key, k.text, k.len);
    return k;
}

static struct kubenote *find(const struct kubenotes *n, const struct key *k)
{
    struct kubenote *note;

    HASH_FIND_BYHASHVALUE(hh, n->notes, k->text, k->len, k->hash, note);
    return note;
}

static struct kubenote *find_or_add(struct kubenotes *n, const struct key *k)
{
    struct kubenote *note = find(n, k);

    if (note) {
        return note;
    }
    note = calloc(1, sizeof(*note) + k->len);
    if (!note) {
        return NULL;
    }
    note->len = k->len;
    memcpy(note->key, k->text, k->len);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, n->notes, note->key, note->len, k->hash, note);
    if (!note->hh.tbl) {
        free(note);
        return NULL;
    }
    return note;
}

static void drop_if_empty(struct kubenotes *n, struct kubenote *note)
{
    if (note->standing.n == 0 && note->listed.n == 0) {
        // NOLINTNEXTLINE(clang-analyzer-*): the table is not empty, for it holds the note
        HASH_DEL(n->notes, note);
        free_note(note);
    }
}

static bool is_same(const struct verdict *a, const struct verdict *b)
{
    return a->severity == b->severity && a->refused == b->refused &&
           strcmp(a->reason, b->reason) == 0 && strcmp(a->message, b->message) == 0;
}

static bool are_same(const struct verdicts *a, const struct verdicts *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!is_same(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

/** Move `from` to `to`, in place of what is there. */
static void replace(struct verdicts *to, struct verdicts *from)
{
    verdicts_fini(to);
    *to = *from;
    verdicts_init(from);
}

int kubenotes_put(struct kubenotes *n, const char *ns, const char *name, struct verdicts *v,
                  bool *differs_out)
{
    struct key k = key_of(n, ns, name);
    struct kubenote *note;

    if (v->lost) {
        return -ENOMEM;
    }
    if (v->n == 0) {
        *differs_out = kubenotes_drop(n, ns, name);
        return 0;
    }
    note = find_or_add(n, &k);
    if (!note) {
        return -ENOMEM;
    }
    *differs_out = !are_same(&note->standing, v);
    replace(&note->standing, v);
    return 0;
}

bool kubenotes_drop(struct kubenotes *n, const char *ns, const char *name)
{
    struct key k = key_of(n, ns, name);
    struct kubenote *note = find(n, &k);
    bool stood = note && note->standing.n > 0;

    if (note) {
        verdicts_fini(&note->standing);
        drop_if_empty(n, note);
    }
    return stood;
}

int kubenotes_list_put(struct kubenotes *n, const char *ns, const char *name, struct verdicts *v)
{
    struct key k = key_of(n, ns, name);
    struct kubenote *note;

    if (v->lost) {
        return -ENOMEM;
    }
    note = v->n > 0 ? find_or_add(n, &k) : find(n, &k);
    if (note) {
        note->kept = false;
        replace(&note->listed, v);
        drop_if_empty(n, note);
    }
    return note || v->n == 0 ? 0 : -ENOMEM;
}

void kubenotes_list_keep(struct kubenotes *n, const char *ns, const char *name)
{
    struct key k = key_of(n, ns, name);
    struct kubenote *note = find(n, &k);

    if (note) {
        note->kept = true;
        verdicts_fini(&note->listed);
        drop_if_empty(n, note);
    }
}

bool kubenotes_list_end(struct kubenotes *n)
{
    struct kubenote *note, *next;
    bool differs = false;

    HASH_ITER (hh, n->notes, note, next) {
        if (!note->kept) {
            differs = differs || !are_same(&note->standing, &note->listed);
            replace(&note->standing, &note->listed);
        }
        note->kept = false;
        drop_if_empty(n, note);
    }
    return differs;
}

void kubenotes_list_drop(struct kubenotes *n)
{
    struct kubenote *note, *next;

    HASH_ITER (hh, n->notes, note, next) {
        note->kept = false;
        verdicts_fini(&note->listed);
        drop_if_empty(n, note);
    }
}

void kubenotes_append(const struct kubenotes *n, struct verdicts *v)
{
    for (const struct kubenote *note = n->notes; note; note = note->hh.next) {
        verdicts_append(v, &note->standing);
    }
}
