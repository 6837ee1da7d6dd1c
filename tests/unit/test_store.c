#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/store.h"
#include "support/decoded.h"
#include "support/failalloc.h"
#include "support/failsys.h"

static struct objmeta *service(const char *ns, const char *name)
{
    char json[400];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': '%s', 'namespace': "
             "'%s'}, 'spec': {'ports': [{'port': 443}]}}",
             name, ns);
    decoded_init_api(&d, json);
    o = object_ref(d.o);
    decoded_fini(&d);
    return o;
}

static struct objmeta *slice(const char *ns, const char *name, const char *of)
{
    char json[400];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4',"
             " 'metadata': {'name': '%s', 'namespace': '%s', 'labels': "
             "{'kubernetes.io/service-name': '%s'}}}",
             name, ns, of);
    decoded_init_api(&d, json);
    o = object_ref(d.o);
    decoded_fini(&d);
    return o;
}

/* Put and give the reference away: the store holds its own. */
static int put(struct store *s, struct objmeta *o)
{
    int rc = store_put(s, o);

    object_unref(o);
    return rc;
}

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
    assert_int_equal(stored,
                     store_count(s, OBJECT_SERVICE) + store_count(s, OBJECT_ENDPOINT_SLICE));
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
        o[i] = i % 3 == 0 ? service("a", name) : slice("a", name, i % 3 == 1 ? "web" : "api");
    }
    assert_true(failalloc_torture(put_all, o) >= 40);
    for (int i = 0; i < 36; i++) {
        object_unref(o[i]);
    }
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
        cmocka_unit_test(without_memory_a_put_fails_whole),
        cmocka_unit_test(freeing_nothing_is_allowed),
        cmocka_unit_test(without_randomness_objects_are_still_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
