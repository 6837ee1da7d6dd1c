#include "ptrset_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAP 16u

void ptrset_init(struct ptrset *s, size_t hash_offset, ptrset_equal_fn equal)
{
    *s = (struct ptrset){.hash_offset = hash_offset, .equal = equal};
}

void ptrset_fini(struct ptrset *s)
{
    free(s->slots);
    ptrset_init(s, s->hash_offset, s->equal);
}

static uint32_t hash_of(const struct ptrset *s, const void *item)
{
    uint32_t hash;

    memcpy(&hash, (const char *)item + s->hash_offset, sizeof(hash));
    return hash;
}

void *ptrset_find(const struct ptrset *s, uint32_t hash, const void *key)
{
    size_t mask = s->cap - 1;

    if (s->cap == 0) {
        return NULL;
    }
    for (size_t i = hash & mask; s->slots[i] != NULL; i = (i + 1) & mask) {
        if (hash_of(s, s->slots[i]) == hash && s->equal(s->slots[i], key)) {
            return s->slots[i];
        }
    }
    return NULL;
}

void ptrset_prefetch_slot(const struct ptrset *s, uint32_t hash)
{
    if (s->cap > 0) {
        __builtin_prefetch(&s->slots[hash & (s->cap - 1)]);
    }
}

void ptrset_prefetch_item(const struct ptrset *s, uint32_t hash)
{
    if (s->cap > 0) {
        __builtin_prefetch(s->slots[hash & (s->cap - 1)]); /* a prefetch of NULL does nothing */
    }
}

static void place(struct ptrset *s, void *item)
{
    size_t mask = s->cap - 1;
    size_t i = hash_of(s, item) & mask;

    while (s->slots[i] != NULL) {
        i = (i + 1) & mask;
    }
    s->slots[i] = item;
}

static int resize(struct ptrset *s, size_t cap)
{
    struct ptrset old = *s;

    s->slots = calloc(cap, sizeof(void *));
    if (s->slots == NULL) {
        s->slots = old.slots;
        return -ENOMEM;
    }
    s->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i] != NULL) {
            place(s, old.slots[i]);
        }
    }
    free(old.slots);
    return 0;
}

int ptrset_add(struct ptrset *s, void *item)
{
    int rc;

    if (s->n >= s->cap / 4 * 3) {
        rc = resize(s, s->cap > 0 ? s->cap * 2 : MIN_CAP);
        if (rc < 0) {
            return rc;
        }
    }
    place(s, item);
    s->n++;
    return 0;
}

/*
 * Empty slot `hole` and close the gap: what was pushed past it moves back, so that a search, which
 * ends at the first empty slot, still finds everything.
 */
static void vacate(struct ptrset *s, size_t hole)
{
    size_t mask = s->cap - 1;

    for (size_t i = (hole + 1) & mask; s->slots[i] != NULL; i = (i + 1) & mask) {
        size_t home = hash_of(s, s->slots[i]) & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            s->slots[hole] = s->slots[i];
            hole = i;
        }
    }
    s->slots[hole] = NULL;
}

/* Where many were, an array for few would cost every walk. */
static void shrink_if_sparse(struct ptrset *s)
{
    if (s->cap > MIN_CAP && s->n < s->cap / 8) {
        (void)resize(s, s->cap / 2); /* without memory the larger one serves as well */
    }
}

void ptrset_remove(struct ptrset *s, const void *item)
{
    size_t mask = s->cap - 1;
    size_t i = hash_of(s, item) & mask;

    while (s->slots[i] != item) {
        ASSERT(s->slots[i] != NULL);
        i = (i + 1) & mask;
    }
    vacate(s, i);
    s->n--;
    shrink_if_sparse(s);
}

size_t ptrset_drop_if(struct ptrset *s, ptrset_drop_fn drop)
{
    size_t before = s->n, i = 0;

    while (i < s->cap) {
        if (s->slots[i] != NULL && drop(s->slots[i])) {
            vacate(s, i); /* may bring another item here: look again */
            s->n--;
        } else {
            i++;
        }
    }
    shrink_if_sparse(s);
    return before - s->n;
}
