#include <stdio.h>

#include "app/applies.h"
#include "app/metrics.h"
#include "app/metricswords.h"
#include "app/view.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/prom.h"
#include "controller/controller.h"
#include "controller/report.h"
#include "proxy/proxy.h"

static void write_rounds(struct prom *p, const struct controller_stats *s)
{
    static const struct prom_family APPLIES = {
        "sealway_config_apply_total", PROM_COUNTER, NULL,
        "changes of objects, by what came of them: a new table, the same table, a failure that is "
        "tried again"};
    static const struct prom_labels RESULTS[] = {
        [CONTROLLER_PUBLISHED] = PROM_LABELS("result=\"published\""),
        [CONTROLLER_UNCHANGED] = PROM_LABELS("result=\"unchanged\""),
        [CONTROLLER_FAILED] = PROM_LABELS("result=\"failed\""),
    };

    prom_family(p, &APPLIES);
    for (int i = 0; i < CONTROLLER_RESULTS; i++) {
        prom_counter(p, &RESULTS[i], NULL, s->rounds[i]);
    }
}

static void write_table(struct prom *p, const struct controller_stats *s)
{
    static const struct prom_family GENERATION = {"sealway_config_generation", PROM_GAUGE, NULL,
                                                  "number of the newest table"};
    static const struct prom_family PUBLISHED = {
        "sealway_config_last_apply_timestamp_seconds", PROM_GAUGE, "seconds",
        "when the newest table was published, seconds since the epoch"};
    static const struct prom_family SUCCESS = {
        "sealway_config_last_apply_success", PROM_GAUGE, NULL,
        "0 while the source cannot be read or a table cannot be made; the last good one serves"};
    static const struct prom_family ROUTES = {"sealway_config_routes", PROM_GAUGE, NULL,
                                              "hosts of the newest table, patterns included"};
    static const struct prom_family BYTES = {"sealway_config_table_bytes", PROM_GAUGE, "bytes",
                                             "memory of the newest table"};
    static const struct prom_family AGE = {
        "sealway_config_age_seconds", PROM_GAUGE, "seconds",
        "since the source of objects was last known to be there and read"};
    uint64_t now_ms = clock_now_ms();

    metricswords_one(p, &GENERATION, (int64_t)s->generation, 1);
    metricswords_one(p, &PUBLISHED, s->published_ms, 1000);
    metricswords_one(p, &SUCCESS, s->last_failed ? 0 : 1, 1);
    metricswords_one(p, &ROUTES, (int64_t)s->routes, 1);
    metricswords_one(p, &BYTES, (int64_t)s->table_bytes, 1);
    metricswords_one(p, &AGE, now_ms > s->heard_ms ? (int64_t)(now_ms - s->heard_ms) : 0, 1000);
}

static void write_duration(struct prom *p, const struct applies *a)
{
    static const struct prom_family DURATION = {
        "sealway_config_apply_duration_seconds", PROM_HISTOGRAM, "seconds",
        "from the first event of a change until every worker routes by it"};
    static const uint64_t BOUNDS[] = {APPLIES_BOUNDS};
    const struct prom_buckets buckets = {.bounds = BOUNDS,
                                         .n_bounds = ARRAY_LEN(BOUNDS),
                                         .counts = a->counts,
                                         .sum = a->sum_us,
                                         .per_unit = 1000000};

    prom_family(p, &DURATION);
    prom_histogram(p, NULL, NULL, &buckets);
}

static void write_adopted(struct prom *p, const struct proxy *proxy)
{
    static const struct prom_family ADOPTED = {"sealway_config_adopted_generation", PROM_GAUGE,
                                               NULL, "number of the table a worker routes by"};

    prom_family(p, &ADOPTED);
    for (unsigned i = 0; i < proxy_workers(proxy); i++) {
        char text[32];
        const struct prom_labels label = {text,
                                          (size_t)snprintf(text, sizeof(text), "worker=\"%u\"", i)};

        prom_gauge(p, &label, NULL, (int64_t)proxy_adopted_generation(proxy, i));
    }
}

static void write_rejected(struct prom *p, const struct report *r)
{
    static const struct prom_family REJECTED = {
        "sealway_config_rejected_objects", PROM_GAUGE, NULL,
        "objects that are not served as written, by kind and the reason that check and explain "
        "give"};
    struct arena arena;
    int rc = 0;

    prom_family(p, &REJECTED);
    arena_init(&arena, 1024);
    for (size_t i = 0; r != NULL && i < r->n_counts && rc == 0; i++) {
        const struct prom_label names[] = {{"kind", r->counts[i].kind},
                                           {"reason", r->counts[i].reason}};
        struct prom_labels labels;

        rc = prom_labels_make(&arena, names, ARRAY_LEN(names), &labels);
        if (rc == 0) {
            prom_gauge(p, &labels, NULL, (int64_t)r->counts[i].objects);
        }
    }
    if (rc != 0) {
        prom_fail(p, rc);
    }
    arena_fini(&arena);
}

void metricsconfig_write(void *metrics, struct prom *p)
{
    const struct metrics *m = metrics;
    struct controller_stats stats;

    controller_stats(m->controller, &stats);
    write_rounds(p, &stats);
    write_table(p, &stats);
    write_duration(p, m->applies);
    write_adopted(p, m->proxy);
    write_rejected(p, m->view->report);
}
