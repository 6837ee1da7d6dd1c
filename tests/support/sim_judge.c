#include "support/sim_judge.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <sys/epoll.h>

#include "proxy/acceptor.h"
#include "proxy/conn.h"
#include "proxy/connbudget.h"
#include "proxy/worker.h"
#include "route/registry.h"
#include "support/sim.h"
#include "support/sim_event.h"
#include "support/sim_kernel.h"

/* A deadline is late by a tick of the wheel, and by one more for being set between two. */
#define LATE_MS (2 * TIMEWHEEL_TICK_MS)
/* A reset of a side that is not read is seen from the next tick on. */
#define WATCH_MS (TIMEWHEEL_TICK_MS + 2)
/* So much may pass within a callback, between its look at the clock and its end. */
#define WITHIN_MS 5

static const struct proxy_policy *policy_of(const struct sim_judge *j)
{
    return &j->w->shared->policy;
}

static bool is_over(uint64_t since_us, uint64_t ms)
{
    return sim_now_us() / 1000 >= since_us / 1000 + ms;
}

static struct sim_peer *peer_of(const struct conn *c)
{
    struct sim_peer *p = sim_peer_find(&c->client_addr);

    SIM_CHECK(p != NULL, "a connection of nobody's, port %u", c->client_addr.port);
    return p;
}

/* --- after every callback -------------------------------------------------------------------- */

/* Returns how many descriptors the side has. */
static unsigned check_side(const struct side *s, const struct sim_peer *client, bool is_client)
{
    const struct sim_peer *owner;
    const struct sim_sock *sock;

    if (s->fd < 0) {
        SIM_CHECK(s->waiting == 0, "client %u: a side without descriptor waits", client->id);
        return 0;
    }
    sock = sim_kernel_sock(s->fd);
    owner = sock->owner;
    SIM_CHECK(sock->kind == SIM_TCP && owner != NULL && owner->is_client == is_client &&
                  (owner == client || owner->other == NULL || owner->other == client),
              "client %u: descriptor %d is somebody else's", client->id, s->fd);
    SIM_CHECK(s->waiting == sock->mask && (s->waiting == 0) == (sock->event == NULL),
              "client %u: descriptor %d waits for %d, the kernel for %d", client->id, s->fd,
              s->waiting, sock->mask);
    return 1;
}

static void check_deadline(const struct sim_judge *j, const struct conn *c)
{
    bool may_be_without = c->state == CONN_RELAYING && policy_of(j)->idle_timeout_ms == 0 &&
                          !c->up.eof && !c->down.eof && c->server_aged;

    SIM_CHECK(c->timer.due_tick != 0 || may_be_without, "port %u: state %d without a deadline",
              c->client_addr.port, c->state);
}

static void check_ended(const struct conn *c)
{
    SIM_CHECK(c->client.fd < 0 && c->server.fd < 0, "port %u: ended and open", c->client_addr.port);
    SIM_CHECK(c->timer.due_tick == 0, "port %u: ended and has a deadline", c->client_addr.port);
}

/* In a pipe only what a pipe takes, and in memory what one read brings, or what had to leave a
 * pipe. Returns whether it is in one. */
static bool check_held(const struct sim_judge *j, const struct flow *f, const struct sim_peer *from)
{
    uint64_t due = from != NULL && from->other != NULL ? sim_peer_held(from) : 0;
    bool in_pipe = f->held != NULL && f->held->bytes == NULL;
    uint64_t most =
        in_pipe || j->w->pipes.is_useless ? (uint64_t)LIMIT_PIPE_BYTES : LIMIT_RELAY_BYTES;

    SIM_CHECK((f->held != NULL ? f->held->left : 0) == due && due <= most,
              "%" PRIu64 " bytes of a flow are due, %zu are held", due,
              f->held != NULL ? f->held->left : 0);
    SIM_CHECK(!in_pipe || f->held->left != 0, "a pipe is kept for nothing");
    return in_pipe;
}

