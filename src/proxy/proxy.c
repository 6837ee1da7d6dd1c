#include "proxy/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/clientcap.h"
#include "proxy/connbudget.h"
#include "proxy/listen.h"
#include "proxy/worker.h"
#include "route/table.h"

struct proxy {
    struct worker_shared shared;
    struct netaddr *listen; /* as bound */
    size_t n_listen;
    struct worker **workers;
    unsigned n_workers;
};

/* Bind listener `index` for every worker; the first socket is that of the first worker. */
static int bind_listener(struct proxy *p, size_t index, struct err *e)
{
    int rc = listen_probe(&p->listen[index], e);

    for (unsigned i = 0; rc == 0 && i < p->n_workers; i++) {
        int fd = listen_bind(&p->listen[index], e);
        if (fd < 0) {
            rc = fd;
        } else {
            worker_set_listener(p->workers[i], index, fd);
        }
    }
    return rc;
}

static int add_workers(struct proxy *p, const struct proxy_config *cfg)
{
    p->workers = calloc(cfg->workers, sizeof(struct worker *));
    if (p->workers == NULL) {
        return -ENOMEM;
    }
    while (p->n_workers < cfg->workers) {
        struct worker *w = worker_new(&p->shared, p->n_workers, cfg->n_listen);
        if (w == NULL) {
            return -ENOMEM;
        }
        if (cfg->new_log_ring != NULL) {
            w->log_ring = cfg->new_log_ring(cfg->log_ctx);
        }
        p->workers[p->n_workers++] = w;
    }
    return 0;
}

static int set_up(struct proxy *p, const struct proxy_config *cfg, struct err *e)
{
    p->shared.policy = cfg->policy;
    p->shared.pipes = cfg->pipes;
    p->shared.access_log = cfg->access_log;
    p->shared.per_route_stats = cfg->per_route_stats;
    p->shared.on_adopted = cfg->on_adopted;
    p->shared.adopted_ctx = cfg->adopted_ctx;
    if (cfg->max_connections_per_client != 0) {
        p->shared.clientcap = clientcap_new(cfg->max_connections_per_client);
    }
    p->shared.budget = connbudget_new(cfg->max_connections, cfg->workers);
    p->listen = calloc(cfg->n_listen, sizeof(*p->listen));
    if (p->shared.budget == NULL || p->listen == NULL || add_workers(p, cfg) != 0 ||
        (cfg->max_connections_per_client != 0 && p->shared.clientcap == NULL)) {
        err_set(e, "cannot set up %u workers: out of memory or descriptors", cfg->workers);
        return -ENOMEM;
    }
    memcpy(p->listen, cfg->listen, cfg->n_listen * sizeof(*p->listen));
    p->n_listen = cfg->n_listen;
    for (size_t i = 0; i < p->n_listen; i++) {
        int rc = bind_listener(p, i, e);
        if (rc != 0) {
            return rc;
        }
    }
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker_hold_listeners(p->workers[i]);
    }
    return 0;
}

struct proxy *proxy_new(const struct proxy_config *cfg, struct err *e)
{
    struct proxy *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    if (set_up(p, cfg, e) != 0) {
        proxy_free(p);
        return NULL;
    }
    return p;
}

struct netaddr proxy_listen_addr(const struct proxy *p, size_t index)
{
    return p->listen[index];
}

int proxy_start(struct proxy *p, struct err *e)
{
    for (unsigned i = 0; i < p->n_workers; i++) {
        int rc = worker_start(p->workers[i]);
        if (rc != 0) {
            err_set(e, "cannot start worker %u: %s", i, strerror(-rc));
            proxy_stop(p); /* those before it */
            return rc;
        }
    }
    return 0;
}

void proxy_publish(struct proxy *p, struct table *t)
{
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker_publish(p->workers[i], table_ref(t));
    }
}

uint64_t proxy_adopted(const struct proxy *p, unsigned worker, uint64_t *at_us_out)
{
    return worker_adopted(p->workers[worker], at_us_out);
}

uint64_t proxy_adopted_generation(const struct proxy *p, unsigned worker)
{
    uint64_t at_us;

    return proxy_adopted(p, worker, &at_us);
}

bool proxy_worker_listens(const struct proxy *p, unsigned worker)
{
    return atomic_load_explicit(&p->workers[worker]->listening, memory_order_acquire);
}

uint64_t proxy_worker_turned_ms(const struct proxy *p, unsigned worker)
{
    return atomic_load_explicit(&p->workers[worker]->turned_ms, memory_order_relaxed);
}

unsigned proxy_workers(const struct proxy *p)
{
    return p->n_workers;
}

uint32_t proxy_max_connections(const struct proxy *p)
{
    return connbudget_max(p->shared.budget);
}

uint64_t proxy_active(const struct proxy *p)
{
    return connbudget_open(p->shared.budget);
}

bool proxy_is_listening(const struct proxy *p)
{
    return atomic_load_explicit(&p->shared.listening, memory_order_acquire) != 0;
}

size_t proxy_listeners(const struct proxy *p)
{
    return p->n_listen;
}

void proxy_listener_stats(const struct proxy *p, size_t index, struct listener_totals *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < p->n_workers; i++) {
        stats_sum_listener(out, &p->workers[i]->counts[index]);
    }
}

void proxy_unrouted(const struct proxy *p, struct route_totals *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < p->n_workers; i++) {
        stats_sum_route(out, &p->workers[i]->unrouted);
    }
}

void proxy_stats(const struct proxy *p, struct stats_totals *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < p->n_workers; i++) {
        stats_sum(out, &p->workers[i]->stats);
    }
}

void proxy_stop_accepting(struct proxy *p)
{
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker_stop_accepting(p->workers[i]);
    }
}

void proxy_stop(struct proxy *p)
{
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker_stop(p->workers[i]);
    }
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker_join(p->workers[i]);
    }
}

void proxy_free(struct proxy *p)
{
    if (p == NULL) {
        return;
    }
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker_free(p->workers[i]);
    }
    clientcap_free(p->shared.clientcap);
    connbudget_free(p->shared.budget);
    free(p->workers);
    free(p->listen);
    free(p);
}
