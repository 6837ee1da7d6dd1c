/**
 * tabledigest - one number for all that matters about a table.
 *
 * Covers hosts, who serves them, who lost why, and pools with their endpoints.  It is the sum of
 * one number for each route and one for each pool, so that one of them can be exchanged, and does
 * not depend on where in the table they stand.  The numbers are made under a secret key: nobody can
 * choose objects whose sums meet.
 */
#ifndef ROUTE_TABLEDIGEST_PRIV_H
#define ROUTE_TABLEDIGEST_PRIV_H

#include <stdint.h>

struct claim_lost;
struct pool;
struct route_key;
struct siphash_key;

/** A route by its winner, with the claims that lost it. */
uint64_t tabledigest_of_route(const struct siphash_key *key, const struct route_key *winner,
                              const struct claim_lost *lost, uint32_t n_lost);

/** A pool, filled. */
uint64_t tabledigest_of_pool(const struct siphash_key *key, const struct pool *p);

#endif
