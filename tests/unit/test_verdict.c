#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "model/object.h"
#include "model/verdict.h"
#include "support/failalloc.h"

static const struct objmeta shop = {
    .kind = OBJECT_INGRESS, .ns = "web", .name = "shop", .file = "a.yaml", .line = 12};

static void a_verdict_carries_copies_of_what_it_is_about(void **state)
{
    char file[] = "a.yaml";
    struct objmeta about = shop;
    struct verdicts v;

    (void)state;
    about.file = file;
    verdicts_init(&v);
    verdicts_add(&v, &about, 30, VERDICT_ERROR, "InvalidHost", "host %s is no host", "\"x\"");
    memset(file, '!', sizeof(file) - 1);
    assert_int_equal(v.n, 1);
    assert_string_equal(v.items[0].kind, "Ingress");
    assert_string_equal(v.items[0].ns, "web");
    assert_string_equal(v.items[0].name, "shop");
    assert_string_equal(v.items[0].file, "a.yaml");
    assert_string_equal(v.items[0].reason, "InvalidHost");
    assert_string_equal(v.items[0].message, "host \"x\" is no host");
    assert_int_equal(v.items[0].line, 30);
    assert_int_equal(v.items[0].severity, VERDICT_ERROR);
    verdicts_fini(&v);
}

static void a_uid_is_kept_where_it_can_be_one(void **state)
{
    struct objmeta about = shop;
    struct verdicts v, copy;
    char long_text[1000];

    (void)state;
    memset(long_text, 'u', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    verdicts_init(&v);
    verdicts_init(&copy);
    about.uid = "0b0a";
    verdicts_add(&v, &about, 0, VERDICT_NOTE, "R", "m");
    about.uid = NULL;
    verdicts_add(&v, &about, 0, VERDICT_NOTE, "R", "m");
    about.uid = long_text;
    verdicts_add(&v, &about, 0, VERDICT_NOTE, "R", "m");
    verdicts_append(&copy, &v);
    assert_string_equal(copy.items[0].uid, "0b0a");
    assert_string_equal(copy.items[1].uid, "");
    assert_string_equal(copy.items[2].uid, "");
    verdicts_fini(&v);
    verdicts_fini(&copy);
}

static void line_zero_means_the_line_of_the_object(void **state)
{
    struct verdicts v;

    (void)state;
    verdicts_init(&v);
    verdicts_add(&v, &shop, 0, VERDICT_NOTE, "R", "m");
    assert_int_equal(v.items[0].line, 12);
    verdicts_fini(&v);
}

static void a_place_without_an_object_has_no_identity(void **state)
{
    struct verdicts v;

    (void)state;
    verdicts_init(&v);
    verdicts_add_at(&v, "b.yaml", 3, VERDICT_ERROR, "InvalidYaml", "%d", 5);
    assert_string_equal(v.items[0].kind, "");
    assert_string_equal(v.items[0].ns, "");
    assert_string_equal(v.items[0].name, "");
    assert_string_equal(v.items[0].file, "b.yaml");
    assert_string_equal(v.items[0].message, "5");
    assert_int_equal(v.items[0].line, 3);
    verdicts_fini(&v);
}

static void errors_and_warnings_are_counted_and_notes_are_not(void **state)
{
    struct verdicts v;

    (void)state;
    verdicts_init(&v);
    for (int i = 0; i < 100; i++) {
        verdicts_add(&v, &shop, 0, (enum verdict_severity)(i % 3), "R", "%d", i);
    }
    assert_int_equal(v.n, 100);
    assert_int_equal(v.errors, 33);
    assert_int_equal(v.warnings, 33);
    assert_false(v.lost);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(atoi(v.items[i].message), i);
    }
    verdicts_fini(&v);
    assert_int_equal(v.n, 0);
    verdicts_add(&v, &shop, 0, VERDICT_NOTE, "R", "usable again");
    assert_int_equal(v.n, 1);
    verdicts_fini(&v);
}

