/**
 * connlog - the access line of a connection: time, client, local, SNI, ALPN, versions, host, route,
 * endpoint, retries, hello, connect, duration, bytes, who closed first and why.
 */
#ifndef PROXY_CONNLOG_H
#define PROXY_CONNLOG_H

struct conn;

/** Write the line of a connection that has just ended. */
void connlog_write(const struct conn *c);

#endif
