#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "support/json_text.h"

struct heard {
    unsigned n;
    char last[2 * JSON_TEXT_MAX];
    char path[JSON_PATH_MAX];
};

static void on_complaint(void *ctx, const struct json_at *at, const char *must)
{
    struct heard *h = ctx;

    h->n++;
    strncpy(h->last, must, sizeof(h->last) - 1);
    json_path(at, h->path);
}

struct fixture {
    struct heard heard;
    struct json_reader reader;
    cJSON *tree;
    struct json_at root;
};

static void setup_tree(struct fixture *f, const char *json)
{
    memset(f, 0, sizeof(*f));
    f->reader = (struct json_reader){on_complaint, &f->heard};
    f->tree = json_text_parse(json);
    f->root = json_root(&f->reader, f->tree);
}

static void teardown_tree(struct fixture *f)
{
    cJSON_Delete(f->tree);
}

static void absent_and_null_read_alike(void **state)
{
    struct fixture f;

    (void)state;
    setup_tree(&f, "{'a': null}");
    for (int i = 0; i < 2; i++) {
        const char *key = i == 0 ? "a" : "b";
        struct json_at at = json_field(&f.root, key), list = json_array(&f.root, key);
        struct json_at object = json_object(&f.root, key);

        assert_null(json_string(&at));
        assert_true(json_bool(&at, true));
        assert_false(json_bool(&at, false));
        assert_int_equal(json_count(&list), 0);
        assert_null(json_field(&object, "deeper").node);
        assert_false(at.wrong || list.wrong || object.wrong);
    }
    assert_int_equal(f.heard.n, 0);
    teardown_tree(&f);
}

static void a_wrong_type_is_complained_about_once_and_reads_as_absent(void **state)
{
    struct fixture f;
    struct json_at at;

    (void)state;
    setup_tree(&f, "{'s': 'x', 'n': 1, 'l': [], 'o': {}}");
    at = json_array(&f.root, "s");
    assert_true(at.wrong);
    assert_null(at.node);
    assert_non_null(at.raw);
    assert_int_equal(json_count(&at), 0);
    assert_string_equal(f.heard.last, "must be a list, not \"x\"");
    assert_string_equal(f.heard.path, "s");

    at = json_object(&f.root, "l");
    assert_true(at.wrong);
    assert_string_equal(f.heard.last, "must be an object, not a list");

    at = json_field(&f.root, "n");
    assert_null(json_string(&at));
    assert_null(json_string(&at));
    assert_string_equal(f.heard.last, "must be a text, not 1");

    at = json_field(&f.root, "o");
    assert_true(json_bool(&at, true));
    assert_string_equal(f.heard.last, "must be true or false, not an object");
    assert_int_equal(f.heard.n, 4);
    teardown_tree(&f);
}

static void a_tree_that_is_no_object_has_no_fields(void **state)
{
    struct fixture f;

    (void)state;
    setup_tree(&f, "[1]");
    assert_true(f.root.wrong);
    assert_null(json_field(&f.root, "a").raw);
    assert_string_equal(f.heard.path, "");
    teardown_tree(&f);
}

static void items_know_their_index_and_fields_their_key(void **state)
{
    struct fixture f;
    struct json_at list, item = {0}, object, field = {0};
    char path[JSON_PATH_MAX];
    size_t n = 0;

    (void)state;
    setup_tree(&f, "{'l': [1, null, 3], 'o': {'a': 1, 'b/c': 2}}");
    list = json_array(&f.root, "l");
    assert_int_equal(json_count(&list), 3);
    while (json_next(&list, &item)) {
        assert_int_equal(item.index, n);
        assert_null(item.key);
        assert_int_equal(item.node == NULL, n == 1);
        n++;
    }
    assert_int_equal(n, 3);
    object = json_object(&f.root, "o");
    assert_true(json_next(&object, &field));
    assert_string_equal(field.key, "a");
    assert_true(json_next(&object, &field));
    assert_string_equal(json_path(&field, path), "o[\"b/c\"]");
    assert_false(json_next(&object, &field));
    teardown_tree(&f);
}

static void a_null_item_is_an_empty_object_and_a_text_is_none(void **state)
{
    struct fixture f;
    struct json_at list, item = {0};

    (void)state;
    setup_tree(&f, "{'l': [null, {}, 'x']}");
    list = json_array(&f.root, "l");
    assert_true(json_next(&list, &item) && json_is_object(&item));
    assert_null(json_field(&item, "a").node);
    assert_true(json_next(&list, &item) && json_is_object(&item));
    assert_true(json_next(&list, &item));
    assert_false(json_is_object(&item));
    assert_string_equal(f.heard.path, "l[2]");
    teardown_tree(&f);
}

