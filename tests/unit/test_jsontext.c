#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/manifest/docbuild_priv.h"
#include "../../src/manifest/jsontext_priv.h"
#include "base/attr.h"
#include "support/failalloc.h"

struct parsed {
    struct docnodes nodes;
    struct doctrees trees;
    struct yamldoc_error error;
    struct docbuild b;
    int rc;
};

static void parse(struct parsed *p, const char *text, size_t len)
{
    char *exact = malloc(len + (len == 0)); /* so that a sanitizer sees reads past the end */

    assert_non_null(exact);
    memcpy(exact, text, len);
    memset(p, 0, sizeof(*p));
    docnodes_init(&p->nodes);
    docbuild_init(&p->b, &p->nodes, &p->trees, &p->error);
    p->rc = jsontext_parse(exact, len, &p->b);
    docnodes_freeze(&p->nodes);
    free(exact);
}

static void forget(struct parsed *p)
{
    docbuild_fini(&p->b);
    docnodes_fini(&p->nodes);
    free(p->trees.items);
}

static void valid_json_gives_the_tree_that_cjson_gives(void **state)
{
    static const char *const cases[] = {
        "{}",
        "[]",
        "{\"a\":1}",
        " {\t\"a\" :\r\n [ 1 , 2.5 , -3 , 1e3, 1E+2, 1e-2, 0, -0, 0.5 ] } ",
        "[true,false,null,\"\",\"x\"]",
        "{\"a\":{\"b\":{\"c\":[[],{},[[]]]}}}",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\\u00fc\\u20ac\\ud83d\\ude00\"]",
        "[\"m\xc3\xbcnchen \xf0\x9f\x98\x80 \x7f\"]",
        "{\"\":1,\" \":2}",
        "[12345678901234567890]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cJSON *expected = cJSON_Parse(cases[i]);
        struct parsed p;

        parse(&p, cases[i], strlen(cases[i]));
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.trees.n, 1);
        assert_non_null(expected);
        assert_true(cJSON_Compare(p.trees.items[0], expected, 1));
        cJSON_Delete(expected);
        forget(&p);
    }
}

static void what_is_no_json_is_left_to_others(void **state)
{
    static const char *const cases[] = {
        "{",
        "[",
        "{a: b}",
        "{'a': 1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "[1}",
        "{]",
        "[\"a]",
        "[\"\\x\"]",
        "[\"\\u12\"]",
        "[\"\\u123g\"]",
        "[\"a\nb\"]",
        "[\"a\tb\"]",
        "[01]",
        "[+1]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[-]",
        "[tru]",
        "[True]",
        "[nul]",
        "{1:2}",
        "{null:1}",
        "[1] x",
        "{}{",
        "[\"\\",
        "[\"\\u",
        "# x\n[]",
        "[]//",
        "{\"a\":[1,2}",
        "[,]",
        "{} 1",
        "{}{} true",
        "{,}",
        "[\"\\ud83d\\u12g4\"]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p;

        parse(&p, cases[i], strlen(cases[i]));
        if (p.rc != -EILSEQ) {
            fail_msg("%s: %d", cases[i], p.rc);
        }
        forget(&p);
    }
}

static void lines_are_those_of_keys_and_items(void **state)
{
    const char text[] = "\n{\n \"a\":\n  [1,\n   2],\n \"b\": \"x\"\n}";
    const cJSON *root, *a;
    struct parsed p;

    (void)state;
    parse(&p, text, sizeof(text) - 1);
    root = p.trees.items[0];
    a = cJSON_GetObjectItemCaseSensitive(root, "a");
    assert_int_equal(docnodes_line_of(&p.nodes, root), 2);
    assert_int_equal(docnodes_line_of(&p.nodes, a), 3);
    assert_int_equal(docnodes_line_of(&p.nodes, a->child), 4);
    assert_int_equal(docnodes_line_of(&p.nodes, a->child->next), 5);
    assert_int_equal(docnodes_line_of(&p.nodes, a->next), 6);
    forget(&p);
}

