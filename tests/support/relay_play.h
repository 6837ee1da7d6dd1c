/**
 * relay_play - a client and a server that follow their scripts, through the real program.
 */
#ifndef SUPPORT_RELAY_PLAY_H
#define SUPPORT_RELAY_PLAY_H

#include <stdbool.h>

#include "fakes/scripted_peer.h"
#include "support/scene.h"

#define MIB (1024ULL * 1024)

#define SEND_HELLO(s)   PEER_SEND((s)->hello.data, (s)->hello.len)
#define EXPECT_HELLO(s) PEER_EXPECT((s)->hello.data, (s)->hello.len)

/** Whether the program has pipes for what moves in bulk. */
extern bool relay_splices;

/** cmocka's setup and teardown of a scene whose program has none: with less than 1024 descriptors
 * it does without (fdlimit_grant_pipes()). */
int relay_setup_copying(void **state);
int relay_teardown_copying(void **state);

/** Run a client through the program against the scene's backend; both must come to their end. */
void relay_play(struct scene *s, const struct peer_step *client, const struct peer_step *server);

/** The access log has a line with `reason` in it. */
void relay_assert_logged(const struct scene *s, const char *reason);

#endif
