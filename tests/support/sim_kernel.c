#include "support/sim_kernel.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/attr.h"
#include "support/sim.h"
#include "support/sim_pipe.h"

#define FDS   4096u
#define SOCKS 256u

static struct sim_sock socks[SOCKS];
static struct sim_sock *fds[FDS];
static unsigned opened, next_fd;
static struct sim_weather weather;
static struct sim_far far;
static uint64_t hurts, fins;

void sim_kernel_begin(const struct sim_weather *w, const struct sim_far *f)
{
    memset(socks, 0, sizeof(socks));
    memset(fds, 0, sizeof(fds));
    opened = 0;
    next_fd = 0;
    hurts = 0;
    fins = 0;
    sim_pipe_begin();
    weather = *w;
    far = *f;
}

unsigned sim_kernel_open(void)
{
    return opened;
}

uint64_t sim_kernel_hurts(void)
{
    return hurts;
}

void sim_kernel_hurt(void)
{
    hurts++;
}

struct sim_weather *sim_kernel_weather(void)
{
    return &weather;
}

struct sim_sock *sim_kernel_sock(int fd)
{
    struct sim_sock *s;

    if (fd < SIM_FD_FIRST) {
        return NULL;
    }
    SIM_CHECK((unsigned)(fd - SIM_FD_FIRST) < FDS, "descriptor %d was never open", fd);
    s = fds[fd - SIM_FD_FIRST];
    SIM_CHECK(s != NULL, "descriptor %d is not open", fd);
    return s;
}

struct sim_sock *sim_kernel_nth(unsigned i)
{
    for (unsigned fd = 0; fd < next_fd; fd++) {
        if (fds[fd] != NULL && i-- == 0) {
            return fds[fd];
        }
    }
    return NULL;
}

static struct sim_sock *tcp_of(int fd)
{
    struct sim_sock *s = sim_kernel_sock(fd);

    SIM_CHECK(s != NULL && s->kind == SIM_TCP, "descriptor %d is no TCP socket", fd);
    return s;
}

static struct sim_sock *new_sock(enum sim_kind kind)
{
    for (unsigned i = 0; i < SOCKS; i++) {
        if (socks[i].kind == SIM_FREE) {
            socks[i] = (struct sim_sock){.kind = kind, .fd = -1};
            return &socks[i];
        }
    }
    SIM_CHECK(false, "the simulation has too few sockets");
    return NULL;
}

void sim_kernel_free(struct sim_sock *s)
{
    SIM_CHECK(s->fd < 0, "descriptor %d is still open", s->fd);
    s->kind = SIM_FREE;
}

/* The lowest free number, as the kernel gives it, or one never used, so that no mistake with an
 * old one hides.  Returns the descriptor. */
