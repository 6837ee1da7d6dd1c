#include "../../src/model/backends_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TO(name)                                                                                   \
    {                                                                                              \
        .backend = {.type = BACKEND_SERVICE, .service = (name) }                                   \
    }

static const struct ingress_path two[] = {TO("web"), TO("api")};
static const struct ingress_path resource[] = {{.backend = {.type = BACKEND_RESOURCE}}};

static void the_first_is_that_of_the_first_path(void **state)
{
    const struct ingress_rule rules[] = {{.paths = NULL}, {.paths = two, .n_paths = 2}};
    struct ingress ing = {.rules = rules, .n_rules = 2};

    (void)state;
    ing.default_backend = (struct ingress_backend){.type = BACKEND_SERVICE, .service = "rest"};
    assert_string_equal(backends_first(&ing), "web");
    ing.n_rules = 1;
    assert_string_equal(backends_first(&ing), "rest");
    ing.default_backend.type = BACKEND_NONE;
    assert_string_equal(backends_first(&ing), "");
}

static void every_path_and_the_default_backend_name_one(void **state)
{
    const struct ingress_rule rules[] = {{.paths = resource, .n_paths = 1},
                                         {.paths = two, .n_paths = 2}};
    struct ingress ing = {.rules = rules, .n_rules = 2};

    (void)state;
    assert_true(backends_have(&ing, "web"));
    assert_true(backends_have(&ing, "api"));
    assert_false(backends_have(&ing, "rest"));
    ing.default_backend = (struct ingress_backend){.type = BACKEND_SERVICE, .service = "rest"};
    assert_true(backends_have(&ing, "rest"));
    ing.n_rules = 1;
    assert_false(backends_have(&ing, "web"));
}

static void many_of_one_service_are_no_work_to_look_through(void **state)
{
    static const struct ingress_path same[] = {TO("web"), TO("web")};
    const struct ingress_rule rules[] = {{.paths = same, .n_paths = 2},
                                         {.paths = two, .n_paths = 2}};
    struct ingress ing = {.rules = rules, .n_rules = 1};

    (void)state;
    assert_int_equal(backends_work(&ing), 0);
    ing.n_rules = 2;
    assert_int_equal(backends_work(&ing), 1 + 2 + 4);
    ing.n_rules = 1;
    ing.default_backend = (struct ingress_backend){.type = BACKEND_SERVICE, .service = "rest"};
    assert_int_equal(backends_work(&ing), 1 + 1 + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_that_of_the_first_path),
        cmocka_unit_test(every_path_and_the_default_backend_name_one),
        cmocka_unit_test(many_of_one_service_are_no_work_to_look_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
