/**
 * timewheel - the coarse deadlines of one worker's connections.
 *
 * A hierarchical wheel (four levels of 64 slots, 16 ms a tick, three days of horizon): setting and
 * cancelling are a list operation, a deadline costs its entry and nothing else until it is due, and
 * the worker sleeps until the next occupied slot.  A deadline fires up to one tick late, never
 * early.  Pure: time is an argument.
 */
#ifndef PROXY_TIMEWHEEL_H
#define PROXY_TIMEWHEEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define TIMEWHEEL_TICK_MS 16u
#define TIMEWHEEL_LEVELS  4u
#define TIMEWHEEL_SLOTS   64u

/** Embedded in what has a deadline.  Zeroed: not set. */
struct timewheel_entry {
    LIST_ENTRY(timewheel_entry) link;
    uint64_t due_tick; /* 0: not set */
};

LIST_HEAD(timewheel_list, timewheel_entry);

struct timewheel {
    uint64_t tick;                       /* everything up to here has been popped or is in `due` */
    uint64_t occupied[TIMEWHEEL_LEVELS]; /* bit per slot that is not empty */
    struct timewheel_list slots[TIMEWHEEL_LEVELS][TIMEWHEEL_SLOTS];
    struct timewheel_list due; /* expired, waiting to be popped */
};

/** An empty wheel that starts at `now_ms`. */
void timewheel_init(struct timewheel *w, uint64_t now_ms);

/** (Re)set the deadline of `e`; one that has passed fires at the next tick. */
void timewheel_set(struct timewheel *w, struct timewheel_entry *e, uint64_t due_ms);

/** Take `e` out; one that is not set is ignored. */
void timewheel_cancel(struct timewheel *w, struct timewheel_entry *e);

/** Take out one entry that is due at `now_ms`, or NULL when there is none (left). */
struct timewheel_entry *timewheel_pop(struct timewheel *w, uint64_t now_ms);

/** When to call timewheel_pop() next, UINT64_MAX when nothing is set.  May be earlier than the
 * first deadline. */
uint64_t timewheel_next_ms(const struct timewheel *w);

#endif
