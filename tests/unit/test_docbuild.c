#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/manifest/docbuild_priv.h"
#include "support/failalloc.h"

struct build {
    struct docnodes nodes;
    struct doctrees trees;
    struct yamldoc_error error;
    struct docbuild b;
};

static int setup(void **state)
{
    struct build *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return 1;
    }
    docnodes_init(&t->nodes);
    docbuild_init(&t->b, &t->nodes, &t->trees, &t->error);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct build *t = *state;

    docbuild_fini(&t->b);
    docnodes_fini(&t->nodes);
    free(t->trees.items);
    free(t);
    return 0;
}

static int text(struct build *t, const char *s, unsigned line, struct docnode **out)
{
    struct docscalar scalar = {.type = cJSON_String, .text = s, .len = strlen(s)};

    return docbuild_scalar(&t->b, &scalar, line, out);
}

static int key(struct build *t, const char *s, unsigned line)
{
    return docbuild_key(&t->b, s, strlen(s), line);
}

static void a_tree_reads_as_cjson_would_have_made_it(void **state)
{
    struct build *t = *state;
    const cJSON *root, *list;
    struct docscalar number = {.type = cJSON_Number, .number = 443};

    assert_int_equal(docbuild_open(&t->b, true, 1, NULL), 0);
    assert_true(docbuild_wants_key(&t->b));
    assert_int_equal(key(t, "l", 2), 0);
    assert_false(docbuild_wants_key(&t->b));
    assert_int_equal(docbuild_open(&t->b, false, 3, NULL), 0);
    assert_false(docbuild_wants_key(&t->b));
    assert_int_equal(text(t, "a", 4, NULL), 0);
    assert_int_equal(docbuild_scalar(&t->b, &number, 5, NULL), 0);
    assert_int_equal(docbuild_close(&t->b), 0);
    assert_int_equal(docbuild_close(&t->b), 0);
    assert_int_equal(docbuild_end(&t->b), 0);
    assert_null(t->trees.faults);
    docnodes_freeze(&t->nodes);

    assert_int_equal(t->trees.n, 1);
    root = t->trees.items[0];
    list = cJSON_GetObjectItemCaseSensitive(root, "l");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_string_equal(cJSON_GetArrayItem(list, 0)->valuestring, "a");
    assert_int_equal(cJSON_GetArrayItem(list, 1)->valueint, 443);
    assert_ptr_equal(list->child->prev, list->child->next);
    assert_null(list->child->next->next);
    /* a value is where its key is, an item where it begins */
    assert_int_equal(docnodes_line_of(&t->nodes, root), 1);
    assert_int_equal(docnodes_line_of(&t->nodes, list), 2);
    assert_int_equal(docnodes_line_of(&t->nodes, list->child), 4);
}

static void empty_documents_are_passed_over(void **state)
{
    struct build *t = *state;
    struct docscalar null = {.type = cJSON_NULL};

    assert_int_equal(docbuild_end(&t->b), 0);
    assert_int_equal(docbuild_scalar(&t->b, &null, 1, NULL), 0);
    assert_int_equal(docbuild_end(&t->b), 0);
    assert_int_equal(t->trees.n, 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(text(t, "x", 1, NULL), 0);
        assert_int_equal(docbuild_end(&t->b), 0);
    }
    assert_int_equal(t->trees.n, 20);
}

/* An object of n keys of which the last is `twice` again. */
static int duplicate(struct build *t, int n, const char *twice)
{
    char name[16];

    assert_int_equal(docbuild_open(&t->b, true, 1, NULL), 0);
    for (int i = 0; i < n - 1; i++) {
        snprintf(name, sizeof(name), "k%d", i);
        assert_int_equal(key(t, name, (unsigned)(10 + i)), 0);
        assert_int_equal(text(t, "v", 1, NULL), 0);
    }
    assert_int_equal(key(t, twice, 500), 0);
    assert_int_equal(text(t, "v", 1, NULL), 0);
    return docbuild_close(&t->b);
}

static void a_key_that_is_there_twice_is_a_fault_with_both_lines(void **state)
{
    static const int sizes[] = {2, 8, 9, 300};

    for (size_t i = 0; i < 4; i++) {
        struct build *t;

        teardown(state);
        assert_int_equal(setup(state), 0);
        t = *state;
        assert_int_equal(duplicate(t, sizes[i], "k0"), 0);
        assert_int_equal(docbuild_end(&t->b), 0);
        assert_int_equal(duplicate(t, sizes[i], "other"), 0);
        assert_int_equal(docbuild_end(&t->b), 0);
        assert_int_equal(t->trees.n, 2);
        assert_ptr_equal(t->trees.faults->tree, t->trees.items[0]);
        assert_int_equal(t->trees.faults->error.line, 500);
        assert_string_equal(t->trees.faults->error.text,
                            "the key \"k0\" is here twice, first on line 10: remove one of them");
        assert_null(t->trees.faults->next);
    }
}

