#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/metrics.h"
#include "app/options.h"
#include "support/failalloc.h"
#include "support/tempdir.h"

static struct tempdir dir;
static sigset_t before;
static struct rlimit limit;

/* A signal that waits, blocked, for whoever serves: it starts, becomes ready or not, and stops. */
static void signal_in_advance(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), number);
}

static void stop_in_advance(void)
{
    signal_in_advance(SIGTERM);
}

/* A second one, so that listeners are not waited for. */
static void stop_at_once_in_advance(void)
{
    signal_in_advance(SIGTERM);
    signal_in_advance(SIGINT);
}

static int setup(void **state)
{
    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    sigprocmask(SIG_SETMASK, NULL, &before);
    tempdir_make(&dir);
    tempdir_mkdir(&dir, "m");
    return 0;
}

/* Swallows the signals that nobody took. */
static int teardown(void **state)
{
    (void)state;
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    setrlimit(RLIMIT_NOFILE, &limit);
    tempdir_remove(&dir);
    return 0;
}

static enum app_status serve(const char *manifests, const char *option, struct err *e)
{
    char path[PATH_MAX], m[] = "--manifests", l[] = "--listen=127.0.0.1:0", w[] = "--workers=2";
    char delay[] = "--drain-delay=0s", level[] = "--log-level=error", extra[PATH_MAX];
    char admin[] = "--admin=127.0.0.1:0";
    char *argv[] = {m, path, l, w, delay, level, admin, extra};
    const struct metrics_build build = {"1", "2", "3", "4"};
    struct options o;
    enum app_status status = APP_FAILED;

    tempdir_path(&dir, manifests, path);
    snprintf(extra, sizeof(extra), "%s", option);
    if (options_parse(&o, OPTIONS_SERVE, *option != '\0' ? 8 : 7, argv, e) == 0) {
        status = app_serve(&o, &build, e);
    }
    options_fini(&o);
    return status;
}

static void a_run_ends_cleanly_on_a_signal(void **state)
{
    struct err e;

    (void)state;
    stop_in_advance();
    assert_int_equal(serve("m", "", &e), APP_OK);
}

static void a_run_can_follow_another_in_one_process(void **state)
{
    struct err e;

    (void)state;
    for (int i = 0; i < 3; i++) {
        stop_in_advance();
        assert_int_equal(serve("m", "", &e), APP_OK);
    }
}

static void a_missing_directory_is_a_usage_error(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(serve("nowhere", "", &e), APP_USAGE);
    assert_non_null(strstr(e.text, "--manifests "));
    assert_non_null(strstr(e.text, "nowhere: cannot read the directory: No such file"));
    assert_non_null(strstr(e.text, "; give a directory that exists and that uid "));
}

static void too_many_connections_are_a_usage_error(void **state)
{
    struct rlimit low = {.rlim_cur = 256, .rlim_max = limit.rlim_max};
    struct err e;

    (void)state;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(serve("m", "--max-connections=16777216", &e), APP_USAGE);
    assert_non_null(strstr(e.text, "RLIMIT_NOFILE"));
}

static const char *ports_option(char option[PATH_MAX])
{
    char path[PATH_MAX];

    snprintf(option, PATH_MAX, "--ports-file=%s", tempdir_path(&dir, "ports", path));
    return option;
}

static bool ports_file_is(const char *text)
{
    char path[PATH_MAX], held[64] = "";
    FILE *f = fopen(tempdir_path(&dir, "ports", path), "re");

    if (f == NULL) {
        return false;
    }
    held[fread(held, 1, sizeof(held) - 1, f)] = '\0';
    fclose(f);
    return strcmp(held, text) == 0;
}

static void a_failed_start_leaves_another_instances_ports_file_alone(void **state)
{
    struct sockaddr_storage sa;
    struct netaddr taken = {.family = AF_INET};
    socklen_t len = netaddr_to_sockaddr(&taken, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char option[PATH_MAX], text[NETADDR_TEXT_MAX], listen_to[96];
    struct err e;

    (void)state;
    tempdir_write(&dir, "ports", "theirs");
    assert_int_equal(serve("nowhere", ports_option(option), &e), APP_USAGE);
    assert_true(ports_file_is("theirs"));

    assert_int_equal(bind(fd, (const struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    netaddr_from_sockaddr(&taken, (const struct sockaddr *)&sa);
    snprintf(listen_to, sizeof(listen_to), "--listen=%s", netaddr_format(&taken, text));
    setenv("SEALWAY_PORTS_FILE", option + strlen("--ports-file="), 1);
    assert_int_equal(serve("m", listen_to, &e), APP_USAGE);
    unsetenv("SEALWAY_PORTS_FILE");
    close(fd);
    assert_true(ports_file_is("theirs"));
}

static void a_start_takes_away_the_ports_file_of_an_earlier_run(void **state)
{
    char option[PATH_MAX];
    struct err e;

    (void)state;
    tempdir_write(&dir, "ports", "old");
    stop_in_advance();
    assert_int_equal(serve("m", ports_option(option), &e), APP_OK);
    assert_false(ports_file_is("old"));
}

static void a_ports_file_that_cannot_be_written_is_a_usage_error(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(serve("m", "--ports-file=/dev/full", &e), APP_USAGE);
    assert_non_null(strstr(e.text, "--ports-file /dev/full: "));
    assert_int_equal(access("/dev/full", W_OK), 0);
    assert_int_equal(serve("m", "--ports-file=/nowhere/at/all", &e), APP_USAGE);
}

static void serve_once(void *ctx)
{
    struct err e;

    (void)ctx;
    stop_at_once_in_advance();
    (void)serve("m", "", &e);
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_true(failalloc_torture(serve_once, NULL) > 10);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_run_ends_cleanly_on_a_signal),
        T(a_run_can_follow_another_in_one_process),
        T(a_missing_directory_is_a_usage_error),
        T(too_many_connections_are_a_usage_error),
        T(a_failed_start_leaves_another_instances_ports_file_alone),
        T(a_start_takes_away_the_ports_file_of_an_earlier_run),
        T(a_ports_file_that_cannot_be_written_is_a_usage_error),
        T(running_out_of_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
