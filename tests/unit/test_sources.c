#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/sources.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/tempdir.h"

static void a_directory_is_fine_and_what_is_none_is_told_with_the_mend(void **state)
{
    struct tempdir dir;
    char path[PATH_MAX], mend[96];
    struct err e = {.text = ""};

    (void)state;
    snprintf(mend, sizeof(mend), "; give a directory that exists and that uid %ld may read",
             (long)geteuid());
    tempdir_make(&dir);
    tempdir_write(&dir, "file", "");
    assert_int_equal(sources_check_manifests(dir.path, &e), 0);
    assert_int_equal(sources_check_manifests(tempdir_path(&dir, "none", path), &e), -ENOENT);
    assert_ptr_equal(strstr(e.text, "--manifests /"), e.text);
    assert_non_null(strstr(e.text, "none: cannot read the directory: No such file"));
    assert_non_null(strstr(e.text, mend));
    assert_int_equal(sources_check_manifests(tempdir_path(&dir, "file", path), &e), -ENOTDIR);
    assert_non_null(strstr(e.text, "Not a directory"));
    tempdir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_is_fine_and_what_is_none_is_told_with_the_mend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
