#include "proxy/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/acceptor.h"
#include "proxy/connlog.h"
#include "proxy/listen.h"
#include "route/table.h"

/* Commands from other threads, a set. */
#define COMMAND_STOP_ACCEPTING 1u
#define COMMAND_STOP           2u

#define COMPLAIN_MS 1000 /* between two lines about one lack */

#define BEAT_S 1 /* between two signs of life of an idle worker */

#define MS_PER_S  1000
#define US_PER_MS 1000

/* What one worker writes all the time lies in no cache line of another's, nor of what all read. */
_Static_assert(_Alignof(struct worker) == CACHE_LINE && sizeof(struct worker) % CACHE_LINE == 0,
               "a worker has its cache lines for itself");
_Static_assert(sizeof(struct listener_stats) % CACHE_LINE == 0 &&
                   _Alignof(struct listener_stats) == CACHE_LINE,
               "so have its counters, which lie beside it");
_Static_assert(offsetof(struct worker_shared, listening) >=
                   offsetof(struct worker_shared, budget) + sizeof(void *) + CACHE_LINE,
               "what every connection reads is not in a line that some write");

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

static void note_turn(struct worker *w)
{
    atomic_store_explicit(&w->turned_ms, clock_now_ms(), memory_order_relaxed);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    note_turn(w);
    connlog_tell_held_back(w);
    pipepool_rest(&w->pipes);
}

static void listen_all(struct worker *w)
{
    bool all = true;

    for (size_t i = 0; i < w->n_acceptors; i++) {
        int rc = acceptor_listen(&w->acceptors[i]);
        if (rc != 0) {
            log_error("worker %u cannot listen: %s; other workers go on", w->index, strerror(-rc));
            all = false;
        }
    }
    atomic_store_explicit(&w->listening, all, memory_order_release);
}

/* The n-th is written beside the one before, which who reads just now may be looking at. */
static void note_adoption(struct worker *w, uint64_t generation)
{
    unsigned n = atomic_load_explicit(&w->n_adopted, memory_order_relaxed) + 1;
    struct adoption *a = &w->adoptions[n % 2];

    atomic_store_explicit(&a->generation, generation, memory_order_release);
    atomic_store_explicit(&a->at_us, clock_now_us(), memory_order_release);
    atomic_store_explicit(&w->n_adopted, n, memory_order_release);
}

uint64_t worker_adopted(const struct worker *w, uint64_t *at_us_out)
{
    unsigned n = atomic_load_explicit(&w->n_adopted, memory_order_acquire);
    uint64_t generation, at_us;
    unsigned before;

    /* Had a further one begun to overwrite what we read, the one between would show by now. */
    do {
        const struct adoption *a = &w->adoptions[n % 2];
        before = n;
        generation = atomic_load_explicit(&a->generation, memory_order_acquire);
        at_us = atomic_load_explicit(&a->at_us, memory_order_acquire);
        n = atomic_load_explicit(&w->n_adopted, memory_order_acquire);
    } while (n != before);
    *at_us_out = at_us;
    return generation;
}

struct worker_hold worker_hold_table(struct worker *w)
{
    ASSERT(w->table != NULL); /* nothing is accepted before the first */
    w->table_holders++;
    return (struct worker_hold){w->table, w->table_serial};
}

void worker_let_go(struct worker *w, struct worker_hold hold)
{
    if (hold.table != NULL && hold.serial == w->table_serial) {
        ASSERT(w->table_holders > 0);
        w->table_holders--;
    } else {
        table_unref(hold.table);
    }
}

/* Whoever holds the table before has a reference of his own from now on. */
void worker_use_table(struct worker *w, struct table *t)
{
    if (w->table_holders > 0) {
        table_ref_more(w->table, w->table_holders);
        w->table_holders = 0;
    }
    table_unref(w->table);
    w->table = t;
    w->table_serial++;
}

static void adopt(struct worker *w, struct table *t)
{
    bool first = w->table == NULL;

    worker_use_table(w, t);
    stats_add(&w->stats.tables_adopted, 1);
    if (first) {
        listen_all(w);
    }
    note_adoption(w, table_generation(t));
    if (w->shared->on_adopted != NULL) {
        w->shared->on_adopted(w->shared->adopted_ctx);
    }
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

bool worker_may_complain(struct worker *w, enum worker_lack lack)
{
    _Atomic uint64_t *last = &w->shared->complained_ms[lack];
    uint64_t now = clock_now_ms();
    uint64_t then = atomic_load_explicit(last, memory_order_relaxed);

    /* Another worker's clock may have been read a moment later. */
    if (then != 0 && now < then + COMPLAIN_MS) {
        return false;
    }
    return atomic_compare_exchange_strong_explicit(last, &then, now, memory_order_relaxed,
                                                   memory_order_relaxed);
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

/* A help for people only, who are told of "worker 3" too. */
static void name_thread(const struct worker *w)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "worker %u", w->index);
    (void)pthread_setname_np(pthread_self(), name);
}

static void *run(void *arg)
{
    struct worker *w = arg;

    name_thread(w);
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
    connlog_tell_held_back(w);
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

static int add_listeners(struct worker *w, size_t n)
{
    size_t bytes = n * sizeof(*w->counts);

    ASSERT(n <= LIMIT_LISTENERS);
    w->acceptors = calloc(n, sizeof(*w->acceptors));
    w->counts = aligned_alloc(_Alignof(struct listener_stats), bytes);
    if (w->acceptors == NULL || w->counts == NULL) {
        return -ENOMEM;
    }
    memset(w->counts, 0, bytes);
    while (w->n_acceptors < n) {
        worker_set_listener(w, w->n_acceptors++, -1);
    }
    return 0;
}

static int add_events(struct worker *w)
{
    const struct timeval beat = {.tv_sec = BEAT_S};

    w->base = new_base();
    if (w->base == NULL) {
        return -ENOMEM;
    }
    w->mail_event = event_new(w->base, w->mailbox.event_fd, EV_READ | EV_PERSIST, on_mail, w);
    w->tick_event = event_new(w->base, -1, 0, on_tick, w);
    w->beat_event = event_new(w->base, -1, EV_PERSIST, on_beat, w);
    if (w->mail_event == NULL || w->tick_event == NULL || w->beat_event == NULL ||
        event_add(w->mail_event, NULL) != 0 || event_add(w->beat_event, &beat) != 0) {
        return -ENOMEM;
    }
    return 0;
}

static int set_up(struct worker *w, size_t n_listen)
{
    uint64_t seed = 0;
    int rc;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        return -EIO;
    }
    w->rng.state = seed | 1;
    note_turn(w);
    rc = add_listeners(w, n_listen);
    return rc != 0 ? rc : add_events(w);
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
    pipepool_init(&w->pipes, shared->pipes);
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
    acceptor_init(&w->acceptors[index], w, (uint8_t)index, fd);
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
    worker_use_table(w, NULL);
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
    free(w->counts);
    pipepool_fini(&w->pipes);
    if (w->beat_event != NULL) {
        event_free(w->beat_event);
    }
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
