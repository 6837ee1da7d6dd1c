#include "routestable_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/explain.h"
#include "app/textout.h"
#include "base/timetext.h"
#include "controller/report.h"
#include "route/registry.h"

#define GAP 3 /* spaces between columns */

enum column { HOST, NAMESPACE, INGRESS, SERVICE, ENDPOINTS, ACTIVE, COLUMNS };

static const struct {
    const char *head;
    size_t most; /* wider cells shift their own line only */
} columns[COLUMNS] = {
    [HOST] = {"HOST", 60},           [NAMESPACE] = {"NAMESPACE", 30},
    [INGRESS] = {"INGRESS", 40},     [SERVICE] = {"SERVICE:PORT", 40},
    [ENDPOINTS] = {"ENDPOINTS", 20}, [ACTIVE] = {"ACTIVE", 20},
};

#define NUMBERS_TEXT 48

/** The cells of one line; those of numbers and of two parts have their text here. */
struct line {
    const char *host, *ns, *ingress, *service, *port;
    char endpoints[NUMBERS_TEXT], active[NUMBERS_TEXT];
};

/** One rendering. */
struct sheet {
    const struct routespage *in;
    const struct routepools *pools;
    const struct route *routes;
    size_t n_routes;
    size_t widths[COLUMNS];
    struct textout t;
};

static struct line line_of(const struct sheet *s, const struct route *r)
{
    const struct routepool *p = routepools_of(s->pools, r);
    struct line l = {.host = *r->host != '\0' ? r->host : "(any)",
                     .ns = r->state->ns,
                     .ingress = r->state->ingress,
                     .service = r->state->service,
                     .port = r->state->port};

    snprintf(l.endpoints, sizeof(l.endpoints), "%" PRIu32 "/%" PRIu32, p->ready,
             p->pool->n_endpoints);
    snprintf(l.active, sizeof(l.active), "%" PRIu64, registry_route_active(r->state));
    return l;
}

static void measure(const struct line *l, size_t n[COLUMNS])
{
    n[HOST] = strlen(l->host);
    n[NAMESPACE] = strlen(l->ns);
    n[INGRESS] = strlen(l->ingress);
    n[SERVICE] = strlen(l->service) + 1 + strlen(l->port);
    n[ENDPOINTS] = strlen(l->endpoints);
    n[ACTIVE] = strlen(l->active);
}

static void widen(struct sheet *s, const size_t n[COLUMNS])
{
    for (int c = 0; c < COLUMNS; c++) {
        if (n[c] > s->widths[c] && n[c] <= columns[c].most) {
            s->widths[c] = n[c];
        }
    }
}

static void compute_widths(struct sheet *s)
{
    size_t n[COLUMNS];

    for (int c = 0; c < COLUMNS; c++) {
        s->widths[c] = strlen(columns[c].head);
    }
    for (size_t i = 0; i < s->n_routes; i++) {
        struct line l = line_of(s, &s->routes[i]);

        measure(&l, n);
        widen(s, n);
    }
}

/* The space behind a cell of `n` bytes. */
static void pad(struct sheet *s, enum column c, size_t n)
{
    textout_spaces(&s->t, GAP + (n < s->widths[c] ? s->widths[c] - n : 0));
}

static void write_head(struct sheet *s)
{
    for (int c = 0; c < COLUMNS; c++) {
        textout_put(&s->t, columns[c].head);
        pad(s, (enum column)c, strlen(columns[c].head));
    }
    textout_put(&s->t, "NOTES\n");
}

/* ---- notes ----------------------------------------------------------------------------------- */

static uint32_t count_lost(const struct route *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->n_lost; i++) {
        n += r->lost[i].why != CLAIM_SAME_BACKEND; /* that one is no conflict */
    }
    return n;
}

/* A note begins: what comes before it, given that ACTIVE was `n` bytes wide. */
static void begin_note(struct sheet *s, size_t *n)
{
    if (*n > 0) {
        pad(s, ACTIVE, *n);
        *n = 0;
    } else {
        textout_put(&s->t, ", ");
    }
}

static void write_notes(struct sheet *s, const struct route *r, size_t active_len)
{
    const struct routepool *p = routepools_of(s->pools, r);
    uint32_t lost = count_lost(r);

    if (p->pool->n_endpoints == 0) {
        begin_note(s, &active_len);
        textout_put(&s->t, "no endpoint");
    } else if (p->ready == 0) {
        begin_note(s, &active_len);
        textout_put(&s->t, "all terminating");
    }
    if (p->fault != NULL) {
        begin_note(s, &active_len);
        textout_put(&s->t, p->fault->reason);
    }
    if (p->skipped > 0) {
        begin_note(s, &active_len);
        textout_printf(&s->t, "%" PRIu32 " skipped", p->skipped);
    }
    if (lost > 0) {
        begin_note(s, &active_len);
        textout_printf(&s->t, "%" PRIu32 " %s lost", lost, lost == 1 ? "claim" : "claims");
    }
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void write_line(struct sheet *s, const struct route *r)
{
    struct line l = line_of(s, r);
    const char *const plain[] = {l.host, l.ns, l.ingress};
    size_t n[COLUMNS];

    measure(&l, n);
    for (int c = HOST; c <= INGRESS; c++) {
        textout_safe(&s->t, plain[c]);
        pad(s, (enum column)c, n[c]);
    }
    textout_safe(&s->t, l.service);
    textout_put(&s->t, ":");
    textout_safe(&s->t, l.port);
    pad(s, SERVICE, n[SERVICE]);
    textout_put(&s->t, l.endpoints);
    pad(s, ENDPOINTS, n[ENDPOINTS]);
    textout_put(&s->t, l.active);
    write_notes(s, r, n[ACTIVE]);
    textout_put(&s->t, "\n");
}

static void count_verdicts(const struct report *r, size_t n[VERDICT_ERROR + 1])
{
    for (size_t i = 0; i < r->n_verdicts; i++) {
        n[r->verdicts[i].severity]++;
    }
}

static void write_sum(struct sheet *s)
{
    const struct report *r = s->in->report;
    uint64_t generation = table_generation(s->in->table);
    const struct timespec *then = report_published(r, generation);
    char utc[TIMETEXT_MAX], span[TIMETEXT_MAX];
    size_t n[VERDICT_ERROR + 1] = {0};

    textout_printf(&s->t, "%zu %s, generation %" PRIu64, s->n_routes,
                   s->n_routes == 1 ? "route" : "routes", generation);
    if (then != NULL) {
        textout_printf(&s->t, ", published %s, %s ago", timetext_utc(then->tv_sec, utc),
                       timetext_span(timetext_seconds_since(then, &s->in->wall), span));
    }
    if (r != NULL) {
        count_verdicts(r, n);
        textout_printf(&s->t, "; %zu %s, %zu %s", n[VERDICT_ERROR],
                       n[VERDICT_ERROR] == 1 ? "error" : "errors", n[VERDICT_WARNING],
                       n[VERDICT_WARNING] == 1 ? "warning" : "warnings");
    }
    textout_put(&s->t, "\n");
}

int routestable_write(const struct routespage *p, const struct routepools *pools, struct buf *out)
{
    struct sheet s = {.in = p, .pools = pools};

    textout_init(&s.t, out);
    s.routes = table_routes(p->table, &s.n_routes);
    compute_widths(&s);
    write_head(&s);
    for (size_t i = 0; i < s.n_routes; i++) {
        write_line(&s, &s.routes[i]);
    }
    write_sum(&s);
    return s.t.rc;
}
