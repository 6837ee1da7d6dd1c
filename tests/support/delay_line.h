/**
 * delay_line - a second network namespace behind a cable with a delay, and a plug.
 *
 * Packets between the two namespaces pass through a thread of the test, which holds each one back
 * for as long as the cable is.  What takes a round trip takes time this way, as it does not on
 * loopback: handshakes are under way when something happens.
 */
#ifndef SUPPORT_DELAY_LINE_H
#define SUPPORT_DELAY_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct delay_line;

/** The addresses of the two ends. */
#define DELAY_LINE_NEAR "10.77.0.1"
#define DELAY_LINE_FAR  "10.77.0.2"

/** Lay a cable from the calling thread's namespace, which is the test's own (own_net_enter()), to a
 * new one.  NULL where the kernel has no TUN devices or does not permit it. */
struct delay_line *delay_line_new(unsigned one_way_ms);

/** Take it away.  NULL is ignored. */
void delay_line_free(struct delay_line *d);

/** Move the calling thread to the far end, or back: sockets it makes are there. */
void delay_line_go_far(const struct delay_line *d);
void delay_line_go_near(const struct delay_line *d);

/** Pull the plug, or put it in again: nothing passes meanwhile. */
void delay_line_cut(struct delay_line *d, bool is_cut);

/** Packets that passed so far; packets lost because too many were under way. */
uint64_t delay_line_passed(const struct delay_line *d);
uint64_t delay_line_lost(const struct delay_line *d);

/** How much longer than the cable is a packet was under way, at most: on a busy machine our thread
 * runs late. */
uint64_t delay_line_latest_ms(const struct delay_line *d);

#endif
