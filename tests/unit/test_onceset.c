#include "controller/onceset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/failalloc.h"

static void a_pair_is_new_once(void **state)
{
    struct onceset s;
    int a, b;

    (void)state;
    onceset_init(&s);
    assert_true(onceset_add(&s, &a, 0));
    assert_false(onceset_add(&s, &a, 0));
    assert_true(onceset_add(&s, &a, 1));
    assert_true(onceset_add(&s, &b, 0));
    assert_false(onceset_add(&s, &a, 1));
    onceset_fini(&s);
}

static void fill(void *ctx)
{
    struct onceset s;
    char things[64];

    (void)ctx;
    onceset_init(&s);
    for (size_t i = 0; i < sizeof(things); i++) {
        (void)onceset_add(&s, &things[i], 0);
    }
    onceset_fini(&s);
}

static void without_memory_everything_is_new_again(void **state)
{
    struct onceset s;
    int a;

    (void)state;
    onceset_init(&s);
    failalloc_arm(1);
    assert_true(onceset_add(&s, &a, 0));
    assert_true(failalloc_disarm());
    assert_true(onceset_add(&s, &a, 0));
    assert_false(onceset_add(&s, &a, 0));
    onceset_fini(&s);
    assert_true(failalloc_torture(fill, NULL) > 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_new_once),
        cmocka_unit_test(without_memory_everything_is_new_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
