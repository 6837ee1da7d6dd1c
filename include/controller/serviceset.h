/**
 * serviceset - some Services, by namespace and name.
 *
 * Keeps a hash of each: has() never says no of one that was added, and yes of another once in so
 * many years that its users must only not be harmed by it.
 */
#ifndef CONTROLLER_SERVICESET_H
#define CONTROLLER_SERVICESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct siphash_key;

struct serviceset {
    const struct siphash_key *key; /* the names come from outside */
    uint64_t *slots;               /* open addressing; 0: empty */
    size_t n, cap;                 /* a power of two, or 0 */
    bool full;
};

/** An empty set that hashes by `key` (borrowed); allocates nothing. */
void serviceset_init(struct serviceset *s, const struct siphash_key *key);

/** Free the memory; the set is empty then. */
void serviceset_fini(struct serviceset *s);

/** Without memory it has every Service from then on. */
void serviceset_add(struct serviceset *s, const char *ns, const char *name);

/** From now on it has every Service. */
void serviceset_fill(struct serviceset *s);

bool serviceset_has(const struct serviceset *s, const char *ns, const char *name);

#endif
