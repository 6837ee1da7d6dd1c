#include <errno.h>
#include <stdlib.h>

#include "app/metrics.h"
#include "app/metricswords.h"
#include "app/routegroups.h"
#include "base/prom.h"
#include "controller/controller.h"
#include "proxy/proxy.h"
#include "route/series.h"

/* What a route leaves behind when it goes; no Kubernetes name has an underscore. */
#define REMOVED "_removed"

#define REASON(id, word) METRICSWORDS_ENTRY(id, "reason", word)
#define RESULT(id, word) METRICSWORDS_ENTRY(id, "result", word)

static const struct prom_labels CLOSED_WORDS[] = {STATS_END_REASONS(REASON)};
static const struct prom_labels DIAL_WORDS[] = {STATS_DIALS(RESULT)};
static const struct prom_labels DENIED_WORDS[] = {STATS_DENIALS(REASON)};

static void write_closed(struct prom *p, const struct routegroups *g)
{
    static const struct prom_family CLOSED = {
        "sealway_connections_closed_total", PROM_COUNTER, NULL,
        "connections that ended, by why; without a route where none was found, route " REMOVED
        " for the sum of routes that are gone"};
    static const struct prom_family DENIED = {"sealway_denied_total", PROM_COUNTER, NULL,
                                              "connections with a route that were not let through"};
    static const struct prom_family RETRIES = {"sealway_upstream_retries_total", PROM_COUNTER, NULL,
                                               "dials to a further endpoint"};

    prom_family(p, &CLOSED);
    for (size_t i = 0; i < g->n; i++) {
        metricswords_counters(p, &g->groups[i].labels, CLOSED_WORDS, g->groups[i].totals->closed,
                              END_REASONS, g->groups[i].is_process);
    }
    prom_family(p, &DENIED);
    for (size_t i = 0; i < g->n; i++) {
        metricswords_counters(p, &g->groups[i].labels, DENIED_WORDS, g->groups[i].totals->denied,
                              DENIALS, g->groups[i].is_process);
    }
    prom_family(p, &RETRIES);
    for (size_t i = 0; i < g->n; i++) {
        prom_counter(p, &g->groups[i].labels, NULL, g->groups[i].totals->retries);
    }
}

static void write_durations(struct prom *p, const struct routegroups *g)
{
    const struct prom_family duration = {"sealway_connection_duration_seconds", PROM_HISTOGRAM,
                                         "seconds",
                                         histogram_shape(HISTOGRAM_CONNECTION_DURATION)->help};

    prom_family(p, &duration);
    for (size_t i = 0; i < g->n; i++) {
        metricswords_histogram(p, &g->groups[i].labels, HISTOGRAM_CONNECTION_DURATION,
                               g->groups[i].totals->connection_duration);
    }
}

static void write_by_route(struct prom *p, const struct routegroups *g)
{
    write_closed(p, g);
    write_durations(p, g);
}

static void write_by_route_service(struct prom *p, const struct routegroups *g)
{
    static const struct prom_family RECEIVED = {"sealway_received_bytes_total", PROM_COUNTER,
                                                "bytes", "bytes read from clients"};
    static const struct prom_family SENT = {"sealway_sent_bytes_total", PROM_COUNTER, "bytes",
                                            "bytes written to clients"};
    static const struct prom_family DIALS_ENDED = {
        "sealway_upstream_connect_total", PROM_COUNTER, NULL,
        "dials to endpoints, by how they ended; no_port: no local port was left"};

    prom_family(p, &RECEIVED);
    for (size_t i = 0; i < g->n; i++) {
        prom_counter(p, &g->groups[i].labels, NULL, g->groups[i].totals->received_bytes);
    }
    prom_family(p, &SENT);
    for (size_t i = 0; i < g->n; i++) {
        prom_counter(p, &g->groups[i].labels, NULL, g->groups[i].totals->sent_bytes);
    }
    prom_family(p, &DIALS_ENDED);
    for (size_t i = 0; i < g->n; i++) {
        metricswords_counters(p, &g->groups[i].labels, DIAL_WORDS, g->groups[i].totals->dials,
                              DIALS, g->groups[i].is_process);
    }
}

static void write_by_service(struct prom *p, const struct routegroups *g)
{
    static const struct prom_family EJECTIONS = {
        "sealway_endpoint_ejections_total", PROM_COUNTER, NULL,
        "endpoints passed over for a while after a failed dial"};
    const struct prom_family connect = {"sealway_upstream_connect_duration_seconds", PROM_HISTOGRAM,
                                        "seconds",
                                        histogram_shape(HISTOGRAM_CONNECT_DURATION)->help};

    prom_family(p, &EJECTIONS);
    for (size_t i = 0; i < g->n; i++) {
        prom_counter(p, &g->groups[i].labels, NULL, g->groups[i].totals->ejections);
    }
    prom_family(p, &connect);
    for (size_t i = 0; i < g->n; i++) {
        metricswords_histogram(p, &g->groups[i].labels, HISTOGRAM_CONNECT_DURATION,
                               g->groups[i].totals->connect_duration);
    }
}

/* Everything that was counted, one row each. */
struct rows {
    struct series_snapshot series;
    struct route_totals unrouted;
    struct routegroups_row *rows;
    size_t n;
};

/* The process' own row, the one of routes that are gone, and one for each route. */
static int gather(struct rows *r, const struct metrics *m)
{
    *r = (struct rows){.n = 0};
    if (controller_series_snapshot(m->controller, &r->series) != 0) {
        return -ENOMEM;
    }
    proxy_unrouted(m->proxy, &r->unrouted);
    r->rows = calloc(r->series.n_series + 2, sizeof(*r->rows));
    if (r->rows == NULL) {
        return -ENOMEM;
    }
    r->rows[r->n++] = (struct routegroups_row){"", "", "", &r->unrouted, true};
    if (r->series.n_cells == STATS_N_ROUTE_CELLS) {
        r->rows[r->n++] = (struct routegroups_row){
            "", REMOVED, REMOVED, (const struct route_totals *)r->series.removed, true};
        for (size_t i = 0; i < r->series.n_series; i++) {
            const struct series_sum *s = &r->series.series[i];

            r->rows[r->n++] = (struct routegroups_row){
                s->ns, s->ingress, s->service, (const struct route_totals *)s->cells, false};
        }
    }
    return 0;
}

static int write_grouped(struct prom *p, struct rows *r, enum routegroups_by by,
                         void (*write)(struct prom *p, const struct routegroups *g))
{
    struct routegroups g;
    int rc = routegroups_init(&g, r->rows, r->n, by);

    if (rc == 0) {
        write(p, &g);
    }
    routegroups_fini(&g);
    return rc;
}

void metricsroutes_write(void *metrics, struct prom *p)
{
    struct rows r;
    int rc = gather(&r, metrics);

    if (rc == 0) {
        rc = write_grouped(p, &r, ROUTEGROUPS_ROUTE, write_by_route);
    }
    if (rc == 0) {
        rc = write_grouped(p, &r, ROUTEGROUPS_ROUTE_SERVICE, write_by_route_service);
    }
    if (rc == 0) {
        rc = write_grouped(p, &r, ROUTEGROUPS_SERVICE, write_by_service);
    }
    if (rc != 0) {
        prom_fail(p, rc);
    }
    free(r.rows);
    series_snapshot_fini(&r.series);
}
