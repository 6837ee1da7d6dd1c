#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../../src/kube/authfile_priv.h"
#include "support/tempdir.h"

static struct tempdir dir;
static char path[PATH_MAX];
static struct authfile f;
static struct err e;

static int open_scene(void **state)
{
    (void)state;
    tempdir_make(&dir);
    f = (struct authfile){
        .path = tempdir_path(&dir, "file", path), .what = "tokenFile", .max_bytes = 100};
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    authfile_fini(&f);
    tempdir_remove(&dir);
    return 0;
}

static void what_is_given_counts_where_there_is_no_file(void **state)
{
    (void)state;
    f.path = NULL;
    f.given = "given";
    f.is_stale = true;
    assert_string_equal(authfile_text(&f), "given");
    assert_false(authfile_is_due(&f, UINT64_MAX, 0));
}

static void what_is_read_counts_when_it_is_accepted(void **state)
{
    (void)state;
    tempdir_write(&dir, "file", " one\n");
    assert_null(authfile_text(&f));
    assert_int_equal(authfile_read(&f, &e), 0);
    assert_null(authfile_text(&f));
    assert_true(authfile_accept(&f, 5));
    assert_string_equal(authfile_text(&f), "one");
    assert_int_equal(authfile_read(&f, &e), 0);
    assert_false(authfile_accept(&f, 6)); /* the same */
    tempdir_write(&dir, "file", "two");
    assert_int_equal(authfile_read(&f, &e), 0);
    assert_string_equal(f.read, "two");
    authfile_reject(&f);
    assert_string_equal(authfile_text(&f), "one");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(authfile_read(&f, &e), -ENOENT);
    assert_non_null(strstr(e.text, "tokenFile "));
    assert_non_null(strstr(e.text, path));
    assert_string_equal(authfile_text(&f), "one");
}

static void it_is_due_after_its_time_or_when_stale(void **state)
{
    (void)state;
    tempdir_write(&dir, "file", "one");
    assert_int_equal(authfile_read(&f, &e), 0);
    (void)authfile_accept(&f, 100);
    assert_false(authfile_is_due(&f, 149, 50));
    assert_true(authfile_is_due(&f, 150, 50));
    f.is_stale = true;
    assert_true(authfile_is_due(&f, 101, 50));
    assert_int_equal(authfile_read(&f, &e), 0);
    assert_true(authfile_is_due(&f, 101, 50)); /* not before it is accepted */
    (void)authfile_accept(&f, 101);
    assert_false(authfile_is_due(&f, 101, 50));
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(what_is_given_counts_where_there_is_no_file),
        SCENE(what_is_read_counts_when_it_is_accepted),
        SCENE(it_is_due_after_its_time_or_when_stale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
