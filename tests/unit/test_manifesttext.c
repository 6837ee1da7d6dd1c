#include "manifest/manifesttext.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/failalloc.h"
#include "support/watched.h"

static const struct manifestfile_request from_test = {.path = "test.yaml"};

static int decode(const char *text, struct manifestcontent *c)
{
    manifestfile_init(c);
    return manifesttext_decode(&from_test, text, strlen(text), c);
}

static void objects_come_in_the_order_of_the_text_with_their_lines(void **state)
{
    struct manifestcontent c;

    (void)state;
    assert_int_equal(decode(ONE_PORT("b", "1") ONE_PORT("a", "2"), &c), 0);
    assert_int_equal(c.n, 2);
    assert_string_equal(c.objs[0].meta->name, "b");
    assert_string_equal(c.objs[1].meta->name, "a");
    assert_int_equal(c.objs[1].meta->line, 6);
    assert_int_equal(c.objs[1].order, 1);
    assert_string_equal(c.objs[1].meta->file, "test.yaml");
    manifestfile_fini(&c);
}

static void a_text_may_hold_many_objects(void **state)
{
    char text[40 * sizeof(ONE_PORT("s00", "1"))] = "", name[8];
    struct manifestcontent c;
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 40; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "{apiVersion: v1, kind: Service, metadata: {name: s%02d}, "
                                "spec: {ports: [{port: 1}]}}\n---\n",
                                i);
    }
    assert_true(len < sizeof(text));
    assert_int_equal(decode(text, &c), 0);
    assert_int_equal(c.n, 40);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "s%02d", i);
        assert_string_equal(c.objs[i].meta->name, name);
        assert_int_equal(c.objs[i].order, i);
    }
    manifestfile_fini(&c);
}

static void other_kinds_and_empty_documents_are_not_judged(void **state)
{
    struct manifestcontent c;

    (void)state;
    assert_int_equal(decode("---\n---\napiVersion: apps/v1\nkind: Deployment\nspec: 7\n", &c), 0);
    assert_int_equal(c.n, 0);
    assert_int_equal(c.verdicts.n, 0);
    manifestfile_fini(&c);
}

static void a_text_that_cannot_be_parsed_is_one_verdict_at_its_line(void **state)
{
    struct manifestcontent c;

    (void)state;
    assert_int_equal(decode(ONE_PORT("a", "1") "a: [\n", &c), -EINVAL);
    assert_int_equal(c.n, 0);
    assert_int_equal(c.verdicts.n, 1);
    assert_string_equal(c.verdicts.items[0].reason, "ManifestBroken");
    assert_true(c.verdicts.items[0].line >= 6);
    manifestfile_fini(&c);
}

#define DEPLOYMENT "apiVersion: apps/v1\nkind: Deployment\n"

static void a_fault_in_a_document_of_another_kind_is_not_judged(void **state)
{
    static const char *const faults[] = {"<<: {a: b}\n", "a: !Ref b\n", "? [a]\n: b\n",
                                         "a: 1\na: 2\n", "a: *b\n"};
    struct manifestcontent c;
    char text[1000];

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        snprintf(text, sizeof(text), "%s---\n" DEPLOYMENT "%s---\n%s", ONE_PORT("a", "1"),
                 faults[i], ONE_PORT("b", "1"));
        assert_int_equal(decode(text, &c), 0);
        assert_int_equal(c.n, 2);
        assert_int_equal(c.verdicts.n, 0);
        manifestfile_fini(&c);
    }
}

static void a_fault_in_a_document_that_is_or_may_be_ours_breaks_the_file(void **state)
{
    static const char *const heads[] = {"apiVersion: v1\nkind: Service\n", "kind: Deployment\n",
                                        DEPLOYMENT "kind: Deployment\n"};
    struct manifestcontent c;
    char text[1000];

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        snprintf(text, sizeof(text), "%s---\n%s<<: {a: b}\n---\na: 1\na: 1\n", ONE_PORT("a", "1"),
                 heads[i]);
        assert_int_equal(decode(text, &c), -EINVAL);
        assert_int_equal(c.n, 0);
        assert_int_equal(c.verdicts.errors, 2);
        assert_string_equal(c.verdicts.items[0].reason, "ManifestBroken");
        assert_true(c.verdicts.items[0].line > 6);
        manifestfile_fini(&c);
    }
}

static void what_is_said_of_a_refused_object_is_marked(void **state)
{
    struct manifestcontent c;

    (void)state;
    assert_int_equal(decode("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: 7}", &c),
                     0);
    assert_true(c.verdicts.n > 0 && c.verdicts.items[0].refused);
    manifestfile_fini(&c);
    assert_int_equal(decode("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {}}", &c),
                     0);
    assert_true(c.verdicts.n > 0 && !c.verdicts.items[0].refused);
    manifestfile_fini(&c);
}

