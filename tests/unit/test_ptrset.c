#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../src/route/ptrset_priv.h"
#include "base/attr.h"
#include "route_fixture.h"
#include "support/failalloc.h"

#define N 300u

struct item {
    unsigned number;
    uint32_t hash;
    bool in, doomed;
};

static struct item items[N];

static bool has_number(const void *item, const void *key)
{
    return ((const struct item *)item)->number == *(const unsigned *)key;
}

static bool is_doomed(void *item)
{
    struct item *i = item;

    if (i->doomed) {
        i->in = false;
    }
    return i->doomed;
}

/* Few hashes, some of them at the end of the slots: long runs that wrap around. */
static uint32_t poor_hash(unsigned number)
{
    return number % 3 == 0 ? UINT32_MAX : number % 5;
}

static void assert_holds_what_it_should(const struct ptrset *s)
{
    size_t n = 0;

    for (unsigned i = 0; i < N; i++) {
        void *found = ptrset_find(s, items[i].hash, &items[i].number);

        assert_ptr_equal(found, items[i].in ? &items[i] : NULL);
        n += items[i].in;
    }
    assert_int_equal(s->n, n);
}

static void prepare(struct ptrset *s, uint32_t (*hash)(unsigned number))
{
    ptrset_init(s, offsetof(struct item, hash), has_number);
    for (unsigned i = 0; i < N; i++) {
        items[i] = (struct item){.number = i, .hash = hash(i)};
    }
}

/* The same as ptrset_drop_if(), one after the other. */
static size_t remove_doomed(struct ptrset *s)
{
    size_t n = 0;

    for (unsigned i = 0; i < N; i++) {
        if (items[i].in && items[i].doomed) {
            ptrset_remove(s, &items[i]);
            items[i].in = false;
            n++;
        }
    }
    return n;
}

static void churn(uint32_t (*hash)(unsigned number))
{
    uint64_t seed = 42;
    struct ptrset s;

    prepare(&s, hash);
    for (int round = 0; round < 60; round++) {
        size_t gone = 0;

        for (unsigned i = 0; i < N; i++) {
            if (!items[i].in && fixture_random(&seed) % 3 == 0) {
                assert_int_equal(ptrset_add(&s, &items[i]), 0);
                items[i].in = true;
            }
        }
        assert_holds_what_it_should(&s);
        for (unsigned i = 0; i < N; i++) {
            items[i].doomed = fixture_random(&seed) % (unsigned)(1 + round % 4) == 0;
            gone += items[i].in && items[i].doomed;
        }
        assert_int_equal(round % 2 == 0 ? ptrset_drop_if(&s, is_doomed) : remove_doomed(&s), gone);
        assert_holds_what_it_should(&s);
    }
    ptrset_fini(&s);
}

static uint32_t good_hash(unsigned number)
{
    return number * 2654435761u;
}

static void an_empty_set_finds_and_drops_nothing(void **state)
{
    unsigned key = 7;
    struct ptrset s;

    (void)state;
    prepare(&s, good_hash);
    assert_null(ptrset_find(&s, 0, &key));
    assert_int_equal(ptrset_drop_if(&s, is_doomed), 0);
    ptrset_prefetch_slot(&s, 1);
    ptrset_prefetch_item(&s, 1);
    ptrset_fini(&s);
}

static void what_was_added_is_found_until_dropped(void **state)
{
    (void)state;
    churn(good_hash);
}

static void colliding_hashes_lose_nothing(void **state)
{
    (void)state;
    churn(poor_hash);
}

static void an_emptied_set_gives_memory_back(void **state)
{
    struct ptrset s;
    size_t cap;

    (void)state;
    prepare(&s, good_hash);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(ptrset_add(&s, &items[i]), 0);
        items[i].doomed = i > 3;
    }
    cap = s.cap;
    assert_int_equal(ptrset_drop_if(&s, is_doomed), N - 4);
    assert_true(s.cap < cap);
    for (unsigned i = 0; i < 4; i++) {
        assert_non_null(ptrset_find(&s, items[i].hash, &i));
    }
    for (unsigned i = 4; i < N; i++) {
        assert_int_equal(ptrset_add(&s, &items[i]), 0);
        items[i].in = true;
    }
    assert_int_equal(remove_doomed(&s), N - 4);
    assert_true(s.cap < cap);
    assert_int_equal(s.n, 4);
    ptrset_fini(&s);
}

static void add_all(void *ctx)
{
    struct ptrset s;

    (void)ctx;
    prepare(&s, good_hash);
    for (unsigned i = 0; i < N; i++) {
        items[i].in = ptrset_add(&s, &items[i]) == 0;
    }
    assert_holds_what_it_should(&s);
    ptrset_fini(&s);
}

static void without_memory_the_set_stays_as_it_was(void **state)
{
    (void)state;
    assert_true(failalloc_torture(add_all, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_finds_and_drops_nothing),
        cmocka_unit_test(what_was_added_is_found_until_dropped),
        cmocka_unit_test(colliding_hashes_lose_nothing),
        cmocka_unit_test(an_emptied_set_gives_memory_back),
        cmocka_unit_test(without_memory_the_set_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
