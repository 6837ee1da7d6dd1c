/**
 * acceptor - one worker's socket of one listener: accepts in batches, refuses over the caps,
 * survives a lack of descriptors.
 *
 * Out of descriptors it accepts with a reserve descriptor and closes at once, so that clients are
 * told and the queue does not spin, then pauses for a moment.
 *
 * A listening socket that closes resets what it has queued and every handshake under way, and at
 * a thousand connections a second and a round trip of 100 ms those are a hundred.  So its end takes
 * a while: first no new handshake is begun, and it closes when those under way had time to finish.
 */
#ifndef PROXY_ACCEPTOR_H
#define PROXY_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/attr.h"

struct worker;

struct acceptor {
    struct worker *worker;
    struct event *event;  /* readable: a connection waits */
    struct event *resume; /* timer of a pause */
    struct event *finish; /* timer of the end */
    uint8_t listener;     /* its index */
    int fd;               /* -1 when closed */
    int reserve_fd;       /* given up to accept one more when descriptors run out */
    bool listening;       /* counted in worker_shared.listening */
    bool stopping;
};

/** Take over a bound socket (-1: none yet) of listener `listener`, in place. */
void acceptor_init(struct acceptor *a, struct worker *w, uint8_t listener, int fd);

/** Start to listen and accept; nothing to do for one that is closed.  Returns 0 or -errno, closed
 * then. */
MUST_CHECK int acceptor_listen(struct acceptor *a);

/** Begin to end: accept what is queued and what becomes of handshakes under way, then close.  Needs
 * the loop for less than a second; nothing to do for one that is ending or does not listen. */
void acceptor_stop(struct acceptor *a);

/** Close at once. */
void acceptor_fini(struct acceptor *a);

#endif
