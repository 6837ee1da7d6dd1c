#include "fakes/mass_backend.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes/scripted_peer.h"

#define EVENTS      256
#define MAX_FDS     65536 /* descriptors above are not accepted */
#define FLOOD_BYTES 65536

struct mass_backend {
    pthread_t thread;
    enum mass_kind kind;
    struct netaddr addr;
    int listener, epoll, wake;
    _Atomic bool stop, hang_up;
    _Atomic uint64_t accepted, open;
    bool is_open[MAX_FDS];
};

static const char flood[FLOOD_BYTES];

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static uint32_t events_of(enum mass_kind kind)
{
    switch (kind) {
    case MASS_ECHO:
        return EPOLLIN;
    case MASS_HOLD:
        return EPOLLRDHUP;
    case MASS_FLOOD:
        return EPOLLOUT;
    case MASS_SILENT:
        break;
    }
    return 0; /* errors are always told */
}

static void watch(struct mass_backend *b, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = {.fd = fd}};

    check(epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void drop(struct mass_backend *b, int fd)
{
    close(fd);
    b->is_open[fd] = false;
    atomic_fetch_sub(&b->open, 1);
}

static void accept_all(struct mass_backend *b)
{
    int fd;

    while ((fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        check(fd < MAX_FDS, "too many descriptors");
        b->is_open[fd] = true;
        atomic_fetch_add(&b->accepted, 1);
        atomic_fetch_add(&b->open, 1);
        watch(b, fd, events_of(b->kind));
    }
}

static void echo(struct mass_backend *b, int fd)
{
    char bytes[16384];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

    if (n > 0) {
        (void)send(fd, bytes, (size_t)n, MSG_NOSIGNAL); /* what is not taken is no longer awaited */
    } else if (n == 0 || errno != EAGAIN) {
        drop(b, fd);
    }
}

static void serve_client(struct mass_backend *b, int fd, uint32_t events)
{
    if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
        drop(b, fd);
    } else if (b->kind == MASS_ECHO) {
        echo(b, fd);
    } else if (b->kind == MASS_FLOOD) {
        (void)send(fd, flood, sizeof(flood), MSG_NOSIGNAL); /* an error is told by epoll */
    }
}

static void end_output(struct mass_backend *b)
{
    for (int fd = 0; fd < MAX_FDS; fd++) {
        if (b->is_open[fd]) {
            (void)shutdown(fd, SHUT_WR); /* fails for one that was reset */
        }
    }
}

static void on_wake(struct mass_backend *b)
{
    uint64_t n;

    check(read(b->wake, &n, sizeof(n)) == (ssize_t)sizeof(n), "eventfd");
    if (atomic_load(&b->hang_up)) {
        end_output(b);
    }
}

static void *serve(void *arg)
{
    struct mass_backend *b = arg;
    struct epoll_event events[EVENTS];

    while (!atomic_load(&b->stop)) {
        int n = epoll_wait(b->epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == b->wake) {
                on_wake(b);
            } else if (fd == b->listener) {
                accept_all(b);
            } else if (b->is_open[fd]) {
                serve_client(b, fd, events[i].events);
            }
        }
    }
    return NULL;
}

struct mass_backend *mass_backend_start(const char *ip, enum mass_kind kind)
{
    struct mass_backend *b = calloc(1, sizeof(*b));

    check(b != NULL, "calloc");
    b->kind = kind;
    b->listener = peer_listen(ip, SOMAXCONN, NULL, &b->addr);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    b->wake = eventfd(0, EFD_CLOEXEC);
    check(b->epoll >= 0 && b->wake >= 0, "epoll_create1");
    watch(b, b->listener, EPOLLIN);
    watch(b, b->wake, EPOLLIN);
    check(pthread_create(&b->thread, NULL, serve, b) == 0, "pthread_create");
    return b;
}

struct netaddr mass_backend_addr(const struct mass_backend *b)
{
    return b->addr;
}

uint64_t mass_backend_accepted(const struct mass_backend *b)
{
    return atomic_load(&b->accepted);
}

uint64_t mass_backend_open(const struct mass_backend *b)
{
    return atomic_load(&b->open);
}

static void wake(struct mass_backend *b)
{
    const uint64_t one = 1;

    check(write(b->wake, &one, sizeof(one)) == (ssize_t)sizeof(one), "eventfd");
}

void mass_backend_hang_up(struct mass_backend *b)
{
    atomic_store(&b->hang_up, true);
    wake(b);
}

void mass_backend_stop(struct mass_backend *b)
{
    if (b == NULL) {
        return;
    }
    atomic_store(&b->stop, true);
    wake(b);
    pthread_join(b->thread, NULL);
    for (int fd = 0; fd < MAX_FDS; fd++) {
        if (b->is_open[fd]) {
            close(fd);
        }
    }
    close(b->listener);
    close(b->epoll);
    close(b->wake);
    free(b);
}
