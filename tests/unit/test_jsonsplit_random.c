/*
 * Random JSON, printed and cut at random: the pieces are what another parser finds in the whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "kube/jsonsplit.h"

static uint32_t random_below(uint32_t n)
{
    static uint64_t x = 0x9e3779b97f4a7c15u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 32) % n;
}

static cJSON *random_value(unsigned depth)
{
    static const char *const TEXTS[] = {"",
                                        "items",
                                        "\"",
                                        "\\",
                                        "\\\"",
                                        "}{][",
                                        "\n\t\x01",
                                        ", :",
                                        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                                        "12345678\\\\"};
    const uint32_t kind = random_below(depth < 6 ? 8 : 5);
    cJSON *value = kind == 0   ? cJSON_CreateNull()
                   : kind == 1 ? cJSON_CreateBool(random_below(2) != 0)
                   : kind == 2 ? cJSON_CreateNumber((double)random_below(UINT32_MAX) / 1000.0 - 1e5)
                   : kind <= 4 ? cJSON_CreateString(TEXTS[random_below(ARRAY_LEN(TEXTS))])
                   : kind == 5 ? cJSON_CreateArray()
                               : cJSON_CreateObject();

    for (uint32_t n = kind >= 5 ? random_below(5) : 0; n > 0; n--) {
        if (kind == 5) {
            cJSON_AddItemToArray(value, random_value(depth + 1));
        } else {
            const char *key = TEXTS[random_below(ARRAY_LEN(TEXTS))];

            cJSON_DeleteItemFromObjectCaseSensitive(value, key);
            cJSON_AddItemToObject(value, key, random_value(depth + 1));
        }
    }
    return value;
}

/* Members k0, k1, ... and somewhere between them `items`. */
static cJSON *random_list(void)
{
    cJSON *list = cJSON_CreateObject(), *items = cJSON_CreateArray();
    uint32_t members = random_below(5), at = random_below(members + 1);

    for (uint32_t n = random_below(6); n > 0; n--) {
        cJSON_AddItemToArray(items, random_value(0));
    }
    for (uint32_t i = 0; i <= members; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "k%u", i);
        cJSON_AddItemToObject(list, i == at ? "items" : key, i == at ? items : random_value(0));
    }
    return list;
}

/* What must come next: of a list a member or, within `items`, an element; of a stream the tree. */
struct expected {
    const cJSON *tree, *member, *element;
    unsigned given;
};

static void enter_items(struct expected *e)
{
    if (e->member != NULL && strcmp(e->member->string, "items") == 0) {
        e->element = e->member->child;
        e->member = e->member->next;
    }
}

static int on_piece_compare(void *ctx, const struct jsonsplit_piece *p)
{
    cJSON *got = cJSON_ParseWithLength(p->text, p->len);
    struct expected *e = ctx;
    const cJSON *want = p->key == NULL ? e->tree : p->is_element ? e->element : e->member;

    assert_true(got != NULL && want != NULL && cJSON_Compare(got, want, 1));
    assert_true(p->is_element || p->key == NULL || strcmp(p->key, want->string) == 0);
    cJSON_Delete(got);
    e->given++;
    if (p->is_element) {
        e->element = want->next;
    } else if (p->key != NULL) {
        e->member = want->next;
    }
    enter_items(e);
    return 0;
}

static void feed_randomly(struct jsonsplit *s, const char *text)
{
    uint32_t most = 1 + random_below(100);

    for (size_t left = strlen(text), n; left > 0; left -= n, text += n) {
        n = 1 + random_below(most);
        n = n < left ? n : left;
        assert_int_equal(jsonsplit_feed(s, text, n), 0);
    }
    assert_true(jsonsplit_is_complete(s));
}

static void give(const char *text, enum jsonsplit_mode mode, struct expected *e, unsigned times)
{
    struct jsonsplit s;

    jsonsplit_init(&s, mode, 1u << 20, on_piece_compare, e);
    while (times-- > 0) {
        feed_randomly(&s, text);
    }
    jsonsplit_fini(&s);
}

/* Compact or with whitespace everywhere. */
static char *random_text_of(const cJSON *tree)
{
    return random_below(2) == 0 ? cJSON_Print(tree) : cJSON_PrintUnformatted(tree);
}

static void a_list_is_split_into_what_another_parser_reads(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        cJSON *list = random_list(), *items = cJSON_GetObjectItem(list, "items");
        char *text = random_text_of(list);
        struct expected e = {.member = list->child};

        enter_items(&e);
        give(text, JSONSPLIT_LIST, &e, 1);
        assert_int_equal(e.given, cJSON_GetArraySize(list) - 1 + cJSON_GetArraySize(items));
        cJSON_free(text);
        cJSON_Delete(list);
    }
}

static void a_stream_is_split_into_what_another_parser_reads(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        cJSON *tree = random_list();
        char *text = random_text_of(tree);
        struct expected e = {.tree = tree};

        give(text, JSONSPLIT_STREAM, &e, 3);
        assert_int_equal(e.given, 3);
        cJSON_free(text);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_split_into_what_another_parser_reads),
        cmocka_unit_test(a_stream_is_split_into_what_another_parser_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
