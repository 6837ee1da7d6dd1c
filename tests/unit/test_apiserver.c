#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/apiserver.h"

#include <errno.h>
#include <sys/prctl.h>

#include "app/options.h"
#include "support/failalloc.h"
#include "support/tempdir.h"

static const char CONFIG[] =
    "current-context: c\n"
    "contexts: [{name: c, context: {cluster: c, user: u, namespace: own}}]\n"
    "clusters: [{name: c, cluster: {server: 'https://192.0.2.1:6443'}}]\n"
    "users: [{name: u, user: {token: secret}}]\n";

static int setup(void **state)
{
    (void)state;
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("POD_NAME");
    unsetenv("POD_NAMESPACE");
    return 0;
}

static void find(struct apiserver *a, struct options *o, const char *write)
{
    static char path[PATH_MAX];
    static struct tempdir dir;
    char option[] = "--kubeconfig";
    char *argv[] = {option, path, NULL};
    struct err e = {.text = ""};

    tempdir_make(&dir);
    tempdir_write(&dir, "config", CONFIG);
    (void)tempdir_path(&dir, "config", path);
    assert_int_equal(options_parse(o, OPTIONS_SERVE, 2, argv, &e), 0);
    o->write = strcmp(write, "on") == 0    ? OPTIONS_WRITE_ON
               : strcmp(write, "off") == 0 ? OPTIONS_WRITE_OFF
                                           : OPTIONS_WRITE_AUTO;
    assert_int_equal(apiserver_find(a, o, "1.2.3", &e), 0);
    tempdir_remove(&dir);
}

static void what_a_kubeconfig_says_is_what_is_watched(void **state)
{
    struct apiserver a;
    struct options o;

    (void)state;
    find(&a, &o, "auto");
    assert_string_equal(a.access.server, "https://192.0.2.1:6443");
    assert_ptr_equal(strstr(a.agent, "sealway/1.2.3 (linux/"), a.agent);
    assert_ptr_equal(a.config.access, &a.access);
    assert_false(a.config.names_classes);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    assert_true(apiserver_descriptors(&o) > 0);
    apiserver_fini(&a);
    options_fini(&o);
    (void)prctl(PR_SET_DUMPABLE, 1);
}

static void outside_a_pod_nothing_is_written_unless_asked_for(void **state)
{
    static const struct {
        const char *write;
        bool writes;
    } rows[] = {{"auto", false}, {"on", true}, {"off", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct apiserver a;
        struct options o;

        find(&a, &o, rows[i].write);
        assert_int_equal(a.writes, rows[i].writes);
        assert_string_equal(a.write.lease_ns, "own");
        assert_string_equal(a.write.lease, "sealway-leader");
        apiserver_fini(&a);
        options_fini(&o);
    }
}

static void a_pod_is_known_by_its_name_and_two_lives_of_it_apart(void **state)
{
    struct apiserver a, b;
    struct options o, p;

    (void)state;
    setenv("POD_NAME", "pod-0", 1);
    setenv("POD_NAMESPACE", "elsewhere", 1);
    find(&a, &o, "on");
    find(&b, &p, "on");
    assert_string_equal(a.write.instance, "pod-0");
    assert_ptr_equal(strstr(a.write.identity, "pod-0_"), a.write.identity);
    assert_string_not_equal(a.write.identity, b.write.identity);
    assert_string_equal(a.write.lease_ns, "elsewhere");
    apiserver_fini(&a);
    apiserver_fini(&b);
    options_fini(&o);
    options_fini(&p);
}

static void no_source_at_all_is_told_with_the_three_there_are(void **state)
{
    struct options o = {.manifests = NULL};
    struct err e = {.text = ""};
    struct apiserver a;

    (void)state;
    assert_int_equal(apiserver_find(&a, &o, "1", &e), -ENOENT);
    assert_non_null(strstr(e.text, "--manifests DIR"));
    assert_non_null(strstr(e.text, "--kubeconfig FILE"));
    assert_non_null(strstr(e.text, "service account"));
}

static void a_text_that_is_no_kubeconfig_is_told_by_line(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"a: [", "line "},
        {"a: 1\n---\nb: 2\n", "2 documents"},
        {"", "0 documents"},
        {"a: 1\na: 2\n", "line 2"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {.text = ""};
        cJSON *tree = NULL;

        assert_int_equal(apiserver_parse("k", rows[i].text, strlen(rows[i].text), &tree, &e),
                         -EINVAL);
        assert_non_null(strstr(e.text, rows[i].said));
        assert_null(tree);
    }
}

static void parse(void *ctx)
{
    struct err e = {.text = ""};
    cJSON *tree = NULL;
    int rc = apiserver_parse("k", CONFIG, strlen(CONFIG), &tree, &e);

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    assert_true((tree != NULL) == (rc == 0));
    cJSON_Delete(tree);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(failalloc_torture(parse, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_a_kubeconfig_says_is_what_is_watched, setup),
        cmocka_unit_test_setup(outside_a_pod_nothing_is_written_unless_asked_for, setup),
        cmocka_unit_test_setup(a_pod_is_known_by_its_name_and_two_lives_of_it_apart, setup),
        cmocka_unit_test_setup(no_source_at_all_is_told_with_the_three_there_are, setup),
        cmocka_unit_test(a_text_that_is_no_kubeconfig_is_told_by_line),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
