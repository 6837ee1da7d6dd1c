/**
 * histogram - the distributions that are counted: bounds, and how a value finds its bucket.
 *
 * A histogram is a run of cells: the sum of all values, then one bucket for each bound and one for
 * what is above the last.  A value is in the first bucket whose bound it does not exceed; buckets
 * are not cumulative.  Single writer, any reader, like every counter (stats.h).
 */
#ifndef PROXY_HISTOGRAM_H
#define PROXY_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/** Enumerator, cells per unit of the metric, help, bounds in cells' units (bytes, microseconds). */
#define HISTOGRAMS(X)                                                                              \
    X(HISTOGRAM_HELLO_SIZE, 1, "bytes on the wire of complete hellos",                             \
      HISTOGRAM_HELLO_SIZE_BOUNDS)                                                                 \
    X(HISTOGRAM_HELLO_DURATION, 1000000, "time from accept to the complete hello",                 \
      HISTOGRAM_HELLO_DURATION_BOUNDS)                                                             \
    X(HISTOGRAM_CONNECT_DURATION, 1000000, "time from the first dial to a connected endpoint",     \
      HISTOGRAM_CONNECT_DURATION_BOUNDS)                                                           \
    X(HISTOGRAM_CONNECTION_DURATION, 1000000, "time from accept to the end of connections",        \
      HISTOGRAM_CONNECTION_DURATION_BOUNDS)

#define HISTOGRAM_MS(n) ((n) * (uint64_t)1000)
#define HISTOGRAM_S(n)  ((n) * (uint64_t)1000000)

/* 1460: what fits one segment on an Ethernet; hellos with post-quantum keys do not. */
#define HISTOGRAM_HELLO_SIZE_BOUNDS 256, 512, 1024, 1460, 2048, 4096, 8192, 16384, 65536
#define HISTOGRAM_HELLO_DURATION_BOUNDS                                                            \
    HISTOGRAM_MS(1), HISTOGRAM_MS(5), HISTOGRAM_MS(10), HISTOGRAM_MS(25), HISTOGRAM_MS(50),        \
        HISTOGRAM_MS(100), HISTOGRAM_MS(250), HISTOGRAM_MS(500), HISTOGRAM_S(1),                   \
        HISTOGRAM_MS(2500), HISTOGRAM_S(5)
#define HISTOGRAM_CONNECT_DURATION_BOUNDS                                                          \
    HISTOGRAM_MS(1), HISTOGRAM_MS(5), HISTOGRAM_MS(10), HISTOGRAM_MS(50), HISTOGRAM_MS(100),       \
        HISTOGRAM_MS(500), HISTOGRAM_S(1), HISTOGRAM_S(5)
#define HISTOGRAM_CONNECTION_DURATION_BOUNDS                                                       \
    HISTOGRAM_S(1), HISTOGRAM_S(10), HISTOGRAM_S(60), HISTOGRAM_S(600), HISTOGRAM_S(3600),         \
        HISTOGRAM_S(21600), HISTOGRAM_S(86400)

#define HISTOGRAM_ENUM(id, unit, help, ...) id,
enum histogram { HISTOGRAMS(HISTOGRAM_ENUM) HISTOGRAM_KINDS };
#undef HISTOGRAM_ENUM

/** Cells of a histogram with these bounds: the sum, their buckets, the last bucket. */
#define HISTOGRAM_CELLS(...) (sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t) + 2)

/** The first bucket among its cells; the cell before holds the sum. */
#define HISTOGRAM_FIRST_BUCKET 1

struct histogram_shape {
    const uint64_t *bounds; /* inclusive, rising */
    size_t n_bounds;        /* buckets: one more */
    uint64_t per_unit;      /* bounds and sum divided by it are bytes or seconds */
    const char *help;
};

const struct histogram_shape *histogram_shape(enum histogram which);

/** Count `value`.  Thread: the only writer of `cells`. */
void histogram_observe(enum histogram which, _Atomic uint64_t *cells, uint64_t value);

#endif
