#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../src/kube/kubeexec_priv.h"
#include "support/failalloc.h"
#include "support/tempdir.h"
#include "support/wait_until.h"

#define TIMEOUT_MS 20000u

/* A kernel without pidfds, when a test wants one. */
static bool no_pidfd;

int pidfd_open(pid_t pid, unsigned flags)
{
    return no_pidfd ? -1 : (int)syscall(SYS_pidfd_open, pid, flags);
}

struct scene {
    struct tempdir dir;
    struct event_base *base;
    struct kubeaccess_exec exec;
    char command[PATH_MAX];
    struct kubeexec *x;
    unsigned ends;
    char error[512];
    char text[1024];
    size_t len;
};

static void on_end(void *ctx, const struct kubeexec_end *end)
{
    struct scene *s = ctx;
    size_t n = end->len < sizeof(s->text) - 1 ? end->len : sizeof(s->text) - 1;

    s->x = NULL;
    s->ends++;
    (void)snprintf(s->error, sizeof(s->error), "%s", end->e != NULL ? end->e->text : "");
    if (end->text != NULL) {
        memcpy(s->text, end->text, n);
    }
    s->text[n] = '\0';
    s->len = end->len;
}

static int open_scene(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    static char version[] = "client.authentication.k8s.io/v1";

    no_pidfd = false;
    tempdir_make(&s->dir);
    s->base = event_base_new();
    s->exec.api_version = version;
    s->exec.command = s->command;
    *state = s;
    return s->base != NULL ? 0 : -1;
}

static int close_scene(void **state)
{
    struct scene *s = *state;

    kubeexec_cancel(s->x);
    event_base_free(s->base);
    tempdir_remove(&s->dir);
    free(s);
    return 0;
}

