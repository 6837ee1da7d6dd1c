#include "support/crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS      256
#define TURN_MS     5
#define MOST_BEGIN  256 /* in one turn, so that those before them get on */
#define FDS_RESERVE 400 /* what both processes need for other things, generously */
#define US_PER_MS   1000u
#define US_PER_S    1000000u

struct crowd {
    struct crowd_config cfg;
    int epoll;
    uint64_t began_us;
    unsigned begun; /* members that have left WAITING */
    unsigned counts[CROWD_STATES];
    uint64_t drips; /* bytes dripped, and clients passed over, so far */
    struct crowd_member members[];
};

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static struct rlimit raise_limit(void)
{
    struct rlimit limit;

    check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    return limit;
}

unsigned crowd_fitting(unsigned wanted)
{
    /* A proxy lets in no more than it has two for. */
    rlim_t room = (raise_limit().rlim_max - FDS_RESERVE) / 2;

    return room < wanted ? (unsigned)room : wanted;
}

struct crowd *crowd_new(const struct crowd_config *cfg)
{
    struct crowd *c = calloc(1, sizeof(*c) + cfg->clients * sizeof(c->members[0]));

    check(c != NULL, "calloc");
    (void)raise_limit();
    c->cfg = *cfg;
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    check(c->epoll >= 0, "epoll_create1");
    c->counts[CROWD_WAITING] = cfg->clients;
    for (unsigned i = 0; i < cfg->clients; i++) {
        c->members[i].fd = -1;
    }
    return c;
}

void crowd_free(struct crowd *c)
{
    if (c == NULL) {
        return;
    }
    crowd_leave_all(c, false);
    close(c->epoll);
    free(c);
}

static void set_state(struct crowd *c, struct crowd_member *m, enum crowd_state state)
{
    c->counts[m->state]--;
    m->state = state;
    c->counts[state]++;
}

static void end(struct crowd *c, struct crowd_member *m, enum crowd_end how)
{
    m->end = how;
    m->ended_us = clock_now_us();
    if (m->fd >= 0) {
        close(m->fd);
        m->fd = -1;
    }
    set_state(c, m, CROWD_ENDED);
}

static void end_by_error(struct crowd *c, struct crowd_member *m, int error)
{
    end(c, m,
        error == ETIMEDOUT       ? CROWD_TIMEOUT
        : m->state == CROWD_OPEN ? CROWD_RESET
        : error == ECONNRESET    ? CROWD_RESET /* of one made and unmade between two looks */
                                 : CROWD_REFUSED);
}

/* With the port left to connect(2), each source has all ports of its own. */
static void bind_source(const struct crowd *c, int fd, unsigned i)
{
    const int on = 1;
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(0x7f000201u + i % c->cfg.sources)}};

    check(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0 &&
              bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0,
          "bind");
}