/* Returns how many descriptors it has. */
static unsigned check_conn(const struct sim_judge *j, const struct conn *c)
{
    struct sim_peer *p = peer_of(c);

    (void)sim_peer_moved_us(p); /* while the time is right */
    if (c->state == CONN_LINGERING && p->lingers_us == 0) {
        p->lingers_us = sim_now_us();
    }
    check_deadline(j, c);
    SIM_CHECK(p->other != NULL || sim_peer_held(p) <= policy_of(j)->hello_max_bytes ||
                  sim_peer_held(p) <= LIMIT_RELAY_BYTES,
              "client %u: %" PRIu64 " bytes held", p->id, sim_peer_held(p));
    return check_side(&c->client, p, true) + check_side(&c->server, p, false);
}

/* Returns how many pipes it has. */
static unsigned check_flows(const struct sim_judge *j, const struct conn *c)
{
    const struct sim_peer *p = peer_of(c);

    if (c->state != CONN_RELAYING) {
        SIM_CHECK(c->up.held == NULL && c->down.held == NULL, "client %u: holds bytes", p->id);
        return 0;
    }
    return (unsigned)check_held(j, &c->up, p) + (unsigned)check_held(j, &c->down, p->other);
}

/* Sockets that are open; towards endpoints only, or towards anybody. */
static unsigned open_tcp(bool servers_only)
{
    const struct sim_sock *s;
    unsigned n = 0;

    for (unsigned i = 0; (s = sim_kernel_nth(i)) != NULL; i++) {
        const struct sim_peer *p = s->owner;
        n += s->kind == SIM_TCP && (!servers_only || (p != NULL && !p->is_client)) ? 1 : 0;
    }
    return n;
}

static void check_gauges(const struct sim_judge *j, const uint64_t count[CONN_STATES])
{
    const struct worker *w = j->w;
    const _Atomic uint64_t *active = w->counts[0].active;
    uint64_t live = 0, load = 0;

    for (int state = 0; state < CONN_ENDED; state++) {
        live += count[state];
    }
    SIM_CHECK(live == connbudget_open(w->shared->budget),
              "%" PRIu64 " connections, the gauge: %" PRIu64, live,
              connbudget_open(w->shared->budget));
    SIM_CHECK(active[PHASE_PEEK] == count[CONN_READING_HELLO] &&
                  active[PHASE_CONNECT] == count[CONN_DIALLING] &&
                  active[PHASE_RELAY] + active[PHASE_HALF_CLOSED] == count[CONN_RELAYING] &&
                  active[PHASE_LINGER] == count[CONN_LINGERING],
              "the gauges by phase do not agree with the states");
    for (unsigned i = 0; i < SIM_ENDPOINTS; i++) {
        load += registry_endpoint_active(j->loads[i]);
    }
    SIM_CHECK(load == open_tcp(true), "%u sockets to endpoints, their load: %" PRIu64,
              open_tcp(true), load);
}

/* A pipe is in the pool, or in use for bytes that are held. */
static void check_pipes(const struct sim_judge *j, unsigned in_use)
{
    const struct sim_sock *s;
    unsigned ends = 0;

    for (unsigned i = 0; (s = sim_kernel_nth(i)) != NULL; i++) {
        ends += s->kind == SIM_PIPE_READ || s->kind == SIM_PIPE_WRITE ? 1 : 0;
    }
    SIM_CHECK(ends == 2 * (in_use + j->w->pipes.n_empty),
              "%u ends of pipes are open, %u pipes in use, %u in the pool", ends, in_use,
              j->w->pipes.n_empty);
    SIM_CHECK(ends <= 2 * j->w->shared->pipes, "%u ends of pipes, which is too many", ends);
}

