#include "bench/load/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/greeting.h"
#include "bench/wire.h"

#define SOURCES      16u /* client addresses, so that ports do not run out */
#define SOURCE_FIRST 0x7f010001u

static const struct config *cfg;
static const struct conn_user *user;
static int epoll_fd;
static uint8_t chunk[WIRE_CHUNK];

void conn_start(const struct config *config, int epoll, const struct conn_user *conn_user)
{
    cfg = config;
    epoll_fd = epoll;
    user = conn_user;
    greeting_start(cfg->hello);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int op, struct conn *c, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = {.ptr = c}};

    if (epoll_ctl(epoll_fd, op, c->fd, &e) < 0) {
        die("epoll_ctl");
    }
    c->watches_write = (events & EPOLLOUT) != 0;
}

static void want_write(struct conn *c, bool want)
{
    if (c->watches_write != want) {
        watch(EPOLL_CTL_MOD, c, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

void conn_dial(struct conn *c, uint32_t serial, uint64_t now_ns)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int on = 1;

    *c = (struct conn){.host = c->host, .serial = serial, .progress_ns = now_ns};
    c->phase = CONN_CONNECTING;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        die("socket");
    }
    from.sin_addr.s_addr = htonl(SOURCE_FIRST + serial % SOURCES);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(EPOLL_CTL_ADD, c, EPOLLIN | EPOLLOUT);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0) {
        die("bind");
    }
    if (connect(c->fd, (const struct sockaddr *)&cfg->to, sizeof(cfg->to)) < 0 &&
        errno != EINPROGRESS) {
        c->fault = FAULT_CLOSED;
    }
}

void conn_close(struct conn *c)
{
    close(c->fd);
    c->fd = -1;
    c->phase = CONN_CLOSED;
}

static void greet(struct conn *c)
{
    const struct wire_order order = {
        .request = cfg->request, .response = cfg->response, .host = c->host, .serial = c->serial};
    size_t len;
    const uint8_t *hello = greeting_bytes(&order, &len);

    if (send(c->fd, hello, len, MSG_NOSIGNAL) != (ssize_t)len) {
        c->fault = FAULT_CLOSED;
        return;
    }
    want_write(c, false);
    c->phase = CONN_GREETING;
    c->in_left = WIRE_REPLY;
}

static void flush(struct conn *c)
{
    while (c->out_left > 0) {
        size_t len = c->out_left < WIRE_CHUNK ? (size_t)c->out_left : WIRE_CHUNK;
        ssize_t n = send(c->fd, wire_bytes(c->serial, WIRE_CLIENT, c->sent), len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            want_write(c, true);
            return;
        }
        if (n < 0) {
            c->fault = FAULT_CLOSED;
            return;
        }
        c->sent += (uint64_t)n;
        c->out_left -= (uint64_t)n;
    }
    want_write(c, false);
    c->phase = CONN_HEARING;
}

void conn_ask(struct conn *c)
{
    c->phase = CONN_ASKING;
    c->out_left = cfg->request;
    c->in_left = cfg->response;
    flush(c);
}

/* Whose bytes these are, as they are not the right ones. */
static enum conn_fault wrong_bytes(const struct conn *c, size_t len)
{
    if (c->received == 0 && len >= 2 && chunk[0] == 0x15 && chunk[1] == 0x03) {
        return FAULT_ALERT;
    }
    for (unsigned i = 0; i < WIRE_BACKENDS; i++) {
        if (memcmp(chunk, wire_bytes(c->serial, i, c->received), len) == 0) {
            return FAULT_MISROUTED;
        }
    }
    return FAULT_CROSSED;
}

static void on_whole(struct conn *c)
{
    enum conn_phase was = c->phase;

    c->phase = CONN_READY;
    if (was == CONN_GREETING) {
        user->greeted(c);
    } else {
        user->answered(c);
    }
}

static void on_readable(struct conn *c)
{
    size_t len = c->in_left < WIRE_CHUNK ? (size_t)c->in_left : WIRE_CHUNK;
    ssize_t n = recv(c->fd, chunk, len > 0 ? len : 1, 0);

    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        c->fault = FAULT_CLOSED;
        return;
    }
    if (len == 0) { /* more than was asked for */
        c->fault = FAULT_CROSSED;
        return;
    }
    if (memcmp(chunk, wire_bytes(c->serial, c->host % WIRE_BACKENDS, c->received), (size_t)n) !=
        0) {
        c->fault = wrong_bytes(c, (size_t)n);
        return;
    }
    c->received += (uint64_t)n;
    c->in_left -= (uint64_t)n;
    if (c->in_left == 0 && c->phase == CONN_ASKING) { /* answered before it was asked */
        c->fault = FAULT_CROSSED;
    } else if (c->in_left == 0) {
        on_whole(c);
    }
}

void conn_event(struct conn *c, uint32_t events, uint64_t now_ns)
{
    c->progress_ns = now_ns;
    if (c->phase == CONN_CONNECTING) {
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
            c->fault = FAULT_CLOSED;
        } else {
            greet(c);
        }
    } else if ((events & EPOLLOUT) != 0 && c->phase == CONN_ASKING) {
        flush(c);
    } else if (c->phase != CONN_CLOSED) {
        on_readable(c);
    }
}
