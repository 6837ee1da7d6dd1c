#include "proxy/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/conn.h"
#include "proxy/pipepool.h"
#include "proxy/worker.h"

/* A read of so much makes a flow splice.  For one that does, half of it is a small move, and so
 * many small ones in a row end that. */
#define SPLICE_FROM_BYTES ((size_t)32 * 1024)
#define SMALL_BYTES       (SPLICE_FROM_BYTES / 2)
#define SMALL_MOVES       2

/* Of a few reads or a large one each: more than a receive queue holds. */
#define LAST_PUMPS 64u

/* What one read came to. */
enum step {
    STEP_MORE,  /* there may be more */
    STEP_RESTS, /* not now */
    STEP_ENDED, /* the connection has */
};

static struct side *source_of(struct conn *c, const struct flow *f)
{
    return f == &c->up ? &c->client : &c->server;
}

static struct side *sink_of(struct conn *c, const struct flow *f)
{
    return f == &c->up ? &c->server : &c->client;
}

static struct flow *other_way(struct conn *c, const struct flow *f)
{
    return f == &c->up ? &c->down : &c->up;
}

static struct pipe *pipe_of(struct held *held)
{
    return CONTAINER_OF(held, struct pipe, held);
}

/* Count bytes that came from the source. */
static void came(struct conn *c, const struct flow *f, size_t n)
{
    if (f == &c->up) {
        stats_add(&c->cells->received_bytes, n);
    }
    conn_note_progress(c);
}

/* Count bytes that the sink took. */
static void taken(struct conn *c, struct flow *f, size_t n)
{
    f->bytes += n;
    if (f == &c->down) {
        stats_add(&c->cells->sent_bytes, n);
    }
}

