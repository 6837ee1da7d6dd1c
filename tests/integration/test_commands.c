/*
 * The commands as a user meets them: exit status, what goes to stdout, what to stderr.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/netaddr.h"
#include "support/command.h"

#define INGRESS(ns, name, extra, host, port)                                                       \
    "apiVersion: networking.k8s.io/v1\n"                                                           \
    "kind: Ingress\n"                                                                              \
    "metadata:\n"                                                                                  \
    "  name: " name "\n"                                                                           \
    "  namespace: " ns "\n" extra "spec:\n"                                                        \
    "  ingressClassName: sealway\n"                                                                \
    "  rules:\n"                                                                                   \
    "    - host: \"" host "\"\n"                                                                   \
    "      http:\n"                                                                                \
    "        paths:\n"                                                                             \
    "          - path: /\n"                                                                        \
    "            pathType: Prefix\n"                                                               \
    "            backend:\n"                                                                       \
    "              service:\n"                                                                     \
    "                name: web\n"                                                                  \
    "                port:\n"                                                                      \
    "                  " port "\n"                                                                 \
    "---\n"

#define SERVICE(ns)                                                                                \
    "apiVersion: v1\n"                                                                             \
    "kind: Service\n"                                                                              \
    "metadata:\n"                                                                                  \
    "  name: web\n"                                                                                \
    "  namespace: " ns "\n"                                                                        \
    "spec:\n"                                                                                      \
    "  ports:\n"                                                                                   \
    "    - name: https\n"                                                                          \
    "      port: 443\n"                                                                            \
    "---\n"

#define SLICE(ns, endpoints)                                                                       \
    "apiVersion: discovery.k8s.io/v1\n"                                                            \
    "kind: EndpointSlice\n"                                                                        \
    "metadata:\n"                                                                                  \
    "  name: web-1\n"                                                                              \
    "  namespace: " ns "\n"                                                                        \
    "  labels:\n"                                                                                  \
    "    kubernetes.io/service-name: web\n"                                                        \
    "addressType: IPv4\n"                                                                          \
    "ports:\n"                                                                                     \
    "  - name: https\n"                                                                            \
    "    port: 18443\n"                                                                            \
    "endpoints: " endpoints "\n"

#define READY         "[{addresses: [127.0.0.2], conditions: {ready: true}}]"
#define CREATED(when) "  creationTimestamp: \"" when "\"\n"

static void write_shop(void)
{
    tempdir_write(&command_dir, "m/shop.yaml",
                  INGRESS("shop", "web", CREATED("2024-01-01T00:00:00Z"), "shop.test",
                          "number: 443") SERVICE("shop") SLICE("shop", READY));
}

/* ---- the front door ---- */

static void an_unknown_command_hears_the_nearest_one(void **state)
{
    (void)state;
    assert_int_equal(command_run("chek 2>&1"), 2);
    command_says_one_line("sealway: chek: no such command; did you mean check?");
    assert_int_equal(command_run("2>&1"), 2);
    command_says_one_line("sealway: a command is missing");
}

static void help_is_everywhere(void **state)
{
    (void)state;
    assert_int_equal(command_run("--help"), 0);
    command_says("Commands:");
    assert_int_equal(command_run("serve --help"), 0);
    command_says("--drain-timeout DURATION");
    assert_int_equal(command_run("check --help"), 0);
    assert_int_equal(command_run("explain -h"), 0);
    assert_int_equal(command_run("version --help"), 0);
}

static void the_version_names_the_libraries(void **state)
{
    (void)state;
    assert_int_equal(command_run("version"), 0);
    command_says("sealway ");
    command_says("commit ");
    command_says("build ");
    command_says("compiler ");
    command_says("kernel Linux ");
    command_says("libcurl ");
    command_says("OpenSSL ");
    command_says("libevent ");
    command_says("cJSON ");
    command_says("libyaml ");
    assert_int_equal(command_run("--version"), 0);
    command_says_one_line("sealway ");
}

static void a_report_that_cannot_be_written_fails(void **state)
{
    (void)state;
    assert_int_equal(command_run("version 2>&1 >/dev/full"), 1);
    command_says_one_line("No space left on device");
}

static void a_closed_stdout_is_no_place_for_a_report(void **state)
{
    (void)state;
    assert_int_equal(command_run("version 2>&1 >&-"), 1);
    command_says_one_line("Bad file descriptor");
}

/* ---- serve ---- */

