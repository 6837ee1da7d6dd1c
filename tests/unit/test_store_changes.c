#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store_fixture.h"
#include "support/failalloc.h"

static int setup(void **state)
{
    *state = store_new();
    return *state == NULL;
}

static int teardown(void **state)
{
    store_free(*state);
    return 0;
}

/* Touched are these Services of namespace "a", whose names are letters. */
static void expect_touched(const struct store *s, const char *names)
{
    const struct service *svc = NULL;
    size_t n = 0;

    while ((svc = store_next_touched(s, svc)) != NULL) {
        assert_string_equal(svc->meta.ns, "a");
        assert_non_null(strstr(names, svc->meta.name));
        n++;
    }
    assert_int_equal(n, strlen(names));
}

/* Services "w", "x", "y" with a slice each, all that forgotten. */
static void put_three(struct store *s)
{
    static const char *const names[] = {"w", "x", "y"};

    assert_int_equal(store_changed(s), STORE_SAME);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(s, service("a", names[i])), 0);
        assert_int_equal(store_changed(s), STORE_ROUTES);
        assert_int_equal(put(s, slice("a", names[i], names[i])), 0);
    }
    store_forget_changes(s);
    assert_int_equal(store_changed(s), STORE_SAME);
    assert_null(store_next_touched(s, NULL));
}

static void endpoints_that_come_or_go_touch_their_service(void **state)
{
    struct store *s = *state;

    put_three(s);
    assert_int_equal(put(s, slice("a", "x", "x")), 0);
    assert_int_equal(store_changed(s), STORE_ENDPOINTS);
    expect_touched(s, "x");
    assert_int_equal(put(s, slice("a", "x-2", "x")), 0);
    expect_touched(s, "x");
    assert_true(store_remove(s, OBJECT_ENDPOINT_SLICE, "a", "y"));
    expect_touched(s, "xy");
    assert_int_equal(put(s, endpoints("a", "w")), 0);
    expect_touched(s, "xyw");
    store_forget_changes(s);
    expect_touched(s, "");
    assert_int_equal(store_changed(s), STORE_SAME);
    assert_true(store_remove(s, OBJECT_ENDPOINTS, "a", "w"));
    assert_int_equal(store_changed(s), STORE_ENDPOINTS);
    expect_touched(s, "w");
}

static void a_slice_that_changes_its_service_touches_both(void **state)
{
    struct store *s = *state;

    put_three(s);
    assert_int_equal(put(s, slice("a", "w", "x")), 0);
    assert_int_equal(store_changed(s), STORE_ENDPOINTS);
    expect_touched(s, "wx");
}

static void any_other_object_is_more_than_endpoints(void **state)
{
    struct store *s = *state;

    put_three(s);
    assert_int_equal(put(s, slice("a", "x", "x")), 0);
    assert_int_equal(put(s, ingress("a", "i", "w")), 0);
    assert_int_equal(store_changed(s), STORE_ROUTES);
    store_forget_changes(s);
    assert_true(store_remove(s, OBJECT_INGRESS, "a", "i"));
    assert_int_equal(store_changed(s), STORE_ROUTES);
    store_forget_changes(s);
    assert_int_equal(put(s, service("a", "w")), 0);
    assert_int_equal(store_changed(s), STORE_ROUTES);
    store_forget_changes(s);
    assert_true(store_remove(s, OBJECT_SERVICE, "a", "w"));
    assert_int_equal(put(s, slice("a", "x", "x")), 0);
    assert_int_equal(store_changed(s), STORE_ROUTES);
    store_forget_changes(s);
    assert_int_equal(put(s, slice("a", "x", "x")), 0);
    expect_touched(s, "x"); /* as if nothing had been before */
}

static void a_class_is_any_change(void **state)
{
    struct store *s = *state;

    put_three(s);
    assert_int_equal(put(s, ingress_class("c")), 0);
    assert_int_equal(store_changed(s), STORE_ANY);
}

