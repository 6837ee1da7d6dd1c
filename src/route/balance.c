#include "route/balance.h"

#include "route/registry.h"

#define PROBES     4u                  /* random tries before the pool is walked */
#define NONE       UINT32_MAX          /* no endpoint */
#define OTHER_SEED 0x9e3779b97f4a7c15u /* for a state of 0, which would stay 0 */
#define MULTIPLIER                                                                                 \
    0x2545f4914f6cdd1du /* Vigna, "An experimental exploration of Marsaglia's                      \
                           xorshift generators, scrambled" (2016) */

/* What one pick looks for. */
struct search {
    const struct pool *pool;
    const struct balance_tried *tried;
    struct balance_rng *rng;
    uint64_t now_ms;
    bool take_skipped; /* nothing else is left */
};

static uint64_t next_random(struct balance_rng *rng)
{
    uint64_t x = rng->state != 0 ? rng->state : OTHER_SEED;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    rng->state = x;
    return x * MULTIPLIER;
}

/* Below `n`, which is so far below 2^32 that the bias of scaling cannot be measured. */
static uint32_t random_below(struct balance_rng *rng, uint32_t n)
{
    return (uint32_t)((next_random(rng) >> 32) * n >> 32);
}

bool balance_is_skipped(const struct endpoint *e, uint64_t now_ms)
{
    return atomic_load_explicit(&endpoint_state(e)->skip_until_ms, memory_order_relaxed) > now_ms;
}

static bool is_candidate(const struct search *s, uint32_t i, uint32_t but)
{
    if (i == but) {
        return false;
    }
    for (uint8_t k = 0; k < s->tried->n; k++) {
        if (s->tried->index[k] == i) {
            return false;
        }
    }
    return s->take_skipped || !balance_is_skipped(&s->pool->endpoints[i], s->now_ms);
}

/* A random candidate other than `but`, or NONE. */
static uint32_t find_candidate(const struct search *s, uint32_t but)
{
    uint32_t n = s->pool->n_endpoints;
    uint32_t i = 0;

    for (uint32_t k = 0; k < PROBES; k++) {
        i = random_below(s->rng, n);
        if (is_candidate(s, i, but)) {
            return i;
        }
    }
    i = random_below(s->rng, n);
    for (uint32_t k = 0; k < n; k++) {
        if (is_candidate(s, i, but)) {
            return i;
        }
        i = i + 1 < n ? i + 1 : 0;
    }
    return NONE;
}

static uint64_t load_of(const struct search *s, uint32_t i)
{
    return registry_endpoint_active(endpoint_state(&s->pool->endpoints[i]));
}

/* The less loaded of two random candidates; the first where both are equal. */
static uint32_t find_better_of_two(const struct search *s)
{
    uint32_t first = find_candidate(s, NONE);
    uint32_t second = first != NONE ? find_candidate(s, first) : NONE;

    if (second != NONE && load_of(s, second) < load_of(s, first)) {
        return second;
    }
    return first;
}

const struct endpoint *balance_pick(const struct pool *pool, struct balance_tried *tried,
                                    struct balance_rng *rng, uint64_t now_ms)
{
    struct search s = {.pool = pool, .tried = tried, .rng = rng, .now_ms = now_ms};
    uint32_t i;

    if (tried->n >= ARRAY_LEN(tried->index) || tried->n >= pool->n_endpoints) {
        return NULL;
    }
    i = find_better_of_two(&s);
    if (i == NONE) {
        s.take_skipped = true;
        i = find_better_of_two(&s);
    }
    if (i == NONE) {
        return NULL;
    }
    tried->index[tried->n++] = (uint16_t)i;
    return &pool->endpoints[i];
}

bool balance_mark_failed(const struct endpoint *e, struct balance_rng *rng, uint64_t now_ms)
{
    /* Three to five quarters, so that what failed together is not tried again together. */
    uint64_t ms = LIMIT_ENDPOINT_SKIP_MS / 4 * 3 + random_below(rng, LIMIT_ENDPOINT_SKIP_MS / 2);

    return atomic_exchange_explicit(&endpoint_state(e)->skip_until_ms, now_ms + ms,
                                    memory_order_relaxed) <= now_ms;
}

void balance_mark_ok(const struct endpoint *e)
{
    /* Look first: a store would take the cache line from every other worker for each connection. */
    if (atomic_load_explicit(&endpoint_state(e)->skip_until_ms, memory_order_relaxed) != 0) {
        atomic_store_explicit(&endpoint_state(e)->skip_until_ms, 0, memory_order_relaxed);
    }
}
