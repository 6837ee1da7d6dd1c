#include "manifest/manifestdir.h"

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
#include "model/store.h"
#include "support/failalloc.h"
#include "support/wait_until.h"
#include "support/watched.h"

#define PATIENCE_MS 20000 /* only a failing test waits so long */

static void every_manifest_below_is_read_at_the_first_sync(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    tempdir_write(&w->dir, "sub/deep/b.yml", ONE_PORT("b", "2") ONE_PORT("c", "3"));
    tempdir_write(&w->dir, "sub/d.json",
                  "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"d\", "
                  "\"namespace\": \"shop\"}, \"spec\": {\"ports\": [{\"port\": 4}]}}");
    watched_open(w);
    watched_sync_once(w);
    assert_true(w->change.changed);
    assert_int_equal(w->change.files_read, 3);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(watched_port(w, "b"), 2);
    assert_int_equal(watched_port(w, "c"), 3);
    assert_int_equal(watched_port(w, "d"), 4);
    assert_int_equal(watched_verdicts(w), 0);
}

static void other_names_and_hidden_ones_are_passed_over(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "notes.txt", "{");
    tempdir_write(&w->dir, ".hidden.yaml", ONE_PORT("a", "1"));
    tempdir_write(&w->dir, ".git/b.yaml", ONE_PORT("b", "1"));
    tempdir_write(&w->dir, ".yaml", ONE_PORT("c", "1"));
    tempdir_write(&w->dir, "d.yaml~", ONE_PORT("d", "1"));
    watched_open(w);
    watched_sync_once(w);
    assert_false(w->change.changed);
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 0);
    assert_int_equal(watched_verdicts(w), 0);
}

static void a_list_is_its_items(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml",
                  "apiVersion: v1\nkind: List\nitems:\n"
                  "- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, "
                  "spec: {ports: [{port: 1}]}}\n"
                  "- {apiVersion: v1, kind: Service, metadata: {name: b, namespace: shop}, "
                  "spec: {ports: [{port: 2}]}}\n");
    watched_open(w);
    watched_sync_once(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(watched_port(w, "b"), 2);
}

static void paths_are_written_as_the_user_gave_the_directory(void **state)
{
    struct watched *w = *state;
    char given[PATH_MAX], expected[PATH_MAX];
    struct err e;

    tempdir_write(&w->dir, "sub/a.yaml", ONE_PORT("a", "1"));
    snprintf(given, sizeof(given), "%s///", w->dir.path);
    w->m = manifestdir_open(given, w->store, &e);
    assert_non_null(w->m);
    watched_sync_once(w);
    assert_string_equal(store_find(w->store, OBJECT_SERVICE, "shop", "a")->file,
                        tempdir_path(&w->dir, "sub/a.yaml", expected));
}

static void what_cannot_be_opened_is_told_at_once(void **state)
{
    struct watched *w = *state;
    char path[PATH_MAX];
    struct err e;

    assert_null(manifestdir_open(tempdir_path(&w->dir, "none", path), w->store, &e));
    assert_non_null(strstr(e.text, "none"));
    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    assert_null(manifestdir_open(tempdir_path(&w->dir, "a.yaml", path), w->store, &e));
    assert_non_null(strstr(e.text, "not a directory"));
}

static void without_a_change_nothing_is_read_again(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    watched_open(w);
    watched_sync(w);
    watched_sync_once(w);
    assert_int_equal(w->change.files_read, 0);
    assert_false(w->change.changed);
    manifestdir_reread(w->m);
    watched_sync_once(w);
    assert_int_equal(w->change.files_read, 1);
}

static void a_file_renamed_over_another_is_read(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    watched_open(w);
    watched_sync(w);
    assert_false(manifestdir_drain(w->m));
    tempdir_replace(&w->dir, "a.yaml", ONE_PORT("a", "2"));
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_true(w->change.changed);
    assert_int_equal(watched_port(w, "a"), 2);
}

static void a_file_written_in_place_is_read(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    watched_open(w);
    watched_sync(w);
    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "2"));
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 2);
}

/** Look at a file that was just written; again where the look came too late. */
static bool is_caught_in_motion(void *ctx)
{
    struct watched *w = ctx;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    watched_sync(w);
    tempdir_write(&w->dir, "a.yaml", "");
    watched_sync_once(w);
    return w->change.retry;
}

static void a_file_that_is_being_written_keeps_its_objects_until_it_is_left_alone(void **state)
{
    struct watched *w = *state;

    watched_open(w);
    assert_true(wait_until(is_caught_in_motion, w, PATIENCE_MS));
    assert_false(w->change.changed);
    assert_int_equal(watched_port(w, "a"), 1);
    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "2"));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 2);
}