static ssize_t send_some(int fd, const uint8_t *bytes, size_t len)
{
    ssize_t n;

    do {
        n = send(fd, bytes, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t splice_some(int from, int to, size_t len)
{
    ssize_t n;

    do {
        n = splice(from, NULL, to, NULL, len, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* --- what is held ---------------------------------------------------------------------------- */

static struct held *new_held(size_t len)
{
    struct held *held = malloc(sizeof(*held) + len);

    if (held != NULL) {
        held->left = len;
        held->bytes = (uint8_t *)(held + 1);
    }
    return held;
}

int flow_hold(struct flow *f, const uint8_t *bytes, size_t len)
{
    struct held *held = new_held(len);

    if (held == NULL) {
        return -ENOMEM;
    }
    memcpy(held + 1, bytes, len);
    f->held = held;
    return 0;
}

void flow_drop(struct flow *f, struct pipepool *pipes)
{
    struct held *held = f->held;

    f->held = NULL;
    if (held == NULL || held->bytes != NULL) {
        free(held);
    } else if (held->left != 0) {
        pipepool_drop(pipes, pipe_of(held));
    } else {
        pipepool_give(pipes, pipe_of(held));
    }
}

/* As send(2). */
static ssize_t send_held(struct held *held, int fd)
{
    ssize_t n;

    if (held->bytes == NULL) {
        return splice_some(pipe_of(held)->read_fd, fd, held->left);
    }
    n = send_some(fd, held->bytes, held->left);
    if (n > 0) {
        held->bytes += n;
    }
    return n;
}

/* Read `len` bytes that are in a pipe.  Returns 0 or -errno. */
static int empty_into(int fd, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, bytes, len);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return n < 0 ? -errno : -EIO;
        }
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* Its sink cannot be spliced to: what is in the pipe goes on in memory. */
static int take_out_of_pipe(struct flow *f, struct pipepool *pipes)
{
    struct pipe *p = pipe_of(f->held);
    struct held *held = new_held(p->held.left);
    int rc = held != NULL ? empty_into(p->read_fd, (uint8_t *)(held + 1), held->left) : -ENOMEM;

    pipepool_give_up(pipes);
    if (rc != 0) {
        free(held);
        return rc;
    }
    flow_drop(f, pipes);
    f->held = held;
    return 0;
}

/* Read what a socket that has failed still has.  False when the connection has ended. */
static bool pump_last(struct conn *c, struct flow *f)
{
    for (unsigned i = 0; i < LAST_PUMPS && !f->eof && f->held == NULL; i++) {
        if (!flow_pump(c, f)) {
            return false;
        }
    }
    return true;
}

/*
 * A peer whose socket fails may have had its last words before that: a server said why, a client
 * took its leave.  They are still there to be read, and go to the other peer unless its socket has
 * failed as well.  The end of input behind them is no FIN but what the reset left: to the other it
 * is a reset.  (Even an EPIPE does not tell that a FIN came first: a splice that moved some of its
 * pages swallows ECONNRESET.)
 */
static void sink_failed(struct conn *c, struct flow *f, int error)
{
    struct flow *back = other_way(c, f);

    f->broken = true;
    if (back->broken || pump_last(c, back)) {
        conn_fail(c, sink_of(c, f), error);
    }
}

/* The sink took nothing of what is held.  False when the connection has ended. */
static bool not_taken(struct conn *c, struct flow *f, int error)
{
    if (error == EINVAL && f->held->bytes == NULL) {
        error = -take_out_of_pipe(f, &c->worker->pipes);
    }
    if (error == 0 || error == EAGAIN) {
        return true;
    }
    sink_failed(c, f, error);
    return false;
}

bool flow_flush(struct conn *c, struct flow *f)
{
    struct held *held = f->held;
    ssize_t n = send_held(held, sink_of(c, f)->fd);

    if (n < 0) {
        return not_taken(c, f, errno);
    }
    conn_note_progress(c);
    taken(c, f, (size_t)n);
    held->left -= (size_t)n;
    if (held->left == 0) {
        flow_drop(f, &c->worker->pipes);
    }
    return true;
}

/* --- moving on ------------------------------------------------------------------------------- */

/* Hand fresh bytes to the sink.  False when the connection has ended. */
static bool pass(struct conn *c, struct flow *f, size_t len)
{
    const uint8_t *bytes = c->worker->scratch;
    ssize_t n = send_some(sink_of(c, f)->fd, bytes, len);

    if (n < 0) {
        if (errno != EAGAIN) {
            sink_failed(c, f, errno);
            return false;
        }
        n = 0;
    }
    taken(c, f, (size_t)n);
    if ((size_t)n < len && flow_hold(f, bytes + n, len - (size_t)n) != 0) {
        conn_end(c, END_ERROR);
        return false;
    }
    return true;
}

static enum step copy(struct conn *c, struct flow *f)
{
    struct worker *w = c->worker;
    struct side *from = source_of(c, f);
    ssize_t n = recv(from->fd, w->scratch, sizeof(w->scratch), 0);

    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return STEP_RESTS;
        }
        conn_fail(c, from, errno);
        return STEP_ENDED;
    }
    if (n == 0) {
        f->eof = true;
        return STEP_RESTS;
    }
    came(c, f, (size_t)n);
    f->splices = (size_t)n >= SPLICE_FROM_BYTES;
    f->small_moves = 0;
    if (!pass(c, f, (size_t)n)) {
        return STEP_ENDED;
    }
    /* Fewer: drained, most likely; epoll tells if not. */
    return (size_t)n < sizeof(w->scratch) ? STEP_RESTS : STEP_MORE;
}

/*
 * Nothing could be spliced.  That a source which is readable has nothing to splice is due to urgent
 * data: a read gets past it, a splice never.
 */
static enum step not_spliced(struct conn *c, struct flow *f, int error, bool first)
{
    switch (error) {
    case EAGAIN:
        if (!first) {
            return STEP_RESTS;
        }
        break;
    case EINVAL:
    case ENOSYS:
    case EPERM: /* by a filter of system calls */
        pipepool_give_up(&c->worker->pipes);
        break;
    case ENOMEM:
        break;
    default:
        conn_fail(c, source_of(c, f), error);
        return STEP_ENDED;
    }
    f->splices = false;
    return STEP_MORE;
}

/* A splice says of a source that has ended that it has, though bytes are left in it behind urgent
 * data: only a read knows. */
static enum step maybe_ended(struct flow *f)
{
    f->splices = false;
    return STEP_MORE;
}

static void judge_move(struct flow *f, size_t n)
{
    f->small_moves = n < SMALL_BYTES ? (uint8_t)(f->small_moves + 1) : 0;
    f->splices = f->small_moves < SMALL_MOVES;
}

/* A source that had much has more by now, most likely, even if that was all.  Behind one that had
 * very much others have waited. */
static bool is_worth_another(size_t n)
{
    return n >= SPLICE_FROM_BYTES && n < LIMIT_RELAY_SPLICE_BYTES;
}

/* By way of `p`, which is empty; so many reads came before it in this event. */
static enum step splice_by(struct conn *c, struct flow *f, struct pipe *p, unsigned reads)
{
    ssize_t n = splice_some(source_of(c, f)->fd, p->write_fd, p->size);

    if (n <= 0) {
        int error = errno;
        pipepool_give(&c->worker->pipes, p);
        return n == 0 ? maybe_ended(f) : not_spliced(c, f, error, reads == 0);
    }
    came(c, f, (size_t)n);
    judge_move(f, (size_t)n);
    p->held.left = (size_t)n;
    f->held = &p->held;
    if (!flow_flush(c, f)) {
        return STEP_ENDED;
    }
    return is_worth_another((size_t)n) && reads + 1 < LIMIT_RELAY_SPLICES ? STEP_MORE : STEP_RESTS;
}

bool flow_pump(struct conn *c, struct flow *f)
{
    enum step step = STEP_MORE;

    for (unsigned reads = 0; step == STEP_MORE && f->held == NULL && reads < LIMIT_RELAY_READS;
         reads++) {
        struct pipe *p = f->splices ? pipepool_take(&c->worker->pipes) : NULL;
        step = p != NULL ? splice_by(c, f, p, reads) : copy(c, f);
    }
    return step != STEP_ENDED;
}
