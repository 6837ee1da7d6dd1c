/**
 * ownership - which of several claims on a host serves it.
 *
 * The namespace of the oldest claim owns the host; within it a marked claim comes before one that
 * is not, then the oldest serves.  Pure: sorts and compares.
 */
#ifndef ROUTE_OWNERSHIP_PRIV_H
#define ROUTE_OWNERSHIP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "route/table_builder.h"

struct ownership_claim {
    struct claim claim;
    size_t serial; /* order of arrival; only tells one Ingress's claims on one host apart */
    char texts[];  /* host and ingress: what is read together lies together */
};

/** A claim as it is sorted, with what decides most comparisons and what is fetched ahead. */
struct ownership_item {
    uint64_t chunk[2]; /* sixteen bytes of the host, comparable as numbers */
    const struct ownership_claim *claim;
    const struct builder_pool *pool; /* the claim's */
};

/** The claims on one host, oldest first. */
struct ownership_host {
    const struct ownership_item *items;
    size_t n;
    size_t winner; /* index into items */
};

/** The item of a claim, which is borrowed. */
struct ownership_item ownership_item(const struct ownership_claim *c);

/** Sort by host, then from the oldest to the youngest claim.  Returns 0 or -ENOMEM. */
MUST_CHECK int ownership_sort(struct ownership_item *items, size_t n);

/**
 * On the way through `n` sorted items, at item `i`: ask for the memory of claims and pools that are
 * due soon.  They lie all over the heap, and waiting for each in turn would be most of the time
 * that a large table takes to build.
 */
void ownership_look_ahead(const struct ownership_item *items, size_t n, size_t i);

/** Settle the host of the first of `n` > 0 sorted items; the next host starts behind the result. */
struct ownership_host ownership_settle(const struct ownership_item *items, size_t n);

/** The claim that serves the host. */
const struct claim *ownership_winner(const struct ownership_host *h);

/**
 * Whether claim `i` of the host lost; *why_out says to what.  False for the winner, and for a claim
 * that is the winner's or its predecessor's once more.
 */
bool ownership_is_lost(const struct ownership_host *h, size_t i, enum claim_loss *why_out);

#endif