static void a_value_that_should_be_quoted_is_reported_as_written(void **state)
{
    static const char *const texts[] = {
        "{apiVersion: v1, kind: Service, metadata: {name: a, labels: {v: 1.10}}, spec: {ports: "
        "[{port: 1}]}}",
        "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"a\", "
        "\"labels\": {\"v\": 1.10}}, \"spec\": {\"ports\": [{\"port\": 1}]}}",
    };
    struct manifestcontent c;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(decode(texts[i], &c), 0);
        assert_int_equal(c.verdicts.n, 1);
        assert_non_null(strstr(c.verdicts.items[0].message, "write \"1.10\""));
        manifestfile_fini(&c);
    }
}

static void lists_within_lists_are_read_to_a_bound(void **state)
{
    const char *head = "{kind: List, apiVersion: v1, items: [";
    char text[4096] = "";
    struct manifestcontent c;

    (void)state;
    assert_int_equal(decode("{kind: List, apiVersion: v1, items: [{kind: List, apiVersion: v1, "
                            "items: [{apiVersion: v1, kind: Service, metadata: {name: a}, "
                            "spec: {ports: [{port: 1}]}}]}]}",
                            &c),
                     0);
    assert_int_equal(c.n, 1);
    manifestfile_fini(&c);
    for (int i = 0; i < 20; i++) {
        strcat(text, head);
    }
    for (int i = 0; i < 20; i++) {
        strcat(text, "]}");
    }
    assert_int_equal(decode(text, &c), 0);
    assert_int_equal(c.n, 0);
    manifestfile_fini(&c);
}

static void items_of_a_typed_list_take_their_kind_from_it(void **state)
{
    struct manifestcontent c;

    (void)state;
    assert_int_equal(decode("{kind: ServiceList, apiVersion: v1, items: [{metadata: {name: a}, "
                            "spec: {ports: [{port: 1}]}}]}",
                            &c),
                     0);
    assert_int_equal(c.verdicts.n, 0);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.objs[0].meta->kind, OBJECT_SERVICE);
    manifestfile_fini(&c);
}

static void a_file_full_of_problems_does_not_fill_the_memory(void **state)
{
    static const char bad[] = "---\napiVersion: v1\nkind: Service\nmetadata: {name: A}\n";
    size_t times = 2 * LIMIT_VERDICTS_PER_FILE;
    char *text = malloc(times * sizeof(bad));
    struct manifestcontent c;

    (void)state;
    assert_non_null(text);
    text[0] = '\0';
    for (size_t i = 0, len = 0; i < times; i++, len += sizeof(bad) - 1) {
        memcpy(text + len, bad, sizeof(bad));
    }
    assert_int_equal(decode(text, &c), 0);
    assert_true(c.verdicts.n >= LIMIT_VERDICTS_PER_FILE);
    assert_true(c.verdicts.n < LIMIT_VERDICTS_PER_FILE + 200);
    assert_string_equal(c.verdicts.items[c.verdicts.n - 1].reason, "TooManyProblems");
    manifestfile_fini(&c);
    free(text);
}

static struct objmeta *only_a(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
    bool asked = kind == OBJECT_SERVICE && strcmp(ns, "default") == 0 && strcmp(name, "a") == 0;

    return asked ? ctx : NULL;
}

static void an_unusable_object_is_looked_for_by_its_identity(void **state)
{
    struct manifestcontent last, c;
    struct manifestfile_request want = from_test;
    const char *text = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: 7}";

    (void)state;
    assert_int_equal(decode(ONE_PORT("a", "1"), &last), 0);
    want.find_last = only_a;
    want.find_ctx = last.objs[0].meta;
    manifestfile_init(&c);
    assert_int_equal(manifesttext_decode(&want, text, strlen(text), &c), 0);
    assert_int_equal(c.n, 1);
    assert_ptr_equal(c.objs[0].meta, last.objs[0].meta);
    manifestfile_fini(&c);
    manifestfile_fini(&last);
}

static void decode_in_want(void *ctx)
{
    struct manifestcontent c;
    int rc = decode(ONE_PORT("a", "1") ONE_PORT("b", "1"), &c);

    (void)ctx;
    assert_true(rc == -ENOMEM || (rc == 0 && c.n == 2));
    manifestfile_fini(&c);
}

static void out_of_memory_is_not_taken_for_a_broken_text(void **state)
{
    (void)state;
    assert_true(failalloc_torture(decode_in_want, NULL) > 5);
}

