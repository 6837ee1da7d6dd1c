/**
 * poolwalk_priv - where in a table a pool has its place.
 *
 * Two indexes of the pools, one by their Service and one by all their texts, as chains of places,
 * for nobody but the controller asks.  A place is taken out or changed without a search, however
 * many pools a Service has.
 */
#ifndef ROUTE_POOLWALK_PRIV_H
#define ROUTE_POOLWALK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

struct siphash_key;
struct table;
struct table_names;

/** Of a place: its neighbours in a chain, each as 1 + the place; 0: none. */
struct poollink {
    uint32_t next, prev;
};

struct poolchain {
    uint32_t *heads;        /* the first of each chain, likewise */
    struct poollink *links; /* by place */
};

/** What a place is filed under. */
struct poolwalk_hash {
    uint32_t service, pool;
};

struct poolwalk_hash poolwalk_hash(const struct siphash_key *key, const char *ns,
                                   const char *service, const char *port);

/** Enter a place that there is room for. */
void poolwalk_add(struct table_names *n, struct poolwalk_hash hash, uint32_t place);

/** Put one place, which is not taken, in the stead of another. */
void poolwalk_move(struct table_names *n, struct poolwalk_hash hash, uint32_t from, uint32_t to);

/** Take a place out. */
void poolwalk_remove(struct table_names *n, struct poolwalk_hash hash, uint32_t place);

/** The place of a pool.  Returns whether there is one. */
bool poolwalk_find(const struct table *t, const char *ns, const char *service, const char *port,
                   uint32_t *place_out);

#endif
