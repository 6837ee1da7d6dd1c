/**
 * tablenames - the names of a table while they are filled: one chunk of just the size they need.
 */
#ifndef ROUTE_TABLENAMES_PRIV_H
#define ROUTE_TABLENAMES_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct claim_lost;
struct registry;
struct route;
struct siphash_key;
struct table_names;

/** What there will be of each. */
struct tablenames_size {
    size_t n_routes, n_slots, n_pools, n_pool_slots, n_lost, text_bytes;
};

/** Names being filled, and where the next lost claim goes. */
struct tablenames {
    struct table_names *names;
    struct claim_lost *lost;
};

/** Count a lost claim in. */
void tablenames_count_lost(struct tablenames_size *size, const struct claim_lost *c);

/** Names without registry whose routes have no states yet, held once.  Returns whether there was
 * memory. */
MUST_CHECK bool tablenames_new(const struct tablenames_size *size, const struct siphash_key *key,
                               struct tablenames *out);

/** Add one more lost claim to a route, which must be the last that any was added to; texts are
 * copied.  Returns whether there was memory. */
MUST_CHECK bool tablenames_add_lost(struct tablenames *t, struct route *r,
                                    const struct claim_lost *c);

#endif