/* What was asked for, as "KIND NS/NAME ". */
static struct objmeta *write_down(void *ctx, enum object_kind kind, const char *ns,
                                  const char *name)
{
    char *asked = ctx;

    (void)snprintf(asked + strlen(asked), 256 - strlen(asked), "%s %s/%s ", object_kind_name(kind),
                   ns, name);
    return NULL;
}

static void what_cannot_be_told_has_no_last_version(void **state)
{
    static const char text[] =
        "{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: c}, spec: 7}\n"
        "---\n{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ''}, spec: 7}\n"
        "---\n{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, spec: 7}\n"
        "---\n{apiVersion: v1, kind: Service, metadata: 7}\n"
        "---\n{apiVersion: networking.k8s.io/v1, kind: ingress, metadata: {name: i}}\n"
        "---\n{apiVersion: v1, metadata: {name: s}}\n"
        "---\n{apiVersion: v1, kind: ServiceList, items: [{metadata: {name: t}, spec: 7}]}\n"
        "---\n{apiVersion: v1, kind: List, items: [{metadata: {name: u}, spec: 7}]}\n";
    struct manifestfile_request want = from_test;
    struct manifestcontent c;
    char asked[256] = "";

    (void)state;
    want.find_last = write_down;
    want.find_ctx = asked;
    manifestfile_init(&c);
    assert_int_equal(manifesttext_decode(&want, text, strlen(text), &c), 0);
    assert_string_equal(asked, "IngressClass /c Service default/s Service shop/s "
                               "Service default/t ");
    assert_int_equal(c.n, 0);
    manifestfile_fini(&c);
}

static void keep_in_want(void *ctx)
{
    struct manifestfile_request want = from_test;
    const char *text = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: 7}";
    struct manifestcontent c;
    int rc;

    want.find_last = only_a;
    want.find_ctx = ctx;
    manifestfile_init(&c);
    rc = manifesttext_decode(&want, text, strlen(text), &c);
    assert_true(rc == -ENOMEM || (rc == 0 && c.n == 1));
    manifestfile_fini(&c);
}

static void out_of_memory_while_keeping_leaks_nothing(void **state)
{
    struct manifestcontent last;

    (void)state;
    assert_int_equal(decode(ONE_PORT("a", "1"), &last), 0);
    assert_true(failalloc_torture(keep_in_want, last.objs[0].meta) > 10);
    manifestfile_fini(&last);
}

static void faults_over_the_cap_are_counted(void **state)
{
    static const char bad[] = "---\na: 1\na: 1\n";
    static char text[(LIMIT_VERDICTS_PER_FILE + 5) * sizeof(bad)];
    struct manifestcontent c;

    (void)state;
    text[0] = '\0';
    for (size_t i = 0; i < LIMIT_VERDICTS_PER_FILE + 5; i++) {
        memcpy(text + i * (sizeof(bad) - 1), bad, sizeof(bad));
    }
    assert_int_equal(decode(text, &c), -EINVAL);
    assert_int_equal(c.verdicts.errors, LIMIT_VERDICTS_PER_FILE);
    assert_non_null(strstr(c.verdicts.items[c.verdicts.n - 1].message, "5 more problems"));
    manifestfile_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_in_the_order_of_the_text_with_their_lines),
        cmocka_unit_test(a_text_may_hold_many_objects),
        cmocka_unit_test(other_kinds_and_empty_documents_are_not_judged),
        cmocka_unit_test(a_text_that_cannot_be_parsed_is_one_verdict_at_its_line),
        cmocka_unit_test(a_fault_in_a_document_of_another_kind_is_not_judged),
        cmocka_unit_test(a_fault_in_a_document_that_is_or_may_be_ours_breaks_the_file),
        cmocka_unit_test(what_is_said_of_a_refused_object_is_marked),
        cmocka_unit_test(a_value_that_should_be_quoted_is_reported_as_written),
        cmocka_unit_test(lists_within_lists_are_read_to_a_bound),
        cmocka_unit_test(items_of_a_typed_list_take_their_kind_from_it),
        cmocka_unit_test(a_file_full_of_problems_does_not_fill_the_memory),
        cmocka_unit_test(an_unusable_object_is_looked_for_by_its_identity),
        cmocka_unit_test(out_of_memory_is_not_taken_for_a_broken_text),
        cmocka_unit_test(what_cannot_be_told_has_no_last_version),
        cmocka_unit_test(out_of_memory_while_keeping_leaks_nothing),
        cmocka_unit_test(faults_over_the_cap_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
