#include "execspawn_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "execenv_priv.h"

/** Read and write end of a pipe for one stream of the child; the child's end blocks, as programs
 * expect. */
struct stream {
    int ends[2];
};

static int open_stream(struct stream *s)
{
    int flags;

    if (pipe2(s->ends, O_CLOEXEC) != 0) {
        s->ends[0] = s->ends[1] = -1;
        return -errno;
    }
    flags = fcntl(s->ends[0], F_GETFL);
    return flags >= 0 && fcntl(s->ends[0], F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

static void close_end(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/** Returns 0 or an errno, as the functions called do. */
static int set_files(posix_spawn_file_actions_t *files, int out, int err)
{
    int rc = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);

    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(files, err, STDERR_FILENO);
    }
    if (rc == 0) {
        rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    if (rc == 0) {
        rc = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
    }
    return rc;
}

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setsigdefault(attr, &all);
    (void)posix_spawnattr_setpgroup(attr, 0);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
}

/** Returns 0 or an errno. */
static int spawn(pid_t *pid, char **argv, char **env, const int fds[2])
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&files);

    if (rc != 0) {
        return rc;
    }
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = set_files(&files, fds[0], fds[1]);
        if (rc == 0) {
            rc = set_attributes(&attr);
        }
        if (rc == 0) {
            rc = posix_spawnp(pid, argv[0], &files, &attr, argv, env);
        }
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&files);
    return rc;
}

/** The command and its arguments, borrowed. */
static char **compose_argv(const struct kubeaccess_exec *exec)
{
    size_t n = 0;
    char **argv;

    while (exec->args != NULL && exec->args[n] != NULL) {
        n++;
    }
    argv = calloc(n + 2, sizeof(*argv));
    if (argv != NULL) {
        argv[0] = exec->command;
        for (size_t i = 0; i < n; i++) {
            argv[i + 1] = exec->args[i];
        }
    }
    return argv;
}

static int run(pid_t *pid, const struct kubeaccess_exec *exec, const int fds[2])
{
    struct execenv env;
    char **argv;
    int rc = execenv_init(&env, exec, environ);

    if (rc != 0) {
        return rc;
    }
    argv = compose_argv(exec);
    rc = argv != NULL ? -spawn(pid, argv, env.vars, fds) : -ENOMEM;
    free(argv);
    execenv_fini(&env);
    return rc;
}

static void complain(const struct kubeaccess_exec *exec, int rc, struct err *e)
{
    char program[JSON_TEXT_MAX], hint[JSON_TEXT_MAX];

    json_quote(exec->command, program);
    if (rc == -ENOENT && exec->install_hint != NULL) {
        err_set(e, "credential plugin %s: there is no such program; its kubeconfig says: %s",
                program, json_quote(exec->install_hint, hint));
    } else if (rc == -ENOENT) {
        err_set(e,
                "credential plugin %s: there is no such program%s; install it, or mend "
                "user.exec.command",
                program, strchr(exec->command, '/') != NULL ? "" : " in $PATH");
    } else {
        err_set(e, "credential plugin %s: cannot be run: %s", program, strerror(-rc));
    }
}

int execspawn_start(struct execspawn *out, const struct kubeaccess_exec *exec, struct err *e)
{
    struct stream streams[2] = {{{-1, -1}}, {{-1, -1}}};
    pid_t pid = 0;
    int rc = open_stream(&streams[0]);

    if (rc == 0) {
        rc = open_stream(&streams[1]);
    }
    if (rc == 0) {
        rc = run(&pid, exec, (int[]){streams[0].ends[1], streams[1].ends[1]});
    }
    close_end(streams[0].ends[1]);
    close_end(streams[1].ends[1]);
    if (rc != 0) {
        complain(exec, rc, e);
        close_end(streams[0].ends[0]);
        close_end(streams[1].ends[0]);
        return rc;
    }
    *out = (struct execspawn){.pid = pid, .out = streams[0].ends[0], .err = streams[1].ends[0]};
    return 0;
}
