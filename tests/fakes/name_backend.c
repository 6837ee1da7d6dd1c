#include "fakes/name_backend.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "fakes/scripted_peer.h"

#define INPUT_MAX ((size_t)1024 * 1024)
#define EVENTS    64

/* One client; all of them are on a list, so that stopping frees them. */
struct client {
    int fd;
    struct buf input;
    LIST_ENTRY(client) link;
};

LIST_HEAD(client_list, client);

struct name_backend {
    pthread_t thread;
    struct netaddr addr;
    char name[64];
    int listener, epoll, stop;
    struct client_list clients;
    _Atomic uint64_t answered;
    pthread_mutex_t lock; /* of last_input */
    struct buf last_input;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static void watch(struct name_backend *b, int fd, void *ptr)
{
    struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = ptr}};

    if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
        die("epoll_ctl");
    }
}

static void client_open(struct name_backend *b, int fd)
{
    struct client *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        die("calloc");
    }
    c->fd = fd;
    buf_init(&c->input, INPUT_MAX);
    LIST_INSERT_HEAD(&b->clients, c, link);
    watch(b, fd, c);
}

static void client_close(struct client *c)
{
    LIST_REMOVE(c, link);
    close(c->fd);
    buf_fini(&c->input);
    free(c);
}

static void accept_all(struct name_backend *b)
{
    int fd;

    while ((fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        client_open(b, fd);
    }
}

/* The answer is small and the socket new, so one send takes it. */
static void answer(struct name_backend *b, struct client *c)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "%s %zu\n", b->name, c->input.len);
    struct buf old;

    pthread_mutex_lock(&b->lock);
    old = b->last_input;
    b->last_input = c->input;
    c->input = old;
    pthread_mutex_unlock(&b->lock);
    atomic_fetch_add(&b->answered, 1);
    (void)send(c->fd, text, (size_t)len, MSG_NOSIGNAL); /* a client that left needs no answer */
}

static void client_read(struct name_backend *b, struct client *c)
{
    uint8_t bytes[16384];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n > 0 && buf_append(&c->input, bytes, (size_t)n) == 0) {
        return;
    }
    if (n == 0) {
        answer(b, c);
    }
    client_close(c);
}

static void *serve(void *arg)
{
    struct name_backend *b = arg;
    struct epoll_event events[EVENTS];

    for (;;) {
        int n = epoll_wait(b->epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &b->stop) {
                return NULL;
            }
            if (events[i].data.ptr == &b->listener) {
                accept_all(b);
            } else {
                client_read(b, events[i].data.ptr);
            }
        }
    }
}

struct name_backend *name_backend_start(const char *ip, const char *name)
{
    struct name_backend *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        die("calloc");
    }
    snprintf(b->name, sizeof(b->name), "%s", name);
    buf_init(&b->last_input, INPUT_MAX);
    pthread_mutex_init(&b->lock, NULL);
    b->listener = peer_listen(ip, SOMAXCONN, NULL, &b->addr);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    b->stop = eventfd(0, EFD_CLOEXEC);
    if (b->epoll < 0 || b->stop < 0) {
        die("epoll_create1");
    }
    watch(b, b->listener, &b->listener);
    watch(b, b->stop, &b->stop);
    if (pthread_create(&b->thread, NULL, serve, b) != 0) {
        die("pthread_create");
    }
    return b;
}

struct netaddr name_backend_addr(const struct name_backend *b)
{
    return b->addr;
}

uint64_t name_backend_answered(const struct name_backend *b)
{
    return atomic_load(&b->answered);
}

size_t name_backend_last_input(struct name_backend *b, uint8_t *out, size_t cap)
{
    size_t len;

    pthread_mutex_lock(&b->lock);
    len = b->last_input.len;
    if (len > 0) {
        memcpy(out, b->last_input.data, len < cap ? len : cap);
    }
    pthread_mutex_unlock(&b->lock);
    return len;
}

void name_backend_stop(struct name_backend *b)
{
    if (b == NULL) {
        return;
    }
    if (eventfd_write(b->stop, 1) < 0) {
        die("eventfd_write");
    }
    pthread_join(b->thread, NULL);
    for (struct client *c = LIST_FIRST(&b->clients), *next; c != NULL; c = next) {
        next = LIST_NEXT(c, link);
        client_close(c);
    }
    close(b->listener);
    close(b->epoll);
    close(b->stop);
    buf_fini(&b->last_input);
    pthread_mutex_destroy(&b->lock);
    free(b);
}
