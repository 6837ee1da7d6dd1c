/**
 * gobetween - what stands between a client and a server: a CONNECT proxy, or one that only passes
 * on.
 *
 * On a free port of loopback, in a thread of its own; whatever a client asks for, it gets the one
 * server.  Failures abort the test program.  Everything is called from the test's thread.
 */
#ifndef SUPPORT_GOBETWEEN_H
#define SUPPORT_GOBETWEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/netaddr.h"

struct gobetween;

/** `is_proxy`: a client first sends CONNECT, and is told 200. */
struct gobetween *gobetween_start(const struct netaddr *server, bool is_proxy);

/** Ends every connection.  NULL is ignored. */
void gobetween_stop(struct gobetween *r);

struct netaddr gobetween_addr(const struct gobetween *r);

/** The first line of the last CONNECT; "" without. */
const char *gobetween_asked(struct gobetween *r, char out[256]);

/** Close all that are open, both ways. */
void gobetween_close_all(struct gobetween *r);

/** Of what the server sends on connections open now, keep the last bytes until `bytes` of them have
 * come, as a buffer does. */
void gobetween_hold(struct gobetween *r, size_t bytes);

#endif
