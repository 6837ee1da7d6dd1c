#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/model/object_priv.h"
#include "model/object.h"
#include "support/decoded.h"
#include "support/failalloc.h"

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

static void make_one(void *ctx)
{
    struct objmeta *o = object_new(*(const enum object_kind *)ctx);

    object_unref(o);
}

static void without_memory_there_is_no_object(void **state)
{
    (void)state;
    for (int kind = 0; kind < OBJECT_KINDS; kind++) {
        /* The arena as it is asked, and as it asks for its chunk. */
        assert_int_equal(failalloc_torture(make_one, &kind), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(every_kind_has_its_name),
        cmocka_unit_test(annotations_are_found_with_their_line),
        cmocka_unit_test(without_memory_there_is_no_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
