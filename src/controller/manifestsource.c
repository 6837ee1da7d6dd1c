#include "controller/manifestsource.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "manifest/manifestdir.h"

#define LOOK_US    10000000u /* between looks at the tree that nobody asked for */
#define LOOK_SHARE 200       /* and at least so many times as long as such a look takes */

struct manifestsource {
    struct source_host host;
    struct manifestdir *dir;
    struct event *readable; /* inotify has something */
    uint64_t look_us;       /* clock_now_us() at which to look, though inotify is silent */
    bool complete, live;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    const struct manifestsource *m = arg;

    (void)fd;
    (void)what;
    (void)manifestdir_drain(m->dir);
    m->host.notice(m->host.ctx);
}

static int sync_tree(void *self, struct source_change *out, struct err *e)
{
    struct manifestsource *m = self;
    struct manifestdir_change change;
    uint64_t start_us = clock_now_us(), end_us;
    int rc = manifestdir_sync(m->dir, &change, e);

    m->live = rc == 0;
    if (rc != 0) {
        return rc;
    }
    end_us = clock_now_us();
    m->look_us = end_us + LOOK_US + (end_us - start_us) * LOOK_SHARE;
    m->complete = true;
    *out = (struct source_change){.changed = change.changed, .retry = change.retry};
    return 0;
}

static void add_verdicts(const void *self, struct verdicts *v)
{
    const struct manifestsource *m = self;

    manifestdir_verdicts(m->dir, v);
}

static bool is_complete(const void *self)
{
    const struct manifestsource *m = self;

    return m->complete;
}

static bool is_live(const void *self)
{
    const struct manifestsource *m = self;

    return m->live;
}

static bool is_stale(void *self)
{
    const struct manifestsource *m = self;

    return clock_now_us() >= m->look_us || manifestdir_is_stale(m->dir);
}

static void reread(void *self)
{
    struct manifestsource *m = self;

    log_info("reading all manifests again");
    manifestdir_reread(m->dir);
}

static void close_all(void *self)
{
    struct manifestsource *m = self;

    if (m->readable) {
        event_free(m->readable);
    }
    manifestdir_close(m->dir);
    free(m);
}

static const struct source_ops OPS = {
    .name = "the manifests",
    .sync = sync_tree,
    .verdicts = add_verdicts,
    .is_complete = is_complete,
    .is_live = is_live,
    .is_stale = is_stale,
    .reload = reread,
    .free = close_all,
};

static int watch_tree(struct manifestsource *m, struct err *e)
{
    m->readable =
        event_new(m->host.base, manifestdir_fd(m->dir), EV_READ | EV_PERSIST, on_readable, m);
    if (!m->readable || event_add(m->readable, NULL) != 0) {
        err_set(e, "cannot watch the manifests: out of memory");
        return -ENOMEM;
    }
    return 0;
}

int manifestsource_open(struct source *out, const char *path, const struct source_host *host,
                        struct err *e)
{
    struct manifestsource *m = calloc(1, sizeof(*m));
    int rc = -EIO;

    if (!m) {
        err_set(e, "out of memory");
        return -ENOMEM;
    }
    m->host = *host;
    m->dir = manifestdir_open(path, host->store, e);
    if (!m->dir) {
        goto fail;
    }
    rc = watch_tree(m, e);
    if (rc != 0) {
        goto fail;
    }
    *out = (struct source){.ops = &OPS, .self = m};
    return 0;
fail:
    close_all(m);
    return rc;
}
