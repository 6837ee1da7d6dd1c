#include "kubereadiness_priv.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "kube/kubeaccess.h"
#include "kube/kubewatch.h"
#include "kubediscovery_priv.h"
#include "kubewatches_priv.h"
#include "model/store.h"

void kubereadiness_start(struct kubereadiness *r, uint64_t now_ms)
{
    if (r->say_at_ms == 0) {
        *r = (struct kubereadiness){now_ms, now_ms + KUBEREADINESS_EVERY_MS};
    }
}

uint64_t kubereadiness_due_ms(const struct kubereadiness *r)
{
    return r->say_at_ms;
}

static void say_missing(const char *resource, const char *ns, const char *trouble)
{
    struct log_line line;

    if (!log_enabled(LOG_WARN)) {
        return;
    }
    log_line_begin(&line, LOG_WARN,
                   "not everything is read from the API server, so nothing is served yet");
    log_line_str(&line, "resource", resource);
    if (ns) {
        log_line_str(&line, "namespace", ns);
    }
    log_line_str(&line, "error", trouble[0] != '\0' ? trouble : "no answer yet");
    log_line_send(&line);
}

void kubereadiness_turn(struct kubereadiness *r, const struct kubewatches *w,
                        const struct kubediscovery *d, uint64_t now_ms)
{
    size_t missing = 0;

    if (now_ms < r->say_at_ms) {
        return;
    }
    r->say_at_ms = now_ms + KUBEREADINESS_EVERY_MS;
    if (d) {
        say_missing("endpointslices or endpoints", NULL, d->trouble);
    }
    for (size_t i = 0; i < w->n; i++) {
        const struct kubewatches_item *item = &w->items[i];

        if (!kubewatch_is_synced(item->watch) && ++missing <= KUBEREADINESS_LINES) {
            say_missing(kubewatches_resource(item->kind), item->ns, kubewatch_trouble(item->watch));
        }
    }
    if (missing > KUBEREADINESS_LINES) {
        log_warn("and %zu more collections are not read", missing - KUBEREADINESS_LINES);
    }
}

void kubereadiness_put_off(struct kubereadiness *r, uint64_t now_ms)
{
    r->say_at_ms = now_ms + KUBEREADINESS_EVERY_MS;
}

void kubereadiness_say_complete(const struct kubereadiness *r, const struct kubesource_stats *stats,
                                const struct store *store)
{
    struct log_line line;

    if (!log_enabled(LOG_INFO)) {
        return;
    }
    log_line_begin(&line, LOG_INFO, "everything is read from the API server");
    for (unsigned kind = 0; kind < OBJECT_KINDS; kind++) {
        if (atomic_load(&stats[kind].watched)) {
            log_line_uint(&line, stats[kind].resource, store_count(store, (enum object_kind)kind));
        }
    }
    log_line_ms(&line, "took_ms", 1000 * (clock_now_ms() - r->since_ms));
    log_line_send(&line);
}

void kubereadiness_say_endpoints(const struct kubediscovery *d)
{
    bool slices = d->answer == KUBEDISCOVERY_SLICES;
    struct log_line line;

    if ((slices && d->trouble[0] == '\0') || !log_enabled(LOG_WARN)) {
        return;
    }
    log_line_begin(&line, LOG_WARN,
                   slices ? "the API server does not say whether it has EndpointSlices: they are "
                            "watched; --endpoints-api endpoints takes Endpoints"
                          : "the API server has no EndpointSlices: Endpoints are watched");
    log_line_str(&line, "error", d->trouble);
    log_line_send(&line);
}

static void say_insecure(void)
{
    log_warn("THE API SERVER'S CERTIFICATE IS NOT VERIFIED (insecure-skip-tls-verify): whoever "
             "stands in between can read the credentials and decide where connections go; give "
             "its CA as certificate-authority instead");
}

void kubereadiness_say_server(const struct kubeaccess *access)
{
    struct log_line line;

    if (log_enabled(LOG_INFO)) {
        log_line_begin(&line, LOG_INFO, "objects come from the API server");
        log_line_str(&line, "server", access->server);
        log_line_str(&line, "as", access->origin);
        log_line_send(&line);
    }
    if (access->insecure) {
        say_insecure();
    }
}
