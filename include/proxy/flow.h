/**
 * flow - bytes one way: from a source to a sink, copied or spliced.
 *
 * Small reads are copied through the worker's scratch.  A flow whose source has much to say moves
 * by splice(2) through a pipe, which costs two thirds of copying at 64 KiB a read, a third at 256
 * KiB, and more than copying below 16 KiB; it goes back to copying once reads are small again.
 * Either way what the sink does not take is held back, in memory or in the pipe, and nothing is
 * read while something is held: that is the back-pressure, and it makes EAGAIN of a splice
 * unambiguous, as the pipe is empty whenever it is filled.
 *
 * Splicing to a socket whose peer is gone raises SIGPIPE against which there is no flag; the
 * process ignores it, and worker threads have it blocked.
 */
#ifndef PROXY_FLOW_H
#define PROXY_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct conn;
struct pipepool;

/** Bytes that were read and not yet taken. */
struct held {
    size_t left;
    const uint8_t *bytes; /* in memory; NULL: in the pipe this is part of (pipepool.h) */
};

/** The source is not read while something is held. */
struct flow {
    struct held *held;   /* read and not yet taken by the sink; NULL most of the time */
    uint64_t bytes;      /* taken by the sink */
    bool eof;            /* the source has ended */
    bool finished;       /* and the sink was told */
    bool broken;         /* its sink has failed */
    bool splices;        /* it moves in bulk */
    uint8_t small_moves; /* in a row, while it splices */
};

/** Hold back `len` bytes, which are copied.  Returns 0 or -ENOMEM. */
MUST_CHECK int flow_hold(struct flow *f, const uint8_t *bytes, size_t len);

/**
 * Move on from the source of `f` until it has no more, the sink takes no more, or others have
 * waited long enough; nothing may be held.  Sets f->eof at the end of the source.  False when the
 * connection has ended.
 */
bool flow_pump(struct conn *c, struct flow *f);

/** The sink may take what is held.  False when the connection has ended. */
bool flow_flush(struct conn *c, struct flow *f);

/** Free what is held. */
void flow_drop(struct flow *f, struct pipepool *pipes);

#endif
