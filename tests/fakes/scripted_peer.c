#include "fakes/scripted_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fakes/peer_priv.h"

#define DEFAULT_DEADLINE_MS 20000u
#define CHUNK_BYTES         PEER_CHUNK_BYTES

uint64_t peer_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void die(const char *what)
{
    perror(what);
    abort();
}

void peer_flag_init(struct peer_flag *f)
{
    f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (f->fd < 0) {
        die("eventfd");
    }
}

void peer_flag_fini(struct peer_flag *f)
{
    close(f->fd);
    f->fd = -1;
}

void peer_flag_raise(struct peer_flag *f)
{
    if (eventfd_write(f->fd, 1) < 0) {
        die("eventfd_write");
    }
}

bool peer_flag_is_raised(const struct peer_flag *f)
{
    struct pollfd p = {.fd = f->fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

bool peer_fail(struct peer *p, const char *fmt, ...)
{
    va_list args;

    if (p->report.failure[0] == '\0') {
        va_start(args, fmt);
        vsnprintf(p->report.failure, sizeof(p->report.failure), fmt, args);
        va_end(args);
    }
    return false;
}

bool peer_wait_for(struct peer *p, int fd, short events, short *got_out)
{
    uint64_t now = peer_now_ms();
    struct pollfd pfd = {.fd = fd, .events = events};
    int left = now < p->deadline_ms ? (int)(p->deadline_ms - now) : 0;
    int n = poll(&pfd, 1, left);

    if (n < 0) {
        return peer_fail(p, "poll: %s", strerror(errno));
    }
    if (n == 0) {
        return peer_fail(p, "nothing happened before the deadline (sent %llu, received %llu)",
                         (unsigned long long)p->report.sent,
                         (unsigned long long)p->report.received);
    }
    *got_out = pfd.revents;
    return true;
}

static void stall(uint32_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&t, &t) < 0 && errno == EINTR) {
    }
}

bool peer_is_again(int err)
{
    return err == EAGAIN || err == EINTR;
}

static bool send_all(struct peer *p, const uint8_t *bytes, size_t len)
{
    short got = 0;

    while (len > 0) {
        ssize_t n = send(p->fd, bytes, len, MSG_NOSIGNAL);

        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
            p->report.sent += (uint64_t)n;
        } else if (!peer_is_again(errno)) {
            return peer_fail(p, "send: %s", strerror(errno));
        } else if (!peer_wait_for(p, p->fd, POLLOUT, &got)) {
            return false;
        }
    }
    return true;
}

static bool trickle(struct peer *p, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!send_all(p, bytes + i, 1)) {
            return false;
        }
    }
    return true;
}

/* One read of at most `len` bytes.  *n_out is 0 at the end of input. */
static bool recv_some(struct peer *p, uint8_t *out, size_t len, size_t *n_out)
{
    short got = 0;

    for (;;) {
        ssize_t n = recv(p->fd, out, len, 0);

        if (n >= 0) {
            p->report.received += (uint64_t)n;
            *n_out = (size_t)n;
            return true;
        }
        if (!peer_is_again(errno)) {
            return peer_fail(p, "recv: %s", strerror(errno));
        }
        if (!peer_wait_for(p, p->fd, POLLIN, &got)) {
            return false;
        }
    }
}

static bool expect_bytes(struct peer *p, const uint8_t *want, size_t len)
{
    uint8_t got[CHUNK_BYTES];
    size_t done = 0;

    while (done < len) {
        size_t n = 0;

        if (!recv_some(p, got, len - done < sizeof(got) ? len - done : sizeof(got), &n)) {
            return false;
        }
        if (n == 0) {
            return peer_fail(p, "end of input after %zu of %zu bytes", done, len);
        }
        for (size_t i = 0; i < n; i++) {
            if (got[i] != want[done + i]) {
                return peer_fail(p, "byte %zu is %02x, not %02x", done + i, got[i], want[done + i]);
            }
        }
        done += n;
    }
    return true;
}

