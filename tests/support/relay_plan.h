/**
 * relay_plan - what a client and a server do to each other through a relay, as scripts for both.
 *
 * A plan is drawn (support/sim.h): how many bytes go each way, how slowly they are read, who ends
 * first and how.  It may have a gate, where one side stands still until the test goes on.  Knows
 * nothing of hellos: they come in front of the scripts.
 */
#ifndef SUPPORT_RELAY_PLAN_H
#define SUPPORT_RELAY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "fakes/scripted_peer.h"

/** Who ends how.  Behind a FIN of its own a side may reset as well. */
enum relay_ending {
    RELAY_CLIENT_FIRST,
    RELAY_SERVER_FIRST,
    RELAY_BOTH_AT_ONCE,
    RELAY_CLIENT_RESETS,
    RELAY_SERVER_RESETS,
    RELAY_CLIENT_RESETS_BEHIND_ITS_FIN,
};
#define RELAY_ENDINGS 6

/** Endings with a FIN each way: the first so many. */
#define RELAY_ORDERLY_ENDINGS 3

/** Who stands still at the gate; the other goes on, so that what is between them fills up. */
enum relay_gate { RELAY_NO_GATE, RELAY_GATE_CLIENT, RELAY_GATE_SERVER };

struct relay_plan {
    enum relay_ending how;
    uint64_t seed;               /* of the streams: up is `seed`, down `seed` + 1 */
    uint64_t up, down;           /* bytes each way */
    uint64_t up_part, down_part; /* those that have passed when the first side ends */
    uint32_t chunk, pause_ms;    /* how slowly what is read is read; 0: not */
    enum relay_gate gate;
    uint64_t up_gate, down_gate; /* those that have passed, seen from the side that stands there */
};

/** Steps of a script, its end included. */
#define RELAY_PLAN_STEPS 8

/**
 * Any plan that ends so, with at most so many bytes each way.  Where packets get lost, a reset of
 * the client's comes only once the server has its hello: it throws away what was not yet delivered.
 */
struct relay_plan relay_plan_any(enum relay_ending how, uint64_t most_bytes, bool is_lossy);

/** Any plan that ends in an orderly way, with a gate in its middle. */
struct relay_plan relay_plan_gated(uint64_t most_bytes);

/** The scripts.  Whoever comes to the gate raises `reached`, and waits for `open`; both may be NULL
 * without a gate. */
void relay_plan_client(const struct relay_plan *p, struct peer_flag *reached,
                       struct peer_flag *open, struct peer_step script[RELAY_PLAN_STEPS]);
void relay_plan_server(const struct relay_plan *p, struct peer_flag *reached,
                       struct peer_flag *open, struct peer_step script[RELAY_PLAN_STEPS]);

/** "the client ends first" and so on. */
const char *relay_plan_words(enum relay_ending how);

#endif
