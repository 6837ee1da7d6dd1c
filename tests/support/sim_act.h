/**
 * sim_act - what the peers of a simulated proxy do next.
 */
#ifndef SUPPORT_SIM_ACT_H
#define SUPPORT_SIM_ACT_H

#include <stdbool.h>
#include <stdint.h>

/** How a world tends to go; of the rest: once in so many acts, 0 never. */
struct sim_habits {
    unsigned clients; /* at most, at once */
    unsigned bad_hello, reset, vanish, early_fin, stop_accepting;
    unsigned hours; /* that pass at once */
    bool slow;      /* seconds pass between two acts */
    bool within;    /* a callback: time hardly passes */
};

struct sim_habits sim_act_any_habits(void);

/** One act of somebody's, or of time.  `listener` is -1 when closed; `changes` counts tables. */
void sim_act_any(const struct sim_habits *h, int listener, uint64_t changes);

/** One act towards the end of all connections: dials are answered, streams sent to their end and
 * taken.  Returns false when nothing is left to do but to wait. */
bool sim_act_finish(void);

#endif
