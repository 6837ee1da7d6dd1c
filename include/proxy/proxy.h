/**
 * proxy - the data plane: accepts TLS connections, reads the server name, relays to an endpoint.
 *
 * Owns the workers.  Gets tables by proxy_publish() and knows nothing of where they come from.
 * Everything here is called from the main thread unless said otherwise.
 */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/netaddr.h"
#include "proxy/stats.h"

struct proxy;
struct table;
struct logring;

/** What a client gets that cannot be routed. */
enum proxy_answer {
    PROXY_ANSWER_ALERT,   /* a fatal TLS alert, then a lingering close */
    PROXY_ANSWER_CLOSE,   /* FIN */
    PROXY_ANSWER_RESET,   /* RST */
    PROXY_ANSWER_HTTP400, /* a short 400 to what looks like HTTP, FIN to others */
};

/** The settings of a listener; its own struct so that another kind of listener can differ. */
struct proxy_policy {
    enum proxy_answer on_unknown_name, on_no_name, on_not_tls, on_no_endpoint;
    uint32_t hello_timeout_ms;
    uint32_t hello_max_bytes;
    uint32_t connect_timeout_ms;
    uint32_t connect_retries;
    uint64_t idle_timeout_ms; /* 0: off */
    uint32_t half_close_timeout_ms;
    bool half_close; /* false: the first FIN ends both directions */
};

struct proxy_config {
    const struct netaddr *listen; /* port 0 takes a free one */
    size_t n_listen;
    unsigned workers;
    struct proxy_policy policy;
    uint32_t max_connections;            /* per process */
    uint32_t max_connections_per_client; /* 0: off */
    unsigned pipes;                      /* of each worker, for splicing; 0: off */
    bool access_log;
    /** A ring for one worker's log lines, or NULL; called at start, once per worker.  May be NULL
     * itself. */
    struct logring *(*new_log_ring)(void *ctx);
    void *log_ctx;
    /** Called on a worker's thread after it has adopted a table.  May be NULL. */
    void (*on_adopted)(void *ctx);
    void *adopted_ctx;
    /** Count by route in the cells of the table's registry, which has one writer for each worker
     * and STATS_N_ROUTE_CELLS cells; false: only proxy_unrouted(). */
    bool per_route_stats;
};

/**
 * Bind every listener, once without SO_REUSEPORT to prove the address free, then once per worker.
 * Nothing listens yet. Returns NULL with `e` filled, naming the address and the mend.
 */
MUST_CHECK struct proxy *proxy_new(const struct proxy_config *cfg, struct err *e);

/** The bound address of listener `index`, its port filled in. */
struct netaddr proxy_listen_addr(const struct proxy *p, size_t index);

/** Start the workers.  They listen once they have adopted a table.  Returns 0, or -errno with `e`
 * filled and none of them running. */
MUST_CHECK int proxy_start(struct proxy *p, struct err *e);

/**
 * Hand a table to every worker; takes one more reference per worker and leaves the caller's alone.
 * A worker that has not looked yet gets only the newest.  Thread: one, the controller's.
 */
void proxy_publish(struct proxy *p, struct table *t);

/** Generation of the table a worker routes by; 0 before the first.  Thread: any. */
uint64_t proxy_adopted_generation(const struct proxy *p, unsigned worker);

unsigned proxy_workers(const struct proxy *p);

/** How many connections may be open at once.  Thread: any. */
uint32_t proxy_max_connections(const struct proxy *p);

/** Connections open now, in any state.  Thread: any. */
uint64_t proxy_active(const struct proxy *p);

/**
 * When the table of proxy_adopted_generation() was adopted, both as of one moment: the generation
 * is returned (0: none yet, *at_us_out is then 0), the time is clock_now_us().  Thread: any.
 */
uint64_t proxy_adopted(const struct proxy *p, unsigned worker, uint64_t *at_us_out);

/** Whether a worker has adopted its first table and listens on every listener; stays true after
 * proxy_stop_accepting().  False for one that tried and failed.  Thread: any. */
bool proxy_worker_listens(const struct proxy *p, unsigned worker);

/** clock_now_ms() when a worker's loop last turned: not more than a second or so ago while it
 * lives. Thread: any. */
uint64_t proxy_worker_turned_ms(const struct proxy *p, unsigned worker);

size_t proxy_listeners(const struct proxy *p);

/** What listener `index` counted, over all workers.  Thread: any; each cell is exact, all together
 * no snapshot. */
void proxy_listener_stats(const struct proxy *p, size_t index, struct listener_totals *out);

/**
 * What connections counted that have no route, over all workers: those that never got one, and
 * with per_route_stats off, or without memory for a route's cells, all others too.  The routes'
 * own are in the registry: registry_series_snapshot(), whose cells are a struct route_totals.
 * Thread: as proxy_listener_stats().
 */
void proxy_unrouted(const struct proxy *p, struct route_totals *out);

/** Whether any listener is open still: they close a while after proxy_stop_accepting().  Behind a
 * false, proxy_active() has all that were accepted.  Thread: any. */
bool proxy_is_listening(const struct proxy *p);

/** Sum of all workers' counters.  Thread: any; each counter is exact, their sum is not a snapshot.
 */
void proxy_stats(const struct proxy *p, struct stats_totals *out);

/** Accept what is queued or under way, then close every listener.  Connections go on.  Returns at
 * once. */
void proxy_stop_accepting(struct proxy *p);

/** Close what is left with reason `drain`, end and join the workers, drop their tables. */
void proxy_stop(struct proxy *p);

/** Free all.  Stopped, or never started.  NULL is ignored. */
void proxy_free(struct proxy *p);

#endif
