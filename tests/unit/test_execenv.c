#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../../src/kube/execenv_priv.h"
#include "support/failalloc.h"

static char version[] = "client.authentication.k8s.io/v1";
static char home[] = "HOME=/root", path[] = "PATH=/bin", paths[] = "PATHS=1";
static char old_info[] = "KUBERNETES_EXEC_INFO=old";
static char *inherited[] = {home, old_info, path, paths, NULL};

static void the_plugin_is_told_what_is_asked_for(void **state)
{
    char cluster[] = "{\"server\":\"https://a\"}";
    struct kubeaccess_exec exec = {.api_version = version};
    struct execenv env;

    (void)state;
    assert_int_equal(execenv_init(&env, &exec, NULL), 0);
    assert_string_equal(env.vars[0], "KUBERNETES_EXEC_INFO={\"apiVersion\":"
                                     "\"client.authentication.k8s.io/v1\",\"kind\":"
                                     "\"ExecCredential\",\"spec\":{\"interactive\":false}}");
    assert_null(env.vars[1]);
    execenv_fini(&env);
    exec.cluster_json = cluster;
    assert_int_equal(execenv_init(&env, &exec, NULL), 0);
    assert_non_null(strstr(env.vars[0], "\"spec\":{\"interactive\":false,\"cluster\":"
                                        "{\"server\":\"https://a\"}}}"));
    execenv_fini(&env);
}

static void its_own_variables_take_the_place_of_inherited_ones(void **state)
{
    char a[] = "PATH=/first", b[] = "PATH=/own", c[] = "EMPTY=";
    char *own[] = {a, b, c, NULL};
    const struct kubeaccess_exec exec = {.api_version = version, .env = own};
    struct execenv env;

    (void)state;
    assert_int_equal(execenv_init(&env, &exec, inherited), 0);
    assert_string_equal(env.vars[1], "EMPTY=");
    assert_string_equal(env.vars[2], "PATH=/own"); /* the last of two counts */
    assert_string_equal(env.vars[3], "HOME=/root");
    assert_string_equal(env.vars[4], "PATHS=1");
    assert_null(env.vars[5]);
    execenv_fini(&env);
}

static void build(void *ctx)
{
    const struct kubeaccess_exec exec = {.api_version = version};
    struct execenv env;
    int rc = execenv_init(&env, &exec, inherited);

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    execenv_fini(&env);
}

static void without_memory_nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(build, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plugin_is_told_what_is_asked_for),
        cmocka_unit_test(its_own_variables_take_the_place_of_inherited_ones),
        cmocka_unit_test(without_memory_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
