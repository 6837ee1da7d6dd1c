#include "controller/kubesource.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "kube/kubeaccess.h"
#include "kube/kubeclient.h"
#include "kubediscovery_priv.h"
#include "kubeoutage_priv.h"
#include "kubereadiness_priv.h"
#include "kubewatches_priv.h"
#include "model/store.h"

_Static_assert(KUBESOURCE_RESOURCES == OBJECT_KINDS, "figures for each kind");

#define SLEEP_MS 60000u /* of the timer, at most */
#define RETRY_MS 1000u  /* after memory ran out */

struct kubesource {
    struct source_host host;
    struct kubesource_config cfg;
    struct kubesource_stats stats[KUBESOURCE_RESOURCES];
    struct kubeclient *client;
    struct kubediscovery discovery;
    struct kubewatches watches;
    struct kubereadiness readiness;
    struct kubeoutage outage;
    struct event *timer;
    bool has_endpoints;    /* slices or Endpoints are among the watches */
    uint64_t endpoints_ms; /* when to add them; they could not be for lack of memory */
    bool complete;
    bool unseen; /* something rang since the last sync; */
    bool begun;  /* that everything is read now did */
    bool said_classes;
};

/* ---- what is watched ------------------------------------------------------------------------ */

/** Watch a kind in all namespaces that are asked for. */
static int watch_kind(struct kubesource *k, enum object_kind kind)
{
    int rc = 0;

    if (k->cfg.n_namespaces == 0) {
        return kubewatches_add(&k->watches, kind, NULL, false);
    }
    for (size_t i = 0; i < k->cfg.n_namespaces && rc == 0; i++) {
        rc = kubewatches_add(&k->watches, kind, k->cfg.namespaces[i], false);
    }
    return rc;
}

/** Classes belong to no namespace: who may read but some namespaces perhaps cannot read them. */
static int watch_all(struct kubesource *k)
{
    int rc = watch_kind(k, OBJECT_INGRESS);

    if (rc == 0) {
        rc = kubewatches_add(&k->watches, OBJECT_INGRESS_CLASS, NULL, k->cfg.n_namespaces > 0);
    }
    return rc == 0 ? watch_kind(k, OBJECT_SERVICE) : rc;
}

static enum kubediscovery_answer endpoints_answer(const struct kubesource *k)
{
    switch (k->cfg.endpoints) {
    case ENDPOINTS_SLICES:
        return KUBEDISCOVERY_SLICES;
    case ENDPOINTS_LEGACY:
        return KUBEDISCOVERY_LEGACY;
    case ENDPOINTS_AUTO:
        break;
    }
    return k->discovery.answer;
}

/** As soon as it is known which they are. */
static void watch_endpoints(struct kubesource *k, uint64_t now_ms)
{
    enum kubediscovery_answer answer = endpoints_answer(k);

    if (k->has_endpoints || answer == KUBEDISCOVERY_OPEN || now_ms < k->endpoints_ms) {
        return;
    }
    if (watch_kind(k, answer == KUBEDISCOVERY_SLICES ? OBJECT_ENDPOINT_SLICE : OBJECT_ENDPOINTS) ==
        0) {
        k->has_endpoints = true;
    } else {
        k->endpoints_ms = now_ms + RETRY_MS;
    }
}

static uint64_t endpoints_due_ms(const struct kubesource *k)
{
    return k->has_endpoints || endpoints_answer(k) == KUBEDISCOVERY_OPEN ? UINT64_MAX
                                                                         : k->endpoints_ms;
}

/* ---- turning -------------------------------------------------------------------------------- */

