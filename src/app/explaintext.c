#include "app/explaintext.h"

#include <inttypes.h>
#include <string.h>

#include "app/explain.h"
#include "app/explainwords.h"
#include "app/textout.h"
#include "base/timetext.h"
#include "route/registry.h"

#define LIST_MAX      20 /* losers of a host, and Ingresses that do not get it, each */
#define ENDPOINTS_MAX 50
#define PROBLEMS_MAX  20

/* ---- what was asked -------------------------------------------------------------------------- */

static void put_given(struct textout *t, const struct explain_question *q)
{
    textout_safe_bytes(t, q->name, q->name_len);
}

static void write_name(struct textout *t, const struct explain *x)
{
    textout_put(t, "name: ");
    switch (x->kind) {
    case HOSTNAME_VALID:
        textout_put(t, x->name);
        break;
    case HOSTNAME_NONE:
        textout_put(t, "none");
        break;
    case HOSTNAME_ADDRESS:
        textout_put(t, "none: an address is no server name: ");
        put_given(t, x->q);
        break;
    case HOSTNAME_INVALID:
        textout_put(t, "cannot be a DNS name: ");
        put_given(t, x->q);
        break;
    }
    textout_put(t, "\n");
}

static void write_table(struct textout *t, const struct explain_question *q)
{
    uint64_t generation = table_generation(q->table);
    const struct timespec *then = report_published(q->report, generation);
    char utc[TIMETEXT_MAX], span[TIMETEXT_MAX];

    textout_printf(t, "table: generation %" PRIu64, generation);
    if (then != NULL) {
        textout_printf(t, ", published %s, %s ago", timetext_utc(then->tv_sec, utc),
                       timetext_span(timetext_seconds_since(then, &q->wall), span));
    }
    textout_put(t, "\n");
}

/* ---- candidates ------------------------------------------------------------------------------ */

static void write_more(struct textout *t, const char *indent, size_t n)
{
    if (n > 0) {
        textout_printf(t, "%sand %zu more\n", indent, n);
    }
}

static void put_object(struct textout *t, const char *ns, const char *name)
{
    if (*ns != '\0') {
        textout_safe(t, ns);
        textout_put(t, "/");
    }
    textout_safe(t, name);
}

static void put_service(struct textout *t, const char *service, const char *port)
{
    textout_put(t, "service ");
    textout_safe(t, service);
    textout_put(t, ":");
    textout_safe(t, port);
}

static void write_losers(struct textout *t, const struct route *r)
{
    for (uint32_t i = 0; i < r->n_lost && i < LIST_MAX; i++) {
        const struct claim_lost *c = &r->lost[i];

        textout_put(t, c->why == CLAIM_SAME_BACKEND ? "    also: " : "    lost: ");
        put_object(t, c->ns, c->ingress);
        textout_put(t, " (");
        put_service(t, c->service, c->port);
        textout_put(t, "): ");
        textout_put(t, explainwords_loss_sentence(c->why));
        textout_put(t, "\n");
    }
    write_more(t, "    ", r->n_lost > LIST_MAX ? r->n_lost - LIST_MAX : 0);
}

/* "Reason: what is wrong", less what the line says already. */
static void put_verdict(struct textout *t, const struct verdict *v)
{
    static const char said[] = "not served: ";
    bool again = strncmp(v->message, said, sizeof(said) - 1) == 0;

    textout_put(t, v->reason);
    textout_put(t, ": ");
    textout_safe(t, v->message + (again ? sizeof(said) - 1 : 0));
}

static void write_unserved(struct textout *t, const struct explain *x,
                           const struct explain_candidate *c)
{
    for (size_t i = 0; i < c->n_unserved && i < LIST_MAX; i++) {
        const struct report_host *h = &c->unserved[i];

        textout_put(t, "    not served: ");
        put_object(t, h->ns, h->ingress);
        textout_put(t, ": ");
        if (h->verdict != REPORT_NO_VERDICT) {
            put_verdict(t, &x->q->report->verdicts[h->verdict]);
        } else {
            textout_put(t, explainwords_unserved_sentence(h->why));
        }
        textout_put(t, "\n");
    }
    write_more(t, "    ", c->n_unserved > LIST_MAX ? c->n_unserved - LIST_MAX : 0);
}

static void write_candidate(struct textout *t, const struct explain *x,
                            const struct explain_candidate *c)
{
    static const char *const kinds[] = {[EXPLAIN_EXACT] = "exact ",
                                        [EXPLAIN_WILDCARD] = "wildcard ",
                                        [EXPLAIN_CATCH_ALL] = "catch-all"};
    char host[EXPLAIN_HOST_TEXT];

    textout_put(t, "  ");
    textout_put(t, kinds[c->kind]);
    textout_put(t, explain_host(x, c, host));
    textout_put(t, ": ");
    if (c->route != NULL) {
        put_object(t, c->route->state->ns, c->route->state->ingress);
        textout_put(t, ", ");
    }
    textout_put(t, explainwords_standing_sentence(c->standing));
    textout_put(t, "\n");
    if (c->route != NULL && c->standing <= EXPLAIN_SHADOWED) {
        write_losers(t, c->route);
    }
    write_unserved(t, x, c);
}

static void write_candidates(struct textout *t, const struct explain *x)
{
    if (x->n_candidates > 0) {
        textout_put(t, "candidates:\n");
    }
    for (size_t i = 0; i < x->n_candidates; i++) {
        write_candidate(t, x, &x->candidates[i]);
    }
    if (x->nearest != NULL) {
        textout_put(t, "nearest host: ");
        textout_put(t, x->nearest->host);
        textout_put(t, ", of ");
        put_object(t, x->nearest->state->ns, x->nearest->state->ingress);
        textout_put(t, "\n");
    }
}

