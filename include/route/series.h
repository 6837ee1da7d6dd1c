/**
 * series - what is counted for a route: cells that outlive tables, one run of them per writer.
 *
 * A series is an Ingress and one of its Services; all hosts and ports they share count there.  What
 * a cell means is the writers' business.  Each writer has cells of its own, made when it first
 * counts; nobody else writes them, so counting is a plain load and store and anyone may read.
 *
 * The registry keeps the series (registry.h): one lives as long as a route state names it.  Then
 * its cells are added to `removed` and it goes, so that the sum over all series and `removed` never
 * falls.
 */
#ifndef ROUTE_SERIES_H
#define ROUTE_SERIES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct route_series;

/**
 * The `n` cells of writer `writer`, made and zeroed on its first call; the registry must have been
 * made for as many.  NULL without memory, then to be asked for again another time; NULL for a
 * series that is NULL or has fewer writers.  They stay while the caller is on a route state that
 * names the series (registry_route_enter()).
 *
 * Thread: that writer's.  Cost: one load, but for the first call.  No lock.
 */
_Atomic uint64_t *series_cells(struct route_series *s, unsigned writer, size_t n);

/** One series, summed over its writers. */
struct series_sum {
    const char *ns, *ingress, *service;
    const uint64_t *cells;
};

/** What every series has counted at one moment; one allocation. */
struct series_snapshot {
    struct series_sum *series; /* those that have counted, in no order */
    size_t n_series;
    const uint64_t *removed; /* the sum of all that are gone */
    size_t n_cells;          /* of each and of `removed`; 0: nothing is counted per route */
};

/** Free what registry_series_snapshot() filled.  A zeroed one is accepted. */
void series_snapshot_fini(struct series_snapshot *s);

#endif