/* As it was before the first of its changes, and as it is. */
static void an_ingress_that_changes_is_told_once(void **state)
{
    struct objmeta *was = object_ref(ingress("a", "i", "w")),
                   *now = object_ref(ingress("a", "i", "x"));
    struct store_touched_ingress t;
    struct store *s = *state;

    assert_int_equal(put(s, was), 0);
    assert_true(store_touched_ingress(s, 0, &t));
    assert_null(t.before);
    assert_ptr_equal(t.now, was);
    store_forget_changes(s);
    assert_false(store_touched_ingress(s, 0, &t));
    assert_int_equal(put(s, ingress("a", "i", "y")), 0);
    assert_int_equal(put(s, now), 0);
    assert_true(store_touched_ingress(s, 0, &t));
    assert_ptr_equal(t.before, was);
    assert_ptr_equal(t.now, now);
    assert_string_equal(t.ns, "a");
    assert_string_equal(t.name, "i");
    assert_false(store_touched_ingress(s, 1, &t));
    assert_true(store_remove(s, OBJECT_INGRESS, "a", "i"));
    assert_true(store_touched_ingress(s, 0, &t));
    assert_ptr_equal(t.before, was);
    assert_null(t.now);
    object_unref(was);
    object_unref(now);
}

/* Also when nothing else of that name is left. */
static void a_service_that_goes_is_told(void **state)
{
    struct store_touched_service t;
    struct store *s = *state;

    assert_int_equal(put(s, service("a", "w")), 0);
    store_forget_changes(s);
    assert_true(store_remove(s, OBJECT_SERVICE, "a", "w"));
    assert_true(store_touched_service(s, 0, &t));
    assert_string_equal(t.ns, "a");
    assert_string_equal(t.name, "w");
    assert_null(t.now);
    assert_true(t.changed);
    assert_false(store_touched_service(s, 1, &t));
    store_forget_changes(s);
    assert_int_equal(put(s, service("a", "w")), 0);
    store_forget_changes(s);
    assert_int_equal(put(s, slice("a", "e", "w")), 0);
    assert_true(store_touched_service(s, 0, &t));
    assert_non_null(t.now);
    assert_false(t.changed);
}

static int count_naming(void *ctx, const struct ingress *ing)
{
    unsigned *n = ctx;

    assert_string_equal(ing->meta.ns, "a");
    return ++*n == 3 ? -EAGAIN : 0;
}

static void whoever_names_a_service_is_told(void **state)
{
    struct store *s = *state;
    unsigned n = 0;

    assert_int_equal(put(s, ingress("a", "i", "w")), 0);
    assert_int_equal(put(s, ingress("a", "k", "w")), 0);
    assert_int_equal(put(s, ingress("a", "other", "x")), 0);
    assert_int_equal(put(s, ingress("b", "i", "w")), 0);
    assert_int_equal(store_each_naming(s, "a", "w", count_naming, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_each_naming(s, "a", "none", count_naming, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_each_naming(s, "a", "x", count_naming, &n), -EAGAIN);
    n = 0;
    assert_true(store_remove(s, OBJECT_INGRESS, "a", "i"));
    assert_int_equal(store_each_naming(s, "a", "w", count_naming, &n), 0);
    assert_int_equal(n, 1);
}

static void an_object_that_is_restated_is_replaced_and_no_change(void **state)
{
    struct objmeta *again = ingress("a", "i", "w"), *same = slice("a", "x", "x");
    struct store *s = *state;

    put_three(s);
    assert_false(store_is_restated(s));
    assert_int_equal(put(s, ingress("a", "i", "w")), 0);
    assert_false(store_is_restated(s));
    store_forget_changes(s);
    assert_int_equal(store_restate(s, again), 0);
    assert_ptr_equal(store_find(s, OBJECT_INGRESS, "a", "i"), again);
    assert_int_equal(store_restate(s, same), 0);
    assert_ptr_equal(store_find(s, OBJECT_ENDPOINT_SLICE, "a", "x"), same);
    assert_int_equal(store_changed(s), STORE_SAME);
    assert_true(store_is_restated(s));
    store_forget_changes(s);
    assert_false(store_is_restated(s));
    object_unref(again);
    object_unref(same);
}

static void what_is_not_there_to_be_removed_is_no_change(void **state)
{
    struct store *s = *state;

    put_three(s);
    assert_false(store_remove(s, OBJECT_SERVICE, "a", "z"));
    assert_false(store_remove(s, OBJECT_ENDPOINT_SLICE, "a", "z"));
    assert_int_equal(store_changed(s), STORE_SAME);
}

static void endpoints_of_no_service_touch_none(void **state)
{
    struct store *s = *state;

    put_three(s);
    assert_int_equal(put(s, slice("a", "s", "")), 0);
    assert_int_equal(put(s, slice("a", "s", "")), 0);
    assert_int_equal(put(s, endpoints("a", "z")), 0);
    assert_int_equal(store_changed(s), STORE_SAME);
    assert_int_equal(put(s, slice("a", "z-1", "z")), 0);
    assert_int_equal(put(s, slice("a", "x", "x")), 0);
    assert_int_equal(put(s, slice("a", "v-1", "v")), 0);
    expect_touched(s, "x");
}

/* A group is gone with what was last in it; its place among the touched is another's then. */
static void a_touched_name_that_is_forgotten_leaves_the_others(void **state)
{
    static const char *const gone[] = {"p", "q", "r"};
    struct store *s = *state;

    put_three(s);
    for (int first = 0; first < 3; first++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(put(s, slice("a", gone[i], gone[i])), 0);
            assert_int_equal(put(s, slice("a", i == 0 ? "w" : "x", i == 0 ? "w" : "x")), 0);
        }
        for (int i = 0; i < 3; i++) {
            expect_touched(s, "wx");
            assert_true(store_remove(s, OBJECT_ENDPOINT_SLICE, "a", gone[(first + i) % 3]));
        }
        expect_touched(s, "wx");
        store_forget_changes(s);
        assert_int_equal(store_changed(s), STORE_SAME);
    }
}

/* So many Services, a slice of each changed. */
static enum store_change change_slices(struct store *s, unsigned n)
{
    char name[16];

    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(put(s, service("a", name)), 0);
    }
    store_forget_changes(s);
    for (unsigned i = 0; i < 2 * n; i++) {
        snprintf(name, sizeof(name), "n%u", i % n);
        assert_int_equal(put(s, slice("a", name, name)), 0);
    }
    return store_changed(s);
}

