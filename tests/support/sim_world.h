/**
 * sim_world - one life of a worker in a simulated world.
 *
 * Clients come, send good and bad hellos in pieces, say more, fall silent, end, reset; endpoints
 * accept, refuse, never answer; tables change, buffers fill, calls fail, time passes in ticks and
 * in hours, all in random order between any two system calls.  Now and then the world stands still,
 * to see that the worker comes to rest; at the end all peers do what they can, so every connection
 * must come to its end, or the worker is stopped in the middle of it.
 */
#ifndef SUPPORT_SIM_WORLD_H
#define SUPPORT_SIM_WORLD_H

#include <stdint.h>

#include "proxy/stats.h"

/** What a life was like. */
struct sim_tally {
    uint64_t lives, steps, connections, bytes, spliced;
    uint64_t ends[END_REASONS], dials[DIALS];
};

/** Live for about `steps` steps; fails the running test when something does not hold.  Adds to
 * `tally`. */
void sim_world_live(uint64_t seed, uint64_t steps, struct sim_tally *tally);

#endif
