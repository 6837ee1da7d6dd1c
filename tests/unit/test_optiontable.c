#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/optiontable.h"

#include <string.h>

#include "app/optionstore.h"

static const struct optiontable_row *row_at(size_t i)
{
    size_t n;
    const struct optiontable_row *rows = optiontable_rows(&n);

    return i < n ? &rows[i] : NULL;
}

static void names_are_unique_in_a_command_and_in_plain_spelling(void **state)
{
    const struct optiontable_row *a, *b;

    (void)state;
    for (size_t i = 0; (a = row_at(i)) != NULL; i++) {
        assert_int_equal(strspn(a->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(a->name));
        assert_true(strlen(a->name) < 48);
        assert_true(a->commands != 0);
        for (size_t j = i + 1; (b = row_at(j)) != NULL; j++) {
            assert_true((a->commands & b->commands) == 0 || strcmp(a->name, b->name) != 0);
            assert_true((a->commands & b->commands) == 0 || a->letter == 0 ||
                        a->letter != b->letter);
        }
    }
}

static void every_default_is_a_value_the_option_takes(void **state)
{
    const struct optiontable_row *row;

    (void)state;
    for (size_t i = 0; (row = row_at(i)) != NULL; i++) {
        struct options o = {.help = false};
        struct err e = {.text = ""};

        if (row->fallback == NULL) {
            continue;
        }
        arena_init(&o.arena, 256);
        assert_int_equal(optionstore_set(&o, row, row->fallback, &e), 0);
        options_fini(&o);
    }
}

static void the_range_of_a_narrow_field_fits_it(void **state)
{
    const struct optiontable_row *row;

    (void)state;
    for (size_t i = 0; (row = row_at(i)) != NULL; i++) {
        assert_true(row->range.min <= row->range.max);
        if (row->bytes == sizeof(uint32_t)) {
            assert_true(row->range.max <= UINT32_MAX);
        }
    }
}

static void a_row_is_found_only_for_a_command_that_takes_it(void **state)
{
    (void)state;
    assert_non_null(optiontable_find("listen", 6, OPTIONS_SERVE));
    assert_null(optiontable_find("listen", 6, OPTIONS_CHECK));
    assert_null(optiontable_find("listen", 5, OPTIONS_SERVE));
    assert_non_null(optiontable_find("client=1", 6, OPTIONS_EXPLAIN));
}

static void a_variable_is_the_name_in_capitals(void **state)
{
    char text[OPTIONTABLE_ENV_MAX];

    (void)state;
    assert_string_equal(
        optiontable_env_name(optiontable_find("hello-max-bytes", 15, OPTIONS_SERVE), text),
        "SEALWAY_HELLO_MAX_BYTES");
}

static void a_default_is_shown_in_words_where_it_is_computed(void **state)
{
    (void)state;
    assert_string_equal(optiontable_default(optiontable_find("workers", 7, OPTIONS_SERVE)),
                        "the CPUs usable");
    assert_string_equal(optiontable_default(optiontable_find("log-level", 9, OPTIONS_SERVE)),
                        "info");
    assert_string_equal(optiontable_default(optiontable_find("ports-file", 10, OPTIONS_SERVE)),
                        "none");
}

static void each_command_that_needs_a_source_has_two_to_choose_from(void **state)
{
    static const enum options_command ASKING[] = {OPTIONS_SERVE, OPTIONS_EXPLAIN};
    const struct optiontable_row *row;

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(ASKING); c++) {
        size_t sources = 0;

        for (size_t i = 0; (row = row_at(i)) != NULL; i++) {
            sources += row->is_source && (row->commands & ASKING[c]) != 0;
        }
        assert_int_equal(sources, 2);
    }
}

static void every_command_has_its_description(void **state)
{
    size_t n;
    const struct optiontable_command *c = optiontable_commands(&n);

    (void)state;
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(optiontable_command(c[i].command), &c[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_in_a_command_and_in_plain_spelling),
        cmocka_unit_test(every_default_is_a_value_the_option_takes),
        cmocka_unit_test(the_range_of_a_narrow_field_fits_it),
        cmocka_unit_test(a_row_is_found_only_for_a_command_that_takes_it),
        cmocka_unit_test(a_variable_is_the_name_in_capitals),
        cmocka_unit_test(a_default_is_shown_in_words_where_it_is_computed),
        cmocka_unit_test(each_command_that_needs_a_source_has_two_to_choose_from),
        cmocka_unit_test(every_command_has_its_description),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
