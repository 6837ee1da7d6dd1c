/**
 * hello - the state READING_HELLO: from the first byte to a route.
 *
 * A hello that arrives whole is parsed in the worker's scratch buffer and never copied.  Only one
 * that does not, or whose endpoint does not answer at once, gets memory of its own, which is given
 * back when relaying begins.
 */
#ifndef PROXY_HELLO_H
#define PROXY_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proxy/worker.h"
#include "route/balance.h"
#include "tls/clienthello.h"

struct conn;
struct endpoint;
struct route;

/** What a connection keeps until its first bytes were delivered. */
struct hello {
    struct buf own;       /* the bytes, once they must outlive a callback */
    const uint8_t *bytes; /* all received so far: in `own`, or in the worker's scratch */
    size_t len;
    struct clienthello parser;
    struct worker_hold held;         /* the table, while a dial waits; none before */
    const struct route *route;       /* in that table */
    const struct endpoint *endpoint; /* being dialled, in that table */
    struct balance_tried tried;
    uint64_t dial_started_us;
};

/** A new connection: read what is there already. */
void hello_start(struct conn *c);

/** The client is readable. */
void hello_on_readable(struct conn *c);

/**
 * The hello was not read in time.  What is there by now counts: a worker that was kept from its
 * processor must not hold that against clients who were not late.
 */
void hello_on_deadline(struct conn *c);

/** Make `h`, which may live on the stack and in the scratch, the connection's own.  Returns NULL
 * without memory. */
MUST_CHECK struct hello *hello_keep(struct conn *c, struct hello *h);

/** Give back the connection's hello and the table it holds.  None is fine. */
void hello_drop(struct conn *c);

#endif
