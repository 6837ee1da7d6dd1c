#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"
#include "support/failalloc.h"
#include "support/failsys.h"

static size_t count_slices(const struct store *s, const char *ns, const char *service)
{
    const struct endpoint_slice *e = NULL;
    size_t n = 0;

    while ((e = store_next_slice(s, ns, service, e)) != NULL) {
        assert_string_equal(e->service, service);
        assert_string_equal(e->meta.ns, ns);
        n++;
    }
    return n;
}

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

static void what_was_put_is_found_by_kind_and_key(void **state)
{
    struct store *s = *state;

    assert_int_equal(put(s, service("a", "web")), 0);
    assert_int_equal(put(s, service("b", "web")), 0);
    assert_int_equal(put(s, slice("a", "web", "web")), 0);
    assert_string_equal(store_find(s, OBJECT_SERVICE, "a", "web")->ns, "a");
    assert_string_equal(store_find(s, OBJECT_SERVICE, "b", "web")->ns, "b");
    assert_int_equal(store_find(s, OBJECT_ENDPOINT_SLICE, "a", "web")->kind, OBJECT_ENDPOINT_SLICE);
    assert_null(store_find(s, OBJECT_SERVICE, "web", "a"));
    assert_null(store_find(s, OBJECT_ENDPOINTS, "a", "web"));
    assert_int_equal(store_count(s, OBJECT_SERVICE), 2);
    assert_int_equal(store_count(s, OBJECT_ENDPOINTS), 0);
}

static void a_second_put_of_a_key_replaces_the_first(void **state)
{
    struct objmeta *first = service("a", "web"), *second = service("a", "web");
    struct store *s = *state;

    assert_int_equal(store_put(s, first), 0);
    assert_int_equal(store_put(s, second), 0);
    object_unref(first); /* the store has let go of it: with this it is freed */
    assert_ptr_equal(store_find(s, OBJECT_SERVICE, "a", "web"), second);
    assert_int_equal(store_count(s, OBJECT_SERVICE), 1);
    assert_int_equal(store_put(s, second), 0); /* the same object once more */
    object_unref(second);
    assert_string_equal(store_find(s, OBJECT_SERVICE, "a", "web")->name, "web");
}

static void removing_takes_the_object_out_once(void **state)
{
    struct store *s = *state;

    assert_int_equal(put(s, service("a", "web")), 0);
    assert_false(store_remove(s, OBJECT_SERVICE, "a", "other"));
    assert_true(store_remove(s, OBJECT_SERVICE, "a", "web"));
    assert_false(store_remove(s, OBJECT_SERVICE, "a", "web"));
    assert_null(store_find(s, OBJECT_SERVICE, "a", "web"));
    assert_null(store_next(s, OBJECT_SERVICE, NULL));
}

static void removing_by_the_objects_own_texts_is_safe(void **state)
{
    struct store *s = *state;
    const struct objmeta *o;

    assert_int_equal(put(s, service("a", "web")), 0);
    o = store_find(s, OBJECT_SERVICE, "a", "web");
    assert_true(store_remove(s, OBJECT_SERVICE, o->ns, o->name));
}

static void a_walk_sees_every_object_of_its_kind_once(void **state)
{
    struct store *s = *state;
    const struct objmeta *o = NULL;
    bool seen[500] = {false};
    char name[16];
    size_t n = 0;

    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_int_equal(put(s, service("a", name)), 0);
    }
    assert_int_equal(put(s, slice("a", "x", "s1")), 0);
    while ((o = store_next(s, OBJECT_SERVICE, o)) != NULL) {
        int i = atoi(o->name + 1);

        assert_false(seen[i]);
        seen[i] = true;
        n++;
    }
    assert_int_equal(n, 500);
}

static void walks_within_each_other_do_not_disturb(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    const struct objmeta *outer = NULL, *inner = NULL;
    struct store *s = *state;
    size_t steps = 0;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(s, service("x", names[i])), 0);
    }
    while ((outer = store_next(s, OBJECT_SERVICE, outer)) != NULL) {
        while ((inner = store_next(s, OBJECT_SERVICE, inner)) != NULL) {
            steps++;
        }
    }
    assert_int_equal(steps, 9);
    /* a walk that was left halfway, and its object taken out */
    outer = store_next(s, OBJECT_SERVICE, NULL);
    assert_true(store_remove(s, OBJECT_SERVICE, "x", outer->name));
    outer = store_next(s, OBJECT_SERVICE, NULL);
    assert_non_null(store_next(s, OBJECT_SERVICE, outer));
}

