/**
 * relay - the state RELAYING: bytes both ways until both ways have ended.
 *
 * Each direction is a flow of its own (flow.h), and nothing is read for it while anything is held.
 * A FIN is passed on when everything before it was taken; a reset is passed on at once, also from a
 * side that is not being read.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct side;

/** Connected; `rest` are bytes of the client's that the server did not take yet. */
void relay_start(struct conn *c, const uint8_t *rest, size_t len);

/** Something happened on one side. */
void relay_on_event(struct conn *c, struct side *s, short what);

/** A deadline: a side to watch, what the kernel delivers, socket ageing, idle, half-close. */
void relay_on_deadline(struct conn *c);

/** Free what a flow holds, at the connection's end. */
void relay_drop(struct conn *c);

#endif
