#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "manifest/yamldoc.h"
#include "support/failalloc.h"

static struct yamldoc *must_parse(const char *text)
{
    struct yamldoc_error e = {0};
    struct yamldoc *d = yamldoc_parse(text, strlen(text), &e);

    if (d == NULL) {
        fail_msg("line %u: %s", e.line, e.text);
    }
    return d;
}

/* The first document as JSON without blanks. */
static void assert_reads_as(const char *yaml, const char *json)
{
    struct yamldoc *d = must_parse(yaml);
    char *printed;

    assert_int_equal(yamldoc_count(d), 1);
    assert_null(yamldoc_faults(d));
    printed = cJSON_PrintUnformatted(yamldoc_tree(d, 0));
    if (strcmp(printed, json) != 0) {
        fail_msg("%s\nreads as %s\nnot %s", yaml, printed, json);
    }
    cJSON_free(printed);
    yamldoc_free(d);
}

/* As a whole, or one of its documents. */
static void assert_fails(const char *text, size_t len, unsigned line, const char *says)
{
    struct yamldoc_error e = {0};
    struct yamldoc *d = yamldoc_parse(text, len, &e);

    if (d != NULL && yamldoc_faults(d) != NULL) {
        e = yamldoc_faults(d)->error;
    } else if (d != NULL) {
        yamldoc_free(d);
        fail_msg("accepted: %s", text);
    }
    yamldoc_free(d);
    if (e.line != line || strstr(e.text, says) == NULL) {
        fail_msg("%s\nline %u (not %u): %s", text, e.line, line, e.text);
    }
}

