#include "app/explainjson.h"

#include <string.h>

#include "app/explain.h"
#include "app/explainwords.h"
#include "base/jsonout.h"
#include "base/timetext.h"
#include "route/registry.h"

#define LIST_MAX 1000 /* losers of a host, and Ingresses that do not get it, each; problems */

static const char *or_null(const char *text)
{
    return *text != '\0' ? text : NULL;
}

void explainjson_verdict(struct jsonout *j, const char *key, const struct verdict *v)
{
    if (v == NULL) {
        jsonout_null(j, key);
        return;
    }
    jsonout_object(j, key);
    jsonout_text(j, "severity", verdict_severity_name(v->severity));
    jsonout_text(j, "reason", v->reason);
    jsonout_text(j, "kind", or_null(v->kind));
    jsonout_text(j, "namespace", or_null(v->ns));
    jsonout_text(j, "name", or_null(v->name));
    jsonout_text(j, "file", or_null(v->file));
    if (v->line > 0) {
        jsonout_uint(j, "line", v->line);
    } else {
        jsonout_null(j, "line");
    }
    jsonout_text(j, "message", v->message);
    jsonout_end(j);
}

static void write_question(struct jsonout *j, const struct explain *x)
{
    jsonout_object(j, "name");
    jsonout_bytes(j, "given", x->q->name, x->q->name_len);
    jsonout_text(j, "kind", explainwords_name(x->kind));
    jsonout_text(j, "lookup", or_null(x->name));
    jsonout_end(j);
    jsonout_text(j, "alpn", x->q->alpn);
    jsonout_text(j, "client", x->q->client);
}

static void write_route(struct jsonout *j, const struct explain *x)
{
    const struct route_state *s;

    if (x->route == NULL) {
        jsonout_null(j, "route");
        return;
    }
    s = x->route->state;
    jsonout_object(j, "route");
    jsonout_text(j, "host", s->host);
    jsonout_text(j, "namespace", s->ns);
    jsonout_text(j, "ingress", s->ingress);
    jsonout_text(j, "service", s->service);
    jsonout_text(j, "port", s->port);
    if (x->q->is_live) {
        jsonout_uint(j, "active", registry_route_active(s));
    }
    jsonout_end(j);
}

static void write_endpoints(struct jsonout *j, const struct explain *x)
{
    const struct pool *pool = x->pool;
    char address[NETADDR_TEXT_MAX];

    jsonout_list(j, "endpoints");
    for (uint32_t i = 0; pool != NULL && i < pool->n_endpoints; i++) {
        const struct endpoint *e = &pool->endpoints[i];

        jsonout_object(j, NULL);
        jsonout_text(j, "address", netaddr_format(endpoint_addr(e), address));
        jsonout_text(j, "state", explainwords_endpoint(e));
        if (x->q->is_live) {
            jsonout_uint(j, "active", registry_endpoint_active(endpoint_state(e)));
            jsonout_uint(j, "skipped_for_seconds", explain_skipped_for_s(e, x->q->now_ms));
        }
        jsonout_end(j);
    }
    jsonout_end(j);
    explainjson_verdict(j, "fault", x->fault);
}

static void write_refusal(struct jsonout *j, const struct explain_answer *a)
{
    jsonout_text(j, "action", explainwords_answer(a->how));
    if (a->how == PROXY_ANSWER_ALERT) {
        jsonout_object(j, "alert");
        jsonout_text(j, "name", alert_name(a->alert));
        jsonout_uint(j, "code", (uint64_t)a->alert);
        jsonout_end(j);
    } else {
        jsonout_null(j, "alert");
    }
    jsonout_text(j, "option", a->option);
}

static void write_answer(struct jsonout *j, const struct explain_answer *a)
{
    jsonout_object(j, "answer");
    if (a->is_relayed) {
        jsonout_text(j, "action", "relay");
        jsonout_null(j, "alert");
        jsonout_null(j, "option");
        jsonout_object(j, "if_unreachable");
        write_refusal(j, a);
        jsonout_end(j);
    } else {
        write_refusal(j, a);
        jsonout_null(j, "if_unreachable");
    }
    jsonout_end(j);
}