static void bad_options_end_before_anything_starts(void **state)
{
    (void)state;
    assert_int_equal(command_run("serve --manifests m --idle-timeout 60 2>&1"), 2);
    command_says_one_line(
        "sealway serve: --idle-timeout 60: a duration needs a unit: ms, s, m or h");
    assert_int_equal(command_run("serve 2>&1"), 2);
    command_says_one_line("give --manifests DIR");
    assert_int_equal(command_run("serve --manifests m --kubeconfig x 2>&1"), 2);
    command_says_one_line("--manifests and --kubeconfig are two different sources; leave one out");
    assert_int_equal(command_run("serve --manifests m --kubeconfg x 2>&1"), 2);
    command_says_one_line("--kubeconfg: no such option; did you mean --kubeconfig?");
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_int_equal(command_run("serve --manifests nowhere --listen 127.0.0.1:0 2>&1"), 2);
    command_says_one_line(
        "sealway serve: --manifests nowhere: cannot read the directory: No such file");
    command_says("; give a directory that exists and that uid ");
}

static void a_ports_file_that_cannot_be_written_starts_nothing(void **state)
{
    (void)state;
#define SERVE "serve --manifests m --listen 127.0.0.1:0 --ports-file "
    assert_int_equal(command_run(SERVE "/dev/full 2>&1"), 2);
    command_says_one_line("sealway serve: --ports-file /dev/full: it is no regular file");
    assert_int_equal(command_run(SERVE "m 2>&1"), 2);
    command_says_one_line("--ports-file m: it is a directory; name a file in it");
    assert_int_equal(command_run(SERVE "none/ports 2>&1"), 2);
    command_says_one_line("--ports-file none/ports: No such file or directory; name a file");
#undef SERVE
}

/* A pipe with room for just the first word of a complaint: it is written, and the next one waits.
 */
static void fill_pipe(int fds[2])
{
    static const char BYTES[4096];
    int capacity;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    capacity = fcntl(fds[1], F_GETPIPE_SZ);
    for (size_t left = (size_t)capacity - strlen("sealway"); left > 0;) {
        size_t n = left < sizeof(BYTES) ? left : sizeof(BYTES);

        assert_int_equal(write(fds[1], BYTES, n), n);
        left -= n;
    }
}

static void wait_until_full(int fd)
{
    int held = 0;

    while (held < fcntl(fd, F_GETPIPE_SZ)) {
        assert_int_equal(ioctl(fd, FIONREAD, &held), 0);
        sched_yield();
    }
}

