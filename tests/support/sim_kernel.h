/**
 * sim_kernel - the system calls of the data plane, on simulated sockets.
 *
 * Models what a program can see of Linux TCP: bytes and FINs in order, resets and what they do to
 * the pending error and the end of input, bounded send buffers, half-closes, what epoll(7) reports
 * of all that and when it reports it again to a level- or an edge-triggered registration.
 * test_sim_kernel.c holds it against the kernel it runs on.
 *
 * Two faces: calls as the program makes them (through sim_wrap.c), and what the far end and the
 * network do.  Knows nothing of the proxy.  Bytes are made and checked by who simulates the peers.
 * A call that no right program makes, on a descriptor that it has closed say, is a failure.
 */
#ifndef SUPPORT_SIM_KERNEL_H
#define SUPPORT_SIM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/netaddr.h"

struct event;

/** Simulated descriptors begin here; those below are the real kernel's. */
#define SIM_FD_FIRST 100000
#define SIM_QUEUE    64u /* of a listener */

enum sim_kind {
    SIM_FREE,
    SIM_TCP,
    SIM_LISTENER,
    SIM_BELL,
    SIM_FILE,
    SIM_PIPE_READ, /* sim_pipe.h */
    SIM_PIPE_WRITE,
};
enum sim_tcp { SIM_NEW, SIM_CONNECTING, SIM_OPEN, SIM_GONE };

/** What the far end saw when the program closed a socket. */
enum sim_end { SIM_NOT_CLOSED, SIM_CLOSED_FIN, SIM_CLOSED_RESET };

struct sim_sock {
    enum sim_kind kind;
    enum sim_tcp tcp;
    int fd; /* -1: not accepted yet, or closed */
    struct netaddr far;
    void *owner; /* whoever simulates the far end */

    /* from the far end */
    uint64_t arrived, read;
    bool fin_arrived, fin_read;
    /* to the far end */
    uint64_t accepted, taken;
    uint64_t room; /* of the send buffer */
    bool fin_sent;
    bool starved;              /* SOCK_NOSPACE: who waits for room is told of it */
    bool hard;                 /* SO_LINGER 0 */
    int error;                 /* pending, SO_ERROR */
    int soft_error;            /* what TCP goes on in spite of; SO_ERROR tells it, too */
    int fate;                  /* what ended it from outside: ECONNRESET, ETIMEDOUT, ... */
    enum sim_end end;          /* what ended it from inside */
    uint64_t fate_us, read_us; /* when; when it was read last */
    uint64_t open_us, end_us;  /* when the program accepted or dialled it, and closed it */
    uint64_t queued_told, told_us, less_us; /* SIOCOUTQ, when it was first told, and when less */
    unsigned looks;                         /* how often since the loop's turn began */
    uint64_t fin_order;                     /* of all FINs, when this one was read */

    struct event *event; /* the registration; NULL: none */
    short mask;          /* EV_READ, ... */
    bool stirred;        /* an edge-triggered one has something to look at */
    bool rung;           /* a bell */
    struct sim_sock *queue[SIM_QUEUE];
    unsigned queued;
};

/** How often things go wrong: once in so many calls, 0 never. */
struct sim_weather {
    unsigned cut;         /* recv and send move less than they could */
    unsigned again;       /* EAGAIN for no reason, EINTR */
    unsigned no_buffers;  /* ENOBUFS or ENOMEM from send */
    unsigned no_socket;   /* any failure of socket() or accept4() */
    unsigned no_event;    /* event_add() has no memory */
    unsigned no_splice;   /* splice() fails for a reason of the kernel's */
    unsigned small_pipes; /* a pipe does not get its size */
    unsigned meanwhile;   /* the world moves between two calls */
    unsigned descriptors; /* that the program may have open */
    bool fresh_numbers;   /* no descriptor's number is used again */
};

/** What the far ends want to know; all must be there. */
struct sim_far {
    void (*meanwhile)(void);
    /** The program reads `n` bytes from `s->read` on. */
    void (*make)(const struct sim_sock *s, uint8_t *into, size_t n);
    /** The program is about to read. */
    void (*reading)(const struct sim_sock *s);
    /** It offers `n` bytes from `s->accepted` on. */
    void (*check)(struct sim_sock *s, const uint8_t *bytes, size_t n);
    /** It ends its direction. */
    void (*shut)(const struct sim_sock *s);
    /** It dials.  Returns 0 when that is done at once, EINPROGRESS, or how it fails at once. */
    int (*dialled)(struct sim_sock *s);
    /** It has closed; `s` belongs to the far end now (sim_kernel_free()). */
    void (*closed)(struct sim_sock *s);
};

/** An empty table of descriptors. */
void sim_kernel_begin(const struct sim_weather *w, const struct sim_far *far);

/** Descriptors open. */
unsigned sim_kernel_open(void);

/** Failures for lack of memory or buffers so far: they excuse one end with an error. */
uint64_t sim_kernel_hurts(void);
void sim_kernel_hurt(void);

/** A descriptor of `kind`, or -1 with errno. */
int sim_kernel_open_kind(enum sim_kind kind);

/** How things go wrong; may be changed at any time. */
struct sim_weather *sim_kernel_weather(void);

/** The socket behind a descriptor, or NULL for a number that is not ours. */
struct sim_sock *sim_kernel_sock(int fd);

/** The `i`th open descriptor's, i < sim_kernel_open(). */
struct sim_sock *sim_kernel_nth(unsigned i);

/** EPOLLIN, ... as poll(2) would say now. */
uint32_t sim_kernel_poll(struct sim_sock *s);

/* The program's calls: results and errno as in the manual. */
int sim_kernel_socket(void);
int sim_kernel_listener(void);
int sim_kernel_bell(void);
int sim_kernel_file(void);
int sim_kernel_connect(int fd, const struct netaddr *to);
int sim_kernel_accept(int fd, struct netaddr *from);
ssize_t sim_kernel_recv(int fd, uint8_t *into, size_t n);
ssize_t sim_kernel_send(int fd, const uint8_t *bytes, size_t n, int flags);
int sim_kernel_shutdown(int fd, int how);
int sim_kernel_take_error(int fd);
void sim_kernel_make_hard(int fd);
ssize_t sim_kernel_ring(int fd, bool rung);
int sim_kernel_close(int fd);

/* The far end and the network. */

/** A connection that waits to be accepted; NULL when the queue is full. */
struct sim_sock *sim_kernel_arrive(int listener, const struct netaddr *from);
void sim_kernel_free(struct sim_sock *s);
/** The dial of `s` ends: 0, or an error. */
void sim_kernel_connected(struct sim_sock *s, int error);
void sim_kernel_data(struct sim_sock *s, uint64_t n);
void sim_kernel_fin(struct sim_sock *s);
/** A reset arrives (ECONNRESET), or the kernel gives up on the far end (ETIMEDOUT). */
void sim_kernel_break(struct sim_sock *s, int error);
/** The far end takes `n` bytes of what was accepted. */
void sim_kernel_take(struct sim_sock *s, uint64_t n);

#endif
