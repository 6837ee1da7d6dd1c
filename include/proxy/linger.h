/**
 * linger - the state LINGERING: one side has been told its end and is given time to read up to it.
 *
 * Closing a socket with unread input, or into which more comes, makes the kernel send a reset,
 * which can overtake what was sent in front of our FIN: an answer of ours, the end of a stream.  So
 * what still comes is read away, bounded in bytes and time.
 */
#ifndef PROXY_LINGER_H
#define PROXY_LINGER_H

#include "proxy/stats.h"

struct conn;
struct side;

/** Our FIN was sent to `s`: close the other side, as conn_end() would, and end with `why` once `s`
 * has ended too or has had its time. */
void linger_start(struct conn *c, struct side *s, enum end_reason why);

/** More input of `s` to read away. */
void linger_on_readable(struct conn *c, struct side *s);

/** Lingered long enough. */
void linger_on_deadline(struct conn *c);

#endif
