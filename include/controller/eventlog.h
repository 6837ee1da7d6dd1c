/**
 * eventlog - verdicts as Events on the users' objects (events.k8s.io/v1).
 *
 * One Event for what is new about one object, of one type (Warning or Normal) and one reason; one
 * of reason Resolved when an object that had a warning or error has none any more.  What is gone
 * before it has settled is not said.  Aggregated and limited as client-go does: the same again
 * within six minutes is a series that is counted, at most one write each ten seconds; a queue of
 * 1000, further ones are lost and counted; never a retry of what was refused.  A restart says again
 * what stands; and so is each Warning, once every 40 to 50 minutes, by counting in the Event there
 * is: an API server forgets Events after an hour, and `kubectl describe` must show tomorrow what is
 * wrong since today.  Thread: the controller's.
 */
#ifndef CONTROLLER_EVENTLOG_H
#define CONTROLLER_EVENTLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct eventlog;
struct kubeclient;
struct store;
struct verdicts;

#define EVENTLOG_QUEUE     1000u
#define EVENTLOG_PER_S     5u /* sustained; */
#define EVENTLOG_BURST     25u
#define EVENTLOG_NOTE_MAX  1024u /* bytes; what is longer is cut at a character, with "..." */
#define EVENTLOG_SERIES_MS 360000u
#define EVENTLOG_SETTLE_MS 2000u  /* an Ingress may come a moment before its Service */
#define EVENTLOG_EVERY_MS  10000u /* about one object, type and reason */
#define EVENTLOG_RENEW_MS                                                                          \
    2400000u /* a Warning that stands is said again after so long, and up to */
#define EVENTLOG_SPREAD_MS 600000u /* more, so that not all come at once */
#define EVENTLOG_FLIGHTS   4u      /* requests under way */
#define EVENTLOG_RETRIES   12u     /* of 429, 5xx and no answer; */
#define EVENTLOG_RETRY_MS  10000u  /* +-25 % */

struct eventlog_config {
    struct kubeclient *client; /* borrowed */
    const char *controller;    /* reportingController: "sealway.io/ingress-controller" */
    const char *instance;      /* reportingInstance: the pod's name; borrowed, as above */
};

/** Figures.  Thread: any. */
struct eventlog_stats {
    _Atomic uint64_t written, failed, lost;
};

/** May not write yet.  NULL without memory. */
MUST_CHECK struct eventlog *eventlog_new(const struct eventlog_config *cfg);

/** Before its client.  NULL is ignored. */
void eventlog_free(struct eventlog *l);

/** What stands now, of decoding and translation; `s` tells what has gone from what is mended.
 * Borrowed for the call.  Cost: a digest of each verdict while nothing changes. */
void eventlog_look(struct eventlog *l, const struct store *s, const struct verdicts *decoded,
                   const struct verdicts *translated);

/** Whether to write (we lead); false: what waits is forgotten, and what is under way cancelled;
 * true after that: what stands is said anew. */
void eventlog_allow(struct eventlog *l, bool may);

/** Write what is due; and when to do so next.  Something may be due earlier after each of the calls
 * above, and when a request has ended. */
void eventlog_turn(struct eventlog *l, uint64_t now_ms);
uint64_t eventlog_due_ms(const struct eventlog *l);

const struct eventlog_stats *eventlog_stats(const struct eventlog *l);

#endif
