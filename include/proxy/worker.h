/**
 * worker - one data-plane thread: its event base, listeners, connections, table.
 *
 * Shares nothing with other workers but atomics.  Other threads only publish tables to it and set
 * its commands.
 *
 * No cache line is written by two workers for a connection: this struct and its counters have their
 * lines for themselves (the asserts in worker.c), and of what all share each has its own lines in
 * the budget of connections (connbudget.h), in the states of routes and endpoints
 * (route/registry.h) and in the cells of a route (route/series.h).  A table is held once by a
 * worker, which counts by itself who waits with it.  The exception is a choice: with a cap per
 * client, a shard of clientcap.h.  Read are those of others: to choose between two endpoints is to
 * add up what each worker has on both.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/mailbox.h"
#include "proxy/conn.h"
#include "proxy/linelimit.h"
#include "proxy/pipepool.h"
#include "proxy/proxy.h"
#include "proxy/stats.h"
#include "proxy/timewheel.h"
#include "route/balance.h"

struct acceptor;
struct clientcap;
struct connbudget;
struct event_base;
struct logring;
struct table;

LIST_HEAD(conn_list, conn);

/** What workers can lack; one that a client brings about must not hide the others. */
enum worker_lack {
    LACK_CONNECTIONS, /* --max-connections is reached */
    LACK_PER_CLIENT,  /* --max-connections-per-client is */
    LACK_TO_ACCEPT,   /* descriptors or memory */
    LACK_TO_DIAL,     /* likewise, or a local port */
    LACKS
};

/** What all workers of a proxy share. */
struct worker_shared {
    struct proxy_policy policy;
    unsigned pipes; /* of each worker; 0: no splicing */
    bool access_log;
    bool per_route_stats;
    void (*on_adopted)(void *ctx); /* NULL: nobody wants to know */
    void *adopted_ctx;
    struct clientcap *clientcap;           /* NULL: no cap per client */
    struct connbudget *budget;             /* of connections, all workers */
    char padding[64];                      /* what follows is written now and then */
    _Atomic unsigned listening;            /* acceptors that listen, all workers */
    _Atomic uint64_t complained_ms[LACKS]; /* worker_may_complain(); 0: never yet */
};

/** A table taken over. */
struct adoption {
    _Atomic uint64_t generation;
    _Atomic uint64_t at_us;
};

struct worker {
    struct worker_shared *shared;
    struct event_base *base;
    struct event *mail_event;
    struct event *tick_event;
    struct event *beat_event;
    struct mailbox mailbox; /* tables */
    struct table *table;    /* routed by now; one reference; NULL before the first */
    uint32_t table_serial;  /* how often it was replaced */
    uint32_t table_holders; /* connections that hold it by that one reference */
    struct timewheel wheel;
    uint64_t tick_armed_ms; /* when tick_event will fire; UINT64_MAX: not armed */
    struct conn_list conns[CONN_STATES];
    struct pipepool pipes;
    struct acceptor *acceptors; /* one per listener */
    size_t n_acceptors;
    struct balance_rng rng;
    struct logring *log_ring;
    pthread_t thread;
    unsigned index;
    bool running;  /* the thread was started and not yet joined; main thread only */
    bool stopping; /* worker thread only */
    _Atomic unsigned commands;
    atomic_bool listening;         /* on every listener */
    _Atomic unsigned n_adopted;    /* tables taken over */
    struct adoption adoptions[2];  /* the n-th is at n % 2 */
    _Atomic uint64_t turned_ms;    /* see proxy_worker_turned_ms() */
    struct listener_stats *counts; /* one per listener */
    struct stats stats;
    uint64_t lines_told[END_REASONS];          /* of stats.lines_held_back */
    struct linelimit line_limits[END_REASONS]; /* connlog.c */
    struct linelimit dial_line_limit;          /* upstream.c */
    struct route_cells unrouted __attribute__((aligned(64)));
    uint8_t scratch[LIMIT_RELAY_BYTES]; /* every read lands here first */
};

/** Make a worker that is not running.  Returns NULL without memory or descriptors. */
MUST_CHECK struct worker *worker_new(struct worker_shared *shared, unsigned index, size_t n_listen);

/** Give it the bound, not yet listening socket of listener `index`; the descriptor is the worker's
 * now. */
void worker_set_listener(struct worker *w, size_t index, int fd);

/** Once every socket of the proxy is bound: keep their addresses from others (listen_hold()). */
void worker_hold_listeners(struct worker *w);

/** What is counted for the listener of `c`. */
static inline struct listener_stats *worker_counts(const struct conn *c)
{
    return &c->worker->counts[c->listener];
}

/** Generation of its table and when it was adopted, both of one moment; 0 and 0 before the first.
 * Thread: any. */
uint64_t worker_adopted(const struct worker *w, uint64_t *at_us_out);

/** Route by `t`, whose reference becomes the worker's, in place of the table before.  Thread: the
 * worker. */
void worker_use_table(struct worker *w, struct table *t);

/** A connection's hold of a table of its worker's. */
struct worker_hold {
    struct table *table; /* NULL: none */
    uint32_t serial;
};

/** Hold the table in force until worker_let_go(), also when another takes its place.  Writes
 * nothing that others look at.  Thread: the worker. */
struct worker_hold worker_hold_table(struct worker *w);

/** The end of that.  None is fine. */
void worker_let_go(struct worker *w, struct worker_hold hold);

/** Start its thread.  Returns 0 or -errno. */
MUST_CHECK int worker_start(struct worker *w);

/** Give it a table with a reference of its own; the displaced one's is given back.  Thread: the
 * publisher. */
void worker_publish(struct worker *w, struct table *t);

/** Accept what is queued, then close the listeners.  Thread: any. */
void worker_stop_accepting(struct worker *w);

/** Whether a line about a lack may be logged now: one a second for each, of all workers. */
bool worker_may_complain(struct worker *w, enum worker_lack lack);

/** End everything with reason `drain` and leave the loop.  Thread: any. */
void worker_stop(struct worker *w);

/** Wait for the thread's end and give back its tables.  Thread: main. */
void worker_join(struct worker *w);

/** Free a worker that does not run.  NULL is ignored. */
void worker_free(struct worker *w);

#endif
