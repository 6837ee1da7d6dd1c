/**
 * statuskey - an Ingress by name, as a key of hash tables.
 */
#ifndef CONTROLLER_STATUSKEY_PRIV_H
#define CONTROLLER_STATUSKEY_PRIV_H

#include <stdbool.h>
#include <string.h>

#include "base/siphash.h"

struct statuskey {
    const char *ns, *name; /* borrowed */
    unsigned hash;
};

/** Names come from outside, so the hash has a secret. */
static inline struct statuskey statuskey_of(const struct siphash_key *secret, const char *ns,
                                            const char *name)
{
    uint64_t ns_hash = siphash(secret, ns, strlen(ns));
    uint64_t name_hash = siphash(secret, name, strlen(name));

    /* not symmetric: a/b is not b/a */
    return (struct statuskey){ns, name, (unsigned)(ns_hash * 31 + name_hash)};
}

static inline bool statuskey_same(const struct statuskey *a, const struct statuskey *b)
{
    return a->hash == b->hash && strcmp(a->name, b->name) == 0 && strcmp(a->ns, b->ns) == 0;
}

#endif
