#include "support/sim_event.h"

#include <event2/event.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/attr.h"
#include "support/sim.h"
#include "support/sim_kernel.h"

#define TIMERS 16u
#define ACTIVE 128u

struct timer {
    struct event *event; /* NULL: this place is free */
    bool set;
    uint64_t due_us, delay_us;
};

struct active {
    struct event *event; /* NULL: deleted since */
    short what;
};

static struct timer timers[TIMERS];
static struct active active[ACTIVE];
static unsigned n_active;
static struct sim_event_hooks hooks;
static uint64_t calls;
static const struct event *spared;

void sim_event_begin(const struct sim_event_hooks *h)
{
    memset(timers, 0, sizeof(timers));
    n_active = 0;
    hooks = *h;
    calls = 0;
    spared = NULL;
}

void sim_event_spare(const struct event *timer)
{
    spared = timer;
}

uint64_t sim_event_calls(void)
{
    return calls;
}

static struct timer *timer_of(const struct event *ev)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].event == ev) {
            return &timers[i];
        }
    }
    return NULL;
}

static bool has_no_memory(const struct event *ev)
{
    if (ev == spared || !sim_unlucky(sim_kernel_weather()->no_event)) {
        return false;
    }
    sim_note("event_add failed", event_get_fd(ev), 0);
    sim_kernel_hurt();
    return true;
}

/* Fails the first time only: libevent's heap of timers grows and never shrinks. */
static int add_timer(struct event *ev, const struct timeval *tv)
{
    struct timer *t = timer_of(ev);

    if (t == NULL && has_no_memory(ev)) {
        return -1;
    }
    t = t != NULL ? t : timer_of(NULL);
    SIM_CHECK(t != NULL, "the simulation has too few timers");
    t->event = ev;
    t->set = true;
    t->delay_us = (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
    t->due_us = sim_now_us() + t->delay_us;
    return 0;
}

/* What EPOLL_CTL_ADD looks at. */
static bool has_something(struct sim_sock *s, short mask)
{
    uint32_t wanted = EPOLLERR | EPOLLHUP;

    wanted |= (mask & EV_READ) != 0 ? EPOLLIN : 0;
    wanted |= (mask & EV_WRITE) != 0 ? EPOLLOUT : 0;
    return (sim_kernel_poll(s) & wanted) != 0;
}

static int add_io(struct event *ev)
{
    struct sim_sock *s = sim_kernel_sock(event_get_fd(ev));

    SIM_CHECK(s != NULL && s->kind != SIM_FILE, "event_add() for %d", event_get_fd(ev));
    SIM_CHECK(s->event == NULL || s->event == ev, "two events for %d", s->fd);
    if (s->kind != SIM_BELL && has_no_memory(ev)) {
        return -1;
    }
    if (s->event == NULL) {
        s->event = ev;
        s->mask = event_get_events(ev);
        s->stirred = has_something(s, s->mask);
    }
    return 0;
}

int sim_event_add(struct event *ev, const struct timeval *tv)
{
    return event_get_fd(ev) < 0 ? add_timer(ev, tv) : add_io(ev);
}

int sim_event_del(struct event *ev)
{
    struct timer *t = timer_of(ev);
    int fd = event_get_fd(ev);

    for (unsigned i = 0; i < n_active; i++) {
        if (active[i].event == ev) {
            active[i].event = NULL;
        }
    }
    if (t != NULL) {
        t->set = false;
    }
    if (fd >= 0) {
        struct sim_sock *s = sim_kernel_sock(fd);
        if (s->event == ev) {
            s->event = NULL;
            s->mask = 0;
            s->stirred = false;
        }
    }
    return 0;
}

/* As epoll_dispatch() and evmap_io_active_() tell it. */
static short told(struct sim_sock *s)
{
    uint32_t got = sim_kernel_poll(s) & (uint32_t)~EPOLLRDHUP; /* nobody asks for that */
    int what = 0;

    if ((got & (EPOLLERR | EPOLLHUP)) != 0) {
        what = EV_READ | EV_WRITE;
    } else {
        what |= (got & EPOLLIN) != 0 ? EV_READ : 0;
        what |= (got & EPOLLOUT) != 0 ? EV_WRITE : 0;
    }
    what &= s->mask;
    return (short)(what != 0 ? what | (s->mask & EV_ET) : 0);
}

static short due_now(struct sim_sock *s)
{
    if (s->event == NULL || ((s->mask & EV_ET) != 0 && !s->stirred)) {
        return 0;
    }
    return told(s);
}

bool sim_event_is_due(void)
{
    struct sim_sock *s;

    for (unsigned i = 0; (s = sim_kernel_nth(i)) != NULL; i++) {
        if (due_now(s) != 0) {
            return true;
        }
    }
    return sim_event_next_us() <= sim_now_us();
}

uint64_t sim_event_next_us(void)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].set && timers[i].due_us < next) {
            next = timers[i].due_us;
        }
    }
    return next;
}

bool sim_event_timer(const struct event *ev, uint64_t *due_us_out)
{
    const struct timer *t = timer_of(ev);

    if (t == NULL || !t->set) {
        return false;
    }
    *due_us_out = t->due_us;
    return true;
}

static void activate(struct event *ev, short what)
{
    SIM_CHECK(n_active < ACTIVE, "the simulation has too few events");
    active[n_active++] = (struct active){ev, what};
}

static void collect_io(void)
{
    struct sim_sock *s;

    for (unsigned i = 0; (s = sim_kernel_nth(i)) != NULL; i++) {
        short what = due_now(s);
        if (what != 0) {
            activate(s->event, what);
        }
        s->stirred = false;
    }
    for (unsigned i = n_active; i > 1; i--) {
        unsigned other = (unsigned)sim_below(i);
        struct active swapped = active[i - 1];
        active[i - 1] = active[other];
        active[other] = swapped;
    }
}

static void collect_timers(void)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        struct timer *t = &timers[i];
        if (!t->set || t->due_us > sim_now_us()) {
            continue;
        }
        activate(t->event, EV_TIMEOUT);
        if ((event_get_events(t->event) & EV_PERSIST) != 0) {
            t->due_us = sim_now_us() + t->delay_us;
        } else {
            t->set = false;
        }
    }
}

static void call(struct active *a)
{
    struct event *ev = a->event;

    a->event = NULL;
    sim_step();
    sim_note("event", event_get_fd(ev), a->what);
    if (a->what != EV_TIMEOUT) {
        calls++;
    }
    if (hooks.before != NULL) {
        hooks.before();
    }
    event_get_callback(ev)(event_get_fd(ev), a->what, event_get_callback_arg(ev));
    if (hooks.after != NULL) {
        hooks.after();
    }
}

void sim_event_turn(void)
{
    n_active = 0;
    collect_io();
    collect_timers();
    for (unsigned i = 0; i < n_active; i++) {
        if (active[i].event != NULL) {
            call(&active[i]);
        }
    }
    n_active = 0;
}
