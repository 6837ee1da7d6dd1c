/**
 * yamlanchors - what the anchors of one YAML document stand for.
 */
#ifndef MANIFEST_YAMLANCHORS_PRIV_H
#define MANIFEST_YAMLANCHORS_PRIV_H

#include "base/attr.h"
#include "base/siphash.h"

struct docnode;
struct yamlanchor;

struct yamlanchors {
    struct yamlanchor *table;
    struct siphash_key hash_key; /* names come from outside */
};

void yamlanchors_init(struct yamlanchors *a);

/** Forget all; usable again afterwards. */
void yamlanchors_fini(struct yamlanchors *a);

/** From now on `name` stands for `node` (borrowed), whatever it did before.  0 or -ENOMEM. */
MUST_CHECK int yamlanchors_set(struct yamlanchors *a, const char *name, const struct docnode *node);

/** The node, or NULL. */
const struct docnode *yamlanchors_find(const struct yamlanchors *a, const char *name);

#endif
