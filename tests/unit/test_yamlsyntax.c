#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../src/manifest/docbuild_priv.h"
#include "../../src/manifest/yamlsyntax_priv.h"
#include "base/attr.h"

/* Parse until libyaml fails, and describe that. */
static int describe(const char *text, struct yamldoc_error *error)
{
    const struct yamlsyntax_text whole = {text, text + strlen(text)};
    struct docbuild b;
    yaml_parser_t parser;
    yaml_event_t ev;
    int rc;

    docbuild_init(&b, NULL, NULL, error);
    assert_true(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    while (yaml_parser_parse(&parser, &ev)) {
        assert_int_not_equal(ev.type, YAML_STREAM_END_EVENT);
        yaml_event_delete(&ev);
    }
    rc = yamlsyntax_fail(&b, &whole, &parser);
    yaml_parser_delete(&parser);
    return rc;
}

#define A62 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A63 A62 "a"

static void the_line_is_where_the_cause_is_and_the_mend_fits(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } cases[] = {
        {"a: 1\nb: \"x\nc: 2\nd: 3\n", 2, "close the quote"},
        {"a: 1\nb: 'x\nc: 2\n---\nd: 3\n", 2, "close the quote"},
        {"apiVersion: v1\nkind:Ingress\nmetadata: {}\n", 2, "a blank behind the colon"},
        {"a: 1\nmetadata: {name: x\nspec: 1\n", 2, "close the bracket"},
        {"a: 1\nmetadata: {name: x\n\n  # comment\nspec: 1\n", 2, "close the bracket"},
        {"a: 1\nb: [x,\n  y\nspec: 1\n", 3, "close the bracket"},
        {"a:\n\tb: c\n", 2, "use spaces"},
        {"a:\n  b: c\n \td: e\n", 3, "use spaces"},
        {"host: *.example.com\n", 1, "quote it, \"*.example.com\""},
        {"hosts: [*.example.com, a]\n", 1, "quote it, \"*.example.com\""},
        {"- *\n", 1, "quote it, \"*\""},
        {"a: {{ .Values.x }\nb: c\n", 1, "template"},
        {"a: 1\r\nb: [1, 2\r\n\r\nc: 3\r\n", 2, "close the bracket"},
        {"m\xc3\xbcller: *.example.com\n", 1, "quote it, \"*.example.com\""},
        {"a: *" A63 "b.test\n", 1, "quote it, \"*" A62 "\""},
        /* libyaml takes a lone CR for the end of a line, as nobody else does: no line to show. */
        {"a: b\r\r\r*.x: c\r", 4, "quote it, \"*\""},
        {"a: [1,\r2\r  c: 3\r", 1, "close the bracket"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yamldoc_error e = {0};

        assert_int_equal(describe(cases[i].text, &e), -EINVAL);
        if (e.line != cases[i].line || strstr(e.text, cases[i].says) == NULL) {
            fail_msg("%s\nline %u (not %u): %s", cases[i].text, e.line, cases[i].line, e.text);
        }
    }
}

static void want_of_memory_is_not_the_texts_fault(void **state)
{
    const struct yamlsyntax_text text = {"", ""};
    yaml_parser_t parser = {.error = YAML_MEMORY_ERROR};

    (void)state;
    assert_int_equal(yamlsyntax_fail(NULL, &text, &parser), -ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_is_where_the_cause_is_and_the_mend_fits),
        cmocka_unit_test(want_of_memory_is_not_the_texts_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
