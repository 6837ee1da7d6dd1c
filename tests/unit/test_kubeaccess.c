#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/kubeaccess.h"
#include "support/failalloc.h"
#include "support/tempdir.h"

static struct tempdir dir;
static struct kubeaccess access_found;
static struct kubeaccess_query query;
static struct err e;
static char one[PATH_MAX], two[PATH_MAX], env[2 * PATH_MAX + 64];

static int parse(const char *path, const char *text, size_t len, cJSON **out, struct err *err)
{
    (void)path;
    *out = cJSON_ParseWithLength(text, len);
    if (*out == NULL) {
        err_set(err, "line 1: no JSON");
        return -EINVAL;
    }
    return 0;
}

static int open_scene(void **state)
{
    (void)state;
    tempdir_make(&dir);
    tempdir_write(&dir, "token", "secret");
    tempdir_write(&dir, "ca.crt", "PEM");
    tempdir_write(&dir, "namespace", "shop\n");
    query = (struct kubeaccess_query){.parse = parse, .service_account = dir.path};
    tempdir_path(&dir, "one", one);
    tempdir_path(&dir, "two", two);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    kubeaccess_fini(&access_found);
    tempdir_remove(&dir);
    return 0;
}

static void find(void)
{
    kubeaccess_fini(&access_found);
    if (kubeaccess_find(&access_found, &query, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_string_equal(e.text, "");
}

static void refuses(int rc, const char *why)
{
    assert_int_equal(kubeaccess_find(&access_found, &query, &e), rc);
    assert_non_null(strstr(e.text, why));
    assert_null(strstr(e.text, "secret"));
}

static void write_config(const char *name, const char *server)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "{\"current-context\":\"%s\",\"contexts\":[{\"name\":\"%s\",\"context\":"
                   "{\"cluster\":\"%s\"}}],\"clusters\":[{\"name\":\"%s\",\"cluster\":"
                   "{\"server\":\"%s\"}}]}",
                   name, name, name, name, server);
    tempdir_write(&dir, name, text);
}

/* ---- a pod ----------------------------------------------------------------------------------- */

static void in_a_pod_the_service_account_is_used(void **state)
{
    char path[PATH_MAX];

    (void)state;
    query.host = "10.96.0.1";
    query.port = "443";
    assert_true(kubeaccess_is_named(&query));
    find();
    assert_string_equal(access_found.server, "https://10.96.0.1:443");
    assert_string_equal(access_found.token_file, tempdir_path(&dir, "token", path));
    assert_string_equal(access_found.ca.file, tempdir_path(&dir, "ca.crt", path));
    assert_string_equal(access_found.ns, "shop");
    assert_string_equal(access_found.origin, "the service account");
    assert_null(access_found.token);
    assert_null(access_found.exec.command);
    assert_false(access_found.insecure);
}

static void an_ipv6_service_host_gets_brackets(void **state)
{
    (void)state;
    query.host = "fd00:10::1";
    query.port = "6443";
    find();
    assert_string_equal(access_found.server, "https://[fd00:10::1]:6443");
    query.host = "[fd00:10::1]";
    find();
    assert_string_equal(access_found.server, "https://[fd00:10::1]:6443");
}

static void a_pod_without_its_authority_or_token_is_refused(void **state)
{
    char path[PATH_MAX];

    (void)state;
    query.host = "10.96.0.1";
    query.port = "443";
    assert_int_equal(unlink(tempdir_path(&dir, "namespace", path)), 0);
    find();
    assert_string_equal(access_found.ns, "");
    assert_int_equal(unlink(tempdir_path(&dir, "ca.crt", path)), 0);
    refuses(-EINVAL, path);
    refuses(-EINVAL, "automountServiceAccountToken");
    assert_int_equal(unlink(tempdir_path(&dir, "token", path)), 0);
    refuses(-EINVAL, path);
}

static void an_odd_service_host_is_refused(void **state)
{
    (void)state;
    query.host = "user@host";
    query.port = "443";
    refuses(-EINVAL, "$KUBERNETES_SERVICE_HOST");
    query.host = "10.96.0.1";
    query.port = "https";
    refuses(-EINVAL, "$KUBERNETES_SERVICE_HOST");
}

/* ---- the choice ------------------------------------------------------------------------------ */

