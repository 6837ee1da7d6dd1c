/**
 * small_net - a network namespace with small socket buffers, for relays that must work in parts.
 */
#ifndef SUPPORT_SMALL_NET_H
#define SUPPORT_SMALL_NET_H

#include <stdbool.h>

/** Move the calling thread, and all it starts from now on, into a namespace of its own whose TCP
 * send buffers hold 16 KiB.  Returns false, and nothing has changed, where that is not permitted.
 */
bool small_net_enter(void);

#endif