static void yaml_reads_as_json(void **state)
{
    static const char *const cases[][2] = {
        {"a: 1\nb: [x, 'y', \"z\"]\nc: {d: ~, e: true}", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"],"
                                                         "\"c\":{\"d\":null,\"e\":true}}"},
        {"- a\n-\n- - b\n", "[\"a\",null,[\"b\"]]"},
        {"a: yes\nb: 'yes'\nc: \"on\"\nd: off",
         "{\"a\":true,\"b\":\"yes\",\"c\":\"on\",\"d\":false}"},
        {"a: 0x1bb\nb: '443'\nc: 0443\nd: 1.50", "{\"a\":443,\"b\":\"443\",\"c\":291,\"d\":1.5}"},
        {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}"},
        {"a: |\n  true\n", "{\"a\":\"true\\n\"}"},
        {"t: 2024-01-02T03:04:05Z\nd: 2024-01-02", "{\"t\":\"2024-01-02T03:04:05Z\","
                                                   "\"d\":\"2024-01-02\"}"},
        {"a: !!str 5\nb: !!int '5'\nc: ! 5\nd: !!null ''\ne: !!bool 'yes'\nf: !!float 5",
         "{\"a\":\"5\",\"b\":5,\"c\":\"5\",\"d\":null,\"e\":true,\"f\":5}"},
        {"a: !!map {}\nb: !!seq []\nc: ! {}", "{\"a\":{},\"b\":[],\"c\":{}}"},
        {"80: a\nyes: b\n1.5: c\n'~': d",
         "{\"80\":\"a\",\"true\":\"b\",\"1.5\":\"c\",\"~\":\"d\"}"},
        {"'<<': a", "{\"<<\":\"a\"}"},
        {"? a\n: b\n", "{\"a\":\"b\"}"},
        {"m\xc3\xbcnchen: \"\\u20ac\"", "{\"m\xc3\xbcnchen\":\"\xe2\x82\xac\"}"},
        {"\xef\xbb\xbf"
         "a: b",
         "{\"a\":\"b\"}"},
        {"%YAML 1.1\n---\na: b\n", "{\"a\":\"b\"}"},
        {"a: b\r\nc: d\r\n", "{\"a\":\"b\",\"c\":\"d\"}"},
        {"{a: b, c: [d, ], }", "{\"a\":\"b\",\"c\":[\"d\"]}"},
        {"{'a': 1}", "{\"a\":1}"},
        {"# only this\na: b # and that\n", "{\"a\":\"b\"}"},
        {"text", "\"text\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_reads_as(cases[i][0], cases[i][1]);
    }
}

static void anchors_stand_for_what_they_were_set_on(void **state)
{
    static const char *const cases[][2] = {
        {"a: &x {b: [1]}\nc: *x\nd: *x", "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":{\"b\":[1]}}"},
        {"a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}"},
        {"- &k key\n- *k : v", "[\"key\",{\"key\":\"v\"}]"},
        {"- &e\n- *e", "[null,null]"},
        {"- &a [&b x, *b]\n- *a", "[[\"x\",\"x\"],[\"x\",\"x\"]]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_reads_as(cases[i][0], cases[i][1]);
    }
}

static void an_anchor_ends_with_its_document(void **state)
{
    (void)state;
    assert_fails("a: &x 1\n---\nb: *x\n", 18, 3, "there is no anchor \"x\"");
}

static void documents_are_separate_and_empty_ones_passed_over(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"", 0},
        {"\n\n", 0},
        {"# a comment\n", 0},
        {"---\n---\n", 0},
        {"null\n---\n~\n", 0},
        {"a: 1\n---\nb: 2\n", 2},
        {"---\na: 1\n---\n# nothing\n---\nb: 2\n...\n---\nc: 3\n", 3},
        {"a: 1\n---\n", 1},
        {"{\"a\": 1}\n---\nb: 2\n", 2},
        {"{\"a\": 1}\n{\"b\": 2}\n", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yamldoc *d = must_parse(cases[i].text);

        assert_int_equal(yamldoc_count(d), cases[i].n);
        yamldoc_free(d);
    }
}

static void a_node_knows_the_line_of_its_key_or_item(void **state)
{
    struct yamldoc *d = must_parse("# head\n"
                                   "a:\n"           /* 2 */
                                   "  b:\n"         /* 3 */
                                   "    - x\n"      /* 4 */
                                   "    - c: |\n"   /* 5 */
                                   "        y\n"    /* 6 */
                                   "      d: [1,\n" /* 7 */
                                   "          2]\n" /* 8 */
                                   "---\n"
                                   "e: f\n"); /* 10 */
    const cJSON *root = yamldoc_tree(d, 0), *a, *b, *item;
    cJSON stranger = {0};

    (void)state;
    a = cJSON_GetObjectItemCaseSensitive(root, "a");
    b = cJSON_GetObjectItemCaseSensitive(a, "b");
    item = b->child->next;
    assert_int_equal(yamldoc_line_of(d, root), 2);
    assert_int_equal(yamldoc_line_of(d, a), 2);
    assert_int_equal(yamldoc_line_of(d, b), 3);
    assert_int_equal(yamldoc_line_of(d, b->child), 4);
    assert_int_equal(yamldoc_line_of(d, item), 5);
    assert_int_equal(yamldoc_line_of(d, item->child), 5);
    assert_int_equal(yamldoc_line_of(d, item->child->next), 7);
    assert_int_equal(yamldoc_line_of(d, item->child->next->child->next), 8);
    assert_int_equal(yamldoc_line_of(d, yamldoc_tree(d, 1)), 10);
    assert_int_equal(yamldoc_line_of(d, &stranger), 0);
    assert_int_equal(yamldoc_line_of(d, NULL), 0);
    yamldoc_free(d);
}

static void what_is_wrong_is_said_with_its_line_and_mend(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", 3, "the key \"a\" is here twice, first on line 1"},
        {"{\"a\": 1,\n \"a\": 2}", 2, "first on line 1"},
        {"yes: 1\ntrue: 2\n", 2, "the key \"true\" is here twice"},
        {"a:\n\t- b\n", 2, "use spaces"},
        {"a:\n  \tb: c\n", 2, "use spaces"},
        {"a: `x\n", 1, "quote the value"},
        {"a: b: c\n", 1, "check the indentation, or quote"},
        {"a: 1\n b: 2\n", 2, "check the indentation"},
        {"a: 'x\n", 1, "close the quote"},
        {"a: \"x\nb: c\nd: e\n---\nf: g\n", 1, "close the quote"},
        {"a: [x\n", 1, "close the bracket"},
        {"a: b\nc: {name: x\n\n# d\ne: f\n", 2, "close the bracket"},
        {"a: {\n  b: c,\n  d: e\n  f: g\n}\n", 3, ""},
        {"a: b\nkind:Ingress\nc: d\n", 2, "a blank behind the colon"},
        {"host: *.example.com\n", 1, "quote it, \"*.example.com\""},
        {"h: [a, *.b.c, d]\n", 1, "quote it, \"*.b.c\""},
        {"h: *\n", 1, "quote it, \"*\""},
        {"host: *foo\n", 1, "quote it: \"*foo\""},
        {"a: \"\\q\"\n", 1, "backslash"},
        {"a: *nowhere\n", 1, "there is no anchor \"nowhere\""},
        {"a: &x [*x]\n", 1, "without end"},
        {"a: {<<: {}}\n", 1, "merge keys"},
        {"b: &b {x: 1}\na:\n  <<: *b\n", 3, "write the merged fields out"},
        {"a: !!binary eA==\n", 1, "the tag"},
        {"a: !custom x\n", 1, "!custom"},
        {"a: !!int x\n", 1, "does not fit"},
        {"a: !!bool 5\n", 1, "does not fit"},
        {"a: !!seq {}\n", 1, "does not fit"},
        {"a: .inf\n", 1, "no number that JSON has"},
        {"? [a]\n: b\n", 1, "cannot be a key"},
        {"a: {{ .Values.x }}\n", 1, "template"},
        {"{{- if .x }}\na: b\n{{- end }}\n", 1, "template"},
        {"~: x\n", 1, "key is missing"},
        {"&k key: x\n", 1, "anchor on a key"},
        {"a: \x01\n", 1, "control character"},
        {"a: b\n\n\nb: \xff\n", 4, "byte 0xff is no UTF-8"},
        {"a: \xc0\xaf\n", 1, "no UTF-8"},
        {"a: \xed\xa0\x80\n", 1, "no UTF-8"},
        {"a: \xf4\x90\x80\x80\n", 1, "no UTF-8"},
        {"a: \xe2\x82", 1, "no UTF-8"},
        {"a: \xe2\x82x", 1, "no UTF-8"},
        {"a: \xf0\x9f\x98x", 1, "no UTF-8"},
        {"a: \xf0\x8f\xbf\xbf", 1, "no UTF-8"},
        {"a: \xe0\x9f\xbf", 1, "no UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_fails(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].says);
    }
}

static void a_fault_of_one_document_leaves_the_others(void **state)
{
    static const char *const faults[] = {
        "<<: {x: 1}", "a: !Ref x", "a: !Sub {b: c}", "? [a, {b: c}, [d]]\n: e",
        "a: 1\na: 2", "a: .nan",   "~: x",           "a: *x",
        "*x : a",     "&k a: b",   "a: &x [*x]",     "? {}\n: &y z\n*y : a",
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct yamldoc *d;

        snprintf(text, sizeof(text), "one: 1\n---\nkind: K\n%s\n---\nthree: 3\n", faults[i]);
        d = must_parse(text);
        assert_int_equal(yamldoc_count(d), 3);
        assert_ptr_equal(yamldoc_faults(d)->tree, yamldoc_tree(d, 1));
        assert_null(yamldoc_faults(d)->next);
        assert_in_range(yamldoc_faults(d)->error.line, 4, 5);
        assert_string_equal(yamldoc_tree(d, 1)->child->string, "kind");
        assert_string_equal(yamldoc_tree(d, 1)->child->valuestring, "K");
        assert_string_equal(yamldoc_tree(d, 2)->child->string, "three");
        yamldoc_free(d);
    }
}

#define BOM "\xef\xbb\xbf"

static void byte_order_marks_before_documents_are_nothing(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {BOM, 0},
        {BOM "---\na: 1\nb: 2\n", 1},
        {BOM "a: 1\nb: 2\n", 1},
        {BOM "a: 1\nb: 2\n" BOM "---\na: 1\nb: 2\n", 2},
        {"a: 1\nb: 2\n---\n" BOM "a: 1\nb: 2\n" BOM "---\n" BOM "a: 1\nb: 2\n", 3},
        {BOM "{\"a\": 1, \"b\": 2}\n" BOM "{\"a\": 1, \"b\": 2}\n", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yamldoc *d = must_parse(cases[i].text);

        assert_int_equal(yamldoc_count(d), cases[i].n);
        for (size_t k = 0; k < cases[i].n; k++) {
            char *printed = cJSON_PrintUnformatted(yamldoc_tree(d, k));

            assert_string_equal(printed, "{\"a\":1,\"b\":2}");
            cJSON_free(printed);
        }
        yamldoc_free(d);
    }
    assert_reads_as("a: |\n  " BOM "x\n", "{\"a\":\"\xef\xbb\xbfx\\n\"}");
    assert_fails(BOM "a: 1\n" BOM "---\nb: '\n", strlen(BOM "a: 1\n" BOM "---\nb: '\n"), 3,
                 "quote");
}

static void a_nul_byte_is_no_text_and_an_escaped_one_no_end(void **state)
{
    (void)state;
    assert_fails("a: b\n\0", 6, 2, "NUL");
    assert_fails("a\0:\0 \0b\0", 8, 1, "UTF-16");
    assert_reads_as("a: \"x\\0y\"", "{\"a\":\"x\xef\xbf\xbdy\"}");
    assert_reads_as("{\"a\": \"x\\u0000y\"}", "{\"a\":\"x\xef\xbf\xbdy\"}");
    assert_reads_as("\"x\\0y\": a", "{\"x\xef\xbf\xbdy\":\"a\"}");
}

static void json_that_libyaml_refuses_is_read(void **state)
{
    static const char *const cases[] = {
        "{\"a\":\"\\/path\"}", "{\"a\":\"\\ud83d\\ude00\"}",       "{\n\t\"a\":\t1\n}",
        "{\"a\":\"\x7f\"}",    "{\"a\":[1,2],\"b\":{\"c\":null}}", "[{\"a\":1},{\"b\":2}]",
    };
    char long_key[3000];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yamldoc *d = must_parse(cases[i]);
        cJSON *expected = cJSON_Parse(cases[i]);

        assert_true(cJSON_Compare(yamldoc_tree(d, 0), expected, 1));
        assert_true(yamldoc_line_of(d, yamldoc_tree(d, 0)) == 1);
        cJSON_Delete(expected);
        yamldoc_free(d);
    }
    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';
    memcpy(long_key, "{\"", 2);
    memcpy(long_key + 2900, "\":1}", 5);
    yamldoc_free(must_parse(long_key));
}

