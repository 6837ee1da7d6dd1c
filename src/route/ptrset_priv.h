/**
 * ptrset - a set of pointers, found by a hash that each item carries.
 *
 * Open addressing, one word for each slot.  Knows nothing about its items but where their hash
 * stands; it borrows them.  One thread.
 */
#ifndef ROUTE_PTRSET_PRIV_H
#define ROUTE_PTRSET_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/** Whether `item` is what `key` describes. */
typedef bool (*ptrset_equal_fn)(const void *item, const void *key);

/** Whether `item` goes; a function that says so may free it. */
typedef bool (*ptrset_drop_fn)(void *item);

struct ptrset {
    void **slots; /* NULL while empty */
    size_t cap;   /* a power of two, or 0 */
    size_t n;
    size_t hash_offset; /* of a uint32_t in every item, not changed while it is in the set */
    ptrset_equal_fn equal;
};

/** An empty set; allocates nothing. */
void ptrset_init(struct ptrset *s, size_t hash_offset, ptrset_equal_fn equal);

/** Forget every item; they stay the caller's. */
void ptrset_fini(struct ptrset *s);

/** The item with this hash that equals `key`, or NULL. */
void *ptrset_find(const struct ptrset *s, uint32_t hash, const void *key);

/** Ask for the memory that ptrset_find() reads first; some time later, for what it reads next. */
void ptrset_prefetch_slot(const struct ptrset *s, uint32_t hash);
void ptrset_prefetch_item(const struct ptrset *s, uint32_t hash);

/** Add an item that ptrset_find() does not find.  Returns 0 or -ENOMEM. */
MUST_CHECK int ptrset_add(struct ptrset *s, void *item);

/** Take out `item`, which is in it. */
void ptrset_remove(struct ptrset *s, const void *item);

/** Take out every item that `drop` says so of.  Returns how many.  Cost: a walk over all. */
size_t ptrset_drop_if(struct ptrset *s, ptrset_drop_fn drop);

#endif
