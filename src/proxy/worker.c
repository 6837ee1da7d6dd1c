#include "proxy/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/acceptor.h"
#include "proxy/listen.h"
#include "route/table.h"

/* Commands from other threads, a set. */
#define COMMAND_STOP_ACCEPTING 1u
#define COMMAND_STOP           2u

#define COMPLAIN_MS 1000 /* between two lines about a lack of resources */

#define MS_PER_S  1000
#define US_PER_MS 1000

/* Free what has ended since the last turn; no callback is on the stack now. */
static void reap(struct worker *w)
{
    struct conn *c;

    while ((c = LIST_FIRST(&w->conns[CONN_ENDED])) != NULL) {
        conn_free(c);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    uint64_t now = clock_now_ms();
    struct timewheel_entry *e;

    (void)fd;
    (void)what;
    w->tick_armed_ms = UINT64_MAX;
    while ((e = timewheel_pop(&w->wheel, now)) != NULL) {
        conn_on_deadline(CONTAINER_OF(e, struct conn, timer));
    }
}

/* Wake up when the next deadline is due, if that is not arranged yet. */
static void arm_tick(struct worker *w)
{
    uint64_t next = timewheel_next_ms(&w->wheel);
    uint64_t now, delay;

    if (next >= w->tick_armed_ms) {
        return; /* a wake-up that turns out to be early costs one look */
    }
    now = clock_now_ms();
    delay = next > now ? next - now : 0;
    const struct timeval tv = {.tv_sec = (time_t)(delay / MS_PER_S),
                               .tv_usec = (suseconds_t)(delay % MS_PER_S * US_PER_MS)};
    if (event_add(w->tick_event, &tv) == 0) {
        w->tick_armed_ms = next;
    }
}

static void listen_all(struct worker *w)
{
    for (size_t i = 0; i < w->n_acceptors; i++) {
        int rc = acceptor_listen(&w->acceptors[i]);
        if (rc != 0) {
            log_error("worker %u cannot listen: %s; other workers go on", w->index, strerror(-rc));
        }
    }
}

static void adopt(struct worker *w, struct table *t)
{
    bool first = w->table == NULL;

    table_unref(w->table);
    w->table = t;
    stats_add(&w->stats.tables_adopted, 1);
    if (first) {
        listen_all(w);
    }
    atomic_store_explicit(&w->adopted, table_generation(t), memory_order_release);
}

static void obey(struct worker *w, unsigned commands)
{
    if ((commands & COMMAND_STOP_ACCEPTING) != 0) {
        for (size_t i = 0; i < w->n_acceptors; i++) {
            acceptor_stop(&w->acceptors[i]);
        }
    }
    if ((commands & COMMAND_STOP) != 0) {
        w->stopping = true;
    }
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    struct table *t = mailbox_take(&w->mailbox);

    (void)fd;
    (void)what;
    if (t != NULL) {
        adopt(w, t);
    }
    obey(w, atomic_exchange_explicit(&w->commands, 0, memory_order_acquire));
}

bool worker_may_complain(struct worker *w)
{
    uint64_t now = clock_now_ms();

    if (w->complained_ms != 0 && now - w->complained_ms < COMPLAIN_MS) {
        return false;
    }
    w->complained_ms = now;
    return true;
}

static void end_all(struct worker *w)
{
    for (int state = 0; state < CONN_ENDED; state++) {
        struct conn *c;
        while ((c = LIST_FIRST(&w->conns[state])) != NULL) {
            /* One that was answered has its reason. */
            conn_end(c, state == CONN_LINGERING ? c->end : END_DRAIN);
        }
    }
    reap(w);
}

static void *run(void *arg)
{
    struct worker *w = arg;

    log_use_ring(w->log_ring);
    while (!w->stopping) {
        arm_tick(w);
        (void)event_base_loop(w->base, EVLOOP_ONCE); /* fails only without any event; mail is one */
        reap(w);
    }
    for (size_t i = 0; i < w->n_acceptors; i++) {
        acceptor_fini(&w->acceptors[i]);
    }
    end_all(w);
    log_use_ring(NULL);
    return NULL;
}

static struct event_base *new_base(void)
{
    struct event_config *cfg = event_config_new();
    struct event_base *base = NULL;

    /* The environment could take epoll away, or let it batch changes past a close(2). */
    if (cfg != NULL &&
        event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0 &&
        event_config_require_features(cfg, EV_FEATURE_ET | EV_FEATURE_O1) == 0) {
        base = event_base_new_with_config(cfg);
    }
    if (cfg != NULL) {
        event_config_free(cfg);
    }
    return base;
}

static int set_up(struct worker *w, size_t n_listen)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        return -EIO;
    }
    w->rng.state = seed | 1;
    w->acceptors = calloc(n_listen, sizeof(*w->acceptors));
    w->base = new_base();
    if (w->acceptors == NULL || w->base == NULL) {
        return -ENOMEM;
    }
    while (w->n_acceptors < n_listen) {
        acceptor_init(&w->acceptors[w->n_acceptors++], w, -1);
    }
    w->mail_event = event_new(w->base, w->mailbox.event_fd, EV_READ | EV_PERSIST, on_mail, w);
    w->tick_event = event_new(w->base, -1, 0, on_tick, w);
    if (w->mail_event == NULL || w->tick_event == NULL || event_add(w->mail_event, NULL) != 0) {
        return -ENOMEM;
    }
    return 0;
}

