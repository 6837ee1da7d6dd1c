#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/optionhelp.h"

#include <stdlib.h>
#include <string.h>

#include "app/optiontable.h"

static char *text;
static size_t text_len;

static int setup(void **state)
{
    *state = open_memstream(&text, &text_len);
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

static void help_lists_the_options_of_its_command_and_no_others(void **state)
{
    size_t n;
    const struct optiontable_row *rows = optiontable_rows(&n);

    optionhelp_print_command(*state, OPTIONS_CHECK);
    fclose(*state);
    for (size_t i = 0; i < n; i++) {
        char line[64];

        snprintf(line, sizeof(line), "\n  --%s ", rows[i].name);
        assert_int_equal(strstr(text, line) != NULL, (rows[i].commands & OPTIONS_CHECK) != 0);
    }
}

static void no_line_is_wider_than_a_hundred_columns(void **state)
{
    optionhelp_print_program(*state);
    optionhelp_print_command(*state, OPTIONS_SERVE);
    optionhelp_print_command(*state, OPTIONS_EXPLAIN);
    fclose(*state);
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");

        assert_true(len <= 100);
        assert_true(len == 0 || line[len - 1] != ' ');
        line += len + 1;
    }
}

static void help_tells_usage_default_and_variable(void **state)
{
    optionhelp_print_command(*state, OPTIONS_SERVE);
    fclose(*state);
    assert_non_null(
        strstr(text, "Usage: sealway serve [--manifests DIR | --kubeconfig FILE] [options]\n"));
    assert_non_null(strstr(text, "[default: 64KiB]"));
    assert_non_null(strstr(text, "SEALWAY_LOG_LEVEL"));
}

static void a_command_without_options_has_no_list(void **state)
{
    optionhelp_print_command(*state, OPTIONS_VERSION);
    fclose(*state);
    assert_non_null(strstr(text, "Usage: sealway version\n"));
    assert_null(strstr(text, "Options"));
}

static void the_program_lists_its_commands(void **state)
{
    optionhelp_print_program(*state);
    fclose(*state);
    assert_non_null(strstr(text, "\n  serve     "));
    assert_non_null(strstr(text, "\n  check     "));
    assert_non_null(strstr(text, "\n  explain   "));
    assert_non_null(strstr(text, "\n  version   "));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(help_lists_the_options_of_its_command_and_no_others),
        T(no_line_is_wider_than_a_hundred_columns),
        T(help_tells_usage_default_and_variable),
        T(a_command_without_options_has_no_list),
        T(the_program_lists_its_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
