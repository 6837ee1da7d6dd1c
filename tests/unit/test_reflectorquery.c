#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reflector_fixture.h"

static void the_first_list_takes_any_version_in_pages(void **state)
{
    (void)state;
    expect_list("limit=500&resourceVersion=0");
}

/* Row 28: a page that still carries resourceVersion is answered with 400. */
static void a_further_page_carries_the_token_and_no_version(void **state)
{
    (void)state;
    (void)next_step();
    assert_int_equal(page("7", "eyJ2Ij"), 1);
    expect_list("limit=500&continue=eyJ2Ij");
}

static void what_is_no_letter_digit_or_mark_is_percent_encoded(void **state)
{
    (void)state;
    (void)next_step();
    assert_int_equal(page("a&b=c/é", "+/=& \x7f#%-._~azAZ09"), 1);
    expect_list("limit=500&continue=%2B%2F%3D%26%20%7F%23%25-._~azAZ09");
    assert_int_equal(page("", ""), 0);
    expect_watch("a%26b%3Dc%2F%C3%A9");
}

static void the_longest_token_fits_though_each_byte_is_encoded(void **state)
{
    char token[REFLECTOR_CONTINUE_MAX];

    (void)state;
    memset(token, '=', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    (void)next_step();
    assert_int_equal(page("7", token), 1);
    assert_int_equal(next_step(), REFLECTOR_LIST);
    assert_int_equal(strlen(step.query), strlen("limit=500&continue=") + 3 * strlen(token));
    assert_string_equal(step.query + strlen(step.query) - 3, "%3D");
}

static void the_longest_version_fits_though_each_byte_is_encoded(void **state)
{
    char version[RESOURCEVERSION_MAX];

    (void)state;
    memset(version, '/', sizeof(version) - 1);
    version[sizeof(version) - 1] = '\0';
    (void)next_step();
    assert_int_equal(page(version, ""), 0);
    assert_int_equal(next_step(), REFLECTOR_WATCH);
    assert_non_null(strstr(step.query, "%2F&allowWatchBookmarks=true&timeoutSeconds=300"));
}

static void a_watch_lasts_between_five_and_ten_minutes_by_chance(void **state)
{
    unsigned shortest = 10000, longest = 0;

    (void)state;
    for (uint32_t random = 0; random < 3000; random += 11) {
        unsigned seconds = 0;

        (void)fresh_reflector(NULL);
        (void)next_step();
        assert_int_equal(page("7", ""), 0);
        reflector_next(&r, now_ms, random, &step);
        assert_int_equal(
            sscanf(strstr(step.query, "timeoutSeconds="), "timeoutSeconds=%u", &seconds), 1);
        shortest = seconds < shortest ? seconds : shortest;
        longest = seconds > longest ? seconds : longest;
    }
    assert_int_equal(shortest, REFLECTOR_WATCH_MIN_S);
    assert_int_equal(longest, REFLECTOR_WATCH_MAX_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_list_takes_any_version_in_pages, fresh_reflector),
        cmocka_unit_test_setup(a_further_page_carries_the_token_and_no_version, fresh_reflector),
        cmocka_unit_test_setup(what_is_no_letter_digit_or_mark_is_percent_encoded, fresh_reflector),
        cmocka_unit_test_setup(the_longest_token_fits_though_each_byte_is_encoded, fresh_reflector),
        cmocka_unit_test_setup(the_longest_version_fits_though_each_byte_is_encoded,
                               fresh_reflector),
        cmocka_unit_test_setup(a_watch_lasts_between_five_and_ten_minutes_by_chance,
                               fresh_reflector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
