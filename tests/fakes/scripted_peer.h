/**
 * scripted_peer - one end of a TCP connection that does exactly what a list of steps says.
 *
 * A peer runs in a thread of its own and asserts nothing: it stops at the first step that goes
 * otherwise than written, and the main thread asserts on the report.  Every step has a deadline; a
 * script cannot hang.  The order between two peers is set by flags, never by waiting "long enough".
 * Knows nothing about TLS or of who is at the other end.
 *
 *     static const struct peer_step client[] = {
 *         PEER_SEND("hello", 5), PEER_HALF_CLOSE, PEER_EXPECT("late", 4), PEER_EXPECT_EOF,
 * PEER_END,
 *     };
 */
#ifndef FAKES_SCRIPTED_PEER_H
#define FAKES_SCRIPTED_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/netaddr.h"

enum peer_act {
    PEER_ACT_END,
    PEER_ACT_SEND,
    PEER_ACT_TRICKLE,
    PEER_ACT_EXPECT,
    PEER_ACT_EXCHANGE,
    PEER_ACT_EXCHANGE_UNTIL_RESET,
    PEER_ACT_FLOOD,
    PEER_ACT_DRAIN,
    PEER_ACT_EXPECT_EOF,
    PEER_ACT_EXPECT_RESET,
    PEER_ACT_EXPECT_NO_RESET,
    PEER_ACT_HALF_CLOSE,
    PEER_ACT_RESET,
    PEER_ACT_STALL,
    PEER_ACT_RAISE,
    PEER_ACT_WAIT,
};

/** A thing that happened, once: raised by one peer or the test, awaited by others. */
struct peer_flag {
    int fd;
};

/** A patterned stream (support/pattern.h) one way, from its byte `from` on.  `pause_ms` after every
 * `chunk` bytes. */
struct peer_stream {
    uint64_t seed, bytes;
    uint32_t chunk, pause_ms;
    uint64_t from;
};

struct peer_step {
    enum peer_act act;
    const void *bytes;
    size_t len;
    struct peer_stream out, in;
    uint32_t ms;
    struct peer_flag *flag;
};

/* clang-format off */
/** The script ends; the peer closes its socket (which resets if it left input unread). */
#define PEER_END                {.act = PEER_ACT_END}
/** Send these bytes with one write if the kernel takes them. */
#define PEER_SEND(b, n)         {.act = PEER_ACT_SEND, .bytes = (b), .len = (n)}
/** Send these bytes one to a segment. */
#define PEER_TRICKLE(b, n)      {.act = PEER_ACT_TRICKLE, .bytes = (b), .len = (n)}
/** Receive exactly these bytes, and leave what follows. */
#define PEER_EXPECT(b, n)       {.act = PEER_ACT_EXPECT, .bytes = (b), .len = (n)}
/** Send and check streams at the same time, until both are through. */
#define PEER_EXCHANGE(o, i)     {.act = PEER_ACT_EXCHANGE, .out = o, .in = i}
/** The same until the other end resets, which must be before both are through. */
#define PEER_EXCHANGE_UNTIL_RESET(o, i) \
    {.act = PEER_ACT_EXCHANGE_UNTIL_RESET, .out = o, .in = i}
#define PEER_STREAM(s, n)       (struct peer_stream){.seed = (s), .bytes = (n)}
#define PEER_SLOW_STREAM(s, n, c, p) \
    (struct peer_stream){.seed = (s), .bytes = (n), .chunk = (c), .pause_ms = (p)}
#define PEER_NO_STREAM          PEER_STREAM(0, 0)
#define PEER_SEND_STREAM(s, n)  {.act = PEER_ACT_EXCHANGE, .out = PEER_STREAM(s, n)}
#define PEER_EXPECT_STREAM(s, n) {.act = PEER_ACT_EXCHANGE, .in = PEER_STREAM(s, n)}
/** Send a stream until nothing is taken for `ms`: everything behind us is full.  The report says how
 * much was taken; a stream of `most` bytes that goes through is a failure. */
#define PEER_FLOOD(s, most, quiet_ms) \
    {.act = PEER_ACT_FLOOD, .out = PEER_STREAM(s, most), .ms = (quiet_ms)}
