#include "statussend_priv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "kube/kubeclient.h"
#include "statuswriter_priv.h"

#define PATH_MAX_BYTES 512u /* a namespace has at most 63 characters, a name 253 */
#define RETRY_MAX_S    300u /* a Retry-After is believed up to this */
#define TELL_EVERY_MS  60000u

enum outcome {
    OUTCOME_WRITTEN,
    OUTCOME_CONFLICT, /* somebody wrote in between */
    OUTCOME_GONE,
    OUTCOME_REFUSED, /* what was written is not valid */
    OUTCOME_TROUBLE, /* it may work later */
};

static enum outcome judge(const struct kuberesult *r)
{
    int code = r->status.code;

    if (r->how == KUBERESULT_OK) {
        return OUTCOME_WRITTEN;
    }
    if (r->how == KUBERESULT_FAILED) {
        return OUTCOME_TROUBLE;
    }
    switch (code) {
    case 404:
        return OUTCOME_GONE;
    case 409:
        return OUTCOME_CONFLICT;
    case 401:
    case 403:
    case 408:
    case 429:
        return OUTCOME_TROUBLE;
    default:
        return code >= 400 && code < 500 ? OUTCOME_REFUSED : OUTCOME_TROUBLE;
    }
}

static void count(_Atomic uint64_t *figure)
{
    atomic_fetch_add_explicit(figure, 1, memory_order_relaxed);
}

static void say(enum log_level level, const char *message, const struct statustask *t,
                const struct kubestatus *why)
{
    struct log_line line;

    if (!log_enabled(level)) {
        return;
    }
    log_line_begin(&line, level, message);
    log_line_str(&line, "namespace", t->key.ns);
    log_line_str(&line, "ingress", t->key.name);
    if (why && why->message[0]) {
        log_line_str(&line, why->code == 0 ? "cause" : "answer", why->message);
    }
    log_line_send(&line);
}

/* Whether it is time to say so again. */
static bool is_due(uint64_t *told_ms, uint64_t now_ms)
{
    if (*told_ms != 0 && now_ms - *told_ms < TELL_EVERY_MS) {
        return false;
    }
    *told_ms = now_ms;
    return true;
}

static void say_trouble(struct statuswriter *w, const struct statustask *t,
                        const struct kubestatus *why, uint64_t now_ms)
{
    if (why->code == 403) {
        if (is_due(&w->told_forbidden_ms, now_ms)) {
            say(LOG_WARN,
                "the status of an Ingress may not be written; grant the verb patch on "
                "ingresses/status in API group networking.k8s.io to this service account or user "
                "by a ClusterRole and a ClusterRoleBinding",
                t, why);
        }
    } else if (is_due(&w->told_trouble_ms, now_ms)) {
        say(LOG_WARN,
            why->code == 401 ? "the status of an Ingress could not be written: the credentials are "
                               "not accepted; they are read again and tried"
                             : "the status of an Ingress could not be written; tried again",
            t, why);
    }
}

static uint32_t draw(struct statuswriter *w)
{
    w->randoms++;
    return (uint32_t)siphash(&w->secret, &w->randoms, sizeof(w->randoms));
}

static uint64_t asked_ms(const struct kubestatus *why)
{
    uint64_t asked_s = why->has_retry_after ? why->retry_after_s : 0;

    return 1000 * (asked_s < RETRY_MAX_S ? asked_s : RETRY_MAX_S);
}

/* All wait a while: what failed is probably not this one's own. */
static void pause_all(struct statuswriter *w, const struct kubestatus *why, uint64_t now_ms)
{
    uint64_t wait_ms = asked_ms(why);

    if (now_ms >= w->pause_until_ms) { /* counted once for those that were under way together */
        uint64_t own_ms = backoff_next_ms(&w->backoff, &backoff_reflector, now_ms, draw(w));

        wait_ms = own_ms > wait_ms ? own_ms : wait_ms;
    }
    if (now_ms + wait_ms > w->pause_until_ms) {
        w->pause_until_ms = now_ms + wait_ms;
    }
}

