/*
 * Credentials for an API server: renewed while the program runs, and never to be found where others
 * could read them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/http_ask.h"
#include "support/kubeserve.h"
#include "support/wait_until.h"

#define SHOP   "web.shop.test"
#define BLOG   "www.blog.test"
#define SECOND "ToKeN-of-the-second-hour"
#define STATIC "ToKeN-within-the-kubeconfig"

static void start_serving(struct kubeserve *s)
{
    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, NULL);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
}

/* ---- renewal ---- */

static void a_token_that_is_refused_is_read_again(void **state)
{
    struct kubeserve *s = *state;

    start_serving(s);
    fakeapi_set_tokens(s->api, SECOND, NULL);
    fakeapi_drop(s->api, FAKEAPI_RST);
    assert_true(kubeserve_logs(s, "401 Unauthorized; the credentials are not accepted: they are "
                                  "read again and tried"));
    tempdir_replace(&s->dir, "token", SECOND "\n");
    kubeserve_put_route(s, "blog", "www", BLOG, s->green);
    assert_true(kubeserve_reaches(s, BLOG, "green"));
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_true(kubeserve_logs(s, "the API server answers again"));
    assert_int_equal(http_status(&s->admin, "/readyz"), 200);
}

static void an_authority_that_is_renewed_is_read_again(void **state)
{
    struct kubeserve *s = *state;
    struct tempdir other;
    struct certs *renewed;
    char path[PATH_MAX], pem[8192];
    FILE *f;

    start_serving(s);
    tempdir_make(&other);
    renewed = certs_new(&other);
    certs_issue(renewed, "api", "localhost");
    fakeapi_use_cert(s->api, certs_path(renewed, "api", path));
    fakeapi_drop(s->api, FAKEAPI_RST);
    assert_true(kubeserve_logs(s, "the server's certificate is not trusted"));
    f = fopen(certs_path(renewed, "ca", path), "r");
    assert_non_null(f);
    pem[fread(pem, 1, sizeof(pem) - 1, f)] = '\0';
    fclose(f);
    tempdir_replace(&s->dir, "ca.pem", pem);
    kubeserve_put_route(s, "blog", "www", BLOG, s->green);
    assert_true(kubeserve_reaches(s, BLOG, "green"));
    certs_free(renewed);
    tempdir_remove(&other);
}

static bool was_asked_with_the_second(void *ctx)
{
    const struct kubeserve *s = ctx;
    const struct fakeapi_match list = {.verb = FAKEAPI_LIST, .resource = FAKEAPI_SERVICES};
    struct fakeapi_request last;

    return fakeapi_last_request(s->api, &list, &last) &&
           strcmp(last.authorization, "Bearer " SECOND) == 0 && last.status == 200;
}

static void a_hangup_reads_credentials_and_objects_again(void **state)
{
    struct kubeserve *s = *state;

    start_serving(s);
    fakeapi_set_tokens(s->api, KUBESERVE_TOKEN, SECOND);
    tempdir_replace(&s->dir, "token", SECOND "\n");
    sealway_signal(s->program, SIGHUP);
    assert_true(wait_until(was_asked_with_the_second, s, KUBESERVE_MS));
    assert_true(kubeserve_says(s, "/metrics", 200,
                               "\nsealway_kube_relists_total{resource=\"services\"} 1\n"));
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
}

static void a_token_file_that_breaks_costs_nothing_while_the_old_token_is_good(void **state)
{
    struct kubeserve *s = *state;

    start_serving(s);
    tempdir_replace(&s->dir, "token", "");
    sealway_signal(s->program, SIGHUP);
    assert_true(kubeserve_logs(s, "credentials cannot be read again; those read last stay"));
    kubeserve_put_route(s, "blog", "www", BLOG, s->green);
    assert_true(kubeserve_reaches(s, BLOG, "green"));
}

/* ---- secrecy ---- */

static void assert_is_no_secret_in(const char *where, const char *text)
{
    static const char *const secrets[] = {KUBESERVE_TOKEN, SECOND, STATIC, "Bearer"};

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (strstr(text, secrets[i]) != NULL) {
            fail_msg("%s tells %s:\n%s", where, secrets[i], text);
        }
    }
}

