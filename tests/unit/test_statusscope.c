#include "../../src/controller/statusscope_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/store.h"
#include "route_fixture.h"
#include "support/failalloc.h"
#include "support/objects.h"

#define CONTROLLER   "sealway.io/ingress-controller"
#define OTHER_CLASS  INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", "")
#define RULE_WEB     RULES(HOST("a.test", "web", "number: 443"))
#define LEGACY(name) ANNOTATED("kubernetes.io/ingress.class: " name)

static const struct siphash_key secret = {{1, 2}};

static const struct wish owners[] = {
    {.host = "a.test", .ingress = "a"},
    {.host = "b.test", .ingress = "a"},
    {.host = "*.test", .ingress = "b"},
    {.host = "a.test", .ingress = "late", .created_s = 9}, /* lost to the older a */
};

static bool is_served(const struct statusscope *s, const char *ns, const char *name)
{
    struct statuskey k = statuskey_of(&secret, ns, name);

    return statusscope_is_served(s, &k);
}

static void the_owners_of_routes_are_served(void **state)
{
    struct registry *r = registry_new(0, 0);
    struct table *t = fixture_table(r, owners, ARRAY_LEN(owners));
    struct store *store = objects_store(OUR_CLASS);
    struct statusscope s;

    (void)state;
    assert_int_equal(statusscope_init(&s, store, t, CONTROLLER, &secret), 0);
    assert_true(is_served(&s, "shop", "a"));
    assert_true(is_served(&s, "shop", "b"));
    assert_false(is_served(&s, "shop", "late"));
    assert_false(is_served(&s, "shop", "c"));
    assert_false(is_served(&s, "a", "shop"));
    statusscope_fini(&s);
    assert_true(fixture_drop(t));
    registry_free(r);
    store_free(store);
}

static void a_table_without_routes_serves_nobody(void **state)
{
    struct registry *r = registry_new(0, 0);
    struct table *t = fixture_table(r, owners, 0);
    struct store *store = objects_store(OUR_CLASS);
    struct statusscope s;

    (void)state;
    assert_int_equal(statusscope_init(&s, store, t, CONTROLLER, &secret), 0);
    assert_false(is_served(&s, "shop", "a"));
    statusscope_fini(&s);
    assert_true(fixture_drop(t));
    registry_free(r);
    store_free(store);
}

static enum statusscope_class class_in(const char *yaml)
{
    struct registry *r = registry_new(0, 0);
    struct table *t = fixture_table(r, owners, 0);
    struct store *store = objects_store(yaml);
    enum statusscope_class class;
    struct statusscope s;

    assert_int_equal(statusscope_init(&s, store, t, CONTROLLER, &secret), 0);
    class = statusscope_class_of(
        &s, (const struct ingress *)(const void *)store_find(store, OBJECT_INGRESS, "shop", "i"));
    statusscope_fini(&s);
    assert_true(fixture_drop(t));
    registry_free(r);
    store_free(store);
    return class;
}

static void a_class_is_of_its_controller(void **state)
{
    (void)state;
    assert_int_equal(class_in(OUR_CLASS OTHER_CLASS INGRESS("shop", "i", "", OURS RULE_WEB)),
                     STATUSSCOPE_OURS);
    assert_int_equal(
        class_in(OUR_CLASS OTHER_CLASS INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB)),
        STATUSSCOPE_OTHERS);
    assert_int_equal(class_in(OUR_CLASS INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB)),
                     STATUSSCOPE_UNKNOWN);
}

static void the_annotation_names_the_class_where_the_field_does_not(void **state)
{
    (void)state;
    assert_int_equal(class_in(OTHER_CLASS INGRESS("shop", "i", LEGACY("nginx"), RULE_WEB)),
                     STATUSSCOPE_OTHERS);
    assert_int_equal(
        class_in(OUR_CLASS OTHER_CLASS INGRESS("shop", "i", LEGACY("nginx"), OURS RULE_WEB)),
        STATUSSCOPE_OURS);
}

static void without_a_class_the_default_counts(void **state)
{
    (void)state;
    assert_int_equal(class_in(OUR_CLASS OTHER_CLASS INGRESS("shop", "i", "", RULE_WEB)),
                     STATUSSCOPE_UNKNOWN);
    assert_int_equal(class_in(INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", IS_DEFAULT)
                                  INGRESS("shop", "i", "", RULE_WEB)),
                     STATUSSCOPE_OTHERS);
    assert_int_equal(class_in(INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", IS_DEFAULT)
                                  INGRESS_CLASS("sealway", CONTROLLER, IS_DEFAULT)
                                      INGRESS("shop", "i", "", RULE_WEB)),
                     STATUSSCOPE_OURS);
}

struct given {
    struct store *store;
    struct table *table;
};

static void init_once(void *ctx)
{
    const struct given *g = ctx;
    struct statusscope s;

    if (statusscope_init(&s, g->store, g->table, CONTROLLER, &secret) == 0) {
        statusscope_fini(&s);
    }
}

static void without_memory_there_is_no_scope(void **state)
{
    struct registry *r = registry_new(0, 0);
    struct given g = {objects_store(OUR_CLASS), fixture_table(r, owners, ARRAY_LEN(owners))};

    (void)state;
    assert_true(failalloc_torture(init_once, &g) >= 1);
    assert_true(fixture_drop(g.table));
    registry_free(r);
    store_free(g.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owners_of_routes_are_served),
        cmocka_unit_test(a_table_without_routes_serves_nobody),
        cmocka_unit_test(a_class_is_of_its_controller),
        cmocka_unit_test(the_annotation_names_the_class_where_the_field_does_not),
        cmocka_unit_test(without_a_class_the_default_counts),
        cmocka_unit_test(without_memory_there_is_no_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
