#include "support/scripted_source.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/verdict.h"
#include "support/objects.h"

static int take_news(void *self, struct source_change *out, struct err *e)
{
    struct scripted_source *s = self;
    int rc;

    pthread_mutex_lock(&s->lock);
    s->syncs++;
    rc = s->rc;
    if (rc == 0) {
        *out = (struct source_change){.changed = s->yaml || s->changed, .retry = s->retry};
        if (s->yaml) {
            objects_put(s->host.store, s->yaml);
        }
        s->yaml = NULL;
        s->changed = false;
    } else {
        err_set(e, "%s", s->failure);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static const char *text_of(const struct scripted_source *s, const char *const *text)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&s->lock;
    const char *is;

    pthread_mutex_lock(lock);
    is = *text;
    pthread_mutex_unlock(lock);
    return is;
}

static bool answer_of(const struct scripted_source *s, const bool *answer)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&s->lock;
    bool is;

    pthread_mutex_lock(lock);
    is = *answer;
    pthread_mutex_unlock(lock);
    return is;
}

static void add_verdicts(const void *self, struct verdicts *v)
{
    const struct scripted_source *s = self;
    const char *reason = text_of(s, &s->verdict);

    if (reason) {
        verdicts_add_at(v, "object", 0, VERDICT_ERROR, reason, "said by a test");
    }
}

static bool is_complete(const void *self)
{
    const struct scripted_source *s = self;

    return answer_of(s, &s->complete);
}

static bool is_live(const void *self)
{
    const struct scripted_source *s = self;

    return answer_of(s, &s->live);
}

static bool is_stale(void *self)
{
    const struct scripted_source *s = self;

    return answer_of(s, &s->stale);
}

static void reload(void *self)
{
    struct scripted_source *s = self;

    pthread_mutex_lock(&s->lock);
    s->reloads++;
    pthread_mutex_unlock(&s->lock);
}

static void let_go(void *self)
{
    struct scripted_source *s = self;

    s->frees++;
    if (s->rung) {
        event_free(s->rung);
        (void)close(s->bell);
    }
    s->rung = NULL;
}

static const struct source_ops OPS = {
    .name = "the script",
    .sync = take_news,
    .verdicts = add_verdicts,
    .is_complete = is_complete,
    .is_live = is_live,
    .is_stale = is_stale,
    .reload = reload,
    .free = let_go,
};

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
    struct scripted_source *s = arg;
    eventfd_t n = 0;

    (void)what;
    if (eventfd_read(fd, &n) != 0) {
        return;
    }
    for (; n > 0; n--) {
        s->host.notice(s->host.ctx);
    }
}

void scripted_source_init(struct scripted_source *s)
{
    *s = (struct scripted_source){.complete = true, .live = true, .bell = -1};
    pthread_mutex_init(&s->lock, NULL);
}

void scripted_source_fini(struct scripted_source *s)
{
    pthread_mutex_destroy(&s->lock);
}

struct source scripted_source_open(struct scripted_source *s, const struct source_host *host)
{
    s->host = *host;
    if (host->base) {
        s->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        s->rung = event_new(host->base, s->bell, EV_READ | EV_PERSIST, on_bell, s);
        if (!s->rung || event_add(s->rung, NULL) != 0) {
            abort();
        }
    }
    return (struct source){.ops = &OPS, .self = s};
}

void scripted_source_ring(struct scripted_source *s, unsigned n)
{
    if (eventfd_write(s->bell, n) != 0) {
        abort();
    }
}

void scripted_source_change(struct scripted_source *s, const char *yaml)
{
    pthread_mutex_lock(&s->lock);
    s->yaml = yaml;
    pthread_mutex_unlock(&s->lock);
    scripted_source_ring(s, 1);
}

unsigned scripted_source_syncs(struct scripted_source *s)
{
    unsigned n;

    pthread_mutex_lock(&s->lock);
    n = s->syncs;
    pthread_mutex_unlock(&s->lock);
    return n;
}