static void nesting_has_its_limit_in_every_style(void **state)
{
    char text[30000];
    size_t n = 0;

    (void)state;
    memset(text, '[', 101);
    assert_fails(text, 101, 1, "100 levels");
    memset(text + 100, ']', 100);
    text[200] = '\0';
    yamldoc_free(must_parse(text));
    for (unsigned i = 0; i < 101; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%*sa:\n", (int)i, "");
    }
    snprintf(text + n, sizeof(text) - n, "%*sa: 1\n", 101, "");
    assert_fails(text, strlen(text), 101, "100 levels");
}

static void an_alias_bomb_fails_fast(void **state)
{
    char text[2000];
    size_t n = (size_t)snprintf(text, sizeof(text), "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");

    (void)state;
    for (unsigned i = 1; i < 12; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "a%u: &a%u [*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u]\n", i,
                              i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
                              i - 1);
    }
    assert_fails(text, n, 7, "aliases");
}

static void many_keys_and_many_documents_are_linear_enough(void **state)
{
    enum { N = 200000 };
    char *text = malloc((size_t)N * 16);
    struct yamldoc *d;
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    for (unsigned i = 0; i < N; i++) {
        n += (size_t)sprintf(text + n, "k%u: %u\n", i * 7919 % N, i);
    }
    d = must_parse(text);
    assert_int_equal(cJSON_GetArraySize(yamldoc_tree(d, 0)), N);
    yamldoc_free(d);
    strcpy(text + n, "k5: x\n");
    assert_fails(text, n + 6, N + 1, "the key \"k5\" is here twice");
    free(text);
}

