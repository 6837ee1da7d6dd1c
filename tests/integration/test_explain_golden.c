/*
 * What `sealway explain` says, word for word: each tests/data/explain/CASE.yaml begins with how it
 * is asked and how it ends, CASE.txt and CASE.json are what comes out.
 *
 * UPDATE_GOLDEN=1 writes them anew; then read the difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/command.h"

#define DATA      "tests/data/explain/"
#define FILE_MAX  (64 * 1024)
#define CASES_MIN 10
#define MANIFEST  "m/case.yaml"

struct golden {
    char path[256];      /* without ".yaml" */
    char yaml[FILE_MAX]; /* its manifests */
    char args[256];      /* behind "explain" */
    int status;          /* that it exits with */
};

static void read_file(const char *path, const char *suffix, char text[FILE_MAX])
{
    char name[512];
    FILE *f;

    snprintf(name, sizeof(name), "%s%s", path, suffix);
    f = fopen(name, "re");
    if (f == NULL) {
        fail_msg("%s cannot be read; UPDATE_GOLDEN=1 writes it", name);
    }
    text[fread(text, 1, FILE_MAX - 1, f)] = '\0';
    assert_true(feof(f));
    fclose(f);
}

static void write_file(const char *path, const char *suffix, const char *text)
{
    char name[512];
    FILE *f;

    snprintf(name, sizeof(name), "%s%s", path, suffix);
    f = fopen(name, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void read_case(struct golden *g, const char *yaml_path)
{
    snprintf(g->path, sizeof(g->path), "%.*s", (int)(strlen(yaml_path) - strlen(".yaml")),
             yaml_path);
    read_file(g->path, ".yaml", g->yaml);
    if (sscanf(g->yaml, "# explain %255[^\n]\n# exit %d\n", g->args, &g->status) != 2) {
        fail_msg("%s does not begin with \"# explain ARGS\" and \"# exit N\"", yaml_path);
    }
    tempdir_write(&command_dir, MANIFEST, g->yaml);
}

static void assert_same(const char *path, const char *suffix)
{
    static char expected[FILE_MAX];

    if (getenv("UPDATE_GOLDEN") != NULL) {
        write_file(path, suffix, command_output());
        return;
    }
    read_file(path, suffix, expected);
    if (strcmp(expected, command_output()) != 0) {
        fail_msg("%s%s differs (UPDATE_GOLDEN=1 accepts it):\n%s", path, suffix, command_output());
    }
}

/* Ask for one form of the answer. */
static void check_form(const struct golden *g, const char *form, const char *suffix)
{
    char args[512];

    snprintf(args, sizeof(args), "explain %s --manifests m --output %s", g->args, form);
    assert_int_equal(command_run_after("unset $(env | grep -o '^SEALWAY_[A-Z_]*');", args),
                     g->status);
    assert_same(g->path, suffix);
}

static void every_case_is_explained_as_written(void **state)
{
    static struct golden g;
    glob_t found;

    (void)state;
    assert_int_equal(glob(DATA "*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= CASES_MIN);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        read_case(&g, found.gl_pathv[i]);
        check_form(&g, "table", ".txt");
        check_form(&g, "json", ".json");
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_case_is_explained_as_written, command_setup,
                                        command_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
