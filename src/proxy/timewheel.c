#include "proxy/timewheel.h"

#include <stddef.h>

#define SLOT_BITS 6u
#define SLOT_MASK (TIMEWHEEL_SLOTS - 1)
#define HORIZON   ((uint64_t)1 << (SLOT_BITS * TIMEWHEEL_LEVELS))

static unsigned slot_of(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (SLOT_BITS * level)) & SLOT_MASK;
}

void timewheel_init(struct timewheel *w, uint64_t now_ms)
{
    *w = (struct timewheel){.tick = now_ms / TIMEWHEEL_TICK_MS};
}

/* The level is the lowest whose 64 slots still reach the deadline. */
static void insert(struct timewheel *w, struct timewheel_entry *e)
{
    uint64_t at = e->due_tick;
    unsigned level = 0;

    if (at <= w->tick) {
        at = w->tick + 1;
    } else if (at - w->tick >= HORIZON) {
        at = w->tick + HORIZON - 1;
    }
    while ((at - w->tick) >> (SLOT_BITS * (level + 1)) != 0) {
        level++;
    }
    LIST_INSERT_HEAD(&w->slots[level][slot_of(at, level)], e, link);
    w->occupied[level] |= (uint64_t)1 << slot_of(at, level);
}

void timewheel_set(struct timewheel *w, struct timewheel_entry *e, uint64_t due_ms)
{
    timewheel_cancel(w, e);
    /* Rounded up, so that nothing fires early; never 0, which means "not set". */
    e->due_tick = due_ms / TIMEWHEEL_TICK_MS + 1;
    insert(w, e);
}

void timewheel_cancel(struct timewheel *w, struct timewheel_entry *e)
{
    (void)w; /* its slot may stay marked as occupied: an empty slot costs one early look */
    if (e->due_tick != 0) {
        LIST_REMOVE(e, link);
        e->due_tick = 0;
    }
}

/* The next tick after w->tick at which a slot of `level` begins that is marked; UINT64_MAX: none.
 */
static uint64_t next_of_level(const struct timewheel *w, unsigned level)
{
    uint64_t bits = w->occupied[level];
    unsigned from = (slot_of(w->tick, level) + 1) & SLOT_MASK;
    uint64_t turned = from == 0 ? bits : bits >> from | bits << (TIMEWHEEL_SLOTS - from);

    if (bits == 0) {
        return UINT64_MAX;
    }
    return ((w->tick >> (SLOT_BITS * level)) + 1 + (unsigned)__builtin_ctzll(turned))
           << (SLOT_BITS * level);
}

static uint64_t next_tick(const struct timewheel *w)
{
    uint64_t next = UINT64_MAX;

    for (unsigned level = 0; level < TIMEWHEEL_LEVELS; level++) {
        uint64_t at = next_of_level(w, level);
        next = at < next ? at : next;
    }
    return next;
}

/* Empty one slot: what is due goes to the due list, the rest finds its place on a lower level. */
static void empty_slot(struct timewheel *w, unsigned level)
{
    unsigned slot = slot_of(w->tick, level);
    struct timewheel_list *list = &w->slots[level][slot];
    struct timewheel_list moved = *list;
    struct timewheel_entry *e;

    LIST_INIT(list);
    w->occupied[level] &= ~((uint64_t)1 << slot);
    if ((e = LIST_FIRST(&moved)) != NULL) {
        e->link.le_prev = &LIST_FIRST(&moved);
    }
    while ((e = LIST_FIRST(&moved)) != NULL) {
        LIST_REMOVE(e, link);
        if (e->due_tick <= w->tick) {
            LIST_INSERT_HEAD(&w->due, e, link);
        } else {
            insert(w, e);
        }
    }
}

static void turn(struct timewheel *w, uint64_t to_tick)
{
    w->tick = to_tick;
    for (unsigned level = TIMEWHEEL_LEVELS; level-- > 0;) {
        uint64_t span = (uint64_t)1 << (SLOT_BITS * level);
        if (to_tick % span == 0) {
            empty_slot(w, level);
        }
    }
}

struct timewheel_entry *timewheel_pop(struct timewheel *w, uint64_t now_ms)
{
    uint64_t now_tick = now_ms / TIMEWHEEL_TICK_MS;
    struct timewheel_entry *e;

    while (LIST_EMPTY(&w->due) && w->tick < now_tick) {
        uint64_t next = next_tick(w);
        if (next > now_tick) {
            w->tick = now_tick;
        } else {
            turn(w, next);
        }
    }
    e = LIST_FIRST(&w->due);
    if (e != NULL) {
        LIST_REMOVE(e, link);
        e->due_tick = 0;
    }
    return e;
}

uint64_t timewheel_next_ms(const struct timewheel *w)
{
    uint64_t next = LIST_EMPTY(&w->due) ? next_tick(w) : w->tick;

    return next == UINT64_MAX ? UINT64_MAX : next * TIMEWHEEL_TICK_MS;
}
