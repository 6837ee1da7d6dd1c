#include "../../src/controller/statusqueue_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failalloc.h"

static const struct siphash_key secret = {{1, 2}};

static struct statustask *add(struct statusqueue *q, const char *name)
{
    struct statuskey k = statuskey_of(&secret, "shop", name);
    struct statustask *t = statusqueue_add(q, &k);

    assert_non_null(t);
    return t;
}

static struct statustask *find(struct statusqueue *q, const char *ns, const char *name)
{
    struct statuskey k = statuskey_of(&secret, ns, name);

    return statusqueue_find(q, &k);
}

static void want(struct statusqueue *q, struct statustask *t, uint64_t digest)
{
    statusqueue_want(q, t, digest, strdup("body"), 4);
}

static void a_task_is_found_by_its_name(void **state)
{
    struct statusqueue q;
    struct statustask *a, *b;

    (void)state;
    statusqueue_init(&q, &q);
    a = add(&q, "a");
    b = add(&q, "b");
    assert_ptr_equal(a->owner, &q);
    assert_ptr_equal(find(&q, "shop", "a"), a);
    assert_ptr_equal(find(&q, "shop", "b"), b);
    assert_null(find(&q, "a", "shop"));
    assert_int_equal(statusqueue_count(&q), 2);
    statusqueue_remove(&q, a);
    assert_null(find(&q, "shop", "a"));
    assert_int_equal(statusqueue_count(&q), 1);
    statusqueue_fini(&q);
    assert_int_equal(statusqueue_count(&q), 0);
}

static void what_is_wanted_is_ready_in_turn(void **state)
{
    struct statusqueue q;
    struct statustask *a, *b;

    (void)state;
    statusqueue_init(&q, NULL);
    a = add(&q, "a");
    b = add(&q, "b");
    assert_null(statusqueue_first(&q, STATUSTASK_READY));
    want(&q, b, 1);
    want(&q, a, 1);
    want(&q, b, 2); /* keeps its place */
    assert_ptr_equal(statusqueue_first(&q, STATUSTASK_READY), b);
    statusqueue_want(&q, b, 0, NULL, 0);
    assert_int_equal(b->state, STATUSTASK_IDLE);
    assert_null(b->body);
    assert_ptr_equal(statusqueue_first(&q, STATUSTASK_READY), a);
    statusqueue_fini(&q);
}

static void what_waits_is_ready_in_its_time(void **state)
{
    struct statusqueue q;
    struct statustask *a, *b;

    (void)state;
    statusqueue_init(&q, NULL);
    a = add(&q, "a");
    b = add(&q, "b");
    want(&q, a, 1);
    want(&q, b, 1);
    assert_true(statusqueue_wake_ms(&q) == UINT64_MAX);
    statusqueue_wait(&q, a, 500, false);
    statusqueue_wait(&q, b, 300, false);
    assert_int_equal(statusqueue_wake_ms(&q), 300);
    statusqueue_wake(&q, 299);
    assert_null(statusqueue_first(&q, STATUSTASK_READY));
    statusqueue_wake(&q, 300);
    assert_ptr_equal(statusqueue_first(&q, STATUSTASK_READY), b);
    assert_int_equal(statusqueue_wake_ms(&q), 500);
    want(&q, a, 2); /* a change does not hurry what failed */
    assert_int_equal(a->state, STATUSTASK_WAITING);
    statusqueue_wake(&q, 500);
    assert_int_equal(a->state, STATUSTASK_READY);
    assert_true(statusqueue_wake_ms(&q) == UINT64_MAX);
    statusqueue_fini(&q);
}

static void what_waits_for_a_change_is_ready_with_it(void **state)
{
    struct statusqueue q;
    struct statustask *a;

    (void)state;
    statusqueue_init(&q, NULL);
    a = add(&q, "a");
    want(&q, a, 1);
    statusqueue_wait(&q, a, 500, true);
    want(&q, a, 2);
    assert_int_equal(a->state, STATUSTASK_READY);
    statusqueue_wake(&q, 500); /* too early, for nothing waits any more */
    assert_true(statusqueue_wake_ms(&q) == UINT64_MAX);
    statusqueue_fini(&q);
}

static void what_is_under_way_is_counted_and_stays_so(void **state)
{
    struct statusqueue q;
    struct statustask *a;

    (void)state;
    statusqueue_init(&q, NULL);
    a = add(&q, "a");
    want(&q, a, 1);
    statusqueue_move(&q, a, STATUSTASK_FLYING);
    assert_int_equal(q.n_flying, 1);
    want(&q, a, 2);
    statusqueue_want(&q, a, 0, NULL, 0);
    assert_int_equal(a->state, STATUSTASK_FLYING);
    statusqueue_move(&q, a, STATUSTASK_IDLE);
    assert_int_equal(q.n_flying, 0);
    statusqueue_fini(&q);
}

static void fill(void *ctx)
{
    struct statusqueue q;
    char name[16];

    (void)ctx;
    statusqueue_init(&q, NULL);
    for (int i = 0; i < 500; i++) { /* enough for the table to grow */
        struct statuskey k;

        snprintf(name, sizeof(name), "i%d", i);
        k = statuskey_of(&secret, "shop", name);
        if (!statusqueue_add(&q, &k)) {
            assert_null(statusqueue_find(&q, &k));
        }
    }
    statusqueue_fini(&q);
}

static void without_memory_a_task_is_not_there(void **state)
{
    (void)state;
    assert_true(failalloc_torture(fill, NULL) > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_found_by_its_name),
        cmocka_unit_test(what_is_wanted_is_ready_in_turn),
        cmocka_unit_test(what_waits_is_ready_in_its_time),
        cmocka_unit_test(what_waits_for_a_change_is_ready_with_it),
        cmocka_unit_test(what_is_under_way_is_counted_and_stays_so),
        cmocka_unit_test(without_memory_a_task_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
