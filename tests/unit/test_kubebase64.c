#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/kubebase64_priv.h"
#include "support/failalloc.h"

static void what_is_encoded_is_decoded(void **state)
{
    static const char *const texts[] = {"f", "fo", "foo", "foob", "fooba", "foobar", "\xff\xfe~"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *base64 = kubebase64_encode(texts[i]), *back = NULL;

        assert_int_equal(kubebase64_decode(base64, &back), 0);
        assert_string_equal(back, texts[i]);
        free(base64);
        free(back);
    }
}

static void line_ends_are_passed_over(void **state)
{
    char *text;

    (void)state;
    assert_int_equal(kubebase64_decode("Zm9v\r\nYmFy\n", &text), 0); /* RFC 4648, section 10 */
    assert_string_equal(text, "foobar");
    free(text);
}

static void whatever_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm 9", "Zm-_", "Zg==Zg==", "Zm9v!mFy", "AGZv"};
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(kubebase64_decode(bad[i], &text), -EINVAL);
        assert_null(text);
    }
}

static void round_trip(void *ctx)
{
    char *text = NULL, *base64 = kubebase64_encode("foo");
    int rc = base64 != NULL ? kubebase64_decode(base64, &text) : -ENOMEM;

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    free(base64);
    free(text);
}

static void without_memory_it_fails(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(round_trip, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(line_ends_are_passed_over),
        cmocka_unit_test(whatever_else_is_refused),
        cmocka_unit_test(without_memory_it_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
