/**
 * listen - bound sockets for a proxy's listeners.
 */
#ifndef PROXY_LISTEN_H
#define PROXY_LISTEN_H

#include "base/attr.h"
#include "base/err.h"
#include "base/netaddr.h"

/**
 * Prove that nobody else has `a`: SO_REUSEPORT would hide another process of the same user.  With
 * port 0 the port that was free is written to `a`.  Returns 0 or -errno with `e` filled.
 */
MUST_CHECK int listen_probe(struct netaddr *a, struct err *e);

/** A non-blocking socket bound to `a` with SO_REUSEPORT, not listening.  Returns it, or -errno with
 * `e` filled. */
MUST_CHECK int listen_bind(const struct netaddr *a, struct err *e);

/**
 * Let nobody else bind the address of `fd` either while it does not listen yet: without this,
 * SO_REUSEADDR on both sides would let them.  After all sockets of ours are bound.
 */
void listen_hold(int fd);

/** Start to listen; ends what listen_hold() began.  Returns 0 or -errno. */
MUST_CHECK int listen_start(int fd);

/**
 * From now on answer no SYN that arrives at this listening socket, while handshakes under way are
 * finished; who sent one tries again a second later.
 */
void listen_end_handshakes(int fd);

/** Let the kernel find a peer that is gone.  Listeners have it, and what they accept; dialled
 * sockets get it later. */
void listen_set_keepalive(int fd);

#endif
