#include "kubeexec_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/json.h"
#include "base/secret.h"
#include "execspawn_priv.h"

#define READ_BYTES 16384u
#define DRAIN_MAX  64u /* reads when it has ended: a pipe holds 64 KiB, a grandchild may go on */
#define LAST_MAX   256u
#define REAP_MS    5000u /* how long to wait for a process that was killed */
#define ASK_MS     20u   /* without a pidfd */
#define STRAYS_MAX 1024u /* reaped at a time */

struct kubeexec {
    struct kubeexec_config cfg;
    struct execspawn child; /* descriptors are -1 once closed; pid 0 once it is reaped */
    int pidfd;              /* -1: there are none */
    struct event on_out, on_err, on_exit, timer;
    struct buf out;
    char line[LAST_MAX]; /* the last line of stderr that is not empty, as far as it came */
    size_t line_len;
    bool line_ended;
    bool killed;
    int status;
    struct err why; /* what went wrong before it ended; "" when nothing */
};

static unsigned running; /* of which the status is still to come; all are of one thread */

static struct timeval span(uint32_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

/** Close one of its descriptors and forget the event upon it. */
static void shut(int *fd, struct event *event)
{
    if (*fd >= 0) {
        event_del(event);
        close(*fd);
        *fd = -1;
    }
}

static void kill_group(struct kubeexec *x)
{
    if (x->child.pid > 0 && !x->killed) {
        x->killed = true;
        (void)kill(-x->child.pid, SIGKILL);
    }
}

/** Whether it has ended; never waits. */
static bool reap(struct kubeexec *x)
{
    pid_t got;

    if (x->child.pid == 0) {
        return true;
    }
    got = waitpid(x->child.pid, &x->status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        return false;
    }
    if (got < 0) {
        x->status = 0; /* SIGCHLD is ignored: what it printed must tell */
    }
    x->child.pid = 0;
    return true;
}

/**
 * Take the ends that nobody waits for: of those that were given up, and, where we are a container's
 * init, of what plugins left behind.  Nothing else here has children.  Done before each start, so
 * that no more are left than since the last; not while the status of one that runs could be taken.
 */
static void reap_strays(void)
{
    for (unsigned i = 0; running == 0 && i < STRAYS_MAX && waitpid(-1, NULL, WNOHANG) > 0; i++) {
        /* nobody asks how they ended */
    }
}

static void destroy(struct kubeexec *x)
{
    running--;
    shut(&x->child.out, &x->on_out);
    shut(&x->child.err, &x->on_err);
    event_del(&x->on_exit);
    event_del(&x->timer);
    if (x->pidfd >= 0) {
        close(x->pidfd);
    }
    secret_free_buf(&x->out);
    explicit_bzero(x->line, sizeof(x->line));
    free(x);
}

/* ---- its end --------------------------------------------------------------------------------- */

/** Say how it failed, if it did. */
static void judge(struct kubeexec *x)
{
    char program[JSON_TEXT_MAX], line[JSON_TEXT_MAX];
    const char *said = "";

    json_quote(x->cfg.exec->command, program);
    if (x->line_len > 0) {
        x->line[x->line_len] = '\0';
        said = json_quote(x->line, line);
    }
    if (x->why.text[0] != '\0') {
        err_prefix(&x->why, "credential plugin %s", program);
    } else if (WIFSIGNALED(x->status)) {
        err_set(&x->why, "credential plugin %s was killed by signal %d%s%s", program,
                WTERMSIG(x->status), said[0] != '\0' ? ": " : "", said);
    } else if (WEXITSTATUS(x->status) != 0) {
        err_set(&x->why, "credential plugin %s failed with status %d%s%s", program,
                WEXITSTATUS(x->status), said[0] != '\0' ? ": " : "; it said nothing on stderr",
                said);
    }
}

static void finish(struct kubeexec *x)
{
    struct kubeexec_config cfg = x->cfg;
    struct kubeexec_end end = {0};
    struct err why;
    struct buf out;

    judge(x);
    why = x->why;
    out = x->out;
    buf_init(&x->out, 0);
    destroy(x);
    if (why.text[0] != '\0') {
        end.e = &why;
    } else {
        end.text = out.data != NULL ? (const char *)out.data : "";
        end.len = out.len;
    }
    cfg.on_end(cfg.ctx, &end);
    secret_free_buf(&out);
}

/** It must not go on, for the reason said in x->why.  Its end is waited for, but not for ever. */
static void stop(struct kubeexec *x)
{
    struct timeval limit = span(REAP_MS);

    shut(&x->child.out, &x->on_out);
    kill_group(x);
    if (event_add(&x->timer, &limit) != 0) {
        event_active(&x->timer, EV_TIMEOUT, 1);
    }
}

/* ---- what it says ---------------------------------------------------------------------------- */

/** Take what it printed.  Returns the bytes, 0 at the end, -EAGAIN when there is nothing now. */
static ssize_t take_out(struct kubeexec *x)
{
    char bytes[READ_BYTES];
    ssize_t got = read(x->child.out, bytes, sizeof(bytes));
    int rc;

    if (got < 0) {
        return errno == EINTR ? -EAGAIN : -errno;
    }
    rc = secret_append(&x->out, bytes, (size_t)got);
    explicit_bzero(bytes, (size_t)got);
    if (rc != 0) {
        if (rc == -ENOMEM) {
            err_set(&x->why, "out of memory");
        } else {
            err_set(&x->why, "it printed more than %zu bytes", x->cfg.max_bytes);
        }
        stop(x);
        return 0;
    }
    return got;
}

static void remember(struct kubeexec *x, char c)
{
    if (c == '\n' || c == '\r' || c == '\0') {
        x->line_ended = true;
        return;
    }
    if (x->line_ended) {
        x->line_ended = false;
        x->line_len = 0;
    }
    if (x->line_len < sizeof(x->line) - 1) {
        x->line[x->line_len++] = c;
    }
}

static ssize_t take_err(struct kubeexec *x)
{
    char bytes[READ_BYTES];
    ssize_t got = read(x->child.err, bytes, sizeof(bytes));

    if (got < 0) {
        return errno == EINTR ? -EAGAIN : -errno;
    }
    for (ssize_t i = 0; i < got; i++) {
        remember(x, bytes[i]);
    }
    return got;
}

static void on_out(evutil_socket_t fd, short what, void *ctx)
{
    struct kubeexec *x = ctx;
    ssize_t got = take_out(x);

    (void)fd;
    (void)what;
    if (got <= 0 && got != -EAGAIN) {
        shut(&x->child.out, &x->on_out); /* it may live on all the same */
    }
}

static void on_err(evutil_socket_t fd, short what, void *ctx)
{
    struct kubeexec *x = ctx;
    ssize_t got = take_err(x);

    (void)fd;
    (void)what;
    if (got <= 0 && got != -EAGAIN) {
        shut(&x->child.err, &x->on_err);
    }
}

/** It has ended: all it wrote is in the pipes. */
static void drain(struct kubeexec *x)
{
    for (unsigned i = 0; x->child.out >= 0 && i < DRAIN_MAX && take_out(x) > 0; i++) {
        /* take_out() ends it */
    }
    for (unsigned i = 0; x->child.err >= 0 && i < DRAIN_MAX && take_err(x) > 0; i++) {
        /* likewise */
    }
}

static void on_exit_seen(evutil_socket_t fd, short what, void *ctx)
{
    struct kubeexec *x = ctx;

    (void)fd;
    (void)what;
    if (reap(x)) {
        drain(x);
        finish(x);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct kubeexec *x = ctx;

    (void)fd;
    (void)what;
    if (x->why.text[0] != '\0') {
        finish(x); /* killed, and still there: its end is not waited for any longer */
        return;
    }
    err_set(&x->why, "it took longer than %u s and was killed; it must not ask or wait",
            (x->cfg.timeout_ms + 999) / 1000);
    stop(x);
}

/* ---- its beginning --------------------------------------------------------------------------- */

/** Watch a process that runs.  Returns 0 or -ENOMEM. */
static int watch(struct kubeexec *x)
{
    struct timeval limit = span(x->cfg.timeout_ms), ask = span(ASK_MS);
    struct event_base *base = x->cfg.base;

    x->pidfd = pidfd_open(x->child.pid, 0);
    event_assign(&x->on_out, base, x->child.out, EV_READ | EV_PERSIST, on_out, x);
    event_assign(&x->on_err, base, x->child.err, EV_READ | EV_PERSIST, on_err, x);
    event_assign(&x->on_exit, base, x->pidfd, x->pidfd >= 0 ? EV_READ | EV_PERSIST : EV_PERSIST,
                 on_exit_seen, x);
    event_assign(&x->timer, base, -1, 0, on_timer, x);
    if (event_add(&x->on_out, NULL) != 0 || event_add(&x->on_err, NULL) != 0 ||
        event_add(&x->on_exit, x->pidfd >= 0 ? NULL : &ask) != 0 ||
        event_add(&x->timer, &limit) != 0) {
        return -ENOMEM;
    }
    return 0;
}

struct kubeexec *kubeexec_start(const struct kubeexec_config *cfg, struct err *e)
{
    struct kubeexec *x = calloc(1, sizeof(*x));

    if (x == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    x->cfg = *cfg;
    x->pidfd = -1;
    buf_init(&x->out, cfg->max_bytes);
    reap_strays();
    if (execspawn_start(&x->child, cfg->exec, e) != 0) {
        free(x);
        return NULL;
    }
    running++;
    if (watch(x) != 0) {
        err_set(e, "out of memory");
        kubeexec_cancel(x);
        return NULL;
    }
    return x;
}

void kubeexec_cancel(struct kubeexec *x)
{
    if (x == NULL) {
        return;
    }
    kill_group(x);
    (void)reap(x); /* if it is not gone yet: reap_strays() */
    destroy(x);
}
