/*
 * Where `sealway serve` finds its API server: kubeconfigs, their contexts, the environment.  What
 * is wrong there is one line that names file and key, with exit status 2, before anything listens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/command.h"
#include "support/kubeserve.h"

#define SHOP "web.shop.test"

/* Nothing of the machine the test runs on. */
#define NOTHING_SET "unset KUBECONFIG KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT; "
#define SECRET      "ToKeN-in-a-file-that-is-wrong"

#define CONTEXT "contexts: [{name: a, context: {cluster: c, user: u}}]\ncurrent-context: a\n"
#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
#define USER    "users: [{name: u, user: {token: " SECRET "}}]\n"

struct mistake {
    const char *config; /* written to the file k; NULL: there is none */
    const char *args;   /* behind --kubeconfig k */
    const char *line;
};

static void assert_one_line(const char *line)
{
    char *expected = NULL;

    assert_true(asprintf(&expected, "sealway serve: %s", line) > 0);
    command_says_one_line(expected);
    assert_memory_equal(command_output(), "sealway serve: ", 15);
    command_is_silent_about(SECRET);
    command_is_silent_about("level="); /* not even a log had begun */
    free(expected);
}

static void what_is_wrong_in_a_kubeconfig_is_one_line_and_exit_2(void **state)
{
    static const struct mistake mistakes[] = {
        {NULL, "", "kubeconfig k: cannot read it: No such file or directory"},
        {"contexts:\n- name: a\n users: [}\n", "", "kubeconfig k: line 3: "},
        {"users: [{name: u, user: {token: \"" SECRET "}}]\n", "", "kubeconfig k: line "},
        {CONTEXT CLUSTER USER, "--context b",
         "kubeconfig k: there is no context named \"b\"; kubectl config get-contexts lists"},
        {CLUSTER USER, "", "kubeconfig k: there is no current-context; write one, or give --con"},
        {CONTEXT USER, "",
         "kubeconfig k: contexts[0] (name \"a\").context.cluster is \"c\", and there is none of "
         "that name under clusters"},
        {CONTEXT CLUSTER, "",
         "kubeconfig k: contexts[0] (name \"a\").context.user is \"u\", and there is none of that "
         "name under users"},
        {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', "
                      "certificate-authority-data: '!" SECRET "'}}]\n",
         "", "kubeconfig k: clusters[0] (name \"c\").cluster.certificate-authority-data "},
        {CONTEXT CLUSTER "users: [{name: u, user: {tokenFile: empty}}]\n", "", "tokenFile "},
        {CONTEXT CLUSTER "users: [{name: u, user: {tokenFile: none}}]\n", "", "tokenFile "},
        {CONTEXT USER "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n", "",
         "kubeconfig k: users[0] (name \"u\") has credentials, but the server is http://, where "
         "anybody could read them"},
        {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://'}}]\n", "",
         "kubeconfig k: clusters[0] (name \"c\").cluster.server "},
        {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', "
                      "certificate-authority: lost.pem}}]\n",
         "", "certificate-authority "},
    };

    (void)state;
    tempdir_write(&command_dir, "empty", "\n");
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const struct mistake *m = &mistakes[i];
        char args[256];

        if (m->config != NULL) {
            tempdir_write(&command_dir, "k", m->config);
        }
        snprintf(args, sizeof(args),
                 "serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --kubeconfig k %s 2>&1", m->args);
        assert_int_equal(command_run_after(NOTHING_SET, args), 2);
        print_message("             %s", command_output());
        assert_one_line(m->line);
    }
}