static void slices_are_found_by_their_service(void **state)
{
    struct store *s = *state;

    assert_int_equal(put(s, slice("a", "web-1", "web")), 0);
    assert_int_equal(put(s, slice("a", "web-2", "web")), 0);
    assert_int_equal(put(s, slice("a", "api-1", "api")), 0);
    assert_int_equal(put(s, slice("b", "web-1", "web")), 0);
    assert_int_equal(put(s, slice("a", "stray", "")), 0);
    assert_int_equal(count_slices(s, "a", "web"), 2);
    assert_int_equal(count_slices(s, "a", "api"), 1);
    assert_int_equal(count_slices(s, "b", "web"), 1);
    assert_int_equal(count_slices(s, "b", "api"), 0);
    assert_int_equal(count_slices(s, "a", ""), 0);
}

static void a_slice_that_changes_its_service_moves(void **state)
{
    struct store *s = *state;

    assert_int_equal(put(s, slice("a", "web-1", "web")), 0);
    assert_int_equal(put(s, slice("a", "web-2", "web")), 0);
    assert_int_equal(put(s, slice("a", "web-1", "api")), 0);
    assert_int_equal(count_slices(s, "a", "web"), 1);
    assert_int_equal(count_slices(s, "a", "api"), 1);
    assert_int_equal(put(s, slice("a", "web-1", "")), 0);
    assert_int_equal(count_slices(s, "a", "api"), 0);
    assert_true(store_remove(s, OBJECT_ENDPOINT_SLICE, "a", "web-2"));
    assert_int_equal(count_slices(s, "a", "web"), 0);
    assert_int_equal(put(s, slice("a", "web-1", "web")), 0);
    assert_int_equal(count_slices(s, "a", "web"), 1);
}

static void a_replaced_slice_is_the_new_one_in_the_walk(void **state)
{
    struct objmeta *new = slice("a", "web-1", "web");
    struct store *s = *state;

    assert_int_equal(put(s, slice("a", "web-1", "web")), 0);
    assert_int_equal(store_put(s, new), 0);
    assert_ptr_equal(store_next_slice(s, "a", "web", NULL), new);
    object_unref(new);
}

static void walks_over_slices_do_not_disturb_each_other(void **state)
{
    struct store *s = *state;
    size_t steps = 0;

    assert_int_equal(put(s, slice("a", "web-1", "web")), 0);
    assert_int_equal(put(s, slice("a", "web-2", "web")), 0);
    assert_int_equal(put(s, slice("a", "api-1", "api")), 0);
    for (const struct endpoint_slice *e = NULL; (e = store_next_slice(s, "a", "web", e)) != NULL;
         steps++) {
        assert_int_equal(count_slices(s, "a", "api"), 1);
        assert_int_equal(count_slices(s, "a", "web"), 2);
        (void)store_remove(s, OBJECT_ENDPOINT_SLICE, "a", "other"); /* none: nothing changes */
    }
    assert_int_equal(steps, 2);
}

static void put_all(void *ctx)
{
    struct objmeta *const *o = ctx;
    struct store *s = store_new();
    size_t stored = 0;

    if (s == NULL) {
        return;
    }
    for (size_t i = 0; o[i] != NULL; i++) {
        stored += store_put(s, o[i]) == 0;
    }
    assert_int_equal(stored, store_count(s, OBJECT_SERVICE) + store_count(s, OBJECT_INGRESS) +
                                 store_count(s, OBJECT_ENDPOINT_SLICE));
    assert_in_range(count_slices(s, "a", "web") + count_slices(s, "a", "api"),
                    store_count(s, OBJECT_ENDPOINT_SLICE), store_count(s, OBJECT_ENDPOINT_SLICE));
    store_free(s);
}

static void without_memory_a_put_fails_whole(void **state)
{
    struct objmeta *o[40] = {NULL};
    char name[16];

    (void)state;
    for (int i = 0; i < 36; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        if (i % 3 == 0) {
            o[i] = i % 2 ? service("a", name) : ingress("a", name, i % 4 ? "api" : name);
        } else {
            o[i] = slice("a", name, i % 3 == 1 ? "web" : "api");
        }
    }
    assert_true(failalloc_torture(put_all, o) >= 40);
    for (int i = 0; i < 36; i++) {
        object_unref(o[i]);
    }
}

static const struct objmeta *backend_of_first(const struct store *s, const char *name)
{
    const struct objmeta *ing = store_next(s, OBJECT_INGRESS, NULL);
    const struct service *svc =
        store_find_backend(s, (const struct ingress *)(const void *)ing, name);

    return svc != NULL ? &svc->meta : NULL;
}