static void the_end_of_a_text_is_never_read_past(void **state)
{
    static const char *const texts[] = {
        "a: &x [1, \"\\u00e9\", 'b', ~]\nb: {c: *x}\n--- # d\ne: |\n f\n",
        "{\"a\": [1.5e+3, \"\\ud83d\\ude00\", true], \"b\": {}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t len = 0; len < strlen(texts[i]); len++) {
            struct yamldoc_error e = {0};
            char *cut = malloc(len + (len == 0));
            struct yamldoc *d;

            assert_non_null(cut);
            memcpy(cut, texts[i], len);
            d = yamldoc_parse(cut, len, &e);
            assert_true(d != NULL || (e.line > 0 && e.text[0] != '\0'));
            yamldoc_free(d);
            free(cut);
        }
    }
}

static void parse_once(void *ctx)
{
    struct yamldoc_error e = {0};
    struct yamldoc *d = yamldoc_parse(ctx, strlen(ctx), &e);

    assert_true(d != NULL || strcmp(e.text, "out of memory") == 0);
    yamldoc_free(d);
}

static void without_memory_nothing_is_half_taken(void **state)
{
    char yaml[] = "a: &x [1, 2]\nb: *x\nc: {d: e, f: 1, g: 1, h: 1, i: 1, j: 1, k: 1, l: 1, m: 1}\n"
                  "---\nn: o\n---\np: q\n---\nr: s\n---\nt: u\n";
    char json[] = "{\"a\": [\"\\u00e9\"]}";
    char faulty[] = "a: *x\n? [b]\n: c\n" BOM "---\na: 1\na: 2\n";

    (void)state;
    assert_true(failalloc_torture(parse_once, yaml) >= 8);
    assert_true(failalloc_torture(parse_once, json) >= 5);
    assert_true(failalloc_torture(parse_once, faulty) >= 5);
}

