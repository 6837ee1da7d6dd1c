#include "proxy/histogram.h"

#include "proxy/stats.h"

#define BOUNDS(id, unit, text, ...) static const uint64_t id##_bounds[] = {__VA_ARGS__};
HISTOGRAMS(BOUNDS)
#undef BOUNDS

const struct histogram_shape *histogram_shape(enum histogram which)
{
#define SHAPE(id, unit, text, ...)                                                                 \
    [id] = {.bounds = id##_bounds,                                                                 \
            .n_bounds = sizeof(id##_bounds) / sizeof(uint64_t),                                    \
            .per_unit = (unit),                                                                    \
            .help = (text)},
    static const struct histogram_shape shapes[] = {HISTOGRAMS(SHAPE)};
#undef SHAPE

    return &shapes[which];
}

void histogram_observe(enum histogram which, _Atomic uint64_t *cells, uint64_t value)
{
    const struct histogram_shape *shape = histogram_shape(which);
    size_t bucket = 0;

    while (bucket < shape->n_bounds && value > shape->bounds[bucket]) {
        bucket++;
    }
    stats_add(&cells[0], value);
    stats_add(&cells[HISTOGRAM_FIRST_BUCKET + bucket], 1);
}
