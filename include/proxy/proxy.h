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
    bool access_log;
    /** A ring for one worker's log lines, or NULL; called at start, once per worker.  May be NULL
     * itself. */
    struct logring *(*new_log_ring)(void *ctx);
    void *log_ctx;
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

/** Connections open now, in any state.  Thread: any. */
uint64_t proxy_active(const struct proxy *p);

/** Sum of all workers' counters.  Thread: any; each counter is exact, their sum is not a snapshot.
 */
void proxy_stats(const struct proxy *p, struct stats_snapshot *out);

/** Accept what is queued, then close every listener.  Connections go on.  Returns at once. */
void proxy_stop_accepting(struct proxy *p);

/** Close what is left with reason `drain`, end and join the workers, drop their tables. */
void proxy_stop(struct proxy *p);

/** Free all.  Stopped, or never started.  NULL is ignored. */
void proxy_free(struct proxy *p);

#endif
