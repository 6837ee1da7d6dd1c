/**
 * eventseries - whether something that happens again is a new Event or one more of the same.
 *
 * As client-go does: the same again within EVENTLOG_SERIES_MS is counted in the Event there is, and
 * written at most every EVENTLOG_EVERY_MS.  Unlike there, another note makes a new Event, for a
 * note cannot be changed and would be wrong.  Pure: time is an argument.
 */
#ifndef CONTROLLER_EVENTSERIES_PRIV_H
#define CONTROLLER_EVENTSERIES_PRIV_H

#include <stdbool.h>
#include <stdint.h>

/** Zeroed: nothing has happened. */
struct eventseries {
    uint64_t stamp; /* in the name of the Event; 0: none */
    uint64_t note;  /* digest of its note */
    uint64_t seen_ms, written_ms, unsaid_ms;
    int64_t seen_us; /* Unix time */
    uint32_t count;  /* how often it happened since the Event */
    bool is_there;   /* the Event was accepted */
    bool is_unsaid;  /* it happened, since unsaid_ms at the latest, and was not written */
};

enum eventseries_write { EVENTSERIES_POST, EVENTSERIES_PATCH };

/** It happened.  Returns when that may be written. */
uint64_t eventseries_happen(struct eventseries *s, uint64_t now_ms, int64_t wall_us);

/** Whether it was last heard of or written so long ago that the API server forgets it soon. */
bool eventseries_is_stale(const struct eventseries *s, uint64_t now_ms);

/** It stands as it did: one more of the same, however long ago, to be written now. */
void eventseries_renew(struct eventseries *s, uint64_t now_ms, int64_t wall_us);

/** It is written now: how.  A POST is named `stamp` unless it is one tried again. */
enum eventseries_write eventseries_begin(struct eventseries *s, uint64_t note, uint64_t now_ms,
                                         uint64_t stamp);

/** What was begun was accepted. */
void eventseries_accept(struct eventseries *s);

/** It was refused for good, or the Event has gone: what happens next is a new one. */
void eventseries_end(struct eventseries *s);

/** Whether nothing is left to be remembered. */
bool eventseries_is_over(const struct eventseries *s, uint64_t now_ms);

#endif
