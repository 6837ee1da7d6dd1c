/**
 * prom - writes metrics as text: Prometheus 0.0.4 or OpenMetrics 1.0.0.
 *
 * Family by family, samples under their family.  Every number is an integer, scaled where the unit
 * wants it, so that nothing depends on a locale and nothing is ever NaN.  A failure (memory, the
 * buffer's maximum) sticks: the rest is skipped and prom_end() tells.  Knows no HTTP and no metric.
 *
 * Fast enough for a million lines: labels are rendered once and shared by all lines that have them.
 */
#ifndef BASE_PROM_H
#define BASE_PROM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

enum prom_format {
    PROM_TEXT,
    PROM_OPENMETRICS,
};

enum prom_type {
    PROM_COUNTER, /* its name ends in _total */
    PROM_GAUGE,
    PROM_HISTOGRAM,
    PROM_INFO, /* its name ends in _info; one sample per set of labels, of value 1 */
};

/** What the lines of one metric have in common; usually static. */
struct prom_family {
    const char *name; /* as its samples are called, suffix included, except _bucket, _sum, _count */
    enum prom_type type;
    const char *unit; /* "seconds", "bytes": the name's end, or its end before _total; or NULL */
    const char *help; /* any text */
};

/** One label and its value: any bytes up to the terminator. */
struct prom_label {
    const char *name; /* [a-zA-Z_][a-zA-Z0-9_]*, and not "le" */
    const char *value;
};

/**
 * Labels as they stand between the braces, the same in both formats.  All zeros: no labels.  Made
 * by prom_labels_make(), or from a literal: PROM_LABELS("result=\"ok\"").
 */
struct prom_labels {
    const char *text; /* no terminator needed */
    size_t len;
};

/** Labels from a string literal that is already escaped. */
#define PROM_LABELS(literal) ((struct prom_labels){"" literal, sizeof(literal) - 1})

/**
 * A writer; lives on its owner's stack for one page.  The fields are its own.  Thread: one.
 */
struct prom {
    struct buf *out;
    enum prom_format format;
    const struct prom_family *family;
    size_t name_len;
    int rc; /* the first failure */
};

/** A distribution as it is counted: each value in one bucket, the last is above all bounds. */
struct prom_buckets {
    const uint64_t *bounds; /* n_bounds, inclusive, rising */
    const uint64_t *counts; /* n_bounds + 1, not cumulative */
    size_t n_bounds;
    uint64_t sum;
    uint64_t per_unit; /* bounds and sum divided by it are in the family's unit; a power of ten */
};

/**
 * Render labels into `a`, in the order given.  What is no UTF-8 or a control character becomes
 * U+FFFD.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int prom_labels_make(struct arena *a, const struct prom_label *labels, size_t n,
                                struct prom_labels *out);

/** Begin a page at the end of `out`, which stays its owner's. */
void prom_begin(struct prom *p, struct buf *out, enum prom_format format);

/** Begin a family: its description.  `f` is borrowed until the next; no name may come twice. */
void prom_family(struct prom *p, const struct prom_family *f);

/*
 * One sample of the current family, each of the type it names.  `labels` and `more` are joined;
 * either may be NULL.  They must not name a label twice.
 */

void prom_counter(struct prom *p, const struct prom_labels *labels, const struct prom_labels *more,
                  uint64_t value);

void prom_gauge(struct prom *p, const struct prom_labels *labels, const struct prom_labels *more,
                int64_t value);

/** A counter or gauge of value / per_unit, exactly; `per_unit` is a power of ten up to 10^9. */
void prom_scaled(struct prom *p, const struct prom_labels *labels, const struct prom_labels *more,
                 int64_t value, uint64_t per_unit);

void prom_info(struct prom *p, const struct prom_labels *labels);

/** n_bounds + 3 lines: the buckets, cumulative, +Inf, the sum, the count. */
void prom_histogram(struct prom *p, const struct prom_labels *labels,
                    const struct prom_labels *more, const struct prom_buckets *b);

/** Let the page fail: what belongs here could not be gathered.  `rc` is a -errno. */
void prom_fail(struct prom *p, int rc);

/** End the page.  Returns 0, or the first failure: -ENOBUFS, -ENOMEM; the page is then useless. */
MUST_CHECK int prom_end(struct prom *p);

#endif