static uint64_t min_ms(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t kubesource_due_ms(const struct kubesource *k)
{
    uint64_t due_ms = min_ms(kubeclient_due_ms(k->client), kubewatches_due_ms(&k->watches));

    if (k->cfg.endpoints == ENDPOINTS_AUTO) {
        due_ms = min_ms(due_ms, kubediscovery_due_ms(&k->discovery));
    }
    due_ms = min_ms(due_ms, endpoints_due_ms(k));
    return k->complete ? due_ms : min_ms(due_ms, kubereadiness_due_ms(&k->readiness));
}

/** Should it fail for memory, source_is_stale() tries again. */
static void arm(struct kubesource *k)
{
    uint64_t now_ms = clock_now_ms(), due_ms = kubesource_due_ms(k);
    uint64_t ms = due_ms > now_ms ? min_ms(due_ms - now_ms, SLEEP_MS) : 1;
    const struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
                               .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    (void)event_add(k->timer, &tv);
}

/** Some due may be earlier than it was. */
static void on_moved(void *ctx)
{
    arm(ctx);
}

static void on_server_failed(void *ctx, const struct kubewatch_failure *f)
{
    struct kubesource *k = ctx;

    kubeoutage_failed(&k->outage, f, k->complete, clock_now_ms());
}

static void on_server_answers(void *ctx)
{
    struct kubesource *k = ctx;
    uint64_t now_ms = clock_now_ms();

    kubeoutage_answers(&k->outage, now_ms);
    if (kubeoutage_hurries(&k->outage, now_ms)) {
        kubewatches_hurry(&k->watches);
        kubediscovery_hurry(&k->discovery);
    }
}

static void say_classes(struct kubesource *k)
{
    if (k->said_classes || k->cfg.names_classes ||
        !kubewatches_is_refused(&k->watches, OBJECT_INGRESS_CLASS)) {
        return;
    }
    k->said_classes = true;
    log_warn("IngressClasses cannot be read, and no option names a class, so no Ingress of a class "
             "will be served: give --ingress-class NAME, or allow list and watch of "
             "ingressclasses (a ClusterRole)");
}

/** Whether all is read that is needed; once it is, it stays so. */
static void look_whether_complete(struct kubesource *k)
{
    if (k->complete || !k->has_endpoints || !kubewatches_are_synced(&k->watches)) {
        return;
    }
    k->complete = k->unseen = k->begun = true;
    kubereadiness_say_complete(&k->readiness, k->stats, k->host.store);
    say_classes(k);
    k->host.notice(k->host.ctx);
}

static void on_changed(void *ctx)
{
    struct kubesource *k = ctx;
    bool was_complete = k->complete;

    k->unseen = true;
    look_whether_complete(k);
    if (was_complete) {
        k->host.notice(k->host.ctx);
    }
}

static void on_answer(void *ctx)
{
    struct kubesource *k = ctx;

    kubereadiness_say_endpoints(&k->discovery);
    arm(k);
}

void kubesource_turn(struct kubesource *k)
{
    uint64_t now_ms = clock_now_ms();

    kubereadiness_start(&k->readiness, now_ms);
    kubeclient_turn(k->client, now_ms);
    if (k->cfg.endpoints == ENDPOINTS_AUTO) {
        kubediscovery_turn(&k->discovery, now_ms);
    }
    watch_endpoints(k, now_ms);
    kubewatches_turn(&k->watches, now_ms);
    look_whether_complete(k);
    if (k->complete) {
        say_classes(k);
    } else if (kubeoutage_lasts(&k->outage)) {
        kubereadiness_put_off(&k->readiness, now_ms); /* that was said */
    } else {
        kubereadiness_turn(&k->readiness, &k->watches, k->has_endpoints ? NULL : &k->discovery,
                           now_ms);
    }
    arm(k);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    kubesource_turn(ctx);
}

/* ---- the source ----------------------------------------------------------------------------- */

static int source_sync(void *self, struct source_change *out, struct err *e)
{
    struct kubesource *k = self;
    bool changed = kubewatches_take_changed(&k->watches);

    (void)e;
    *out = (struct source_change){.changed = changed || k->begun};
    k->unseen = k->begun = false;
    return 0;
}

static void source_verdicts(const void *self, struct verdicts *v)
{
    const struct kubesource *k = self;

    kubewatches_verdicts(&k->watches, v);
}

static bool source_is_complete(const void *self)
{
    const struct kubesource *k = self;

    return k->complete;
}

static bool source_is_live(const void *self)
{
    const struct kubesource *k = self;

    return k->has_endpoints && kubewatches_are_live(&k->watches);
}

static bool source_is_stale(void *self)
{
    struct kubesource *k = self;

    if (!event_pending(k->timer, EV_TIMEOUT, NULL)) {
        arm(k);
    }
    return k->complete && k->unseen;
}

static void source_reload(void *self)
{
    struct kubesource *k = self;

    log_info("reading everything from the API server again");
    kubeclient_reload(k->client);
    kubewatches_relist(&k->watches);
    arm(k);
}

/** Whoever makes requests goes before the client. */
static void source_free(void *self)
{
    struct kubesource *k = self;

    if (!k) {
        return;
    }
    kubewatches_fini(&k->watches);
    kubediscovery_fini(&k->discovery);
    kubeclient_free(k->client);
    if (k->timer) {
        event_free(k->timer);
    }
    free(k);
}

static const struct source_ops ops = {
    .name = "the API server",
    .sync = source_sync,
    .verdicts = source_verdicts,
    .is_complete = source_is_complete,
    .is_live = source_is_live,
    .is_stale = source_is_stale,
    .reload = source_reload,
    .free = source_free,
};

static struct kubeclient *new_client(struct kubesource *k, struct err *e)
{
    const struct kubeclient_config cfg = {
        .base = k->host.base,
        .access = k->cfg.access,
        .agent = k->cfg.agent,
        .on_moved = on_moved,
        .ctx = k,
    };

    return kubeclient_new(&cfg, e);
}

/** Everything behind the client. */
static int make_ready(struct kubesource *k)
{
    const struct kubewatches_config watches = {
        .client = k->client,
        .store = k->host.store,
        .stats = k->stats,
        .changed = on_changed,
        .stirred = on_moved,
        .ctx = k,
        .server = {on_server_failed, on_server_answers, k},
    };
    const struct timeval at_once = {0};

    for (unsigned kind = 0; kind < OBJECT_KINDS; kind++) {
        k->stats[kind].resource = kubewatches_resource((enum object_kind)kind);
    }
    kubediscovery_init(&k->discovery, k->client, on_answer, k);
    kubewatches_init(&k->watches, &watches);
    k->timer = evtimer_new(k->host.base, on_timer, k);
    if (!k->timer || watch_all(k) != 0) {
        return -ENOMEM;
    }
    watch_endpoints(k, 0);
    return event_add(k->timer, &at_once) == 0 ? 0 : -ENOMEM;
}

int kubesource_open(struct source *out, const struct kubesource_config *cfg,
                    const struct source_host *host, struct err *e)
{
    struct kubesource *k = calloc(1, sizeof(*k));
    int rc = -ENOMEM;

    if (!k) {
        goto fail;
    }
    k->cfg = *cfg;
    k->host = *host;
    k->client = new_client(k, e);
    if (!k->client) {
        source_free(k);
        return -EINVAL;
    }
    rc = make_ready(k);
    if (rc != 0) {
        goto fail;
    }
    kubereadiness_say_server(cfg->access);
    *out = (struct source){&ops, k};
    return 0;
fail:
    err_set(e, "the API server cannot be watched: %s", strerror(-rc));
    source_free(k);
    return rc;
}

const struct kubesource_stats *kubesource_stats(const struct kubesource *k)
{
    return k->stats;
}
