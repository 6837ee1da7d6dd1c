#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../src/manifest/docnodes_priv.h"
#include "support/failalloc.h"

static void every_node_finds_its_line_and_a_stranger_none(void **state)
{
    enum { N = 50000 };
    struct docnode **made = calloc(N, sizeof(struct docnode *));
    struct docnodes d;
    cJSON stranger = {0};

    (void)state;
    assert_non_null(made);
    docnodes_init(&d);
    assert_int_equal(docnodes_line_of(&d, &stranger), 0);
    for (unsigned i = 0; i < N; i++) {
        made[i] = docnodes_new(&d, cJSON_String);
        assert_non_null(made[i]);
        assert_int_equal(made[i]->json.type, cJSON_String);
        assert_null(made[i]->json.child);
        made[i]->line = i + 1;
    }
    docnodes_freeze(&d);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(docnodes_line_of(&d, &made[i]->json), i + 1);
    }
    assert_int_equal(docnodes_line_of(&d, &stranger), 0);
    assert_int_equal(docnodes_line_of(&d, NULL), 0);
    docnodes_fini(&d);
    free(made);
}

static void an_unused_place_is_no_node(void **state)
{
    struct docnode *last;
    struct docnodes d;

    (void)state;
    docnodes_init(&d);
    last = docnodes_new(&d, cJSON_NULL);
    assert_non_null(last);
    last[1].line = 7;
    docnodes_freeze(&d);
    assert_int_equal(docnodes_line_of(&d, &last[1].json), 0);
    docnodes_fini(&d);
}

static void make_nodes(void *ctx)
{
    struct docnodes d;

    (void)ctx;
    docnodes_init(&d);
    for (int i = 0; i < 1000 && docnodes_new(&d, cJSON_NULL) != NULL; i++) {
    }
    docnodes_freeze(&d);
    docnodes_fini(&d);
}

static void without_memory_there_is_no_node(void **state)
{
    (void)state;
    assert_true(failalloc_torture(make_nodes, NULL) >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_finds_its_line_and_a_stranger_none),
        cmocka_unit_test(an_unused_place_is_no_node),
        cmocka_unit_test(without_memory_there_is_no_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
