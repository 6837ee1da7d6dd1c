#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/kube/kubebase64_priv.h"
#include "../../src/kube/kubeconfigcluster_priv.h"
#include "../../src/kube/kubeconfigread_priv.h"
#include "support/certs.h"
#include "support/failalloc.h"
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

static int read_cluster(const char *text, char **for_plugin)
{
    cJSON *tree = parse(text, "ca");
    struct kubeconfigread r;
    struct json_at root;

    kubeaccess_fini(&a);
    err_clear(&e);
    kubeconfigread_init(&r, beside, &e);
    r.section = "clusters";
    r.name = "c";
    root = json_root(&r.reader, tree);
    kubeconfigcluster_read(&root, &a);
    if (r.rc == 0 && for_plugin != NULL) {
        *for_plugin = kubeconfigcluster_for_plugin(&root, &a);
    }
    cJSON_Delete(tree);
    return r.rc;
}

static void refuses(const char *text, const char *why)
{
    assert_true(read_cluster(text, NULL) != 0);
    assert_non_null(strstr(e.text, why));
}

static int open_scene(void **state)
{
    (void)state;
    tempdir_make(&dir);
    certs = certs_new(&dir);
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

static void everything_about_a_cluster_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_cluster("{'server':'https://[::1]:6443/prefix//','tls-server-name':'k8s',"
                                  "'proxy-url':'socks5://u:p@proxy:1080',"
                                  "'certificate-authority':'/ignored',"
                                  "'certificate-authority-data':'%'}",
                                  NULL),
                     0);
    assert_string_equal(a.server, "https://[::1]:6443/prefix");
    assert_string_equal(a.tls_server_name, "k8s");
    assert_string_equal(a.proxy_url, "socks5://u:p@proxy:1080");
    assert_non_null(strstr(a.ca.data, "BEGIN CERTIFICATE"));
    assert_null(a.ca.file);
    assert_false(a.insecure);
}

static void a_relative_authority_is_beside_the_file(void **state)
{
    char path[PATH_MAX];

    (void)state;
    assert_int_equal(
        read_cluster("{'server':'https://s','certificate-authority':'pki/ca.crt'}", NULL), 0);
    assert_string_equal(a.ca.file, tempdir_path(&dir, "pki/ca.crt", path));
}

static void a_server_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    refuses("{}", "clusters[0] (name \"c\").server is missing");
    refuses("{'server':'host:6443'}", "(name \"c\").server is no URL");
    refuses("{'server':'ftp://host'}", "server must begin with https://");
    refuses("{'server':'https://user:hunter2@host'}", "server holds a user or password");
    assert_null(strstr(e.text, "hunter2"));
    refuses("{'server':'https://host/?a=b'}", "server holds a \"?\" or \"#\"");
    refuses("{'server':5}", "server must be a text");
}

static void an_authority_that_is_none_is_refused(void **state)
{
    (void)state;
    refuses("{'server':'https://s','certificate-authority-data':'***'}",
            "certificate-authority-data is not base64");
    refuses("{'server':'https://s','certificate-authority-data':'aGVsbG8='}",
            "certificate-authority-data holds no PEM certificates");
}

static void not_verifying_goes_with_no_authority(void **state)
{
    (void)state;
    assert_int_equal(read_cluster("{'server':'https://s','insecure-skip-tls-verify':true}", NULL),
                     0);
    assert_true(a.insecure);
    refuses("{'server':'https://s','insecure-skip-tls-verify':true,'certificate-authority':'f'}",
            "insecure-skip-tls-verify goes against the certificate-authority");
    refuses("{'server':'https://s','insecure-skip-tls-verify':true,"
            "'certificate-authority-data':'%'}",
            "insecure-skip-tls-verify goes against the certificate-authority");
    refuses("{'server':'https://s','insecure-skip-tls-verify':'yes'}",
            "insecure-skip-tls-verify must be true or false");
}

static void a_proxy_that_cannot_be_used_is_refused_without_its_password(void **state)
{
    (void)state;
    refuses("{'server':'https://s','proxy-url':'ftp://u:hunter2@p'}", "proxy-url is no proxy");
    assert_null(strstr(e.text, "hunter2"));
    refuses("{'server':'https://s','proxy-url':'http://p\\n'}", "control character");
}

