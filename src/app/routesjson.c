#include "routesjson_priv.h"

#include "app/explain.h"
#include "app/explainjson.h"
#include "app/explainwords.h"
#include "base/jsonout.h"
#include "base/timetext.h"
#include "controller/report.h"
#include "route/registry.h"

static void write_age(struct jsonout *j, const struct routespage *in)
{
    uint64_t generation = table_generation(in->table);
    const struct timespec *then = report_published(in->report, generation);
    char utc[TIMETEXT_MAX];

    jsonout_uint(j, "generation", generation);
    if (then != NULL) {
        jsonout_text(j, "published", timetext_utc(then->tv_sec, utc));
        jsonout_uint(j, "age_seconds", timetext_seconds_since(then, &in->wall));
    } else {
        jsonout_null(j, "published");
        jsonout_null(j, "age_seconds");
    }
}

static void write_lost(struct jsonout *j, const struct route *r)
{
    jsonout_list(j, "lost");
    for (uint32_t i = 0; i < r->n_lost; i++) {
        const struct claim_lost *c = &r->lost[i];

        jsonout_object(j, NULL);
        jsonout_text(j, "namespace", c->ns);
        jsonout_text(j, "ingress", c->ingress);
        jsonout_text(j, "service", c->service);
        jsonout_text(j, "port", c->port);
        jsonout_text(j, "reason", explainwords_loss(c->why));
        jsonout_end(j);
    }
    jsonout_end(j);
}

static void write_route(struct jsonout *j, const struct routepools *pools, const struct route *r)
{
    const struct routepool *p = routepools_of(pools, r);

    jsonout_object(j, NULL);
    jsonout_text(j, "host", r->host);
    jsonout_text(j, "namespace", r->state->ns);
    jsonout_text(j, "ingress", r->state->ingress);
    jsonout_text(j, "service", r->state->service);
    jsonout_text(j, "port", r->state->port);
    jsonout_uint(j, "active", registry_route_active(r->state));
    jsonout_uint(j, "pool", (uint64_t)(p - pools->items));
    jsonout_uint(j, "ready", p->ready);
    jsonout_uint(j, "terminating", p->terminating);
    jsonout_uint(j, "skipped", p->skipped);
    write_lost(j, r);
    jsonout_end(j);
}

static void write_endpoint(struct jsonout *j, const struct endpoint *e, uint64_t now_ms)
{
    char address[NETADDR_TEXT_MAX];

    jsonout_object(j, NULL);
    jsonout_text(j, "address", netaddr_format(endpoint_addr(e), address));
    jsonout_text(j, "state", explainwords_endpoint(e));
    jsonout_uint(j, "active", registry_endpoint_active(endpoint_state(e)));
    jsonout_uint(j, "skipped_for_seconds", explain_skipped_for_s(e, now_ms));
    jsonout_end(j);
}

static void write_pool(struct jsonout *j, const struct routepool *p, uint64_t now_ms)
{
    jsonout_object(j, NULL);
    jsonout_text(j, "namespace", p->pool->ns);
    jsonout_text(j, "service", p->pool->service);
    jsonout_text(j, "port", p->pool->port);
    jsonout_list(j, "endpoints");
    for (uint32_t i = 0; i < p->pool->n_endpoints; i++) {
        write_endpoint(j, &p->pool->endpoints[i], now_ms);
    }
    jsonout_end(j);
    if (p->fault != NULL) {
        jsonout_object(j, "fault");
        jsonout_text(j, "reason", p->fault->reason);
        jsonout_text(j, "message", p->fault->message);
        jsonout_end(j);
    } else {
        jsonout_null(j, "fault");
    }
    jsonout_end(j);
}

static void write_rejected(struct jsonout *j, const struct report *r)
{
    jsonout_list(j, "rejected");
    for (size_t i = 0; r != NULL && i < r->n_verdicts; i++) {
        if (r->verdicts[i].severity != VERDICT_NOTE) {
            explainjson_verdict(j, NULL, &r->verdicts[i]);
        }
    }
    jsonout_end(j);
    jsonout_uint(j, "rejected_left_out", r != NULL ? r->n_left_out : 0);
}

int routesjson_write(const struct routespage *p, const struct routepools *pools, struct buf *out)
{
    size_t n;
    const struct route *routes = table_routes(p->table, &n);
    struct jsonout j;

    jsonout_init(&j, out, false);
    jsonout_object(&j, NULL);
    write_age(&j, p);
    jsonout_list(&j, "routes");
    for (size_t i = 0; i < n; i++) {
        write_route(&j, pools, &routes[i]);
    }
    jsonout_end(&j);
    jsonout_list(&j, "pools");
    for (size_t i = 0; i < pools->n; i++) {
        write_pool(&j, &pools->items[i], p->now_ms);
    }
    jsonout_end(&j);
    write_rejected(&j, p->report);
    jsonout_end(&j);
    return jsonout_finish(&j);
}