static void with_no_source_at_all_the_three_are_named(void **state)
{
    (void)state;
    query.host = "10.96.0.1"; /* without a port it is no pod */
    query.env = "::";
    assert_false(kubeaccess_is_named(&query));
    refuses(-ENOENT, "--kubeconfig FILE, set $KUBECONFIG, or run in a pod");
    query.port = "";
    refuses(-ENOENT, "no API server is named");
}

static void the_option_wins_over_the_environment_and_that_over_the_pod(void **state)
{
    (void)state;
    query.host = "10.96.0.1";
    query.port = "443";
    write_config("one", "https://one");
    write_config("two", "https://two");
    query.env = two;
    find();
    assert_string_equal(access_found.server, "https://two");
    query.kubeconfig = one;
    assert_true(kubeaccess_is_named(&query));
    find();
    assert_string_equal(access_found.server, "https://one");
    query.context = "two"; /* not in that file, and no other is looked at */
    refuses(-EINVAL, "there is no context named \"two\"");
}

static void several_files_are_merged_and_missing_ones_passed_over(void **state)
{
    (void)state;
    write_config("one", "https://one");
    write_config("two", "https://two");
    (void)snprintf(env, sizeof(env), ":/nonexistent/config:%s::%s:", one, two);
    query.env = env;
    find();
    assert_string_equal(access_found.server, "https://one");
    query.context = "two";
    find();
    assert_string_equal(access_found.server, "https://two");
}

static void a_file_that_is_named_must_be_good(void **state)
{
    (void)state;
    query.kubeconfig = "/nonexistent/config";
    refuses(-EINVAL, "kubeconfig /nonexistent/config: cannot read it: No such file");
    query.kubeconfig = dir.path;
    refuses(-EINVAL, "it is no regular file");
    tempdir_write(&dir, "one", "secret: x");
    query.kubeconfig = one;
    refuses(-EINVAL, ": line 1: no JSON");
    assert_non_null(strstr(e.text, one));
    query.kubeconfig = NULL;
    write_config("two", "https://two");
    (void)snprintf(env, sizeof(env), "%s:%s", two, one);
    query.env = env;
    refuses(-EINVAL, ": line 1: no JSON"); /* even where it would not be needed */
    query.env = "/nonexistent/a:/nonexistent/b";
    query.host = "10.96.0.1"; /* somebody meant another cluster than this one */
    query.port = "443";
    refuses(-EINVAL, "$KUBECONFIG: no file that it names exists");
}

static void an_empty_file_holds_nothing(void **state)
{
    (void)state;
    tempdir_write(&dir, "one", " \n");
    query.kubeconfig = one;
    refuses(-EINVAL, "there is no current-context");
}

static void a_context_needs_a_kubeconfig(void **state)
{
    (void)state;
    query.host = "10.96.0.1";
    query.port = "443";
    query.context = "one";
    refuses(-EINVAL, "--context needs a kubeconfig");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void find_or_fail(void *ctx)
{
    struct kubeaccess a = {0};
    int rc = kubeaccess_find(&a, &query, &e);

    (void)ctx;
    if (rc == 0) {
        kubeaccess_fini(&a);
    } else {
        assert_string_not_equal(e.text, "");
    }
}

static void without_memory_it_fails_and_says_so(void **state)
{
    char path[PATH_MAX];

    (void)state;
    query.host = "10.96.0.1";
    query.port = "443";
    assert_true(failalloc_torture(find_or_fail, NULL) >= 8);
    assert_int_equal(unlink(tempdir_path(&dir, "namespace", path)), 0);
    assert_true(failalloc_torture(find_or_fail, NULL) >= 8);
    query.service_account = NULL; /* Kubernetes' own place, where nothing need be */
    assert_true(failalloc_torture(find_or_fail, NULL) >= 4);
    query.service_account = dir.path;
    write_config("one", "https://one");
    query.env = one;
    assert_true(failalloc_torture(find_or_fail, NULL) >= 10);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(in_a_pod_the_service_account_is_used),
        SCENE(an_ipv6_service_host_gets_brackets),
        SCENE(a_pod_without_its_authority_or_token_is_refused),
        SCENE(an_odd_service_host_is_refused),
        SCENE(with_no_source_at_all_the_three_are_named),
        SCENE(the_option_wins_over_the_environment_and_that_over_the_pod),
        SCENE(several_files_are_merged_and_missing_ones_passed_over),
        SCENE(a_file_that_is_named_must_be_good),
        SCENE(an_empty_file_holds_nothing),
        SCENE(a_context_needs_a_kubeconfig),
        SCENE(without_memory_it_fails_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
