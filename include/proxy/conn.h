/**
 * conn - one proxied connection: its state, its deadlines, its one end.
 *
 * READING_HELLO -> DIALLING -> RELAYING -> gone, or -> LINGERING -> gone when one side is left to
 * read up to its end.  hello.c, upstream.c, relay.c and linger.c each own one state; this module
 * owns the life around them.  A connection belongs to its worker's thread and to exactly one of its
 * state lists; it is freed by the worker after the callback that ended it has returned.
 *
 * Memory of an idle connection: this struct and, with the access log on, its conn_facts.  No
 * buffer or pipe is held while nothing is in flight.  Of its 504 bytes, for which malloc(3)
 * takes 512, two sides have 272 (libevent's registrations 256), two flows 48, lists and deadline
 * 40, the two addresses 40, pointers 48, times 24, numbers and flags 32.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/attr.h"
#include "base/netaddr.h"
#include "proxy/flow.h"
#include "proxy/stats.h"
#include "proxy/timewheel.h"

struct clienthello_info;
struct conn;
struct conn_facts;
struct endpoint_state;
struct hello;
struct route_cells;
struct route_state;
struct worker;

enum conn_state { CONN_READING_HELLO, CONN_DIALLING, CONN_RELAYING, CONN_LINGERING, CONN_ENDED };
#define CONN_STATES 5

/** One socket of a connection and what it waits for. */
struct side {
    struct event event; /* one registration; its mask changes with what is wanted */
    int fd;             /* -1 when there is none */
    short waiting;      /* the mask registered now; 0: none */
};

struct conn {
    struct worker *worker;
    LIST_ENTRY(conn) link; /* on worker->conns[state] */
    struct timewheel_entry timer;
    struct side client, server;
    struct flow up, down;            /* client to server, server to client */
    struct hello *hello;             /* while hello or dial is incomplete */
    struct conn_facts *facts;        /* with the access log on */
    struct route_cells *cells;       /* where it counts; NULL until that is known */
    struct route_state *route;       /* counted in ->active; NULL until routed */
    struct endpoint_state *endpoint; /* counted in ->active; NULL while not dialling */
    struct netaddr client_addr, local_addr;
    uint64_t accepted_us;
    uint64_t progress_ms;  /* last byte moved, or seen to be delivered */
    uint64_t connected_ms; /* 0: not connected */
    uint32_t hello_us;     /* accept to complete hello; 0: not complete */
    uint32_t connect_us;   /* first dial to connected; 0: not connected */
    uint32_t hello_bytes;  /* raw bytes received of it */
    uint32_t lingered;     /* bytes read away behind an answer or a FIN */
    uint32_t queued;       /* undelivered at the last look since bytes moved; 0: none (relay.c) */
    uint8_t dials;         /* endpoints tried */
    uint8_t state;         /* enum conn_state */
    uint8_t phase;         /* enum conn_phase; PHASES: in none */
    uint8_t end;           /* enum end_reason, once ended */
    uint8_t listener;      /* index of the one it came by */
    bool client_first;     /* with a FIN seen: it was the client's */
    bool watch_due;        /* the deadline is to watch a side (relay.c) */
    bool server_aged;      /* keepalive and user timeout of the dialled socket are set */
};

_Static_assert(sizeof(struct conn) <= 512 - sizeof(size_t), "as many bytes as malloc(3) rounds to");

/** What only the access log needs to know; allocated to size. */
struct conn_facts {
    struct netaddr dialled; /* the last endpoint tried; AF_UNSPEC: none */
    uint16_t name_len, alpn_len;
    uint8_t versions;
    char text[]; /* name, then ALPN; as sent, neither is terminated */
};

/**
 * Take over a socket accepted on listener `listener`: reads what is there at once.  The descriptor
 * is the connection's from now on, also on failure.  Returns 0, or -ENOMEM.
 */
MUST_CHECK int conn_open(struct worker *w, uint8_t listener, int fd, const struct netaddr *client);

/** Move to another state (and list), and into the phase it is counted as. */
void conn_set_state(struct conn *c, enum conn_state state);

/** Count it as being in `phase`, and in that one only; PHASES: in none. */
void conn_set_phase(struct conn *c, enum conn_phase phase);

/** Call back not later than a tick after `due_ms`, in place of what was set before. */
void conn_set_deadline(struct conn *c, uint64_t due_ms);

/** Its deadline has come. */
void conn_on_deadline(struct conn *c);

/**
 * Make `s` wait for exactly `mask`, which has EV_PERSIST.  Returns 0 or -errno.  Costs nothing when
 * it waits for that already.
 */
MUST_CHECK int conn_wait(struct conn *c, struct side *s, short mask);

/** Make `s` wait for nothing: no callback comes any more. */
void conn_wait_for_nothing(struct side *s);

/**
 * The mask of a side from which nothing is wanted now: edge-triggered, so that it neither spins on
 * unread data or a FIN nor misses a reset.
 */
#define CONN_WATCH (EV_WRITE | EV_ET | EV_PERSIST)

/** The error that has ended a socket (SO_ERROR), 0 when there is none: how a watched side learns of
 * a reset. */
int conn_socket_error(int fd);

/** Microseconds from `then_us` until now, at most UINT32_MAX; options allow waits beyond. */
uint32_t conn_us_since(uint64_t then_us);

/** Remember what the hello said, for the access log. */
void conn_keep_facts(struct conn *c, const struct clienthello_info *info);

/** Count the route the connection takes, and from now on by it; `received` bytes came so far. */
void conn_set_route(struct conn *c, struct route_state *route, size_t received);

/** Likewise without a route.  Nothing to do for one that has where to count. */
void conn_set_unrouted(struct conn *c, size_t received);

/** Count the endpoint it dials (NULL: none any more). */
void conn_set_endpoint(struct conn *c, struct endpoint_state *endpoint);

/** A byte or a FIN moved, just now, or the kernel delivered some. */
void conn_note_progress(struct conn *c);

/** `error` (an errno) came from the socket of `s`: end, by a reset of that side or as END_ERROR;
 * a client that was told of its server's end is left time to read up to it. */
void conn_fail(struct conn *c, const struct side *s, int error);

/**
 * End the connection: removes events, closes descriptors, counts and logs the reason, hands the
 * struct to the reaper.  The pointer stays valid until the current callback has returned.  A reset
 * of one side is passed on to the other.  Ending twice is a mistake of ours.
 */
void conn_end(struct conn *c, enum end_reason why);

/** Close one side for the reason in `end`; the other is told what happened to it.  One that is
 * closed is fine. */
void conn_close_side(struct conn *c, struct side *s);

/** Free what conn_end() left.  Only the worker's reaper calls it. */
void conn_free(struct conn *c);

#endif