static int give_fd(struct sim_sock *s)
{
    unsigned at = next_fd;

    for (unsigned i = 0; !weather.fresh_numbers && i < next_fd; i++) {
        if (fds[i] == NULL) {
            at = i;
            break;
        }
    }
    SIM_CHECK(at < FDS, "the simulation has too few descriptors");
    next_fd = at >= next_fd ? at + 1 : next_fd;
    fds[at] = s;
    opened++;
    s->fd = SIM_FD_FIRST + (int)at;
    return s->fd;
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

static bool out_of_descriptors(void)
{
    return weather.descriptors != 0 && opened >= weather.descriptors;
}

int sim_kernel_open_kind(enum sim_kind kind)
{
    return out_of_descriptors() ? fail_with(EMFILE) : give_fd(new_sock(kind));
}

int sim_kernel_listener(void)
{
    return sim_kernel_open_kind(SIM_LISTENER);
}

int sim_kernel_bell(void)
{
    return sim_kernel_open_kind(SIM_BELL);
}

int sim_kernel_file(void)
{
    return sim_unlucky(weather.no_socket) ? fail_with(ENFILE) : sim_kernel_open_kind(SIM_FILE);
}

static void meanwhile(void)
{
    if (sim_unlucky(weather.meanwhile)) {
        sim_note("meanwhile", 0, 0);
        far.meanwhile();
    }
}

int sim_kernel_socket(void)
{
    static const int errors[] = {ENFILE, ENOBUFS, ENOMEM, EMFILE};

    if (sim_unlucky(weather.no_socket)) {
        sim_note("socket failed", 0, 0);
        return fail_with(errors[sim_below(ARRAY_LEN(errors))]);
    }
    return sim_kernel_open_kind(SIM_TCP);
}

/* --- what epoll sees ------------------------------------------------------------------------- */

static bool is_shut(const struct sim_sock *s)
{
    return s->tcp == SIM_GONE || (s->fin_sent && s->fin_arrived);
}

static bool has_end_of_input(const struct sim_sock *s)
{
    return s->fin_arrived || s->tcp == SIM_GONE;
}

/* sk_stream_is_writeable(): a third is free. */
static bool is_writable(const struct sim_sock *s)
{
    uint64_t queued = s->accepted - s->taken;

    return s->room - queued >= queued / 2;
}

/* As tcp_poll(). */
static uint32_t poll_tcp(struct sim_sock *s)
{
    uint32_t got = s->error != 0 ? EPOLLERR : 0;

    if (s->tcp == SIM_NEW) {
        return got | EPOLLOUT | EPOLLHUP;
    }
    if (is_shut(s)) {
        got |= EPOLLHUP;
    }
    if (has_end_of_input(s)) {
        got |= EPOLLIN | EPOLLRDHUP;
    }
    if (s->tcp != SIM_CONNECTING) {
        got |= s->arrived != s->read ? EPOLLIN : 0;
        if (s->tcp == SIM_GONE || s->fin_sent || is_writable(s)) {
            got |= EPOLLOUT;
        } else {
            s->starved = true;
        }
    }
    return got;
}

uint32_t sim_kernel_poll(struct sim_sock *s)
{
    switch (s->kind) {
    case SIM_TCP:
        return poll_tcp(s);
    case SIM_LISTENER:
        return s->queued != 0 ? EPOLLIN : 0;
    case SIM_BELL:
        return s->rung ? EPOLLIN : 0;
    default:
        return 0;
    }
}

/* Wake who waits for any of `key`; 0: everyone, as sk_state_change() does. */
static void stir(struct sim_sock *s, uint32_t key)
{
    uint32_t wanted = EPOLLERR | EPOLLHUP;

    wanted |= (s->mask & EV_READ) != 0 ? EPOLLIN : 0;
    wanted |= (s->mask & EV_WRITE) != 0 ? EPOLLOUT : 0;
    if (s->event != NULL && (key == 0 || (key & wanted) != 0)) {
        s->stirred = true;
    }
}

/* Both directions ended and all was taken: the socket is in no connection any more. */
static void settle(struct sim_sock *s)
{
    if (s->tcp == SIM_OPEN && s->fin_sent && s->fin_arrived && s->accepted == s->taken) {
        s->tcp = SIM_GONE;
        stir(s, 0);
    }
}

/* --- the program's calls --------------------------------------------------------------------- */

static int take_error(struct sim_sock *s)
{
    int error = s->error;

    s->error = 0;
    return error;
}

/* As sock_getsockopt(): where nothing is wrong, what TCP goes on in spite of. */
static int take_any_error(struct sim_sock *s)
{
    int soft = s->soft_error;

    if (s->error == 0) {
        s->soft_error = 0;
        return soft;
    }
    return take_error(s);
}

int sim_kernel_connect(int fd, const struct netaddr *to)
{
    struct sim_sock *s = tcp_of(fd);
    int error;

    SIM_CHECK(s->tcp == SIM_NEW, "connect() on %d, which was connected", fd);
    s->far = *to;
    s->open_us = sim_now_us();
    error = far.dialled(s);
    sim_note("connect", fd, error);
    if (error != 0 && error != EINPROGRESS) {
        return fail_with(error);
    }
    s->tcp = error == 0 ? SIM_OPEN : SIM_CONNECTING;
    meanwhile();
    return error == 0 && sim_one_in(2) ? 0 : fail_with(EINPROGRESS);
}

static int accept_error(const struct sim_sock *l)
{
    static const int errors[] = {EINTR, ECONNABORTED, EPROTO, ENFILE, ENOBUFS, ENOMEM, EPERM};

    if (l->queued == 0) {
        return EAGAIN;
    }
    if (sim_unlucky(weather.no_socket)) {
        return errors[sim_below(ARRAY_LEN(errors))];
    }
    return out_of_descriptors() ? EMFILE : 0;
}

int sim_kernel_accept(int fd, struct netaddr *from)
{
    struct sim_sock *l = sim_kernel_sock(fd);
    struct sim_sock *s;
    int error;

    SIM_CHECK(l != NULL && l->kind == SIM_LISTENER, "descriptor %d does not listen", fd);
    meanwhile();
    error = accept_error(l);
    if (error != 0) {
        sim_note("accept failed", fd, error);
        hurts++; /* one may be let in only to be told */
        return fail_with(error);
    }
    s = l->queue[0];
    memmove(l->queue, l->queue + 1, --l->queued * sizeof(l->queue[0]));
    s->open_us = sim_now_us();
    s->read_us = sim_now_us();
    *from = s->far;
    sim_note("accept", give_fd(s), from->port);
    return s->fd;
}

/* Bytes to hand over now. */
static size_t portion(size_t most)
{
    if (!sim_unlucky(weather.cut)) {
        return most;
    }
    sim_note("cut short", (int64_t)most, 0);
    return 1 + sim_below(most);
}

static bool is_put_off(void)
{
    bool put_off = sim_unlucky(weather.again);

    if (put_off) {
        sim_note("put off", 0, 0);
    }
    return put_off;
}

/* As tcp_recvmsg(): bytes first, then the end of input, then the error. */
static ssize_t receive(struct sim_sock *s, uint8_t *into, size_t n)
{
    uint64_t unread = s->arrived - s->read;

    if (is_put_off()) {
        return fail_with(sim_one_in(2) ? EAGAIN : EINTR);
    }
    if (unread != 0) {
        n = portion(unread < n ? (size_t)unread : n);
        far.make(s, into, n);
        s->read += n;
        return (ssize_t)n;
    }
    if (!s->fin_arrived && s->error != 0) {
        return fail_with(take_error(s));
    }
    if (has_end_of_input(s)) {
        if (s->fin_arrived && !s->fin_read) { /* behind a reset there is only the look of an end */
            s->fin_read = true;
            s->fin_order = ++fins;
        }
        return 0;
    }
    return fail_with(s->tcp == SIM_NEW ? ENOTCONN : EAGAIN);
}

ssize_t sim_kernel_recv(int fd, uint8_t *into, size_t n)
{
    struct sim_sock *s = tcp_of(fd);
    ssize_t got;

    meanwhile();
    far.reading(s);
    got = receive(s, into, n);
    if (got >= 0 || errno != EINTR) {
        s->read_us = sim_now_us();
    }
    sim_note("recv", fd, got >= 0 ? got : -errno);
    return got;
}

static int send_error(struct sim_sock *s)
{
    if (s->error != 0) {
        return take_error(s);
    }
    if (s->tcp == SIM_CONNECTING) {
        return EAGAIN;
    }
    if (s->tcp != SIM_OPEN || s->fin_sent) {
        return EPIPE;
    }
    if (is_put_off()) {
        return sim_one_in(2) ? EAGAIN : EINTR;
    }
    if (sim_unlucky(weather.no_buffers)) {
        sim_note("no buffers", s->fd, 0);
        hurts++;
        return sim_one_in(2) ? ENOBUFS : ENOMEM;
    }
    return s->accepted - s->taken >= s->room ? EAGAIN : 0;
}

static ssize_t transmit(struct sim_sock *s, const uint8_t *bytes, size_t n)
{
    uint64_t room = s->room - (s->accepted - s->taken);
    int error = send_error(s);
    size_t took;

    if (error != 0) {
        s->starved = s->starved || error == EAGAIN;
        return fail_with(error);
    }
    far.check(s, bytes, n);
    took = portion(room < n ? (size_t)room : n);
    s->starved = s->starved || took < n;
    s->accepted += took;
    return (ssize_t)took;
}

ssize_t sim_kernel_send(int fd, const uint8_t *bytes, size_t n, int flags)
{
    struct sim_sock *s = tcp_of(fd);
    ssize_t took;

    SIM_CHECK((flags & MSG_NOSIGNAL) != 0, "send() to %d may raise SIGPIPE", fd);
    SIM_CHECK(n != 0, "send() of nothing to %d", fd);
    meanwhile();
    took = transmit(s, bytes, n);
    sim_note("send", fd, took >= 0 ? took : -errno);
    return took;
}

int sim_kernel_shutdown(int fd, int how)
{
    struct sim_sock *s = tcp_of(fd);

    SIM_CHECK(how == SHUT_WR, "shutdown() of %d, %d", fd, how);
    SIM_CHECK(!s->fin_sent, "shutdown() twice of %d", fd);
    meanwhile();
    far.shut(s);
    sim_note("shutdown", fd, s->tcp);
    if (s->tcp == SIM_GONE || s->tcp == SIM_NEW) {
        return fail_with(ENOTCONN);
    }
    SIM_CHECK(s->tcp == SIM_OPEN, "shutdown() of %d, which is not connected yet", fd);
    s->fin_sent = true;
    stir(s, 0); /* inet_shutdown() wakes the caller's own waiters, too */
    settle(s);
    return 0;
}

int sim_kernel_take_error(int fd)
{
    struct sim_sock *s = tcp_of(fd);

    meanwhile();
    sim_note("SO_ERROR", fd, s->error);
    return take_any_error(s);
}

void sim_kernel_make_hard(int fd)
{
    tcp_of(fd)->hard = true;
}

ssize_t sim_kernel_ring(int fd, bool rung)
{
    struct sim_sock *s = sim_kernel_sock(fd);

    SIM_CHECK(s != NULL && s->kind == SIM_BELL, "descriptor %d is no eventfd", fd);
    if (!rung && !s->rung) {
        return fail_with(EAGAIN);
    }
    s->rung = rung;
    return (ssize_t)sizeof(uint64_t);
}

static void close_tcp(struct sim_sock *s)
{
    bool resets = s->hard || s->arrived != s->read;

    s->end = s->tcp == SIM_OPEN && resets ? SIM_CLOSED_RESET : SIM_CLOSED_FIN;
    s->end_us = sim_now_us();
    sim_note(s->end == SIM_CLOSED_RESET ? "close, reset" : "close", s->fd,
             (int64_t)(s->accepted - s->taken));
}

static void close_listener(struct sim_sock *l)
{
    for (unsigned i = 0; i < l->queued; i++) {
        l->queue[i]->end = SIM_CLOSED_RESET;
        far.closed(l->queue[i]);
    }
}

int sim_kernel_close(int fd)
{
    struct sim_sock *s = sim_kernel_sock(fd);

    SIM_CHECK(s->event == NULL, "close() of %d, which is still waited for", fd);
    fds[fd - SIM_FD_FIRST] = NULL;
    opened--;
    if (s->kind == SIM_TCP) {
        close_tcp(s);
    } else if (s->kind == SIM_LISTENER) {
        close_listener(s);
    } else if (s->kind == SIM_PIPE_READ || s->kind == SIM_PIPE_WRITE) {
        sim_pipe_closed(fd);
    }
    s->fd = -1;
    if (s->owner != NULL) {
        far.closed(s);
    } else {
        sim_kernel_free(s);
    }
    return 0;
}

/* --- the far end and the network ------------------------------------------------------------- */

struct sim_sock *sim_kernel_arrive(int listener, const struct netaddr *from)
{
    struct sim_sock *l = sim_kernel_sock(listener);
    struct sim_sock *s;

    if (l->queued == SIM_QUEUE) {
        return NULL;
    }
    s = new_sock(SIM_TCP);
    s->tcp = SIM_OPEN;
    s->far = *from;
    l->queue[l->queued++] = s;
    stir(l, EPOLLIN);
    return s;
}

void sim_kernel_connected(struct sim_sock *s, int error)
{
    sim_note("dial ends", s->fd, error);
    if (error != 0) {
        sim_kernel_break(s, error);
        return;
    }
    s->tcp = SIM_OPEN;
    stir(s, 0);
}

void sim_kernel_data(struct sim_sock *s, uint64_t n)
{
    sim_note("bytes arrive", s->fd, (int64_t)n);
    s->arrived += n;
    stir(s, EPOLLIN);
}

void sim_kernel_fin(struct sim_sock *s)
{
    sim_note("FIN arrives", s->fd, (int64_t)s->arrived);
    s->fin_arrived = true;
    stir(s, 0);
    settle(s);
}

void sim_kernel_break(struct sim_sock *s, int error)
{
    if (s->tcp == SIM_GONE) {
        return;
    }
    sim_note("broken", s->fd, error);
    s->fate = error;
    s->fate_us = sim_now_us();
    /* As tcp_reset(): behind a FIN that is not yet answered it is EPIPE. */
    s->error = error == ECONNRESET && s->fin_arrived && !s->fin_sent ? EPIPE : error;
    s->tcp = SIM_GONE;
    s->taken = s->accepted; /* the queue is purged */
    stir(s, 0);
}

void sim_kernel_take(struct sim_sock *s, uint64_t n)
{
    sim_note("far end takes", s->fd, (int64_t)n);
    s->taken += n;
    if (s->starved && is_writable(s)) {
        s->starved = false;
        stir(s, EPOLLOUT);
    }
    settle(s);
}