static size_t allocations_left;

static void *failing_malloc(size_t n)
{
    return allocations_left-- > 0 ? malloc(n) : NULL;
}

static void cjsons_own_allocations_are_not_needed(void **state)
{
    cJSON_Hooks hooks = {failing_malloc, free};

    (void)state;
    allocations_left = 0;
    cJSON_InitHooks(&hooks);
    yamldoc_free(must_parse("a: [b, {c: d}]"));
    cJSON_InitHooks(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_reads_as_json),
        cmocka_unit_test(anchors_stand_for_what_they_were_set_on),
        cmocka_unit_test(an_anchor_ends_with_its_document),
        cmocka_unit_test(documents_are_separate_and_empty_ones_passed_over),
        cmocka_unit_test(a_node_knows_the_line_of_its_key_or_item),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line_and_mend),
        cmocka_unit_test(a_fault_of_one_document_leaves_the_others),
        cmocka_unit_test(byte_order_marks_before_documents_are_nothing),
        cmocka_unit_test(a_nul_byte_is_no_text_and_an_escaped_one_no_end),
        cmocka_unit_test(json_that_libyaml_refuses_is_read),
        cmocka_unit_test(nesting_has_its_limit_in_every_style),
        cmocka_unit_test(an_alias_bomb_fails_fast),
        cmocka_unit_test(many_keys_and_many_documents_are_linear_enough),
        cmocka_unit_test(the_end_of_a_text_is_never_read_past),
        cmocka_unit_test(without_memory_nothing_is_half_taken),
        cmocka_unit_test(cjsons_own_allocations_are_not_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