/* Longer each time, but never less than this. */
static void wait(struct statuswriter *w, struct statustask *t, uint64_t now_ms, uint64_t least_ms,
                 bool waits_for_change)
{
    uint64_t wait_ms = backoff_delay_ms(&backoff_reflector, t->attempts++, draw(w));

    statusqueue_wait(&w->queue, t, now_ms + (wait_ms > least_ms ? wait_ms : least_ms),
                     waits_for_change);
}

/* What came of it, for the figures, the log, and how soon anything is tried again. */
static void note(struct statuswriter *w, struct statustask *t, enum outcome outcome,
                 const struct kubestatus *why, uint64_t now_ms)
{
    switch (outcome) {
    case OUTCOME_WRITTEN:
        count(&w->stats.written);
        w->backoff.attempts = 0;
        t->attempts = 0;
        t->was_refused = false;
        say(LOG_DEBUG, "Ingress status written", t, NULL);
        return;
    case OUTCOME_CONFLICT:
        count(&w->stats.conflicts);
        say(LOG_DEBUG, "Ingress status not written: the Ingress has changed", t, NULL);
        return;
    case OUTCOME_GONE:
        say(LOG_DEBUG, "Ingress status not written: the Ingress is gone", t, NULL);
        return;
    case OUTCOME_REFUSED:
        count(&w->stats.failed);
        say(t->was_refused ? LOG_DEBUG : LOG_WARN,
            "the API server refuses what is to be the status of this Ingress; not tried again "
            "before either changes",
            t, why);
        t->was_refused = true;
        return;
    case OUTCOME_TROUBLE:
        count(&w->stats.failed);
        say_trouble(w, t, why, now_ms);
        return;
    }
}

/* Where the task goes from here. */
static void settle(struct statuswriter *w, struct statustask *t, enum outcome outcome,
                   const struct kubestatus *why, uint64_t now_ms)
{
    uint64_t least_ms = why->code == 403 ? STATUSWRITER_RBAC_MS : asked_ms(why);

    if (outcome == OUTCOME_TROUBLE) {
        pause_all(w, why, now_ms);
    }
    if (t->want != 0 && outcome == OUTCOME_TROUBLE) {
        wait(w, t, now_ms, least_ms, false);
    } else if (t->want != 0 && t->want != t->sent) {
        statusqueue_move(&w->queue, t, STATUSTASK_READY);
    } else if (t->want != 0 && outcome == OUTCOME_CONFLICT) {
        wait(w, t, now_ms, STATUSWRITER_CONFLICT_MS, true);
    } else {
        statusqueue_move(&w->queue, t, STATUSTASK_IDLE);
    }
}

static void on_done(void *ctx, const struct kuberesult *r)
{
    struct statustask *t = ctx;
    struct statuswriter *w = t->owner;
    enum outcome outcome = judge(r);
    uint64_t now_ms = clock_now_ms();

    t->request = NULL;
    note(w, t, outcome, &r->status, now_ms);
    settle(w, t, outcome, &r->status, now_ms);
}

/* The object as it is now: the watch brings it as well. */
static int on_bytes(void *ctx, const void *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return 0;
}

int statussend_start(struct statuswriter *w, struct statustask *t)
{
    char path[PATH_MAX_BYTES];
    struct kuberequest_config cfg = {
        .method = "PATCH",
        .path = path,
        .body = t->body,
        .body_len = t->body_len,
        .content_type = "application/merge-patch+json",
        .deadline_ms = KUBECLIENT_WRITE_MS,
        .on_bytes = on_bytes,
        .on_done = on_done,
        .ctx = t,
    };
    int len =
        snprintf(path, sizeof(path), "/apis/networking.k8s.io/v1/namespaces/%s/ingresses/%s/status",
                 t->key.ns, t->key.name);

    ASSERT(len > 0 && (size_t)len < sizeof(path)); /* names were judged when they were decoded */
    t->request = kubeclient_start(w->client, &cfg);
    if (!t->request) {
        return -ENOMEM;
    }
    t->sent = t->want;
    statusqueue_move(&w->queue, t, STATUSTASK_FLYING);
    return 0;
}

void statussend_cancel(struct statuswriter *w, struct statustask *t)
{
    kuberequest_cancel(t->request);
    t->request = NULL;
    statusqueue_move(&w->queue, t, t->want != 0 ? STATUSTASK_READY : STATUSTASK_IDLE);
}
