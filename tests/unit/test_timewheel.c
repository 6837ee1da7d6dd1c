#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/attr.h"
#include "proxy/timewheel.h"
#include "support/seed.h"

#define TICK    TIMEWHEEL_TICK_MS
#define ENTRIES 3000
#define ROUNDS  40000
#define DAY_MS  (24 * 3600 * 1000ULL)

/* The wheel with the plainest thing that does the same beside it. */
struct model {
    struct timewheel w;
    struct timewheel_entry e[ENTRIES];
    uint64_t due_ms[ENTRIES];  /* UINT64_MAX: not set */
    uint64_t from_ms[ENTRIES]; /* never fires before this: the tick after it was set */
    uint64_t now_ms;
    uint64_t looked_ms; /* the last time something was popped at */
    uint64_t seed;
};

static uint64_t next_random(struct model *m)
{
    m->seed ^= m->seed << 13;
    m->seed ^= m->seed >> 7;
    m->seed ^= m->seed << 17;
    return m->seed;
}

/* Spans of every order of magnitude are equally likely, up to beyond the horizon. */
static uint64_t random_span(struct model *m)
{
    return next_random(m) % (2ULL << next_random(m) % 30);
}

static void model_init(struct model *m, uint64_t now_ms)
{
    m->now_ms = m->looked_ms = now_ms;
    timewheel_init(&m->w, now_ms);
    for (size_t i = 0; i < ENTRIES; i++) {
        m->e[i] = (struct timewheel_entry){0};
        m->due_ms[i] = UINT64_MAX;
    }
}

static uint64_t seed; /* every test begins with it, so that one number plays any of them again */

static int draw_seed(void **state)
{
    (void)state;
    seed = seed_draw("TIMEWHEEL_SEED") | 1;
    seed_tell("TIMEWHEEL_SEED", seed);
    return 0;
}

static int model_setup(void **state)
{
    struct model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    m->seed = seed;
    model_init(m, next_random(m) % (1000 * DAY_MS));
    *state = m;
    return 0;
}

static int model_teardown(void **state)
{
    free(*state);
    return 0;
}

static uint64_t tick_after(uint64_t ms)
{
    return (ms / TICK + 1) * TICK;
}

static void model_set(struct model *m, size_t i, uint64_t due_ms)
{
    timewheel_set(&m->w, &m->e[i], due_ms);
    m->due_ms[i] = due_ms;
    m->from_ms[i] = tick_after(m->looked_ms);
}

static void model_cancel(struct model *m, size_t i)
{
    timewheel_cancel(&m->w, &m->e[i]);
    m->due_ms[i] = UINT64_MAX;
}

/* The millisecond from which entry `i` must be popped. */
static uint64_t fires_at(const struct model *m, size_t i)
{
    uint64_t at = tick_after(m->due_ms[i]);

    return at > m->from_ms[i] ? at : m->from_ms[i];
}

static uint64_t first_deadline(const struct model *m)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < ENTRIES; i++) {
        if (m->due_ms[i] != UINT64_MAX && fires_at(m, i) < first) {
            first = fires_at(m, i);
        }
    }
    return first;
}

/* Pop all that is due now: exactly what the model says, earlier ticks first.  Returns how many. */
static size_t pop_all(struct model *m)
{
    struct timewheel_entry *e;
    uint64_t last = 0;
    size_t n = 0;

    while ((e = timewheel_pop(&m->w, m->now_ms)) != NULL) {
        size_t i = (size_t)(e - m->e);
        assert_true(m->due_ms[i] != UINT64_MAX);
        assert_true(m->due_ms[i] < m->now_ms); /* never early */
        assert_true(fires_at(m, i) <= m->now_ms);
        assert_true(fires_at(m, i) >= last);
        last = fires_at(m, i);
        m->due_ms[i] = UINT64_MAX;
        n++;
    }
    m->looked_ms = m->now_ms;
    assert_true(first_deadline(m) > m->now_ms); /* none forgotten */
    return n;
}

