#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "../../src/manifest/docnodes_priv.h"
#include "../../src/manifest/yamlanchors_priv.h"
#include "support/failalloc.h"
#include "support/failsys.h"

static void the_newest_of_a_name_stands(void **state)
{
    struct docnode first = {.line = 1}, second = {.line = 2};
    struct yamlanchors a;

    (void)state;
    yamlanchors_init(&a);
    assert_null(yamlanchors_find(&a, "x"));
    assert_int_equal(yamlanchors_set(&a, "x", &first), 0);
    assert_int_equal(yamlanchors_set(&a, "y", &first), 0);
    assert_int_equal(yamlanchors_set(&a, "x", &second), 0);
    assert_ptr_equal(yamlanchors_find(&a, "x"), &second);
    assert_ptr_equal(yamlanchors_find(&a, "y"), &first);
    yamlanchors_fini(&a);
    assert_null(yamlanchors_find(&a, "x"));
    assert_int_equal(yamlanchors_set(&a, "x", &first), 0);
    yamlanchors_fini(&a);
}

static void set_many(void *ctx)
{
    struct yamlanchors a;
    struct docnode node = {.line = 1};
    char name[8];

    (void)ctx;
    yamlanchors_init(&a);
    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        if (yamlanchors_set(&a, name, &node) < 0) {
            assert_null(yamlanchors_find(&a, name));
        } else {
            assert_ptr_equal(yamlanchors_find(&a, name), &node);
        }
    }
    yamlanchors_fini(&a);
}

static void without_memory_a_name_is_not_set(void **state)
{
    (void)state;
    assert_true(failalloc_torture(set_many, NULL) > 400);
}

static void without_randomness_anchors_still_work(void **state)
{
    struct docnode node = {.line = 1};
    struct yamlanchors a;

    (void)state;
    failsys_reset();
    failsys_fail(FAILSYS_GETRANDOM, ENOSYS, 0, 1);
    yamlanchors_init(&a);
    assert_int_equal(failsys_count(FAILSYS_GETRANDOM), 1);
    assert_int_equal(yamlanchors_set(&a, "x", &node), 0);
    assert_ptr_equal(yamlanchors_find(&a, "x"), &node);
    yamlanchors_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_a_name_stands),
        cmocka_unit_test(without_memory_a_name_is_not_set),
        cmocka_unit_test(without_randomness_anchors_still_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
