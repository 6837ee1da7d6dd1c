#include "proxy/upstream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/conn.h"
#include "proxy/hello.h"
#include "proxy/refuse.h"
#include "proxy/relay.h"
#include "proxy/worker.h"
#include "route/balance.h"
#include "route/registry.h"
#include "route/table.h"

static const struct proxy_policy *policy_of(const struct conn *c)
{
    return &c->worker->shared->policy;
}

/* A failure that says something about us, not about the endpoint. */
static bool is_local_failure(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EADDRNOTAVAIL || error == EAGAIN;
}

/* A socket that is connecting to `addr`.  Returns it, or -errno. */
static int open_socket(const struct netaddr *addr)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(addr, &sa);
    const int on = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only costs latency */
    if (connect(fd, (struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static enum dial_result result_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return DIAL_REFUSED;
    case ETIMEDOUT:
        return DIAL_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
        return DIAL_UNREACHABLE;
    case EADDRNOTAVAIL:
        return DIAL_NO_PORT;
    default:
        return DIAL_ERROR;
    }
}

static void log_failure(const struct conn *c, const struct hello *h, int error)
{
    struct log_line l;

    log_line_begin(&l, LOG_WARN, "cannot connect to an endpoint");
    log_line_addr(&l, "endpoint", endpoint_addr(h->endpoint));
    log_line_str(&l, "namespace", c->route->ns);
    log_line_str(&l, "service", c->route->service);
    log_line_str(&l, "error", strerror(error));
    log_line_send(&l);
}

/* An endpoint is told once each time it begins to fail: not again while it is passed over.  One
 * that keeps coming and going is told in the count of ejections. */
static void judge(struct conn *c, struct hello *h, int error)
{
    struct worker *w = c->worker;
    bool fresh;

    if (is_local_failure(error)) {
        fresh = log_enabled(LOG_WARN) && !balance_is_skipped(h->endpoint, clock_now_ms()) &&
                worker_may_complain(w, LACK_TO_DIAL);
    } else {
        fresh = balance_mark_failed(h->endpoint, &w->rng, clock_now_ms());
        stats_add(&c->cells->ejections, fresh ? 1 : 0);
    }
    if (fresh && log_enabled(LOG_WARN) && linelimit_take(&w->dial_line_limit, clock_now_us())) {
        log_failure(c, h, error);
    }
}

/* The endpoint being dialled did not take the connection. */
static void dial_failed(struct conn *c, struct hello *h, int error)
{
    conn_wait_for_nothing(&c->server);
    if (c->server.fd >= 0) {
        close(c->server.fd);
        c->server.fd = -1;
    }
    conn_set_endpoint(c, NULL);
    stats_add(&c->cells->dials[result_of(error)], 1);
    judge(c, h, error);
}

static void dial_succeeded(struct conn *c, struct hello *h, size_t sent)
{
    balance_mark_ok(h->endpoint);
    c->connect_us = conn_us_since(h->dial_started_us);
    stats_add(&c->cells->dials[DIAL_OK], 1);
    histogram_observe(HISTOGRAM_CONNECT_DURATION, c->cells->connect_duration, c->connect_us);
    c->connected_ms = clock_now_ms();
    c->up.bytes = sent;
    relay_start(c, h->bytes + sent, h->len - sent);
    hello_drop(c);
}

/* Nothing was said yet: keep the hello and the table, and wait for the socket.  Returns 0 or
 * -errno. */
static int wait_for_server(struct conn *c, struct hello *h)
{
    int rc;

    h = hello_keep(c, h);
    if (h == NULL) {
        return -ENOMEM;
    }
    if (h->held.table == NULL) {
        h->held = worker_hold_table(c->worker);
    }
    if (c->server.waiting == 0) { /* else it was woken in vain, which must not prolong the wait */
        conn_set_deadline(c, clock_now_ms() + policy_of(c)->connect_timeout_ms);
    }
    rc = conn_wait(c, &c->server, EV_WRITE | EV_PERSIST);
    /* A client that says nothing before the server has answered costs no further registration. */
    return rc != 0 || c->client.waiting != 0 ? rc : conn_wait(c, &c->client, EV_READ | EV_PERSIST);
}

/*
 * Send the hello to the socket that is connecting, which tells its error, too.  Returns 0 when that
 * is settled: sent, waiting, or ended for lack of memory; -errno when the endpoint failed and
 * another may be tried.
 */
static int deliver(struct conn *c, struct hello *h)
{
    ssize_t n;

    do {
        n = send(c->server.fd, h->bytes, h->len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        dial_succeeded(c, h, (size_t)n);
        return 0;
    }
    if (errno != EAGAIN) {
        return -errno;
    }
    if (wait_for_server(c, h) != 0) {
        conn_end(c, END_ERROR);
    }
    return 0;
}

static int dial(struct conn *c, struct hello *h)
{
    int fd;

    /* First, so that one that fails at once is named. */
    conn_set_endpoint(c, endpoint_state(h->endpoint));
    fd = open_socket(endpoint_addr(h->endpoint));
    if (fd < 0) {
        return fd;
    }
    c->server.fd = fd;
    return deliver(c, h);
}

static void give_up(struct conn *c, struct hello *h)
{
    if (c->dials == 0) {
        stats_add(&c->cells->denied[DENIED_NO_ENDPOINTS], 1);
    }
    refuse_start(c, h,
                 (struct refusal){
                     .how = policy_of(c)->on_no_endpoint,
                     .alert = ALERT_INTERNAL_ERROR,
                     .why = c->dials == 0 ? END_NO_ENDPOINT : END_CONNECT_FAILED,
                 });
}

/* Before the first dial waits, the table is the worker's. */
static const struct pool *pool_of(const struct conn *c, const struct hello *h)
{
    return table_pool(h->held.table != NULL ? h->held.table : c->worker->table, h->route);
}

/* Dial endpoints until one is settled or none is left; bounded by --connect-retries. */
static void dial_next(struct conn *c, struct hello *h)
{
    struct worker *w = c->worker;

    while (c->dials <= policy_of(c)->connect_retries) {
        int rc;
        h->endpoint = balance_pick(pool_of(c, h), &h->tried, &w->rng, clock_now_ms());
        if (h->endpoint == NULL) {
            break;
        }
        if (c->dials++ != 0) {
            stats_add(&c->cells->retries, 1);
        }
        rc = dial(c, h);
        if (rc == 0) {
            return;
        }
        dial_failed(c, h, -rc);
    }
    give_up(c, h);
}

void upstream_start(struct conn *c, struct hello *h)
{
    conn_set_state(c, CONN_DIALLING);
    h->dial_started_us = clock_now_us();
    dial_next(c, h);
}

void upstream_on_writable(struct conn *c)
{
    int rc = deliver(c, c->hello);

    if (rc != 0) {
        dial_failed(c, c->hello, -rc);
        dial_next(c, c->hello);
    }
}

void upstream_on_client(struct conn *c)
{
    int error = conn_socket_error(c->client.fd);

    if (error != 0) {
        conn_fail(c, &c->client, error);
    } else if (conn_wait(c, &c->client, CONN_WATCH) != 0) {
        conn_end(c, END_ERROR);
    }
}

void upstream_on_deadline(struct conn *c)
{
    int rc = deliver(c, c->hello);

    if (rc == 0 && c->state == CONN_DIALLING) {
        rc = -ETIMEDOUT;
    }
    if (rc != 0) {
        dial_failed(c, c->hello, -rc);
        dial_next(c, c->hello);
    }
}
