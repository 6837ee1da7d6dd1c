#include "proxy/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/clientcap.h"
#include "proxy/connbudget.h"
#include "proxy/connlog.h"
#include "proxy/hello.h"
#include "proxy/linger.h"
#include "proxy/relay.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"
#include "route/registry.h"
#include "route/series.h"

static void on_client(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    switch (c->state) {
    case CONN_READING_HELLO:
        hello_on_readable(c);
        break;
    case CONN_DIALLING:
        upstream_on_client(c);
        break;
    case CONN_RELAYING:
        relay_on_event(c, &c->client, what);
        break;
    case CONN_LINGERING:
        linger_on_readable(c, &c->client);
        break;
    default:
        ASSERT(c->state != CONN_ENDED); /* its events are gone */
    }
}

static void on_server(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    switch (c->state) {
    case CONN_DIALLING:
        upstream_on_writable(c);
        break;
    case CONN_RELAYING:
        relay_on_event(c, &c->server, what);
        break;
    default:
        ASSERT(c->state == CONN_LINGERING);
        linger_on_readable(c, &c->server);
    }
}

int conn_open(struct worker *w, uint8_t listener, int fd, const struct netaddr *client)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        close(fd);
        return -ENOMEM;
    }
    c->worker = w;
    c->listener = listener;
    c->client.fd = fd;
    c->server.fd = -1;
    c->client_addr = *client;
    c->accepted_us = clock_now_us();
    c->state = CONN_READING_HELLO;
    c->phase = PHASES;
    conn_set_phase(c, PHASE_PEEK);
    LIST_INSERT_HEAD(&w->conns[c->state], c, link);
    if (w->shared->access_log) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof(sa);
        if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0) {
            netaddr_from_sockaddr(&c->local_addr, (struct sockaddr *)&sa);
        }
    }
    hello_start(c);
    return 0;
}

void conn_set_phase(struct conn *c, enum conn_phase phase)
{
    _Atomic uint64_t *active = worker_counts(c)->active;

    if (phase == c->phase) {
        return;
    }
    if (phase != PHASES) {
        stats_add(&active[phase], 1);
    }
    if (c->phase != PHASES) {
        stats_sub(&active[c->phase], 1);
    }
    c->phase = (uint8_t)phase;
}

void conn_set_state(struct conn *c, enum conn_state state)
{
    static const uint8_t phases[CONN_STATES] = {
        [CONN_READING_HELLO] = PHASE_PEEK,
        [CONN_DIALLING] = PHASE_CONNECT,
        [CONN_RELAYING] = PHASE_RELAY,
        [CONN_LINGERING] = PHASE_LINGER,
        [CONN_ENDED] = PHASES,
    };

    LIST_REMOVE(c, link);
    c->state = (uint8_t)state;
    LIST_INSERT_HEAD(&c->worker->conns[state], c, link);
    conn_set_phase(c, phases[state]);
}

void conn_set_deadline(struct conn *c, uint64_t due_ms)
{
    if (due_ms == UINT64_MAX) {
        timewheel_cancel(&c->worker->wheel, &c->timer);
    } else {
        timewheel_set(&c->worker->wheel, &c->timer, due_ms);
    }
}

void conn_on_deadline(struct conn *c)
{
    switch (c->state) {
    case CONN_READING_HELLO:
        hello_on_deadline(c);
        break;
    case CONN_DIALLING:
        upstream_on_deadline(c);
        break;
    case CONN_RELAYING:
        relay_on_deadline(c);
        break;
    case CONN_LINGERING:
        linger_on_deadline(c);
        break;
    default:
        ASSERT(c->state != CONN_ENDED); /* its deadline is gone */
    }
}

void conn_wait_for_nothing(struct side *s)
{
    if (s->waiting != 0) {
        (void)event_del(&s->event); /* fails for an event that was never added only */
        s->waiting = 0;
    }
}

int conn_wait(struct conn *c, struct side *s, short mask)
{
    if (s->waiting == mask) {
        return 0;
    }
    conn_wait_for_nothing(s);
    event_callback_fn callback = s == &c->client ? on_client : on_server;
    if (event_assign(&s->event, c->worker->base, s->fd, mask, callback, c) != 0 ||
        event_add(&s->event, NULL) != 0) {
        return -ENOMEM;
    }
    s->waiting = mask;
    return 0;
}

