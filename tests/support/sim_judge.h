/**
 * sim_judge - what must hold of a worker in a simulation: after every callback, whenever it rests,
 * and of every connection when it ends.
 *
 * What the peers saw decides, not what the worker says of itself; its own books are only held
 * against that.
 */
#ifndef SUPPORT_SIM_JUDGE_H
#define SUPPORT_SIM_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/sim_peer.h"

struct endpoint_state;
struct worker;

/** The worker, and what the world has done to it: the excuses. */
struct sim_judge {
    struct worker *w;
    struct endpoint_state *loads[SIM_ENDPOINTS];
    bool capped;             /* connections may be refused for their number */
    bool finishing;          /* every peer does what it can: silence is no excuse */
    uint64_t changes;        /* of the table in force */
    unsigned endpoints;      /* of the host in that */
    uint64_t no_route_us;    /* when one without the host was last in force; 0: never */
    uint64_t no_endpoint_us; /* likewise one without endpoints */
    uint64_t hurts;          /* sim_kernel_hurts() before the callback that just ended */
    uint64_t ended;          /* connections judged */
    uint64_t moved;          /* bytes they relayed */
};

/** A callback has returned: descriptors, states, gauges and timers agree. */
void sim_judge_step(const struct sim_judge *j);

/** What ended in that callback, before the worker frees it: each for a reason that holds. */
void sim_judge_ended(struct sim_judge *j);

/** There is nothing to call: nobody waits for what has happened already, or is overdue. */
void sim_judge_rest(const struct sim_judge *j);

/** The worker has stopped: nothing is left. */
void sim_judge_stopped(struct sim_judge *j);

#endif