/** Write a script that is the plugin. */
static void plugin(struct scene *s, const char *body)
{
    char text[1024];

    (void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
    tempdir_write(&s->dir, "plugin", text);
    tempdir_path(&s->dir, "plugin", s->command);
    assert_int_equal(chmod(s->command, 0700), 0);
}

static bool start(struct scene *s, uint32_t timeout_ms, struct err *e)
{
    const struct kubeexec_config cfg = {.exec = &s->exec,
                                        .base = s->base,
                                        .timeout_ms = timeout_ms,
                                        .max_bytes = 100000,
                                        .on_end = on_end,
                                        .ctx = s};

    s->x = kubeexec_start(&cfg, e);
    return s->x != NULL;
}

static void finish(struct scene *s)
{
    assert_int_equal(s->ends, 0); /* never from within the start */
    while (s->ends == 0) {
        assert_int_equal(event_base_loop(s->base, EVLOOP_ONCE), 0);
    }
    assert_int_equal(s->ends, 1);
    assert_int_equal(event_base_get_num_events(s->base, EVENT_BASE_COUNT_ADDED), 0);
}

static void run(struct scene *s)
{
    struct err e = {""};

    assert_true(start(s, TIMEOUT_MS, &e));
    finish(s);
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void what_it_prints_is_handed_over(void **state)
{
    struct scene *s = *state;

    plugin(s, "echo hello; echo noise >&2");
    run(s);
    assert_string_equal(s->error, "");
    assert_string_equal(s->text, "hello\n");
}

static void without_pidfds_its_end_is_seen_too(void **state)
{
    struct scene *s = *state;

    no_pidfd = true;
    plugin(s, "echo hello");
    run(s);
    assert_string_equal(s->error, "");
    assert_string_equal(s->text, "hello\n");
}

static void all_it_prints_comes_however_much_a_pipe_holds(void **state)
{
    struct scene *s = *state;

    plugin(s, "head -c 99999 /dev/zero | tr '\\0' x");
    run(s);
    assert_string_equal(s->error, "");
    assert_int_equal(s->len, 99999);
}

static void too_much_output_ends_it(void **state)
{
    struct scene *s = *state;

    plugin(s, "exec yes");
    run(s);
    assert_non_null(strstr(s->error, "it printed more than 100000 bytes"));
    assert_non_null(strstr(s->error, s->command));
    assert_int_equal(s->len, 0);
}

static void a_failure_is_told_with_the_last_line_of_stderr(void **state)
{
    struct scene *s = *state;

    plugin(s, "echo first >&2; echo 'please \"log in\"' >&2; echo out; exit 3");
    run(s);
    assert_non_null(strstr(s->error, "failed with status 3: \"please \\\"log in\\\"\""));
    assert_null(strstr(s->error, "first"));
}

static void a_failure_without_a_word_is_told_as_such(void **state)
{
    struct scene *s = *state;

    plugin(s, "exit 1");
    run(s);
    assert_non_null(strstr(s->error, "failed with status 1; it said nothing on stderr"));
}

static void bytes_for_a_terminal_are_escaped_and_a_long_line_is_cut(void **state)
{
    struct scene *s = *state;

    plugin(s, "printf '\\033[31mred%0500d' 0 >&2; exit 1");
    run(s);
    assert_non_null(strstr(s->error, "\\x1b[31mred000"));
    assert_true(strlen(s->error) < 450);
}

static void a_signal_that_kills_it_is_named(void **state)
{
    struct scene *s = *state;

    plugin(s, "kill -TERM $$");
    run(s);
    assert_non_null(strstr(s->error, "was killed by signal 15"));
}

/* ---- its time -------------------------------------------------------------------------------- */

static bool is_gone(void *ctx)
{
    pid_t *pid = ctx;
    char path[64], stat[256] = "";
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", *pid);
    f = fopen(path, "re");
    if (f == NULL) {
        return true;
    }
    (void)!fgets(stat, sizeof(stat), f);
    (void)fclose(f);
    return strstr(stat, ") Z ") != NULL; /* for init, or who stands in for it, to take */
}

static pid_t read_pid(struct scene *s, const char *name)
{
    char path[PATH_MAX], text[32] = "";
    int fd = open(tempdir_path(&s->dir, name, path), O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return 0;
    }
    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    return strchr(text, '\n') != NULL ? (pid_t)strtol(text, NULL, 10) : 0;
}

static bool has_pids(void *ctx)
{
    struct scene *s = ctx;

    return read_pid(s, "own") > 0 && read_pid(s, "child") > 0;
}

/** Begin, and let it come as far as to say who it is before its time is over. */
static void run_out_of_time(struct scene *s)
{
    struct err e = {""};

    assert_true(start(s, 20, &e));
    assert_true(wait_until(has_pids, s, 10000));
    finish(s);
}

#define SAY_OWN   "echo $$ >\"${0%/*}/own\"\n"
#define SAY_CHILD "echo $! >\"${0%/*}/child\"\n"

static void one_that_hangs_is_killed_with_what_it_started(void **state)
{
    struct scene *s = *state;
    pid_t child;

    plugin(s, SAY_OWN "echo begun; sleep 1000 &\n" SAY_CHILD "wait");
    run_out_of_time(s);
    assert_non_null(strstr(s->error, "took longer than 1 s and was killed"));
    assert_int_equal(s->len, 0);
    child = read_pid(s, "child");
    assert_true(wait_until(is_gone, &child, 10000));
}

static void one_that_closes_its_output_and_lives_on_is_killed(void **state)
{
    struct scene *s = *state;

    plugin(s, "exec >/dev/null 2>/dev/null; sleep 1000 &\n" SAY_CHILD SAY_OWN "wait");
    run_out_of_time(s);
    assert_non_null(strstr(s->error, "took longer than 1 s"));
}

static void without_pidfds_one_that_hangs_is_killed_too(void **state)
{
    no_pidfd = true;
    one_that_hangs_is_killed_with_what_it_started(state);
}

static void one_that_leaves_a_child_with_its_output_has_ended_all_the_same(void **state)
{
    struct scene *s = *state;
    pid_t child;

    plugin(s, "sleep 1000 &\n" SAY_CHILD "echo hello");
    run(s);
    assert_string_equal(s->error, "");
    assert_string_equal(s->text, "hello\n");
    child = read_pid(s, "child");
    assert_true(child > 0 && kill(child, SIGKILL) == 0);
}

static void a_cancelled_one_dies_and_tells_nothing(void **state)
{
    struct scene *s = *state;
    struct err e = {""};
    pid_t own, child;

    plugin(s, SAY_OWN "sleep 1000 &\n" SAY_CHILD "wait");
    assert_true(start(s, TIMEOUT_MS, &e));
    assert_true(wait_until(has_pids, s, 10000));
    own = read_pid(s, "own");
    child = read_pid(s, "child");
    kubeexec_cancel(s->x);
    s->x = NULL;
    assert_true(wait_until(is_gone, &own, 10000));
    assert_true(wait_until(is_gone, &child, 10000));
    assert_int_equal(event_base_loop(s->base, EVLOOP_NONBLOCK), 1); /* no event is left */
    assert_int_equal(s->ends, 0);
}

/* ---- what is left behind --------------------------------------------------------------------- */

/** As a container's init: what plugins leave behind is ours. */
static int open_init(void **state)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? open_scene(state) : -1;
}

static int close_init(void **state)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
    return close_scene(state);
}

