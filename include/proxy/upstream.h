/**
 * upstream - the state DIALLING: choose an endpoint, connect, deliver the hello; on failure the
 * next one.
 *
 * The hello is sent right behind connect() and waits for writability only when the kernel is not
 * ready, which on a short path saves a wake-up.  Every endpoint tried gets the hello from its first
 * byte.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

struct conn;
struct hello;

/** Route is known (h->route): dial.  `h` may live on the stack; it is kept when the dial must wait.
 */
void upstream_start(struct conn *c, struct hello *h);

/** The dialled socket is writable or has failed. */
void upstream_on_writable(struct conn *c);

/** The client did something while we dial: only a reset matters now. */
void upstream_on_client(struct conn *c);

/** The endpoint did not answer in time: the next one; unless it did, and we are late to look. */
void upstream_on_deadline(struct conn *c);

#endif
