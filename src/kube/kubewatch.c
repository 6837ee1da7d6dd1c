#include "kubewatch_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "kube/kubeclient.h"
#include "kubepath_priv.h"

#define MAX_STEPS 8 /* of one turn; a step that starts something is followed by waiting */

void kubewatch_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void kubewatch_count_error(struct kubewatch *w, int code)
{
    if (code != 410) {
        kubewatch_count(&w->stats->errors, 1);
    }
}

void kubewatch_stamp(struct kubewatch *w)
{
    struct timespec now = clock_wall();

    atomic_store_explicit(&w->stats->last_event_ms,
                          (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, memory_order_relaxed);
}

/* Several watches may share the figures: they are synced when all are. */
static void add_unsynced(struct kubestats *stats)
{
    kubewatch_count(&stats->unsynced, 1);
    atomic_store_explicit(&stats->synced, false, memory_order_relaxed);
}

void kubewatch_set_synced(struct kubewatch *w)
{
    if (w->is_synced) {
        return;
    }
    w->is_synced = true;
    w->is_changed = true;
    if (atomic_fetch_sub_explicit(&w->stats->unsynced, 1, memory_order_relaxed) == 1) {
        atomic_store_explicit(&w->stats->synced, true, memory_order_relaxed);
    }
}

struct kubewatch *kubewatch_new(const struct kubewatch_config *cfg)
{
    struct kubewatch *w = calloc(1, sizeof(*w));

    if (!w) {
        return NULL;
    }
    w->client = cfg->client;
    w->resource = cfg->resource;
    w->sink = cfg->sink;
    w->stats = cfg->stats;
    w->is_optional = cfg->is_optional;
    w->stirred = cfg->stirred;
    w->ctx = cfg->ctx;
    reflector_init(&w->reflector);
    add_unsynced(w->stats);
    w->ns = cfg->ns ? strdup(cfg->ns) : NULL;
    w->path = kubepath_collection(cfg->resource, cfg->ns);
    w->selector = kubepath_selector(cfg->label_selector);
    w->log = (struct kubewatchlog){
        .resource = w->resource, .ns = w->ns, .is_optional = w->is_optional, .server = cfg->server};
    if ((cfg->ns && !w->ns) || !w->path || !w->selector) {
        kubewatch_free(w);
        return NULL;
    }
    return w;
}

void kubewatch_free(struct kubewatch *w)
{
    if (!w) {
        return;
    }
    ASSERT(!w->is_busy);
    kubewatch_close(w);
    if (!w->is_synced) {
        atomic_fetch_sub_explicit(&w->stats->unsynced, 1, memory_order_relaxed);
    }
    free(w->selector);
    free(w->path);
    free(w->ns);
    free(w);
}

int kubewatch_ask(struct kubewatch *w, const char *query, struct kuberequest_config *cfg,
                  struct kuberequest **out)
{
    char *path = kubepath_request(w->path, query, w->selector);
    struct kuberequest *request = NULL;

    if (path) {
        cfg->method = "GET";
        cfg->path = path;
        cfg->ctx = w;
        request = kubeclient_start(w->client, cfg);
        free(path);
    }
    if (!request) {
        return -ENOMEM;
    }
    *out = request;
    return 0;
}

static void cancel(struct kuberequest **request)
{
    if (*request) {
        kuberequest_cancel(*request);
        *request = NULL;
    }
}

void kubewatch_close(struct kubewatch *w)
{
    cancel(&w->probe);
    cancel(&w->request);
    w->is_opening = false;
    kubepage_fini(&w->probe_page);
    kubepage_fini(&w->page);
    jsonsplit_fini(&w->stream);
    kubewatchlist_drop(w);
    w->is_stirred = true;
}

static void close_overdue(struct kubewatch *w)
{
    if (w->is_opening && !w->is_forced) {
        kubewatchstream_give_up(w);
    }
    kubewatch_close(w);
}

static void act(struct kubewatch *w, uint64_t now_ms)
{
    struct reflector_step step;

    for (int i = 0; i < MAX_STEPS; i++) {
        reflector_next(&w->reflector, now_ms, arc4random(), &step);
        switch (step.what) {
        case REFLECTOR_LIST:
            kubewatchlist_start(w, step.query);
            break;
        case REFLECTOR_WATCH:
            kubewatchstream_start(w, step.query);
            break;
        case REFLECTOR_PROBE:
            kubewatchprobe_start(w, step.query);
            break;
        case REFLECTOR_CLOSE:
            close_overdue(w);
            break;
        case REFLECTOR_WAIT:
            return;
        }
    }
}

void kubewatch_turn(struct kubewatch *w, uint64_t now_ms)
{
    if (w->is_busy) {
        return; /* the callback that led here ends with a turn */
    }
    w->is_busy = true;
    act(w, now_ms);
    w->is_busy = false;
    w->is_stirred = false; /* whoever calls this looks at kubewatch_due_ms() anyway */
}

uint64_t kubewatch_due_ms(const struct kubewatch *w)
{
    return reflector_due_ms(&w->reflector);
}

void kubewatch_enter(struct kubewatch *w)
{
    ASSERT(!w->is_busy);
    w->is_busy = true;
}

void kubewatch_leave(struct kubewatch *w)
{
    bool is_stirred = w->is_stirred, is_changed = w->is_changed;

    if (is_stirred) {
        act(w, clock_now_ms());
    }
    w->is_stirred = false;
    w->is_changed = false;
    w->is_busy = false;
    if (is_changed) {
        w->sink.changed(w->sink.ctx);
    }
    if (is_stirred && w->stirred) {
        w->stirred(w->ctx);
    }
}

void kubewatch_relist(struct kubewatch *w)
{
    w->is_forced = true;
    reflector_relist(&w->reflector);
}

void kubewatch_hurry(struct kubewatch *w)
{
    reflector_hurry(&w->reflector);
}

bool kubewatch_is_synced(const struct kubewatch *w)
{
    return w->is_synced;
}

bool kubewatch_is_live(const struct kubewatch *w)
{
    return w->is_synced && reflector_is_watching(&w->reflector);
}

bool kubewatch_is_refused(const struct kubewatch *w)
{
    return w->is_refused;
}

const char *kubewatch_trouble(const struct kubewatch *w)
{
    return kubewatch_is_live(w) ? "" : kubewatchlog_trouble(&w->log);
}
