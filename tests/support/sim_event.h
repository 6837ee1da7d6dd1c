/**
 * sim_event - libevent's epoll loop on simulated sockets and a simulated clock.
 *
 * A turn collects what epoll_wait(2) would report, in any order, and the timers that are due, then
 * runs the callbacks as libevent does: an event deleted meanwhile is not called, EPOLLERR and
 * EPOLLHUP are told as readable and writable, an edge-triggered registration is told once.
 */
#ifndef SUPPORT_SIM_EVENT_H
#define SUPPORT_SIM_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

struct event;

/** Around every callback; either may be NULL. */
struct sim_event_hooks {
    void (*before)(void);
    void (*after)(void);
};

/** No registrations, no timers. */
void sim_event_begin(const struct sim_event_hooks *hooks);

/** A timer that can always be set: libevent has made room for it. */
void sim_event_spare(const struct event *timer);

/** As event_add(), event_del(). */
int sim_event_add(struct event *ev, const struct timeval *tv);
int sim_event_del(struct event *ev);

/** Whether a turn would call anything now. */
bool sim_event_is_due(void);

/** When the next timer is due; UINT64_MAX: none is set. */
uint64_t sim_event_next_us(void);

/** Whether this timer is set, and when it is due. */
bool sim_event_timer(const struct event *ev, uint64_t *due_us_out);

/** One turn that waits for nothing. */
void sim_event_turn(void);

/** Callbacks so far, without those of timers. */
uint64_t sim_event_calls(void);

#endif
