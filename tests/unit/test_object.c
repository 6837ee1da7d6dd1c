#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/object.h"
#include "support/decoded.h"

static const char ingress[] =
    "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress',"
    " 'metadata': {'name': 'shop', 'annotations': {'a': '1', 'bb': '', 'ccc': '3'}},"
    " 'spec': {'rules': [{'host': 'shop.test'}]}}";

static void an_object_lives_as_long_as_somebody_holds_it(void **state)
{
    struct objmeta *o;
    struct decoded d;

    (void)state;
    decoded_init(&d, ingress);
    o = object_ref(d.o);
    assert_ptr_equal(o, d.o);
    decoded_fini(&d); /* a sanitizer sees what the next lines would read of a freed one */
    assert_string_equal(o->name, "shop");
    object_unref(o);
    object_unref(NULL);
}

static void every_kind_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(object_kind_name(OBJECT_INGRESS), "Ingress");
    assert_string_equal(object_kind_name(OBJECT_INGRESS_CLASS), "IngressClass");
    assert_string_equal(object_kind_name(OBJECT_SERVICE), "Service");
    assert_string_equal(object_kind_name(OBJECT_ENDPOINT_SLICE), "EndpointSlice");
    assert_string_equal(object_kind_name(OBJECT_ENDPOINTS), "Endpoints");
}

static void annotations_are_found_with_their_line(void **state)
{
    unsigned line = 7;
    struct decoded d;

    (void)state;
    decoded_init(&d, ingress);
    assert_string_equal(object_annotation(d.o, "ccc", &line), "3");
    assert_int_equal(line, 103);
    assert_string_equal(object_annotation(d.o, "bb", NULL), "");
    assert_null(object_annotation(d.o, "b", &line));
    assert_int_equal(line, 103);
    decoded_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(every_kind_has_its_name),
        cmocka_unit_test(annotations_are_found_with_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
