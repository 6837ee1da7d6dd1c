#include "support/sealway_proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "support/form.h"
#include "support/tempdir.h"
#include "support/wait_until.h"

#define MAX_LISTEN     8
#define MAX_ARGS       64
#define START_LIMIT_MS (form_is_under_valgrind() ? 120000u : 20000u)
#define STOP_LIMIT_MS  20000u
#define LINE_LIMIT_MS  5000u
#define DEATH_ALARM_S  30
#define DEATH_LIMIT_MS 1000u /* whose death a test has just noticed may still be dying */

struct sealway {
    struct sealway *next;
    pid_t pid;          /* 0 once reaped */
    int status;         /* as waitpid() gave it */
    struct tempdir dir; /* ports file, what it writes */
    struct netaddr listen[MAX_LISTEN];
    size_t n_listen;
    struct netaddr admin;
    char ports_path[PATH_MAX], stdout_path[PATH_MAX], stderr_path[PATH_MAX];
};

static struct sealway *started; /* and not forgotten */
static pid_t starter;           /* a child of it has not started them */

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;

    if (f == NULL || getdelim(&text, &cap, '\0', f) < 0) {
        free(text);
        text = strdup("");
    }
    if (f != NULL) {
        fclose(f);
    }
    return text;
}

char *sealway_stdout(const struct sealway *s)
{
    return read_file(s->stdout_path);
}

char *sealway_stderr(const struct sealway *s)
{
    return read_file(s->stderr_path);
}

static bool has_arg(const char *const *args, const char *name)
{
    for (; args != NULL && *args != NULL; args++) {
        if (strcmp(*args, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a test gave it as SEALWAY_NAME; "--name" is what the option is called. */
static bool has_env(const char *name)
{
    char variable[64] = "SEALWAY_";
    size_t len = strlen(variable);

    for (name += 2; *name != '\0' && len + 1 < sizeof(variable); name++) {
        variable[len++] = (char)(*name == '-' ? '_' : toupper((unsigned char)*name));
    }
    return getenv(variable) != NULL;
}

/* An option the test leaves out gets a value that suits tests. */
static size_t add_default(const char **argv, size_t n, const char *const *args, const char *name,
                          const char *value)
{
    if (has_arg(args, name) || has_env(name)) {
        return n;
    }
    argv[n] = name;
    argv[n + 1] = value;
    return n + 2;
}

static size_t add_all(const char **argv, size_t n, const char *const *args)
{
    for (; args != NULL && *args != NULL && n < MAX_ARGS - 1; args++) {
        argv[n++] = *args;
    }
    return n;
}

static void fill_argv(const struct sealway *s, const struct sealway_config *cfg, const char **argv)
{
    const char *program = getenv("SEALWAY_BIN");
    const char *const *args = cfg->args;
    size_t n = 0;

    argv[n++] = program != NULL ? program : "build/sealway";
    argv[n++] = "serve";
    n = add_all(argv, n, cfg->source);
    argv[n++] = "--ports-file";
    argv[n++] = s->ports_path;
    n = add_default(argv, n, args, "--listen", "127.0.0.1:0");
    n = add_default(argv, n, args, "--admin", "127.0.0.1:0");
    n = add_default(argv, n, args, "--workers", "2");
    n = add_default(argv, n, args, "--drain-delay", "0s");
    n = add_all(argv, n, args);
    argv[n] = NULL;
}

/* The test's environment behind `env`, whose first of a name counts; the caller frees it. */
static char **make_environment(const char *const *env)
{
    const char **all;
    size_t n = 0, at = 0;
    char **list;

    while (environ[n] != NULL) {
        n++;
    }
    for (at = 0; env != NULL && env[at] != NULL; at++) {
        n++;
    }
    all = calloc(n + 1, sizeof(*all));
    if (all == NULL) {
        perror("calloc");
        abort();
    }
    if (at > 0) {
        memcpy(all, env, at * sizeof(*all));
    }
    memcpy(all + at, environ, (n - at) * sizeof(*all));
    memcpy(&list, &all, sizeof(list)); /* execve() takes no const, and writes nothing */
    return list;
}

static int open_output(const char *path)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0) {
        perror(path);
        abort();
    }
    return fd;
}

static void spawn(struct sealway *s, const char *const argv[MAX_ARGS], const char *const *env)
{
    char *args[MAX_ARGS], **environment = make_environment(env);
    int out = open_output(s->stdout_path);
    int err = open_output(s->stderr_path);

    s->pid = fork();
    if (s->pid < 0) {
        perror("fork");
        abort();
    }
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        memcpy(args, argv, sizeof(args));
        execve(args[0], args, environment);
        perror(argv[0]);
        _exit(127);
    }
    free(environment);
    close(out);
    close(err);
}

/* The ports file is JSON that names each bound address; false while it is not there or not whole.
 */
static bool read_ports(struct sealway *s)
{
    char *text = read_file(s->ports_path);
    cJSON *root = cJSON_Parse(text);
    const cJSON *admin = cJSON_GetObjectItemCaseSensitive(root, "admin");
    const cJSON *item;

    s->n_listen = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "listen"))
    {
        if (s->n_listen < MAX_LISTEN && cJSON_IsString(item) &&
            netaddr_parse(item->valuestring, &s->listen[s->n_listen]) == 0) {
            s->n_listen++;
        }
    }
    if (!cJSON_IsString(admin) || netaddr_parse(admin->valuestring, &s->admin) != 0) {
        s->n_listen = 0;
    }
    cJSON_Delete(root);
    free(text);
    return s->n_listen > 0;
}