/** Write until that is read; again where a look came so late that the file was at rest. */
static bool is_read_while_written(void *ctx)
{
    struct watched *w = ctx;
    int rounds = 0;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    watched_sync(w);
    do {
        tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "2"));
        watched_sync_once(w);
    } while (w->change.retry && watched_port(w, "a") != 2 && ++rounds < 100);
    return w->change.retry && rounds >= 5 && rounds < 100;
}

static void a_file_written_all_the_time_is_read_in_the_end(void **state)
{
    struct watched *w = *state;

    watched_open(w);
    assert_true(wait_until(is_read_while_written, w, PATIENCE_MS));
    assert_int_equal(watched_port(w, "a"), 2);
}

static void a_removed_file_takes_its_objects_along(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    tempdir_write(&w->dir, "b.yaml", ONE_PORT("b", "1"));
    watched_open(w);
    watched_sync(w);
    watched_remove(w, "a.yaml");
    assert_true(watched_rings(w));
    watched_sync_once(w);
    assert_true(w->change.changed);
    assert_int_equal(watched_port(w, "a"), 0);
    assert_int_equal(watched_port(w, "b"), 1);
}

static void an_object_that_leaves_its_file_leaves_the_store(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1") ONE_PORT("b", "1"));
    watched_open(w);
    watched_sync(w);
    tempdir_replace(&w->dir, "a.yaml", ONE_PORT("b", "1"));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 0);
    assert_int_equal(watched_port(w, "b"), 1);
}

static void a_new_directory_and_what_is_in_it_are_seen(void **state)
{
    struct watched *w = *state;

    watched_open(w);
    watched_sync(w);
    tempdir_write(&w->dir, "new/a.yaml", ONE_PORT("a", "1"));
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_false(manifestdir_drain(w->m));
    tempdir_write(&w->dir, "new/b.yaml", ONE_PORT("b", "1"));
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_int_equal(watched_port(w, "b"), 1);
}

static void a_directory_moved_away_is_gone_and_no_longer_watched(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "tree/sub/a.yaml", ONE_PORT("a", "1"));
    tempdir_mkdir(&w->dir, "tree/.away");
    watched_open(w);
    watched_sync(w);
    watched_rename(w, "tree/sub", "tree/.away/sub");
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 0);
    (void)manifestdir_drain(w->m);
    tempdir_write(&w->dir, "tree/.away/sub/b.yaml", ONE_PORT("b", "1"));
    assert_false(manifestdir_drain(w->m));
}

static void a_mounted_configmap_is_swapped_as_a_whole(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "..2026_01/a.yaml", ONE_PORT("a", "1"));
    tempdir_write(&w->dir, "..2026_01/b.yaml", ONE_PORT("b", "1"));
    watched_link(w, "..2026_01", "..data");
    watched_link(w, "..data/a.yaml", "a.yaml");
    watched_link(w, "..data/b.yaml", "b.yaml");
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 2);

    tempdir_write(&w->dir, "..2026_02/a.yaml", ONE_PORT("a", "2"));
    watched_sync(w);
    watched_link(w, "..2026_02", "..data_tmp");
    (void)manifestdir_drain(w->m);
    watched_rename(w, "..data_tmp", "..data");
    assert_true(watched_rings(w));
    watched_remove(w, "b.yaml");
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 2);
    assert_int_equal(watched_port(w, "b"), 0);
    assert_int_equal(watched_verdicts(w), 0);
}

static void what_a_symbolic_link_leads_to_is_watched(void **state)
{
    struct watched *w = *state;
    struct tempdir outside;
    char path[PATH_MAX];

    tempdir_make(&outside);
    tempdir_write(&outside, "dir/a.yaml", ONE_PORT("a", "1"));
    tempdir_write(&outside, "b.yaml", ONE_PORT("b", "1"));
    watched_link(w, tempdir_path(&outside, "dir", path), "linked");
    watched_link(w, tempdir_path(&outside, "b.yaml", path), "b.yaml");
    watched_open(w);
    watched_sync(w);
    (void)manifestdir_drain(w->m);
    tempdir_write(&outside, "dir/a.yaml", ONE_PORT("a", "2"));
    assert_true(watched_rings(w));
    watched_sync(w);
    (void)manifestdir_drain(w->m);
    tempdir_replace(&outside, "b.yaml", ONE_PORT("b", "2"));
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 2);
    assert_int_equal(watched_port(w, "b"), 2);
    tempdir_remove(&outside);
}

static void a_thousand_files_are_read_and_one_change_among_them_is_cheap(void **state)
{
    struct watched *w = *state;
    char name[32], yaml[256];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "%d/%d.yaml", i % 10, i);
        snprintf(yaml, sizeof(yaml), ONE_PORT("s%d", "1"), i);
        tempdir_write(&w->dir, name, yaml);
    }
    watched_open(w);
    watched_sync(w);
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 1000);
    tempdir_replace(&w->dir, "7/507.yaml", ONE_PORT("s507", "2"));
    watched_sync(w);
    assert_int_equal(watched_port(w, "s507"), 2);
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 1000);
}