static void more_services_than_are_noted_are_any_change(void **state)
{
    const struct service *svc = NULL;
    struct store *s = *state;
    unsigned n = 0;

    assert_int_equal(change_slices(s, 512), STORE_ENDPOINTS);
    while ((svc = store_next_touched(s, svc)) != NULL) {
        n++;
    }
    assert_int_equal(n, 512);
    assert_int_equal(change_slices(s, 513), STORE_ANY);
    for (unsigned i = 0; i < 3; i++) {
        char name[16];

        snprintf(name, sizeof(name), "n%u", i);
        assert_true(store_remove(s, OBJECT_SERVICE, "a", name));
        assert_true(store_remove(s, OBJECT_ENDPOINT_SLICE, "a", name));
    }
    assert_int_equal(store_changed(s), STORE_ANY);
    store_forget_changes(s);
    assert_int_equal(put(s, slice("a", "n9", "n9")), 0);
    assert_string_equal(store_next_touched(s, NULL)->meta.name, "n9");
}

static void a_put_without_memory_is_no_change(void **state)
{
    struct objmeta *o = slice("a", "new", "other");
    struct store *s = *state;
    size_t failures = 0;
    int rc = -ENOMEM;

    put_three(s);
    for (size_t nth = 1; rc != 0; nth++) {
        assert_int_equal(store_changed(s), STORE_SAME);
        failalloc_arm(nth);
        rc = store_put(s, o);
        assert_int_equal(failalloc_disarm(), rc != 0);
        failures += rc != 0;
    }
    assert_true(failures >= 2);
    assert_int_equal(store_changed(s), STORE_ENDPOINTS);
    object_unref(o);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(endpoints_that_come_or_go_touch_their_service),
        TEST(a_slice_that_changes_its_service_touches_both),
        TEST(any_other_object_is_more_than_endpoints),
        TEST(a_class_is_any_change),
        TEST(an_ingress_that_changes_is_told_once),
        TEST(a_service_that_goes_is_told),
        TEST(whoever_names_a_service_is_told),
        TEST(an_object_that_is_restated_is_replaced_and_no_change),
        TEST(what_is_not_there_to_be_removed_is_no_change),
        TEST(endpoints_of_no_service_touch_none),
        TEST(a_touched_name_that_is_forgotten_leaves_the_others),
        TEST(more_services_than_are_noted_are_any_change),
        TEST(a_put_without_memory_is_no_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