static bool drain(struct peer *p)
{
    uint8_t bytes[CHUNK_BYTES];
    size_t n = 1;

    while (n > 0) {
        if (!recv_some(p, bytes, sizeof(bytes), &n)) {
            return false;
        }
    }
    p->saw_fin = true;
    return true;
}

static bool expect_eof(struct peer *p)
{
    uint8_t byte = 0;
    size_t n = 0;

    if (!recv_some(p, &byte, 1, &n)) {
        return false;
    }
    p->saw_fin = n == 0;
    return n == 0 || peer_fail(p, "byte %02x where the end was expected", byte);
}

/* After a FIN of the other end the kernel reports its reset as EPIPE (tcp_reset() in CLOSE_WAIT).
 */
static bool expect_reset(struct peer *p)
{
    short got = 0;
    int err = 0;
    socklen_t len = sizeof(err);

    if (!peer_wait_for(p, p->fd, p->saw_fin ? 0 : POLLRDHUP, &got)) {
        return false;
    }
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) {
        return peer_fail(p, "getsockopt: %s", strerror(errno));
    }
    if (err != ECONNRESET && err != EPIPE) {
        return peer_fail(p, "expected a reset, got %s", err == 0 ? "a FIN" : strerror(err));
    }
    return true;
}

static bool expect_no_reset(struct peer *p, uint32_t ms)
{
    struct pollfd pfd = {.fd = p->fd};

    return poll(&pfd, 1, (int)ms) == 0 || (pfd.revents & POLLERR) == 0 ||
           peer_fail(p, "an unexpected reset");
}

static bool reset(struct peer *p)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};

    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(p->fd);
    p->fd = -1;
    return true;
}

static bool run_step(struct peer *p, const struct peer_step *s)
{
    short got = 0;

    switch (s->act) {
    case PEER_ACT_SEND:
        return send_all(p, s->bytes, s->len);
    case PEER_ACT_TRICKLE:
        return trickle(p, s->bytes, s->len);
    case PEER_ACT_EXPECT:
        return expect_bytes(p, s->bytes, s->len);
    case PEER_ACT_EXCHANGE:
        return peer_exchange(p, s);
    case PEER_ACT_EXCHANGE_UNTIL_RESET:
        return peer_exchange_until_reset(p, s);
    case PEER_ACT_FLOOD:
        return peer_flood(p, s);
    case PEER_ACT_DRAIN:
        return drain(p);
    case PEER_ACT_EXPECT_EOF:
        return expect_eof(p);
    case PEER_ACT_EXPECT_RESET:
        return expect_reset(p);
    case PEER_ACT_EXPECT_NO_RESET:
        return expect_no_reset(p, s->ms);
    case PEER_ACT_HALF_CLOSE:
        return shutdown(p->fd, SHUT_WR) == 0 || peer_fail(p, "shutdown: %s", strerror(errno));
    case PEER_ACT_RESET:
        return reset(p);
    case PEER_ACT_STALL:
        stall(s->ms);
        return true;
    case PEER_ACT_RAISE:
        peer_flag_raise(s->flag);
        return true;
    case PEER_ACT_WAIT:
        return peer_wait_for(p, s->flag->fd, POLLIN, &got);
    case PEER_ACT_END:
        break;
    }
    return true;
}

static void begin_step(struct peer *p, const struct peer_step *s)
{
    uint32_t ms = p->options.deadline_ms > 0 ? p->options.deadline_ms : DEFAULT_DEADLINE_MS;

    if (s != NULL && s->act == PEER_ACT_EXPECT_RESET) {
        ms = s->ms;
    }
    p->deadline_ms = peer_now_ms() + ms;
}