/* Loopback of the family where the program listens on every address. */
static bool answers(const struct netaddr *a)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(a, &sa);
    int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)&sa, len) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return yes;
}

static bool has_ended(void *ctx)
{
    struct sealway *s = ctx;

    if (s->pid != 0 && waitpid(s->pid, &s->status, WNOHANG) == s->pid) {
        s->pid = 0;
    }
    return s->pid == 0;
}

static bool is_up_or_gone(void *ctx)
{
    struct sealway *s = ctx;

    if (has_ended(s)) {
        return true;
    }
    if (s->n_listen == 0 && !read_ports(s)) {
        return false;
    }
    for (size_t i = 0; i < s->n_listen; i++) {
        if (!answers(&s->listen[i])) {
            return false;
        }
    }
    return true;
}

/* Behind the next `key` from *at on; false when there is none or its line is not whole. */
static bool read_address(const char **at, const char *key, struct netaddr *out)
{
    char text[NETADDR_TEXT_MAX];
    size_t len;

    *at = strstr(*at, key);
    if (*at == NULL) {
        return false;
    }
    *at += strlen(key);
    len = strcspn(*at, " \n");
    if ((*at)[len] == '\0' || len >= sizeof(text)) {
        return false;
    }
    memcpy(text, *at, len);
    text[len] = '\0';
    return netaddr_parse(text, out) == 0;
}

/* The admin port is told last. */
static bool has_bound_or_ended(void *ctx)
{
    struct sealway *s = ctx;
    char *said = sealway_stderr(s);
    const char *at = said, *end = said;
    bool yes = read_address(&end, "msg=\"admin port\" address=", &s->admin);

    s->n_listen = 0;
    while (yes && s->n_listen < MAX_LISTEN &&
           read_address(&at, "msg=bound address=", &s->listen[s->n_listen])) {
        s->n_listen++;
    }
    free(said);
    return yes || has_ended(s);
}