static void a_long_message_is_cut_and_says_so(void **state)
{
    char long_text[3000];
    struct verdicts v;
    size_t len;

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    verdicts_init(&v);
    verdicts_add(&v, &shop, 0, VERDICT_NOTE, "R", "%s", long_text);
    len = strlen(v.items[0].message);
    assert_in_range(len, 900, 1023);
    assert_string_equal(v.items[0].message + len - 3, "...");
    verdicts_fini(&v);
}

static void appending_copies_texts_counts_and_loss(void **state)
{
    struct verdicts from, to;

    (void)state;
    verdicts_init(&from);
    verdicts_init(&to);
    verdicts_add(&to, &shop, 1, VERDICT_NOTE, "First", "one");
    verdicts_add(&from, &shop, 2, VERDICT_ERROR, "Second", "two");
    verdicts_add_at(&from, "f", 3, VERDICT_WARNING, "Third", "three");
    from.lost = true;
    verdicts_append(&to, &from);
    verdicts_fini(&from);
    assert_int_equal(to.n, 3);
    assert_string_equal(to.items[1].message, "two");
    assert_string_equal(to.items[1].kind, "Ingress");
    assert_string_equal(to.items[2].file, "f");
    assert_int_equal(to.errors, 1);
    assert_int_equal(to.warnings, 1);
    assert_true(to.lost);
    verdicts_fini(&to);
}

static void moved_verdicts_keep_their_texts_and_counts(void **state)
{
    struct verdicts from, to;
    const char *message;

    (void)state;
    verdicts_init(&from);
    verdicts_init(&to);
    verdicts_add(&to, &shop, 1, VERDICT_WARNING, "One", "one");
    verdicts_add(&from, &shop, 2, VERDICT_ERROR, "Two", "two");
    message = from.items[0].message;
    verdicts_move(&to, &from);
    assert_int_equal(from.n, 0);
    assert_int_equal(to.n, 2);
    assert_ptr_equal(to.items[1].message, message);
    assert_int_equal(to.errors, 1);
    assert_int_equal(to.warnings, 1);
    assert_false(to.lost);
    verdicts_fini(&to);
}

static void what_cannot_be_moved_is_lost(void **state)
{
    struct verdicts from, to;

    (void)state;
    verdicts_init(&from);
    verdicts_init(&to);
    verdicts_add(&from, &shop, 2, VERDICT_ERROR, "Two", "two");
    failalloc_arm(1);
    verdicts_move(&to, &from);
    assert_true(failalloc_disarm());
    assert_int_equal(to.n, 0);
    assert_true(to.lost);
    assert_int_equal(from.n, 0);
    verdicts_fini(&to);
}

static void what_has_room_can_be_moved_without_memory(void **state)
{
    struct verdicts from, to;

    (void)state;
    verdicts_init(&from);
    verdicts_init(&to);
    for (unsigned i = 0; i < 20; i++) {
        verdicts_add(&from, &shop, i, VERDICT_ERROR, "Two", "two");
    }
    failalloc_arm(1);
    assert_false(verdicts_reserve(&to, from.n));
    assert_true(failalloc_disarm());
    assert_true(verdicts_reserve(&to, from.n));
    failalloc_arm(1);
    verdicts_move(&to, &from);
    assert_false(failalloc_disarm());
    assert_int_equal(to.n, 20);
    assert_false(to.lost);
    verdicts_fini(&to);
}

static bool is_other_name(void *ctx, const struct verdict *v)
{
    return strcmp(v->message, ctx) != 0;
}

static void a_filter_drops_and_counts(void **state)
{
    struct verdicts v;
    char b[] = "b";

    (void)state;
    verdicts_init(&v);
    verdicts_add(&v, &shop, 0, VERDICT_NOTE, "R", "a");
    verdicts_add(&v, &shop, 0, VERDICT_ERROR, "R", "b");
    verdicts_add(&v, &shop, 0, VERDICT_WARNING, "R", "b");
    verdicts_add(&v, &shop, 0, VERDICT_ERROR, "R", "c");
    verdicts_filter(&v, is_other_name, b);
    assert_int_equal(v.n, 2);
    assert_int_equal(v.errors, 1);
    assert_int_equal(v.warnings, 0);
    assert_string_equal(v.items[0].message, "a");
    assert_string_equal(v.items[1].message, "c");
    verdicts_fini(&v);
}