/* ---- problems -------------------------------------------------------------------------------- */

static void write_problem(struct textout *t, const struct verdict *v)
{
    textout_put(t, "  ");
    if (*v->file != '\0') {
        textout_safe(t, v->file);
        if (v->line > 0) {
            textout_printf(t, ":%u", v->line);
        }
        textout_put(t, ": ");
    }
    if (*v->name != '\0') {
        put_object(t, v->ns, v->name);
        textout_put(t, ": ");
    }
    put_verdict(t, v);
    textout_put(t, "\n");
}

static void write_problems(struct textout *t, const struct explain *x)
{
    struct explain_problems p = {.others = false};
    const struct verdict *v;
    size_t n = 0;

    while ((v = explain_next_problem(x, &p)) != NULL) {
        if (n == 0) {
            textout_put(t, "problems that may concern this name:\n");
        }
        if (n++ < PROBLEMS_MAX) {
            write_problem(t, v);
        }
    }
    write_more(t, "  ", n > PROBLEMS_MAX ? n - PROBLEMS_MAX : 0);
}

/* ---- the route ------------------------------------------------------------------------------- */

static void write_endpoint(struct textout *t, const struct explain_question *q,
                           const struct endpoint *e)
{
    uint64_t skipped_s = explain_skipped_for_s(e, q->now_ms);
    char address[NETADDR_TEXT_MAX];

    textout_printf(t, "  %s %s", netaddr_format(endpoint_addr(e), address),
                   explainwords_endpoint(e));
    if (q->is_live) {
        textout_printf(t, ", %" PRIu64 " active", registry_endpoint_active(endpoint_state(e)));
    }
    if (q->is_live && skipped_s > 0) {
        textout_printf(t, ", a dial failed: skipped for another %" PRIu64 "s", skipped_s);
    }
    textout_put(t, "\n");
}

static void write_endpoints(struct textout *t, const struct explain *x)
{
    const struct pool *pool = x->pool;
    uint32_t skipped = 0;

    textout_printf(t, "endpoints: %" PRIu32 "\n", pool->n_endpoints);
    for (uint32_t i = 0; i < pool->n_endpoints; i++) {
        skipped += explain_skipped_for_s(&pool->endpoints[i], x->q->now_ms) > 0;
        if (i < ENDPOINTS_MAX) {
            write_endpoint(t, x->q, &pool->endpoints[i]);
        }
    }
    write_more(t, "  ", pool->n_endpoints > ENDPOINTS_MAX ? pool->n_endpoints - ENDPOINTS_MAX : 0);
    if (skipped > 0 && skipped == pool->n_endpoints) {
        textout_put(t, "  dials to all of them failed lately: they are tried all the same\n");
    }
    if (pool->n_endpoints > 0 && endpoint_is_terminating(&pool->endpoints[0])) {
        textout_put(t, "  none is ready: these serve while they terminate\n");
    }
    if (x->fault != NULL) {
        textout_put(t, pool->n_endpoints > 0 ? "  not all: " : "  none: ");
        put_verdict(t, x->fault);
        textout_put(t, "\n");
    }
}

static void write_route(struct textout *t, const struct explain *x)
{
    const struct route_state *s = x->route->state;

    textout_put(t, "route: host ");
    textout_put(t, *x->route->host != '\0' ? x->route->host : "(any)");
    textout_put(t, ", ingress ");
    put_object(t, s->ns, s->ingress);
    textout_put(t, ", ");
    put_service(t, s->service, s->port);
    if (x->q->is_live) {
        textout_printf(t, ", %" PRIu64 " active", registry_route_active(s));
    }
    textout_put(t, "\n");
    write_endpoints(t, x);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void put_answer(struct textout *t, const struct explain_answer *a)
{
    switch (a->how) {
    case PROXY_ANSWER_ALERT:
        textout_printf(t, "fatal alert %s (%d)", alert_name(a->alert), (int)a->alert);
        break;
    case PROXY_ANSWER_RESET:
        textout_put(t, "connection reset");
        break;
    case PROXY_ANSWER_CLOSE:
    case PROXY_ANSWER_HTTP400: /* not one of these options' */
        textout_put(t, "connection closed");
        break;
    }
    if (a->option != NULL) {
        textout_printf(t, ", by --%s %s", a->option, explainwords_answer(a->how));
    }
}

static void write_answer(struct textout *t, const struct explain_answer *a)
{
    textout_put(t, "answer: ");
    if (a->is_relayed) {
        textout_put(t, "relayed to one of these endpoints; if none can be reached: ");
    }
    put_answer(t, a);
    textout_put(t, "\n");
}

static void write_notes(struct textout *t, const struct explain *x)
{
    size_t errors = explain_count_errors(x);

    if (errors > 0) {
        textout_printf(t, "note: %zu %s in the manifests; sealway check lists them\n", errors,
                       errors == 1 ? "error" : "errors");
    }
    if (x->q->alpn != NULL || x->q->client != NULL) {
        textout_put(t, "note: ALPN and client address change no decision in this version\n");
    }
}

int explaintext_write(const struct explain *x, struct buf *out)
{
    struct textout t;

    textout_init(&t, out);
    write_name(&t, x);
    if (x->q->is_live) {
        write_table(&t, x->q);
    }
    write_candidates(&t, x);
    write_problems(&t, x);
    if (x->route != NULL) {
        write_route(&t, x);
    }
    write_notes(&t, x);
    write_answer(&t, &x->answer);
    return t.rc;
}
