/**
 * clientcap - how many connections each client has, over all workers
 * (--max-connections-per-client).
 *
 * A client is an IPv4 address or an IPv6 /64, which is what one subscriber has.  Exists only when
 * the option is set; one short lock per accept and close, on one of many shards.
 */
#ifndef PROXY_CLIENTCAP_H
#define PROXY_CLIENTCAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct clientcap;
struct netaddr;

/** At most `max` connections per client.  NULL without memory. */
MUST_CHECK struct clientcap *clientcap_new(uint32_t max);

/** Free it; everyone who entered has left.  NULL is ignored. */
void clientcap_free(struct clientcap *cap);

/** Count one more.  False when the client has its share (or memory ran out): nothing was counted.
 * Thread: any. */
bool clientcap_enter(struct clientcap *cap, const struct netaddr *client);

/** One less.  Thread: any. */
void clientcap_leave(struct clientcap *cap, const struct netaddr *client);

#endif
