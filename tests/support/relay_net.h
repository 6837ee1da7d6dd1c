/**
 * relay_net - the real program in a small net (support/small_net.h), between clients and servers in
 * pairs: each pair has a host, and a listener for the server's side.
 *
 * Asserts with cmocka.  Memory and peers of a test that fails half-way are left as they are.
 */
#ifndef SUPPORT_RELAY_NET_H
#define SUPPORT_RELAY_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/netaddr.h"
#include "fakes/scripted_peer.h"
#include "support/hello_builder.h"
#include "support/relay_plan.h"
#include "support/sealway_proc.h"
#include "support/tempdir.h"

#define RELAY_NET_PAIRS 12u
#define RELAY_NET_POOL  16u /* endpoints of a pair, at most */

/** Longer than anything takes, also on a machine that stalls. */
#define RELAY_NET_PATIENCE_MS 20000u

/** What the net does to its packets. */
struct relay_net_kind {
    struct peer_options peers;
    bool is_lossy;
    uint64_t most_bytes; /* of a stream */
};

struct relay_pair {
    struct hello_bytes hello;
    char host[32], name[16];
    int listener; /* on every address */
    uint16_t port;
    struct relay_plan plan;
    struct peer_flag reached;     /* by whoever stops at the gate */
    struct peer *client, *server; /* while they run */
    struct netaddr came_to;       /* where the server's side was dialled, once it has ended */
};

struct relay_net {
    const struct relay_net_kind *kind;
    struct tempdir manifests;
    struct sealway *program;
    struct netaddr addr;
    struct relay_pair pairs[RELAY_NET_PAIRS];
    struct peer_flag open; /* the gate of all */
    size_t fds; /* of the program at its start, when it may have one connection of ours */
    unsigned played, ended[RELAY_ENDINGS];
};

struct relay_net_config {
    const struct relay_net_kind *kind; /* borrowed */
    const char *const *args;           /* of the program; NULL: none */
    const char *const *ips;            /* the endpoints' of each pair; NULL: 127.0.0.1 */
};

/** Begin with the seed that this run of the test program has, and say how to play it again:
 * $RELAY_NET_SEED, or one of the time. */
void relay_net_draw(void);

/** Listen, write the manifests, start the program. */
void relay_net_start(struct relay_net *net, const struct relay_net_config *cfg);

/** Stop the program unless it has ended, free all.  Returns its status. */
int relay_net_stop(struct relay_net *net);

/** Write the manifest of pair `i` (anew): endpoints at these addresses (NULL-terminated) and its
 * port; one behind a '!' has a port of the pair's where nobody listens. */
void relay_net_route(const struct relay_net *net, unsigned i, const char *const *ips);

/** One side of pair `i`: its hello, then the script. */
struct peer *relay_net_dial(const struct relay_net *net, unsigned i,
                            const struct peer_step *script);
struct peer *relay_net_answer(const struct relay_net *net, unsigned i,
                              const struct peer_step *script);

/** Let pair `i` play its plan. */
void relay_net_begin(struct relay_net *net, unsigned i);

/** Wait for both sides of pair `i`; fails the test, with what both did, unless all went as written.
 */
void relay_net_end(struct relay_net *net, unsigned i);

/** Each pair plays any plan, so that every ending comes. */
void relay_net_play_round(struct relay_net *net);

/** Wait until pairs `from` to below `to` stand at their gates. */
void relay_net_wait_at_gates(struct relay_net *net, unsigned from, unsigned to);

/** Connections that ended for this reason, by the access log; "": for any. */
unsigned relay_net_count_ends(const struct relay_net *net, const char *reason);

/** Nothing is held, and every connection played has the reason that it ended for. */
void relay_net_check_ends(const struct relay_net *net);

/** The sum of the samples of a family of the program's metrics that have this label; "": all. */
uint64_t relay_net_metric(const struct relay_net *net, const char *family, const char *label);

#endif
