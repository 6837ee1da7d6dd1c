#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "model/object.h"
#include "support/decoded.h"

static const struct ingress_class *with(struct decoded *d, const char *annotations,
                                        const char *spec)
{
    char json[600];

    snprintf(json, sizeof(json),
             "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'IngressClass', 'metadata': {'name':"
             " 'sealway', 'annotations': %s}, 'spec': %s}",
             annotations, spec);
    decoded_init(d, json);
    return (const struct ingress_class *)(const void *)d->o;
}

static void a_class_names_its_controller(void **state)
{
    const struct ingress_class *c;
    struct decoded d;

    (void)state;
    c = with(&d, "null", "{'controller': 'sealway.io/ingress-controller'}");
    assert_string_equal(c->meta.name, "sealway");
    assert_string_equal(c->meta.ns, "");
    assert_string_equal(c->controller, "sealway.io/ingress-controller");
    assert_false(c->is_default);
    assert_int_equal(d.v.n, 0);
    decoded_fini(&d);
}

static void only_true_makes_a_class_the_default(void **state)
{
    static const struct {
        const char *value;
        bool is_default;
    } cases[] = {{"true", true}, {"false", false}, {"True", false}, {"1", false}, {"", false}};
    char annotations[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ingress_class *c;
        struct decoded d;

        snprintf(annotations, sizeof(annotations),
                 "{'ingressclass.kubernetes.io/is-default-class': '%s'}", cases[i].value);
        c = with(&d, annotations, "{'controller': 'a.b/c'}");
        assert_int_equal(c->is_default, cases[i].is_default);
        decoded_fini(&d);
    }
}

static void a_class_without_a_readable_controller_is_nobodys(void **state)
{
    static const struct {
        const char *spec, *reason;
    } cases[] = {
        {"{}", "FieldMissing"},
        {"null", "FieldMissing"},
        {"{'controller': ''}", "FieldMissing"},
        {"{'controller': 5}", "InvalidField"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ingress_class *c;
        struct decoded d;

        c = with(&d, "null", cases[i].spec);
        assert_int_equal(d.result, DECODE_OK);
        assert_string_equal(c->controller, "");
        assert_int_equal(d.v.n, 1);
        assert_string_equal(d.v.items[0].reason, cases[i].reason);
        decoded_fini(&d);
    }
}

static void a_controller_without_a_domain_is_an_error(void **state)
{
    struct decoded d;

    (void)state;
    (void)with(&d, "null", "{'controller': 'sealway'}");
    assert_int_equal(d.v.errors, 1);
    assert_non_null(strstr(d.v.items[0].message, "\"sealway\""));
    decoded_fini(&d);
    (void)with(&d, "null", "'x'");
    assert_int_equal(d.result, DECODE_REFUSED);
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_names_its_controller),
        cmocka_unit_test(only_true_makes_a_class_the_default),
        cmocka_unit_test(a_class_without_a_readable_controller_is_nobodys),
        cmocka_unit_test(a_controller_without_a_domain_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
