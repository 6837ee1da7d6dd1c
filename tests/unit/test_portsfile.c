#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/portsfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/listeners.h"
#include "support/tempdir.h"

#define TEXT "{\"listen\":[\"127.0.0.1:8443\",\"[::1]:443\"],\"admin\":\"127.0.0.1:10254\"}\n"

static struct tempdir dir;
static struct listeners l;
static struct netaddr admin;
static struct err e;

static int setup(void **state)
{
    struct netaddr both[2];

    (void)state;
    tempdir_make(&dir);
    err_clear(&e);
    assert_int_equal(netaddr_parse("127.0.0.1:8443", &both[0]), 0);
    assert_int_equal(netaddr_parse("[::1]:443", &both[1]), 0);
    assert_int_equal(netaddr_parse("127.0.0.1:10254", &admin), 0);
    return listeners_init(&l, both, 2);
}

static int teardown(void **state)
{
    (void)state;
    listeners_fini(&l);
    tempdir_remove(&dir);
    return 0;
}

static void assert_holds(const char *path, const char *text)
{
    char held[128] = "";
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    held[fread(held, 1, sizeof(held) - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(held, text);
}

static size_t count_entries(void)
{
    DIR *d = opendir(dir.path);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n - 2; /* "." and ".." */
}

static void the_file_is_json_and_replaces_an_old_one(void **state)
{
    char path[PATH_MAX];

    (void)state;
    tempdir_write(&dir, "ports", "old, and longer than what comes in its place, by some bytes");
    tempdir_path(&dir, "ports", path);
    assert_int_equal(portsfile_check(path, &e), 0);
    assert_int_equal(portsfile_write(&l, &admin, path, &e), 0);
    assert_holds(path, TEXT);
    assert_int_equal(count_entries(), 1);
}

static void looking_at_it_changes_nothing(void **state)
{
    char path[PATH_MAX];

    (void)state;
    assert_int_equal(portsfile_check(tempdir_path(&dir, "new", path), &e), 0);
    assert_int_equal(count_entries(), 0);
    tempdir_write(&dir, "old", "old");
    assert_int_equal(portsfile_check(tempdir_path(&dir, "old", path), &e), 0);
    assert_holds(path, "old");
    portsfile_remove(path);
    assert_int_equal(count_entries(), 0);
}

static void what_a_crashed_run_left_is_in_nobodys_way(void **state)
{
    char path[PATH_MAX], aside[64];

    (void)state;
    snprintf(aside, sizeof(aside), "ports.%ld", (long)getpid());
    tempdir_write(&dir, aside, "half");
    tempdir_path(&dir, "ports", path);
    assert_int_equal(portsfile_check(path, &e), 0);
    tempdir_write(&dir, aside, "half");
    assert_int_equal(portsfile_write(&l, &admin, path, &e), 0);
    assert_holds(path, TEXT);
    assert_int_equal(count_entries(), 1);
}

static void assert_refused(const char *path, int rc, const char *words)
{
    char head[PATH_MAX + 32];

    snprintf(head, sizeof(head), "--ports-file %s: ", path);
    assert_int_equal(portsfile_check(path, &e), rc);
    assert_ptr_equal(strstr(e.text, head), e.text);
    assert_non_null(strstr(e.text, words));
    assert_int_equal(portsfile_write(&l, &admin, path, &e), rc);
}

static void a_device_is_not_replaced_by_a_file(void **state)
{
    struct stat st;

    (void)state;
    assert_refused("/dev/full", -EINVAL, "it is no regular file");
    assert_int_equal(stat("/dev/full", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

static void a_symbolic_link_is_not_replaced_by_a_file(void **state)
{
    char path[PATH_MAX];
    struct stat st;

    (void)state;
    assert_int_equal(symlink("elsewhere", tempdir_path(&dir, "link", path)), 0);
    assert_refused(path, -EINVAL, "name another file");
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void a_directory_is_no_file(void **state)
{
    char path[PATH_MAX];

    (void)state;
    assert_refused(dir.path, -EISDIR, "name a file in it");
    assert_refused(tempdir_path(&dir, "none/", path), -EISDIR, "name a file in it");
}

static void a_directory_that_is_not_there_is_told_with_the_mend(void **state)
{
    (void)state;
    assert_refused("/nowhere/at/all", -ENOENT,
                   "No such file or directory; name a file in a directory that exists");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_file_is_json_and_replaces_an_old_one),
        T(looking_at_it_changes_nothing),
        T(what_a_crashed_run_left_is_in_nobodys_way),
        T(a_device_is_not_replaced_by_a_file),
        T(a_symbolic_link_is_not_replaced_by_a_file),
        T(a_directory_is_no_file),
        T(a_directory_that_is_not_there_is_told_with_the_mend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
