#include "controller/kubewriter.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "controller/eventlog.h"
#include "controller/statuswriter.h"
#include "kube/kubeclient.h"
#include "kube/leader.h"

#define SLEEP_MS 60000u /* of the timer, at most */

struct kubewriter {
    struct kubeclient *client; /* of status and Events; the Lease has its own */
    struct leader *leader;
    struct statuswriter *status;
    struct eventlog *events;
    struct event *timer;
    struct kubewriter_stats stats;
};

static uint64_t min_ms(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t wait_ms(const struct kubewriter *w, uint64_t now_ms)
{
    uint64_t due_ms = min_ms(kubeclient_due_ms(w->client), leader_due_ms(w->leader));

    due_ms = min_ms(due_ms, statuswriter_due_ms(w->status));
    due_ms = min_ms(due_ms, eventlog_due_ms(w->events));
    return due_ms > now_ms ? min_ms(due_ms - now_ms, SLEEP_MS) : 0;
}

/** Should it fail for memory, the next round sets it again. */
static void arm(struct kubewriter *w)
{
    struct timeval tv;
    uint64_t ms;

    if (!w->timer) {
        return; /* not made yet */
    }
    ms = wait_ms(w, clock_now_ms());
    tv =
        (struct timeval){.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    (void)event_add(w->timer, &tv);
}

static void turn(struct kubewriter *w)
{
    uint64_t now_ms = clock_now_ms();

    leader_turn(w->leader, now_ms);
    kubeclient_turn(w->client, now_ms);
    statuswriter_turn(w->status, now_ms);
    eventlog_turn(w->events, now_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct kubewriter *w = arg;

    (void)fd;
    (void)what;
    turn(w);
    arm(w);
}

/** A request ended, which makes room for the next, or something is due earlier than it was. */
static void on_moved(void *ctx)
{
    arm(ctx);
}

static void on_leading(void *ctx, bool leads)
{
    struct kubewriter *w = ctx;

    atomic_store(&w->stats.leads, leads);
    statuswriter_allow(w->status, leads);
    eventlog_allow(w->events, leads);
    arm(w);
}

static int make_writers(struct kubewriter *w, const struct kubewriter_config *cfg)
{
    const struct statuswriter_config status = {
        .client = w->client,
        .controller_class = cfg->controller_class,
        .publish_service = cfg->publish_service,
        .publish_addresses = cfg->publish_addresses,
        .n_publish_addresses = cfg->n_publish_addresses,
    };
    const struct eventlog_config events = {
        .client = w->client, .controller = cfg->controller_class, .instance = cfg->instance};

    w->status = statuswriter_new(&status);
    w->events = eventlog_new(&events);
    if (!w->status || !w->events) {
        return -1;
    }
    w->stats.status = statuswriter_stats(w->status);
    w->stats.events = eventlog_stats(w->events);
    return 0;
}

static int make_clients(struct kubewriter *w, const struct kubewriter_config *cfg,
                        struct event_base *base, struct err *e)
{
    const struct kubeclient_config client = {
        .base = base, .access = cfg->access, .agent = cfg->agent, .on_moved = on_moved, .ctx = w};
    const struct leader_config leader = {.base = base,
                                         .access = cfg->access,
                                         .agent = cfg->agent,
                                         .ns = cfg->lease_ns,
                                         .name = cfg->lease,
                                         .identity = cfg->identity,
                                         .on_change = on_leading,
                                         .on_moved = on_moved,
                                         .ctx = w};

    w->client = kubeclient_new(&client, e);
    if (!w->client) {
        return -1;
    }
    w->leader = leader_new(&leader, e);
    return w->leader ? 0 : -1;
}

struct kubewriter *kubewriter_new(const struct kubewriter_config *cfg, struct event_base *base,
                                  struct err *e)
{
    struct kubewriter *w = calloc(1, sizeof(*w));

    if (!w) {
        goto no_memory;
    }
    if (make_clients(w, cfg, base, e) != 0) {
        kubewriter_free(w);
        return NULL;
    }
    if (make_writers(w, cfg) != 0) {
        goto no_memory;
    }
    w->timer = event_new(base, -1, 0, on_timer, w);
    if (!w->timer) {
        goto no_memory;
    }
    arm(w);
    return w;
no_memory:
    err_set(e, "out of memory");
    kubewriter_free(w);
    return NULL;
}

void kubewriter_free(struct kubewriter *w)
{
    if (!w) {
        return;
    }
    if (w->timer) {
        event_free(w->timer);
        w->timer = NULL;
    }
    eventlog_free(w->events);
    statuswriter_free(w->status);
    leader_free(w->leader);
    kubeclient_free(w->client);
    free(w);
}

void kubewriter_look(struct kubewriter *w, const struct kubewriter_view *view)
{
    if (!view->served_same || statuswriter_owes_look(w->status)) {
        statuswriter_look(w->status, view->store, view->table);
    }
    eventlog_look(w->events, view->store, view->decoded, view->translated);
    arm(w);
}

void kubewriter_release(struct kubewriter *w)
{
    leader_release(w->leader);
    arm(w);
}

bool kubewriter_is_released(const struct kubewriter *w)
{
    return leader_is_released(w->leader);
}

void kubewriter_reload(struct kubewriter *w)
{
    kubeclient_reload(w->client);
    leader_reload(w->leader);
}

const struct kubewriter_stats *kubewriter_stats(const struct kubewriter *w)
{
    return &w->stats;
}
