#include "app/metricswords.h"

void metricswords_one(struct prom *p, const struct prom_family *f, int64_t value, uint64_t per_unit)
{
    prom_family(p, f);
    prom_scaled(p, NULL, NULL, value, per_unit);
}

void metricswords_counters(struct prom *p, const struct prom_labels *labels,
                           const struct prom_labels *words, const uint64_t *cells, size_t n,
                           bool all)
{
    for (size_t i = 0; i < n; i++) {
        if (all || cells[i] != 0) {
            prom_counter(p, labels, &words[i], cells[i]);
        }
    }
}

void metricswords_histogram(struct prom *p, const struct prom_labels *labels, enum histogram which,
                            const uint64_t *cells)
{
    const struct histogram_shape *shape = histogram_shape(which);
    const struct prom_buckets b = {.bounds = shape->bounds,
                                   .n_bounds = shape->n_bounds,
                                   .counts = cells + HISTOGRAM_FIRST_BUCKET,
                                   .sum = cells[0],
                                   .per_unit = shape->per_unit};

    prom_histogram(p, labels, NULL, &b);
}
