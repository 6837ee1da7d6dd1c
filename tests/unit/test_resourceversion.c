#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "kube/resourceversion.h"

#define LARGEST "340282366920938463463374607431768211455" /* 2^128 - 1 */

static void versions_are_compared_as_numbers(void **state)
{
    static const struct {
        const char *older, *newer;
    } PAIRS[] = {
        {"1", "2"},
        {"9", "10"},
        {"99", "100"},
        {"195", "281"},
        {"18446744073709551615", "18446744073709551616"}, /* where 64 bits end */
        {"18446744073709551616", "36893488147419103232"}, /* the same modulo 2^64 */
        {"9999999999999999999999999999999999999", "10000000000000000000000000000000000000"},
        {"340282366920938463463374607431768211454", LARGEST},
        {"1", LARGEST},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PAIRS); i++) {
        assert_int_equal(resourceversion_compare(PAIRS[i].older, PAIRS[i].newer), RV_OLDER);
        assert_int_equal(resourceversion_compare(PAIRS[i].newer, PAIRS[i].older), RV_NEWER);
        assert_int_equal(resourceversion_compare(PAIRS[i].newer, PAIRS[i].newer), RV_SAME);
    }
}

static void what_is_no_such_number_is_the_same_or_unknown(void **state)
{
    static const char *const OPAQUE[] = {
        "",
        "0",
        "00",
        "01",
        "0190",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "abc",
        "12a",
        "\xd9\xa1",
        "340282366920938463463374607431768211456", /* 2^128 */
        "999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(OPAQUE); i++) {
        assert_int_equal(resourceversion_compare(OPAQUE[i], OPAQUE[i]), RV_SAME);
        assert_int_equal(resourceversion_compare(OPAQUE[i], "190"), RV_UNKNOWN);
        assert_int_equal(resourceversion_compare("190", OPAQUE[i]), RV_UNKNOWN);
        for (size_t j = 0; j < i; j++) {
            assert_int_equal(resourceversion_compare(OPAQUE[i], OPAQUE[j]), RV_UNKNOWN);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_compared_as_numbers),
        cmocka_unit_test(what_is_no_such_number_is_the_same_or_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
