/* What a file or another program wrote is shown on a terminal without being obeyed by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/sealway/cmd.h"
#include "base/attr.h"
#include "support/guard_page.h"
#include "support/utf8_check.h"

static struct guard_page guard;

static void shows(bool is_page, const char *text, const char *expected)
{
    const uint8_t *bytes = (const uint8_t *)text;
    char *shown;
    size_t len;
    FILE *out = open_memstream(&shown, &len);

    assert_non_null(out);
    if (is_page) { /* which nothing ends */
        cmd_put_page(out, (const char *)guard_page_copy(&guard, bytes, strlen(text)), strlen(text));
    } else {
        cmd_put_text(out, text);
    }
    fclose(out);
    assert_string_equal(shown, expected);
    free(shown);
}

static void what_a_terminal_may_obey_is_replaced(void **state)
{
    static const char *const rows[][2] = {
        {"plain ~", "plain ~"},
        {"\x1b[31mred\x7f\t\x01", "?[31mred???"},
        {"a\xc2\x80z\xc2\x9f", "a?z?"},           /* C1 */
        {"\xc2\xa0\xc3\xa9", "\xc2\xa0\xc3\xa9"}, /* what follows C1, and another letter */
        {"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\x9b[31m", "?[31m"}, /* C1 as a terminal of 8 bits has it: no UTF-8 */
        {"\xc2 \xc2", "? ?"},
        {"\xc2\x1b\xc2\xc2\x9b", "????"},
        {"a\xe2\x82", "a??"}, /* cut within a character */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        shows(false, rows[i][0], rows[i][1]);
        shows(true, rows[i][0], rows[i][1]);
    }
}

static void only_a_page_has_lines(void **state)
{
    (void)state;
    shows(true, "a\nb\r\n", "a\nb?\n");
    shows(false, "a\nb", "a?b");
}

static void any_two_bytes_come_out_clean(void **state)
{
    char *shown;
    size_t len;

    (void)state;
    for (unsigned two = 0; two < 0x10000; two++) {
        const char text[] = {(char)(two >> 8), (char)two, '\0'};
        FILE *out = open_memstream(&shown, &len);

        assert_non_null(out);
        cmd_put_text(out, text);
        fclose(out);
        assert_true(utf8_check_is_clean(shown, len));
        free(shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_may_obey_is_replaced),
        cmocka_unit_test(any_two_bytes_come_out_clean),
        cmocka_unit_test(only_a_page_has_lines),
    };
    int failed;

    guard_page_init(&guard, 64);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    guard_page_fini(&guard);
    return failed;
}
