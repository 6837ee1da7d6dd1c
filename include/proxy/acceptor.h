/**
 * acceptor - one worker's socket of one listener: accepts in batches, refuses over the caps,
 * survives a lack of descriptors.
 *
 * Out of descriptors it accepts with a reserve descriptor and closes at once, so that clients are
 * told and the queue does not spin, then pauses for a moment.
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
    int fd;               /* -1 when closed */
    int reserve_fd;       /* given up to accept one more when descriptors run out */
    bool listening;
};

/** Take over a bound socket (-1: none yet), in place. */
void acceptor_init(struct acceptor *a, struct worker *w, int fd);

/** Start to listen and accept; nothing to do for one that is closed.  Returns 0 or -errno, closed
 * then. */
MUST_CHECK int acceptor_listen(struct acceptor *a);

/** Accept what is queued, then close: what a closing SO_REUSEPORT socket has queued would be reset.
 */
void acceptor_stop(struct acceptor *a);

void acceptor_fini(struct acceptor *a);

#endif
