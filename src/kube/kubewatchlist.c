/* Lists: page by page into the sink, which takes the whole in place of what it had, or drops it. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "kube/kubeclient.h"
#include "kubewatch_priv.h"

void kubewatchlist_drop(struct kubewatch *w)
{
    if (w->is_listing) {
        w->is_listing = false;
        w->sink.list_drop(w->sink.ctx);
    }
}

/* What came cannot be used, though the reflector may have thought it could. */
static void spoil(struct kubewatch *w, int rc)
{
    uint64_t now_ms = clock_now_ms();

    reflector_spoilt(&w->reflector, now_ms, arc4random());
    kubewatch_close(w);
    kubewatch_count_error(w, 0);
    kubewatchlog_spoilt(&w->log, KUBEWATCHLOG_LIST, rc, now_ms);
}

static int on_item(void *ctx, const cJSON *object)
{
    struct kubewatch *w = ctx;

    if (w->items >= LIMIT_KUBE_LIST_OBJECTS) {
        return -EMSGSIZE;
    }
    w->items++;
    return w->sink.list_item(w->sink.ctx, object);
}

/* The causes behind which a restored server may stand; the others continue what was known. */
static bool is_doubted(enum reflector_cause cause)
{
    return cause == REFLECTOR_BACKWARDS || cause == REFLECTOR_PERIODIC || cause == REFLECTOR_FORCED;
}

static int take(struct kubewatch *w, const void *bytes, size_t len)
{
    int rc;

    if (!w->is_listing) {
        rc = w->sink.list_begin(w->sink.ctx, is_doubted(reflector_list_cause(&w->reflector)));
        if (rc) {
            return rc;
        }
        w->is_listing = true;
        w->items = 0;
        w->skipped = 0;
        w->list_bytes = 0;
    }
    w->list_bytes += len;
    if (w->list_bytes > LIMIT_KUBE_LIST_BYTES) {
        return -EMSGSIZE;
    }
    return kubepage_feed(&w->page, bytes, len);
}

static int on_bytes(void *ctx, const void *bytes, size_t len)
{
    struct kubewatch *w = ctx;
    int rc;

    kubewatch_enter(w);
    rc = take(w, bytes, len);
    if (rc) {
        spoil(w, rc);
    }
    kubewatch_leave(w);
    return rc;
}

static void count_list(struct kubewatch *w, enum reflector_cause cause, uint64_t differ)
{
    if (w->is_listed) {
        kubewatch_count(&w->stats->relists, 1);
    }
    if (cause == REFLECTOR_PERIODIC) {
        kubewatch_count(&w->stats->drifts, differ);
    }
    kubewatch_stamp(w);
}

static void end_list(struct kubewatch *w)
{
    struct kubewatchlog_list told = {.cause = reflector_list_cause(&w->reflector),
                                     .is_first = !w->is_listed,
                                     .items = w->items,
                                     .skipped = w->skipped};
    int rc = w->sink.list_end(w->sink.ctx, &told.differ);

    if (rc) {
        spoil(w, rc);
        return;
    }
    w->is_listing = false;
    w->is_changed = true;
    w->is_refused = false;
    count_list(w, told.cause, told.differ);
    kubewatchlog_listed(&w->log, &told);
    w->is_listed = true;
    kubewatch_set_synced(w);
}

static void end_page(struct kubewatch *w)
{
    uint64_t now_ms = clock_now_ms();
    int rc;

    w->skipped += w->page.skipped;
    kubewatch_count(&w->stats->skipped, w->page.skipped);
    if (!kubepage_is_whole(&w->page)) {
        spoil(w, -EBADMSG);
        return;
    }
    rc = reflector_page(&w->reflector, kubepage_version(&w->page), kubepage_next(&w->page), now_ms,
                        arc4random());
    if (rc < 0) {
        kubewatchlist_drop(w);
        kubewatch_count_error(w, 0);
        kubewatchlog_spoilt(&w->log, KUBEWATCHLOG_LIST, rc, now_ms);
    } else if (rc == 0) {
        end_list(w);
    }
}

static void refuse(struct kubewatch *w, const struct kubestatus *why)
{
    uint64_t now_ms = clock_now_ms();

    kubewatch_count_error(w, why->code);
    kubewatchlog_refused(&w->log, KUBEWATCHLOG_LIST, why, now_ms);
    if (!reflector_refused(&w->reflector, why, now_ms, arc4random())) {
        kubewatchlist_drop(w);
    }
    if (w->is_optional && (why->code == 403 || why->code == 404)) {
        w->is_refused = true;
        kubewatch_set_synced(w);
    }
}

static void on_done(void *ctx, const struct kuberesult *r)
{
    struct kubewatch *w = ctx;

    kubewatch_enter(w);
    w->request = NULL;
    w->is_stirred = true;
    if (r->how == KUBERESULT_OK) {
        end_page(w);
    } else {
        refuse(w, &r->status);
    }
    kubepage_fini(&w->page);
    kubewatch_leave(w);
}

void kubewatchlist_start(struct kubewatch *w, const char *query)
{
    struct kuberequest_config cfg = {
        .deadline_ms = KUBECLIENT_LIST_MS, .on_bytes = on_bytes, .on_done = on_done};
    struct kubestatus why;

    w->is_forced = false;
    kubepage_init(&w->page, w->resource, on_item, w);
    if (kubewatch_ask(w, query, &cfg, &w->request)) {
        kubestatus_unreachable(&why, "out of memory");
        refuse(w, &why);
    }
}