static void a_plugin_is_told_about_its_cluster(void **state)
{
    char *text = NULL, *base64 = encoded("ca");
    cJSON *tree;

    (void)state;
    assert_int_equal(
        read_cluster("{'server':'https://s','tls-server-name':'k8s','certificate-authority':"
                     "'ca.pem','extensions':[{'name':'other','extension':1},{'name':"
                     "'client.authentication.k8s.io/exec','extension':{'audience':'x'}}]}",
                     &text),
        0);
    tree = cJSON_Parse(text);
    assert_string_equal(cJSON_GetObjectItem(tree, "server")->valuestring, "https://s");
    assert_string_equal(cJSON_GetObjectItem(tree, "tls-server-name")->valuestring, "k8s");
    assert_string_equal(cJSON_GetObjectItem(tree, "certificate-authority-data")->valuestring,
                        base64);
    assert_null(cJSON_GetObjectItem(tree, "insecure-skip-tls-verify"));
    assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "config"), "audience"));
    cJSON_Delete(tree);
    free(base64);
    free(text);
    text = NULL;
    assert_true(read_cluster("{'server':'https://s','certificate-authority':'missing'}", &text) !=
                0);
    assert_non_null(strstr(e.text, "missing: cannot read it"));
    assert_null(text);
}

static void a_plugin_is_told_what_is_not_verified_and_what_stands_inside(void **state)
{
    char *text = NULL, *base64 = encoded("ca");
    cJSON *tree;

    (void)state;
    assert_int_equal(read_cluster("{'server':'https://s','insecure-skip-tls-verify':true,"
                                  "'extensions':[{'extension':1},{'name':7}]}",
                                  &text),
                     0);
    tree = cJSON_Parse(text);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(tree, "insecure-skip-tls-verify")));
    assert_null(cJSON_GetObjectItem(tree, "config"));
    cJSON_Delete(tree);
    free(text);
    assert_int_equal(read_cluster("{'server':'https://s','certificate-authority-data':'%'}", &text),
                     0);
    tree = cJSON_Parse(text);
    assert_string_equal(cJSON_GetObjectItem(tree, "certificate-authority-data")->valuestring,
                        base64);
    cJSON_Delete(tree);
    free(text);
    free(base64);
}

static void tell_plugin(void *ctx)
{
    struct kubeaccess mine = {0};
    struct kubeconfigread r;
    struct json_at root;
    char *text = NULL;

    kubeconfigread_init(&r, beside, &e);
    root = json_root(&r.reader, ctx);
    kubeconfigcluster_read(&root, &mine);
    if (r.rc == 0) {
        text = kubeconfigcluster_for_plugin(&root, &mine);
    }
    if (text == NULL) {
        assert_int_equal(r.rc, -ENOMEM);
        assert_non_null(strstr(e.text, "out of memory"));
    }
    free(text);
    kubeaccess_fini(&mine);
}

static void without_memory_a_plugin_is_told_nothing(void **state)
{
    cJSON *with_ca = parse("{'server':'https://s','tls-server-name':'n','proxy-url':'http://p',"
                           "'certificate-authority-data':'%','extensions':[{'name':"
                           "'client.authentication.k8s.io/exec','extension':{'x':1}}]}",
                           "ca");
    cJSON *insecure = parse("{'server':'https://s','insecure-skip-tls-verify':true}", "ca");

    (void)state;
    assert_true(failalloc_torture(tell_plugin, with_ca) > 20);
    assert_true(failalloc_torture(tell_plugin, insecure) > 5);
    cJSON_Delete(with_ca);
    cJSON_Delete(insecure);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(everything_about_a_cluster_is_read),
        SCENE(a_relative_authority_is_beside_the_file),
        SCENE(a_server_that_cannot_be_used_is_refused),
        SCENE(an_authority_that_is_none_is_refused),
        SCENE(not_verifying_goes_with_no_authority),
        SCENE(a_proxy_that_cannot_be_used_is_refused_without_its_password),
        SCENE(a_plugin_is_told_about_its_cluster),
        SCENE(a_plugin_is_told_what_is_not_verified_and_what_stands_inside),
        SCENE(without_memory_a_plugin_is_told_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
