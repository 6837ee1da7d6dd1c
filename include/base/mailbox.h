/**
 * mailbox - hand the newest of something to another thread: one slot and an eventfd.
 *
 * The latest wins: putting displaces an item that was never taken, and the putter gets it back to
 * release.  So one callback of the taker sees one whole item from start to end, without a lock.
 * See src/README.md for why this and not one global pointer.
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdatomic.h>

#include "base/attr.h"

struct mailbox {
    _Atomic(void *) slot;
    int event_fd; /* readable while rung; -1 when not initialised */
};

/** Open it, empty.  Returns 0 or -errno. */
MUST_CHECK int mailbox_init(struct mailbox *m);

/** Close it.  The slot must be empty: whoever stops takes first.  A failed init is accepted. */
void mailbox_fini(struct mailbox *m);

/** Put an item and ring.  Returns the displaced item (the caller owns it again) or NULL.  Any
 * thread. */
void *mailbox_put(struct mailbox *m, void *item);

/** Silence the bell and take what is there, or NULL.  Thread: the taker. */
void *mailbox_take(struct mailbox *m);

/** Ring without an item: "look at your flags".  Any thread; async-signal-safe. */
void mailbox_ring(struct mailbox *m);

#endif
