/**
 * adminaccess - who may see a page that is for this machine only.
 */
#ifndef ADMIN_ADMINACCESS_PRIV_H
#define ADMIN_ADMINACCESS_PRIV_H

#include <stdbool.h>

/** Whether the peer of a connected socket has a loopback address, IPv4-mapped ones included. */
bool adminaccess_is_loopback(int fd);

/**
 * Whether `host` (of a Host header or a URI; a port may follow) is an IP address or localhost.  A
 * page of some website may have its own name resolved to 127.0.0.1 and then ask us for ours (DNS
 * rebinding); its requests carry that name.
 */
bool adminaccess_is_plain_host(const char *host);

#endif
