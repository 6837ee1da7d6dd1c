#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "proxy/connbudget.h"
#include "support/failsys.h"

/* How many more `worker` gets; they stay taken. */
static uint32_t take_all(struct connbudget *b, unsigned worker)
{
    uint32_t n = 0;

    while (connbudget_enter(b, worker)) {
        n++;
    }
    return n;
}

static void leave_all(struct connbudget *b, unsigned worker, uint32_t n)
{
    for (; n > 0; n--) {
        connbudget_leave(b, worker);
    }
}

static struct connbudget *make(uint32_t max, unsigned workers)
{
    struct connbudget *b = connbudget_new(max, workers);

    assert_non_null(b);
    return b;
}

static void a_worker_alone_gets_all_and_no_more(void **state)
{
    static const uint32_t caps[] = {0, 1, 2, 3, 64, 65, 1000, 100000};
    static const unsigned workers[] = {1, 2, 7, 64};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        for (size_t k = 0; k < ARRAY_LEN(workers); k++) {
            struct connbudget *b = make(caps[i], workers[k]);

            assert_int_equal(take_all(b, workers[k] - 1), caps[i]);
            assert_int_equal(connbudget_open(b), caps[i]);
            assert_int_equal(connbudget_max(b), caps[i]);
            assert_false(connbudget_enter(b, 0));
            leave_all(b, workers[k] - 1, caps[i]);
            assert_int_equal(connbudget_open(b), 0);
            connbudget_free(b);
        }
    }
}

static void what_one_has_in_its_pocket_is_room_for_another(void **state)
{
    struct connbudget *b = make(1000, 3);

    (void)state;
    assert_int_equal(take_all(b, 0), 1000);
    leave_all(b, 0, 100);
    assert_int_equal(take_all(b, 1), 100);
    assert_false(connbudget_enter(b, 0));
    leave_all(b, 0, 900);
    leave_all(b, 1, 100);
    assert_int_equal(take_all(b, 2), 1000);
    connbudget_free(b);
}

static void one_that_begins_leaves_the_others_all_but_its_own(void **state)
{
    struct connbudget *b = make(5, 4);

    (void)state;
    assert_true(connbudget_enter(b, 0));
    assert_true(connbudget_enter(b, 1));
    assert_int_equal(connbudget_open(b), 2);
    assert_int_equal(take_all(b, 2), 3);
    connbudget_leave(b, 1);
    assert_true(connbudget_enter(b, 3));
    assert_false(connbudget_enter(b, 1));
    connbudget_free(b);
}

/* Whatever they do, each unit is somewhere, and once. */
static void nothing_is_lost_or_made_in_a_long_life(void **state)
{
    enum { WORKERS = 5, CAP = 700 };
    struct connbudget *b = make(CAP, WORKERS);
    uint32_t held[WORKERS] = {0}, sum = 0, seed = 1;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        unsigned w = (seed = seed * 1664525u + 1013904223u) >> 16;
        bool wave = i / 5000 % 2 == 0; /* now more come, now more go */

        if (w / WORKERS % 8 < (wave ? 5u : 3u)) {
            bool entered = connbudget_enter(b, w % WORKERS);
            assert_int_equal(entered, sum < CAP);
            held[w % WORKERS] += entered;
            sum += entered;
        } else if (held[w % WORKERS] > 0) {
            connbudget_leave(b, w % WORKERS);
            held[w % WORKERS]--;
            sum--;
        }
        assert_int_equal(connbudget_open(b), sum);
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        leave_all(b, w, held[w]);
    }
    assert_int_equal(take_all(b, 0), CAP);
    connbudget_free(b);
}

#define THREADS 4
#define TURNS   60000

struct crew {
    struct connbudget *b;
    uint32_t max;
    _Atomic uint32_t open; /* counted beside it, before it is given back and after it was got */
    _Atomic unsigned next;
    _Atomic uint64_t refused, exceeded;
};

static void *work(void *ctx)
{
    struct crew *c = ctx;
    unsigned me = atomic_fetch_add(&c->next, 1), held = 0;

    for (unsigned i = 0; i < TURNS; i++) {
        if ((i >> 6) % 2 == 0) {
            if (connbudget_enter(c->b, me)) {
                if (atomic_fetch_add(&c->open, 1) >= c->max) {
                    atomic_fetch_add(&c->exceeded, 1); /* asserted where cmocka can be told */
                }
                held++;
            } else {
                atomic_fetch_add(&c->refused, 1);
                (void)sched_yield();
            }
        } else if (held > 0) {
            (void)atomic_fetch_sub(&c->open, 1);
            connbudget_leave(c->b, me);
            held--;
        }
    }
    for (; held > 0; held--) {
        (void)atomic_fetch_sub(&c->open, 1);
        connbudget_leave(c->b, me);
    }
    return NULL;
}

/* Caps that are reached all the time, now and then, and never. */
static void under_threads_the_cap_holds_and_all_is_there_again(void **state)
{
    static const uint32_t caps[] = {1, 5, 100, 200, 100000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        struct crew c = {.b = make(caps[i], THREADS), .max = caps[i]};
        pthread_t threads[THREADS];

        for (size_t k = 0; k < THREADS; k++) {
            assert_int_equal(pthread_create(&threads[k], NULL, work, &c), 0);
        }
        for (size_t k = 0; k < THREADS; k++) {
            assert_int_equal(pthread_join(threads[k], NULL), 0);
        }
        assert_int_equal(atomic_load(&c.exceeded), 0);
        assert_true(caps[i] < THREADS * 64 || atomic_load(&c.refused) == 0);
        assert_int_equal(connbudget_open(c.b), 0);
        assert_int_equal(take_all(c.b, 0), caps[i]);
        connbudget_free(c.b);
    }
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    failsys_reset();
    failsys_fail(FAILSYS_ALIGNED_ALLOC, ENOMEM, 0, 1);
    assert_null(connbudget_new(1, 1));
    connbudget_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_alone_gets_all_and_no_more),
        cmocka_unit_test(what_one_has_in_its_pocket_is_room_for_another),
        cmocka_unit_test(one_that_begins_leaves_the_others_all_but_its_own),
        cmocka_unit_test(nothing_is_lost_or_made_in_a_long_life),
        cmocka_unit_test(under_threads_the_cap_holds_and_all_is_there_again),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
