/**
 * small_net - a network namespace where relays must work in parts: small socket buffers, small
 * segments, lost packets.
 */
#ifndef SUPPORT_SMALL_NET_H
#define SUPPORT_SMALL_NET_H

#include <stdbool.h>
#include <stdint.h>

/** Move the calling thread, and all it starts from now on, into a namespace of its own whose TCP
 * send buffers hold 16 KiB.  Returns false, and nothing has changed, where that is not permitted.
 */
bool small_net_enter(void);

/** In that namespace: no segment travels together with others, so that TCP_MAXSEG shows.  Returns
 * false where ip(8) cannot say so. */
bool small_net_split(void);

/** In that namespace: lose `percent` (not 0) of all packets but for those that TCP does not send
 * again soon or at all (SYN, RST).  What follows a lost one comes out of order.  Returns false
 * where there is no nft(8) or it is not permitted. */
bool small_net_lose(unsigned percent);

/** Say how many packets were lost, and whether that is `least` or more: else the net was not what
 * it was to be. */
bool small_net_has_lost(uint64_t least);

/** Likewise, of dials to these addresses ("127.0.3.0/24"): lose so many of the SYNs, and of the
 * answers to them.  100: nobody there ever answers.  May be said of several. */
bool small_net_lose_dials(const char *addresses, unsigned percent);

/** Lose none of them any more; the count begins anew. */
void small_net_keep_dials(void);

/** SYNs and their answers lost so far. */
uint64_t small_net_lost_dials(void);

#endif
