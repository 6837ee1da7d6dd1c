#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "fakes/peer_priv.h"
#include "support/pattern.h"

/* One direction of an exchange. */
struct progress {
    const struct peer_stream *stream;
    uint64_t done;
    uint64_t resume_at_ms; /* it pauses until then */
};

static bool is_through(const struct progress *g)
{
    return g->done >= g->stream->bytes;
}

static bool is_due(const struct progress *g, uint64_t now)
{
    return !is_through(g) && now >= g->resume_at_ms;
}

/* How much may move now: not beyond the next pause. */
static size_t turn(const struct progress *g)
{
    uint64_t left = g->stream->bytes - g->done;
    uint64_t most = PEER_CHUNK_BYTES;

    if (g->stream->chunk > 0) {
        uint64_t to_pause = g->stream->chunk - g->done % g->stream->chunk;

        most = to_pause < most ? to_pause : most;
    }
    return (size_t)(left < most ? left : most);
}

static void moved(struct progress *g, size_t n)
{
    g->done += n;
    if (n > 0 && g->stream->chunk > 0 && g->done % g->stream->chunk == 0) {
        g->resume_at_ms = peer_now_ms() + g->stream->pause_ms;
    }
}

/* The end that an exchange waits for; anything else is a failure. */
static bool is_awaited(struct peer *p, int err)
{
    p->saw_reset = p->awaits_reset && (err == ECONNRESET || err == EPIPE);
    return p->saw_reset;
}

static bool stream_send(struct peer *p, struct progress *g)
{
    uint8_t bytes[PEER_CHUNK_BYTES];
    size_t len = turn(g);
    ssize_t n;

    pattern_fill(g->stream->seed, g->stream->from + g->done, bytes, len);
    n = send(p->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0 && is_awaited(p, errno)) {
        return false;
    }
    if (n < 0) {
        return peer_is_again(errno) || peer_fail(p, "send at %llu of the stream: %s",
                                                 (unsigned long long)g->done, strerror(errno));
    }
    p->report.sent += (uint64_t)n;
    moved(g, (size_t)n);
    return true;
}

static bool stream_recv(struct peer *p, struct progress *g)
{
    uint8_t bytes[PEER_CHUNK_BYTES];
    ssize_t n = recv(p->fd, bytes, turn(g), 0);
    size_t good;

    if (n < 0 && is_awaited(p, errno)) {
        return false;
    }
    if (n < 0) {
        return peer_is_again(errno) || peer_fail(p, "recv at %llu of the stream: %s",
                                                 (unsigned long long)g->done, strerror(errno));
    }
    if (n == 0) {
        return peer_fail(p, "end of input at %llu of %llu bytes of the stream",
                         (unsigned long long)g->done, (unsigned long long)g->stream->bytes);
    }
    good = pattern_mismatch(g->stream->seed, g->stream->from + g->done, bytes, (size_t)n);
    if (good != (size_t)n) {
        return peer_fail(p, "wrong byte at %llu of the stream", (unsigned long long)g->done + good);
    }
    p->report.received += (uint64_t)n;
    moved(g, (size_t)n);
    return true;
}

/* Wait until one of two directions can move.  A direction that pauses is not waited for, and its
 * pause does not hold up the other. */
static bool wait_for_either(struct peer *p, const struct progress *out, const struct progress *in,
                            short *got_out)
{
    uint64_t now = peer_now_ms();
    const int events = (is_due(out, now) ? POLLOUT : 0) | (is_due(in, now) ? POLLIN : 0);
    struct pollfd pfd = {.fd = p->fd, .events = (short)events};
    int n;

    if (pfd.events != 0 && (is_through(out) || is_due(out, now)) &&
        (is_through(in) || is_due(in, now))) {
        return peer_wait_for(p, p->fd, pfd.events, got_out);
    }
    if (pfd.events == 0) {
        pfd.fd = -1; /* while both pause, what the other end does is left for later */
    }
    n = poll(&pfd, 1, 1);
    if (n <= 0) {
        pfd.revents = 0;
    }
    *got_out = pfd.revents;
    return now < p->deadline_ms || peer_fail(p, "the deadline came in the middle of an exchange");
}

bool peer_exchange(struct peer *p, const struct peer_step *s)
{
    struct progress out = {.stream = &s->out}, in = {.stream = &s->in};
    const short broken = POLLERR | POLLHUP;

    while (!is_through(&out) || !is_through(&in)) {
        short got = 0;

        if (!wait_for_either(p, &out, &in, &got)) {
            return false;
        }
        if ((got & (POLLIN | broken)) != 0 && is_due(&in, peer_now_ms()) && !stream_recv(p, &in)) {
            return false;
        }
        if ((got & (POLLOUT | broken)) != 0 && is_due(&out, peer_now_ms()) &&
            !stream_send(p, &out)) {
            return false;
        }
    }
    return true;
}

bool peer_exchange_until_reset(struct peer *p, const struct peer_step *s)
{
    bool through;

    p->awaits_reset = true;
    through = peer_exchange(p, s);
    p->awaits_reset = false;
    return p->saw_reset || (through && peer_fail(p, "all went through, and no reset came"));
}

bool peer_flood(struct peer *p, const struct peer_step *s)
{
    struct progress out = {.stream = &s->out};

    while (!is_through(&out)) {
        struct pollfd pfd = {.fd = p->fd, .events = POLLOUT};
        int n = poll(&pfd, 1, (int)s->ms);

        if (n == 0) {
            return true;
        }
        if (n < 0 || peer_now_ms() > p->deadline_ms || !stream_send(p, &out)) {
            return peer_fail(p, "still taking bytes after %llu", (unsigned long long)out.done);
        }
    }
    return peer_fail(p, "all %llu bytes were taken", (unsigned long long)out.done);
}