static void a_mark_for_refused_objects_stays_when_appended(void **state)
{
    struct verdicts v, copy;

    (void)state;
    verdicts_init(&v);
    verdicts_init(&copy);
    verdicts_add(&v, &shop, 0, VERDICT_NOTE, "R", "a");
    verdicts_add(&v, &shop, 0, VERDICT_NOTE, "R", "b");
    verdicts_mark_refused(&v, 1);
    verdicts_append(&copy, &v);
    assert_false(copy.items[0].refused);
    assert_true(copy.items[1].refused);
    verdicts_fini(&v);
    verdicts_fini(&copy);
}

static void sorting_goes_by_file_line_namespace_name_and_reason(void **state)
{
    static const struct {
        const char *file, *ns, *name, *reason;
        unsigned line;
    } sorted[] = {
        {"a", "n", "o", "R", 2}, {"a", "n", "o", "R", 10}, {"b", "m", "z", "R", 1},
        {"b", "n", "a", "R", 1}, {"b", "n", "b", "A", 1},  {"b", "n", "b", "B", 1},
    };
    static const size_t shuffled[] = {5, 0, 3, 1, 4, 2};
    struct verdicts v;

    (void)state;
    verdicts_init(&v);
    for (size_t i = 0; i < ARRAY_LEN(shuffled); i++) {
        size_t k = shuffled[i];
        struct objmeta o = {.kind = OBJECT_INGRESS,
                            .ns = sorted[k].ns,
                            .name = sorted[k].name,
                            .file = sorted[k].file};

        verdicts_add(&v, &o, sorted[k].line, VERDICT_NOTE, sorted[k].reason, "%zu", k);
    }
    verdicts_sort(&v);
    for (size_t i = 0; i < v.n; i++) {
        assert_int_equal(atoi(v.items[i].message), i);
    }
    verdicts_fini(&v);
}

static void severities_have_the_names_of_the_report(void **state)
{
    (void)state;
    assert_string_equal(verdict_severity_name(VERDICT_ERROR), "error");
    assert_string_equal(verdict_severity_name(VERDICT_WARNING), "warning");
    assert_string_equal(verdict_severity_name(VERDICT_NOTE), "note");
}

static void add_some(void *ctx)
{
    struct verdicts v, copy;

    verdicts_init(&v);
    verdicts_init(&copy);
    for (int i = 0; i < 10; i++) {
        verdicts_add(&v, &shop, 0, VERDICT_ERROR, "R", "%d", i);
    }
    verdicts_append(&copy, &v);
    assert_int_equal(v.n + copy.n < 20, v.lost || copy.lost);
    *(size_t *)ctx = v.n + copy.n;
    verdicts_fini(&v);
    verdicts_fini(&copy);
}

static void without_memory_a_verdict_is_lost_and_the_list_knows(void **state)
{
    size_t n = 0;

    (void)state;
    assert_true(failalloc_torture(add_some, &n) > 20);
    assert_int_equal(n, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_carries_copies_of_what_it_is_about),
        cmocka_unit_test(a_uid_is_kept_where_it_can_be_one),
        cmocka_unit_test(line_zero_means_the_line_of_the_object),
        cmocka_unit_test(a_place_without_an_object_has_no_identity),
        cmocka_unit_test(errors_and_warnings_are_counted_and_notes_are_not),
        cmocka_unit_test(a_long_message_is_cut_and_says_so),
        cmocka_unit_test(appending_copies_texts_counts_and_loss),
        cmocka_unit_test(moved_verdicts_keep_their_texts_and_counts),
        cmocka_unit_test(what_cannot_be_moved_is_lost),
        cmocka_unit_test(what_has_room_can_be_moved_without_memory),
        cmocka_unit_test(a_filter_drops_and_counts),
        cmocka_unit_test(a_mark_for_refused_objects_stays_when_appended),
        cmocka_unit_test(sorting_goes_by_file_line_namespace_name_and_reason),
        cmocka_unit_test(severities_have_the_names_of_the_report),
        cmocka_unit_test(without_memory_a_verdict_is_lost_and_the_list_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