static void depth_has_its_limit(void **state)
{
    struct build *t = *state;

    for (unsigned i = 0; i < LIMIT_YAML_DEPTH; i++) {
        assert_int_equal(docbuild_open(&t->b, false, i, NULL), 0);
    }
    assert_int_equal(docbuild_open(&t->b, false, 77, NULL), -EINVAL);
    assert_int_equal(t->error.line, 77);
    assert_non_null(strstr(t->error.text, "100 levels"));
}

static void what_is_behind_an_alias_counts_towards_depth(void **state)
{
    struct build *t = *state;
    struct docnode *deep;

    assert_int_equal(docbuild_open(&t->b, false, 1, NULL), 0);
    assert_int_equal(docbuild_open(&t->b, false, 1, &deep), 0);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(docbuild_open(&t->b, false, i, NULL), 0);
    }
    for (unsigned i = 0; i < 61; i++) {
        assert_int_equal(docbuild_close(&t->b), 0);
    }
    for (unsigned i = 1; i < 39; i++) {
        assert_int_equal(docbuild_open(&t->b, false, i, NULL), 0);
    }
    assert_int_equal(docbuild_again(&t->b, deep, 5), 0);
    assert_int_equal(docbuild_open(&t->b, false, 1, NULL), 0);
    assert_int_equal(docbuild_again(&t->b, deep, 5), -EINVAL);
    assert_non_null(strstr(t->error.text, "100 levels"));
}

static void an_alias_costs_its_weight_but_no_memory(void **state)
{
    struct build *t = *state;
    struct docnode *list;
    unsigned levels = 0;
    int rc = 0;

    /* each level stands ten times for the one before: nine of them are a thousand million */
    assert_int_equal(docbuild_open(&t->b, false, 1, NULL), 0);
    assert_int_equal(text(t, "lol", 1, &list), 0);
    while (rc == 0 && levels < 50) {
        struct docnode *next;

        levels++;
        assert_int_equal(docbuild_open(&t->b, false, levels, &next), 0);
        for (int i = 0; i < 10 && rc == 0; i++) {
            rc = docbuild_again(&t->b, list, levels);
        }
        if (rc == 0) {
            assert_int_equal(docbuild_close(&t->b), 0);
        }
        list = next;
    }
    assert_int_equal(rc, -EINVAL);
    assert_in_range(levels, 6, 7);
    assert_int_equal(t->error.line, levels);
    assert_non_null(strstr(t->error.text, "aliases"));
    assert_true(t->nodes.n_slabs <= 2);
}

static void an_alias_to_what_is_still_open_is_refused(void **state)
{
    struct build *t = *state;
    struct docnode *outer;

    assert_int_equal(docbuild_open(&t->b, false, 1, &outer), 0);
    assert_int_equal(docbuild_open(&t->b, false, 1, NULL), 0);
    assert_int_equal(docbuild_again(&t->b, outer, 9), 0);
    assert_non_null(strstr(t->b.fault->error.text, "without end"));
    assert_true(cJSON_IsNull(t->b.root->json.child->child));
}

static void an_alias_can_be_a_key_if_it_is_a_text(void **state)
{
    struct build *t = *state;
    struct docnode *name, *list;

    assert_int_equal(docbuild_open(&t->b, false, 1, NULL), 0);
    assert_int_equal(text(t, "name", 1, &name), 0);
    assert_int_equal(docbuild_open(&t->b, false, 1, &list), 0);
    assert_int_equal(docbuild_close(&t->b), 0);
    assert_int_equal(docbuild_open(&t->b, true, 1, NULL), 0);
    assert_int_equal(docbuild_key_again(&t->b, name, 3), 0);
    assert_null(t->b.fault);
    assert_int_equal(docbuild_again(&t->b, list, 3), 0);
    assert_int_equal(docbuild_close(&t->b), 0);
    assert_string_equal(t->b.root->json.child->prev->child->string, "name");
    assert_int_equal(docbuild_open(&t->b, true, 1, NULL), 0);
    assert_int_equal(docbuild_key_again(&t->b, list, 4), 0);
    assert_false(docbuild_wants_key(&t->b));
    assert_int_equal(t->b.fault->error.line, 4);
}

static void a_document_has_the_first_of_its_faults_only(void **state)
{
    struct build *t = *state;
    const struct yamldoc_fault *fault;

    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(text(t, "x", i, NULL), 0);
        if (i != 2) {
            assert_int_equal(docbuild_fault(&t->b, i, "fault %u", i), 0);
            assert_int_equal(docbuild_fault(&t->b, 9, "another"), 0);
        }
        assert_int_equal(docbuild_end(&t->b), 0);
    }
    fault = t->trees.faults;
    assert_string_equal(fault->error.text, "fault 1");
    assert_ptr_equal(fault->next->tree, t->trees.items[2]);
    assert_int_equal(fault->next->error.line, 3);
    assert_null(fault->next->next);
}