static void no_source_at_all_is_one_line_that_names_the_three(void **state)
{
    (void)state;
    assert_int_equal(command_run_after(NOTHING_SET, "serve 2>&1"), 2);
    assert_one_line("no source of objects: give --manifests DIR for files, or --kubeconfig FILE "
                    "(or $KUBECONFIG) for an API server; in a pod its service account is taken\n");
    assert_int_equal(command_run_after(NOTHING_SET "export KUBECONFIG=; ", "serve 2>&1"), 2);
    assert_one_line("no source of objects: ");
    assert_int_equal(command_run_after(NOTHING_SET "export KUBECONFIG=/none:none; ", "serve 2>&1"),
                     2);
    assert_one_line(
        "$KUBECONFIG: no file that it names exists (/none:none); mend it or unset it\n");
}

static void two_sources_at_once_are_refused(void **state)
{
    (void)state;
    assert_int_equal(command_run_after(NOTHING_SET,
                                       "serve --manifests m --kubeconfig k --listen 127.0.0.1:0 "
                                       "--admin 127.0.0.1:0 2>&1"),
                     2);
    print_message("             %s", command_output());
    assert_one_line("");
}

/* ---- where it is found ---- */

#define ELSEWHERE                                                                                  \
    "contexts: [{name: other, context: {cluster: lost, user: me}}]\n"                              \
    "clusters: [{name: lost, cluster: {server: 'https://127.0.0.1:1'}}]\n"                         \
    "current-context: other\n"

static void two_kubeconfigs_of_the_environment_are_one(void **state)
{
    struct kubeserve *s = *state;
    char variable[3 * PATH_MAX];
    const char *const env[] = {variable, NULL};

    /* The context is the first's, the rest is the second's, beside its token file. */
    kubeserve_write(s, "first", "current-context: main\n");
    kubeserve_write(s, "kubeconfig",
                    "contexts: [{name: main, context: {cluster: fake, user: me}}]\n"
                    "clusters: [{name: fake, cluster: {server: '%URL%', "
                    "certificate-authority: '%CA%'}}]\n"
                    "users: [{name: me, user: {tokenFile: token}}]\n"
                    "current-context: none\n");
    snprintf(variable, sizeof(variable), "KUBECONFIG=%s/first:%s/missing:%s", s->dir.path,
             s->dir.path, s->config);
    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start_with(s, &(struct sealway_config){.env = env}, true);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
}

static void another_context_than_the_current_one_is_taken_when_named(void **state)
{
    static const char *const args[] = {"--context", "main", NULL};
    struct kubeserve *s = *state;
    char variable[3 * PATH_MAX];
    const char *const env[] = {variable, NULL};

    kubeserve_write(s, "first", ELSEWHERE);
    snprintf(variable, sizeof(variable), "KUBECONFIG=%s/first:%s", s->dir.path, s->config);
    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start_with(s, &(struct sealway_config){.env = env, .args = args}, true);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(kubeserve_logs(s, ", context \\\"main\\\"\""));
}

static void a_kubeconfig_that_is_named_wins_over_the_environment(void **state)
{
    static const char *const env[] = {"KUBECONFIG=/nowhere/at/all", "KUBERNETES_SERVICE_HOST=::1",
                                      "KUBERNETES_SERVICE_PORT=1", NULL};
    struct kubeserve *s = *state;
    const char *const source[] = {"--kubeconfig", s->config, NULL};

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start_with(s, &(struct sealway_config){.source = source, .env = env}, true);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
}

#define IT(test)             cmocka_unit_test_setup_teardown(test, kubeserve_setup, kubeserve_teardown)
#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, command_setup, command_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(what_is_wrong_in_a_kubeconfig_is_one_line_and_exit_2),
        WITH_DIRECTORY(no_source_at_all_is_one_line_that_names_the_three),
        WITH_DIRECTORY(two_sources_at_once_are_refused),
        IT(two_kubeconfigs_of_the_environment_are_one),
        IT(another_context_than_the_current_one_is_taken_when_named),
        IT(a_kubeconfig_that_is_named_wins_over_the_environment),
    };

    if (!kubeserve_enter_net()) {
        print_message("             skip kube_serve_config: no network namespace of its own\n");
        return 0;
    }
    return cmocka_run_group_tests_name("kube_serve_config", tests, NULL, NULL);
}
