#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"

#define LONGER_THAN_FITS 600

static void a_failure_is_said_in_words(void **state)
{
    struct err e = {""};

    (void)state;
    err_set(&e, "port %d is taken", 443);
    assert_string_equal(e.text, "port 443 is taken");
    err_set(&e, "other");
    assert_string_equal(e.text, "other");
}

static void clearing_forgets(void **state)
{
    struct err e = {"old"};

    (void)state;
    err_clear(&e);
    assert_string_equal(e.text, "");
}

static void a_prefix_gives_the_context(void **state)
{
    struct err e = {""};

    (void)state;
    err_set(&e, "bad port");
    err_prefix(&e, "line %d", 7);
    err_prefix(&e, "a.yaml");
    assert_string_equal(e.text, "a.yaml: line 7: bad port");
}

static void a_prefix_of_nothing_has_no_colon(void **state)
{
    struct err e = {""};

    (void)state;
    err_prefix(&e, "a.yaml");
    assert_string_equal(e.text, "a.yaml");
}

static void a_text_may_be_made_from_itself(void **state)
{
    struct err e = {"inner"};

    (void)state;
    err_set(&e, "outer (%s)", e.text);
    assert_string_equal(e.text, "outer (inner)");
    err_prefix(&e, "%s", e.text);
    assert_string_equal(e.text, "outer (inner): outer (inner)");
}

static void what_is_too_long_is_cut_and_terminated(void **state)
{
    char text[LONGER_THAN_FITS + 1];
    struct err e = {""};

    (void)state;
    memset(text, 'x', LONGER_THAN_FITS);
    text[LONGER_THAN_FITS] = '\0';
    err_set(&e, "%s", text);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    err_prefix(&e, "context");
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_memory_equal(e.text, "context: xxx", 12);
    err_prefix(&e, "%s", text);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void nobody_listening_is_no_error(void **state)
{
    (void)state;
    err_set(NULL, "lost %d", 1);
    err_prefix(NULL, "lost %d", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_said_in_words),
        cmocka_unit_test(clearing_forgets),
        cmocka_unit_test(a_prefix_gives_the_context),
        cmocka_unit_test(a_prefix_of_nothing_has_no_colon),
        cmocka_unit_test(a_text_may_be_made_from_itself),
        cmocka_unit_test(what_is_too_long_is_cut_and_terminated),
        cmocka_unit_test(nobody_listening_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