static void set_options(int fd, const struct peer_options *o)
{
    const int on = 1;

    if (o->rcvbuf > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->rcvbuf, sizeof(o->rcvbuf));
    }
    if (o->sndbuf > 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &o->sndbuf, sizeof(o->sndbuf));
    }
    if (o->mss > 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &o->mss, sizeof(o->mss));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool do_dial(struct peer *p)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(&p->to, &sa);
    short got = 0;
    int err = 0;
    socklen_t err_len = sizeof(err);

    p->fd = socket(p->to.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0) {
        return peer_fail(p, "socket: %s", strerror(errno));
    }
    set_options(p->fd, &p->options);
    if (connect(p->fd, (const struct sockaddr *)&sa, len) == 0) {
        return true;
    }
    if (errno != EINPROGRESS) {
        return peer_fail(p, "connect: %s", strerror(errno));
    }
    if (!peer_wait_for(p, p->fd, POLLOUT, &got)) {
        return false;
    }
    getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &err_len);
    return err == 0 || peer_fail(p, "connect: %s", strerror(err));
}

static bool do_accept(struct peer *p)
{
    short got = 0;

    if (!peer_wait_for(p, p->listener, POLLIN, &got)) {
        return false;
    }
    p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (p->fd < 0) {
        return peer_fail(p, "accept: %s", strerror(errno));
    }
    set_options(p->fd, &p->options);
    return true;
}

static void note_local(struct peer *p)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);

    if (getsockname(p->fd, (struct sockaddr *)&sa, &len) == 0) {
        netaddr_from_sockaddr(&p->report.local, (const struct sockaddr *)&sa);
    }
}

static void *run(void *arg)
{
    struct peer *p = arg;
    bool good;

    begin_step(p, NULL);
    good = p->listener >= 0 ? do_accept(p) : do_dial(p);
    if (good) {
        note_local(p);
    }
    for (const struct peer_step *s = p->script; good && s->act != PEER_ACT_END; s++) {
        uint64_t began = peer_now_ms();

        p->report.step = (unsigned)(s - p->script);
        begin_step(p, s);
        good = run_step(p, s);
        p->report.last_step_ms = peer_now_ms() - began;
    }
    if (p->fd >= 0) {
        close(p->fd);
    }
    return NULL;
}

/* A test that fails leaves its stack, and the script on it, while the peer still runs. */
static struct peer_step *copy_script(const struct peer_step *script)
{
    struct peer_step *copy;
    size_t n = 1;

    while (script[n - 1].act != PEER_ACT_END) {
        n++;
    }
    copy = calloc(n, sizeof(*copy));
    if (copy == NULL) {
        die("calloc");
    }
    memcpy(copy, script, n * sizeof(*copy));
    return copy;
}

static struct peer *start(const struct netaddr *to, int listener, const struct peer_step *script,
                          const struct peer_options *o)
{
    struct peer *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        die("calloc");
    }
    p->script = copy_script(script);
    p->listener = listener;
    p->fd = -1;
    if (to != NULL) {
        p->to = *to;
    }
    if (o != NULL) {
        p->options = *o;
    }
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        die("pthread_create");
    }
    return p;
}

int peer_listen(const char *ip, int backlog, const struct peer_options *o, struct netaddr *addr_out)
{
    const struct peer_options usual = {0};
    struct sockaddr_storage sa;
    struct netaddr addr;
    socklen_t len = sizeof(sa);
    int fd;

    if (netaddr_parse_ip(ip, 0, &addr) < 0) {
        die(ip);
    }
    fd = socket(addr.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        die("socket");
    }
    set_options(fd, o != NULL ? o : &usual);
    if (bind(fd, (const struct sockaddr *)&sa, netaddr_to_sockaddr(&addr, &sa)) < 0 ||
        listen(fd, backlog) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
        die(ip);
    }
    netaddr_from_sockaddr(addr_out, (const struct sockaddr *)&sa);
    return fd;
}

struct peer *peer_dial(const struct netaddr *to, const struct peer_step *script,
                       const struct peer_options *o)
{
    return start(to, -1, script, o);
}

struct peer *peer_accept(int listener, const struct peer_step *script, const struct peer_options *o)
{
    return start(NULL, listener, script, o);
}

void peer_join(struct peer *p, struct peer_report *report_out)
{
    pthread_join(p->thread, NULL);
    *report_out = p->report;
    free(p->script);
    free(p);
}
