#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/adminquery.h"
#include "base/attr.h"

/* Parse into name, alpn and client. */
static int parse(const char *query, const char *values[3], struct err *e)
{
    static struct adminquery_storage storage;
    struct adminquery_param params[] = {{"name", "old"}, {"alpn", "old"}, {"client", "old"}};
    int rc = adminquery_parse(query, params, ARRAY_LEN(params), &storage, e);

    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        values[i] = params[i].value;
    }
    return rc;
}

static void parameters_are_found_in_any_order(void **state)
{
    const char *values[3];
    struct err e;

    (void)state;
    assert_int_equal(parse("client=::1&name=a.b", values, &e), 0);
    assert_string_equal(values[0], "a.b");
    assert_null(values[1]);
    assert_string_equal(values[2], "::1");
}

static void no_query_has_no_parameters(void **state)
{
    static const char *const queries[] = {NULL, "", "&", "&&&"};
    const char *values[3];
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        assert_int_equal(parse(queries[i], values, &e), 0);
        assert_null(values[0]);
        assert_null(values[1]);
        assert_null(values[2]);
    }
}

static void names_and_values_are_decoded(void **state)
{
    const char *values[3];
    struct err e;

    (void)state;
    assert_int_equal(parse("%6eam%65=%2A.a%2eb&alpn=h2+%3d%26%25", values, &e), 0);
    assert_string_equal(values[0], "*.a.b");
    assert_string_equal(values[1], "h2 =&%");
}

static void a_value_may_be_empty_or_hold_equal_signs(void **state)
{
    const char *values[3];
    struct err e;

    (void)state;
    assert_int_equal(parse("name&alpn=&client=a=b=", values, &e), 0);
    assert_string_equal(values[0], "");
    assert_string_equal(values[1], "");
    assert_string_equal(values[2], "a=b=");
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"nam=a", "unknown parameter; known here: name, alpn, client"},
        {"name=a&Name=b", "unknown parameter; known here: name, alpn, client"},
        {"=a", "unknown parameter; known here: name, alpn, client"},
        {"name=a&name=a", "parameter name is given twice"},
        {"name=%", "a % must be followed by two hexadecimal digits other than 00"},
        {"name=%4", "a % must be followed by two hexadecimal digits other than 00"},
        {"name=%4&alpn=1", "a % must be followed by two hexadecimal digits other than 00"},
        {"name=%4g", "a % must be followed by two hexadecimal digits other than 00"},
        {"name=%g4", "a % must be followed by two hexadecimal digits other than 00"},
        {"name=%-1", "a % must be followed by two hexadecimal digits other than 00"},
        {"name=a%00", "a % must be followed by two hexadecimal digits other than 00"},
        {"%00=a", "a % must be followed by two hexadecimal digits other than 00"},
    };
    const char *values[3];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {""};

        assert_int_equal(parse(cases[i].query, values, &e), -EINVAL);
        assert_string_equal(e.text, cases[i].want);
    }
}

static void a_page_without_parameters_says_so(void **state)
{
    struct adminquery_storage storage;
    struct err e;

    (void)state;
    assert_int_equal(adminquery_parse("", NULL, 0, &storage, &e), 0);
    assert_int_equal(adminquery_parse("x", NULL, 0, &storage, &e), -EINVAL);
    assert_string_equal(e.text, "unknown parameter; known here: none");
}

/* Every length around what the storage takes, which stands at the end of its allocation. */
static void too_long_a_query_is_refused(void **state)
{
    struct adminquery_storage *storage = malloc(sizeof(*storage));
    const size_t fits = sizeof(*storage) - sizeof("name") - 1;
    char query[sizeof(*storage) + 64];
    struct err e;

    (void)state;
    assert_non_null(storage);
    for (size_t n = fits - 3; n < fits + 20; n++) {
        struct adminquery_param param = {"name", NULL};

        memset(query, 'x', sizeof(query));
        memcpy(query, "name=", 5);
        query[5 + n] = '\0';
        assert_int_equal(adminquery_parse(query, &param, 1, storage, &e), n <= fits ? 0 : -EINVAL);
        assert_true(n > fits || strlen(param.value) == n);
    }
    assert_string_equal(e.text, "the parameters are too long");
    free(storage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_found_in_any_order),
        cmocka_unit_test(no_query_has_no_parameters),
        cmocka_unit_test(names_and_values_are_decoded),
        cmocka_unit_test(a_value_may_be_empty_or_hold_equal_signs),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_page_without_parameters_says_so),
        cmocka_unit_test(too_long_a_query_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
