#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "../../src/manifest/yamlscalar_priv.h"
#include "base/attr.h"

struct scalar_case {
    const char *text;
    enum yamlscalar_type type;
    double number;
};

static void check(const struct scalar_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double number = 0;
        enum yamlscalar_type type =
            yamlscalar_resolve(cases[i].text, strlen(cases[i].text), &number);

        if (type != cases[i].type) {
            fail_msg("\"%s\" is %d, not %d", cases[i].text, (int)type, (int)cases[i].type);
        }
        if (type == YAMLSCALAR_INT || type == YAMLSCALAR_FLOAT) {
            assert_true(fabs(number - cases[i].number) < 1e-9);
        }
    }
}

static void words_are_resolved_as_kubernetes_tools_do(void **state)
{
    static const struct scalar_case cases[] = {
        {"", YAMLSCALAR_NULL, 0},         {"~", YAMLSCALAR_NULL, 0},
        {"null", YAMLSCALAR_NULL, 0},     {"Null", YAMLSCALAR_NULL, 0},
        {"NULL", YAMLSCALAR_NULL, 0},     {"nULL", YAMLSCALAR_STRING, 0},
        {"true", YAMLSCALAR_TRUE, 0},     {"True", YAMLSCALAR_TRUE, 0},
        {"yes", YAMLSCALAR_TRUE, 0},      {"YES", YAMLSCALAR_TRUE, 0},
        {"on", YAMLSCALAR_TRUE, 0},       {"y", YAMLSCALAR_TRUE, 0},
        {"Y", YAMLSCALAR_TRUE, 0},        {"tRUE", YAMLSCALAR_STRING, 0},
        {"false", YAMLSCALAR_FALSE, 0},   {"No", YAMLSCALAR_FALSE, 0},
        {"off", YAMLSCALAR_FALSE, 0},     {"n", YAMLSCALAR_FALSE, 0},
        {"no ", YAMLSCALAR_STRING, 0},    {"t", YAMLSCALAR_STRING, 0},
        {" ", YAMLSCALAR_STRING, 0},      {".inf", YAMLSCALAR_NO_JSON, 0},
        {"-.Inf", YAMLSCALAR_NO_JSON, 0}, {".NaN", YAMLSCALAR_NO_JSON, 0},
        {"inf", YAMLSCALAR_STRING, 0},    {"nan", YAMLSCALAR_STRING, 0},
    };

    (void)state;
    check(cases, ARRAY_LEN(cases));
}

static void numbers_are_resolved_as_kubernetes_tools_do(void **state)
{
    static const struct scalar_case cases[] = {
        {"0", YAMLSCALAR_INT, 0},
        {"443", YAMLSCALAR_INT, 443},
        {"+443", YAMLSCALAR_INT, 443},
        {"-1", YAMLSCALAR_INT, -1},
        {"0x1bb", YAMLSCALAR_INT, 443},
        {"0X1BB", YAMLSCALAR_INT, 443},
        {"0o673", YAMLSCALAR_INT, 443},
        {"0O673", YAMLSCALAR_INT, 443},
        {"0673", YAMLSCALAR_INT, 443},
        {"0b110111011", YAMLSCALAR_INT, 443},
        {"-0x10", YAMLSCALAR_INT, -16},
        {"1_000", YAMLSCALAR_INT, 1000},
        {"00", YAMLSCALAR_INT, 0},
        {"65535", YAMLSCALAR_INT, 65535},
        {"9007199254740992", YAMLSCALAR_INT, 9007199254740992.0},
        {"08", YAMLSCALAR_FLOAT, 8},
        {"0x", YAMLSCALAR_STRING, 0},
        {"0xg", YAMLSCALAR_STRING, 0},
        {"0b2", YAMLSCALAR_STRING, 0},
        {"1.5", YAMLSCALAR_FLOAT, 1.5},
        {"1.", YAMLSCALAR_FLOAT, 1},
        {".5", YAMLSCALAR_FLOAT, 0.5},
        {"-.5", YAMLSCALAR_FLOAT, -0.5},
        {"1e3", YAMLSCALAR_FLOAT, 1000},
        {"1.5E-1", YAMLSCALAR_FLOAT, 0.15},
        {"685_230.15", YAMLSCALAR_FLOAT, 685230.15},
        {"1e999", YAMLSCALAR_STRING, 0},
        {".", YAMLSCALAR_STRING, 0},
        {"-", YAMLSCALAR_STRING, 0},
        {"+", YAMLSCALAR_STRING, 0},
        {"-.", YAMLSCALAR_STRING, 0},
        {"1e", YAMLSCALAR_STRING, 0},
        {"1e+", YAMLSCALAR_STRING, 0},
        {"1.2.3", YAMLSCALAR_STRING, 0},
        {"10.0.0.1", YAMLSCALAR_STRING, 0},
        {"12:30:45", YAMLSCALAR_STRING, 0},
        {"2024-01-02", YAMLSCALAR_STRING, 0},
        {"2024-01-02T03:04:05Z", YAMLSCALAR_STRING, 0},
        {"1s", YAMLSCALAR_STRING, 0},
        {"0x1p4", YAMLSCALAR_STRING, 0},
        {"abc", YAMLSCALAR_STRING, 0},
        {"_1", YAMLSCALAR_STRING, 0},
    };

    (void)state;
    check(cases, ARRAY_LEN(cases));
}

static void a_text_with_a_nul_is_nothing_else(void **state)
{
    double number;

    (void)state;
    assert_int_equal(yamlscalar_resolve("1\0", 2, &number), YAMLSCALAR_STRING);
    assert_int_equal(yamlscalar_resolve("\0", 1, &number), YAMLSCALAR_STRING);
    assert_int_equal(yamlscalar_resolve("yes\0", 4, &number), YAMLSCALAR_STRING);
}

static void a_very_long_number_is_a_text(void **state)
{
    char text[1000];
    double number;

    (void)state;
    memset(text, '1', sizeof(text));
    text[999] = '\0';
    assert_int_equal(yamlscalar_resolve(text, 999, &number), YAMLSCALAR_STRING);
    text[100] = '\0';
    assert_int_equal(yamlscalar_resolve(text, 100, &number), YAMLSCALAR_INT);
    assert_true(number > 1e99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_resolved_as_kubernetes_tools_do),
        cmocka_unit_test(numbers_are_resolved_as_kubernetes_tools_do),
        cmocka_unit_test(a_text_with_a_nul_is_nothing_else),
        cmocka_unit_test(a_very_long_number_is_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
