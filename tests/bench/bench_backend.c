/* The backends of the benchmark: eight listeners in one process, each answering for its own names.
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

#define EVENTS      256
#define CHUNK_BYTES ((size_t)256 * 1024)

struct conn {
    int fd;
    unsigned index;     /* of the backend it came to */
    size_t hello_len;   /* so far */
    bool greeted;       /* the hello was whole */
    bool watches_write; /* output is waiting */
    struct wire_sizes sizes;
    uint64_t in_left, out_left;
    uint8_t hello[WIRE_HELLO];
};

static int listeners[WIRE_BACKENDS];
static int epoll_fd;
static uint8_t chunk[CHUNK_BYTES];

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
    int len = snprintf(name, sizeof(name), WIRE_NAME, c->sizes.host);

    return c->sizes.host % WIRE_BACKENDS == c->index &&
           memmem(c->hello, WIRE_HELLO, name, (size_t)len) != NULL;
}

/* Send what is due; false when the connection is of no more use. */
static bool flush(struct conn *c)
{
    while (c->out_left > 0) {
        size_t len = c->out_left < CHUNK_BYTES ? (size_t)c->out_left : CHUNK_BYTES;
        ssize_t n = send(c->fd, chunk, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            return false;
        }
        c->out_left -= (uint64_t)n;
    }
    if ((c->out_left > 0) != c->watches_write) {
        c->watches_write = c->out_left > 0;
        watch(EPOLL_CTL_MOD, c->fd, c->watches_write ? EPOLLIN | EPOLLOUT : EPOLLIN, c);
    }
    return true;
}

static bool read_hello(struct conn *c)
{
    ssize_t n = recv(c->fd, c->hello + c->hello_len, WIRE_HELLO - c->hello_len, 0);

    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    c->hello_len += (size_t)n;
    if (c->hello_len < WIRE_HELLO) {
        return true;
    }
    memcpy(&c->sizes, c->hello + WIRE_RANDOM, sizeof(c->sizes));
    if (!is_ours(c)) {
        fprintf(stderr, "misrouted: host %u came to backend %u\n", c->sizes.host, c->index);
        return false;
    }
    c->greeted = true;
    c->in_left = c->sizes.request;
    c->out_left = WIRE_REPLY;
    chunk[0] = (uint8_t)c->index;
    return flush(c);
}

static bool read_requests(struct conn *c)
{
    size_t len = c->in_left < CHUNK_BYTES ? (size_t)c->in_left : CHUNK_BYTES;
    ssize_t n = recv(c->fd, NULL, len, MSG_TRUNC); /* discards without a copy */

    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    c->in_left -= (uint64_t)n;
    if (c->in_left == 0) {
        c->in_left = c->sizes.request;
        c->out_left += c->sizes.response;
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