static void a_vanished_root_leaves_the_store_and_is_found_again(void **state)
{
    struct watched *w = *state;
    char root[PATH_MAX];
    struct err e;

    tempdir_write(&w->dir, "m/a.yaml", ONE_PORT("a", "1"));
    w->m = manifestdir_open(tempdir_path(&w->dir, "m", root), w->store, &e);
    assert_non_null(w->m);
    watched_sync(w);
    assert_false(manifestdir_is_stale(w->m));
    watched_rename(w, "m", "away");
    assert_true(manifestdir_is_stale(w->m));
    e.text[0] = '\0';
    assert_int_equal(manifestdir_sync(w->m, &w->change, &e), -ENOENT);
    assert_non_null(strstr(e.text, root));
    assert_int_equal(watched_port(w, "a"), 1);
    assert_false(manifestdir_is_stale(w->m));

    tempdir_write(&w->dir, "m/b.yaml", ONE_PORT("b", "1"));
    assert_true(manifestdir_is_stale(w->m));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 0);
    assert_int_equal(watched_port(w, "b"), 1);
    (void)manifestdir_drain(w->m);
    tempdir_write(&w->dir, "m/c.yaml", ONE_PORT("c", "1"));
    assert_true(watched_rings(w));
}

static void a_root_that_is_a_link_led_elsewhere_is_stale(void **state)
{
    struct watched *w = *state;
    char root[PATH_MAX];
    struct err e;

    tempdir_write(&w->dir, "v1/a.yaml", ONE_PORT("a", "1"));
    tempdir_write(&w->dir, "v2/a.yaml", ONE_PORT("a", "2"));
    watched_link(w, "v1", "current");
    w->m = manifestdir_open(tempdir_path(&w->dir, "current", root), w->store, &e);
    assert_non_null(w->m);
    watched_sync(w);
    watched_link(w, "v2", "next");
    watched_rename(w, "next", "current");
    assert_true(manifestdir_is_stale(w->m));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 2);
}

static void a_file_is_read_once_whatever_its_name(void **state)
{
    struct watched *w = *state;
    char path[PATH_MAX];

    tempdir_write(&w->dir, "a.txt", ONE_PORT("a", "1") "---\nkind: Service\napiVersion: v1\n");
    assert_int_equal(manifestdir_read_once(tempdir_path(&w->dir, "a.txt", path), w->store, &w->v),
                     0);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(w->v.errors, 1);
}

static void a_directory_is_read_once_in_path_order(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "b.yaml", ONE_PORT("x", "2"));
    tempdir_write(&w->dir, "a/a.yaml", ONE_PORT("x", "1"));
    assert_int_equal(manifestdir_read_once(w->dir.path, w->store, &w->v), 0);
    assert_int_equal(watched_port(w, "x"), 1);
    assert_int_equal(w->v.n, 1);
    assert_string_equal(w->v.items[0].reason, "DuplicateObject");
}

static void several_paths_share_a_store_and_know_of_each_others_objects(void **state)
{
    struct watched *w = *state;
    char path[PATH_MAX];

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("x", "1"));
    tempdir_write(&w->dir, "b.yaml", ONE_PORT("x", "2"));
    assert_int_equal(manifestdir_read_once(tempdir_path(&w->dir, "b.yaml", path), w->store, &w->v),
                     0);
    assert_int_equal(manifestdir_read_once(tempdir_path(&w->dir, "a.yaml", path), w->store, &w->v),
                     0);
    assert_int_equal(watched_port(w, "x"), 2);
    assert_string_equal(w->v.items[0].reason, "DuplicateObject");
}

static void what_is_not_there_is_an_error_verdict(void **state)
{
    struct watched *w = *state;
    char path[PATH_MAX];

    assert_int_equal(
        manifestdir_read_once(tempdir_path(&w->dir, "none.yaml", path), w->store, &w->v), 0);
    assert_int_equal(w->v.errors, 1);
    assert_string_equal(w->v.items[0].file, path);
}

/** Put a pipe that holds `text` in the place of stdin; returns the old one. */
static int feed_stdin(const char *text)
{
    int ends[2], old = dup(STDIN_FILENO);

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    return old;
}

static void a_dash_is_standard_input(void **state)
{
    struct watched *w = *state;
    int old = feed_stdin(ONE_PORT("a", "1") "}");

    assert_int_equal(manifestdir_read_once("-", w->store, &w->v), 0);
    assert_int_equal(w->v.errors, 1);
    assert_string_equal(w->v.items[0].file, "-");
    close(old < 0 ? STDIN_FILENO : dup2(old, STDIN_FILENO) == STDIN_FILENO ? old : -1);
}

