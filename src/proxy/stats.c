#include "proxy/stats.h"

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void stats_sum(struct stats_snapshot *sum, const struct stats *s)
{
#define STATS_ADD(name, help) sum->name += read_counter(&s->name);
    STATS_COUNTERS(STATS_ADD)
#undef STATS_ADD
    for (int i = 0; i < HELLO_RESULTS; i++) {
        sum->hello[i] += read_counter(&s->hello[i]);
    }
    for (int i = 0; i < END_REASONS; i++) {
        sum->closed[i] += read_counter(&s->closed[i]);
    }
}

#define STATS_WORD(id, word) [id] = word,

const char *stats_hello_word(enum hello_result r)
{
    static const char *const words[] = {STATS_HELLO_RESULTS(STATS_WORD)};
    return words[r];
}

const char *stats_end_word(enum end_reason r)
{
    static const char *const words[] = {STATS_END_REASONS(STATS_WORD)};
    return words[r];
}
