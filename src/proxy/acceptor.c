#include "proxy/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/netaddr.h"
#include "proxy/clientcap.h"
#include "proxy/conn.h"
#include "proxy/connbudget.h"
#include "proxy/connlog.h"
#include "proxy/listen.h"
#include "proxy/worker.h"

#define PAUSE_US     100000 /* without descriptors, or after an unknown failure */
#define STOP_ACCEPTS 8192   /* before closing; more than a queue can hold, so only a flood is cut */

/* Longer than nearly every round trip, and shorter than the second after which a client repeats a
 * SYN that was not answered: then it is refused at once. */
#define STOP_US 750000

static struct listener_stats *counts(const struct acceptor *a)
{
    return &a->worker->counts[a->listener];
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void complain(struct acceptor *a, const char *what, int error)
{
    if (worker_may_complain(a->worker, LACK_TO_ACCEPT)) {
        log_warn("%s: %s; accepting again in a moment", what, strerror(error));
    }
}

static void pause_accepting(struct acceptor *a)
{
    const struct timeval delay = {.tv_usec = PAUSE_US};

    if (event_add(a->resume, &delay) == 0) {
        (void)event_del(a->event); /* fails for an event that was never added only */
    }
}

/* Tell one waiting client that there is no room, with the descriptor kept for that. */
static void refuse_one(struct acceptor *a)
{
    int fd;

    if (a->reserve_fd < 0) {
        return;
    }
    close(a->reserve_fd);
    fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        stats_add(&counts(a)->refused[REFUSED_DESCRIPTORS], 1);
    }
    a->reserve_fd = open_reserve();
}

struct cap {
    const char *option;
    enum refused_reason reason;
    enum worker_lack lack;
};

/* Count a connection against the caps.  Returns the one that has no room for it, or NULL. */
static const struct cap *exceeded_cap(struct acceptor *a, const struct netaddr *client)
{
    static const struct cap all = {"--max-connections", REFUSED_MAX_CONNECTIONS, LACK_CONNECTIONS};
    static const struct cap of_client = {"--max-connections-per-client", REFUSED_PER_CLIENT,
                                         LACK_PER_CLIENT};
    const struct cap *cap;
    struct worker_shared *shared = a->worker->shared;

    if (!connbudget_enter(shared->budget, a->worker->index)) {
        cap = &all;
    } else if (shared->clientcap != NULL && !clientcap_enter(shared->clientcap, client)) {
        connbudget_leave(shared->budget, a->worker->index);
        cap = &of_client;
    } else {
        return NULL;
    }
    stats_add(&counts(a)->refused[cap->reason], 1);
    return cap;
}

/* A connection that ends before it begins is one of those that never had a route. */
static void count_end(struct worker *w, enum end_reason why)
{
    stats_add(&w->unrouted.closed[why], 1);
    histogram_observe(HISTOGRAM_CONNECTION_DURATION, w->unrouted.connection_duration, 0);
}

/* A connection over a cap ends before it begins; it leaves its line and its count all the same. */
static void refuse(struct acceptor *a, int fd, const struct netaddr *client, const struct cap *cap)
{
    const struct conn refused = {.worker = a->worker,
                                 .client_addr = *client,
                                 .accepted_us = clock_now_us(),
                                 .listener = a->listener,
                                 .end = END_LIMIT};

    close(fd);
    count_end(a->worker, END_LIMIT);
    if (a->worker->shared->access_log) {
        connlog_write(&refused, refused.accepted_us);
    }
    if (worker_may_complain(a->worker, cap->lack)) {
        log_warn("connections are refused: %s is reached; raise it, or see who opens them",
                 cap->option);
    }
}

static void take(struct acceptor *a, int fd, const struct netaddr *client)
{
    struct worker *w = a->worker;
    const struct cap *cap = exceeded_cap(a, client);

    stats_add(&counts(a)->accepted, 1);
    if (cap != NULL) {
        refuse(a, fd, client, cap);
        return;
    }
    if (conn_open(w, a->listener, fd, client) != 0) {
        stats_add(&counts(a)->refused[REFUSED_DESCRIPTORS], 1);
        count_end(w, END_ERROR);
        if (w->shared->clientcap != NULL) {
            clientcap_leave(w->shared->clientcap, client);
        }
        connbudget_leave(w->shared->budget, w->index);
        if (worker_may_complain(w, LACK_TO_ACCEPT)) {
            log_warn("connections are refused: out of memory");
        }
    }
}

