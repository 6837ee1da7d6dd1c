/**
 * connlog - the access line of a connection: time, client, local, SNI, ALPN, versions, host, route,
 * endpoint, retries, hello, connect, duration, bytes, who closed first and why.
 *
 * What a client can cause without being let through is limited for each reason and worker
 * (LIMIT_ACCESS_LINES_PER_S and _BURST), so that a flood of it does not push other lines out of the
 * log: what is held back is counted (stats.lines_held_back) and told in a line of its own.  A
 * connection that was relayed always has its line.
 */
#ifndef PROXY_CONNLOG_H
#define PROXY_CONNLOG_H

#include <stdint.h>

struct conn;
struct worker;

/** Write the line of a connection that ended at `now_us`, or hold it back. */
void connlog_write(const struct conn *c, uint64_t now_us);

/** Tell how many lines were held back since the last call.  Once a second. */
void connlog_tell_held_back(struct worker *w);

#endif
