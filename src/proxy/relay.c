#include "proxy/relay.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "proxy/conn.h"
#include "proxy/flow.h"
#include "proxy/linger.h"
#include "proxy/listen.h"
#include "proxy/worker.h"

/* Short connections do not pay for the keepalive of long ones. */
#define SERVER_AGED_MS 10000

/*
 * A side from which nothing is wanted (its FIN was read, or its sink is full) is watched for a
 * reset from the next tick of the wheel on, 17 ms later at most.  Most such moments are shorter,
 * and to watch at once would cost a short connection 3 more system calls than its 22.
 */
#define WATCH_AFTER_MS 1

/* So often in each timeout it is looked at what the kernel still delivers. */
#define LOOKS 4

static const struct proxy_policy *policy_of(const struct conn *c)
{
    return &c->worker->shared->policy;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_half_closed(const struct conn *c)
{
    return c->up.eof || c->down.eof;
}

/* What a side waits for follows from its two flows alone; 0: nothing. */
static short wanted(const struct flow *from_side, const struct flow *to_side)
{
    int mask = 0;

    if (!from_side->eof && from_side->held == NULL) {
        mask |= EV_READ;
    }
    if (to_side->held != NULL) {
        mask |= EV_WRITE;
    }
    return (short)(mask != 0 ? mask | EV_PERSIST : 0);
}

/* How long nothing may move; 0: for ever. */
static uint64_t patience_ms(const struct conn *c)
{
    return is_half_closed(c) ? policy_of(c)->half_close_timeout_ms : policy_of(c)->idle_timeout_ms;
}

/* When that is over; UINT64_MAX: never. */
static uint64_t due_ms(const struct conn *c)
{
    uint64_t patience = patience_ms(c);

    return patience != 0 ? c->progress_ms + patience : UINT64_MAX;
}

/* The connection is looked at before that, too: at what the kernel still delivers, and to give the
 * dialled socket its keepalive. */
static void set_next_look(struct conn *c)
{
    uint64_t now = clock_now_ms(), at = due_ms(c);

    if (at != UINT64_MAX) {
        at = earlier(at, now + patience_ms(c) / LOOKS);
    }
    if (!c->server_aged) {
        at = earlier(at, c->connected_ms + SERVER_AGED_MS);
    }
    /* One that is past would fire for each tick that the wheel has missed. */
    conn_set_deadline(c, at > now ? at : now);
}

static void source_ended(struct conn *c, const struct flow *f)
{
    if (!c->up.eof || !c->down.eof) {
        c->client_first = f == &c->up;
    }
    conn_note_progress(c); /* a FIN is the last that moves in its direction */
    if (!c->watch_due) {
        set_next_look(c); /* else that is done when watching begins */
    }
}

/* A side from which nothing is wanted stirred: a reset, or nothing.  False when the connection has
 * ended. */
static bool watch(struct conn *c, struct side *s)
{
    int error = conn_socket_error(s->fd);

    if (error == 0) {
        return true;
    }
    conn_fail(c, s, error);
    return false;
}

static bool is_over(const struct flow *f)
{
    return f->eof && f->held == NULL;
}

/* Pass on a FIN once everything before it was taken.  That fails when the sink was reset, which is
 * told by its event. */
static void finish(struct flow *f, struct side *to)
{
    if (is_over(f) && !f->finished) {
        (void)shutdown(to->fd, SHUT_WR);
        f->finished = true;
    }
}

/* False without memory. */
static bool wait_on(struct conn *c, struct side *s, short mask)
{
    if (mask != 0) {
        return conn_wait(c, s, mask) == 0;
    }
    if (s->waiting != CONN_WATCH) {
        conn_wait_for_nothing(s);
        if (!c->watch_due) {
            c->watch_due = true;
            conn_set_deadline(c, clock_now_ms() + WATCH_AFTER_MS);
        }
    }
    return true;
}

/* After any change: end, or wait for what each side now has to wait for. */
static void settle(struct conn *c)
{
    bool up = is_over(&c->up), down = is_over(&c->down);
    enum end_reason why = c->client_first ? END_CLIENT_EOF : END_SERVER_EOF;

    if (up && down) {
        conn_end(c, why);
        return;
    }
    if (is_half_closed(c)) {
        conn_set_phase(c, PHASE_HALF_CLOSED);
    }
    finish(&c->up, &c->server);
    finish(&c->down, &c->client);
    if ((up || down) && !policy_of(c)->half_close) {
        linger_start(c, up ? &c->server : &c->client, why);
        return;
    }
    if (!wait_on(c, &c->client, wanted(&c->up, &c->down)) ||
        !wait_on(c, &c->server, wanted(&c->down, &c->up))) {
        conn_end(c, END_ERROR);
    }
}

/* Watch the sides that still wait for nothing.  False without memory. */
static bool start_watching(struct conn *c)
{
    c->watch_due = false;
    return (c->client.waiting != 0 || conn_wait(c, &c->client, CONN_WATCH) == 0) &&
           (c->server.waiting != 0 || conn_wait(c, &c->server, CONN_WATCH) == 0);
}

void relay_start(struct conn *c, const uint8_t *rest, size_t len)
{
    conn_set_state(c, CONN_RELAYING);
    conn_note_progress(c);
    set_next_look(c);
    if (len != 0 && flow_hold(&c->up, rest, len) != 0) {
        conn_end(c, END_ERROR);
        return;
    }
    settle(c);
}

void relay_on_event(struct conn *c, struct side *s, short what)
{
    bool is_client = s == &c->client;
    struct flow *from = is_client ? &c->up : &c->down;
    struct flow *to = is_client ? &c->down : &c->up;

    if ((what & EV_WRITE) != 0 && !(to->held != NULL ? flow_flush(c, to) : watch(c, s))) {
        return;
    }
    if ((what & EV_READ) != 0 && !from->eof) {
        if (!flow_pump(c, from)) {
            return;
        }
        if (from->eof) {
            source_ended(c, from);
        }
    }
    settle(c);
}

/* Whether epoll has something to tell of a side: a worker that was kept from its processor may come
 * to a deadline first. */
static bool has_stirred(const struct side *s)
{
    struct pollfd p = {.fd = s->fd};

    if (s->waiting != CONN_WATCH) {
        p.events = (short)(((s->waiting & EV_READ) != 0 ? POLLIN : 0) |
                           ((s->waiting & EV_WRITE) != 0 ? POLLOUT : 0));
    }
    /* That a watched side has ended is known, and no news. */
    return poll(&p, 1, 0) > 0 && (p.events != 0 || (p.revents & POLLERR) != 0);
}

/* Bytes that a socket has taken and its peer has not; tcp(7). */
static uint32_t queued_in(const struct side *s)
{
    int n = 0;

    return ioctl(s->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

/* Without a byte for us to move, megabytes that the kernel has taken may be on their way to a slow
 * peer: that they become less is progress, too.  Whoever looks late for the first time cannot know.
 */
static void look_at_queues(struct conn *c)
{
    uint32_t queued = queued_in(&c->client) + queued_in(&c->server);
    bool late = c->queued == 0 && queued != 0 && clock_now_ms() >= due_ms(c);

    if (queued < c->queued || late) {
        conn_note_progress(c);
    }
    c->queued = queued;
}

void relay_on_deadline(struct conn *c)
{
    uint64_t now = clock_now_ms();

    if (c->watch_due && !start_watching(c)) {
        conn_end(c, END_ERROR);
        return;
    }
    look_at_queues(c);
    if (now >= due_ms(c) && !has_stirred(&c->client) && !has_stirred(&c->server)) {
        conn_end(c, is_half_closed(c) ? END_HALF_CLOSE_TIMEOUT : END_IDLE_TIMEOUT);
        return;
    }
    if (!c->server_aged && now >= c->connected_ms + SERVER_AGED_MS) {
        listen_set_keepalive(c->server.fd);
        c->server_aged = true;
    }
    set_next_look(c); /* the next tick, where something has stirred */
}

void relay_drop(struct conn *c)
{
    flow_drop(&c->up, &c->worker->pipes);
    flow_drop(&c->down, &c->worker->pipes);
}