/* Returns whether there may be more to accept now. */
static bool accept_failed(struct acceptor *a, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EINTR: /* and what accept(2) says a pending connection may report about itself: */
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        refuse_one(a);
        complain(a, "cannot accept a connection for lack of descriptors or memory", error);
        break;
    default:
        complain(a, "cannot accept a connection", error);
    }
    stats_add(&a->worker->stats.accept_errors, 1);
    pause_accepting(a);
    return false;
}

/* Returns whether there may be more to accept now. */
static bool accept_one(struct acceptor *a)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct netaddr client;
    int fd = accept4(a->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        return accept_failed(a, errno);
    }
    netaddr_from_sockaddr(&client, (struct sockaddr *)&sa);
    take(a, fd, &client);
    return true;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    struct acceptor *a = arg;

    (void)fd;
    (void)what;
    for (unsigned i = 0; i < LIMIT_ACCEPT_BATCH; i++) {
        if (!accept_one(a)) {
            return;
        }
    }
}

/* Accept all that is queued, or what can be accepted. */
static void empty_queue(struct acceptor *a)
{
    for (unsigned i = 0; i < STOP_ACCEPTS && accept_one(a); i++) {
    }
}

static void on_finish(evutil_socket_t fd, short what, void *arg)
{
    struct acceptor *a = arg;

    (void)fd;
    (void)what;
    empty_queue(a);
    acceptor_fini(a);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct acceptor *a = arg;

    (void)fd;
    (void)what;
    if (a->reserve_fd < 0) {
        a->reserve_fd = open_reserve();
    }
    if (event_add(a->event, NULL) != 0) {
        pause_accepting(a);
    }
}

void acceptor_init(struct acceptor *a, struct worker *w, uint8_t listener, int fd)
{
    *a = (struct acceptor){.worker = w, .listener = listener, .fd = fd, .reserve_fd = -1};
}

int acceptor_listen(struct acceptor *a)
{
    int rc;

    if (a->fd < 0) {
        return 0;
    }
    a->reserve_fd = open_reserve();
    a->event = event_new(a->worker->base, a->fd, EV_READ | EV_PERSIST, on_acceptable, a);
    a->resume = event_new(a->worker->base, -1, 0, on_resume, a);
    a->finish = event_new(a->worker->base, -1, 0, on_finish, a);
    if (a->event == NULL || a->resume == NULL || a->finish == NULL ||
        event_add(a->event, NULL) != 0) {
        rc = -ENOMEM;
        goto fail;
    }
    rc = listen_start(a->fd);
    if (rc != 0) {
        goto fail;
    }
    a->listening = true;
    atomic_fetch_add_explicit(&a->worker->shared->listening, 1, memory_order_relaxed);
    return 0;
fail:
    acceptor_fini(a); /* a socket that does not listen would only report that for ever */
    return rc;
}

void acceptor_stop(struct acceptor *a)
{
    const struct timeval delay = {.tv_usec = STOP_US};

    if (a->stopping) {
        return;
    }
    a->stopping = true;
    if (!a->listening) {
        acceptor_fini(a);
        return;
    }
    listen_end_handshakes(a->fd);
    /* libevent counts from when it woke up: a stall since then would shorten the wait. */
    (void)event_base_update_cache_time(a->worker->base);
    if (event_add(a->finish, &delay) != 0) {
        empty_queue(a);
        acceptor_fini(a);
    }
}

void acceptor_fini(struct acceptor *a)
{
    if (a->event != NULL) {
        event_free(a->event);
        a->event = NULL;
    }
    if (a->resume != NULL) {
        event_free(a->resume);
        a->resume = NULL;
    }
    if (a->finish != NULL) {
        event_free(a->finish);
        a->finish = NULL;
    }
    if (a->listening) {
        /* Who sees it closed sees everything it accepted among the open ones. */
        atomic_fetch_sub_explicit(&a->worker->shared->listening, 1, memory_order_release);
        a->listening = false;
    }
    if (a->fd >= 0) {
        close(a->fd);
        a->fd = -1;
    }
    if (a->reserve_fd >= 0) {
        close(a->reserve_fd);
        a->reserve_fd = -1;
    }
}
