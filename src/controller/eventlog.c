#include "controller/eventlog.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/siphash.h"
#include "eventlogtell_priv.h"
#include "eventtopics_priv.h"
#include "kube/kubeclient.h"

#define SWEEP_MS       10000u
#define RETRY_AFTER_MS 300000u /* a server that says more than this is not believed */
#define RENEW_LOOK_MS  60000u  /* between looks for what is to be said again */
#define TOKEN_MS       (1000u / EVENTLOG_PER_S)

struct flight {
    struct eventlog *log;
    struct eventtopic *topic; /* NULL: free */
    struct kuberequest *request;
    enum eventseries_write how;
};

struct eventlog {
    struct eventlog_config cfg;
    struct eventlog_stats stats;
    struct eventlogtell tell;
    struct eventtopics topics;
    TAILQ_HEAD(eventlog_queue, eventtopic) queue;
    size_t n_queued;
    struct flight flights[EVENTLOG_FLIGHTS];
    bool may;
    uint64_t paid_ms;  /* until when the writes so far have used up the steady rate */
    uint64_t pause_ms; /* the server asked for silence, or is not there: until when */
    uint64_t sweep_ms; /* UINT64_MAX: nothing to sweep */
    uint64_t renew_ms; /* UINT64_MAX: nothing to be said again */
    uint64_t stamp;    /* of the last Event */
    uint64_t chance;   /* how often it was asked for */
};

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t earlier_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int64_t wall_us(void)
{
    struct timespec now = clock_wall();

    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/** Nanoseconds, as client-go; no two are the same. */
static uint64_t next_stamp(struct eventlog *l)
{
    struct timespec now = clock_wall();

    l->stamp = later_of((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, l->stamp + 1);
    return l->stamp;
}

/** EVENTLOG_RETRY_MS, more or less a quarter. */
static uint64_t retry_ms(struct eventlog *l)
{
    uint64_t random = siphash(&l->topics.key, &l->chance, sizeof(l->chance));

    l->chance++;
    return EVENTLOG_RETRY_MS * 3 / 4 + random % (EVENTLOG_RETRY_MS / 2 + 1);
}

/* ---- the queue ------------------------------------------------------------------------------- */

static void lose(struct eventlog *l, uint64_t n)
{
    atomic_fetch_add_explicit(&l->stats.lost, n, memory_order_relaxed);
    eventlogtell_lost(&l->tell, n);
}

static void queue_put(struct eventlog *l, struct eventtopic *topic, uint64_t at_ms)
{
    topic->is_queued = true;
    topic->at_ms = at_ms;
    TAILQ_INSERT_TAIL(&l->queue, topic, link);
    l->n_queued++;
}

static void queue_take(struct eventlog *l, struct eventtopic *topic)
{
    topic->is_queued = false;
    TAILQ_REMOVE(&l->queue, topic, link);
    l->n_queued--;
}

static void schedule_sweep(struct eventlog *l, uint64_t now_ms)
{
    l->sweep_ms = earlier_of(l->sweep_ms, now_ms + SWEEP_MS);
}

static void happen(struct eventlog *l, struct eventtopic *topic, uint64_t now_ms)
{
    uint64_t at_ms = eventseries_happen(&topic->series, now_ms, wall_us());

    topic->is_new = false;
    if (topic->is_queued || !topic->note) {
        return; /* without memory for a note it is counted as lost already */
    }
    if (l->n_queued >= EVENTLOG_QUEUE) {
        lose(l, 1);
        return;
    }
    topic->attempts = 0;
    queue_put(l, topic, at_ms);
}

static void queue_new(struct eventlog *l, bool warnings, uint64_t now_ms)
{
    struct eventtopic *topic = NULL;

    while ((topic = eventtopics_next(&l->topics, topic)) != NULL) {
        if (topic->is_new && topic->is_warning == warnings) {
            happen(l, topic, now_ms);
        }
    }
}

/** Say again what stands since long; what is new goes before, and finds room.  Returns whether a
 * warning stands. */
static bool renew(struct eventlog *l, uint64_t now_ms)
{
    struct eventtopic *topic = NULL;
    bool stands = false;

    while ((topic = eventtopics_next(&l->topics, topic)) != NULL) {
        if (!topic->stands || !topic->is_warning) {
            continue;
        }
        stands = true;
        if (topic->note && !topic->is_queued && !topic->is_under_way &&
            l->n_queued < EVENTLOG_QUEUE / 2 && eventseries_is_stale(&topic->series, now_ms)) {
            eventseries_renew(&topic->series, now_ms, wall_us());
            topic->attempts = 0;
            queue_put(l, topic, now_ms);
        }
    }
    return stands;
}

static void drop_ceased(struct eventlog *l)
{
    struct eventtopic *topic = NULL;

    while ((topic = eventtopics_next(&l->topics, topic)) != NULL) {
        if (topic->is_queued && !topic->stands) {
            queue_take(l, topic);
        }
    }
}

/** Warnings first: if some are lost, let it be notes. */
static void queue_all_new(struct eventlog *l)
{
    uint64_t now_ms = clock_now_ms();

    queue_new(l, true, now_ms);
    queue_new(l, false, now_ms);
}

void eventlog_look(struct eventlog *l, const struct store *s, const struct verdicts *decoded,
                   const struct verdicts *translated)
{
    const struct eventtopics_view now = {.store = s, .decoded = decoded, .translated = translated};
    uint64_t lost = l->topics.lost;

    if (!eventtopics_look(&l->topics, &now)) {
        return;
    }
    if (l->may) {
        lose(l, l->topics.lost - lost);
        drop_ceased(l);
        queue_all_new(l);
        l->renew_ms = earlier_of(l->renew_ms, clock_now_ms() + RENEW_LOOK_MS);
    }
    schedule_sweep(l, clock_now_ms());
}

/* ---- answers --------------------------------------------------------------------------------- */

static void fail(struct eventlog *l, struct eventtopic *topic, const struct kubestatus *why)
{
    atomic_fetch_add_explicit(&l->stats.failed, 1, memory_order_relaxed);
    eventseries_end(&topic->series);
    eventlogtell_failed(&l->tell, eventtopics_about(topic).ns, why, clock_now_ms());
}

/** Again later, unless it was tried often enough or is no longer true. */
static void retry(struct eventlog *l, struct eventtopic *topic, const struct kubestatus *why)
{
    uint64_t wait_ms = retry_ms(l), at_ms;

    if (topic->attempts++ >= EVENTLOG_RETRIES) {
        fail(l, topic, why);
        return;
    }
    if (why->has_retry_after) {
        wait_ms = later_of(wait_ms, earlier_of(why->retry_after_s * 1000ull, RETRY_AFTER_MS));
    }
    at_ms = clock_now_ms() + wait_ms;
    if (why->code == 0 || why->code == 429) {
        l->pause_ms = later_of(l->pause_ms, at_ms); /* the others would fare no better */
    }
    if (topic->is_queued) {
        topic->at_ms = later_of(topic->at_ms, at_ms);
    } else if (topic->stands) {
        queue_put(l, topic, at_ms);
    }
}

static void accept_write(struct eventlog *l, struct eventtopic *topic)
{
    atomic_fetch_add_explicit(&l->stats.written, 1, memory_order_relaxed);
    eventseries_accept(&topic->series);
    topic->attempts = 0;
}

/** The Event has gone, as each does after an hour or so. */
static void create_again(struct eventlog *l, struct eventtopic *topic)
{
    eventseries_end(&topic->series);
    if (!topic->is_queued && topic->stands) {
        queue_put(l, topic, clock_now_ms());
    }
}

static void refuse(struct eventlog *l, const struct flight *f, const struct kubestatus *why)
{
    if (f->how == EVENTSERIES_PATCH && why->code == 404) {
        create_again(l, f->topic);
    } else if (f->how == EVENTSERIES_POST && why->code == 409) {
        accept_write(l, f->topic); /* it came through when no answer did */
    } else if (why->code == 429 || why->code >= 500) {
        retry(l, f->topic, why);
    } else {
        fail(l, f->topic, why);
    }
}

static void on_done(void *ctx, const struct kuberesult *r)
{
    struct flight *slot = ctx, f = *slot;
    struct eventlog *l = f.log;

    slot->topic = NULL;
    f.topic->is_under_way = false;
    switch (r->how) {
    case KUBERESULT_OK:
        accept_write(l, f.topic);
        break;
    case KUBERESULT_REFUSED:
        refuse(l, &f, &r->status);
        break;
    case KUBERESULT_FAILED:
        retry(l, f.topic, &r->status);
        break;
    }
    schedule_sweep(l, clock_now_ms());
}

static int on_bytes(void *ctx, const void *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return 0; /* the Event as it was sent */
}

/* ---- requests -------------------------------------------------------------------------------- */

static int write_body(const struct eventlog *l, const struct flight *f, const char *note,
                      struct buf *b)
{
    const struct eventtopic *topic = f->topic;
    const struct eventtext e = {
        .about = eventtopics_about(topic),
        .is_warning = topic->is_warning,
        .reason = topic->reason,
        .note = note,
        .controller = l->cfg.controller,
        .instance = l->cfg.instance,
        .wall_us = topic->series.seen_us,
        .stamp = topic->series.stamp,
    };

    if (f->how == EVENTSERIES_PATCH) {
        return eventtext_series(b, topic->series.count, topic->series.seen_us);
    }
    return eventtext_post(b, &e);
}

static struct kuberequest *start(struct eventlog *l, struct flight *f, const struct buf *body)
{
    const struct eventtext_object about = eventtopics_about(f->topic);
    const bool is_patch = f->how == EVENTSERIES_PATCH;
    char path[EVENTTEXT_PATH];
    const struct kuberequest_config cfg = {
        .method = is_patch ? "PATCH" : "POST",
        .path = is_patch ? eventtext_path(&about, f->topic->series.stamp, path)
                         : eventtext_list_path(&about, path),
        .body = (const char *)body->data,
        .body_len = body->len,
        .content_type = is_patch ? "application/merge-patch+json" : "application/json",
        .deadline_ms = KUBECLIENT_WRITE_MS,
        .on_bytes = on_bytes,
        .on_done = on_done,
        .ctx = f,
    };

    return kubeclient_start(l->cfg.client, &cfg);
}

static struct flight *free_flight(struct eventlog *l)
{
    for (size_t i = 0; i < EVENTLOG_FLIGHTS; i++) {
        if (!l->flights[i].topic) {
            return &l->flights[i];
        }
    }
    return NULL;
}

static void send_topic(struct eventlog *l, struct eventtopic *topic, uint64_t now_ms)
{
    struct flight *f = free_flight(l), flight = {.log = l, .topic = topic};
    char note[EVENTTEXT_NOTE];
    struct buf body;

    eventtext_note(topic->note ? topic->note : "", topic->rest, note);
    flight.how = eventseries_begin(&topic->series, siphash(&l->topics.key, note, strlen(note)),
                                   now_ms, next_stamp(l));
    *f = flight;
    buf_init(&body, EVENTTEXT_BODY_MAX);
    if (write_body(l, f, note, &body) == 0) {
        f->request = start(l, f, &body);
    }
    buf_fini(&body);
    if (f->request) {
        topic->is_under_way = true;
        eventtopics_tell(topic);
        return;
    }
    f->topic = NULL;
    retry(l, topic, &(struct kubestatus){.code = 0, .message = "out of memory"});
}

/* ---- turns ----------------------------------------------------------------------------------- */

/** When the rate allows the next write. */
static uint64_t rate_due_ms(const struct eventlog *l)
{
    const uint64_t ahead_ms = (EVENTLOG_BURST - 1) * (uint64_t)TOKEN_MS;

    return l->paid_ms > ahead_ms ? l->paid_ms - ahead_ms : 0;
}

static struct eventtopic *next_ready(const struct eventlog *l, uint64_t now_ms)
{
    struct eventtopic *topic;

    TAILQ_FOREACH (topic, &l->queue, link) {
        if (topic->at_ms <= now_ms && !topic->is_under_way) {
            return topic;
        }
    }
    return NULL;
}

static bool may_send(struct eventlog *l, uint64_t now_ms)
{
    return l->may && now_ms >= l->pause_ms && now_ms >= rate_due_ms(l) && free_flight(l) != NULL;
}

void eventlog_turn(struct eventlog *l, uint64_t now_ms)
{
    struct eventtopic *topic;

    if (now_ms >= l->renew_ms) {
        l->renew_ms = renew(l, now_ms) ? now_ms + RENEW_LOOK_MS : UINT64_MAX;
    }
    while (may_send(l, now_ms) && (topic = next_ready(l, now_ms)) != NULL) {
        l->paid_ms = later_of(l->paid_ms, now_ms) + TOKEN_MS;
        queue_take(l, topic);
        send_topic(l, topic, now_ms);
    }
    if (now_ms >= l->sweep_ms) {
        l->sweep_ms = eventtopics_sweep(&l->topics, now_ms) ? now_ms + SWEEP_MS : UINT64_MAX;
    }
    eventlogtell_turn(&l->tell, now_ms);
}

static uint64_t queue_due_ms(const struct eventlog *l)
{
    const struct eventtopic *topic;
    uint64_t due_ms = UINT64_MAX;

    TAILQ_FOREACH (topic, &l->queue, link) {
        if (!topic->is_under_way) {
            due_ms = earlier_of(due_ms, topic->at_ms);
        }
    }
    return due_ms;
}

static bool is_full(const struct eventlog *l)
{
    for (size_t i = 0; i < EVENTLOG_FLIGHTS; i++) {
        if (!l->flights[i].topic) {
            return false;
        }
    }
    return true;
}

uint64_t eventlog_due_ms(const struct eventlog *l)
{
    uint64_t due_ms = is_full(l) ? UINT64_MAX : queue_due_ms(l);

    due_ms = later_of(due_ms, later_of(l->pause_ms, rate_due_ms(l)));
    due_ms = earlier_of(due_ms, earlier_of(l->sweep_ms, l->renew_ms));
    return earlier_of(due_ms, eventlogtell_due_ms(&l->tell));
}

/* ---- whether to write ------------------------------------------------------------------------ */

static void stop(struct eventlog *l)
{
    struct eventtopic *topic;

    for (size_t i = 0; i < EVENTLOG_FLIGHTS; i++) {
        struct flight *f = &l->flights[i];

        if (f->topic) {
            kuberequest_cancel(f->request);
            f->topic->is_under_way = false;
            f->topic = NULL;
        }
    }
    while ((topic = TAILQ_FIRST(&l->queue)) != NULL) {
        queue_take(l, topic);
    }
}

void eventlog_allow(struct eventlog *l, bool may)
{
    if (may == l->may) {
        return;
    }
    l->may = may;
    if (may) {
        queue_all_new(l); /* what stands: nothing of it was said */
        l->renew_ms = clock_now_ms() + RENEW_LOOK_MS;
        return;
    }
    stop(l);
    l->renew_ms = UINT64_MAX;
    eventtopics_forget(&l->topics);
    l->pause_ms = 0;
}

struct eventlog *eventlog_new(const struct eventlog_config *cfg)
{
    struct eventlog *l = calloc(1, sizeof(*l));

    if (!l) {
        return NULL;
    }
    l->cfg = *cfg;
    l->sweep_ms = l->renew_ms = UINT64_MAX;
    TAILQ_INIT(&l->queue);
    eventtopics_init(&l->topics);
    return l;
}

void eventlog_free(struct eventlog *l)
{
    if (!l) {
        return;
    }
    stop(l);
    eventtopics_fini(&l->topics);
    free(l);
}

const struct eventlog_stats *eventlog_stats(const struct eventlog *l)
{
    return &l->stats;
}
