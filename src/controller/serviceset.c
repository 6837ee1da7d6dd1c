#include "controller/serviceset.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

#define FIRST_SLOTS 32u

void serviceset_init(struct serviceset *s, const struct siphash_key *key)
{
    *s = (struct serviceset){.key = key};
}

void serviceset_fini(struct serviceset *s)
{
    free(s->slots);
    serviceset_init(s, s->key);
}

static uint64_t hash_of(const struct serviceset *s, const char *ns, const char *name)
{
    const uint64_t parts[2] = {siphash(s->key, ns, strlen(ns)),
                               siphash(s->key, name, strlen(name))};
    uint64_t hash = siphash(s->key, parts, sizeof(parts));

    return hash != 0 ? hash : 1;
}

/** Where a hash is, or would be; there is an empty slot. */
static uint64_t *slot_of(const struct serviceset *s, uint64_t hash)
{
    size_t i = hash & (s->cap - 1);

    while (s->slots[i] != 0 && s->slots[i] != hash) {
        i = (i + 1) & (s->cap - 1);
    }
    return &s->slots[i];
}

/** Room for one more, half of the slots staying empty. */
static bool reserve(struct serviceset *s)
{
    struct serviceset grown = *s;

    if (s->n < s->cap / 2) {
        return true;
    }
    grown.cap = s->cap ? s->cap * 2 : FIRST_SLOTS;
    grown.slots = calloc(grown.cap, sizeof(*grown.slots));
    if (!grown.slots) {
        return false;
    }
    for (size_t i = 0; i < s->cap; i++) {
        if (s->slots[i] != 0) {
            *slot_of(&grown, s->slots[i]) = s->slots[i];
        }
    }
    free(s->slots);
    *s = grown;
    return true;
}

void serviceset_add(struct serviceset *s, const char *ns, const char *name)
{
    uint64_t hash = hash_of(s, ns, name);
    uint64_t *slot;

    if (!reserve(s)) {
        serviceset_fill(s);
        return;
    }
    slot = slot_of(s, hash);
    s->n += *slot == 0;
    *slot = hash;
}

void serviceset_fill(struct serviceset *s)
{
    s->full = true;
}

bool serviceset_has(const struct serviceset *s, const char *ns, const char *name)
{
    return s->full || (s->n > 0 && *slot_of(s, hash_of(s, ns, name)) != 0);
}
