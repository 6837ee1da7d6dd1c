#include "proxy/stats.h"

/* Twins have the same cells in the same order, so that one loop sums any of them. */
#define CELLS(type) (sizeof(type) / sizeof(uint64_t))
#define TWINS(cells, totals, last)                                                                 \
    _Static_assert(offsetof(cells, last) == offsetof(totals, last), "same cells, same order")

TWINS(struct listener_stats, struct listener_totals, hello_duration);
TWINS(struct route_cells, struct route_totals, denied);
TWINS(struct stats, struct stats_totals, lines_held_back);

static void sum_cells(void *totals, const void *cells, size_t n)
{
    uint64_t *sum = totals;
    const _Atomic uint64_t *cell = cells;

    for (size_t i = 0; i < n; i++) {
        sum[i] += atomic_load_explicit(&cell[i], memory_order_relaxed);
    }
}

void stats_sum_listener(struct listener_totals *sum, const struct listener_stats *s)
{
    sum_cells(sum, s, CELLS(*sum));
}

void stats_sum_route(struct route_totals *sum, const struct route_cells *s)
{
    sum_cells(sum, s, CELLS(*sum));
}

void stats_sum(struct stats_totals *sum, const struct stats *s)
{
    sum_cells(sum, s, CELLS(*sum));
}

#define STATS_WORD(id, word) [id] = (word),

const char *stats_refused_word(enum refused_reason r)
{
    static const char *const words[] = {STATS_REFUSALS(STATS_WORD)};
    return words[r];
}

const char *stats_hello_word(enum hello_result r)
{
    static const char *const words[] = {STATS_HELLO_RESULTS(STATS_WORD)};
    return words[r];
}

const char *stats_feature_word(enum hello_feature f)
{
    static const char *const words[] = {STATS_HELLO_FEATURES(STATS_WORD)};
    return words[f];
}

const char *stats_match_word(enum route_match m)
{
    static const char *const words[] = {STATS_MATCHES(STATS_WORD)};
    return words[m];
}

const char *stats_phase_word(enum conn_phase p)
{
    static const char *const words[] = {STATS_PHASES(STATS_WORD)};
    return words[p];
}

const char *stats_end_word(enum end_reason r)
{
    static const char *const words[] = {STATS_END_REASONS(STATS_WORD)};
    return words[r];
}

const char *stats_dial_word(enum dial_result r)
{
    static const char *const words[] = {STATS_DIALS(STATS_WORD)};
    return words[r];
}

const char *stats_denied_word(enum denied_reason r)
{
    static const char *const words[] = {STATS_DENIALS(STATS_WORD)};
    return words[r];
}
