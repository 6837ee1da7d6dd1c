/**
 * conn - one connection of the load: dials, greets, asks, and checks every byte that comes.
 *
 * Told of readiness, it tells its user what came of it.  The user may ask the next request at once;
 * it never closes a connection from within, but marks it and lets the pool do it.
 */
#ifndef BENCH_LOAD_CONN_H
#define BENCH_LOAD_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/config.h"

enum conn_phase {
    CONN_CLOSED,
    CONN_CONNECTING,
    CONN_GREETING,
    CONN_READY,
    CONN_ASKING,
    CONN_HEARING
};

enum conn_fault {
    FAULT_NONE,
    FAULT_CLOSED,    /* refused, reset, or ended in the middle */
    FAULT_ALERT,     /* a TLS alert instead of the backend's reply */
    FAULT_MISROUTED, /* another backend answered */
    FAULT_CROSSED,   /* bytes of another stream, or of another place in it */
    FAULT_STUCK,     /* nothing happened for too long */
    FAULTS,
};

struct conn {
    int fd;
    enum conn_phase phase;
    enum conn_fault fault; /* set: to be closed */
    bool done;             /* set by the user: to be closed */
    bool watches_write;
    uint32_t host, serial;
    uint64_t sent, received;    /* behind the hello */
    uint64_t in_left, out_left; /* of the reply or response, of the request */
    uint64_t began_ns;          /* the user's */
    uint64_t progress_ns;
};

struct conn_user {
    void (*greeted)(struct conn *c);  /* the reply was whole */
    void (*answered)(struct conn *c); /* a response was whole */
};

/** Where to connect to, and whom to tell; once, before the others. */
void conn_start(const struct config *cfg, int epoll_fd, const struct conn_user *user);

/** Connect; c->host names the name that will be asked for. */
void conn_dial(struct conn *c, uint32_t serial, uint64_t now_ns);

/** Ask the next request; in phase READY. */
void conn_ask(struct conn *c);

void conn_event(struct conn *c, uint32_t events, uint64_t now_ns);

void conn_close(struct conn *c);

#endif