struct worker *worker_new(struct worker_shared *shared, unsigned index, size_t n_listen)
{
    struct worker *w = aligned_alloc(_Alignof(struct worker), sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    memset(w, 0, offsetof(struct worker, scratch));
    w->shared = shared;
    w->index = index;
    w->tick_armed_ms = UINT64_MAX;
    timewheel_init(&w->wheel, clock_now_ms());
    if (mailbox_init(&w->mailbox) != 0) {
        free(w);
        return NULL;
    }
    if (set_up(w, n_listen) != 0) {
        worker_free(w);
        return NULL;
    }
    return w;
}

void worker_set_listener(struct worker *w, size_t index, int fd)
{
    acceptor_init(&w->acceptors[index], w, fd);
}

void worker_hold_listeners(struct worker *w)
{
    for (size_t i = 0; i < w->n_acceptors; i++) {
        listen_hold(w->acceptors[i].fd);
    }
}

int worker_start(struct worker *w)
{
    sigset_t all, before;
    int rc;

    /* Signals are the main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->running = rc == 0;
    return -rc;
}

void worker_publish(struct worker *w, struct table *t)
{
    table_unref(mailbox_put(&w->mailbox, t));
}

static void command(struct worker *w, unsigned what)
{
    atomic_fetch_or_explicit(&w->commands, what, memory_order_release);
    mailbox_ring(&w->mailbox);
}

void worker_stop_accepting(struct worker *w)
{
    command(w, COMMAND_STOP_ACCEPTING);
}

void worker_stop(struct worker *w)
{
    command(w, COMMAND_STOP);
}

static void drop_tables(struct worker *w)
{
    table_unref(mailbox_take(&w->mailbox));
    table_unref(w->table);
    w->table = NULL;
}

void worker_join(struct worker *w)
{
    if (w->running) {
        pthread_join(w->thread, NULL);
        w->running = false;
    }
    drop_tables(w);
}

void worker_free(struct worker *w)
{
    if (w == NULL) {
        return;
    }
    ASSERT(!w->running);
    drop_tables(w);
    for (size_t i = 0; i < w->n_acceptors; i++) {
        acceptor_fini(&w->acceptors[i]);
    }
    free(w->acceptors);
    if (w->mail_event != NULL) {
        event_free(w->mail_event);
    }
    if (w->tick_event != NULL) {
        event_free(w->tick_event);
    }
    if (w->base != NULL) {
        event_base_free(w->base);
    }
    mailbox_fini(&w->mailbox);
    free(w);
}
