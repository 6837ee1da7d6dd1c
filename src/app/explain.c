#include "app/explain.h"

#include <stdio.h>
#include <string.h>

#include "app/nearest.h"
#include "base/attr.h"
#include "model/object.h"
#include "route/registry.h"

/* ---- candidates ------------------------------------------------------------------------------ */

static const struct route *find_route(const struct table *t, const char *host)
{
    size_t n, low = 0, high;
    const struct route *routes = table_routes(t, &n);

    for (high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(routes[middle].host, host);

        if (order == 0) {
            return &routes[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const char *explain_host(const struct explain *x, const struct explain_candidate *c,
                         char text[EXPLAIN_HOST_TEXT])
{
    snprintf(text, EXPLAIN_HOST_TEXT, "%s%s", c->kind == EXPLAIN_WILDCARD ? "*." : "",
             c->kind == EXPLAIN_EXACT      ? x->name
             : c->kind == EXPLAIN_WILDCARD ? c->suffix
                                           : "");
    return text;
}

/* A candidate of that kind, looked up, behind the others. */
static struct explain_candidate *add(struct explain *x, enum explain_kind kind, const char *suffix)
{
    struct explain_candidate *c = &x->candidates[x->n_candidates];
    char host[EXPLAIN_HOST_TEXT];

    ASSERT(x->n_candidates < ARRAY_LEN(x->candidates));
    *c = (struct explain_candidate){.kind = kind, .suffix = suffix};
    c->route = find_route(x->q->table, explain_host(x, c, host));
    c->standing = c->route == NULL       ? EXPLAIN_NONE
                  : c->route == x->route ? EXPLAIN_TAKEN
                                         : EXPLAIN_SHADOWED;
    if (x->q->report != NULL) {
        c->unserved = report_hosts_of(x->q->report, host, &c->n_unserved);
    }
    x->n_candidates++;
    return c;
}

/* A wildcard that does not cover the name: worth a word only where there is one. */
static void add_if_there(struct explain *x, const char *suffix, enum explain_standing why)
{
    struct explain_candidate *c = add(x, EXPLAIN_WILDCARD, suffix);

    c->standing = why;
    c->n_unserved = 0; /* nor would they cover it */
    if (c->route == NULL) {
        x->n_candidates--;
    }
}

static void add_wildcards(struct explain *x)
{
    const char *suffix = strchr(x->name, '.');

    if (suffix != NULL) {
        (void)add(x, EXPLAIN_WILDCARD, suffix + 1);
        while ((suffix = strchr(suffix + 1, '.')) != NULL) {
            add_if_there(x, suffix + 1, EXPLAIN_TOO_SHORT);
        }
    }
    add_if_there(x, x->name, EXPLAIN_ITS_OWN_SUFFIX);
}

static void add_candidates(struct explain *x)
{
    if (x->kind == HOSTNAME_VALID) {
        (void)add(x, EXPLAIN_EXACT, NULL);
        add_wildcards(x);
    }
    if (x->kind != HOSTNAME_INVALID) {
        (void)add(x, EXPLAIN_CATCH_ALL, NULL);
    }
}

/* ---- the decision ---------------------------------------------------------------------------- */

static void look_up(struct explain *x)
{
    const struct table *t = x->q->table;

    if (x->kind == HOSTNAME_VALID) {
        x->route = table_lookup(t, x->name, x->name_len, &x->match);
    } else if (x->kind != HOSTNAME_INVALID) {
        x->route = table_catch_all(t);
        x->match = x->route != NULL ? TABLE_CATCH_ALL : TABLE_NO_MATCH;
    }
    x->pool = x->route != NULL ? table_pool(t, x->route) : NULL;
}

/* A mistyped name comes near to one there is.  The catch-all may have taken it. */
static const struct route *find_nearest(const struct explain *x)
{
    struct nearest near = {.word = x->name};
    size_t n;
    const struct route *routes = table_routes(x->q->table, &n), *best = NULL;

    if (x->kind != HOSTNAME_VALID || x->match == TABLE_EXACT || x->match == TABLE_WILDCARD) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const char *before = near.best;

        if (!hostname_is_wildcard(routes[i].host) && *routes[i].host != '\0') {
            nearest_offer(&near, routes[i].host);
        }
        best = near.best != before ? &routes[i] : best;
    }
    return best;
}

static const struct verdict *find_fault(const struct explain *x)
{
    const struct report *r = x->q->report;
    const struct pool *pool = x->pool;
    const struct report_pool *p;

    if (r == NULL || pool == NULL) {
        return NULL;
    }
    p = report_pool_of(r, pool->ns, pool->service, pool->port);
    return p != NULL && p->verdict != REPORT_NO_VERDICT ? &r->verdicts[p->verdict] : NULL;
}

/* As the data path answers. */
static struct explain_answer answer(const struct explain *x)
{
    const struct proxy_policy *p = x->q->policy;

    if (x->route != NULL) {
        return (struct explain_answer){.is_relayed = x->pool->n_endpoints > 0,
                                       .how = p->on_no_endpoint,
                                       .alert = ALERT_INTERNAL_ERROR,
                                       .option = "on-no-endpoint"};
    }
    if (x->kind == HOSTNAME_INVALID) {
        return (struct explain_answer){.how = PROXY_ANSWER_ALERT, .alert = ALERT_ILLEGAL_PARAMETER};
    }
    if (x->kind == HOSTNAME_VALID) {
        return (struct explain_answer){.how = p->on_unknown_name,
                                       .alert = ALERT_UNRECOGNIZED_NAME,
                                       .option = "on-unknown-name"};
    }
    return (struct explain_answer){
        .how = p->on_no_name, .alert = ALERT_UNRECOGNIZED_NAME, .option = "on-no-name"};
}

void explain_decide(struct explain *x, const struct explain_question *q)
{
    *x = (struct explain){.q = q};
    x->kind = hostname_normalise(q->name, q->name_len, x->name, &x->name_len);
    look_up(x);
    add_candidates(x);
    x->nearest = find_nearest(x);
    x->fault = find_fault(x);
    x->answer = answer(x);
}

/* ---- problems -------------------------------------------------------------------------------- */

/* What an Ingress's backend lacks is told with its route. */
static bool is_about_backend(const struct verdict *v)
{
    return strcmp(v->reason, "ServicePortNotFound") == 0 ||
           strcmp(v->reason, "ServicePortNotTCP") == 0;
}

static bool is_about_ingress(const struct verdict *v)
{
    return strcmp(v->kind, object_kind_name(OBJECT_INGRESS)) == 0;
}

static bool may_concern_any_name(const struct verdict *v)
{
    return v->severity == VERDICT_ERROR && (*v->kind == '\0' || is_about_ingress(v)) &&
           !is_about_backend(v);
}

/* Whether the verdict's Ingress is among those that name the host of `c` with an invalid backend.
 */
static bool is_invalid_candidate(const struct explain_candidate *c, const struct verdict *v)
{
    size_t low = 0, high = c->n_unserved;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct report_host *h = &c->unserved[middle];
        int order = strcmp(h->ns, v->ns);

        if (order == 0) {
            order = strcmp(h->ingress, v->name);
        }
        if (order == 0) {
            return h->why == UNSERVED_INVALID;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static bool concerns_this_name(const struct explain *x, const struct verdict *v)
{
    if (x->name_len > 0 && strcasestr(v->message, x->name) != NULL) {
        return true;
    }
    for (size_t i = 0; i < x->n_candidates && is_about_ingress(v); i++) {
        if (is_invalid_candidate(&x->candidates[i], v)) {
            return true;
        }
    }
    return false;
}

const struct verdict *explain_next_problem(const struct explain *x, struct explain_problems *p)
{
    const struct report *r = x->q->report;

    if (r == NULL || x->kind == HOSTNAME_INVALID) {
        return NULL; /* no Ingress can have meant such a name */
    }
    for (;;) {
        while (p->next < r->n_verdicts) {
            const struct verdict *v = &r->verdicts[p->next++];

            if (may_concern_any_name(v) && concerns_this_name(x, v) != p->others) {
                return v;
            }
        }
        if (p->others) {
            return NULL;
        }
        p->others = true;
        p->next = 0;
    }
}

size_t explain_count_errors(const struct explain *x)
{
    const struct report *r = x->q->report;
    size_t n = 0;

    for (size_t i = 0; r != NULL && i < r->n_verdicts; i++) {
        n += r->verdicts[i].severity == VERDICT_ERROR;
    }
    return n;
}

uint64_t explain_skipped_for_s(const struct endpoint *e, uint64_t now_ms)
{
    uint64_t until = atomic_load_explicit(&endpoint_state(e)->skip_until_ms, memory_order_relaxed);

    return until > now_ms ? (until - now_ms + 999) / 1000 : 0;
}