static void change_one(struct model *m)
{
    size_t i = next_random(m) % ENTRIES;

    switch (next_random(m) % 8) {
    case 0:
    case 1:
        model_cancel(m, i);
        break;
    case 2: /* already past */
        model_set(m, i, m->now_ms - random_span(m) % (m->now_ms + 1));
        break;
    case 3: /* at a border of a slot of some level, or beside it */
        model_set(m, i,
                  ((m->now_ms >> (4 + 6 * (i % 4))) + 1 + next_random(m) % 65)
                          << (4 + 6 * (i % 4)) |
                      next_random(m) % 2);
        break;
    default:
        model_set(m, i, m->now_ms + random_span(m));
    }
}

static void it_agrees_with_a_sorted_list_whatever_is_set_and_however_time_goes(void **state)
{
    struct model *m = *state;

    for (unsigned round = 0; round < ROUNDS; round++) {
        change_one(m);
        if (next_random(m) % 16 == 0) {
            m->now_ms += random_span(m) >> next_random(m) % 16;
            pop_all(m);
        }
        if (round % 8 == 0) {
            assert_true(timewheel_next_ms(&m->w) <= first_deadline(m));
        }
    }
}

static void who_wakes_when_told_is_at_most_a_tick_late_and_wakes_rarely(void **state)
{
    struct model *m = *state;
    size_t popped = 0, wakes = 0;

    for (size_t i = 0; i < ENTRIES; i++) {
        model_set(m, i, m->now_ms + random_span(m));
    }
    for (uint64_t next; (next = timewheel_next_ms(&m->w)) != UINT64_MAX; wakes++) {
        uint64_t first = first_deadline(m);
        assert_true(next > m->now_ms);
        assert_true(next <= first);
        m->now_ms = next;
        if (first == next) {
            size_t n = pop_all(m);
            assert_true(n > 0);
            popped += n;
        } else {
            assert_int_equal(pop_all(m), 0);
        }
    }
    assert_int_equal(popped, ENTRIES);
    /* Each entry is moved down once per level at most, beyond the horizon a few times more. */
    assert_true(wakes <= ENTRIES * (TIMEWHEEL_LEVELS + 8));
}

static void an_entry_fires_in_its_tick_wherever_the_wheel_stands(void **state)
{
    struct model *m = *state;
    const uint64_t spans[] = {0, 1, 62, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 16777214};

    for (uint64_t at = 0; at < 200; at++) {
        for (size_t k = 0; k < ARRAY_LEN(spans); k++) {
            uint64_t due = (4096 - 100 + at + spans[k]) * TICK;
            model_init(m, (4096 - 100 + at) * TICK);
            model_set(m, 0, due);
            m->now_ms = due;
            assert_int_equal(pop_all(m), 0);
            m->now_ms = due + TICK - 1;
            assert_int_equal(pop_all(m), 0);
            m->now_ms = due + TICK;
            assert_int_equal(pop_all(m), 1);
        }
    }
}

static void a_deadline_beyond_the_horizon_keeps_its_time(void **state)
{
    struct model *m = *state;
    uint64_t due = m->now_ms + 40 * DAY_MS;

    model_set(m, 0, due);
    while (m->now_ms + DAY_MS < due) {
        m->now_ms += DAY_MS;
        assert_int_equal(pop_all(m), 0);
    }
    m->now_ms = due + TICK;
    assert_int_equal(pop_all(m), 1);
}

static void a_wheel_that_slept_for_weeks_takes_new_deadlines_as_ever(void **state)
{
    struct model *m = *state;

    m->now_ms += 30 * DAY_MS; /* nobody looked in between */
    model_set(m, 0, m->now_ms + 5000);
    assert_int_equal(pop_all(m), 0);
    m->now_ms += 5000 + TICK;
    assert_int_equal(pop_all(m), 1);
}

