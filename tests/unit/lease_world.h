/**
 * lease_world - some candidates for one Lease, their server, and everything between them.
 *
 * Each candidate has a clock of its own (any offset, a few percent too fast or too slow, and a wall
 * clock that jumps), may be paused, killed and born anew; requests and answers are late or lost,
 * the server fails before or after it wrote, others write the Lease.  After each step at most one
 * candidate leads by its own clock; whenever all is calm again one does, and another soon after it
 * died or gave the Lease back.
 *
 *   LEASE_SEED=n   begin with this life
 *   LEASE_STEPS=n  of all lives together
 */
#ifndef UNIT_LEASE_WORLD_H
#define UNIT_LEASE_WORLD_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "kube/lease.h"

#define WORLD_CANDIDATES 4
#define WORLD_LIFE       5000u /* steps of chance in one life */
#define WORLD_STEP_MS    100u  /* at most */
#define WORLD_CALM_MS    60000u
#define WORLD_LOOK_MS    (LEASE_LOOK_MS + LEASE_LOOK_SPREAD_MS)
/* The longest there is after a leader died, by the slowest clock: those who wait see its last
 * renewal, a Lease's duration passes, and one of them comes. */
#define WORLD_DEAD_MS     ((LEASE_DURATION_MS + WORLD_LOOK_MS + LEASE_TAKE_SPREAD_MS) * 104 / 100)
#define WORLD_RELEASED_MS (2 * WORLD_LOOK_MS)

/* Request and answer of a candidate; true time. */
struct world_message {
    enum lease_do what; /* LEASE_WAIT: none */
    bool is_executed, is_lost_before, is_lost_after;
    uint64_t arrives_ms, returns_ms;
    uint64_t deadline_ms; /* by the candidate's clock */
    struct lease_record record;
    int code; /* of the answer; 200: with the record */
};

struct world_candidate {
    struct lease lease;
    bool is_alive;
    unsigned births;
    uint64_t offset_ms, rate; /* local = offset + true * rate / 1000 */
    uint64_t paused_until_ms;
    struct world_message message;
    struct world_message late; /* given up by who sent it, on its way all the same */
};

struct world {
    uint64_t seed, chance, now_ms;
    bool is_calm;
    uint32_t strikes;       /* something happens once in so many steps */
    uint64_t led;           /* steps of chance at which somebody led */
    uint64_t down_until_ms; /* the server, or the way to it */
    struct lease_record record;
    unsigned version, terms;
    struct world_candidate candidates[WORLD_CANDIDATES];
};

static inline uint32_t world_draw(struct world *w) /* splitmix64 */
{
    uint64_t z = w->chance += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32);
}

static inline uint32_t world_below(struct world *w, uint32_t n)
{
    return world_draw(w) % n;
}

static inline bool world_one_in(struct world *w, uint32_t n)
{
    return !w->is_calm && world_below(w, n) == 0;
}

static inline uint64_t world_local(const struct world *w, const struct world_candidate *c)
{
    return c->offset_ms + w->now_ms * c->rate / 1000;
}

static inline bool world_leads(const struct world *w, const struct world_candidate *c)
{
    return c->is_alive && lease_is_leading(&c->lease, world_local(w, c));
}

/* NULL: nobody leads. */
static inline struct world_candidate *world_leader(struct world *w)
{
    struct world_candidate *found = NULL;

    for (size_t i = 0; i < WORLD_CANDIDATES; i++) {
        if (!world_leads(w, &w->candidates[i])) {
            continue;
        }
        if (found) {
            fail_msg("two lead; replay with LEASE_SEED=%" PRIu64 ", at %" PRIu64 " ms", w->seed,
                     w->now_ms);
        }
        found = &w->candidates[i];
    }
    return found;
}

static inline void world_birth(struct world *w, struct world_candidate *c)
{
    char identity[32];

    snprintf(identity, sizeof(identity), "pod-%d_%u", (int)(c - w->candidates), c->births++);
    lease_init(&c->lease, identity);
    if (c->message.what != LEASE_WAIT) { /* what was sent before death may still arrive */
        c->late = c->message;
        c->message.what = LEASE_WAIT;
    }
    c->is_alive = true;
    c->paused_until_ms = 0;
    c->offset_ms = world_below(w, 1u << 30);
    c->rate = 970 + world_below(w, 61);
}

