#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/kube/execspawn_priv.h"
#include "support/form.h"
#include "support/tempdir.h"

static char version[] = "client.authentication.k8s.io/v1";

/** Run to the end; what it printed goes to `text`.  Returns its wait status. */
static int run(const struct kubeaccess_exec *exec, char *text, size_t size)
{
    struct execspawn child;
    struct err e = {""};
    size_t n = 0;
    ssize_t got = 1;
    int status;

    assert_int_equal(execspawn_start(&child, exec, &e), 0);
    assert_int_equal(getpgid(child.pid), child.pid);
    assert_true(fcntl(child.out, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(child.out, F_GETFL) & O_NONBLOCK);
    while (got != 0) {
        struct pollfd p = {.fd = child.out, .events = POLLIN};

        assert_int_equal(poll(&p, 1, 10000), 1);
        got = read(child.out, text + n, size - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    text[n] = '\0';
    close(child.out);
    close(child.err);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    return status;
}

static void shell(char *body, char *text, size_t size)
{
    char sh[] = "/bin/sh", c[] = "-c";
    char *args[] = {c, body, NULL};
    const struct kubeaccess_exec exec = {.api_version = version, .command = sh, .args = args};

    assert_int_equal(run(&exec, text, size), 0);
}

static void arguments_are_passed_as_they_are(void **state)
{
    char echo[] = "echo", first[] = "$HOME; ls", second[] = "*";
    char *args[] = {first, second, NULL};
    const struct kubeaccess_exec exec = {.api_version = version, .command = echo, .args = args};
    char text[128];

    (void)state;
    assert_int_equal(run(&exec, text, sizeof(text)), 0);
    assert_string_equal(text, "$HOME; ls *\n");
}

static void its_stdin_is_empty(void **state)
{
    char body[] = "cat; echo end", text[64];

    (void)state;
    shell(body, text, sizeof(text));
    assert_string_equal(text, "end\n");
}

static void it_has_no_descriptor_of_ours(void **state)
{
    char body[] = "ls /proc/self/fd | tr '\\n' ' '", text[64];
    int fd = open("/dev/null", O_RDONLY); /* NOLINT(android-cloexec-open): on purpose */

    (void)state;
    assert_true(fd >= 0);
    shell(body, text, sizeof(text));
    close(fd);
    assert_string_equal(text, "0 1 2 3 "); /* ls has the directory open */
}

static void no_signal_is_blocked_or_ignored(void **state)
{
    char body[] = "grep -E '^Sig(Blk|Ign)' /proc/self/status", text[128];
    sigset_t child, old;

    (void)state;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigaddset(&child, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &child, &old), 0);
    signal(SIGPIPE, SIG_IGN);
    shell(body, text, sizeof(text));
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000\n"));
    /* The C library keeps two signals behind these, 32 and 33, to itself. */
    assert_int_equal(strtoull(strstr(text, "SigIgn:") + 7, NULL, 16) & 0x7fffffff, 0);
}

static void its_own_pipes_block(void **state)
{
    char body[] = "grep flags /proc/self/fdinfo/1", text[64];

    (void)state;
    shell(body, text, sizeof(text));
    assert_int_equal(strtol(strchr(text, ':') + 1, NULL, 8) & O_NONBLOCK, 0);
}

/* Under valgrind a child has a copy of our memory, and posix_spawn(3) does not hear of it. */
static void skip_where_exec_fails_untold(const char *test)
{
    if (form_is_under_valgrind()) {
        print_message("             skip %s: under valgrind nobody hears that exec failed\n", test);
        skip();
    }
}

static void a_missing_program_is_told_with_how_to_get_it(void **state)
{
    char missing[] = "sealway-no-such-plugin", hint[] = "get it\nfrom there";
    struct kubeaccess_exec exec = {.api_version = version, .command = missing};
    struct execspawn child;
    struct err e;

    (void)state;
    skip_where_exec_fails_untold(__func__);
    assert_int_equal(execspawn_start(&child, &exec, &e), -ENOENT);
    assert_string_equal(e.text, "credential plugin \"sealway-no-such-plugin\": there is no such "
                                "program in $PATH; install it, or mend user.exec.command");
    exec.install_hint = hint;
    assert_int_equal(execspawn_start(&child, &exec, &e), -ENOENT);
    assert_non_null(strstr(e.text, "its kubeconfig says: \"get it\\nfrom there\""));
}

static void a_text_without_an_interpreter_is_not_given_to_a_shell(void **state)
{
    struct kubeaccess_exec exec = {.api_version = version};
    struct execspawn child;
    struct tempdir dir;
    char path[PATH_MAX];
    struct err e;

    (void)state;
    skip_where_exec_fails_untold(__func__);
    tempdir_make(&dir);
    tempdir_write(&dir, "plugin", "echo hello\n");
    exec.command = path;
    assert_int_equal(chmod(tempdir_path(&dir, "plugin", path), 0700), 0);
    assert_int_equal(execspawn_start(&child, &exec, &e), -ENOEXEC);
    assert_non_null(strstr(e.text, "cannot be run: Exec format error"));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(execspawn_start(&child, &exec, &e), -EACCES);
    tempdir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_passed_as_they_are),
        cmocka_unit_test(its_stdin_is_empty),
        cmocka_unit_test(it_has_no_descriptor_of_ours),
        cmocka_unit_test(no_signal_is_blocked_or_ignored),
        cmocka_unit_test(its_own_pipes_block),
        cmocka_unit_test(a_missing_program_is_told_with_how_to_get_it),
        cmocka_unit_test(a_text_without_an_interpreter_is_not_given_to_a_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
