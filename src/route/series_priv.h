/**
 * series_priv - the registry's side of series.h: all series of a registry, and what left them.
 *
 * One lock, between the controller, which adds and removes series, and whoever takes a snapshot:
 * that one sees a series before its cells went to `removed`, or after, never both or neither.
 * Writers take no lock.  Everything but the snapshot belongs to the controller.
 */
#ifndef SERIES_PRIV_H
#define SERIES_PRIV_H

#include <pthread.h>

#include "ptrset_priv.h"
#include "route/series.h"

struct siphash_key;

struct series_set {
    pthread_mutex_t lock;
    const struct siphash_key *key;
    struct ptrset all; /* struct route_series by its texts; changed under the lock */
    size_t text_bytes; /* of all */
    uint64_t *removed; /* under the lock */
    unsigned writers;
    size_t n_cells;
};

/** Without writers or cells nothing is counted and there is never a series.  Returns 0 or -ENOMEM,
 * in which case it need not be finished. */
MUST_CHECK int series_set_init(struct series_set *set, const struct siphash_key *key,
                               unsigned writers, size_t n_cells);

/** Free every series; nobody may be on a route any more. */
void series_set_fini(struct series_set *set);

/**
 * The series of `texts` (namespace, ingress, service, a terminator behind each; `len` bytes in
 * all), made when unknown, for one more route state.  Returns 0 with NULL where nothing is counted,
 * or -ENOMEM.
 */
MUST_CHECK int series_take(struct series_set *set, const char *texts, size_t len,
                           struct route_series **out);

/** A route state is gone, and with the last of them the series.  NULL is ignored. */
void series_release(struct route_series *s);

/** See registry_series_snapshot(). */
MUST_CHECK int series_set_snapshot(struct series_set *set, struct series_snapshot *out);

#endif
