#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/kubeconfigexec_priv.h"
#include "../../src/kube/kubeconfigread_priv.h"

static struct kubeaccess a;
static struct err e;

static int close_scene(void **state)
{
    (void)state;
    kubeaccess_fini(&a);
    return 0;
}

/** Single quotes stand for double ones. */
static int read_exec(const char *text)
{
    static char server[] = "https://s";
    char *json = strdup(text);
    struct kubeconfigread r;
    struct json_at root, cluster;
    cJSON *tree, *empty = cJSON_CreateObject();

    for (char *p = json; *p != '\0'; p++) {
        *p = (char)(*p == '\'' ? '"' : *p);
    }
    tree = cJSON_Parse(json);
    free(json);
    assert_non_null(tree);
    kubeaccess_fini(&a);
    err_clear(&e);
    a.server = strdup(server);
    kubeconfigread_init(&r, "/etc/kube/config", &e);
    r.section = "users";
    r.name = "u";
    root = json_root(&r.reader, tree);
    cluster = json_root(&r.reader, empty);
    kubeconfigexec_read(&root, &cluster, &a);
    cJSON_Delete(tree);
    cJSON_Delete(empty);
    return r.rc;
}

static void refuses(const char *text, const char *why)
{
    assert_true(read_exec(text) != 0);
    assert_non_null(strstr(e.text, why));
    assert_null(strstr(e.text, "hunter2"));
}

#define V1    "'apiVersion':'client.authentication.k8s.io/v1'"
#define NEVER "'interactiveMode':'Never'"

static void everything_about_a_plugin_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_exec("{'exec':{" V1 "," NEVER ",'command':'aws','args':['eks','a b'],"
                               "'env':[{'name':'A','value':'b'},{'name':'E'}],"
                               "'installHint':'get it','provideClusterInfo':true}}"),
                     0);
    assert_string_equal(a.exec.api_version, "client.authentication.k8s.io/v1");
    assert_string_equal(a.exec.command, "aws");
    assert_string_equal(a.exec.args[1], "a b");
    assert_null(a.exec.args[2]);
    assert_string_equal(a.exec.env[0], "A=b");
    assert_string_equal(a.exec.env[1], "E=");
    assert_null(a.exec.env[2]);
    assert_string_equal(a.exec.install_hint, "get it");
    assert_string_equal(a.exec.cluster_json, "{\"server\":\"https://s\"}");
}

static void without_a_plugin_there_is_none(void **state)
{
    (void)state;
    assert_int_equal(read_exec("{'token':'x'}"), 0);
    assert_null(a.exec.command);
}

static void a_command_with_a_slash_belongs_to_the_directory_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(read_exec("{'exec':{" V1 "," NEVER ",'command':'./bin/x'}}"), 0);
    assert_string_equal(a.exec.command, "/etc/kube/./bin/x");
    assert_int_equal(read_exec("{'exec':{" V1 "," NEVER ",'command':'/bin/x'}}"), 0);
    assert_string_equal(a.exec.command, "/bin/x");
    assert_null(a.exec.cluster_json);
}

static void it_must_be_able_to_do_without_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(read_exec("{'exec':{" V1 ",'interactiveMode':'IfAvailable','command':'x'}}"),
                     0);
    assert_int_equal(
        read_exec("{'exec':{'apiVersion':'client.authentication.k8s.io/v1beta1','command':'x'}}"),
        0);
    refuses("{'exec':{" V1 ",'command':'x'}}", "exec.interactiveMode is missing");
    refuses("{'exec':{" V1 ",'interactiveMode':'Always','command':'x'}}",
            "is Always, but there is no terminal");
    refuses("{'exec':{" V1 ",'interactiveMode':'Never!','command':'x'}}",
            "must be Never or IfAvailable");
}

static void what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    refuses("{'exec':'hunter2'}", "kubeconfig /etc/kube/config: users[0] (name \"u\").exec must be "
                                  "an object");
    refuses("{'exec':{}}", "exec.apiVersion is missing");
    refuses("{'exec':{'apiVersion':'client.authentication.k8s.io/v1alpha1','command':'x'}}",
            "exec.apiVersion must be client.authentication.k8s.io/v1 or /v1beta1");
    refuses("{'exec':{" V1 "," NEVER "}}", "exec.command is missing");
    refuses("{'exec':{" V1 "," NEVER ",'command':'x','args':'--token=hunter2'}}",
            "exec.args must be a list");
    refuses("{'exec':{" V1 "," NEVER ",'command':'x','args':['a',null]}}",
            "exec.args[1] must be a text");
    refuses("{'exec':{" V1 "," NEVER ",'command':'x','env':[{'name':'A=B','value':'hunter2'}]}}",
            "exec.env[0] needs a name");
    refuses("{'exec':{" V1 "," NEVER ",'command':'x','env':['hunter2']}}",
            "exec.env[0] must be an object");
    refuses("{'exec':{" V1 "," NEVER ",'command':'x','env':[null]}}", "exec.env[0] needs a name");
}

static void a_token_beside_it_is_one_too_many(void **state)
{
    struct kubeconfigread r;
    struct json_at root;
    cJSON *tree = cJSON_Parse("{\"exec\":{}}");

    (void)state;
    kubeconfigread_init(&r, "/k", &e);
    root = json_root(&r.reader, tree);
    kubeaccess_fini(&a);
    a.token = strdup("hunter2");
    kubeconfigexec_read(&root, &root, &a);
    assert_non_null(strstr(e.text, "exec stands beside a token"));
    cJSON_Delete(tree);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_teardown(f, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(everything_about_a_plugin_is_read),
        SCENE(without_a_plugin_there_is_none),
        SCENE(a_command_with_a_slash_belongs_to_the_directory_of_the_file),
        SCENE(it_must_be_able_to_do_without_a_terminal),
        SCENE(what_is_missing_or_wrong_is_named),
        SCENE(a_token_beside_it_is_one_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