static bool has_own(void *ctx)
{
    return read_pid(ctx, "own") > 0;
}

static void assert_next_reaps(struct scene *s, pid_t pid)
{
    assert_true(wait_until(is_gone, &pid, 10000));
    plugin(s, "echo next");
    s->ends = 0;
    run(s);
    assert_string_equal(s->text, "next\n");
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void an_orphan_of_one_that_ended_is_reaped(void **state)
{
    struct scene *s = *state;
    pid_t child;

    plugin(s, "sleep 1000 &\n" SAY_CHILD "echo hello");
    run(s);
    child = read_pid(s, "child");
    assert_true(child > 0 && kill(child, SIGKILL) == 0);
    assert_true(wait_until(is_gone, &child, 10000));
    assert_int_equal(kill(child, 0), 0); /* a zombie */
    assert_next_reaps(s, child);
}

static void an_orphan_of_one_that_was_killed_is_reaped(void **state)
{
    struct scene *s = *state;

    plugin(s, SAY_OWN "sleep 1000 &\n" SAY_CHILD "exec sleep 1000");
    run_out_of_time(s);
    assert_next_reaps(s, read_pid(s, "child"));
}

static void one_that_was_cancelled_is_reaped(void **state)
{
    struct scene *s = *state;
    struct err e = {""};
    pid_t pid;

    plugin(s, SAY_OWN "exec sleep 1000");
    assert_true(start(s, TIMEOUT_MS, &e));
    assert_true(wait_until(has_own, s, 10000));
    pid = read_pid(s, "own");
    kubeexec_cancel(s->x);
    s->x = NULL;
    assert_next_reaps(s, pid);
}

static void one_whose_end_was_not_seen_yet_keeps_its_status(void **state)
{
    struct scene *s = *state, *other;
    void *second = NULL;
    pid_t own;

    plugin(s, SAY_OWN "exit 3");
    assert_true(start(s, TIMEOUT_MS, &(struct err){""}));
    assert_true(wait_until(has_own, s, 10000));
    own = read_pid(s, "own");
    assert_true(wait_until(is_gone, &own, 10000));
    assert_int_equal(open_scene(&second), 0);
    other = second;
    plugin(other, "echo hello");
    run(other);
    assert_string_equal(other->text, "hello\n");
    assert_int_equal(close_scene(&second), 0);
    finish(s);
    assert_non_null(strstr(s->error, "failed with status 3"));
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void start_and_end(void *ctx)
{
    struct scene *s = ctx;
    struct err e = {""};

    s->ends = 0;
    if (!start(s, TIMEOUT_MS, &e)) {
        assert_string_not_equal(e.text, "");
        return;
    }
    while (s->ends == 0) {
        assert_int_equal(event_base_loop(s->base, EVLOOP_ONCE), 0);
    }
    assert_true(s->error[0] != '\0' || strcmp(s->text, "hello\n") == 0);
}

static void without_memory_it_fails_and_says_so(void **state)
{
    struct scene *s = *state;

    plugin(s, "echo hello");
    assert_true(failalloc_torture(start_and_end, s) >= 4);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
#define INIT(f)  cmocka_unit_test_setup_teardown(f, open_init, close_init)
    const struct CMUnitTest tests[] = {
        SCENE(what_it_prints_is_handed_over),
        SCENE(without_pidfds_its_end_is_seen_too),
        SCENE(all_it_prints_comes_however_much_a_pipe_holds),
        SCENE(too_much_output_ends_it),
        SCENE(a_failure_is_told_with_the_last_line_of_stderr),
        SCENE(a_failure_without_a_word_is_told_as_such),
        SCENE(bytes_for_a_terminal_are_escaped_and_a_long_line_is_cut),
        SCENE(a_signal_that_kills_it_is_named),
        SCENE(one_that_hangs_is_killed_with_what_it_started),
        SCENE(one_that_closes_its_output_and_lives_on_is_killed),
        SCENE(without_pidfds_one_that_hangs_is_killed_too),
        SCENE(one_that_leaves_a_child_with_its_output_has_ended_all_the_same),
        SCENE(a_cancelled_one_dies_and_tells_nothing),
        INIT(an_orphan_of_one_that_ended_is_reaped),
        INIT(an_orphan_of_one_that_was_killed_is_reaped),
        INIT(one_that_was_cancelled_is_reaped),
        INIT(one_whose_end_was_not_seen_yet_keeps_its_status),
        SCENE(without_memory_it_fails_and_says_so),
    };
    sigset_t child;

    /* As the program has it, whose children's ends are nobody's interruption. */
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
