#include "base/logwriter.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/logring.h"

#define NAP_MS          2    /* between rounds while lines keep coming: no bell, one batch */
#define IDLE_MS         1000 /* longest sleep; lines dropped meanwhile are told after it */
#define REPORT_EVERY_MS 1000
#define STOP_WAIT_MS    1000 /* for blocked streams, then what they miss is lost */
#define JOIN_WAIT_S     2    /* and for the thread, which should end well before */
#define OWN_RING_BYTES  8192u

_Static_assert(LIMIT_LOG_LINE <= PIPE_BUF, "every line fits an empty chunk");

/*
 * One stream's way out.  The descriptor may be shared with other processes, so it is not made
 * non-blocking: whole lines are gathered into a chunk of at most PIPE_BUF bytes, which a pipe that
 * polls writable takes whole and in one piece.
 */
struct sink {
    int fd;
    bool blocked; /* the last chunk did not go out; poll before trying again */
    char chunk[PIPE_BUF];
    size_t start; /* written up to here */
    size_t end;
    _Atomic uint64_t lost; /* lines that the descriptor refused */
};

/* A ring and the one added before it; never changes once linked. */
struct ring_link {
    struct logring *ring;
    struct ring_link *next;
};

struct logwriter {
    struct sink sinks[LOG_STREAMS];
    struct logring_bell bell;
    atomic_bool stopping;
    _Atomic(struct ring_link *) rings;
    struct logring *own_ring; /* for the writer's own lines; one of `rings` */
    uint64_t reported[LOG_STREAMS];
    uint64_t report_at_ms;
    pthread_t thread;
};

static uint64_t count_lines(const char *text, size_t len)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static bool is_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return poll(&p, 1, 0) > 0; /* an error or hang-up counts: write() will name it */
}

/* Write the chunk as far as that does not block. */
static void sink_flush(struct sink *s)
{
    ssize_t n;

    s->blocked = false;
    while (s->start < s->end) {
        if (!is_writable(s->fd)) {
            s->blocked = true;
            return;
        }
        n = write(s->fd, s->chunk + s->start, s->end - s->start);
        if (n > 0) {
            s->start += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            s->blocked = true; /* somebody else made it non-blocking */
            return;
        } else if (n == 0 || errno != EINTR) {
            atomic_fetch_add_explicit(&s->lost, count_lines(s->chunk + s->start, s->end - s->start),
                                      memory_order_relaxed);
            break;
        }
    }
    s->start = 0;
    s->end = 0;
}

/* Take one line off its ring, unless its stream is blocked. */
static bool on_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct logwriter *w = ctx;
    struct sink *s = &w->sinks[stream];

    if (len > sizeof(s->chunk) - s->end) {
        if (!s->blocked) {
            sink_flush(s);
        }
        if (len > sizeof(s->chunk) - s->end) {
            return false;
        }
    }
    memcpy(s->chunk + s->end, line, len);
    s->end += len;
    return true;
}

/* One look at every ring and stream.  Returns the number of lines taken off the rings. */
static size_t round_once(struct logwriter *w)
{
    struct ring_link *link = atomic_load_explicit(&w->rings, memory_order_acquire);
    size_t taken = 0;

    for (size_t i = 0; i < LOG_STREAMS; i++) {
        sink_flush(&w->sinks[i]);
    }
    for (; link != NULL; link = link->next) {
        taken += logring_drain(link->ring, on_line, w);
    }
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        if (!w->sinks[i].blocked) {
            sink_flush(&w->sinks[i]);
        }
    }
    return taken;
}

/* Whether a round could do anything: lines of a blocked stream do not count. */
static bool has_work(const struct logwriter *w)
{
    struct ring_link *link = atomic_load_explicit(&w->rings, memory_order_acquire);

    for (; link != NULL; link = link->next) {
        for (size_t i = 0; i < LOG_STREAMS; i++) {
            if (!w->sinks[i].blocked && logring_has_lines(link->ring, (enum log_stream)i)) {
                return true;
            }
        }
    }
    return false;
}

static bool any_blocked(const struct logwriter *w)
{
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        if (w->sinks[i].blocked) {
            return true;
        }
    }
    return false;
}

/* Sleep until a blocked stream is writable again, the bell (unless bell_fd is -1), or the limit. */
static void sleep_ms(struct logwriter *w, int bell_fd, int limit_ms)
{
    struct pollfd fds[LOG_STREAMS + 1];
    uint64_t rings;

    for (size_t i = 0; i < LOG_STREAMS; i++) {
        fds[i].fd = w->sinks[i].blocked ? w->sinks[i].fd : -1; /* poll(2) skips -1 */
        fds[i].events = POLLOUT;
    }
    fds[LOG_STREAMS].fd = bell_fd;
    fds[LOG_STREAMS].events = POLLIN;
    if (poll(fds, LOG_STREAMS + 1, limit_ms) > 0 && fds[LOG_STREAMS].revents != 0) {
        (void)!read(bell_fd, &rings, sizeof(rings)); /* only to silence it */
    }
}

/*
 * After a busy round more lines are likely: nap with the bell off, so that their producers pay for
 * no system call and they leave in one batch.  After an idle round wait for the bell.
 */