static void begin(struct crowd *c, struct crowd_member *m)
{
    unsigned i = (unsigned)(m - c->members);
    struct epoll_event e = {.events = EPOLLOUT, .data = {.u32 = i}};
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(&c->cfg.to, &sa);

    m->began_us = clock_now_us();
    m->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(m->fd >= 0, "socket");
    if (c->cfg.deaf) {
        const int narrow = 4096;
        check(setsockopt(m->fd, SOL_SOCKET, SO_RCVBUF, &narrow, sizeof(narrow)) == 0, "SO_RCVBUF");
    }
    if (c->cfg.sources != 0) {
        bind_source(c, m->fd, i);
    }
    set_state(c, m, CROWD_CONNECTING);
    if (connect(m->fd, (const struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS) {
        end_by_error(c, m, errno);
        return;
    }
    check(epoll_ctl(c->epoll, EPOLL_CTL_ADD, m->fd, &e) == 0, "epoll_ctl");
}

static void begin_due(struct crowd *c, uint64_t now_us)
{
    uint64_t due = c->cfg.clients;

    if (c->cfg.per_second != 0) {
        due = (now_us - c->began_us) * c->cfg.per_second / US_PER_S;
    }
    for (unsigned n = 0; n < MOST_BEGIN && c->begun < due && c->begun < c->cfg.clients; n++) {
        begin(c, &c->members[c->begun++]);
    }
}

/* Bytes are spread evenly over the time, and so over the clients. */
static void drip_due(struct crowd *c, uint64_t now_us)
{
    uint64_t due;

    if (c->cfg.drip_ms == 0) {
        return;
    }
    due = (now_us - c->began_us) * c->cfg.clients / (c->cfg.drip_ms * (uint64_t)US_PER_MS);
    for (unsigned n = 0; n < c->cfg.clients && c->drips < due; n++, c->drips++) {
        struct crowd_member *m = &c->members[c->drips % c->cfg.clients];
        size_t at = m->sent - (m->sent < c->cfg.hello_len ? m->sent : c->cfg.hello_len);
        if (m->state == CROWD_OPEN && at < c->cfg.drip_len &&
            send(m->fd, c->cfg.drip + at, 1, MSG_NOSIGNAL) == 1) {
            m->sent++;
        }
    }
}

static void connected(struct crowd *c, struct crowd_member *m)
{
    struct epoll_event e = {.events = c->cfg.deaf ? 0 : EPOLLIN,
                            .data = {.u32 = (uint32_t)(m - c->members)}};

    m->connected_us = clock_now_us();
    set_state(c, m, CROWD_OPEN);
    if (c->cfg.hello_len != 0) {
        crowd_send(c, e.data.u32, c->cfg.hello, c->cfg.hello_len);
    }
    if (c->cfg.half_close) {
        shutdown(m->fd, SHUT_WR);
    }
    check(epoll_ctl(c->epoll, EPOLL_CTL_MOD, m->fd, &e) == 0, "epoll_ctl");
}

static void receive(struct crowd *c, struct crowd_member *m)
{
    char bytes[16384];
    ssize_t n = recv(m->fd, bytes, sizeof(bytes), 0);

    if (n > 0) {
        size_t at = m->received < sizeof(m->bytes) - 1 ? m->received : sizeof(m->bytes) - 1;
        size_t room = sizeof(m->bytes) - 1 - at;
        memcpy(m->bytes + at, bytes, (size_t)n < room ? (size_t)n : room);
        m->received += (size_t)n;
    } else if (n == 0) {
        end(c, m, CROWD_FIN);
    } else if (errno != EAGAIN) {
        end_by_error(c, m, errno);
    }
}

static void on_event(struct crowd *c, struct crowd_member *m, uint32_t events)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (m->state == CROWD_CONNECTING || (c->cfg.deaf && (events & (EPOLLERR | EPOLLHUP)) != 0)) {
        check(getsockopt(m->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0, "SO_ERROR");
        if (error != 0) {
            end_by_error(c, m, error);
        } else if (m->state == CROWD_CONNECTING) {
            connected(c, m);
        } else {
            end(c, m, CROWD_FIN);
        }
    } else if (m->state == CROWD_OPEN && !c->cfg.deaf) {
        receive(c, m);
    }
}

static void turn(struct crowd *c)
{
    struct epoll_event events[EVENTS];
    uint64_t now_us = clock_now_us();
    int n;

    if (c->began_us == 0) {
        c->began_us = now_us;
    }
    begin_due(c, now_us);
    drip_due(c, now_us);
    n = epoll_wait(c->epoll, events, EVENTS, TURN_MS);
    for (int i = 0; i < n; i++) {
        on_event(c, &c->members[events[i].data.u32], events[i].events);
    }
}

bool crowd_until(struct crowd *c, bool (*cond)(void *ctx), void *ctx, unsigned limit_ms)
{
    uint64_t deadline_us = clock_now_us() + (uint64_t)limit_ms * US_PER_MS;

    while (!cond(ctx)) {
        if (clock_now_us() >= deadline_us) {
            return false;
        }
        turn(c);
    }
    return true;
}

struct goal {
    const struct crowd *crowd;
    enum crowd_state state;
    unsigned n;
};

static bool is_reached(void *ctx)
{
    const struct goal *g = ctx;

    return crowd_count(g->crowd, g->state) >= g->n;
}

bool crowd_until_count(struct crowd *c, enum crowd_state state, unsigned n, unsigned limit_ms)
{
    struct goal goal = {.crowd = c, .state = state, .n = n};

    return crowd_until(c, is_reached, &goal, limit_ms);
}

static bool all_have_begun(void *ctx)
{
    return crowd_count(ctx, CROWD_WAITING) == 0;
}

bool crowd_until_begun(struct crowd *c, unsigned limit_ms)
{
    return crowd_until(c, all_have_begun, c, limit_ms);
}

static bool all_are_told(void *ctx)
{
    const struct crowd *c = ctx;

    return crowd_count(c, CROWD_ENDED) + crowd_count_echoed(c) == c->cfg.clients;
}

bool crowd_until_told(struct crowd *c, unsigned limit_ms)
{
    return crowd_until(c, all_are_told, c, limit_ms);
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

void crowd_run(struct crowd *c, unsigned ms)
{
    (void)crowd_until(c, never, NULL, ms);
}

unsigned crowd_count(const struct crowd *c, enum crowd_state state)
{
    return c->counts[state];
}

unsigned crowd_count_end(const struct crowd *c, enum crowd_end how)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->cfg.clients; i++) {
        n += c->members[i].state == CROWD_ENDED && c->members[i].end == how;
    }
    return n;
}

unsigned crowd_count_answer(const struct crowd *c, const void *text, size_t len)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->cfg.clients; i++) {
        n += c->members[i].received == len && memcmp(c->members[i].bytes, text, len) == 0;
    }
    return n;
}

