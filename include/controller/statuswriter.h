/**
 * statuswriter - writes status.loadBalancer of Ingresses, a few a second, while told to.
 *
 * Looks at each Ingress when it, the table or the published addresses changed; writes only what
 * differs.  A conflict is tried again when the changed object has come back through the watch;
 * other failures with backoff.  An Ingress is left alone when its class is an IngressClass of
 * another controller; and one that is not served, when neither its class is surely ours nor it was
 * served since start.  While there is nothing to publish nothing is written.
 *
 * Which addresses were ours in an earlier life cannot be told from others': they stay, unless named
 * as `former`.  Thread: the controller's.
 */
#ifndef CONTROLLER_STATUSWRITER_H
#define CONTROLLER_STATUSWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct kubeclient;
struct statuswriter;
struct store;
struct table;

#define STATUSWRITER_PER_S       20u /* sustained; */
#define STATUSWRITER_BURST       40u
#define STATUSWRITER_FLIGHTS     4u     /* requests at a time */
#define STATUSWRITER_CONFLICT_MS 5000u  /* how long the watch is waited for after a 409 */
#define STATUSWRITER_RBAC_MS     30000u /* at least so long between attempts after a 403 */

/** All texts and the client borrowed. */
struct statuswriter_config {
    struct kubeclient *client;
    const char *controller_class;         /* ours; a class of another controller is never written */
    const char *publish_service;          /* "NS/NAME"; NULL: none */
    const char *const *publish_addresses; /* where there are any, the Service is not asked */
    size_t n_publish_addresses;
    const char *const *former_addresses; /* published before this process, and no longer */
    size_t n_former_addresses;
};

/** Figures.  Thread: any. */
struct statuswriter_stats {
    _Atomic uint64_t written, conflicts, failed;
};

/** NULL without memory or randomness. */
MUST_CHECK struct statuswriter *statuswriter_new(const struct statuswriter_config *cfg);

/** What is under way is cancelled.  NULL is ignored. */
void statuswriter_free(struct statuswriter *w);

/**
 * What is wanted now: the owners of the table's routes have the published addresses, no other
 * Ingress has one of ours.  Borrowed for the call (a table of NULL: none yet, nothing is done); the
 * objects that need writing are remembered by name.  What there is no memory for is left for the
 * next look.  Cost: a walk over all Ingresses, a few milliseconds for 10,000.
 */
void statuswriter_look(struct statuswriter *w, const struct store *s, const struct table *t);

/** Whether a look is due though nothing has changed: there was none yet, or one was short of
 * memory. */
bool statuswriter_owes_look(const struct statuswriter *w);

/** Whether to write (we lead), at first not; false: what is under way is cancelled at once. */
void statuswriter_allow(struct statuswriter *w, bool may);

/** Start what is due; and when to do so next (UINT64_MAX: not before something happens). */
void statuswriter_turn(struct statuswriter *w, uint64_t now_ms);
uint64_t statuswriter_due_ms(const struct statuswriter *w);

const struct statuswriter_stats *statuswriter_stats(const struct statuswriter *w);

#endif
