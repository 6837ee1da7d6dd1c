/**
 * metricswords - the labels of closed sets, rendered at compile time, and how numbers are written.
 */
#ifndef APP_METRICSWORDS_H
#define APP_METRICSWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prom.h"
#include "proxy/histogram.h"

/** One entry of a table of labels, made from an X-list of stats.h:
 *     #define RESULT(id, word) METRICSWORDS_ENTRY(id, "result", word)
 *     static const struct prom_labels RESULTS[] = {STATS_DIALS(RESULT)}; */
#define METRICSWORDS_ENTRY(id, label, word)                                                        \
    [id] = {label "=\"" word "\"", sizeof(label "=\"" word "\"") - 1},

/** A family of one sample, value / per_unit as prom_scaled() has it. */
void metricswords_one(struct prom *p, const struct prom_family *f, int64_t value,
                      uint64_t per_unit);

/** One counter for each of `n` cells, with the labels of its word; of those that are 0 none unless
 * `all`. */
void metricswords_counters(struct prom *p, const struct prom_labels *labels,
                           const struct prom_labels *words, const uint64_t *cells, size_t n,
                           bool all);

/** A histogram from its cells (proxy/histogram.h). */
void metricswords_histogram(struct prom *p, const struct prom_labels *labels, enum histogram which,
                            const uint64_t *cells);

#endif
