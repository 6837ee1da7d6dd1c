#include "kube/kubejson.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/failalloc.h"

/* In memory of its own, so that a sanitizer sees a byte read behind it. */
static int parse(const char *text, size_t len)
{
    char *exact = test_malloc(len + (len == 0));
    cJSON *tree = NULL;
    int rc;

    memcpy(exact, text, len);
    rc = kubejson_parse(exact, len, &tree);
    assert_int_equal(rc == 0, cJSON_IsObject(tree));
    cJSON_Delete(tree);
    test_free(exact);
    return rc;
}

static void one_object_is_taken_blanks_around_it_or_not(void **state)
{
    static const char *const texts[] = {"{}", " {}\n", "\r\n\t{\"a\":[1,{\"b\":null}]} \n",
                                        "{\"a\":1}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(parse(texts[i], strlen(texts[i])), 0);
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "}",
                                        "[]",
                                        "null",
                                        "{}{}",
                                        "{} x",
                                        "{\"a\":1,",
                                        "{\"a\":1,}",
                                        "7",
                                        "\"{}\"",
                                        "{}x}",
                                        "{\"a\" 1}",
                                        ",",
                                        "x{}",
                                        "{\"a\":1} // {}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(parse(texts[i], strlen(texts[i])), -EBADMSG);
    }
    assert_int_equal(parse("{\"a\":\"\0\"}", 9), -EBADMSG);
}

static void a_text_cut_anywhere_is_refused_and_not_read_beyond(void **state)
{
    static const char text[] =
        "{\"kind\":\"Status\",\"code\":404,\"details\":{\"a\":[1,2,\"x\\u00e9\"]}}";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        assert_int_equal(parse(text, len), -EBADMSG);
    }
    assert_int_equal(parse(text, sizeof(text) - 1), 0);
}

static void brackets_without_end_exhaust_no_stack(void **state)
{
    static char text[2 * 100000];

    (void)state;
    for (size_t i = 0; i < sizeof(text) / 2; i++) {
        text[i] = i == 0 ? '{' : '[';
        text[sizeof(text) - 1 - i] = i == 0 ? '}' : ']';
    }
    assert_int_equal(parse(text, sizeof(text)), -EBADMSG);
}

static void starve(void *ctx)
{
    static const char text[] = "{\"a\":{\"b\":[\"c\"]}}";
    unsigned *told = ctx;
    cJSON *tree = NULL;
    int rc = kubejson_parse(text, sizeof(text) - 1, &tree);

    *told += rc == -ENOMEM;
    assert_true(rc == 0 || rc == -ENOMEM);
    cJSON_Delete(tree);
}

static void lack_of_memory_is_told_from_nonsense(void **state)
{
    unsigned told = 0;

    (void)state;
    assert_true(failalloc_torture(starve, &told) > 3);
    assert_true(told > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_object_is_taken_blanks_around_it_or_not),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(a_text_cut_anywhere_is_refused_and_not_read_beyond),
        cmocka_unit_test(brackets_without_end_exhaust_no_stack),
        cmocka_unit_test(lack_of_memory_is_told_from_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