static void write_lost(struct jsonout *j, const struct route *r)
{
    jsonout_list(j, "lost");
    for (uint32_t i = 0; r != NULL && i < r->n_lost && i < LIST_MAX; i++) {
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

static void write_unserved(struct jsonout *j, const struct explain *x,
                           const struct explain_candidate *c)
{
    jsonout_list(j, "unserved");
    for (size_t i = 0; i < c->n_unserved && i < LIST_MAX; i++) {
        const struct report_host *h = &c->unserved[i];
        bool said = h->verdict != REPORT_NO_VERDICT;

        jsonout_object(j, NULL);
        jsonout_text(j, "namespace", h->ns);
        jsonout_text(j, "ingress", h->ingress);
        jsonout_text(j, "reason", explainwords_unserved(h->why));
        explainjson_verdict(j, "verdict", said ? &x->q->report->verdicts[h->verdict] : NULL);
        jsonout_end(j);
    }
    jsonout_end(j);
}

static size_t over(size_t n)
{
    return n > LIST_MAX ? n - LIST_MAX : 0;
}

static void write_candidate(struct jsonout *j, const struct explain *x,
                            const struct explain_candidate *c)
{
    const struct route_state *s = c->route != NULL ? c->route->state : NULL;
    char host[EXPLAIN_HOST_TEXT];

    jsonout_object(j, NULL);
    jsonout_text(j, "kind", explainwords_kind(c->kind));
    jsonout_text(j, "host", explain_host(x, c, host));
    jsonout_text(j, "standing", explainwords_standing(c->standing));
    jsonout_text(j, "namespace", s != NULL ? s->ns : NULL);
    jsonout_text(j, "ingress", s != NULL ? s->ingress : NULL);
    jsonout_text(j, "service", s != NULL ? s->service : NULL);
    jsonout_text(j, "port", s != NULL ? s->port : NULL);
    write_lost(j, c->route);
    write_unserved(j, x, c);
    jsonout_uint(j, "left_out",
                 over(c->route != NULL ? c->route->n_lost : 0) + over(c->n_unserved));
    jsonout_end(j);
}

static void write_candidates(struct jsonout *j, const struct explain *x)
{
    jsonout_list(j, "candidates");
    for (size_t i = 0; i < x->n_candidates; i++) {
        write_candidate(j, x, &x->candidates[i]);
    }
    jsonout_end(j);
}

static void write_problems(struct jsonout *j, const struct explain *x)
{
    struct explain_problems p = {.others = false};
    const struct verdict *v;
    size_t n = 0;

    jsonout_list(j, "problems");
    while ((v = explain_next_problem(x, &p)) != NULL) {
        if (n++ < LIST_MAX) {
            explainjson_verdict(j, NULL, v);
        }
    }
    jsonout_end(j);
    jsonout_uint(j, "problems_left_out", over(n));
}

static void write_notes(struct jsonout *j, const struct explain_question *q)
{
    jsonout_list(j, "notes");
    if (q->alpn != NULL || q->client != NULL) {
        jsonout_text(j, NULL, "ALPN and client address change no decision in this version");
    }
    jsonout_end(j);
}

static void write_table(struct jsonout *j, const struct explain_question *q)
{
    uint64_t generation = table_generation(q->table);
    const struct timespec *then = report_published(q->report, generation);
    char utc[TIMETEXT_MAX];

    jsonout_uint(j, "generation", generation);
    if (then != NULL) {
        jsonout_text(j, "published", timetext_utc(then->tv_sec, utc));
        jsonout_uint(j, "age_seconds", timetext_seconds_since(then, &q->wall));
    } else {
        jsonout_null(j, "published");
        jsonout_null(j, "age_seconds");
    }
}

int explainjson_write(const struct explain *x, struct buf *out)
{
    struct jsonout j;

    jsonout_init(&j, out, true);
    jsonout_object(&j, NULL);
    write_question(&j, x);
    jsonout_bool(&j, "routed", x->route != NULL);
    jsonout_text(&j, "match", explainwords_match(x->match));
    write_route(&j, x);
    write_endpoints(&j, x);
    write_answer(&j, &x->answer);
    write_candidates(&j, x);
    jsonout_text(&j, "nearest", x->nearest != NULL ? x->nearest->host : NULL);
    write_problems(&j, x);
    jsonout_uint(&j, "errors", explain_count_errors(x));
    write_notes(&j, x->q);
    if (x->q->is_live) {
        write_table(&j, x->q);
    }
    jsonout_end(&j);
    return jsonout_finish(&j);
}
