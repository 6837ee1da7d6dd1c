/**
 * metric_lines - looks at a page of metrics in the text format.
 *
 * Asserts with cmocka.
 */
#ifndef SUPPORT_METRIC_LINES_H
#define SUPPORT_METRIC_LINES_H

#include <stddef.h>
#include <stdint.h>

/** Fail the test unless each of these lines stands there, as it is. */
void metric_lines_has(const char *page, const char *lines);

/** How many lines begin with this. */
size_t metric_lines_count(const char *page, const char *beginning);

/** The names of the families in the order of the page, each with its type, as "name counter\n"; the
 * caller frees. */
char *metric_lines_families(const char *page);

/** The sum of the samples that begin with this; they must be whole numbers. */
uint64_t metric_lines_sum(const char *page, const char *beginning);

#endif
