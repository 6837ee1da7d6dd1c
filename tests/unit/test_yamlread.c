#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/manifest/docbuild_priv.h"
#include "../../src/manifest/yamlread_priv.h"
#include "base/attr.h"
#include "support/failalloc.h"

struct parsed {
    struct docnodes nodes;
    struct doctrees trees;
    struct yamldoc_error error;
    int rc;
};

static void parse(struct parsed *p, const char *text)
{
    struct docbuild b;

    memset(p, 0, sizeof(*p));
    docnodes_init(&p->nodes);
    docbuild_init(&b, &p->nodes, &p->trees, &p->error);
    p->rc = yamlread_parse(text, strlen(text), &b);
    docbuild_fini(&b);
}

static void forget(struct parsed *p)
{
    docnodes_fini(&p->nodes);
    free(p->trees.items);
}

static void style_and_tag_decide_what_a_scalar_is(void **state)
{
    static const struct {
        const char *text;
        int type;
    } cases[] = {
        {"[5]", cJSON_Number},
        {"['5']", cJSON_String},
        {"[\"5\"]", cJSON_String},
        {"- |\n  5\n", cJSON_String},
        {"[!!str 5]", cJSON_String},
        {"[! 5]", cJSON_String},
        {"[!!int '5']", cJSON_Number},
        {"[no]", cJSON_False},
        {"['no']", cJSON_String},
        {"[!!bool 'no']", cJSON_False},
        {"[null]", cJSON_NULL},
        {"['']", cJSON_String},
        {"[!!timestamp 2024-01-02]", cJSON_String},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p;

        parse(&p, cases[i].text);
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.trees.items[0]->child->type, cases[i].type);
        forget(&p);
    }
}

static void a_syntax_error_is_on_its_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        {"a: 1\nb: @x\n", 2},
        {"a: 1\nb: 2\nc\n", 3},
        {"a: 1\r\n\r\nb: [1, 2\r\nc: 3\r\n", 3},
        {"a: 1\n# x\n\nb: \x02\n", 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p;

        parse(&p, cases[i].text);
        assert_int_equal(p.rc, -EINVAL);
        assert_int_equal(p.error.line, cases[i].line);
        assert_non_null(strstr(p.error.text, ": "));
        forget(&p);
    }
}

static void what_stands_before_an_error_stays_the_builders(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "a: 1\n---\nb: [\n");
    assert_int_equal(p.rc, -EINVAL);
    assert_int_equal(p.trees.n, 1); /* it is for yamldoc to take nothing of a broken text */
    forget(&p);
}

static void parse_in_want(void *ctx)
{
    struct parsed p;

    parse(&p, ctx);
    assert_true(p.rc == 0 || p.rc == -ENOMEM);
    forget(&p);
}

static void out_of_memory_is_no_syntax_error(void **state)
{
    char good[] =
        "a: &x [1, 'b', null, !!float 1.5]\n*y : |\n  text\n? c\n: *x\n--- # next\n{d: e}\n";
    char faults[][48] = {"a: &x [*x]\n",       "<<: 1\n",    "? [a, {b: c}]\n: d\n",
                         "&k key: 1\n",        "? ~\n: 1\n", "a: !odd {}\n",
                         "!!int a: 1\n",       "a: *gone\n", "*gone : 1\n",
                         "a: &x [1]\n*x : 1\n"};

    (void)state;
    assert_true(failalloc_torture(parse_in_want, good) > 40); /* most of them in libyaml */
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        assert_true(failalloc_torture(parse_in_want, faults[i]) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(style_and_tag_decide_what_a_scalar_is),
        cmocka_unit_test(a_syntax_error_is_on_its_line),
        cmocka_unit_test(what_stands_before_an_error_stays_the_builders),
        cmocka_unit_test(out_of_memory_is_no_syntax_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