void sim_judge_step(const struct sim_judge *j)
{
    unsigned fds = 0, pipes = 0;
    uint64_t count[CONN_STATES] = {0};

    for (int state = 0; state < CONN_STATES; state++) {
        const struct conn *c;
        LIST_FOREACH (c, &j->w->conns[state], link) {
            SIM_CHECK(c->state == state, "port %u: in state %d, on the list of %d",
                      c->client_addr.port, c->state, state);
            count[state]++;
            if (state == CONN_ENDED) {
                check_ended(c);
            } else {
                fds += check_conn(j, c);
                pipes += check_flows(j, c);
            }
        }
    }
    check_pipes(j, pipes);
    SIM_CHECK(fds == open_tcp(false), "%u sockets are open, %u belong to a connection",
              open_tcp(false), fds);
    check_gauges(j, count);
}

/* --- at rest --------------------------------------------------------------------------------- */

static bool has_input(const struct sim_sock *s)
{
    return s->arrived != s->read || (s->fin_arrived && !s->fin_read);
}

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* A reset reaches a side that is not read, too, but it may take until that is watched. */
static void check_fate(const struct sim_sock *s, uint64_t moved_us)
{
    uint64_t since = latest(latest(s->fate_us, s->read_us), moved_us);

    SIM_CHECK(s->fate == 0 || !is_over(since, WATCH_MS),
              "descriptor %d: broken %" PRIu64 " ms ago, and nobody cares", s->fd,
              (sim_now_us() - since) / 1000);
}

static void check_flow(const struct sim_peer *from, const struct sim_peer *to)
{
    uint64_t held = sim_peer_held(from);

    if (from->sock->fate != 0 || to->sock->fate != 0) {
        return;
    }
    if (held != 0) {
        SIM_CHECK((sim_kernel_poll(to->sock) & EPOLLOUT) == 0,
                  "descriptor %d: %" PRIu64 " bytes are held for it, and it would take some",
                  to->sock->fd, held);
    } else if (from->sock->fin_read) {
        SIM_CHECK(to->sock->fin_sent, "descriptor %d: its source has ended, it was not told",
                  to->sock->fd);
    } else {
        SIM_CHECK(!has_input(from->sock), "descriptor %d: input waits, and nobody reads it",
                  from->sock->fd);
    }
}

/* When the program was told last that the kernel had delivered something. */
static uint64_t less_us(const struct sim_peer *p)
{
    return p->other != NULL ? latest(p->sock->less_us, p->other->sock->less_us) : 0;
}

/* Nothing moved for so long, nor was it told of anything on its way. */
static bool has_rested(struct sim_peer *p, uint64_t ms)
{
    uint64_t told_us = latest(p->sock->told_us, p->other->sock->told_us);

    return is_over(latest(sim_peer_moved_us(p), latest(told_us, less_us(p))), ms + LATE_MS);
}

static void rest_relaying(const struct sim_judge *j, struct sim_peer *p)
{
    uint64_t moved_us = sim_peer_moved_us(p);
    bool half_closed;

    SIM_CHECK(p->other != NULL, "client %u: relays with nobody", p->id);
    half_closed = p->sock->fin_read || p->other->sock->fin_read;
    check_flow(p, p->other);
    check_flow(p->other, p);
    check_fate(p->sock, moved_us);
    check_fate(p->other->sock, moved_us);
    SIM_CHECK(!half_closed || !has_rested(p, policy_of(j)->half_close_timeout_ms),
              "client %u: half-closed for too long", p->id);
    SIM_CHECK(half_closed || policy_of(j)->idle_timeout_ms == 0 ||
                  !has_rested(p, policy_of(j)->idle_timeout_ms),
              "client %u: idle for too long", p->id);
}

static void rest_lingering(const struct conn *c, const struct sim_peer *p)
{
    const struct sim_sock *s = sim_kernel_sock(c->client.fd >= 0 ? c->client.fd : c->server.fd);

    SIM_CHECK(c->client.fd < 0 || c->server.fd < 0, "client %u: lingers on both sides", p->id);
    SIM_CHECK(s->fin_sent, "client %u: lingers without having ended", p->id);
    SIM_CHECK(!has_input(s) && s->fate == 0, "client %u: is not read away", p->id);
    SIM_CHECK(!is_over(p->lingers_us, LIMIT_LINGER_MS + LATE_MS), "client %u: lingers", p->id);
}

