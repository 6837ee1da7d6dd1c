#include "manifest/manifestindex.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "manifest/manifesttext.h"
#include "model/store.h"
#include "support/failalloc.h"
#include "support/watched.h"

static void of_two_the_first_by_path_is_used_and_the_other_told_with_both_places(void **state)
{
    struct watched *w = *state;
    const struct verdict *v;
    char a[PATH_MAX], b[PATH_MAX];

    tempdir_write(&w->dir, "b.yaml", ONE_PORT("x", "2"));
    tempdir_write(&w->dir, "a.yaml", ONE_PORT("w", "1") ONE_PORT("x", "1"));
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "x"), 1);
    assert_int_equal(watched_verdicts(w), 1);
    v = watched_verdict(w, "DuplicateObject");
    assert_int_equal(v->severity, VERDICT_ERROR);
    assert_string_equal(v->file, tempdir_path(&w->dir, "b.yaml", b));
    (void)tempdir_path(&w->dir, "a.yaml", a);
    strcat(a, ":6");
    assert_non_null(strstr(v->message, a));
    strcat(b, ":1");
    assert_non_null(strstr(v->message, b));
}

static void within_a_file_the_first_is_used(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("x", "1") ONE_PORT("x", "2") ONE_PORT("x", "3"));
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "x"), 1);
    assert_int_equal(watched_verdicts(w), 2);
}

static void when_the_first_goes_the_second_takes_over(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("x", "1"));
    tempdir_write(&w->dir, "b.yaml", ONE_PORT("x", "2"));
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "x"), 1);
    watched_remove(w, "a.yaml");
    watched_sync(w);
    assert_int_equal(watched_port(w, "x"), 2);
    assert_int_equal(watched_verdicts(w), 0);
    tempdir_write(&w->dir, "a.yaml", ONE_PORT("x", "3"));
    watched_sync(w);
    assert_int_equal(watched_port(w, "x"), 3);
    assert_int_equal(watched_verdicts(w), 1);
}

static void an_object_that_moves_to_another_file_is_never_missing(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("x", "1"));
    watched_open(w);
    watched_sync(w);
    watched_rename(w, "a.yaml", "b.yaml");
    watched_sync(w);
    assert_int_equal(watched_port(w, "x"), 1);
    assert_int_equal(watched_verdicts(w), 0);
}

static void an_object_that_moves_into_a_file_still_being_written_is_never_missing(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("w", "1"));
    tempdir_write(&w->dir, "b.yaml", ONE_PORT("x", "1"));
    watched_open(w);
    watched_sync(w);
    watched_remove(w, "b.yaml");
    tempdir_write(&w->dir, "a.yaml", ONE_PORT("w", "1") ONE_PORT("x", "1"));
    do {
        watched_sync_once(w);
        assert_int_equal(watched_port(w, "x"), 1);
    } while (w->change.retry);
    assert_int_equal(watched_verdicts(w), 0);
}

/** Two contents with an object in common, entered and settled by what memory there is. */
static void index_in_want(void *ctx)
{
    struct manifestcontent *contents = ctx;
    struct store *s = store_new();
    struct manifestindex ix;
    bool changed = false, attached[2] = {false};

    if (!s) {
        return;
    }
    manifestindex_init(&ix, s);
    for (size_t i = 0; i < 2; i++) {
        attached[i] = manifestindex_prepare(&ix, &contents[i]) == 0;
        if (attached[i]) {
            manifestindex_attach(&ix, &contents[i]);
        }
    }
    if (manifestindex_settle(&ix, &changed) != 0) {
        assert_int_equal(manifestindex_settle(&ix, &changed), 0);
    }
    assert_int_equal(store_count(s, OBJECT_SERVICE), attached[0] ? attached[1] ? 3 : 2 : 2);
    for (size_t i = 0; i < 2; i++) {
        if (attached[i]) {
            manifestindex_detach(&ix, &contents[i]);
        }
    }
    assert_int_equal(manifestindex_settle(&ix, &changed), 0);
    assert_int_equal(store_count(s, OBJECT_SERVICE), 0);
    manifestindex_fini(&ix);
    store_free(s);
}

static void without_memory_the_index_is_settled_at_the_next_try(void **state)
{
    static const char *const texts[] = {ONE_PORT("x", "1") ONE_PORT("v", "1"),
                                        ONE_PORT("x", "2") ONE_PORT("z", "1")};
    const struct manifestfile_request want = {.path = "test.yaml"};
    struct manifestcontent contents[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        manifestfile_init(&contents[i]);
        assert_int_equal(manifesttext_decode(&want, texts[i], strlen(texts[i]), &contents[i]), 0);
    }
    assert_true(failalloc_torture(index_in_want, contents) > 10);
    for (size_t i = 0; i < 2; i++) {
        manifestfile_fini(&contents[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, watched_setup, watched_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_two_the_first_by_path_is_used_and_the_other_told_with_both_places),
        TEST(within_a_file_the_first_is_used),
        TEST(when_the_first_goes_the_second_takes_over),
        TEST(an_object_that_moves_to_another_file_is_never_missing),
        TEST(an_object_that_moves_into_a_file_still_being_written_is_never_missing),
        cmocka_unit_test(without_memory_the_index_is_settled_at_the_next_try),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
