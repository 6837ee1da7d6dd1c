/**
 * crowd - many clients of one address, driven by one thread; and how each of them fared.
 *
 * Everything happens inside crowd_until(), in the thread that calls it.  A client connects, sends
 * what the crowd sends, keeps the first bytes of what it gets, and ends with the other side's FIN
 * or reset, or when it is told to leave.
 */
#ifndef SUPPORT_CROWD_H
#define SUPPORT_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/netaddr.h"

enum crowd_state { CROWD_WAITING, CROWD_CONNECTING, CROWD_OPEN, CROWD_ENDED };
#define CROWD_STATES 4

enum crowd_end {
    CROWD_FIN,
    CROWD_RESET,   /* of a connection that was made */
    CROWD_REFUSED, /* none was made */
    CROWD_TIMEOUT, /* the kernel gave up */
    CROWD_LEFT,    /* crowd_leave() */
};
#define CROWD_ENDS 5

/** Texts are borrowed. */
struct crowd_config {
    struct netaddr to;
    unsigned clients;
    unsigned per_second; /* so many begin each second, whatever becomes of them; 0: all at once */
    const void *hello;   /* sent as soon as the connection stands */
    size_t hello_len;
    bool half_close;     /* and behind it a FIN */
    const uint8_t *drip; /* or behind it one byte after the other, */
    size_t drip_len;     /* so many, */
    unsigned drip_ms;    /* with so long between two of a client */
    bool deaf;           /* never reads, and is soon full: learns of a reset only */
    unsigned sources;    /* spread over so many addresses from 127.0.2.1 on; 0: one */
};

struct crowd_member {
    int fd; /* -1: none */
    enum crowd_state state;
    enum crowd_end end; /* once ended */
    uint64_t began_us, connected_us, ended_us;
    size_t sent, received;
    char bytes[48]; /* the first received, terminated */
};

struct crowd;

/** Of `wanted` clients, how many this process and a proxy that it starts have descriptors for: the
 * proxy counts two for each, whether it dials a backend or not. */
unsigned crowd_fitting(unsigned wanted);

struct crowd *crowd_new(const struct crowd_config *cfg);

/** Leave with all that are open, free all.  NULL is ignored. */
void crowd_free(struct crowd *c);

/** Let clients begin, send and receive until cond(ctx) holds; false after `limit_ms`. */
bool crowd_until(struct crowd *c, bool (*cond)(void *ctx), void *ctx, unsigned limit_ms);

/** Likewise until so many are in `state`, at least. */
bool crowd_until_count(struct crowd *c, enum crowd_state state, unsigned n, unsigned limit_ms);

/** Likewise until each has begun to connect. */
bool crowd_until_begun(struct crowd *c, unsigned limit_ms);

/** Likewise until each has ended or has its echo. */
bool crowd_until_told(struct crowd *c, unsigned limit_ms);

/** Likewise for a fixed time. */
void crowd_run(struct crowd *c, unsigned ms);

/** How many are in this state; how many that ended, ended so. */
unsigned crowd_count(const struct crowd *c, enum crowd_state state);
unsigned crowd_count_end(const struct crowd *c, enum crowd_end end);

/** How many received exactly `text`, whatever else became of them. */
unsigned crowd_count_answer(const struct crowd *c, const void *text, size_t len);

/** How many that are open received as many bytes as they sent. */
unsigned crowd_count_echoed(const struct crowd *c);

/** Every open client sends a few bytes; how many of them an echo reached within `limit_ms`. */
unsigned crowd_ping(struct crowd *c, unsigned limit_ms);

const struct crowd_member *crowd_member(const struct crowd *c, unsigned i);

unsigned crowd_clients(const struct crowd *c);

/** Client `i`, which is open, sends; what the kernel does not take at once is lost. */
void crowd_send(struct crowd *c, unsigned i, const void *bytes, size_t len);

/** Client `i` closes if it is open, with a reset or a FIN; so do all. */
void crowd_leave(struct crowd *c, unsigned i, bool with_reset);
void crowd_leave_all(struct crowd *c, bool with_reset);

#endif
