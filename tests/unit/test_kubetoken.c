#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../src/kube/kubetoken_priv.h"

static void a_token_is_visible_ascii(void **state)
{
    (void)state;
    assert_true(kubetoken_is_good("eyJhbGciOi.JSUzI1-NiIs_Im~tpZCI+6/Ik=="));
    assert_true(kubetoken_is_good("!~"));
    assert_false(kubetoken_is_good(""));
    assert_false(kubetoken_is_good("a b"));
    assert_false(kubetoken_is_good("a\r\nX: 1"));
    assert_false(kubetoken_is_good("\x7f"));
    assert_false(kubetoken_is_good("b\xc3\xa4r"));
}

static void white_space_at_the_ends_is_taken_off_and_overwritten(void **state)
{
    char text[] = " \n\ttoken \r\n", blank[] = " \n", inner[] = "a b";

    (void)state;
    kubetoken_trim(text);
    assert_string_equal(text, "token");
    assert_memory_equal(text + 5, "\0\0\0\0\0\0", 6);
    kubetoken_trim(blank);
    assert_string_equal(blank, "");
    kubetoken_trim(inner);
    assert_string_equal(inner, "a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_visible_ascii),
        cmocka_unit_test(white_space_at_the_ends_is_taken_off_and_overwritten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
