/**
 * tabledigest - one number for all that matters about a table, made while it is filled.
 *
 * Covers hosts, who serves them, pools with their endpoints, and who lost why.  One thread.
 */
#ifndef ROUTE_TABLEDIGEST_PRIV_H
#define ROUTE_TABLEDIGEST_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct claim;
struct pool;
struct route;
struct table;

#define TABLEDIGEST_BLOCK_BYTES 4096u

struct tabledigest {
    const struct table *table;
    size_t len;
    uint8_t block[TABLEDIGEST_BLOCK_BYTES]; /* begins with the hash of the one before */
};

/** Start, with the key and the sizes of a table about to be filled. */
void tabledigest_init(struct tabledigest *d, const struct table *t);

/** Add a pool, filled.  Each before the first route that names it. */
void tabledigest_add_pool(struct tabledigest *d, const struct pool *p);

/** Add a route, filled, and the claim that won it. */
void tabledigest_add_route(struct tabledigest *d, const struct route *r,
                           const struct claim *winner);

/** The digest of all that was added. */
uint64_t tabledigest_finish(struct tabledigest *d);

#endif
