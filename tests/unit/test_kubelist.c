#include "../../src/controller/kubelist_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "model/object.h"
#include "support/decoded.h"
#include "support/failalloc.h"

static struct objmeta *new_service(const char *ns, const char *name)
{
    char json[256];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': '%s', 'namespace': "
             "'%s'}}",
             name, ns);
    decoded_init_api(&d, json);
    o = d.o;
    d.o = NULL;
    decoded_fini(&d);
    return o;
}

static int add_new(struct kubelist *l, const char *ns, const char *name)
{
    struct objmeta *o = new_service(ns, name);
    const struct kubelist_item item = {.standing = KUBELIST_NEW, .o = o};
    int rc = kubelist_add(l, &item);

    object_unref(o);
    return rc;
}

static int add_named(struct kubelist *l, enum kubelist_standing standing, const char *ns,
                     const char *name)
{
    const struct kubelist_item item = {.standing = standing, .ns = ns, .name = name};

    return kubelist_add(l, &item);
}

static void a_settled_list_is_sorted_and_searched(void **state)
{
    struct kubelist l;

    (void)state;
    kubelist_init(&l);
    assert_int_equal(add_new(&l, "b", "a"), 0);
    assert_int_equal(add_named(&l, KUBELIST_KNOWN, "a", "z"), 0);
    assert_int_equal(add_new(&l, "a", "b"), 0);
    kubelist_settle(&l);
    assert_int_equal(l.n, 3);
    assert_string_equal(l.items[0].name, "b");
    assert_string_equal(l.items[1].name, "z");
    assert_string_equal(l.items[2].ns, "b");
    assert_true(kubelist_has(&l, "a", "b"));
    assert_true(kubelist_has(&l, "a", "z"));
    assert_false(kubelist_has(&l, "b", "z"));
    assert_false(kubelist_has(&l, "a", "a"));
    kubelist_fini(&l);
}

static void of_the_same_name_the_last_one_counts(void **state)
{
    struct kubelist l;

    (void)state;
    kubelist_init(&l);
    assert_int_equal(add_new(&l, "a", "web"), 0);
    assert_int_equal(add_new(&l, "a", "other"), 0);
    assert_int_equal(add_named(&l, KUBELIST_KNOWN, "a", "web"), 0);
    assert_int_equal(add_named(&l, KUBELIST_KNOWN, "a", "other"), 0);
    assert_int_equal(add_new(&l, "a", "other"), 0);
    kubelist_settle(&l);
    assert_int_equal(l.n, 2);
    assert_int_equal(l.items[0].standing, KUBELIST_NEW);
    assert_string_equal(l.items[0].name, "other");
    assert_int_equal(l.items[1].standing, KUBELIST_KNOWN);
    kubelist_fini(&l);
}

static void a_refused_object_is_not_there_though_an_earlier_one_was_good(void **state)
{
    struct kubelist l;

    (void)state;
    kubelist_init(&l);
    assert_int_equal(add_new(&l, "a", "web"), 0);
    assert_int_equal(add_named(&l, KUBELIST_REFUSED, "a", "web"), 0);
    assert_int_equal(add_named(&l, KUBELIST_REFUSED, "a", "api"), 0);
    assert_int_equal(add_new(&l, "a", "api"), 0);
    kubelist_settle(&l);
    assert_false(kubelist_has(&l, "a", "web"));
    assert_true(kubelist_has(&l, "a", "api"));
    kubelist_fini(&l);
}

static void an_empty_list_has_nothing(void **state)
{
    struct kubelist l;

    (void)state;
    kubelist_init(&l);
    kubelist_settle(&l);
    assert_false(kubelist_has(&l, "a", "b"));
    kubelist_fini(&l);
}

static void fill(void *ctx)
{
    struct objmeta *o = ctx;
    const struct kubelist_item with_object = {.standing = KUBELIST_NEW, .o = o};
    struct kubelist l;

    int rc;

    kubelist_init(&l);
    rc = kubelist_add(&l, &with_object);
    if (rc == 0) {
        rc = add_named(&l, KUBELIST_KNOWN, "a", "known");
    }
    kubelist_settle(&l);
    assert_true(rc != 0 || l.n == 2);
    kubelist_fini(&l);
}

static void no_memory_leaves_a_list_that_can_be_freed(void **state)
{
    struct objmeta *o = new_service("a", "web");

    (void)state;
    assert_true(failalloc_torture(fill, o) >= 3);
    object_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_settled_list_is_sorted_and_searched),
        cmocka_unit_test(of_the_same_name_the_last_one_counts),
        cmocka_unit_test(a_refused_object_is_not_there_though_an_earlier_one_was_good),
        cmocka_unit_test(an_empty_list_has_nothing),
        cmocka_unit_test(no_memory_leaves_a_list_that_can_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