static void rest_conn(const struct sim_judge *j, const struct conn *c)
{
    struct sim_peer *p = peer_of(c);
    const struct proxy_policy *policy = policy_of(j);

    switch (c->state) {
    case CONN_READING_HELLO:
        SIM_CHECK(!has_input(p->sock) && p->sock->fate == 0, "client %u: nobody reads it", p->id);
        SIM_CHECK(!is_over(p->sock->open_us, policy->hello_timeout_ms + LATE_MS),
                  "client %u: may take for ever over its hello", p->id);
        break;
    case CONN_DIALLING:
        SIM_CHECK(p->sock->fate == 0, "client %u: is gone, and still dialled for", p->id);
        SIM_CHECK(c->server.fd >= 0 && sim_kernel_sock(c->server.fd)->tcp == SIM_CONNECTING,
                  "client %u: the dial is done, and nothing follows", p->id);
        SIM_CHECK(
            !is_over(sim_kernel_sock(c->server.fd)->open_us, policy->connect_timeout_ms + LATE_MS),
            "client %u: may dial for ever", p->id);
        break;
    case CONN_RELAYING:
        rest_relaying(j, p);
        break;
    default:
        rest_lingering(c, p);
    }
}

static void rest_listener(const struct sim_judge *j)
{
    const struct sim_sock *l;
    uint64_t due;

    if (j->w->acceptors[0].fd < 0) {
        return;
    }
    l = sim_kernel_sock(j->w->acceptors[0].fd);
    if (l->event != NULL) {
        SIM_CHECK(l->queued == 0, "%u clients wait to be accepted", l->queued);
    } else {
        SIM_CHECK(sim_event_timer(j->w->acceptors[0].resume, &due), "nobody accepts any more");
    }
}

void sim_judge_rest(const struct sim_judge *j)
{
    uint64_t next_ms = timewheel_next_ms(&j->w->wheel);
    uint64_t due_us = 0;

    for (int state = 0; state < CONN_ENDED; state++) {
        const struct conn *c;
        LIST_FOREACH (c, &j->w->conns[state], link) {
            rest_conn(j, c);
        }
    }
    rest_listener(j);
    SIM_CHECK(next_ms == UINT64_MAX ||
                  (sim_event_timer(j->w->tick_event, &due_us) && due_us / 1000 <= next_ms),
              "deadlines wait, and nothing will wake the worker for them");
}

/* --- at the end ------------------------------------------------------------------------------ */

static bool is_hurt(const struct sim_judge *j)
{
    return j->hurts != sim_kernel_hurts();
}

/* What was sent to `p` can all arrive: no reset of ours destroys it, now or when more input comes
 * for the closed socket; or we have waited long enough for that. */
static void check_tail(const struct sim_judge *j, const struct sim_peer *p)
{
    const struct sim_sock *s = p->sock;
    bool lingered = p->shut_us != 0 && (is_over(p->shut_us, LIMIT_LINGER_MS) ||
                                        s->read - p->shut_read > LIMIT_LINGER_BYTES);
    bool safe =
        s->fate != 0 || s->taken == s->accepted || (s->end == SIM_CLOSED_FIN && s->fin_read);

    SIM_CHECK(safe || lingered || is_hurt(j), "%u: may lose the end of what was sent to it", p->id);
}

static bool was_reset(const struct sim_peer *p)
{
    return p->sock->end == SIM_CLOSED_RESET || p->sock->fate != 0 || p->sock->tcp == SIM_GONE;
}

