#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/kubeconfigread_priv.h"
#include "base/secret.h"
#include "support/failalloc.h"

static cJSON *tree;
static struct kubeconfigread r;
static struct json_at root;
static struct err e;

static int open_scene(void **state)
{
    (void)state;
    tree = cJSON_Parse("{\"text\":\"a\",\"empty\":\"\",\"null\":null,\"number\":123,"
                       "\"lines\":\"a\\nb\",\"path\":\"b/c\",\"base64\":\"Zm9v\","
                       "\"list\":[\"x\",\"\"],\"mixed\":[\"x\",123],\"none\":[]}");
    err_clear(&e);
    kubeconfigread_init(&r, "/k/config", &e);
    r.section = "users";
    r.name = "odd\nname";
    r.index = 3;
    root = json_root(&r.reader, tree);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    cJSON_Delete(tree);
    return 0;
}

static void what_is_empty_or_null_is_absent(void **state)
{
    (void)state;
    assert_string_equal(kubeconfigread_text(&root, "text"), "a");
    assert_null(kubeconfigread_text(&root, "empty"));
    assert_null(kubeconfigread_text(&root, "null"));
    assert_null(kubeconfigread_copy(&root, "missing"));
    assert_null(kubeconfigread_list(&root, "none", true));
    assert_int_equal(r.rc, 0);
}

static void a_complaint_names_the_place_and_not_the_value(void **state)
{
    (void)state;
    assert_null(kubeconfigread_text(&root, "number"));
    assert_int_equal(r.rc, -EINVAL);
    assert_string_equal(
        e.text, "kubeconfig /k/config: users[3] (name \"odd\\nname\").number must be a text");
}

static void the_first_complaint_is_kept(void **state)
{
    struct json_at at = json_field(&root, "text");

    (void)state;
    kubeconfigread_refuse(&at, "is %s", "wrong");
    assert_null(kubeconfigread_line(&root, "lines"));
    assert_null(kubeconfigread_text(&root, "number"));
    assert_non_null(strstr(e.text, ".text is wrong"));
}

static void a_line_has_no_control_characters(void **state)
{
    (void)state;
    assert_true(kubeconfigread_is_line(""));
    assert_true(kubeconfigread_is_line("a ~ \xc3\xa9"));
    assert_false(kubeconfigread_is_line("a\n"));
    assert_false(kubeconfigread_is_line("\x1f"));
    assert_false(kubeconfigread_is_line("a\x7f"));
}

static void texts_are_read_as_what_they_are(void **state)
{
    char *path = kubeconfigread_path(&root, "path"), *data = kubeconfigread_data(&root, "base64");
    char **list = kubeconfigread_list(&root, "list", true);

    (void)state;
    assert_string_equal(path, "/k/b/c");
    assert_string_equal(data, "foo");
    assert_string_equal(list[0], "x");
    assert_string_equal(list[1], "");
    assert_null(list[2]);
    free(path);
    free(data);
    secret_free_list(list);
    assert_int_equal(r.rc, 0);
    assert_null(kubeconfigread_list(&root, "mixed", false));
    assert_non_null(strstr(e.text, ".mixed[1] must be a text"));
}

static void read_all(void *ctx)
{
    struct kubeconfigread mine;
    struct json_at at;
    char **list;

    (void)ctx;
    kubeconfigread_init(&mine, "/k/config", &e);
    at = json_root(&mine.reader, tree);
    free(kubeconfigread_path(&at, "path"));
    free(kubeconfigread_data(&at, "base64"));
    free(kubeconfigread_line(&at, "text"));
    list = kubeconfigread_list(&at, "list", true);
    assert_true(mine.rc == 0 || (mine.rc == -ENOMEM && strstr(e.text, "out of memory") != NULL));
    secret_free_list(list);
}

static void without_memory_that_is_said(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(read_all, NULL), 7);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(what_is_empty_or_null_is_absent),
        SCENE(a_complaint_names_the_place_and_not_the_value),
        SCENE(the_first_complaint_is_kept),
        SCENE(a_line_has_no_control_characters),
        SCENE(texts_are_read_as_what_they_are),
        SCENE(without_memory_that_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
