#include "../../src/kube/kubekind_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "kube/kubewatch.h"
#include "support/failalloc.h"

static const struct kuberesource services = {"/api/v1", "v1", "services", "Service"};

#define NAMED "\"metadata\":{\"name\":\"a\"}"

static void check(const char *text, int want)
{
    cJSON *object = cJSON_Parse(text);

    assert_non_null(object);
    assert_int_equal(kubekind_admit(object, &services), want);
    if (want == 1) {
        const cJSON *kind = cJSON_GetObjectItemCaseSensitive(object, "kind");
        const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "apiVersion");

        assert_string_equal(cJSON_GetStringValue(kind), "Service");
        assert_string_equal(cJSON_GetStringValue(version), "v1");
    }
    cJSON_Delete(object);
}

static void an_object_of_the_kind_or_of_none_says_its_kind_afterwards(void **state)
{
    (void)state;
    check("{\"kind\":\"Service\",\"apiVersion\":\"v1\"," NAMED "}", 1);
    check("{" NAMED "}", 1);
    check("{\"kind\":\"Service\"," NAMED "}", 1);
    check("{\"apiVersion\":\"v1\",\"kind\":null," NAMED "}", 1);
    check("{\"apiVersion\":\"\",\"kind\":\"\"," NAMED "}", 1);
}

static void an_object_without_a_name_is_not_admitted(void **state)
{
    (void)state;
    check("{}", 0);
    check("{\"kind\":\"Service\",\"apiVersion\":\"v1\"}", 0);
    check("{\"metadata\":null}", 0);
    check("{\"metadata\":\"a\"}", 0);
    check("{\"metadata\":{\"namespace\":\"shop\"}}", 0);
    check("{\"metadata\":{\"name\":\"\"}}", 0);
    check("{\"metadata\":{\"name\":7}}", 0);
    check("{\"metadata\":[\"name\",\"a\"]}", 0);
}

static void whatever_else_is_not_admitted(void **state)
{
    (void)state;
    check("{\"kind\":\"Pod\",\"apiVersion\":\"v1\"," NAMED "}", 0);
    check("{\"kind\":\"Service\",\"apiVersion\":\"serving.knative.dev/v1\"," NAMED "}", 0);
    check("{\"kind\":7," NAMED "}", 0);
    check("[]", 0);
    check("null", 0);
    assert_int_equal(kubekind_admit(NULL, &services), 0);
}

static void admit_with_no_memory(void *ctx)
{
    cJSON *object = cJSON_Parse("{" NAMED ",\"kind\":null}");
    int rc;

    (void)ctx;
    if (object) {
        rc = kubekind_admit(object, &services);
        assert_true(rc == 1 || rc == -ENOMEM);
        cJSON_Delete(object);
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(failalloc_torture(admit_with_no_memory, NULL) >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_of_the_kind_or_of_none_says_its_kind_afterwards),
        cmocka_unit_test(an_object_without_a_name_is_not_admitted),
        cmocka_unit_test(whatever_else_is_not_admitted),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