static void judge_eof(const struct sim_judge *j, const struct sim_peer *first)
{
    const struct sim_peer *last = first->other;

    SIM_CHECK(last != NULL, "client %u: never joined", first->id);
    SIM_CHECK(first->sock->fin_read && sim_peer_owed(first) == 0,
              "%u: the end of its stream was not passed on", first->id);
    if (policy_of(j)->half_close) {
        SIM_CHECK(last->sock->fin_read && sim_peer_owed(last) == 0,
                  "%u: the end of its stream was not passed on", last->id);
        SIM_CHECK(first->sock->end == SIM_CLOSED_FIN && last->sock->end == SIM_CLOSED_FIN,
                  "%u, %u: a reset behind an orderly end", first->id, last->id);
    }
    SIM_CHECK(!last->sock->fin_read || first->sock->fin_order < last->sock->fin_order,
              "%u had ended before %u", last->id, first->id);
    check_tail(j, last);
}

static void judge_reset(const struct sim_judge *j, const struct sim_peer *who,
                        const struct sim_peer *other)
{
    SIM_CHECK(who->sock->fate == ECONNRESET, "%u: did not reset", who->id);
    if (other == NULL) {
        return;
    }
    if (!who->is_client && other->sock->fin_sent) {
        check_tail(j, other);
    } else {
        SIM_CHECK(was_reset(other), "%u: was not told of the reset of %u", other->id, who->id);
    }
}

static void judge_error(const struct sim_judge *j, const struct sim_peer *p)
{
    bool lost = p->sock->fate != 0 && p->sock->fate != ECONNRESET;

    lost = lost ||
           (p->other != NULL && p->other->sock->fate != 0 && p->other->sock->fate != ECONNRESET);
    SIM_CHECK(lost || is_hurt(j), "client %u: an error out of nothing", p->id);
    SIM_CHECK(p->other == NULL || (was_reset(p) && was_reset(p->other)),
              "client %u: an error that looks like an orderly end", p->id);
}

static void judge_silence(const struct sim_judge *j, struct sim_peer *p, bool half)
{
    uint64_t ms = half ? policy_of(j)->half_close_timeout_ms : policy_of(j)->idle_timeout_ms;

    SIM_CHECK(!j->finishing, "client %u: silent, though everybody does what can be done", p->id);
    SIM_CHECK(p->other != NULL && (p->sock->fin_read || p->other->sock->fin_read) == half,
              "client %u: half-closed or not?", p->id);
    SIM_CHECK(ms != 0 && is_over(latest(sim_peer_moved_us(p), less_us(p)), ms - WITHIN_MS),
              "client %u: ended too early", p->id);
}

static void judge_refusal(const struct sim_judge *j, const struct sim_peer *p, enum end_reason why)
{
    bool by_hello = !p->hello->routed && why == p->hello->refused;
    bool by_table = p->hello->routed && sim_peer_said_hello(p) &&
                    ((why == END_NO_ROUTE && j->no_route_us >= p->sock->open_us) ||
                     (why == END_NO_ENDPOINT && j->no_endpoint_us >= p->sock->open_us) ||
                     why == END_CONNECT_FAILED);

    SIM_CHECK(p->other == NULL, "client %u: refused, and connected", p->id);
    SIM_CHECK(by_hello || by_table, "client %u: refused for nothing", p->id);
    if (p->answered) {
        check_tail(j, p);
    }
}

/* All endpoints there are get their chance, but not more of them than is allowed. */
static void judge_dials(const struct sim_judge *j, const struct conn *c, const struct sim_peer *p)
{
    unsigned most = policy_of(j)->connect_retries + 1;

    SIM_CHECK(c->dials <= most, "client %u: %u dials", p->id, c->dials);
    if (c->end == END_CONNECT_FAILED && p->changes == j->changes) {
        unsigned due = j->endpoints < most ? j->endpoints : most;
        SIM_CHECK(c->dials == due, "client %u: %u dials, not %u", p->id, c->dials, due);
    }
}

/* What was read and not passed on is told by a reset, whatever the reason; but without half-close
 * the end of one direction is the end of the other. */
