#include "manifest/manifesttree.h"

#include <errno.h>
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
#include "model/store.h"
#include "support/failalloc.h"
#include "support/watched.h"

/** Walk the directory of `w` without watching it. */
static void walk(const struct watched *w, struct manifesttree *t)
{
    struct err e;

    assert_int_equal(manifesttree_walk(w->dir.path, NULL, t, &e), 0);
}

/** Whether the n-th file found is `name`. */
static bool found(const struct watched *w, const struct manifesttree *t, size_t n, const char *name)
{
    char path[PATH_MAX];

    return n < t->n && strcmp(t->entries[n].path, tempdir_path(&w->dir, name, path)) == 0;
}

static void files_come_sorted_by_path_with_what_tells_them_apart(void **state)
{
    struct watched *w = *state;
    struct manifesttree t;

    tempdir_write(&w->dir, "b.yaml", "12345");
    tempdir_write(&w->dir, "c/a.json", "");
    tempdir_write(&w->dir, "a.yml", "");
    walk(w, &t);
    assert_int_equal(t.n, 3);
    assert_true(found(w, &t, 0, "a.yml"));
    assert_true(found(w, &t, 1, "b.yaml"));
    assert_true(found(w, &t, 2, "c/a.json"));
    assert_int_equal(t.entries[1].id.size, 5);
    assert_int_equal(t.entries[1].id.error, 0);
    assert_false(manifestfile_same_id(&t.entries[0].id, &t.entries[2].id));
    manifesttree_fini(&t);
}

static void a_link_is_the_file_it_leads_to(void **state)
{
    struct watched *w = *state;
    struct manifesttree t;

    tempdir_write(&w->dir, ".real", "123");
    watched_link(w, ".real", "a.yaml");
    watched_link(w, "nowhere", "b.yaml");
    watched_link(w, "nowhere", "not-a-manifest");
    walk(w, &t);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.entries[0].id.size, 3);
    assert_int_equal(t.entries[1].id.error, ENOENT);
    manifesttree_fini(&t);
}

static void a_directory_by_the_name_of_a_manifest_is_a_directory(void **state)
{
    struct watched *w = *state;
    struct manifesttree t;

    tempdir_write(&w->dir, "dir.yaml/a.yaml", "");
    walk(w, &t);
    assert_int_equal(t.n, 1);
    assert_true(found(w, &t, 0, "dir.yaml/a.yaml"));
    manifesttree_fini(&t);
}

static void a_directory_by_two_names_is_read_under_both(void **state)
{
    struct watched *w = *state;
    struct manifesttree t;

    tempdir_write(&w->dir, "a/x.yaml", "");
    watched_link(w, "a", "b");
    walk(w, &t);
    assert_int_equal(t.n, 2);
    assert_true(found(w, &t, 1, "b/x.yaml"));
    manifesttree_fini(&t);
}

static void a_root_that_cannot_be_read_is_an_error_and_an_empty_tree(void **state)
{
    struct watched *w = *state;
    struct manifesttree t;
    char path[PATH_MAX];
    struct err e;

    assert_int_equal(manifesttree_walk(tempdir_path(&w->dir, "none", path), NULL, &t, &e), -ENOENT);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(t.n, 0);
    manifesttree_fini(&t);
}

static void below_a_blind_directory_nothing_is_known(void **state)
{
    const char *blind[] = {"m/dark", "/"};
    struct manifesttree t = {.blind = blind, .n_blind = 1};

    (void)state;
    assert_true(manifesttree_is_blind(&t, "m/dark/a.yaml"));
    assert_true(manifesttree_is_blind(&t, "m/dark/sub/a.yaml"));
    assert_false(manifesttree_is_blind(&t, "m/darker/a.yaml"));
    assert_false(manifesttree_is_blind(&t, "m/a.yaml"));
    t.n_blind = 2;
    assert_true(manifesttree_is_blind(&t, "/a.yaml"));
}

static void links_in_a_circle_end(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "sub/a.yaml", ONE_PORT("a", "1"));
    watched_link(w, "..", "sub/up");
    watched_link(w, ".", "self");
    watched_link(w, "loop.yaml", "loop.yaml");
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 1);
    assert_int_equal(w->v.n, 0);
    assert_non_null(watched_verdict(w, "ManifestUnreadable"));
    assert_null(watched_verdict(w, "DuplicateObject"));
}

static void a_tree_nested_too_deep_is_cut_and_told(void **state)
{
    struct watched *w = *state;
    char name[1024] = "";

    for (unsigned i = 0; i < LIMIT_MANIFEST_DEPTH; i++) {
        strcat(name, "d/");
    }
    strcat(name, "a.yaml");
    tempdir_write(&w->dir, name, ONE_PORT("a", "1"));
    strcpy(name + strlen(name) - strlen("a.yaml"), "d/b.yaml");
    tempdir_write(&w->dir, name, ONE_PORT("b", "1"));
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(watched_port(w, "b"), 0);
    assert_non_null(watched_verdict(w, "DirectoryTooDeep"));
}

static void walk_in_want(void *ctx)
{
    const struct watched *w = ctx;
    struct manifesttree t;
    struct err e;
    int rc = manifesttree_walk(w->dir.path, NULL, &t, &e);

    assert_true(rc == -ENOMEM || (rc == 0 && t.n == 40));
    manifesttree_fini(&t);
}

static void out_of_memory_anywhere_leaks_nothing(void **state)
{
    struct watched *w = *state;
    char name[32];

    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%d/%d.yaml", i % 3, i);
        tempdir_write(&w->dir, name, "");
    }
    assert_true(failalloc_torture(walk_in_want, w) >= 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, watched_setup, watched_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_come_sorted_by_path_with_what_tells_them_apart),
        TEST(a_link_is_the_file_it_leads_to),
        TEST(a_directory_by_the_name_of_a_manifest_is_a_directory),
        TEST(a_directory_by_two_names_is_read_under_both),
        TEST(a_root_that_cannot_be_read_is_an_error_and_an_empty_tree),
        TEST(below_a_blind_directory_nothing_is_known),
        TEST(links_in_a_circle_end),
        TEST(a_tree_nested_too_deep_is_cut_and_told),
        TEST(out_of_memory_anywhere_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
