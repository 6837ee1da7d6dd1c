#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../src/route/statepool_priv.h"
#include "route/registry.h"
#include "support/failsys.h"

#define LINE 64u

/* Places, and who writes where. */
#define PLACES  200u
#define WORKERS 5u

static uintptr_t line_of(const void *at)
{
    return (uintptr_t)at / LINE;
}

static struct statepool_place take(struct statepool *p)
{
    struct statepool_place place;

    assert_int_equal(statepool_take(p, &place), 0);
    return place;
}

/* Every line has one writer: a worker, or for items and links nobody who serves. */
static void no_line_has_counters_of_two_workers_or_anything_else(void **state)
{
    struct statepool pool;
    struct statepool_place places[PLACES];
    struct writer {
        uintptr_t line;
        unsigned worker;
    } lines[PLACES * (WORKERS + 1)];
    size_t n = 0;

    (void)state;
    statepool_init(&pool, sizeof(struct endpoint_state), WORKERS);
    for (unsigned i = 0; i < PLACES; i++) {
        places[i] = take(&pool);
        lines[n++] = (struct writer){line_of(places[i].item), WORKERS};
        for (unsigned w = 0; w < WORKERS; w++) {
            lines[n++] = (struct writer){line_of(registry_counter(places[i].active, w)), w};
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(lines[i].line != lines[k].line || lines[i].worker == lines[k].worker);
        }
    }
    for (unsigned i = 0; i < PLACES; i++) {
        statepool_give(places[i].active, places[i].index);
    }
    assert_true(LIST_EMPTY(&pool.with_room));
}

static void each_place_has_an_item_and_counters_of_its_own_all_zero(void **state)
{
    struct statepool pool;
    struct statepool_place places[PLACES];

    (void)state;
    statepool_init(&pool, 24, WORKERS);
    for (unsigned i = 0; i < PLACES; i++) {
        static const uint8_t zeroes[24];

        places[i] = take(&pool);
        assert_memory_equal(places[i].item, zeroes, 24);
        memset(places[i].item, (int)(i + 1), 24);
        for (unsigned w = 0; w < WORKERS; w++) {
            assert_int_equal(*registry_counter(places[i].active, w), 0);
            *registry_counter(places[i].active, w) = i * WORKERS + w + 1;
        }
    }
    for (unsigned i = 0; i < PLACES; i++) {
        const uint8_t *item = places[i].item;

        assert_int_equal(item[0], (uint8_t)(i + 1));
        assert_int_equal(item[23], (uint8_t)(i + 1));
        for (unsigned w = 0; w < WORKERS; w++) {
            assert_int_equal(*registry_counter(places[i].active, w), i * WORKERS + w + 1);
        }
        statepool_give(places[i].active, places[i].index);
    }
}

/* A place that is given back is the next; pages come only when all are full, and go empty. */
static void places_are_used_again_and_empty_pages_go(void **state)
{
    struct statepool pool;
    struct statepool_place places[2 * REGISTRY_PAGE], again;
    unsigned pages;

    (void)state;
    failsys_reset();
    statepool_init(&pool, 8, 2);
    for (unsigned i = 0; i < 2 * REGISTRY_PAGE; i++) {
        places[i] = take(&pool);
    }
    pages = failsys_count(FAILSYS_ALIGNED_ALLOC);
    assert_int_equal(pages, 2);
    assert_true(LIST_EMPTY(&pool.with_room));
    for (unsigned i = 0; i < 2 * REGISTRY_PAGE; i++) {
        memset(places[i].item, 1, 8);
        statepool_give(places[i].active, places[i].index);
        again = take(&pool);
        assert_ptr_equal(again.item, places[i].item);
        assert_ptr_equal(again.active, places[i].active);
        assert_int_equal(*(uint64_t *)again.item, 0);
    }
    assert_int_equal(failsys_count(FAILSYS_ALIGNED_ALLOC), pages);
    for (unsigned i = 0; i < 2 * REGISTRY_PAGE; i++) {
        statepool_give(places[i].active, places[i].index);
    }
    assert_true(LIST_EMPTY(&pool.with_room));
    again = take(&pool);
    assert_int_equal(failsys_count(FAILSYS_ALIGNED_ALLOC), pages + 1);
    statepool_give(again.active, again.index);
}

static void without_memory_there_is_no_place(void **state)
{
    struct statepool pool;
    struct statepool_place place;

    (void)state;
    failsys_reset();
    statepool_init(&pool, 0, 1);
    failsys_fail(FAILSYS_ALIGNED_ALLOC, ENOMEM, 0, 1);
    assert_int_equal(statepool_take(&pool, &place), -ENOMEM);
    place = take(&pool);
    statepool_give(place.active, place.index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_line_has_counters_of_two_workers_or_anything_else),
        cmocka_unit_test(each_place_has_an_item_and_counters_of_its_own_all_zero),
        cmocka_unit_test(places_are_used_again_and_empty_pages_go),
        cmocka_unit_test(without_memory_there_is_no_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
