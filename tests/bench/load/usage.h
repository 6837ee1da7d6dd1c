/**
 * usage - what the proxy uses of the machine, over all threads of its processes.
 */
#ifndef BENCH_LOAD_USAGE_H
#define BENCH_LOAD_USAGE_H

#include <stdint.h>

#include "bench/load/config.h"

/** Nanoseconds on a CPU so far. */
uint64_t usage_cpu_ns(const struct config *cfg);

/** The same since `before` of it was told.  Ends the program where it has become less: a thread has
 * ended and taken its time with it, so that nobody knows how much was used. */
uint64_t usage_cpu_ns_since(const struct config *cfg, uint64_t before);

/** Proportional set size. */
uint64_t usage_pss_kib(const struct config *cfg);

#endif