/* ---- the server ------------------------------------------------------------------------------ */

static inline void world_change(struct world *w)
{
    snprintf(w->record.version, sizeof(w->record.version), "%u", ++w->version);
}

static inline void world_write(struct world *w, struct world_message *m)
{
    if (strcmp(m->record.version, w->record.version) != 0) {
        m->code = 409;
        return;
    }
    assert_in_range(m->record.duration_s, 1, 15);
    assert_true(strcmp(m->record.renewed, w->record.renewed) != 0);
    w->terms += strcmp(m->record.holder, w->record.holder) != 0;
    w->record = m->record;
    world_change(w);
}

static inline void world_execute(struct world *w, struct world_message *m)
{
    static const int codes[] = {401, 403, 404, 409, 429, 500, 503};

    m->is_executed = true;
    m->code = 200;
    if (w->now_ms < w->down_until_ms || m->is_lost_before) {
        m->is_lost_after = true;
    } else if (world_one_in(w, 12)) {
        m->code = codes[world_below(w, ARRAY_LEN(codes))];
    } else {
        if (m->what == LEASE_WRITE) {
            world_write(w, m);
        }
        m->record = w->record;
        if (world_one_in(w, 20) && m->code == 200) {
            m->code = world_one_in(w, 2) ? 504 : 0; /* done, but who knows */
        }
    }
}

/* Whatever else there is that writes a Lease. */
static inline void world_meddle(struct world *w)
{
    switch (world_below(w, 8)) {
    case 0: /* by hand: somebody who does not renew */
        snprintf(w->record.holder, sizeof(w->record.holder), "by-hand");
        w->record.duration_s = 12 + world_below(w, 10);
        snprintf(w->record.renewed, sizeof(w->record.renewed), "by-hand-%u", w->version);
        break;
    default: /* an annotation */
        break;
    }
    world_change(w);
}

/* ---- the candidates -------------------------------------------------------------------------- */

static inline void world_delays(struct world *w, struct world_message *m)
{
    uint32_t most_ms = w->is_calm ? 40 : world_one_in(w, 10) ? 9000 : 400;

    m->arrives_ms = w->now_ms + world_below(w, most_ms);
    m->returns_ms = m->arrives_ms + world_below(w, most_ms);
    m->is_lost_before = world_one_in(w, 15);
    m->is_lost_after = world_one_in(w, 15);
}

static inline void world_turn(struct world *w, struct world_candidate *c)
{
    uint64_t local_ms = world_local(w, c);
    int64_t wall_us = (int64_t)world_draw(w) * 1000000 + world_below(w, 1000000);
    struct lease_step step;

    lease_next(&c->lease, local_ms, wall_us, &step);
    if (step.what == LEASE_WAIT) {
        return;
    }
    assert_int_equal(c->message.what, LEASE_WAIT);
    c->message = (struct world_message){.what = step.what, .record = step.write};
    c->message.deadline_ms = local_ms + (world_one_in(w, 4) ? 30000 : 5000);
    world_delays(w, &c->message);
}

static inline void world_tell(struct world *w, struct world_candidate *c)
{
    struct world_message *m = &c->message;
    uint64_t local_ms = world_local(w, c);
    struct kubestatus why = {.code = m->code, .has_retry_after = m->code == 429};

    why.retry_after_s = world_below(w, 20);
    m->what = LEASE_WAIT;
    if (m->code == 200) {
        lease_answered(&c->lease, &m->record, local_ms, world_draw(w));
    } else {
        lease_refused(&c->lease, &why, local_ms, world_draw(w));
    }
}

static inline void world_listen(struct world *w, struct world_candidate *c)
{
    struct world_message *m = &c->message;

    if (m->what != LEASE_WAIT && m->is_executed && !m->is_lost_after &&
        w->now_ms >= m->returns_ms) {
        world_tell(w, c);
    } else if (m->what != LEASE_WAIT && world_local(w, c) >= m->deadline_ms) {
        if (!m->is_executed) {
            c->late = *m;
        }
        m->code = 0;
        world_tell(w, c);
    }
}