static void judge_cut(const struct sim_judge *j, const struct sim_peer *from,
                      const struct sim_peer *to)
{
    bool read_away = !policy_of(j)->half_close && from->shut_us != 0;
    uint64_t due = read_away ? from->shut_read : from->sock->read;

    SIM_CHECK(due == to->sock->accepted || was_reset(to),
              "%u: its stream is cut, and that looks like its end", to->id);
}

static void judge_reason(const struct sim_judge *j, const struct conn *c, struct sim_peer *p)
{
    switch (c->end) {
    case END_CLIENT_EOF:
        judge_eof(j, p);
        break;
    case END_SERVER_EOF:
        SIM_CHECK(p->other != NULL, "client %u: never joined", p->id);
        judge_eof(j, p->other);
        break;
    case END_CLIENT_RESET:
        judge_reset(j, p, p->other);
        break;
    case END_SERVER_RESET:
        SIM_CHECK(p->other != NULL, "client %u: never joined", p->id);
        judge_reset(j, p->other, p);
        break;
    case END_IDLE_TIMEOUT:
    case END_HALF_CLOSE_TIMEOUT:
        judge_silence(j, p, c->end == END_HALF_CLOSE_TIMEOUT);
        break;
    case END_HELLO_TIMEOUT:
        SIM_CHECK(!sim_peer_said_hello(p) &&
                      is_over(p->sock->open_us, policy_of(j)->hello_timeout_ms),
                  "client %u: its hello is not overdue", p->id);
        break;
    case END_HELLO_EOF:
        SIM_CHECK(!sim_peer_said_hello(p) && p->sock->fin_read, "client %u: has not ended", p->id);
        break;
    case END_ERROR:
        judge_error(j, p);
        break;
    case END_LIMIT:
    case END_DRAIN:
        SIM_CHECK(false, "client %u: ended for %d", p->id, c->end);
        break;
    default:
        judge_refusal(j, p, c->end);
    }
}

static void judge_conn(struct sim_judge *j, const struct conn *c)
{
    struct sim_peer *p = peer_of(c);

    sim_note("ended", p->id, c->end);
    judge_reason(j, c, p);
    judge_dials(j, c, p);
    if (p->other != NULL) {
        judge_cut(j, p, p->other);
        judge_cut(j, p->other, p);
        j->moved += p->sock->accepted + p->other->sock->accepted;
    }
    j->ended++;
    sim_peer_leave(p);
}

/* One that was closed without ever being a connection: over a cap, or without memory. */
static void judge_refused(const struct sim_judge *j, struct sim_peer *p)
{
    sim_note("refused", p->id, 0);
    SIM_CHECK(j->capped || is_hurt(j), "client %u: closed for nothing", p->id);
    sim_peer_leave(p);
}

void sim_judge_ended(struct sim_judge *j)
{
    const struct conn *c;

    LIST_FOREACH (c, &j->w->conns[CONN_ENDED], link) {
        if (sim_peer_find(&c->client_addr) != NULL) {
            judge_conn(j, c);
        }
    }
    for (unsigned i = 0; i < SIM_PEERS; i++) {
        struct sim_peer *p = sim_peer_at(i);
        if (p->used && p->is_client && p->other == NULL && p->sock->open_us != 0 &&
            p->sock->fd < 0) {
            judge_refused(j, p);
        }
    }
}

void sim_judge_stopped(struct sim_judge *j)
{
    for (unsigned i = 0; i < SIM_PEERS; i++) {
        struct sim_peer *p = sim_peer_at(i);
        if (p->used && p->is_client) {
            SIM_CHECK(p->sock->fd < 0, "client %u: still open", p->id);
            if (p->other != NULL) {
                judge_cut(j, p, p->other);
                judge_cut(j, p->other, p);
            }
            sim_peer_leave(p);
        }
    }
    SIM_CHECK(open_tcp(false) == 0, "%u sockets are left", open_tcp(false));
    SIM_CHECK(connbudget_open(j->w->shared->budget) == 0, "connections are counted and gone");
}
