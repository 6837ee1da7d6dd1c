#include <stdio.h>

#include "app/metrics.h"
#include "app/metricswords.h"
#include "base/attr.h"
#include "base/prom.h"
#include "controller/controller.h"
#include "controller/eventlog.h"
#include "controller/kubesource.h"
#include "controller/kubewriter.h"
#include "controller/statuswriter.h"

/* A family with one number of each resource; OFFSET is where that stands in struct kubestats. */
struct resource_family {
    struct prom_family family;
    size_t offset;
};
#define COUNTER(name, member, help)                                                                \
    {                                                                                              \
        {"sealway_kube_" name, PROM_COUNTER, NULL, help}, offsetof(struct kubestats, member)       \
    }

static const struct resource_family COUNTERS[] = {
    COUNTER("watch_events_total", events, "objects added, modified and deleted, as watches told"),
    COUNTER("watch_errors_total", errors,
            "lists and watches that failed; neither a watch that ended in order nor one whose "
            "version had expired"),
    COUNTER("watch_skipped_total", skipped,
            "events of a type or kind that is not known, objects without a name"),
    COUNTER("relists_total", relists, "complete lists after the first one of a watch"),
    COUNTER("relist_differences_total", drifts,
            "objects that a periodic list found to differ from what events had told"),
};

static struct prom_labels label_of(const struct kubesource_stats *s, char text[64])
{
    return (struct prom_labels){text, (size_t)snprintf(text, 64, "resource=\"%s\"", s->resource)};
}

static void write_counter(struct prom *p, const struct resource_family *f,
                          const struct kubesource_stats *all)
{
    prom_family(p, &f->family);
    for (size_t i = 0; i < KUBESOURCE_RESOURCES; i++) {
        const _Atomic uint64_t *cell = (const void *)((const char *)&all[i].figures + f->offset);
        char text[64];
        const struct prom_labels label = label_of(&all[i], text);

        if (atomic_load_explicit(&all[i].watched, memory_order_relaxed)) {
            prom_counter(p, &label, NULL, atomic_load_explicit(cell, memory_order_relaxed));
        }
    }
}

enum gauge { OBJECTS, SYNCED, LAST_EVENT };

static void write_gauge(struct prom *p, enum gauge which, const struct kubesource_stats *all)
{
    static const struct prom_family FAMILIES[] = {
        [OBJECTS] = {"sealway_kube_objects", PROM_GAUGE, NULL, "objects held of what is watched"},
        [SYNCED] = {"sealway_kube_synced", PROM_GAUGE, NULL,
                    "1 once a resource was listed completely"},
        [LAST_EVENT] = {"sealway_kube_watch_last_event_timestamp_seconds", PROM_GAUGE, "seconds",
                        "when the API server last told anything: an event, a bookmark, a list; "
                        "seconds since the epoch, 0: never"},
    };

    prom_family(p, &FAMILIES[which]);
    for (size_t i = 0; i < KUBESOURCE_RESOURCES; i++) {
        const struct kubestats *s = &all[i].figures;
        char text[64];
        const struct prom_labels label = label_of(&all[i], text);

        if (!atomic_load_explicit(&all[i].watched, memory_order_relaxed)) {
            continue;
        }
        if (which == LAST_EVENT) {
            prom_scaled(p, &label, NULL,
                        atomic_load_explicit(&s->last_event_ms, memory_order_relaxed), 1000);
        } else {
            prom_gauge(p, &label, NULL,
                       which == OBJECTS
                           ? (int64_t)atomic_load_explicit(&s->objects, memory_order_relaxed)
                           : atomic_load_explicit(&s->synced, memory_order_relaxed));
        }
    }
}

static void write_written(struct prom *p, const struct kubewriter_stats *w)
{
    static const struct prom_family LEADER = {"sealway_leader", PROM_GAUGE, NULL,
                                              "1 while this replica writes status and Events"};
    static const struct prom_family WRITES = {
        "sealway_kube_writes_total", PROM_COUNTER, NULL,
        "status and Events written to the API server, and what came of it"};
    const struct {
        struct prom_labels labels;
        const _Atomic uint64_t *cell;
    } cells[] = {
        {PROM_LABELS("object=\"status\",result=\"ok\""), &w->status->written},
        {PROM_LABELS("object=\"status\",result=\"conflict\""), &w->status->conflicts},
        {PROM_LABELS("object=\"status\",result=\"failed\""), &w->status->failed},
        {PROM_LABELS("object=\"event\",result=\"ok\""), &w->events->written},
        {PROM_LABELS("object=\"event\",result=\"failed\""), &w->events->failed},
        {PROM_LABELS("object=\"event\",result=\"lost\""), &w->events->lost},
    };

    metricswords_one(p, &LEADER, atomic_load(&w->leads), 1);
    prom_family(p, &WRITES);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        prom_counter(p, &cells[i].labels, NULL,
                     atomic_load_explicit(cells[i].cell, memory_order_relaxed));
    }
}

void metricskube_write(void *metrics, struct prom *p)
{
    const struct metrics *m = metrics;
    const struct kubesource_stats *all = controller_kube_stats(m->controller);
    const struct kubewriter_stats *written = controller_write_stats(m->controller);

    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(COUNTERS); i++) {
        write_counter(p, &COUNTERS[i], all);
    }
    write_gauge(p, OBJECTS, all);
    write_gauge(p, SYNCED, all);
    write_gauge(p, LAST_EVENT, all);
    if (written != NULL) {
        write_written(p, written);
    }
}
