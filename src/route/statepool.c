#include "statepool_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "route/registry.h"

struct statepage {
    struct statepool *pool;
    LIST_ENTRY(statepage) link;                            /* while it has room */
    uint64_t free;                                         /* a bit for each place */
    _Alignas(CACHE_LINE) struct registry_counter active[]; /* of every worker; items behind them */
};

_Static_assert(REGISTRY_PAGE == 64, "a bit of a word for each place");
_Static_assert(REGISTRY_PAGE * sizeof(struct registry_counter) % CACHE_LINE == 0,
               "a worker's counters have their lines for themselves");

void statepool_init(struct statepool *p, size_t item_bytes, unsigned workers)
{
    *p = (struct statepool){.item_bytes = item_bytes, .workers = workers};
    LIST_INIT(&p->with_room);
}

static size_t counters_of(const struct statepool *p)
{
    return (size_t)p->workers * REGISTRY_PAGE;
}

static struct statepage *add_page(struct statepool *p)
{
    size_t bytes = sizeof(struct statepage) + counters_of(p) * sizeof(struct registry_counter) +
                   REGISTRY_PAGE * p->item_bytes;
    struct statepage *page = aligned_alloc(CACHE_LINE, bytes);

    if (page != NULL) {
        memset(page, 0, bytes);
        page->pool = p;
        page->free = UINT64_MAX;
        LIST_INSERT_HEAD(&p->with_room, page, link);
    }
    return page;
}

int statepool_take(struct statepool *p, struct statepool_place *out)
{
    struct statepage *page = LIST_FIRST(&p->with_room);
    unsigned i;

    if (page == NULL) {
        page = add_page(p);
    }
    if (page == NULL) {
        return -ENOMEM;
    }
    i = (unsigned)__builtin_ctzll(page->free);
    page->free &= page->free - 1;
    if (page->free == 0) {
        LIST_REMOVE(page, link);
    }
    out->active = &page->active[i];
    out->item = (char *)(page->active + counters_of(p)) + i * p->item_bytes;
    out->index = (uint16_t)i;
    memset(out->item, 0, p->item_bytes);
    return 0;
}

void statepool_give(struct registry_counter *active, uint16_t index)
{
    struct statepage *page = CONTAINER_OF(active - index, struct statepage, active);
    struct statepool *p = page->pool;

    if (page->free == 0) {
        LIST_INSERT_HEAD(&p->with_room, page, link);
    }
    page->free |= UINT64_C(1) << index;
    if (page->free == UINT64_MAX) {
        LIST_REMOVE(page, link);
        free(page);
    }
}
