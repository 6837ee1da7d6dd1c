#include "../../src/model/storegroup_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_fixture.h"
#include "support/failalloc.h"

static struct storegroups all;

static int begin(void **state)
{
    (void)state;
    storegroups_init(&all);
    return 0;
}

static int end(void **state)
{
    (void)state;
    storegroups_fini(&all);
    return 0;
}

static void enter(struct storeentry *e, struct objmeta *o)
{
    struct storegroup *g;

    *e = (struct storeentry){.object = o};
    assert_int_equal(storegroup_for(&all, o, &g), 0);
    storegroup_join(g, e, o->kind);
}

static const struct storegroup *find(const char *ns, const char *name)
{
    const struct storekey k = storegroup_key(&all, ns, name);

    return storegroup_find(&all, &k);
}

static void a_group_lives_as_long_as_something_is_in_it(void **state)
{
    struct objmeta *web = service("a", "web"), *again = service("a", "web");
    struct storeentry first, second;

    (void)state;
    assert_null(find("a", "web"));
    enter(&first, web);
    assert_ptr_equal(find("a", "web"), first.group);
    assert_ptr_equal(first.group->service, &first);
    assert_null(find("web", "a"));
    storegroup_leave(&all, &first);
    assert_null(first.group);
    assert_null(find("a", "web"));
    storegroup_leave(&all, &first); /* in none: nothing happens */
    enter(&second, again);
    storegroup_leave(&all, &second);
    object_unref(web);
    object_unref(again);
}

static void a_touched_group_stays(void **state)
{
    struct objmeta *web = service("a", "web");
    struct storegroup *g;
    struct storeentry e;

    (void)state;
    enter(&e, web);
    g = e.group;
    g->touched = 1;
    storegroup_leave(&all, &e);
    object_unref(web); /* the group has texts of its own */
    assert_ptr_equal(find("a", "web"), g);
    g->touched = 0;
    storegroup_drop_if_empty(&all, g);
    storegroup_drop_if_empty(&all, NULL);
    assert_null(find("a", "web"));
}

/* As a store would: enter what can be entered, and take it out again. */
static void enter_in_want(void *ctx)
{
    struct storeentry e = {.object = ctx};
    struct storegroup *g = NULL;

    if (storegroup_for(&all, ctx, &g) == 0) {
        storegroup_join(g, &e, e.object->kind);
        assert_ptr_equal(find("a", "web"), e.group);
        storegroup_leave(&all, &e);
    }
    assert_null(find("a", "web"));
}

static void without_memory_there_is_no_group(void **state)
{
    struct objmeta *web = service("a", "web");

    (void)state;
    assert_true(failalloc_torture(enter_in_want, web) > 1);
    object_unref(web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_group_lives_as_long_as_something_is_in_it, begin, end),
        cmocka_unit_test_setup_teardown(a_touched_group_stays, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_there_is_no_group, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
