#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/kube/kubebase64_priv.h"
#include "../../src/kube/kubeconfigread_priv.h"
#include "../../src/kube/kubeconfiguser_priv.h"
#include "support/certs.h"
#include "support/tempdir.h"

static struct tempdir dir;
static struct certs *certs;
static char beside[PATH_MAX];
static struct kubeaccess a;
static struct err e;

static char *encoded(const char *file)
{
    char path[PATH_MAX], text[8192] = "";
    int fd = open(certs_path(certs, file, path), O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    return kubebase64_encode(text);
}

/** Single quotes stand for double ones, and % for the base64 of the file `pem`. */
static cJSON *parse(const char *text, const char *pem)
{
    char *base64 = encoded(pem), *json = calloc(1, strlen(text) + 16384), *at = json;
    cJSON *tree;

    for (; *text != '\0'; text++) {
        if (*text == '%') {
            at = stpcpy(at, base64);
        } else {
            *at++ = (char)(*text == '\'' ? '"' : *text);
        }
    }
    tree = cJSON_Parse(json);
    assert_non_null(tree);
    free(base64);
    free(json);
    return tree;
}

static int read_user(const char *text, const char *pem)
{
    cJSON *tree = parse(text, pem);
    struct kubeconfigread r;
    struct json_at root;

    kubeaccess_fini(&a);
    err_clear(&e);
    kubeconfigread_init(&r, beside, &e);
    r.section = "users";
    r.name = "u";
    root = json_root(&r.reader, tree);
    kubeconfiguser_read(&root, &a);
    cJSON_Delete(tree);
    return r.rc;
}

static void refuses(const char *text, const char *why)
{
    assert_true(read_user(text, "client") != 0);
    assert_non_null(strstr(e.text, why));
    assert_null(strstr(e.text, "hunter2"));
}

static int open_scene(void **state)
{
    (void)state;
    tempdir_make(&dir);
    certs = certs_new(&dir);
    certs_issue(certs, "client", "client.test");
    tempdir_path(&dir, "config", beside);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    kubeaccess_fini(&a);
    certs_free(certs);
    tempdir_remove(&dir);
    return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void tokens_are_read_and_files_found_beside_the_kubeconfig(void **state)
{
    char path[PATH_MAX];

    (void)state;
    assert_int_equal(read_user("{'token':'abc.DEF-1','tokenFile':'t','username':''}", "ca"), 0);
    assert_string_equal(a.token, "abc.DEF-1");
    assert_string_equal(a.token_file, tempdir_path(&dir, "t", path));
    assert_int_equal(read_user("{}", "ca"), 0);
    assert_null(a.token);
}

static void a_token_that_is_none_is_refused_unsaid(void **state)
{
    (void)state;
    refuses("{'token':'hunter2\\nX-Evil: 1'}", "users[0] (name \"u\").token holds a space, a line");
    refuses("{'token':12345}", "token must be a text");
    assert_null(strstr(e.text, "12345"));
}

static void what_kubernetes_has_given_up_is_refused(void **state)
{
    (void)state;
    refuses("{'username':'admin','password':'hunter2'}", ".username is no longer supported");
    refuses("{'password':'hunter2'}", ".password is no longer supported");
    refuses("{'auth-provider':{'name':'gcp'}}", "use a credential plugin (exec)");
}

static void a_client_certificate_comes_with_its_key(void **state)
{
    (void)state;
    assert_int_equal(read_user("{'client-certificate-data':'%','client-key-data':'%'}", "client"),
                     0);
    assert_non_null(strstr(a.cert.data, "BEGIN CERTIFICATE"));
    assert_non_null(strstr(a.key.data, "PRIVATE KEY"));
    assert_int_equal(read_user("{'client-certificate':'c','client-key':'/k'}", "client"), 0);
    assert_string_equal(a.key.file, "/k");
    refuses("{'client-certificate-data':'%'}", "client certificate without its key");
    refuses("{'client-key-data':'%'}", "client key without its certificate");
    refuses("{'client-certificate-data':'aGVsbG8=','client-key-data':'%'}",
            "client-certificate-data holds no PEM certificate");
    refuses("{'client-certificate-data':'%','client-key-data':'aGVsbG8='}",
            "client-key-data holds no PEM private key");
}

static void a_client_certificate_has_no_other_ones_key(void **state)
{
    char text[32768], *other;

    (void)state;
    certs_issue(certs, "other", "other.test");
    other = encoded("other");
    (void)snprintf(text, sizeof(text), "{'client-certificate-data':'%%','client-key-data':'%s'}",
                   other);
    refuses(text, "client-key-data is not the key of the client-certificate-data");
    free(other);
}

static void somebody_else_may_be_impersonated(void **state)
{
    (void)state;
    assert_int_equal(read_user("{'as':'jane','as-uid':'7','as-groups':['a','b'],"
                               "'as-user-extra':{'scopes':['x','y'],'none':null,'k':['']}}",
                               "ca"),
                     0);
    assert_string_equal(a.as_user, "jane");
    assert_string_equal(a.as_uid, "7");
    assert_string_equal(a.as_groups[1], "b");
    assert_null(a.as_groups[2]);
    assert_string_equal(a.as_extra[0], "scopes");
    assert_string_equal(a.as_extra[3], "y");
    assert_string_equal(a.as_extra[4], "k");
    assert_string_equal(a.as_extra[5], "");
    assert_null(a.as_extra[6]);
    refuses("{'as-groups':['a']}", ".as is missing");
    refuses("{'as-uid':'7'}", ".as is missing");
    refuses("{'as-user-extra':{'k':['v']}}", ".as is missing");
    refuses("{'as':'jane\\r\\nX: 1'}", ".as holds a control character");
    refuses("{'as':'jane','as-groups':['a\\nb']}", "as-groups[0] holds a control character");
    refuses("{'as':'jane','as-user-extra':{'k':'v'}}", "as-user-extra.k must be a list of texts");
    refuses("{'as':'jane','as-user-extra':{'k\\n':['v']}}", "control character");
    refuses("{'as':'jane','as-user-extra':{'k':['v\\n']}}", "control character");
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(tokens_are_read_and_files_found_beside_the_kubeconfig),
        SCENE(a_token_that_is_none_is_refused_unsaid),
        SCENE(what_kubernetes_has_given_up_is_refused),
        SCENE(a_client_certificate_comes_with_its_key),
        SCENE(a_client_certificate_has_no_other_ones_key),
        SCENE(somebody_else_may_be_impersonated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