/** Receive and throw away until the end of input. */
#define PEER_DRAIN              {.act = PEER_ACT_DRAIN}
/** The next thing from the other end is a FIN: no byte, no reset. */
#define PEER_EXPECT_EOF         {.act = PEER_ACT_EXPECT_EOF}
/** The other end resets, within two seconds, and sends no FIN first (unless it came in a step
 * before).  Nothing is read, so this also holds while input is waiting. */
#define PEER_EXPECT_RESET       {.act = PEER_ACT_EXPECT_RESET, .ms = 2000}
/** No reset comes for so long, also after a FIN, when Linux would hide it from reads. */
#define PEER_EXPECT_NO_RESET(m) {.act = PEER_ACT_EXPECT_NO_RESET, .ms = (m)}
#define PEER_HALF_CLOSE         {.act = PEER_ACT_HALF_CLOSE}
/** Close with a reset (SO_LINGER 0).  Nothing may follow but flags and stalls. */
#define PEER_RESET              {.act = PEER_ACT_RESET}
/** Do nothing for so long: slowness as a scripted act, never a way to wait for others. */
#define PEER_STALL(m)           {.act = PEER_ACT_STALL, .ms = (m)}
#define PEER_RAISE(f)           {.act = PEER_ACT_RAISE, .flag = (f)}
#define PEER_WAIT(f)            {.act = PEER_ACT_WAIT, .flag = (f)}
/* clang-format on */

/** How a peer differs from the usual; zero is the usual. */
struct peer_options {
    int rcvbuf, sndbuf;   /* socket buffers, set before the connection is made */
    int mss;              /* TCP_MAXSEG, likewise; holds for both ends */
    uint32_t deadline_ms; /* of each step; 0: 20 seconds */
};

/** What became of a script.  `failure` is "" when every step went as written. */
struct peer_report {
    char failure[240];
    unsigned step;           /* index of the step it stopped at */
    uint64_t sent, received; /* bytes, over all steps */
    uint64_t last_step_ms;   /* how long the step it stopped at (or the last) took */
    struct netaddr local;    /* our end of the connection */
};

struct peer;

void peer_flag_init(struct peer_flag *f);
void peer_flag_fini(struct peer_flag *f);
void peer_flag_raise(struct peer_flag *f);
bool peer_flag_is_raised(const struct peer_flag *f);

/** A listener on a loopback address (port 0: a free one).  Returns the descriptor; *addr_out is
 * where it listens.  Aborts the test program when the kernel will not. */
int peer_listen(const char *ip, int backlog, const struct peer_options *o,
                struct netaddr *addr_out);

/** A peer that connects to `to` and runs `script` (copied; its bytes and flags are borrowed until
 * the peer is joined). */
struct peer *peer_dial(const struct netaddr *to, const struct peer_step *script,
                       const struct peer_options *o);

/** A peer that accepts one connection of `listener` (borrowed) and runs `script` on it. */
struct peer *peer_accept(int listener, const struct peer_step *script,
                         const struct peer_options *o);

/** Wait for the script's end, free the peer, say what happened.  Bounded by the steps' deadlines.
 */
void peer_join(struct peer *p, struct peer_report *report_out);

/** Join two, and fail the calling test with what both did, unless all went as written: the failure
 * of one is often the cause of the other's. */
#define assert_peers_ok(p, q)                                                                      \
    do {                                                                                           \
        struct peer_report p_, q_;                                                                 \
        peer_join((p), &p_);                                                                       \
        peer_join((q), &q_);                                                                       \
        if (p_.failure[0] != '\0' || q_.failure[0] != '\0') {                                      \
            fail_msg("%s: step %u: %s; %s: step %u: %s", #p, p_.step, p_.failure, #q, q_.step,     \
                     q_.failure);                                                                  \
        }                                                                                          \
    } while (0)

/** Join and fail the calling test, naming the peer and its step, unless all went as written. */
#define assert_peer_ok(p)                                                                          \
    do {                                                                                           \
        struct peer_report report_;                                                                \
        peer_join((p), &report_);                                                                  \
        if (report_.failure[0] != '\0') {                                                          \
            fail_msg("%s: step %u: %s", #p, report_.step, report_.failure);                        \
        }                                                                                          \
    } while (0)

#endif
