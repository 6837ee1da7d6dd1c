/**
 * relay_scene - a connection that is being relayed: the worker's inside of it, run inline, and the
 * test's two ends.  The same is expected of copying and of splicing.
 */
#ifndef SUPPORT_RELAY_SCENE_H
#define SUPPORT_RELAY_SCENE_H

#include <stddef.h>

#include "proxy/conn.h"
#include "support/inline_worker.h"

#define TICK_MS (2 * TIMEWHEEL_TICK_MS) /* until a side that waits for nothing is watched */
#define AGE_MS  10000
#define IDLE_MS 60000
#define HALF_MS 30000

struct relay_scene {
    struct inline_worker *iw;
    struct conn *c;
    int client, server;
    size_t most_held; /* of one direction */
};

/** cmocka's setup and teardown of a test, which gets its scene as *state. */
int relay_scene_setup(void **state);
int relay_scene_teardown(void **state);

/** cmocka's setup of a group: its scenes copy, or splice. */
int relay_scene_copies(void **state);
int relay_scene_splices(void **state);

/** Connect anew, with a client whose receive buffer is soon full. */
void relay_scene_narrow(struct relay_scene *s);

/** Write `text` to one of the test's ends, and read it at the other. */
void relay_scene_pass(struct relay_scene *s, int from, int to, const char *text);

/** End one direction. */
void relay_scene_fin(int fd);

/** Close one of the test's ends, if it is open. */
void relay_scene_close(int *fd);

/** Turn the loop until the connection has ended, for this reason. */
void relay_scene_expect_ended(struct relay_scene *s, enum end_reason why);

#endif
