#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"

#define LEN(s) utf8_len(s, sizeof(s) - 1)

static void a_sequence_is_as_long_as_its_lead_says(void **state)
{
    (void)state;
    assert_int_equal(LEN("a"), 1);
    assert_int_equal(LEN("\0"), 1);
    assert_int_equal(LEN("\x7f"), 1);
    assert_int_equal(LEN("\xc2\x80"), 2);
    assert_int_equal(LEN("\xc3\xa4z"), 2);
    assert_int_equal(LEN("\xe2\x82\xac"), 3);
    assert_int_equal(LEN("\xed\x9f\xbf"), 3);
    assert_int_equal(LEN("\xf0\x9f\x98\x80"), 4);
    assert_int_equal(LEN("\xf4\x8f\xbf\xbf"), 4);
}

static void what_is_not_well_formed_is_none(void **state)
{
    (void)state;
    assert_int_equal(LEN("\x80"), 0);             /* a second byte comes first */
    assert_int_equal(LEN("\xc0\x80"), 0);         /* overlong */
    assert_int_equal(LEN("\xe0\x9f\xbf"), 0);     /* overlong */
    assert_int_equal(LEN("\xf0\x8f\xbf\xbf"), 0); /* overlong */
    assert_int_equal(LEN("\xed\xa0\x80"), 0);     /* a surrogate */
    assert_int_equal(LEN("\xf4\x90\x80\x80"), 0); /* over U+10FFFF */
    assert_int_equal(LEN("\xff"), 0);
    assert_int_equal(LEN("\xc3("), 0);
    assert_int_equal(LEN("\xe2\x82("), 0);
}

static void a_sequence_cut_short_is_none(void **state)
{
    static const char *const whole[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t n = 1; n < strlen(whole[i]); n++) {
            assert_int_equal(utf8_len(whole[i], n), 0);
        }
    }
}

static void controls_are_those_of_both_sets(void **state)
{
    (void)state;
    assert_true(utf8_is_control("\x1b", 1));
    assert_true(utf8_is_control("\0", 1));
    assert_true(utf8_is_control("\x7f", 1));
    assert_true(utf8_is_control("\xc2\x9b", 2));
    assert_false(utf8_is_control("\xc2\xa0", 2));
    assert_false(utf8_is_control("\xc3\x9b", 2));
    assert_false(utf8_is_control(" ", 1));
    assert_false(utf8_is_control("\xe2\x82\xac", 3));
}

static void a_plain_run_ends_before_what_a_terminal_may_obey(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {{"", 0},           {"abc", 3},       {"a\x1b[m", 1},   {"\x9b", 0},
                {"\xc3\xa9\n", 2}, {"a\xc2\x9b", 1}, {"ab\xe2\x82", 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(utf8_plain_run(rows[i].text, strlen(rows[i].text)), rows[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sequence_is_as_long_as_its_lead_says),
        cmocka_unit_test(what_is_not_well_formed_is_none),
        cmocka_unit_test(a_sequence_cut_short_is_none),
        cmocka_unit_test(controls_are_those_of_both_sets),
        cmocka_unit_test(a_plain_run_ends_before_what_a_terminal_may_obey),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
