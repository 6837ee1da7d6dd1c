/**
 * pipepool - one worker's pipes for splice(2).
 *
 * A flow that moves in bulk takes a pipe for as long as bytes are in it and gives it back as soon
 * as it is empty, so that as many pipes are needed as flows are stalled, and one.  Making a pipe
 * costs five system calls, so those given back are kept; what a second did not need is closed, as
 * the kernel counts the pages of all pipes of a user, other processes' too
 * (fs.pipe-user-pages-soft).
 *
 * A pipe that does not get its size is not used: beyond that limit an unprivileged user's has 8
 * KiB, which makes splicing dearer than copying.  Who gets no pipe copies.
 */
#ifndef PROXY_PIPEPOOL_H
#define PROXY_PIPEPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/limits.h"
#include "proxy/flow.h"

/** A pipe; which one may hold back bytes for a flow. */
struct pipe {
    struct held held;
    SLIST_ENTRY(pipe) link;
    int read_fd, write_fd; /* -1: none */
    size_t size;           /* bytes asked for at once, at most */
};

SLIST_HEAD(pipe_list, pipe);

struct pipepool {
    struct pipe pipes[LIMIT_PIPES];
    struct pipe_list empty;  /* open, nothing in them */
    struct pipe_list closed; /* places without descriptors */
    unsigned n_empty;
    unsigned spare;  /* the least that were empty since the last pipepool_rest() */
    bool in_want;    /* none could be made; not tried again before the next pipepool_rest() */
    bool is_useless; /* splicing does not work here */
};

/** A pool that makes `most` pipes at most, and none yet. */
void pipepool_init(struct pipepool *pool, unsigned most);

/** An empty pipe, or NULL: copy. */
MUST_CHECK struct pipe *pipepool_take(struct pipepool *pool);

/** Give back an empty pipe. */
void pipepool_give(struct pipepool *pool, struct pipe *p);

/** Close one that may have bytes in it. */
void pipepool_drop(struct pipepool *pool, struct pipe *p);

/** This kernel does not splice: there are no pipes from now on. */
void pipepool_give_up(struct pipepool *pool);

/** A second has passed: close what it did not need, and try again to make pipes when asked. */
void pipepool_rest(struct pipepool *pool);

/** Close the pipes; all were given back. */
void pipepool_fini(struct pipepool *pool);

#endif
