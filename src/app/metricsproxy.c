#include <string.h>

#include "app/metrics.h"
#include "app/metricswords.h"
#include "base/limits.h"
#include "base/netaddr.h"
#include "base/prom.h"
#include "proxy/proxy.h"

#define REASON(id, word)  METRICSWORDS_ENTRY(id, "reason", word)
#define RESULT(id, word)  METRICSWORDS_ENTRY(id, "result", word)
#define FEATURE(id, word) METRICSWORDS_ENTRY(id, "feature", word)
#define PHASE(id, word)   METRICSWORDS_ENTRY(id, "phase", word)

static const struct prom_labels REFUSAL_WORDS[] = {STATS_REFUSALS(REASON)};
static const struct prom_labels HELLO_WORDS[] = {STATS_HELLO_RESULTS(RESULT)};
static const struct prom_labels MATCH_WORDS[] = {STATS_MATCHES(RESULT)};
static const struct prom_labels FEATURE_WORDS[] = {STATS_HELLO_FEATURES(FEATURE)};
static const struct prom_labels PHASE_WORDS[] = {STATS_PHASES(PHASE)};

/* One listener and what it counted. */
struct listener {
    struct prom_labels labels;
    struct listener_totals totals;
};

/* Every listener at one moment. */
struct listeners_now {
    struct listener at[LIMIT_LISTENERS];
    size_t n;
    struct arena arena;
};

static int gather(struct listeners_now *now, const struct proxy *proxy)
{
    int rc = 0;

    arena_init(&now->arena, 1024);
    now->n = proxy_listeners(proxy);
    for (size_t i = 0; i < now->n && rc == 0; i++) {
        const struct netaddr addr = proxy_listen_addr(proxy, i);
        char text[NETADDR_TEXT_MAX];
        const struct prom_label label = {"listener", netaddr_format(&addr, text)};

        proxy_listener_stats(proxy, i, &now->at[i].totals);
        rc = prom_labels_make(&now->arena, &label, 1, &now->at[i].labels);
    }
    return rc;
}

static void write_connections(struct prom *p, const struct listeners_now *now)
{
    static const struct prom_family ACCEPTED = {"sealway_connections_accepted_total", PROM_COUNTER,
                                                NULL, "connections accepted, also those refused"};
    static const struct prom_family ACTIVE = {
        "sealway_connections_active", PROM_GAUGE, NULL,
        "connections now: reading a hello, dialling, relaying, relaying with one direction ended, "
        "waiting for a client to take its refusal"};
    static const struct prom_family REFUSED = {"sealway_connections_refused_total", PROM_COUNTER,
                                               NULL,
                                               "connections closed at once, by what was full"};

    prom_family(p, &ACCEPTED);
    for (size_t i = 0; i < now->n; i++) {
        prom_counter(p, &now->at[i].labels, NULL, now->at[i].totals.accepted);
    }
    prom_family(p, &ACTIVE);
    for (size_t i = 0; i < now->n; i++) {
        for (int phase = 0; phase < PHASES; phase++) {
            prom_gauge(p, &now->at[i].labels, &PHASE_WORDS[phase],
                       (int64_t)now->at[i].totals.active[phase]);
        }
    }
    prom_family(p, &REFUSED);
    for (size_t i = 0; i < now->n; i++) {
        metricswords_counters(p, &now->at[i].labels, REFUSAL_WORDS, now->at[i].totals.refused,
                              REFUSALS, true);
    }
}

static void write_hellos(struct prom *p, const struct listeners_now *now)
{
    static const struct prom_family RESULTS = {"sealway_client_hello_total", PROM_COUNTER, NULL,
                                               "first flights, by what was read"};
    static const struct prom_family FEATURES = {
        "sealway_client_hello_features_total", PROM_COUNTER, NULL,
        "complete hellos that had this; ech_outer counts GREASE too, which is made to look alike"};
    static const struct prom_family MATCHES_FOUND = {
        "sealway_route_match_total", PROM_COUNTER, NULL,
        "complete hellos, by how their route was found; default is the catch-all"};

    prom_family(p, &RESULTS);
    for (size_t i = 0; i < now->n; i++) {
        metricswords_counters(p, &now->at[i].labels, HELLO_WORDS, now->at[i].totals.hello,
                              HELLO_RESULTS, true);
    }
    prom_family(p, &FEATURES);
    for (size_t i = 0; i < now->n; i++) {
        metricswords_counters(p, &now->at[i].labels, FEATURE_WORDS, now->at[i].totals.features,
                              HELLO_FEATURES, true);
    }
    prom_family(p, &MATCHES_FOUND);
    for (size_t i = 0; i < now->n; i++) {
        metricswords_counters(p, &now->at[i].labels, MATCH_WORDS, now->at[i].totals.match, MATCHES,
                              true);
    }
}

static void write_hello_histograms(struct prom *p, const struct listeners_now *now)
{
    const struct prom_family size = {"sealway_client_hello_size_bytes", PROM_HISTOGRAM, "bytes",
                                     histogram_shape(HISTOGRAM_HELLO_SIZE)->help};
    const struct prom_family duration = {"sealway_client_hello_duration_seconds", PROM_HISTOGRAM,
                                         "seconds",
                                         histogram_shape(HISTOGRAM_HELLO_DURATION)->help};

    prom_family(p, &size);
    for (size_t i = 0; i < now->n; i++) {
        metricswords_histogram(p, &now->at[i].labels, HISTOGRAM_HELLO_SIZE,
                               now->at[i].totals.hello_size);
    }
    prom_family(p, &duration);
    for (size_t i = 0; i < now->n; i++) {
        metricswords_histogram(p, &now->at[i].labels, HISTOGRAM_HELLO_DURATION,
                               now->at[i].totals.hello_duration);
    }
}

static void write_process(struct prom *p, const struct proxy *proxy)
{
    static const struct prom_family LIMIT = {
        "sealway_connections_limit", PROM_GAUGE, NULL,
        "connections that may be open at once, over all listeners; further ones are refused"};
    static const struct prom_family ERRORS = {"sealway_accept_errors_total", PROM_COUNTER, NULL,
                                              "accept(2) failures that were not the peer's"};
    struct stats_totals totals = {0};

    prom_family(p, &LIMIT);
    prom_gauge(p, NULL, NULL, proxy_max_connections(proxy));
    proxy_stats(proxy, &totals);
    prom_family(p, &ERRORS);
    prom_counter(p, NULL, NULL, totals.accept_errors);
}

void metricsproxy_write(void *metrics, struct prom *p)
{
    const struct metrics *m = metrics;
    struct listeners_now now;
    int rc = gather(&now, m->proxy);

    if (rc == 0) {
        write_connections(p, &now);
        write_hellos(p, &now);
        write_hello_histograms(p, &now);
        write_process(p, m->proxy);
    } else {
        prom_fail(p, rc);
    }
    arena_fini(&now.arena);
}
