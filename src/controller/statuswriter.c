#include "controller/statuswriter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "controller/objstatus.h"
#include "model/store.h"
#include "statusscope_priv.h"
#include "statussend_priv.h"
#include "statuswriter_priv.h"

#define TOKEN_MS  (1000u / STATUSWRITER_PER_S)
#define MEMORY_MS 1000u /* until a request is tried again that there was no memory for */

struct statuswriter *statuswriter_new(const struct statuswriter_config *cfg)
{
    struct statuswriter *w = calloc(1, sizeof(*w));

    if (!w) {
        return NULL;
    }
    w->owes_look = true;
    w->client = cfg->client;
    w->controller_class = cfg->controller_class;
    statusqueue_init(&w->queue, w);
    if (statuspublish_init(&w->publish, cfg) != 0 || siphash_key_random(&w->secret) != 0) {
        statuswriter_free(w);
        return NULL;
    }
    return w;
}

static void cancel_all(struct statuswriter *w)
{
    struct statustask *t;

    while ((t = statusqueue_first(&w->queue, STATUSTASK_FLYING)) != NULL) {
        statussend_cancel(w, t);
    }
}

void statuswriter_free(struct statuswriter *w)
{
    if (!w) {
        return;
    }
    cancel_all(w);
    statusqueue_fini(&w->queue);
    statuspublish_fini(&w->publish);
    free(w);
}

/* ---- what to write --------------------------------------------------------------------------- */

/** One look. */
struct look {
    struct statuswriter *w;
    struct statusscope scope;
    size_t n_tasks; /* whose Ingress is there */
};

/* Which Ingress, as it is now, and what from: the same again needs no second attempt. */
static uint64_t digest_of(const struct statuswriter *w, const struct ingress *ing, bool is_served)
{
    const char *version = ing->meta.resource_version;
    uint64_t parts[3] = {siphash(&w->secret, version, strlen(version)), w->publish.serial,
                         is_served};

    return siphash(&w->secret, parts, sizeof(parts)) | 1; /* 0 is nothing */
}

/* Whether this Ingress's status is ours to write; its class tells, or that it was once served. */
static bool is_ours(const struct look *l, const struct ingress *ing, bool is_known)
{
    if (ing->meta.resource_version[0] == '\0') {
        return false; /* not from an API server; a patch would be unconditional */
    }
    switch (statusscope_class_of(&l->scope, ing)) {
    case STATUSSCOPE_OTHERS:
        return false;
    case STATUSSCOPE_OURS:
        return true;
    case STATUSSCOPE_UNKNOWN:
        break;
    }
    return is_known;
}

static struct statustask *take_task(struct look *l, const struct statuskey *k, bool is_wanted)
{
    struct statustask *t = statusqueue_find(&l->w->queue, k);

    if (!t && is_wanted) {
        t = statusqueue_add(&l->w->queue, k);
        l->w->owes_look = l->w->owes_look || !t;
    }
    if (t && t->seen != l->w->looks) {
        t->seen = l->w->looks;
        l->n_tasks++;
    }
    return t;
}

/* Without memory the task stays as it was; another look finds the difference again. */
static void want(struct statuswriter *w, struct statustask *t, const struct ingress *ing,
                 uint64_t digest, const struct objstatus_list *list)
{
    struct buf body;

    if (t->want == digest) {
        return;
    }
    buf_init(&body, OBJSTATUS_PATCH_BYTES);
    if (objstatus_patch(&body, ing->meta.resource_version, list) != 0) {
        w->owes_look = true;
        buf_fini(&body);
        return;
    }
    statusqueue_want(&w->queue, t, digest, (char *)body.data, body.len);
}

static void look_at(struct look *l, const struct ingress *ing)
{
    static const struct objstatus_list nothing = {.n = 0};
    struct statuswriter *w = l->w;
    struct statuskey k = statuskey_of(&w->secret, ing->meta.ns, ing->meta.name);
    bool is_served = statusscope_is_served(&l->scope, &k);
    struct statustask *t = take_task(l, &k, is_served);
    struct objstatus_list list;

    if (!is_ours(l, ing, t != NULL) ||
        !objstatus_merge(ing, is_served ? &w->publish.now : &nothing, &w->publish.known, &list)) {
        if (t && t->want != 0) {
            statusqueue_want(&w->queue, t, 0, NULL, 0);
        }
        return;
    }
    t = take_task(l, &k, true);
    if (t) {
        want(w, t, ing, digest_of(w, ing, is_served), &list);
    }
}

