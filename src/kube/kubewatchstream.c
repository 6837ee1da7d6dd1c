/* Watches: event by event into the sink. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "kube/kubeclient.h"
#include "kube/watchevent.h"
#include "kubekind_priv.h"
#include "kubewatch_priv.h"

/* The reflector knows already that the stream is at its end. */
#define TOLD (-ECANCELED)

static bool has_object(const struct watchevent *e)
{
    return e->type == WATCH_ADDED || e->type == WATCH_MODIFIED || e->type == WATCH_DELETED;
}

/* 1: go on with it.  A bookmark may be any empty thing. */
static int admit(struct kubewatch *w, const struct watchevent *e)
{
    return has_object(e)
               ? kubekind_admit(cJSON_GetObjectItemCaseSensitive(e->tree, "object"), w->resource)
               : 1;
}

static int apply(struct kubewatch *w, const struct watchevent *e, uint64_t now_ms)
{
    const struct kubewatch_sink *sink = &w->sink;
    int rc = e->type == WATCH_DELETED ? sink->take(sink->ctx, e->object)
                                      : sink->put(sink->ctx, e->object);

    kubewatch_count(&w->stats->events, 1);
    if (rc) {
        reflector_spoilt(&w->reflector, now_ms, arc4random());
        kubewatch_count_error(w, 0);
        kubewatchlog_spoilt(&w->log, KUBEWATCHLOG_WATCH, rc, now_ms);
        return TOLD;
    }
    w->is_changed = true;
    return 0;
}

static void tell_error(struct kubewatch *w, const struct watchevent *e, uint64_t now_ms)
{
    if (e->type == WATCH_ERROR) {
        kubewatch_count_error(w, e->status.code);
        kubewatchlog_refused(&w->log, KUBEWATCHLOG_WATCH, &e->status, now_ms);
    }
}

static int take_event(struct kubewatch *w, const struct watchevent *e)
{
    uint64_t now_ms = clock_now_ms();
    int rc = admit(w, e);

    if (rc <= 0) {
        kubewatch_count(&w->stats->skipped, rc == 0);
        return rc;
    }
    switch (reflector_event(&w->reflector, e, now_ms, arc4random())) {
    case REFLECTOR_APPLY:
        kubewatch_stamp(w);
        return apply(w, e, now_ms);
    case REFLECTOR_SKIP:
        if (e->type == WATCH_UNKNOWN) {
            kubewatch_count(&w->stats->skipped, 1);
        } else {
            kubewatch_stamp(w);
        }
        return 0;
    case REFLECTOR_END:
        break;
    }
    tell_error(w, e, now_ms);
    return TOLD;
}

static int on_piece(void *ctx, const struct jsonsplit_piece *piece)
{
    struct kubewatch *w = ctx;
    struct watchevent event;
    int rc;

    rc = watchevent_parse(&event, piece->text, piece->len);
    if (rc == 0) {
        rc = take_event(w, &event);
        watchevent_fini(&event);
    }
    return rc;
}

/* What has been applied stands.  For lack of memory nothing is lost: the event that could not be
 * read has not been seen, and comes again when the watch goes on from the last one that was. */
static void break_off(struct kubewatch *w, int rc)
{
    enum reflector_ending how = rc == -ENOMEM ? REFLECTOR_CUT : REFLECTOR_GARBAGE;
    uint64_t now_ms = clock_now_ms();

    if (rc != TOLD) {
        reflector_ended(&w->reflector, how, now_ms, arc4random());
        kubewatch_count_error(w, 0);
        kubewatchlog_spoilt(&w->log, KUBEWATCHLOG_WATCH, rc, now_ms);
    }
    kubewatch_close(w);
}

static void on_head(void *ctx)
{
    struct kubewatch *w = ctx;

    kubewatch_enter(w);
    reflector_opened(&w->reflector, clock_now_ms());
    kubewatchlog_works(&w->log);
    w->is_opening = false;
    w->is_stirred = true;
    kubewatch_leave(w);
}

static int on_bytes(void *ctx, const void *bytes, size_t len)
{
    struct kubewatch *w = ctx;
    int rc;

    kubewatch_enter(w);
    reflector_heard(&w->reflector, clock_now_ms());
    rc = jsonsplit_feed(&w->stream, bytes, len);
    if (rc) {
        break_off(w, rc);
    }
    kubewatch_leave(w);
    return rc;
}

static void refuse(struct kubewatch *w, const struct kubestatus *why)
{
    uint64_t now_ms = clock_now_ms();

    kubewatch_count_error(w, why->code);
    kubewatchlog_refused(&w->log, KUBEWATCHLOG_WATCH, why, now_ms);
    (void)reflector_refused(&w->reflector, why, now_ms, arc4random()); /* no list runs */
}

/* The way a connection ends says nothing: a stream that ends in order may end within an event. */
static void end(struct kubewatch *w, const struct kuberesult *r)
{
    bool is_clean = r->how == KUBERESULT_OK && jsonsplit_is_complete(&w->stream);

    if (r->how == KUBERESULT_OK || (r->how == KUBERESULT_FAILED && r->began)) {
        if (!is_clean) {
            kubewatch_count_error(w, 0);
        }
        log_debug("the watch of %s ended%s", w->resource->plural, is_clean ? "" : ": cut off");
        reflector_ended(&w->reflector, is_clean ? REFLECTOR_CLEAN : REFLECTOR_CUT, clock_now_ms(),
                        arc4random());
    } else {
        refuse(w, &r->status);
    }
}

static void on_done(void *ctx, const struct kuberesult *r)
{
    struct kubewatch *w = ctx;

    kubewatch_enter(w);
    w->request = NULL;
    end(w, r);
    kubewatch_close(w);
    kubewatch_leave(w);
}

void kubewatchstream_start(struct kubewatch *w, const char *query)
{
    struct kuberequest_config cfg = {
        .is_watch = true, .on_head = on_head, .on_bytes = on_bytes, .on_done = on_done};
    struct kubestatus why;

    jsonsplit_init(&w->stream, JSONSPLIT_STREAM, LIMIT_KUBE_OBJECT_BYTES, on_piece, w);
    w->is_opening = true;
    if (kubewatch_ask(w, query, &cfg, &w->request)) {
        kubestatus_unreachable(&why, "out of memory");
        refuse(w, &why);
        w->is_opening = false;
    }
}

void kubewatchstream_give_up(struct kubewatch *w)
{
    struct kubestatus why;

    kubestatus_unreachable(&why, "the watch was not answered in time");
    kubewatch_count_error(w, 0);
    kubewatchlog_refused(&w->log, KUBEWATCHLOG_WATCH, &why, clock_now_ms());
}