static void say_stderr(const struct sealway *s, int status)
{
    int fd = open(s->stderr_path, O_RDONLY | O_CLOEXEC);
    char part[4096];
    ssize_t n;

    print_error("\nthe program ended with status %d; it wrote:\n", status);
    while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0) {
        if (write(STDERR_FILENO, part, (size_t)n) != n) {
            break;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* The first assertion that fails aborts the test program (CMOCKA_TEST_ABORT), and no teardown tells
 * that it failed because a program crashed. */
static void tell_of_the_dead(int sig)
{
    (void)alarm(DEATH_ALARM_S); /* what is called here may hang where memory is in disorder */
    for (struct sealway *s = getpid() == starter ? started : NULL; s != NULL; s = s->next) {
        int status = sealway_wait(s, DEATH_LIMIT_MS);

        if (status > 0) {
            say_stderr(s, status);
        }
    }
    (void)raise(sig); /* not handled a second time */
}

static void keep_in_mind(struct sealway *s)
{
    const struct sigaction action = {.sa_handler = tell_of_the_dead, .sa_flags = (int)SA_RESETHAND};

    s->next = started;
    started = s;
    starter = getpid();
    (void)sigaction(SIGABRT, &action, NULL); /* cannot fail */
}

static struct sealway *start(const struct sealway_config *cfg, bool (*is_far_enough)(void *ctx))
{
    struct sealway *s = calloc(1, sizeof(*s));
    const char *argv[MAX_ARGS] = {NULL};

    if (s == NULL) {
        perror("calloc");
        abort();
    }
    tempdir_make(&s->dir);
    tempdir_path(&s->dir, "ports.json", s->ports_path);
    tempdir_path(&s->dir, "stdout", s->stdout_path);
    tempdir_path(&s->dir, "stderr", s->stderr_path);
    fill_argv(s, cfg, argv);
    spawn(s, argv, cfg->env);
    keep_in_mind(s);
    if (!wait_until(is_far_enough, s, START_LIMIT_MS) || s->pid == 0) {
        char *said = sealway_stderr(s);

        print_error("%s did not come up: %s\n", argv[0], said);
        free(said);
        (void)sealway_stop(s); /* it failed already */
        fail();
        return NULL;
    }
    return s;
}

struct sealway *sealway_start_from(const struct sealway_config *cfg)
{
    return start(cfg, is_up_or_gone);
}

struct sealway *sealway_start_unready(const struct sealway_config *cfg)
{
    return start(cfg, has_bound_or_ended);
}

struct sealway *sealway_start(const char *manifests, const char *const *args)
{
    const char *const source[] = {"--manifests", manifests, NULL};

    return sealway_start_from(&(struct sealway_config){.source = source, .args = args});
}

struct netaddr sealway_addr(const struct sealway *s, size_t index)
{
    assert_in_range(index, 0, s->n_listen - 1);
    return s->listen[index];
}

struct netaddr sealway_admin(const struct sealway *s)
{
    return s->admin;
}

pid_t sealway_pid(const struct sealway *s)
{
    return s->pid;
}

long sealway_rss_kib(const struct sealway *s)
{
    char path[64];
    char *text;
    const char *line;
    long kib;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)s->pid);
    text = read_file(path);
    line = strstr(text, "VmRSS:");
    kib = line != NULL ? strtol(line + strlen("VmRSS:"), NULL, 10) : -1;
    free(text);
    return kib;
}

void sealway_signal(const struct sealway *s, int sig)
{
    assert_true(s->pid > 0);
    assert_int_equal(kill(s->pid, sig), 0);
}

int sealway_wait(struct sealway *s, unsigned limit_ms)
{
    if (!wait_until(has_ended, s, limit_ms)) {
        return -1;
    }
    return WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 128 + WTERMSIG(s->status);
}

bool sealway_left_core(const struct sealway *s)
{
    return s->pid == 0 && WIFSIGNALED(s->status) && WCOREDUMP(s->status);
}

struct line_search {
    const struct sealway *s;
    const char *text;
    char *line;
};

static bool find_line(void *ctx)
{
    struct line_search *search = ctx;
    char *all = sealway_stdout(search->s);
    char *rest = all;

    for (char *line; search->line == NULL && (line = strsep(&rest, "\n")) != NULL;) {
        if (rest != NULL && strstr(line, search->text) != NULL) {
            search->line = strdup(line);
        }
    }
    free(all);
    return search->line != NULL;
}

char *sealway_access_line(const struct sealway *s, const char *text)
{
    struct line_search search = {.s = s, .text = text};

    (void)wait_until(find_line, &search, LINE_LIMIT_MS); /* the caller looks at the line */
    return search.line;
}

int sealway_stop(struct sealway *s)
{
    int status;

    if (s == NULL) {
        return 0;
    }
    if (!has_ended(s)) {
        kill(s->pid, SIGTERM);
        kill(s->pid, SIGINT); /* not the same signal twice: that would merge while pending */
    }
    status = sealway_wait(s, STOP_LIMIT_MS);
    if (status == -1) {
        kill(s->pid, SIGKILL);
        (void)sealway_wait(s, STOP_LIMIT_MS); /* nothing withstands SIGKILL */
        status = 128 + SIGKILL;
    }
    if (status != 0) {
        say_stderr(s, status);
    }
    s->pid = 0;
    sealway_forget(s);
    return status;
}

void sealway_forget(struct sealway *s)
{
    struct sealway **at = &started;

    assert_int_equal(s->pid, 0);
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    tempdir_remove(&s->dir);
    free(s);
}