static void half_a_surrogate_pair_is_a_replacement_character(void **state)
{
    static const struct {
        const char *text, *out;
    } cases[] = {
        {"[\"\\ud83d\"]", "\xef\xbf\xbd"},
        {"[\"\\ude00\"]", "\xef\xbf\xbd"},
        {"[\"\\ud83dx\"]", "\xef\xbf\xbdx"},
        {"[\"\\ud83d\\u0041\"]", "\xef\xbf\xbd"
                                 "A"},
        {"[\"\\ud83d\\ud83d\\ude00\"]", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"[\"\\ud83d\\uffff\"]", "\xef\xbf\xbd\xef\xbf\xbf"},
        {"[\"\\ud83d\\nxxxx\"]", "\xef\xbf\xbd\nxxxx"},
        {"[\"a\\u0000b\"]", "a\xef\xbf\xbd"
                            "b"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p;

        parse(&p, cases[i].text, strlen(cases[i].text));
        assert_int_equal(p.rc, 0);
        assert_string_equal(p.trees.items[0]->child->valuestring, cases[i].out);
        forget(&p);
    }
}

static void several_values_are_several_documents(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"{}", 1},
        {"{}{}", 2},
        {"{}\n[]\n\n{}\n", 3},
        {"{}\n---\n{}\n---\n", 2},
        {"\xef\xbb\xbf{}", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p;

        parse(&p, cases[i].text, strlen(cases[i].text));
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.trees.n, cases[i].n);
        forget(&p);
    }
}

static void what_no_object_may_have_is_an_error(void **state)
{
    const char twice[] = "{\"a\": 1,\n\"a\": 2}";
    char deep[400];
    struct parsed p;

    (void)state;
    parse(&p, twice, sizeof(twice) - 1);
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.trees.faults->error.line, 2);
    assert_non_null(strstr(p.trees.faults->error.text, "first on line 1"));
    forget(&p);
    memset(deep, '[', sizeof(deep));
    parse(&p, deep, sizeof(deep));
    assert_int_equal(p.rc, -EINVAL);
    forget(&p);
    parse(&p, "[1,\n1e999]", 10);
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.trees.faults->error.line, 2);
    forget(&p);
}

static void a_text_cut_anywhere_is_no_json(void **state)
{
    const char text[] = "{\"a\": [1.5e+3, \"\\ud83d\\ude00\\n\", true, null], \"b\": {\"c\": -0}}";

    (void)state;
    for (size_t len = 1; len < sizeof(text) - 1; len++) {
        struct parsed p;

        parse(&p, text, len);
        assert_int_equal(p.rc, -EILSEQ);
        forget(&p);
    }
}

static void json_is_told_by_its_first_character(void **state)
{
    (void)state;
    assert_true(jsontext_looks_like(" \n\t{", 4));
    assert_true(jsontext_looks_like("[", 1));
    assert_true(jsontext_looks_like("\xef\xbb\xbf[", 4));
    assert_false(jsontext_looks_like("a: {", 4));
    assert_false(jsontext_looks_like("", 0));
    assert_false(jsontext_looks_like("  ", 2));
    assert_false(jsontext_looks_like("\xef\xbb", 2));
    assert_false(jsontext_looks_like("\0{", 2));
}

static void parse_once(void *ctx)
{
    struct parsed p;

    memset(&p, 0, sizeof(p));
    docnodes_init(&p.nodes);
    docbuild_init(&p.b, &p.nodes, &p.trees, &p.error);
    p.rc = jsontext_parse(ctx, strlen(ctx), &p.b);
    assert_true(p.rc == 0 || p.rc == -ENOMEM);
    forget(&p);
}

static void without_memory_parsing_says_so(void **state)
{
    char text[] =
        "{\"a\":\"\\u00fc\",\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1}";
    char fault[] = "[1e999]";

    (void)state;
    assert_true(failalloc_torture(parse_once, text) >= 5);
    assert_true(failalloc_torture(parse_once, fault) >= 5);
}

static void a_backslash_before_a_nul_is_no_escape(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "[\"\\\0\"]", 6);
    assert_int_equal(p.rc, -EILSEQ);
    forget(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_json_gives_the_tree_that_cjson_gives),
        cmocka_unit_test(what_is_no_json_is_left_to_others),
        cmocka_unit_test(lines_are_those_of_keys_and_items),
        cmocka_unit_test(half_a_surrogate_pair_is_a_replacement_character),
        cmocka_unit_test(several_values_are_several_documents),
        cmocka_unit_test(what_no_object_may_have_is_an_error),
        cmocka_unit_test(a_text_cut_anywhere_is_no_json),
        cmocka_unit_test(json_is_told_by_its_first_character),
        cmocka_unit_test(without_memory_parsing_says_so),
        cmocka_unit_test(a_backslash_before_a_nul_is_no_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