static void the_farthest_times_are_no_overflow(void **state)
{
    struct model *m = *state;
    struct timewheel_entry *never = &m->e[0];

    timewheel_set(&m->w, never, UINT64_MAX);
    timewheel_set(&m->w, &m->e[1], UINT64_MAX - TICK);
    m->now_ms += 1000 * DAY_MS;
    assert_null(timewheel_pop(&m->w, m->now_ms));
    assert_true(timewheel_next_ms(&m->w) > m->now_ms);
    timewheel_cancel(&m->w, never);
}

static void setting_again_replaces_and_cancelling_twice_is_fine(void **state)
{
    struct model *m = *state;

    model_set(m, 0, m->now_ms + 100);
    model_set(m, 0, m->now_ms + 100000);
    m->now_ms += 1000;
    assert_int_equal(pop_all(m), 0);
    model_cancel(m, 0);
    model_cancel(m, 0);
    m->now_ms += 200000;
    assert_int_equal(pop_all(m), 0);
    assert_true(timewheel_next_ms(&m->w) == UINT64_MAX);
}

static void what_is_due_but_not_yet_popped_can_be_cancelled_or_moved(void **state)
{
    struct model *m = *state;
    struct timewheel_entry *first;
    size_t i;

    for (i = 0; i < 3; i++) {
        timewheel_set(&m->w, &m->e[i], m->now_ms);
    }
    m->now_ms += TICK;
    first = timewheel_pop(&m->w, m->now_ms);
    assert_non_null(first);
    i = (size_t)(first - m->e);
    timewheel_cancel(&m->w, &m->e[(i + 1) % 3]);
    timewheel_set(&m->w, &m->e[(i + 2) % 3], m->now_ms + 1000);
    assert_null(timewheel_pop(&m->w, m->now_ms));
    assert_ptr_equal(timewheel_pop(&m->w, m->now_ms + 1000 + TICK), &m->e[(i + 2) % 3]);
}

/* What a callback of a passed deadline does when it wants to be called again at once. */
static void a_deadline_set_to_the_past_while_popping_waits_for_the_next_tick(void **state)
{
    struct model *m = *state;

    timewheel_set(&m->w, &m->e[0], m->now_ms);
    m->now_ms += TICK;
    assert_ptr_equal(timewheel_pop(&m->w, m->now_ms), &m->e[0]);
    timewheel_set(&m->w, &m->e[0], m->now_ms - 1000);
    assert_null(timewheel_pop(&m->w, m->now_ms));
    assert_true(timewheel_next_ms(&m->w) > m->now_ms);
    assert_ptr_equal(timewheel_pop(&m->w, m->now_ms + TICK), &m->e[0]);
}

static void an_empty_wheel_never_asks_to_be_woken(void **state)
{
    struct model *m = *state;

    assert_true(timewheel_next_ms(&m->w) == UINT64_MAX);
    assert_null(timewheel_pop(&m->w, m->now_ms + DAY_MS));
    assert_true(timewheel_next_ms(&m->w) == UINT64_MAX);
}

#define WITH_MODEL(test) cmocka_unit_test_setup_teardown(test, model_setup, model_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MODEL(it_agrees_with_a_sorted_list_whatever_is_set_and_however_time_goes),
        WITH_MODEL(who_wakes_when_told_is_at_most_a_tick_late_and_wakes_rarely),
        WITH_MODEL(an_entry_fires_in_its_tick_wherever_the_wheel_stands),
        WITH_MODEL(a_deadline_beyond_the_horizon_keeps_its_time),
        WITH_MODEL(a_wheel_that_slept_for_weeks_takes_new_deadlines_as_ever),
        WITH_MODEL(the_farthest_times_are_no_overflow),
        WITH_MODEL(setting_again_replaces_and_cancelling_twice_is_fine),
        WITH_MODEL(what_is_due_but_not_yet_popped_can_be_cancelled_or_moved),
        WITH_MODEL(a_deadline_set_to_the_past_while_popping_waits_for_the_next_tick),
        WITH_MODEL(an_empty_wheel_never_asks_to_be_woken),
    };

    return cmocka_run_group_tests(tests, draw_seed, NULL);
}