static void a_signal_during_the_start_waits_for_its_turn(void **state)
{
    const char *bin = getenv("SEALWAY_BIN");
    char bytes[4096];
    int fds[2], status;
    pid_t pid;

    (void)state;
    fill_pipe(fds);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        execl(bin != NULL ? bin : "build/sealway", "sealway", "serve", "--nonsense", (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    wait_until_full(fds[0]);
    assert_int_equal(kill(pid, SIGTERM), 0);
    while (read(fds[0], bytes, sizeof(bytes)) > 0) {
    }
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
}

static void an_address_in_use_is_named(void **state)
{
    struct sockaddr_storage sa;
    struct netaddr a = {.family = AF_INET};
    char args[256], text[NETADDR_TEXT_MAX];
    socklen_t len;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    a.ip.v4.s_addr = htonl(INADDR_LOOPBACK);
    len = netaddr_to_sockaddr(&a, &sa);
    assert_int_equal(bind(fd, (const struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    netaddr_from_sockaddr(&a, (const struct sockaddr *)&sa);
    netaddr_format(&a, text);

    snprintf(args, sizeof(args), "serve --manifests m --listen %s 2>&1", text);
    assert_int_equal(command_run(args), 2);
    command_says_one_line(text);
    close(fd);
}

static void more_connections_than_descriptors_are_refused(void **state)
{
    (void)state;
    assert_int_equal(command_run_after("ulimit -n 1000;",
                                       "serve --manifests m --workers 1 --listen "
                                       "127.0.0.1:0 --max-connections 1000 2>&1"),
                     2);
    command_says_one_line("--max-connections 1000: only ");
    command_says("RLIMIT_NOFILE, which is 1000");
}

/* ---- check ---- */

static void good_manifests_have_no_errors(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(command_run("check m"), 0);
    command_says("1 ingress, 1 host routed, 0 errors, 0 warnings, 0 notes\n");
    assert_int_equal(command_run("check - <m/shop.yaml"), 0);
    command_says("1 ingress, 1 host routed");
    assert_int_equal(command_run("check m/shop.yaml"), 0);
}

static void an_error_has_file_line_and_object(void **state)
{
    (void)state;
    tempdir_write(&command_dir, "m/bad.yaml",
                  INGRESS("shop", "web", "", "shop.test", "number: 8443") SERVICE("shop"));
    assert_int_equal(command_run("check m"), 1);
    command_says("m/bad.yaml:");
    command_says(": error: shop/web: ");
    command_says(", 1 error, ");
}

static void broken_yaml_is_an_error_with_its_line(void **state)
{
    (void)state;
    write_shop();
    tempdir_write(&command_dir, "m/broken.yaml", "kind: Ingress\nspec: [\n");
    assert_int_equal(command_run("check m"), 1);
    command_says("m/broken.yaml:");
    command_says("error: ");
    command_says("1 host routed");
}

static void a_warning_changes_no_exit_status(void **state)
{
    (void)state;
    tempdir_write(&command_dir, "m/alone.yaml",
                  INGRESS("shop", "web", "", "shop.test", "number: 443"));
    assert_int_equal(command_run("check m"), 0);
    command_says(": warning: shop/web: ");
    command_says("1 warning,");
}

static void a_path_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(command_run("check nowhere.yaml 2>&1"), 1);
    command_says("nowhere.yaml");
    assert_int_equal(command_run("check 2>&1"), 2);
    command_says_one_line("sealway check: an argument is missing");
}

static void a_file_reached_twice_is_read_once(void **state)
{
    (void)state;
    write_shop();
    tempdir_write(&command_dir, "m/sub/other.yaml",
                  INGRESS("shop", "other", "", "other.test", "number: 443"));
    assert_int_equal(command_run_after("ln -s m/shop.yaml link.yaml;", "check m m/shop.yaml"), 0);
    command_says("2 ingresses, 2 hosts routed, 0 errors, ");
    assert_int_equal(command_run("check m/shop.yaml ./m m/../m link.yaml m/sub"), 0);
    command_says("2 ingresses, 2 hosts routed, 0 errors, ");
    assert_int_equal(command_run("check m/shop.yaml m/shop.yaml m/sub m/sub"), 0);
    command_says("2 ingresses, 2 hosts routed, 0 errors, ");
}

static void two_files_of_one_object_are_still_an_error(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(command_run_after("cp m/shop.yaml copy.yaml;", "check m copy.yaml"), 1);
    command_says("DuplicateObject: this Ingress at copy.yaml:1 is not used");
    assert_int_equal(command_run("check m nowhere nowhere 2>&1"), 1);
    command_says("nowhere: error: ManifestUnreadable");
}

static void what_manifests_say_cannot_command_a_terminal(void **state)
{
    (void)state;
    tempdir_write(&command_dir, "m/evil.yaml",
                  INGRESS("shop", "web", "", "\\e[31mevil\\x9b.test", "number: 443"));
    (void)command_run("check m 2>&1");
    command_is_silent_about("\x1b");
    command_is_silent_about("\xc2\x9b");
}

static void the_class_options_decide_what_is_judged(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(command_run("check --ingress-class other m"), 0);
    command_says("0 hosts routed");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, command_setup, command_teardown)
    const struct CMUnitTest tests[] = {
        T(an_unknown_command_hears_the_nearest_one),
        T(help_is_everywhere),
        T(the_version_names_the_libraries),
        T(a_report_that_cannot_be_written_fails),
        T(a_closed_stdout_is_no_place_for_a_report),
        T(bad_options_end_before_anything_starts),
        T(a_directory_that_is_not_there_is_named),
        T(a_ports_file_that_cannot_be_written_starts_nothing),
        T(a_signal_during_the_start_waits_for_its_turn),
        T(an_address_in_use_is_named),
        T(more_connections_than_descriptors_are_refused),
        T(good_manifests_have_no_errors),
        T(an_error_has_file_line_and_object),
        T(broken_yaml_is_an_error_with_its_line),
        T(a_warning_changes_no_exit_status),
        T(a_path_that_is_not_there_is_an_error),
        T(a_file_reached_twice_is_read_once),
        T(two_files_of_one_object_are_still_an_error),
        T(what_manifests_say_cannot_command_a_terminal),
        T(the_class_options_decide_what_is_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
