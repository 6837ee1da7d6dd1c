/**
 * window - the part of a run that is measured, usually while the load is at its full.
 *
 * What opening and draining connections and a cold cache take is before and behind it.
 */
#ifndef BENCH_LOAD_WINDOW_H
#define BENCH_LOAD_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/config.h"

/** The warm-up begins now; when the window will end is told. */
uint64_t window_start(const struct config *cfg);

/** At each turn of the run's loop: opens or shuts the window when it is time; the last turn shuts
 * it in any case, any other only when a unit was done in it.  `units` are those since the run
 * began. */
void window_turn(uint64_t units, bool is_last);

/** When it must be called next, unless something happens before. */
uint64_t window_next_ns(void);

/** Whether what happens now counts. */
bool window_is_open(void);

/** Print units, CPU time of the proxy and wall time, as members of a JSON object. */
void window_print(void);

#endif