static void the_service_of_an_ingress_is_found_whichever_came_first(void **state)
{
    struct objmeta *web = service("a", "web"), *newer = service("a", "web");
    struct store *s = *state;

    assert_int_equal(put(s, service("b", "web")), 0);
    assert_int_equal(put(s, ingress("a", "i", "web")), 0);
    assert_null(backend_of_first(s, "web"));
    assert_int_equal(store_put(s, web), 0);
    assert_ptr_equal(backend_of_first(s, "web"), web);
    assert_int_equal(store_put(s, newer), 0);
    assert_ptr_equal(backend_of_first(s, "web"), newer);
    assert_true(store_remove(s, OBJECT_SERVICE, "a", "web"));
    assert_null(backend_of_first(s, "web"));
    assert_int_equal(store_put(s, web), 0);
    assert_ptr_equal(backend_of_first(s, "web"), web);
    object_unref(web);
    object_unref(newer);
}

static void an_ingress_that_names_another_service_finds_that(void **state)
{
    struct objmeta *web = service("a", "web"), *api = service("a", "api");
    struct store *s = *state;

    assert_int_equal(store_put(s, web), 0);
    assert_int_equal(store_put(s, api), 0);
    assert_int_equal(put(s, ingress("a", "i", "web")), 0);
    assert_ptr_equal(backend_of_first(s, "web"), web);
    assert_ptr_equal(backend_of_first(s, "api"), api); /* a backend that is not the first */
    assert_int_equal(put(s, ingress("a", "i", "api")), 0);
    assert_ptr_equal(backend_of_first(s, "api"), api);
    assert_ptr_equal(backend_of_first(s, "web"), web);
    object_unref(web);
    object_unref(api);
}

static void an_ingress_the_walk_does_not_stand_at_finds_its_own_service(void **state)
{
    struct objmeta *a = service("a", "web"), *b = service("b", "web");
    struct objmeta *here = ingress("a", "i", "web"), *there = ingress("b", "i", "web");
    struct store *s = *state;

    assert_int_equal(store_put(s, a), 0);
    assert_int_equal(store_put(s, b), 0);
    assert_int_equal(store_put(s, here), 0);
    assert_int_equal(store_put(s, there), 0);
    assert_ptr_equal(store_next(s, OBJECT_INGRESS, NULL), here);
    assert_ptr_equal(store_find_backend(s, (struct ingress *)(void *)there, "web"), b);
    assert_ptr_equal(store_find_backend(s, (struct ingress *)(void *)here, "web"), a);
    object_unref(a);
    object_unref(b);
    object_unref(here);
    object_unref(there);
}

static void slices_are_those_of_the_service_that_is_asked_for(void **state)
{
    struct store *s = *state;
    const struct objmeta *web;

    assert_int_equal(put(s, ingress("a", "i", "web")), 0);
    assert_int_equal(put(s, slice("a", "web-1", "web")), 0);
    assert_int_equal(put(s, service("a", "web")), 0);
    assert_int_equal(put(s, slice("a", "api-1", "api")), 0);
    assert_int_equal(put(s, slice("a", "api-2", "api")), 0);
    web = backend_of_first(s, "web");
    assert_int_equal(count_slices(s, web->ns, web->name), 1);
    assert_int_equal(count_slices(s, "a", "api"), 2);
    assert_true(store_remove(s, OBJECT_ENDPOINT_SLICE, "a", "web-1"));
    assert_int_equal(count_slices(s, web->ns, web->name), 0);
    assert_int_equal(put(s, slice("a", "web-2", "web")), 0);
    assert_int_equal(count_slices(s, web->ns, web->name), 1);
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    store_free(NULL);
}

static void without_randomness_objects_are_still_found(void **state)
{
    struct objmeta *o = service("shop", "web");
    struct store *s;

    (void)state;
    failsys_reset();
    failsys_fail(FAILSYS_GETRANDOM, ENOSYS, 0, 1);
    s = store_new();
    assert_int_equal(failsys_count(FAILSYS_GETRANDOM), 1);
    assert_int_equal(store_put(s, o), 0);
    assert_ptr_equal(store_find(s, OBJECT_SERVICE, "shop", "web"), o);
    store_free(s);
    object_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_found_by_kind_and_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_put_of_a_key_replaces_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_takes_the_object_out_once, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_by_the_objects_own_texts_is_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_sees_every_object_of_its_kind_once, setup, teardown),
        cmocka_unit_test_setup_teardown(walks_within_each_other_do_not_disturb, setup, teardown),
        cmocka_unit_test_setup_teardown(slices_are_found_by_their_service, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slice_that_changes_its_service_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replaced_slice_is_the_new_one_in_the_walk, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(walks_over_slices_do_not_disturb_each_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_service_of_an_ingress_is_found_whichever_came_first,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_ingress_that_names_another_service_finds_that, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_ingress_the_walk_does_not_stand_at_finds_its_own_service,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(slices_are_those_of_the_service_that_is_asked_for, setup,
                                        teardown),
        cmocka_unit_test(without_memory_a_put_fails_whole),
        cmocka_unit_test(freeing_nothing_is_allowed),
        cmocka_unit_test(without_randomness_objects_are_still_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
