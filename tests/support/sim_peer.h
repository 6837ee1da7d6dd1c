/**
 * sim_peer - the clients and servers around a simulated proxy: what they send, what they must get.
 *
 * Each has a stream of its own that both ends can make (support/pattern.h), a client's behind its
 * hello.  A server is told from its first bytes whose it is.  Whatever the proxy sends is compared
 * with what it must send, byte by byte, as it is offered; what it must not do yet, read while its
 * sink is full say, fails at once.
 */
#ifndef SUPPORT_SIM_PEER_H
#define SUPPORT_SIM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/proxy.h"
#include "support/sim_hello.h"
#include "support/sim_kernel.h"

#define SIM_PEERS     48u
#define SIM_ENDPOINTS 6u

/** What an endpoint does with who dials it. */
enum sim_endpoint {
    SIM_ACCEPTS,
    SIM_ACCEPTS_AT_ONCE,
    SIM_REFUSES,
    SIM_SILENT,      /* until the dial is given up */
    SIM_UNREACHABLE, /* connect() fails */
    SIM_NO_PORT,     /* likewise, and it is our fault */
    SIM_ANY,
};

struct sim_peer {
    bool used, is_client;
    unsigned id;
    struct sim_sock *sock;
    struct sim_peer *other;        /* once the proxy has joined them */
    const struct sim_hello *hello; /* a client's */
    enum sim_endpoint endpoint;    /* a server's */
    uint64_t total;                /* bytes it sends before its FIN */
    bool finishes;                 /* with a FIN; otherwise it just falls silent */
    bool stalled;                  /* takes nothing */
    bool answered;                 /* a client, by an alert or a page */
    uint64_t changes;              /* of tables, when a client was accepted */
    uint64_t moved_us, moved_sum;  /* sim_peer_moved_us() */
    uint64_t shut_us, shut_read;   /* when the proxy sent its FIN, and what it had read by then */
    uint64_t lingers_us;           /* since when a client's connection lingers; 0: it does not */
};

/** No peers yet; what each of SIM_ENDPOINTS does. */
void sim_peer_begin(const enum sim_endpoint *endpoints);

/** The worker was stopped: it ends streams that go on, but none of which it holds bytes. */
void sim_peer_note_stop(void);

/** For sim_kernel_begin(), but for `meanwhile`. */
extern const struct sim_far sim_peer_far;

/** The address of endpoint `index`. */
struct netaddr sim_peer_endpoint(unsigned index);

/** The `i`th peer, used or not, i < SIM_PEERS. */
struct sim_peer *sim_peer_at(unsigned i);
/** The client with this address, or NULL. */
struct sim_peer *sim_peer_find(const struct netaddr *client);
unsigned sim_peer_clients(void);

/** A new client in the queue of `listener`; NULL when there is no room for it. */
struct sim_peer *sim_peer_arrive(int listener, const struct sim_hello *hello);

/** The proxy has closed a client's connection and was judged: it and its server are no more. */
void sim_peer_leave(struct sim_peer *client);

/** Whether all of the hello was read from it. */
bool sim_peer_said_hello(const struct sim_peer *client);

/** Bytes read from `p` that its peer's socket did not take; those that are held for it, that is as
 * long as it is open. */
uint64_t sim_peer_owed(const struct sim_peer *p);
uint64_t sim_peer_held(const struct sim_peer *p);

/** When a byte or a FIN of the client's connection moved last, either way. */
uint64_t sim_peer_moved_us(struct sim_peer *client);

#endif