unsigned crowd_count_echoed(const struct crowd *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->cfg.clients; i++) {
        const struct crowd_member *m = &c->members[i];
        n += m->state == CROWD_OPEN && m->sent != 0 && m->received == m->sent;
    }
    return n;
}

static bool is_echoed(void *ctx)
{
    const struct crowd *c = ctx;

    return crowd_count_echoed(c) == crowd_count(c, CROWD_OPEN);
}

unsigned crowd_ping(struct crowd *c, unsigned limit_ms)
{
    for (unsigned i = 0; i < c->cfg.clients; i++) {
        if (c->members[i].state == CROWD_OPEN) {
            crowd_send(c, i, "ping", 4);
        }
    }
    (void)crowd_until(c, is_echoed, c, limit_ms); /* the number tells */
    return crowd_count_echoed(c);
}

unsigned crowd_clients(const struct crowd *c)
{
    return c->cfg.clients;
}

const struct crowd_member *crowd_member(const struct crowd *c, unsigned i)
{
    return &c->members[i];
}

void crowd_send(struct crowd *c, unsigned i, const void *bytes, size_t len)
{
    struct crowd_member *m = &c->members[i];
    ssize_t n = send(m->fd, bytes, len, MSG_NOSIGNAL); /* a reset is told by epoll */

    m->sent += n > 0 ? (size_t)n : 0;
}

void crowd_leave(struct crowd *c, unsigned i, bool with_reset)
{
    struct crowd_member *m = &c->members[i];

    if (m->state != CROWD_CONNECTING && m->state != CROWD_OPEN) {
        return;
    }
    if (with_reset) {
        const struct linger hard = {.l_onoff = 1};
        setsockopt(m->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    end(c, m, CROWD_LEFT);
}

void crowd_leave_all(struct crowd *c, bool with_reset)
{
    for (unsigned i = 0; i < c->cfg.clients; i++) {
        crowd_leave(c, i, with_reset);
    }
}
