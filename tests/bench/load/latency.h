/**
 * latency - how long things took, and percentiles of it.
 */
#ifndef BENCH_LOAD_LATENCY_H
#define BENCH_LOAD_LATENCY_H

#include <stdint.h>

/** Remember one; from the millionth on, none. */
void latency_add(uint64_t ns);

/** Print p50, p99, p99.9 and the longest, in microseconds, as members of a JSON object. */
void latency_print(void);

#endif
