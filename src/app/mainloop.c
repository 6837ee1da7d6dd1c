#include "app/mainloop.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define TICK_US 20000 /* between looks at what is being waited for */

/* What the main thread waits for; it never goes back. */
enum phase {
    PHASE_STARTING,    /* until cfg.is_ready */
    PHASE_SERVING,     /* until a signal */
    PHASE_DRAIN_DELAY, /* still accepting, until the delay is over */
    PHASE_DRAINING,    /* until nothing is active, or the deadline */
};

struct mainloop {
    struct mainloop_config cfg;
    int signal_fd; /* -1 when absent */
    struct event_base *base;
    struct event *on_signal, *on_tick;
    enum phase phase;
    uint64_t phase_ends_at_ms;
    int rc;
    struct err *e;
};

void mainloop_block_signals(sigset_t *before_out)
{
    static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
        sigdelset(&set, FAULTS[i]);
    }
    sigprocmask(SIG_BLOCK, &set, before_out);
    /* A splice to a closed socket raises it, and no flag prevents that. */
    signal(SIGPIPE, SIG_IGN);
}

static void leave(struct mainloop *m, int rc)
{
    m->rc = rc;
    event_base_loopbreak(m->base);
}

static void start_ticking(struct mainloop *m)
{
    const struct timeval interval = {.tv_usec = TICK_US};

    if (event_add(m->on_tick, &interval) != 0) {
        err_set(m->e, "timer: out of memory");
        leave(m, -ENOMEM);
    }
}

static void become_ready(struct mainloop *m)
{
    int rc;

    m->phase = PHASE_SERVING;
    event_del(m->on_tick);
    rc = m->cfg.on_ready(m->cfg.ctx, m->e);
    if (rc != 0) {
        leave(m, rc);
    }
}

static void begin_drain(struct mainloop *m)
{
    log_info("stopping: still accepting for the drain delay");
    m->phase = PHASE_DRAIN_DELAY;
    m->phase_ends_at_ms = clock_now_ms() + m->cfg.drain_delay_ms;
    start_ticking(m);
}

static void stop_accepting(struct mainloop *m)
{
    m->phase = PHASE_DRAINING;
    m->phase_ends_at_ms = clock_now_ms() + m->cfg.drain_timeout_ms;
    m->cfg.stop_accepting(m->cfg.ctx);
}

static void watch_drain(struct mainloop *m)
{
    /* Asked first: what a listener accepts last is active before it is seen closed. */
    bool is_accepting = m->cfg.is_accepting(m->cfg.ctx);
    uint64_t active = m->cfg.active(m->cfg.ctx);

    if (active == 0 && !is_accepting) {
        leave(m, 0);
    } else if (clock_now_ms() >= m->phase_ends_at_ms) {
        log_warn("drain timeout: closing %" PRIu64 " connections", active);
        leave(m, 0);
    }
}

static void look_around(struct mainloop *m)
{
    switch (m->phase) {
    case PHASE_STARTING:
        if (m->cfg.is_ready(m->cfg.ctx)) {
            become_ready(m);
        }
        break;
    case PHASE_SERVING:
        break;
    case PHASE_DRAIN_DELAY:
        if (clock_now_ms() >= m->phase_ends_at_ms) {
            log_info("no longer accepting: waiting for connections to end");
            stop_accepting(m);
        }
        break;
    case PHASE_DRAINING:
        watch_drain(m);
        break;
    }
}

static void handle_signal(struct mainloop *m, uint32_t number)
{
    if (number == SIGHUP) {
        m->cfg.reload(m->cfg.ctx);
    } else if (m->phase == PHASE_STARTING) {
        log_info("stopping: it was not ready, so nobody was sent here"); /* no delay needed */
        stop_accepting(m);
    } else if (m->phase == PHASE_SERVING) {
        begin_drain(m);
    } else {
        log_info("second signal: not waiting any longer");
        leave(m, 0);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    look_around(ctx);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct signalfd_siginfo info;

    (void)what;
    if (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        handle_signal(ctx, info.ssi_signo);
    }
}

static int open_signals(struct mainloop *m)
{
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    m->signal_fd = signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
    return m->signal_fd >= 0 ? 0 : -errno;
}

static int open_events(struct mainloop *m)
{
    struct event_config *cfg = event_config_new();

    if (cfg != NULL && event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == 0) {
        m->base = event_base_new_with_config(cfg);
    }
    if (cfg != NULL) {
        event_config_free(cfg);
    }
    if (m->base == NULL) {
        return -ENOMEM;
    }
    m->on_signal = event_new(m->base, m->signal_fd, EV_READ | EV_PERSIST, on_signal, m);
    m->on_tick = event_new(m->base, -1, EV_PERSIST, on_tick, m);
    if (m->on_signal == NULL || m->on_tick == NULL || event_add(m->on_signal, NULL) != 0) {
        return -ENOMEM;
    }
    return 0;
}

struct mainloop *mainloop_new(const struct mainloop_config *cfg, struct err *e)
{
    struct mainloop *m = calloc(1, sizeof(*m));
    int rc;

    if (m == NULL) {
        err_set(e, "main loop: out of memory");
        return NULL;
    }
    m->cfg = *cfg;
    m->signal_fd = -1;
    rc = open_signals(m);
    if (rc == 0) {
        rc = open_events(m);
    }
    if (rc != 0) {
        err_set(e, "main loop: %s", strerror(-rc));
        mainloop_free(m);
        return NULL;
    }
    return m;
}

struct event_base *mainloop_base(struct mainloop *m)
{
    return m->base;
}

bool mainloop_is_draining(const struct mainloop *m)
{
    return m->phase >= PHASE_DRAIN_DELAY;
}

int mainloop_run(struct mainloop *m, struct err *e)
{
    m->e = e;
    start_ticking(m);
    /* To leave before the loop runs means nothing to libevent: it starts afresh. */
    if (m->rc == 0 && event_base_dispatch(m->base) < 0) {
        err_set(e, "main loop: libevent gave up");
        return -EIO;
    }
    return m->rc;
}

void mainloop_free(struct mainloop *m)
{
    if (m == NULL) {
        return;
    }
    if (m->on_tick != NULL) {
        event_free(m->on_tick);
    }
    if (m->on_signal != NULL) {
        event_free(m->on_signal);
    }
    if (m->base != NULL) {
        event_base_free(m->base);
    }
    if (m->signal_fd >= 0) {
        close(m->signal_fd);
    }
    free(m);
}