static void wait_for_lines(struct logwriter *w, bool busy)
{
    if (busy) {
        sleep_ms(w, w->bell.event_fd, NAP_MS);
        return;
    }
    atomic_store_explicit(&w->bell.wanted, true, memory_order_seq_cst);
    if (!has_work(w)) {
        sleep_ms(w, w->bell.event_fd, IDLE_MS);
    }
    atomic_store_explicit(&w->bell.wanted, false, memory_order_relaxed);
}

/* Tell how many lines were lost since the last report; pointless while nobody can read it. */
static void report_drops(struct logwriter *w)
{
    struct log_line line;
    uint64_t total, fresh[LOG_STREAMS];

    if (w->sinks[LOG_MAIN].blocked || !log_enabled(LOG_WARN)) {
        return;
    }
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        total = logwriter_dropped(w, (enum log_stream)i);
        fresh[i] = total - w->reported[i];
        w->reported[i] = total;
    }
    if (fresh[LOG_ACCESS] + fresh[LOG_MAIN] == 0) {
        return;
    }
    log_line_begin(&line, LOG_WARN, "log lines dropped");
    log_line_uint(&line, "access", fresh[LOG_ACCESS]);
    log_line_uint(&line, "main", fresh[LOG_MAIN]);
    log_line_send(&line);
    w->report_at_ms = clock_now_ms() + REPORT_EVERY_MS;
}

/* No producer is left: write what waits, but give a blocked stream no more than its time. */
static void finish(struct logwriter *w)
{
    uint64_t now_ms, deadline_ms = clock_now_ms() + STOP_WAIT_MS;

    (void)round_once(w); /* first, so that what it loses is told too */
    report_drops(w);
    for (;;) {
        (void)round_once(w);
        now_ms = clock_now_ms();
        if (!any_blocked(w) || now_ms >= deadline_ms) {
            return;
        }
        sleep_ms(w, -1, (int)(deadline_ms - now_ms));
    }
}

static void *run(void *arg)
{
    struct logwriter *w = arg;
    bool busy;

    log_use_ring(w->own_ring);
    while (!atomic_load_explicit(&w->stopping, memory_order_acquire)) {
        if (clock_now_ms() >= w->report_at_ms) {
            report_drops(w);
        }
        busy = round_once(w) > 0;
        wait_for_lines(w, busy);
    }
    finish(w);
    return NULL;
}

static struct logring *add_ring(struct logwriter *w, uint32_t bytes)
{
    struct ring_link *link = malloc(sizeof(*link));
    struct logring *ring = logring_new(bytes);

    if (link == NULL || ring == NULL) {
        free(link);
        logring_free(ring);
        return NULL;
    }
    logring_set_bell(ring, &w->bell);
    link->ring = ring;
    link->next = atomic_load_explicit(&w->rings, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&w->rings, &link->next, link,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    return ring;
}

struct logring *logwriter_add_ring(struct logwriter *w)
{
    return add_ring(w, LIMIT_LOG_RING);
}

static void destroy(struct logwriter *w)
{
    struct ring_link *next, *link = atomic_load_explicit(&w->rings, memory_order_relaxed);

    for (; link != NULL; link = next) {
        next = link->next;
        logring_free(link->ring);
        free(link);
    }
    if (w->bell.event_fd >= 0) {
        (void)close(w->bell.event_fd);
    }
    free(w);
}

/* With every signal blocked: they are for the main thread, and SIGPIPE for nobody. */
static MUST_CHECK int start_thread(struct logwriter *w)
{
    sigset_t all, before;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&w->thread, NULL, run, w);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        (void)pthread_setname_np(w->thread, "log"); /* a help for people only */
    }
    return -rc;
}

struct logwriter *logwriter_start(int access_fd, int main_fd)
{
    struct logwriter *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    w->sinks[LOG_ACCESS].fd = access_fd;
    w->sinks[LOG_MAIN].fd = main_fd;
    w->bell.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->own_ring = add_ring(w, OWN_RING_BYTES);
    if (w->bell.event_fd < 0 || w->own_ring == NULL || start_thread(w) < 0) {
        goto fail;
    }
    return w;
fail:
    destroy(w);
    return NULL;
}

uint64_t logwriter_dropped(const struct logwriter *w, enum log_stream stream)
{
    struct ring_link *link = atomic_load_explicit(&w->rings, memory_order_acquire);
    uint64_t dropped = atomic_load_explicit(&w->sinks[stream].lost, memory_order_relaxed);

    for (; link != NULL; link = link->next) {
        dropped += logring_dropped(link->ring, stream);
    }
    return dropped;
}

void logwriter_stop(struct logwriter *w)
{
    const uint64_t one = 1;
    struct timespec until;

    if (w == NULL) {
        return;
    }
    atomic_store_explicit(&w->stopping, true, memory_order_release);
    (void)!write(w->bell.event_fd, &one, sizeof(one)); /* EAGAIN: it rings already */
    until = clock_wall();
    until.tv_sec += JOIN_WAIT_S;
    if (pthread_timedjoin_np(w->thread, NULL, &until) != 0) {
        /* Another process filled a shared pipe between poll and write: leak rather than hang. */
        (void)pthread_detach(w->thread);
        return;
    }
    destroy(w);
}
