#include "manifest/manifestwatch.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/failalloc.h"
#include "support/watched.h"

static bool rings(struct manifestwatch *m)
{
    struct pollfd p = {.fd = m->fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1 && manifestwatch_drain(m);
}

static void watch(struct manifestwatch *m, const struct watched *w, const char *name)
{
    char path[PATH_MAX];

    assert_int_equal(manifestwatch_directory(m, tempdir_path(&w->dir, name, path)), 0);
}

static void what_is_no_longer_asked_for_is_let_go(void **state)
{
    struct watched *w = *state;
    struct manifestwatch m;

    tempdir_mkdir(&w->dir, "a");
    tempdir_mkdir(&w->dir, "b");
    assert_int_equal(manifestwatch_init(&m), 0);
    watch(&m, w, "a");
    watch(&m, w, "b");
    manifestwatch_finish(&m);
    tempdir_write(&w->dir, "a/x", "");
    assert_true(rings(&m));
    assert_false(rings(&m));
    watch(&m, w, "b");
    manifestwatch_finish(&m);
    (void)manifestwatch_drain(&m);
    tempdir_write(&w->dir, "a/y", "");
    assert_false(rings(&m));
    tempdir_write(&w->dir, "b/y", "");
    assert_true(rings(&m));
    manifestwatch_fini(&m);
}

static void a_round_that_is_broken_off_lets_go_of_nothing(void **state)
{
    struct watched *w = *state;
    struct manifestwatch m;

    tempdir_mkdir(&w->dir, "a");
    tempdir_mkdir(&w->dir, "b");
    assert_int_equal(manifestwatch_init(&m), 0);
    watch(&m, w, "a");
    manifestwatch_finish(&m);
    watch(&m, w, "b");
    manifestwatch_abandon(&m);
    tempdir_write(&w->dir, "a/x", "");
    assert_true(rings(&m));
    tempdir_write(&w->dir, "b/x", "");
    assert_true(rings(&m));
    manifestwatch_finish(&m);
    (void)manifestwatch_drain(&m);
    tempdir_write(&w->dir, "a/y", "");
    tempdir_write(&w->dir, "b/y", "");
    assert_false(rings(&m));
    manifestwatch_fini(&m);
}

static void a_file_is_no_directory_to_watch(void **state)
{
    struct watched *w = *state;
    struct manifestwatch m;
    char path[PATH_MAX];

    tempdir_write(&w->dir, "a", "");
    assert_int_equal(manifestwatch_init(&m), 0);
    assert_int_equal(manifestwatch_directory(&m, tempdir_path(&w->dir, "a", path)), -ENOTDIR);
    assert_int_equal(manifestwatch_directory(&m, tempdir_path(&w->dir, "b", path)), -ENOENT);
    manifestwatch_fini(&m);
}

static void without_memory_a_watch_is_refused(void **state)
{
    struct watched *w = *state;
    struct manifestwatch m;

    assert_int_equal(manifestwatch_init(&m), 0);
    failalloc_arm(1);
    assert_int_equal(manifestwatch_directory(&m, w->dir.path), -ENOMEM);
    assert_true(failalloc_disarm());
    manifestwatch_fini(&m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, watched_setup, watched_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_longer_asked_for_is_let_go),
        TEST(a_round_that_is_broken_off_lets_go_of_nothing),
        TEST(a_file_is_no_directory_to_watch),
        TEST(without_memory_a_watch_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