static inline void world_run(struct world *w, struct world_candidate *c)
{
    if (c->late.what != LEASE_WAIT && w->now_ms >= c->late.arrives_ms) {
        if (!c->late.is_executed) {
            world_execute(w, &c->late);
        }
        c->late.what = LEASE_WAIT;
    }
    if (c->message.what != LEASE_WAIT && !c->message.is_executed &&
        w->now_ms >= c->message.arrives_ms) {
        world_execute(w, &c->message);
    }
    if (c->is_alive && w->now_ms >= c->paused_until_ms) {
        world_listen(w, c);
        world_turn(w, c);
        if (lease_is_released(&c->lease)) {
            world_birth(w, c);
        }
    }
}

/* ---- what happens ---------------------------------------------------------------------------- */

static inline void world_strike(struct world *w)
{
    struct world_candidate *c = &w->candidates[world_below(w, WORLD_CANDIDATES)];

    switch (world_below(w, 7)) {
    case 0:
        c->is_alive = false;
        break;
    case 1:
        lease_release(&c->lease);
        break;
    case 2:
        w->down_until_ms = w->now_ms + world_below(w, 40000);
        break;
    case 3:
    case 4:
        c->paused_until_ms = w->now_ms + world_below(w, 25000);
        break;
    case 5:
        world_meddle(w);
        break;
    default:
        if (!c->is_alive) {
            world_birth(w, c);
        }
        break;
    }
}

static inline void world_step(struct world *w)
{
    w->now_ms += 1 + world_below(w, WORLD_STEP_MS);
    (void)world_leader(w);
    if (world_one_in(w, w->strikes)) {
        world_strike(w);
    }
    for (size_t i = 0; i < WORLD_CANDIDATES; i++) {
        world_run(w, &w->candidates[i]);
        (void)world_leader(w);
    }
}

static inline void world_pass(struct world *w, uint64_t ms)
{
    uint64_t until_ms = w->now_ms + ms;

    while (w->now_ms < until_ms) {
        world_step(w);
    }
}

/* Somebody leads within that time. */
static inline void world_elect(struct world *w, uint64_t limit_ms)
{
    uint64_t began_ms = w->now_ms;

    while (!world_leader(w)) {
        world_step(w);
        if (w->now_ms - began_ms > limit_ms + 10 * WORLD_STEP_MS) {
            fail_msg("nobody leads; replay with LEASE_SEED=%" PRIu64 ", at %" PRIu64 " ms", w->seed,
                     w->now_ms);
        }
    }
}

static inline void world_calm(struct world *w)
{
    w->is_calm = true;
    w->down_until_ms = 0;
    for (size_t i = 0; i < WORLD_CANDIDATES; i++) {
        struct world_candidate *c = &w->candidates[i];

        c->paused_until_ms = 0;
        if (!c->is_alive) {
            world_birth(w, c);
        }
    }
    world_pass(w, WORLD_CALM_MS);
    assert_non_null(world_leader(w));
}

/* While nothing happens the leader stays; its death and its leave are over soon. */
static inline void world_check_calm(struct world *w)
{
    struct world_candidate *leader = world_leader(w);
    unsigned terms = w->terms;

    world_pass(w, WORLD_CALM_MS);
    assert_ptr_equal(world_leader(w), leader);
    assert_int_equal(w->terms, terms);
    lease_release(&leader->lease);
    world_elect(w, WORLD_RELEASED_MS);
    leader = world_leader(w);
    leader->is_alive = false;
    world_elect(w, WORLD_DEAD_MS);
    assert_ptr_not_equal(world_leader(w), leader);
}

/* Returns at how many of the steps of chance somebody led. */
static inline uint64_t world_live(uint64_t seed, uint64_t steps)
{
    struct world w = {.seed = seed, .chance = seed * UINT64_C(0x9e3779b97f4a7c15)};

    w.strikes = 80u << world_below(&w, 5);
    world_change(&w);
    for (size_t i = 0; i < WORLD_CANDIDATES; i++) {
        world_birth(&w, &w.candidates[i]);
    }
    for (uint64_t i = 0; i < steps; i++) {
        world_step(&w);
        w.led += world_leader(&w) != NULL;
    }
    world_calm(&w);
    world_check_calm(&w);
    return w.led;
}

#endif
