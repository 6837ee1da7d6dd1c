#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/optiontable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/optionstore.h"

/* How numbers of a type are written, the smallest unit first. */
static const struct unit {
    enum optiontable_type type;
    const char *name;
    uint64_t factor;
} UNITS[] = {
    {OPTIONTABLE_COUNT, "", 1},
    {OPTIONTABLE_SIZE, "KiB", 1024},
    {OPTIONTABLE_SIZE, "MiB", 1024 * 1024},
    {OPTIONTABLE_DURATION, "ms", 1},
    {OPTIONTABLE_DURATION, "s", 1000},
    {OPTIONTABLE_DURATION, "m", 60 * 1000},
    {OPTIONTABLE_DURATION, "h", 60 * 60 * 1000},
};

#define NUMBER_MAX 64

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

/* The smallest unit of a row's numbers; NULL: it has none. */
static const struct unit *unit_of(const struct optiontable_row *row)
{
    for (size_t i = 0; i < ARRAY_LEN(UNITS); i++) {
        if (UNITS[i].type == row->type) {
            return &UNITS[i];
        }
    }
    return NULL;
}

static uint64_t lowest(const struct optiontable_row *row, const struct unit *u)
{
    return (row->range.min + u->factor - 1) / u->factor;
}

static uint64_t highest(const struct optiontable_row *row, const struct unit *u)
{
    return row->range.max / u->factor;
}

static const char *number(uint64_t n, const struct unit *u, char text[NUMBER_MAX])
{
    snprintf(text, NUMBER_MAX, "%" PRIu64 "%s", n, u->name);
    return text;
}

static uint64_t stored(const struct options *o, const struct optiontable_row *row)
{
    uint32_t narrow;
    uint64_t wide;

    if (row->bytes == sizeof(narrow)) {
        memcpy(&narrow, (const char *)o + row->offset, sizeof(narrow));
        return narrow;
    }
    assert_int_equal(row->bytes, sizeof(wide));
    memcpy(&wide, (const char *)o + row->offset, sizeof(wide));
    return wide;
}

/* A command line, of the first command that takes the option, with each of two values in turn. */
static int parse(struct options *o, const struct optiontable_row *row, const char *first,
                 const char *second, struct err *e)
{
    char one[128], two[128];
    char *argv[] = {one, two};

    snprintf(one, sizeof(one), "--%s=%s", row->name, first);
    snprintf(two, sizeof(two), "--%s=%s", row->name, second);
    return options_parse(o, row->commands & (~row->commands + 1), ARRAY_LEN(argv), argv, e);
}

static void takes(const struct optiontable_row *row, const struct unit *u, uint64_t n)
{
    struct options o;
    struct err e = {.text = ""};
    char text[NUMBER_MAX];

    if (parse(&o, row, number(n, u, text), text, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(stored(&o, row), n * u->factor);
    options_fini(&o);
}

/* An end of a range as it is told, in any of the units. */
static uint64_t told(const struct optiontable_row *row, const char *end)
{
    uint64_t n;
    int unit;

    assert_int_equal(sscanf(end, "%" SCNu64 "%n", &n, &unit), 1);
    for (size_t i = 0; i < ARRAY_LEN(UNITS); i++) {
        if (UNITS[i].type == row->type && strcmp(UNITS[i].name, end + unit) == 0) {
            return n * UNITS[i].factor;
        }
    }
    fail_msg("--%s: what is \"%s\"?", row->name, end);
    return 0;
}

static void tells_its_range(const struct optiontable_row *row, const char *text)
{
    const struct unit *u = unit_of(row);
    char min[NUMBER_MAX], max[NUMBER_MAX];

    assert_int_equal(sscanf(text, "out of range; it may be %63s to %63s", min, max), 2);
    assert_int_equal(told(row, min), lowest(row, u) * u->factor);
    assert_int_equal(told(row, max), highest(row, u) * u->factor);
}

/* What is refused leaves the value before, and is told by the option's name; returns the rest. */
static const char *refuses(const struct optiontable_row *row, const char *value, struct err *e)
{
    const struct unit *u = unit_of(row);
    struct options o;
    char good[NUMBER_MAX], name[128];

    if (parse(&o, row, number(highest(row, u), u, good), value, e) != -EINVAL) {
        fail_msg("--%s=%s is taken", row->name, value);
    }
    assert_int_equal(stored(&o, row), highest(row, u) * u->factor);
    options_fini(&o);
    snprintf(name, sizeof(name), "--%s %s: ", row->name, value);
    assert_memory_equal(e->text, name, strlen(name));
    return e->text + strlen(name);
}

static void refuses_number(const struct optiontable_row *row, const char *digits,
                           const struct unit *u)
{
    char value[NUMBER_MAX];
    struct err e = {.text = ""};

    snprintf(value, sizeof(value), "%s%s", digits, u->name);
    tells_its_range(row, refuses(row, value, &e));
}

/* Numbers that would be in range if they were cut to 64 bits, and 2^64 itself. */
static void refuses_overflow(const struct optiontable_row *row)
{
    char digits[NUMBER_MAX];

    for (const struct unit *u = unit_of(row); u < UNITS + ARRAY_LEN(UNITS); u++) {
        if (u->type == row->type && u->factor > 1) {
            snprintf(digits, sizeof(digits), "%" PRIu64,
                     UINT64_MAX / u->factor + 1 + lowest(row, u));
            refuses_number(row, digits, u);
        }
    }
    refuses_number(row, "18446744073709551616", unit_of(row));
    refuses_number(row, "18446744073709551617", unit_of(row));
    refuses_number(row, "1000000000000000000011572748559702818817", unit_of(row));
}

static void every_number_is_taken_to_the_ends_of_its_range_and_no_further(void **state)
{
    const struct optiontable_row *row;
    size_t numbers = 0;

    (void)state;
    for (size_t i = 0; (row = row_at(i)) != NULL; i++) {
        const struct unit *u = unit_of(row);
        char text[NUMBER_MAX];
        struct err e = {.text = ""};

        if (u == NULL) {
            continue;
        }
        numbers++;
        takes(row, u, lowest(row, u));
        takes(row, u, highest(row, u));
        if (lowest(row, u) > 0) {
            snprintf(text, sizeof(text), "%" PRIu64, lowest(row, u) - 1);
            refuses_number(row, text, u);
            refuses_number(row, "0", u);
        }
        snprintf(text, sizeof(text), "%" PRIu64, highest(row, u) + 1);
        refuses_number(row, text, u);
        refuses_overflow(row);
        snprintf(text, sizeof(text), "-1%s", u->name);
        assert_memory_equal(refuses(row, text, &e), "not a ", strlen("not a "));
    }
    assert_true(numbers > 0);
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
        cmocka_unit_test(every_number_is_taken_to_the_ends_of_its_range_and_no_further),
        cmocka_unit_test(a_row_is_found_only_for_a_command_that_takes_it),
        cmocka_unit_test(a_variable_is_the_name_in_capitals),
        cmocka_unit_test(a_default_is_shown_in_words_where_it_is_computed),
        cmocka_unit_test(each_command_that_needs_a_source_has_two_to_choose_from),
        cmocka_unit_test(every_command_has_its_description),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
