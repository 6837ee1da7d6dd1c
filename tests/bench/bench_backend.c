/* The backends of the benchmark: eight listeners in one process, each answering for its own names.
 * What comes to the wrong one, or is not the stream that it should be, is told on stderr and
 * closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/wire.h"

#define EVENTS     256
#define HEADER_LEN 5u /* of a record */

struct conn {
    int fd;
    unsigned index;     /* of the backend it came to */
    bool greeted;       /* the hello was whole, and ours */
    bool watches_write; /* output is waiting */
    size_t hello_len;   /* so far; what follows holds once greeted */
    struct wire_order order;
    uint64_t received, sent;    /* behind the hello */
    uint64_t in_left, out_left; /* of the request, of what is due */
    uint8_t hello[WIRE_HELLO_MAX];
};

static int listeners[WIRE_BACKENDS];
static int epoll_fd;
static uint8_t chunk[WIRE_CHUNK];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int op, int fd, uint32_t events, void *ptr)
{
    struct epoll_event e = {.events = events, .data = {.ptr = ptr}};

    if (epoll_ctl(epoll_fd, op, fd, &e) < 0) {
        die("epoll_ctl");
    }
}

static void open_listener(unsigned index, uint16_t port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int on = 1;
    char ip[32];

    snprintf(ip, sizeof(ip), WIRE_BACKEND_IP, WIRE_BACKEND_IP_BASE + index);
    inet_pton(AF_INET, ip, &sa.sin_addr);
    listeners[index] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listeners[index], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(listeners[index], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(listeners[index], (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
        listen(listeners[index], 16384) < 0) {
        die(ip);
    }
    watch(EPOLL_CTL_ADD, listeners[index], EPOLLIN, &listeners[index]);
}

static void conn_close(struct conn *c)
{
    close(c->fd);
    free(c);
}

static void accept_all(int *listener)
{
    int fd;

    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): epoll keeps the pointer for us */
    while ((fd = accept4(*listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof(*c));

        if (c == NULL) {
            die("calloc");
        }
        c->fd = fd;
        c->index = (unsigned)(listener - listeners);
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, c);
    }
}

/* The name in the hello must be one of ours; another one was misrouted, and is closed unanswered.
 */
static bool is_ours(const struct conn *c)
{
    char name[32];
    int len = snprintf(name, sizeof(name), WIRE_NAME, c->order.host);

    return c->order.host % WIRE_BACKENDS == c->index &&
           memmem(c->hello, c->hello_len, name, (size_t)len) != NULL;
}

/* Send what is due; false when the connection is of no more use. */
static bool flush(struct conn *c)
{
    while (c->out_left > 0) {
        size_t len = c->out_left < WIRE_CHUNK ? (size_t)c->out_left : WIRE_CHUNK;
        ssize_t n = send(c->fd, wire_bytes(c->order.serial, c->index, c->sent), len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            return false;
        }
        c->sent += (uint64_t)n;
        c->out_left -= (uint64_t)n;
    }
    if ((c->out_left > 0) != c->watches_write) {
        c->watches_write = c->out_left > 0;
        watch(EPOLL_CTL_MOD, c->fd, c->watches_write ? EPOLLIN | EPOLLOUT : EPOLLIN, c);
    }
    return true;
}

/* How long the hello is, by what there is of it: never past its end, for a request may follow. */
static size_t hello_wanted(const struct conn *c)
{
    size_t len;

    if (c->hello_len < HEADER_LEN) {
        return HEADER_LEN;
    }
    len = HEADER_LEN + ((size_t)c->hello[3] << 8 | c->hello[4]);
    return len < WIRE_HELLO_MAX ? len : WIRE_HELLO_MAX;
}

static bool greet(struct conn *c)
{
    memcpy(&c->order, c->hello + WIRE_RANDOM, sizeof(c->order));
    if (!is_ours(c)) {
        fprintf(stderr, "misrouted: host %u came to backend %u\n", c->order.host, c->index);
        return false;
    }
    c->greeted = true;
    c->in_left = c->order.request;
    c->out_left = WIRE_REPLY;
    return flush(c);
}

static bool read_hello(struct conn *c)
{
    size_t wanted = hello_wanted(c);
    ssize_t n = recv(c->fd, c->hello + c->hello_len, wanted - c->hello_len, 0);

    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    c->hello_len += (size_t)n;
    if (c->hello_len < wanted) {
        return true;
    }
    return wanted == HEADER_LEN ? read_hello(c) : greet(c);
}

static bool read_requests(struct conn *c)
{
    size_t len = c->in_left < WIRE_CHUNK ? (size_t)c->in_left : WIRE_CHUNK;
    ssize_t n = recv(c->fd, chunk, len, 0);

    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    if (memcmp(chunk, wire_bytes(c->order.serial, WIRE_CLIENT, c->received), (size_t)n) != 0) {
        fprintf(stderr, "crossed: the request of host %u has bytes of another stream\n",
                c->order.host);
        return false;
    }
    c->received += (uint64_t)n;
    c->in_left -= (uint64_t)n;
    if (c->in_left == 0) {
        c->in_left = c->order.request;
        c->out_left += c->order.response;
        return flush(c);
    }
    return true;
}

static void on_event(struct conn *c, uint32_t events)
{
    bool good = true;

    if ((events & EPOLLOUT) != 0) {
        good = flush(c);
    }
    if (good && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        good = c->greeted ? read_requests(c) : read_hello(c);
    }
    if (!good) {
        conn_close(c);
    }
}

static bool is_listener(const void *ptr)
{
    return ptr >= (const void *)listeners && ptr < (const void *)(listeners + WIRE_BACKENDS);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];

    if (argc != 2) {
        fprintf(stderr, "usage: bench_backend PORT\n");
        return 2;
    }
    wire_start();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < WIRE_BACKENDS; i++) {
        open_listener(i, (uint16_t)strtoul(argv[1], NULL, 10));
    }
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (is_listener(events[i].data.ptr)) {
                accept_all(events[i].data.ptr);
            } else {
                on_event(events[i].data.ptr, events[i].events);
            }
        }
    }
}
