#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../src/kube/kubefile_priv.h"
#include "support/failalloc.h"
#include "support/tempdir.h"

static struct tempdir dir;
static char path[PATH_MAX];
static struct err e;

static unsigned interruptions; /* of the next reads */

/* In the C library's place. */
ssize_t read(int fd, void *bytes, size_t room)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return syscall(SYS_read, fd, bytes, room);
}

static int open_scene(void **state)
{
    (void)state;
    tempdir_make(&dir);
    tempdir_path(&dir, "file", path);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    tempdir_remove(&dir);
    return 0;
}

static void refuses(int rc, const char *why)
{
    char *text = NULL;

    assert_int_equal(kubefile_read(path, 4, &text, &e), rc);
    assert_string_equal(e.text, why);
    assert_null(text);
}

static void a_small_file_is_read_whole(void **state)
{
    char *text;

    (void)state;
    tempdir_write(&dir, "file", "1234");
    assert_int_equal(kubefile_read(path, 4, &text, &e), 0);
    assert_string_equal(text, "1234");
    free(text);
    tempdir_write(&dir, "file", "");
    assert_int_equal(kubefile_read(path, 4, &text, &e), 0);
    assert_string_equal(text, "");
    free(text);
}

static void what_cannot_be_a_text_is_refused(void **state)
{
    (void)state;
    refuses(-ENOENT, "cannot read it: No such file or directory");
    tempdir_write(&dir, "file", "12345");
    refuses(-EFBIG, "it is larger than 0 KiB, which no such file is");
    tempdir_write_bytes(&dir, "file",
                        "1\0"
                        "2",
                        3);
    refuses(-EILSEQ, "it holds a NUL byte: it is no text");
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    refuses(-EMEDIUMTYPE, "it is no regular file");
    tempdir_path(&dir, "", path);
    refuses(-EMEDIUMTYPE, "it is no regular file");
}

static void a_read_that_fails_is_told(void **state)
{
    (void)state;
    strcpy(path, "/proc/self/mem"); /* a regular file, and nothing is at its beginning */
    refuses(-EIO, "cannot read it: Input/output error");
}

static void a_signal_ends_no_read(void **state)
{
    char *text;

    (void)state;
    tempdir_write(&dir, "file", "1234");
    interruptions = 2;
    assert_int_equal(kubefile_read(path, 4, &text, &e), 0);
    assert_int_equal(interruptions, 0);
    assert_string_equal(text, "1234");
    free(text);
}

static void relative_names_are_beside_the_file_they_stand_in(void **state)
{
    static const char *const rows[][3] = {{"/a/config", "pki/ca", "/a/pki/ca"},
                                          {"/a/config", "/pki/ca", "/pki/ca"},
                                          {"config", "pki/ca", "pki/ca"},
                                          {"a/config", "../ca", "a/../ca"},
                                          {"/config", "ca", "/ca"},
                                          {"/a/", "ca", "/a/ca"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = kubefile_path(rows[i][0], rows[i][1]);

        assert_string_equal(text, rows[i][2]);
        free(text);
    }
}

static void read_once(void *ctx)
{
    char *text = NULL, *name = kubefile_path(dir.path, path);
    int rc = kubefile_read(path, 4, &text, &e);

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    free(text);
    free(name);
}

static void without_memory_it_fails(void **state)
{
    (void)state;
    tempdir_write(&dir, "file", "1234");
    assert_int_equal(failalloc_torture(read_once, NULL), 3);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(a_small_file_is_read_whole),
        SCENE(what_cannot_be_a_text_is_refused),
        SCENE(what_is_no_file_is_refused_without_waiting),
        SCENE(a_read_that_fails_is_told),
        SCENE(a_signal_ends_no_read),
        SCENE(relative_names_are_beside_the_file_they_stand_in),
        SCENE(without_memory_it_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