static void a_path_leads_from_the_root(void **state)
{
    struct fixture f;
    struct json_at spec, rules, rule = {0}, http;
    char path[JSON_PATH_MAX];

    (void)state;
    setup_tree(&f, "{'spec': {'rules': [{}, {'http': {}}]}}");
    spec = json_object(&f.root, "spec");
    rules = json_array(&spec, "rules");
    assert_true(json_next(&rules, &rule) && json_next(&rules, &rule));
    http = json_object(&rule, "http");
    assert_string_equal(json_path(&http, path), "spec.rules[1].http");
    teardown_tree(&f);
}

static void a_long_path_loses_its_beginning(void **state)
{
    struct json_at chain[60] = {{0}};
    char path[JSON_PATH_MAX];

    (void)state;
    for (size_t i = 1; i < ARRAY_LEN(chain); i++) {
        chain[i] = (struct json_at){.up = &chain[i - 1], .key = i % 2 == 0 ? "even" : "odd"};
    }
    json_path(&chain[59], path);
    assert_true(strlen(path) < JSON_PATH_MAX);
    assert_memory_equal(path, "...", 3);
    assert_string_equal(path + strlen(path) - 9, ".even.odd");
}

static void the_nearest_place_is_the_one_above_what_is_absent(void **state)
{
    struct fixture f;
    struct json_at a, b, c;

    (void)state;
    setup_tree(&f, "{'a': {}}");
    a = json_object(&f.root, "a");
    b = json_object(&a, "b");
    c = json_field(&b, "c");
    assert_ptr_equal(json_nearest(&c), a.raw);
    assert_ptr_equal(json_nearest(&a), a.raw);
    teardown_tree(&f);
}

static void quoting_escapes_what_is_not_plain_ascii(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"a\nb\tc", "\"a\\nb\\tc\""},
        {"\x1b[31m\x7f", "\"\\x1b[31m\\x7f\""},
        {"m\xc3\xbcnchen", "\"m\\u00fcnchen\""},
        {"\xf0\x9f\x98\x80", "\"\\U0001f600\""},
        {"\xff", "\"\\xff\""},
        {"\xc3", "\"\\xc3\""},
        {"\xe2\x82", "\"\\xe2\\x82\""},
    };
    char text[JSON_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(json_quote(cases[i].in, text), cases[i].out);
    }
}

static void quoting_cuts_and_stays_within_its_buffer(void **state)
{
    char in[1000], text[JSON_TEXT_MAX];

    (void)state;
    for (int fill = 1; fill < 256; fill++) {
        memset(in, fill, sizeof(in) - 1);
        in[sizeof(in) - 1] = '\0';
        json_quote(in, text);
        assert_true(strlen(text) < JSON_TEXT_MAX);
        assert_string_equal(text + strlen(text) - 4, "...\"");
    }
}

static void every_kind_of_value_has_a_description(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"'x'", "\"x\""},   {"1.5", "1.5"},   {"80", "80"},     {"true", "true"},
        {"false", "false"}, {"null", "null"}, {"[]", "a list"}, {"{}", "an object"},
    };
    char text[JSON_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cJSON *tree = json_text_parse(cases[i].json);

        assert_string_equal(json_describe(tree, text), cases[i].text);
        cJSON_Delete(tree);
    }
    assert_string_equal(json_describe(NULL, text), "nothing");
}

static void keys_of_any_length_have_a_path_and_nobody_need_hear_a_complaint(void **state)
{
    const struct json_reader deaf = {NULL, NULL};
    char path[JSON_PATH_MAX], key[200];
    cJSON *tree = json_text_parse("{'': 7}");
    struct json_at root = json_root(&deaf, tree), at = json_field(&root, "");

    (void)state;
    assert_null(json_string(&at));
    assert_true(at.wrong);
    assert_string_equal(json_path(&at, path), "[\"\"]");

    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    at = json_field(&root, key);
    assert_non_null(strstr(json_path(&at, path), "kk...\"]"));

    root = json_root(&deaf, NULL);
    at = json_field(&root, "a");
    assert_null(json_nearest(&at));
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_null_read_alike),
        cmocka_unit_test(a_wrong_type_is_complained_about_once_and_reads_as_absent),
        cmocka_unit_test(a_tree_that_is_no_object_has_no_fields),
        cmocka_unit_test(items_know_their_index_and_fields_their_key),
        cmocka_unit_test(a_null_item_is_an_empty_object_and_a_text_is_none),
        cmocka_unit_test(a_path_leads_from_the_root),
        cmocka_unit_test(a_long_path_loses_its_beginning),
        cmocka_unit_test(the_nearest_place_is_the_one_above_what_is_absent),
        cmocka_unit_test(quoting_escapes_what_is_not_plain_ascii),
        cmocka_unit_test(quoting_cuts_and_stays_within_its_buffer),
        cmocka_unit_test(every_kind_of_value_has_a_description),
        cmocka_unit_test(keys_of_any_length_have_a_path_and_nobody_need_hear_a_complaint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
