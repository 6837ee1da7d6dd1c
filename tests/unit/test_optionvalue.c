#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/optionvalue.h"

#include <string.h>

static const struct optionvalue_range WIDE = {0, UINT64_MAX};

static uint64_t duration(const char *text)
{
    uint64_t ms = 0;

    assert_int_equal(optionvalue_duration(text, &WIDE, &ms, NULL), 0);
    return ms;
}

static void assert_duration_refused(const char *text, const char *words)
{
    uint64_t ms = 4711;
    struct err e = {.text = ""};

    assert_int_not_equal(optionvalue_duration(text, &WIDE, &ms, &e), 0);
    assert_int_equal(ms, 4711);
    assert_non_null(strstr(e.text, words));
}

static void durations_take_each_unit(void **state)
{
    (void)state;
    assert_int_equal(duration("250ms"), 250);
    assert_int_equal(duration("5s"), 5000);
    assert_int_equal(duration("2m"), 120000);
    assert_int_equal(duration("1h"), 3600000);
    assert_int_equal(duration("0s"), 0);
    assert_int_equal(duration("007s"), 7000);
}

static void a_bare_number_is_refused_with_the_units_it_may_have(void **state)
{
    struct err e = {.text = ""};
    uint64_t n;

    (void)state;
    assert_duration_refused("60", "a duration needs a unit: ms, s, m or h, e.g. 60s");
    assert_int_not_equal(optionvalue_size("64", &WIDE, &n, &e), 0);
    assert_string_equal(e.text, "a size needs a unit: KiB or MiB, e.g. 64KiB");
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const BAD[] = {"",     "s",  "-1s", "+1s", " 1s",  "1 s", "1s ",
                                      "1.5s", "1d", "1S",  "1ss", "0x1s", "one", "1h30m"};

    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_duration_refused(BAD[i], "not a duration; write a whole number and a unit");
    }
}

static void numbers_too_large_for_their_type_are_out_of_range(void **state)
{
    (void)state;
    assert_duration_refused("99999999999999999999999999s", "out of range");
    assert_duration_refused("18446744073709551615h", "out of range");
    assert_int_equal(duration("18446744073709551614ms"), UINT64_MAX - 1);
}

static void a_range_includes_its_ends_and_is_told(void **state)
{
    const struct optionvalue_range range = {1000, 7200000};
    struct err e = {.text = ""};
    uint64_t ms;

    (void)state;
    assert_int_equal(optionvalue_duration("1s", &range, &ms, &e), 0);
    assert_int_equal(optionvalue_duration("2h", &range, &ms, &e), 0);
    assert_int_not_equal(optionvalue_duration("999ms", &range, &ms, &e), 0);
    assert_string_equal(e.text, "out of range; it may be 1s to 2h");
    assert_int_not_equal(optionvalue_duration("7201s", &range, &ms, &e), 0);
}

static void counts_take_no_unit(void **state)
{
    const struct optionvalue_range range = {1, 256};
    struct err e = {.text = ""};
    uint64_t n = 0;

    (void)state;
    assert_int_equal(optionvalue_count("256", &range, &n, &e), 0);
    assert_int_equal(n, 256);
    assert_int_not_equal(optionvalue_count("4k", &range, &n, &e), 0);
    assert_string_equal(e.text, "not a count; write a whole number without a unit");
    assert_int_not_equal(optionvalue_count("", &range, &n, &e), 0);
    assert_int_not_equal(optionvalue_count("-1", &range, &n, &e), 0);
    assert_int_not_equal(optionvalue_count("257", &range, &n, &e), 0);
    assert_string_equal(e.text, "out of range; it may be 1 to 256");
}

static void sizes_are_binary(void **state)
{
    const struct optionvalue_range range = {512, 1024u * 1024u};
    struct err e = {.text = ""};
    uint64_t n = 0;

    (void)state;
    assert_int_equal(optionvalue_size("64KiB", &range, &n, &e), 0);
    assert_int_equal(n, 65536);
    assert_int_equal(optionvalue_size("1MiB", &range, &n, &e), 0);
    assert_int_equal(n, 1048576);
    assert_int_not_equal(optionvalue_size("64K", &range, &n, &e), 0);
    assert_int_not_equal(optionvalue_size("2MiB", &range, &n, &e), 0);
    assert_string_equal(e.text, "out of range; it may be 1KiB to 1MiB");
}

static void a_word_is_its_index_and_an_unknown_one_hears_the_list(void **state)
{
    static const char *const WORDS[] = {"alert", "close", "reset", NULL};
    struct err e = {.text = ""};
    uint64_t index = 0;

    (void)state;
    assert_int_equal(optionvalue_word("reset", WORDS, &index, &e), 0);
    assert_int_equal(index, 2);
    assert_int_not_equal(optionvalue_word("Reset", WORDS, &index, &e), 0);
    assert_string_equal(e.text, "not a word it knows; it may be alert, close or reset");
    assert_int_equal(index, 2);
}

static void a_switch_is_on_or_off(void **state)
{
    struct err e = {.text = ""};
    bool on = false;

    (void)state;
    assert_int_equal(optionvalue_switch("on", &on, &e), 0);
    assert_true(on);
    assert_int_equal(optionvalue_switch("false", &on, &e), 0);
    assert_false(on);
    assert_int_equal(optionvalue_switch("true", &on, &e), 0);
    assert_true(on);
    assert_int_not_equal(optionvalue_switch("yes", &on, &e), 0);
    assert_string_equal(e.text, "it may be on or off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_take_each_unit),
        cmocka_unit_test(a_bare_number_is_refused_with_the_units_it_may_have),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(numbers_too_large_for_their_type_are_out_of_range),
        cmocka_unit_test(a_range_includes_its_ends_and_is_told),
        cmocka_unit_test(counts_take_no_unit),
        cmocka_unit_test(sizes_are_binary),
        cmocka_unit_test(a_word_is_its_index_and_an_unknown_one_hears_the_list),
        cmocka_unit_test(a_switch_is_on_or_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