int conn_socket_error(int fd)
{
    struct pollfd p = {.fd = fd};
    int error = 0;
    socklen_t len = sizeof(error);

    /* SO_ERROR tells also what TCP goes on in spite of, an unreachable host for a while (RFC 1122
     * 4.2.3.9); that is no POLLERR. */
    if (poll(&p, 1, 0) <= 0 || (p.revents & POLLERR) == 0) {
        return 0;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

uint32_t conn_us_since(uint64_t then_us)
{
    uint64_t us = clock_now_us() - then_us;

    return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void conn_keep_facts(struct conn *c, const struct clienthello_info *info)
{
    struct conn_facts *f;

    if (!c->worker->shared->access_log) {
        return;
    }
    f = malloc(sizeof(*f) + info->name_len + info->alpn_len);
    if (f == NULL) {
        return; /* a thinner log line, not a lost connection */
    }
    memset(&f->dialled, 0, sizeof(f->dialled));
    f->name_len = info->name_len;
    f->alpn_len = info->alpn_len;
    f->versions = info->versions;
    memcpy(f->text, info->name, info->name_len);
    memcpy(f->text + info->name_len, info->alpn, info->alpn_len);
    c->facts = f;
}

/* Only now is it known whose the bytes of the hello are; they are counted once. */
static void count_on(struct conn *c, struct route_cells *cells, size_t received)
{
    c->cells = cells;
    stats_add(&cells->received_bytes, received);
}

void conn_set_route(struct conn *c, struct route_state *route, size_t received)
{
    struct worker *w = c->worker;
    void *cells = NULL;

    ASSERT(c->route == NULL && c->cells == NULL);
    c->route = route;
    registry_route_enter(route, w->index);
    if (w->shared->per_route_stats) {
        cells = series_cells(route->series, w->index, STATS_N_ROUTE_CELLS);
    }
    count_on(c, cells != NULL ? cells : &w->unrouted, received);
}

void conn_set_unrouted(struct conn *c, size_t received)
{
    if (c->cells == NULL) {
        count_on(c, &c->worker->unrouted, received);
    }
}

void conn_set_endpoint(struct conn *c, struct endpoint_state *endpoint)
{
    if (c->endpoint != NULL) {
        registry_endpoint_leave(c->endpoint, c->worker->index);
    }
    c->endpoint = endpoint;
    if (endpoint != NULL) {
        registry_endpoint_enter(endpoint, c->worker->index);
        if (c->facts != NULL) {
            c->facts->dialled = endpoint->addr;
        }
    }
}

void conn_note_progress(struct conn *c)
{
    c->progress_ms = clock_now_ms();
    c->queued = 0;
}

void conn_fail(struct conn *c, const struct side *s, int error)
{
    if (error != ECONNRESET && error != EPIPE) {
        conn_end(c, END_ERROR);
    } else if (s == &c->client) {
        conn_end(c, END_CLIENT_RESET);
    } else if (c->down.finished && !c->up.eof) {
        linger_start(c, &c->client, END_SERVER_RESET);
    } else {
        conn_end(c, END_SERVER_RESET);
    }
}

/*
 * What a peer must not mistake for an orderly end is passed on as a reset: the reset of the other,
 * and an end of ours with bytes for it in hand.  A client that was told of its server's FIN has
 * everything, and keeps what the kernel still delivers; a server that still works on an answer has
 * to know that nobody waits for it.
 */
static bool is_cut_off(const struct conn *c, const struct side *s)
{
    bool broken = c->end == END_ERROR && c->connected_ms != 0;

    if (s == &c->client) {
        return broken || c->down.held != NULL || (c->end == END_SERVER_RESET && !c->down.finished);
    }
    return broken || c->up.held != NULL || c->end == END_CLIENT_RESET;
}

void conn_close_side(struct conn *c, struct side *s)
{
    conn_wait_for_nothing(s);
    if (s->fd < 0) {
        return;
    }
    if (is_cut_off(c, s)) {
        const struct linger hard = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)); /* else it is a FIN */
    } else if (c->end == END_DRAIN && s == &c->client && !c->down.finished) {
        /*
         * Bytes of the client's that nobody has read would make this a reset without a FIN.  The
         * conntrack of a node that has sent the client here by NAT then goes on doing so for ten
         * seconds: a new connection of the client's from that port, which is free at once, ends at
         * a pod that is gone.  After a FIN it chooses anew (nf_conntrack_proto_tcp.c, "reopen").
         */
        (void)shutdown(s->fd, SHUT_WR);
    }
    close(s->fd);
    s->fd = -1;
}

static void count_end(struct conn *c, uint64_t now_us)
{
    conn_set_unrouted(c, c->hello_bytes);
    stats_add(&c->cells->closed[c->end], 1);
    histogram_observe(HISTOGRAM_CONNECTION_DURATION, c->cells->connection_duration,
                      now_us - c->accepted_us);
}

static void write_log(const struct conn *c, uint64_t now_us)
{
    bool said_nothing = c->hello_bytes == 0;

    if (c->worker->shared->access_log && (!said_nothing || log_enabled(LOG_DEBUG))) {
        connlog_write(c, now_us);
    }
}

void conn_end(struct conn *c, enum end_reason why)
{
    struct worker_shared *shared = c->worker->shared;
    uint64_t now_us = clock_now_us();

    ASSERT(c->state != CONN_ENDED);
    c->end = (uint8_t)why;
    conn_close_side(c, &c->client);
    conn_close_side(c, &c->server);
    conn_set_deadline(c, UINT64_MAX);
    count_end(c, now_us);
    write_log(c, now_us);
    hello_drop(c);
    relay_drop(c);
    conn_set_endpoint(c, NULL);
    if (c->route != NULL) {
        registry_route_leave(c->route, c->worker->index);
        c->route = NULL;
    }
    if (shared->clientcap != NULL) {
        clientcap_leave(shared->clientcap, &c->client_addr);
    }
    connbudget_leave(shared->budget, c->worker->index);
    conn_set_state(c, CONN_ENDED);
}

void conn_free(struct conn *c)
{
    ASSERT(c->state == CONN_ENDED);
    LIST_REMOVE(c, link);
    free(c->facts);
    free(c);
}
