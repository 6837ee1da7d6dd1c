#include "../../src/model/touchedset_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_fixture.h"

static struct touchedset set;

static void an_object_is_kept_as_it_was_first(void **state)
{
    struct objmeta *was = service("a", "w"), *now = service("a", "w"), *new = service("b", "w");

    (void)state;
    assert_true(touchedset_add(&set, was, now, 7));
    assert_true(touchedset_add(&set, now, NULL, 7));
    assert_int_equal(set.n, 1);
    assert_ptr_equal(set.items[0].object, was);
    assert_false(set.items[0].is_new);
    assert_true(touchedset_add(&set, NULL, new, 7)); /* one hash, another name */
    assert_int_equal(set.n, 2);
    assert_ptr_equal(set.items[1].object, new);
    assert_true(set.items[1].is_new);
    object_unref(was);
    object_unref(now);
    object_unref(new);
    assert_string_equal(set.items[0].object->name, "w"); /* the set holds it */
    touchedset_clear(&set);
    assert_int_equal(set.n, 0);
}

static void more_than_it_holds_is_told(void **state)
{
    char name[16];

    (void)state;
    for (unsigned i = 0; i <= TOUCHEDSET_MAX; i++) {
        struct objmeta *o;

        snprintf(name, sizeof(name), "n%u", i);
        o = service("a", name);
        assert_true(touchedset_add(&set, o, NULL, i) == (i < TOUCHEDSET_MAX));
        object_unref(o);
    }
    touchedset_clear(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_kept_as_it_was_first),
        cmocka_unit_test(more_than_it_holds_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