static void assert_tells_no_secret(struct kubeserve *s)
{
    static const char *const pages[] = {"/metrics", "/routes", "/explain?name=web.shop.test",
                                        "/readyz", "/healthz"};
    char *out = sealway_stdout(s->program), *err = sealway_stderr(s->program);

    assert_is_no_secret_in("stdout", out);
    assert_is_no_secret_in("stderr", err);
    free(out);
    free(err);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct http_answer a;

        http_ask(&s->admin, "GET", pages[i], &a);
        assert_true(a.status == 200 || a.status == 503);
        assert_is_no_secret_in(pages[i], a.text);
        http_answer_fini(&a);
    }
}

static const char *const debug[] = {"--log-level", "debug", NULL};

static void no_secret_is_told_while_all_is_well_or_refused(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start(s, debug);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    fakeapi_set_tokens(s->api, STATIC, NULL);
    fakeapi_drop(s->api, FAKEAPI_RST);
    assert_true(kubeserve_logs(s, "401 Unauthorized"));
    tempdir_replace(&s->dir, "token", SECOND "\n");
    sealway_signal(s->program, SIGHUP);
    assert_true(fakeapi_wait_requests(s->api, &(struct fakeapi_match){.verb = FAKEAPI_LIST}, 8));
    assert_tells_no_secret(s);
}

static void no_secret_of_a_kubeconfig_is_told(void **state)
{
    struct kubeserve *s = *state;

    kubeserve_write(s, "kubeconfig",
                    "current-context: main\n"
                    "contexts: [{name: main, context: {cluster: fake, user: me}}]\n"
                    "clusters: [{name: fake, cluster: {server: '%URL%', "
                    "certificate-authority: '%CA%'}}]\n"
                    "users: [{name: me, user: {token: " STATIC "}}]\n");
    kubeserve_put_route(s, "shop", "web", SHOP, s->blue);
    kubeserve_start_unready(s, debug);
    assert_true(kubeserve_logs(s, "401 Unauthorized"));
    assert_tells_no_secret(s);
    fakeapi_set_tokens(s->api, STATIC, NULL);
    sealway_signal(s->program, SIGHUP);
    assert_true(kubeserve_reaches(s, SHOP, "blue"));
    assert_tells_no_secret(s);
}

/* Whether a process that dies so leaves its memory behind, on this machine. */
static bool leaves_core(const struct tempdir *d)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        _exit(chdir(d->path) != 0 || raise(SIGABRT) != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WCOREDUMP(status);
}

static void its_memory_is_left_in_no_core_file(void **state)
{
    struct kubeserve *s = *state;
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit before;
    char *said;

    assert_int_equal(getrlimit(RLIMIT_CORE, &before), 0);
    if (setrlimit(RLIMIT_CORE, &unlimited) != 0 || !leaves_core(&s->dir)) {
        (void)setrlimit(RLIMIT_CORE, &before);
        print_message("             skip %s: no process leaves a core file here\n", __func__);
        skip();
    }
    start_serving(s);
    assert_int_equal(setrlimit(RLIMIT_CORE, &before), 0);
    sealway_signal(s->program, SIGABRT);
    assert_int_equal(sealway_wait(s->program, KUBESERVE_MS), 128 + SIGABRT);
    assert_false(sealway_left_core(s->program));
    said = sealway_stderr(s->program);
    assert_is_no_secret_in("stderr", said);
    free(said);
    sealway_forget(s->program);
    s->program = NULL;
}

#define IT(test) cmocka_unit_test_setup_teardown(test, kubeserve_setup, kubeserve_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(a_token_that_is_refused_is_read_again),
        IT(an_authority_that_is_renewed_is_read_again),
        IT(a_hangup_reads_credentials_and_objects_again),
        IT(a_token_file_that_breaks_costs_nothing_while_the_old_token_is_good),
        IT(no_secret_is_told_while_all_is_well_or_refused),
        IT(no_secret_of_a_kubeconfig_is_told),
        IT(its_memory_is_left_in_no_core_file),
    };

    if (!kubeserve_enter_net()) {
        print_message(
            "             skip kube_serve_credentials: no network namespace of its own\n");
        return 0;
    }
    return cmocka_run_group_tests_name("kube_serve_credentials", tests, NULL, NULL);
}