static void a_pipe_is_read_as_a_shell_makes_them(void **state)
{
    struct watched *w = *state;
    char path[64];
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], ONE_PORT("a", "1"), strlen(ONE_PORT("a", "1"))),
                     (ssize_t)strlen(ONE_PORT("a", "1")));
    close(ends[1]);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    assert_int_equal(manifestdir_read_once(path, w->store, &w->v), 0);
    assert_int_equal(watched_port(w, "a"), 1);
    close(ends[0]);
}

/* ---- torture ----------------------------------------------------------------------------------
 */

struct torture {
    const struct tempdir *dir;
    size_t failed;
};

/** Whatever could not be read at first is read by the next sync. */
static void read_in_want(void *ctx)
{
    struct torture *t = ctx;
    struct store *s = store_new();
    struct manifestdir_change change;
    struct err e;
    struct manifestdir *m = s ? manifestdir_open(t->dir->path, s, &e) : NULL;
    int rc = m ? manifestdir_sync(m, &change, &e) : 0;
    struct verdicts v;

    assert_true(rc == 0 || rc == -ENOMEM);
    verdicts_init(&v);
    if (rc != 0) {
        t->failed++;
        manifestdir_reread(m);
        assert_int_equal(manifestdir_sync(m, &change, &e), 0);
    }
    if (m) {
        manifestdir_verdicts(m, &v);
        assert_int_equal(store_count(s, OBJECT_SERVICE), 3);
        assert_true(v.lost || v.n == 2);
    }
    verdicts_fini(&v);
    manifestdir_close(m);
    store_free(s);
}

static void out_of_memory_anywhere_is_caught_up_with(void **state)
{
    struct watched *w = *state;
    struct torture t = {.dir = &w->dir};

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1") ONE_PORT("b", "2"));
    tempdir_write(&w->dir, "sub/b.yaml", ONE_PORT("a", "3") ONE_PORT("c", "1"));
    tempdir_write(&w->dir, "sub/c.yaml", "}");
    assert_true(failalloc_torture(read_in_want, &t) > 20);
    assert_true(t.failed > 10);
}

static void read_once_in_want(void *ctx)
{
    const struct tempdir *dir = ctx;
    struct store *s = store_new();
    struct verdicts v;

    verdicts_init(&v);
    if (s) {
        int rc = manifestdir_read_once(dir->path, s, &v);

        assert_true(rc == 0 || rc == -ENOMEM);
    }
    verdicts_fini(&v);
    store_free(s);
}

static void out_of_memory_while_reading_once_leaks_nothing(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1") ONE_PORT("b", "2"));
    tempdir_write(&w->dir, "b.yaml", "}");
    assert_true(failalloc_torture(read_once_in_want, &w->dir) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, watched_setup, watched_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_manifest_below_is_read_at_the_first_sync),
        TEST(other_names_and_hidden_ones_are_passed_over),
        TEST(a_list_is_its_items),
        TEST(paths_are_written_as_the_user_gave_the_directory),
        TEST(what_cannot_be_opened_is_told_at_once),
        TEST(without_a_change_nothing_is_read_again),
        TEST(a_file_renamed_over_another_is_read),
        TEST(a_file_written_in_place_is_read),
        TEST(a_file_that_is_being_written_keeps_its_objects_until_it_is_left_alone),
        TEST(a_file_written_all_the_time_is_read_in_the_end),
        TEST(a_removed_file_takes_its_objects_along),
        TEST(an_object_that_leaves_its_file_leaves_the_store),
        TEST(a_new_directory_and_what_is_in_it_are_seen),
        TEST(a_directory_moved_away_is_gone_and_no_longer_watched),
        TEST(a_mounted_configmap_is_swapped_as_a_whole),
        TEST(what_a_symbolic_link_leads_to_is_watched),
        TEST(a_thousand_files_are_read_and_one_change_among_them_is_cheap),
        TEST(a_vanished_root_leaves_the_store_and_is_found_again),
        TEST(a_root_that_is_a_link_led_elsewhere_is_stale),
        TEST(a_file_is_read_once_whatever_its_name),
        TEST(a_directory_is_read_once_in_path_order),
        TEST(several_paths_share_a_store_and_know_of_each_others_objects),
        TEST(what_is_not_there_is_an_error_verdict),
        TEST(a_dash_is_standard_input),
        TEST(a_pipe_is_read_as_a_shell_makes_them),
        TEST(out_of_memory_anywhere_is_caught_up_with),
        TEST(out_of_memory_while_reading_once_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
