/**
 * own_net - a network namespace of the test's own: ports, addresses and settings that nobody
 * shares.
 */
#ifndef SUPPORT_OWN_NET_H
#define SUPPORT_OWN_NET_H

#include <stdbool.h>

/** Move the calling thread, and all it starts from now on, into a new namespace whose loopback is
 * up.  Returns false, and nothing has changed, where that is not permitted. */
bool own_net_enter(void);

/** In that namespace: a second IPv4 address of the loopback interface, which is not loopback itself
 * ("192.0.2.1"). */
void own_net_add_address(const char *ip);

/** Write a setting below /proc/sys/net, "ipv4/tcp_wmem" say.  Aborts the test program when it does
 * not exist. */
void own_net_set(const char *name, const char *value);

#endif
