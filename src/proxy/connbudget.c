#include "proxy/connbudget.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

#define MOST  64u /* taken at once, so that the common pool is rarely touched */
#define SHARE 4u  /* and at most this part of what would be each worker's of what is left */

struct pocket {
    _Alignas(CACHE_LINE) _Atomic uint32_t free; /* others may take some */
    _Atomic uint32_t open;                      /* connections; its worker's alone */
};

struct connbudget {
    _Alignas(CACHE_LINE) _Atomic uint32_t common; /* in nobody's pocket */
    _Alignas(CACHE_LINE) unsigned workers;        /* not written again, as the next */
    uint32_t max;
    struct pocket pockets[];
};

_Static_assert(sizeof(struct pocket) == CACHE_LINE, "a pocket has its line for itself");
_Static_assert(offsetof(struct connbudget, workers) == CACHE_LINE &&
                   offsetof(struct connbudget, pockets) == 2 * CACHE_LINE,
               "and so has what all of them write");

struct connbudget *connbudget_new(uint32_t max, unsigned workers)
{
    size_t bytes = sizeof(struct connbudget) + workers * sizeof(struct pocket);
    struct connbudget *b = aligned_alloc(CACHE_LINE, bytes);

    if (b != NULL) {
        memset(b, 0, bytes);
        atomic_init(&b->common, max);
        b->workers = workers;
        b->max = max;
    }
    return b;
}

void connbudget_free(struct connbudget *b)
{
    free(b);
}

/* Take `n` of what is there, or what there is; returns how many. */
static uint32_t take(_Atomic uint32_t *from, uint32_t n)
{
    uint32_t there = atomic_load_explicit(from, memory_order_relaxed), some;

    do {
        some = there < n ? there : n;
    } while (some > 0 &&
             !atomic_compare_exchange_weak_explicit(from, &there, there - some,
                                                    memory_order_relaxed, memory_order_relaxed));
    return some;
}

static void put(_Atomic uint32_t *to, uint32_t n)
{
    (void)atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

/* How many to take: none that others could miss soon, so that hardly any are on their way to a
 * pocket, where nobody finds them, when the common pool runs dry. */
static uint32_t step_of(const struct connbudget *b)
{
    uint32_t each = atomic_load_explicit(&b->common, memory_order_relaxed) / b->workers / SHARE;

    return each < 1 ? 1 : each < MOST ? each : MOST;
}

static bool take_common(struct connbudget *b, struct pocket *own)
{
    uint32_t n = take(&b->common, step_of(b));

    if (n > 1) {
        put(&own->free, n - 1);
    }
    return n > 0;
}

/* One at a time: it is nowhere else between here and its use. */
static bool take_from_others(struct connbudget *b)
{
    for (unsigned i = 0; i < b->workers; i++) {
        if (take(&b->pockets[i].free, 1) > 0) {
            return true;
        }
    }
    return false;
}

static bool take_any(struct connbudget *b, struct pocket *own)
{
    bool got = false;

    /* Looked for again, for what changed pockets behind the search's back. */
    for (unsigned i = 0; i < 2 && !got; i++) {
        got = take(&own->free, 1) > 0 || take_common(b, own) || take_from_others(b);
    }
    return got;
}

bool connbudget_enter(struct connbudget *b, unsigned worker)
{
    struct pocket *own = &b->pockets[worker];

    if (!take_any(b, own)) {
        return false;
    }
    atomic_store_explicit(&own->open, atomic_load_explicit(&own->open, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    return true;
}

void connbudget_leave(struct connbudget *b, unsigned worker)
{
    struct pocket *own = &b->pockets[worker];
    uint32_t open = atomic_load_explicit(&own->open, memory_order_relaxed);

    ASSERT(open > 0);
    atomic_store_explicit(&own->open, open - 1, memory_order_relaxed);
    put(&own->free, 1);
    /* What a wave of connections has left behind is not this worker's. */
    if (atomic_load_explicit(&own->free, memory_order_relaxed) >= 2 * MOST) {
        put(&b->common, take(&own->free, MOST));
    }
}

uint32_t connbudget_max(const struct connbudget *b)
{
    return b->max;
}

uint64_t connbudget_open(const struct connbudget *b)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < b->workers; i++) {
        sum += atomic_load_explicit(&b->pockets[i].open, memory_order_relaxed);
    }
    return sum;
}