static void what_is_no_text_remembers_how_it_was_written(void **state)
{
    struct build *t = *state;
    struct docscalar s = {.type = cJSON_Number, .text = "1.10", .len = 4, .number = 1.1};
    struct docnode *node;

    assert_int_equal(docbuild_scalar(&t->b, &s, 1, &node), 0);
    assert_string_equal(node->json.valuestring, "1.10");
}

static void a_nul_becomes_a_replacement_character(void **state)
{
    struct build *t = *state;
    struct docscalar s = {.type = cJSON_String, .text = "evil.test\0.good.test", .len = 20};
    struct docnode *node;

    assert_int_equal(docbuild_scalar(&t->b, &s, 1, &node), 0);
    assert_string_equal(node->json.valuestring, "evil.test\xef\xbf\xbd.good.test");
}

/* A document with a fault of each kind and one of every way to make a node. */
static int build_all(struct build *t)
{
    struct docscalar nul = {.type = cJSON_String, .text = "a\0b", .len = 3};
    struct docnode *list = NULL;
    int rc = docbuild_open(&t->b, true, 1, NULL);

    for (int i = 0; rc == 0 && i < 12; i++) {
        rc = docbuild_key(&t->b, i % 2 == 0 ? "k" : "l", 1, 2);
        rc = rc < 0 ? rc : docbuild_scalar(&t->b, &nul, 3, NULL);
    }
    rc = rc < 0 ? rc : docbuild_key(&t->b, "list", 4, 4);
    rc = rc < 0 ? rc : docbuild_open(&t->b, false, 4, &list);
    rc = rc < 0 ? rc : docbuild_close(&t->b);
    /* More than a slab holds, so that an alias is what needs a new one. */
    for (int i = 0; rc == 0 && i < 64; i++) {
        rc = docbuild_key(&t->b, "again", 5, 5);
        rc = rc < 0 ? rc : docbuild_again(&t->b, list, 5);
    }
    rc = rc < 0 ? rc : docbuild_close(&t->b);
    return rc < 0 ? rc : docbuild_end(&t->b);
}

static void build_in_want(void *ctx)
{
    void *state = NULL;
    size_t *failed = ctx;
    int rc;

    if (setup(&state) != 0) {
        return;
    }
    rc = build_all(state);
    assert_true(rc == 0 || rc == -ENOMEM);
    *failed += rc != 0;
    teardown(&state);
}

static void without_memory_nothing_is_added(void **state)
{
    size_t failed = 0;

    (void)state;
    assert_true(failalloc_torture(build_in_want, &failed) > 80);
    assert_true(failed > 80);
}

static void one_value_more_than_the_limit_is_an_error(void **state)
{
    struct build *t = *state;

    assert_int_equal(docbuild_open(&t->b, false, 1, NULL), 0);
    t->b.total = LIMIT_YAML_NODES - 1;
    assert_int_equal(text(t, "x", 2, NULL), 0);
    assert_int_equal(text(t, "y", 3, NULL), -EINVAL);
    assert_int_equal(t->error.line, 3);
    assert_non_null(strstr(t->error.text, "split the file"));
    assert_int_equal(docbuild_open(&t->b, false, 4, NULL), -EINVAL);
}

static void a_number_beyond_an_int_has_its_nearest(void **state)
{
    static const struct {
        double number;
        int nearest;
    } cases[] = {{3e9, INT_MAX}, {-3e9, INT_MIN}, {-7.5, -7}};
    struct build *t = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct docscalar s = {.type = cJSON_Number, .number = cases[i].number};
        struct docnode *node;

        assert_int_equal(docbuild_scalar(&t->b, &s, 1, &node), 0);
        assert_int_equal(node->json.valueint, cases[i].nearest);
        assert_true(node->json.valuedouble == cases[i].number);
        assert_int_equal(docbuild_end(&t->b), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tree_reads_as_cjson_would_have_made_it, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_documents_are_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_is_there_twice_is_a_fault_with_both_lines, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(depth_has_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_behind_an_alias_counts_towards_depth, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_alias_costs_its_weight_but_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(an_alias_to_what_is_still_open_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_alias_can_be_a_key_if_it_is_a_text, setup, teardown),
        cmocka_unit_test_setup_teardown(a_document_has_the_first_of_its_faults_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_text_remembers_how_it_was_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_nul_becomes_a_replacement_character, setup, teardown),
        cmocka_unit_test(without_memory_nothing_is_added),
        cmocka_unit_test_setup_teardown(one_value_more_than_the_limit_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_beyond_an_int_has_its_nearest, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