/* Those whose Ingress is no longer there. */
static void drop_unseen(struct statuswriter *w)
{
    struct statustask *t, *next;

    for (t = w->queue.tasks; t; t = next) {
        next = t->hh.next;
        if (t->seen == w->looks) {
            continue;
        }
        if (t->state == STATUSTASK_FLYING) {
            statussend_cancel(w, t);
        }
        statusqueue_remove(&w->queue, t);
    }
}

/* Nothing is to be written, now that nothing is published; which are served stays known. */
static void want_nothing(struct statuswriter *w)
{
    for (struct statustask *t = w->queue.tasks; t; t = t->hh.next) {
        if (t->want != 0) {
            statusqueue_want(&w->queue, t, 0, NULL, 0);
        }
    }
}

void statuswriter_look(struct statuswriter *w, const struct store *s, const struct table *t)
{
    struct look l = {.w = w};
    const struct objmeta *o = NULL;

    if (!t) {
        return;
    }
    w->owes_look = true;
    if (statuspublish_look(&w->publish, s) != 0) {
        return;
    }
    if (w->publish.now.n == 0) {
        want_nothing(w);
        w->owes_look = false;
        return;
    }
    if (statusscope_init(&l.scope, s, t, w->controller_class, &w->secret) != 0) {
        return;
    }
    w->owes_look = false;
    w->looks++;
    while ((o = store_next(s, OBJECT_INGRESS, o)) != NULL) {
        look_at(&l, (const struct ingress *)(const void *)o);
    }
    if (l.n_tasks < statusqueue_count(&w->queue)) {
        drop_unseen(w);
    }
    statusscope_fini(&l.scope);
}

bool statuswriter_owes_look(const struct statuswriter *w)
{
    return w->owes_look;
}

/* ---- when to write --------------------------------------------------------------------------- */

void statuswriter_allow(struct statuswriter *w, bool may)
{
    if (w->may_write && !may) {
        cancel_all(w);
    }
    w->may_write = may;
}

static uint64_t start_due_ms(const struct statuswriter *w)
{
    const uint64_t ahead_ms = (uint64_t)(STATUSWRITER_BURST - 1) * TOKEN_MS;
    uint64_t pace_ms = w->pace_ms > ahead_ms ? w->pace_ms - ahead_ms : 0;

    if (!statusqueue_first(&w->queue, STATUSTASK_READY) ||
        w->queue.n_flying >= STATUSWRITER_FLIGHTS) {
        return UINT64_MAX;
    }
    return pace_ms > w->pause_until_ms ? pace_ms : w->pause_until_ms;
}

static void start_one(struct statuswriter *w, uint64_t now_ms)
{
    if (statussend_start(w, statusqueue_first(&w->queue, STATUSTASK_READY)) != 0) {
        w->pause_until_ms = now_ms + MEMORY_MS;
        return;
    }
    w->pace_ms = (w->pace_ms > now_ms ? w->pace_ms : now_ms) + TOKEN_MS;
}

void statuswriter_turn(struct statuswriter *w, uint64_t now_ms)
{
    if (!w->may_write) {
        return;
    }
    statusqueue_wake(&w->queue, now_ms);
    while (start_due_ms(w) <= now_ms) { /* at most STATUSWRITER_FLIGHTS times */
        start_one(w, now_ms);
    }
}

uint64_t statuswriter_due_ms(const struct statuswriter *w)
{
    uint64_t start_ms = start_due_ms(w), wake_ms = statusqueue_wake_ms(&w->queue);

    if (!w->may_write) {
        return UINT64_MAX;
    }
    return start_ms < wake_ms ? start_ms : wake_ms;
}

const struct statuswriter_stats *statuswriter_stats(const struct statuswriter *w)
{
    return &w->stats;
}
