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
#include "support/tempdir.h"

#define OUTPUT_MAX 65536

static struct tempdir dir;
static char output[OUTPUT_MAX];

/* Run "BEFORE; sealway ARGS" in the test's directory; returns the exit status, output in `output`.
 */
static int run_after(const char *before, const char *args)
{
    const char *bin = getenv("SEALWAY_BIN");
    char command[8192], cwd[PATH_MAX];
    FILE *f;
    int status;

    assert_non_null(getcwd(cwd, sizeof(cwd)));
    if (bin == NULL) {
        bin = "build/sealway";
    }
    snprintf(command, sizeof(command), "cd %s && %s exec timeout 30 %s%s%s %s", dir.path, before,
             *bin == '/' ? "" : cwd, *bin == '/' ? "" : "/", bin, args);
    f = popen(command, "re");
    assert_non_null(f);
    output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
    status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int run(const char *args)
{
    return run_after("", args);
}

static void assert_says(const char *words)
{
    if (strstr(output, words) == NULL) {
        fail_msg("expected: %s\noutput: %s", words, output);
    }
}

static void assert_silent_about(const char *words)
{
    if (strstr(output, words) != NULL) {
        fail_msg("not expected: %s\noutput: %s", words, output);
    }
}

/* One line, no more. */
static void assert_one_line(const char *words)
{
    assert_says(words);
    assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
}

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
    tempdir_write(&dir, "m/shop.yaml",
                  INGRESS("shop", "web", CREATED("2024-01-01T00:00:00Z"), "shop.test",
                          "number: 443") SERVICE("shop") SLICE("shop", READY));
}

static int setup(void **state)
{
    (void)state;
    tempdir_make(&dir);
    tempdir_mkdir(&dir, "m");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tempdir_remove(&dir);
    return 0;
}

/* ---- the front door ---- */

static void an_unknown_command_hears_the_nearest_one(void **state)
{
    (void)state;
    assert_int_equal(run("chek 2>&1"), 2);
    assert_one_line("sealway: chek: no such command; did you mean check?");
    assert_int_equal(run("2>&1"), 2);
    assert_one_line("sealway: a command is missing");
}

static void help_is_everywhere(void **state)
{
    (void)state;
    assert_int_equal(run("--help 2>/dev/null"), 0);
    assert_says("Commands:");
    assert_int_equal(run("serve --help 2>/dev/null"), 0);
    assert_says("--drain-timeout DURATION");
    assert_int_equal(run("check --help 2>/dev/null"), 0);
    assert_int_equal(run("explain -h 2>/dev/null"), 0);
    assert_int_equal(run("version --help 2>/dev/null"), 0);
}

static void the_version_names_the_libraries(void **state)
{
    (void)state;
    assert_int_equal(run("version"), 0);
    assert_says("sealway ");
    assert_says("commit ");
    assert_says("compiler ");
    assert_says("libcurl ");
    assert_says("OpenSSL ");
    assert_says("libevent ");
    assert_says("cJSON ");
    assert_says("libyaml ");
    assert_int_equal(run("--version"), 0);
    assert_one_line("sealway ");
}

static void a_report_that_cannot_be_written_fails(void **state)
{
    (void)state;
    assert_int_equal(run("version 2>&1 >/dev/full"), 1);
    assert_one_line("No space left on device");
}

static void a_closed_stdout_is_no_place_for_a_report(void **state)
{
    (void)state;
    assert_int_equal(run("version 2>&1 >&-"), 1);
    assert_one_line("Bad file descriptor");
}

/* ---- serve ---- */

static void bad_options_end_before_anything_starts(void **state)
{
    (void)state;
    assert_int_equal(run("serve --manifests m --idle-timeout 60 2>&1"), 2);
    assert_one_line("sealway serve: --idle-timeout 60: a duration needs a unit: ms, s, m or h");
    assert_int_equal(run("serve 2>&1"), 2);
    assert_one_line("give --manifests DIR");
    assert_int_equal(run("serve --manifests m --kubeconfig x 2>&1"), 2);
    assert_one_line("--kubeconfig: no such option");
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_int_equal(run("serve --manifests nowhere --listen 127.0.0.1:0 2>&1"), 2);
    assert_one_line("sealway serve: --manifests nowhere: cannot read the directory: No such file");
    assert_says("; give a directory that exists and that uid ");
}

static void a_ports_file_that_cannot_be_written_starts_nothing(void **state)
{
    (void)state;
#define SERVE "serve --manifests m --listen 127.0.0.1:0 --ports-file "
    assert_int_equal(run(SERVE "/dev/full 2>&1"), 2);
    assert_one_line("sealway serve: --ports-file /dev/full: it is no regular file");
    assert_int_equal(run(SERVE "m 2>&1"), 2);
    assert_one_line("--ports-file m: it is a directory; name a file in it");
    assert_int_equal(run(SERVE "none/ports 2>&1"), 2);
    assert_one_line("--ports-file none/ports: No such file or directory; name a file");
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
    assert_int_equal(run(args), 2);
    assert_one_line(text);
    close(fd);
}

static void more_connections_than_descriptors_are_refused(void **state)
{
    (void)state;
    assert_int_equal(run_after("ulimit -n 1000;", "serve --manifests m --workers 1 --listen "
                                                  "127.0.0.1:0 --max-connections 1000 2>&1"),
                     2);
    assert_one_line("--max-connections 1000: only ");
    assert_says("RLIMIT_NOFILE, which is 1000");
}

/* ---- check ---- */

static void good_manifests_have_no_errors(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run("check m"), 0);
    assert_says("1 ingress, 1 host routed, 0 errors, 0 warnings, 0 notes\n");
    assert_int_equal(run("check - <m/shop.yaml"), 0);
    assert_says("1 ingress, 1 host routed");
    assert_int_equal(run("check m/shop.yaml"), 0);
}

static void an_error_has_file_line_and_object(void **state)
{
    (void)state;
    tempdir_write(&dir, "m/bad.yaml",
                  INGRESS("shop", "web", "", "shop.test", "number: 8443") SERVICE("shop"));
    assert_int_equal(run("check m"), 1);
    assert_says("m/bad.yaml:");
    assert_says(": error: shop/web: ");
    assert_says(", 1 error, ");
}

static void broken_yaml_is_an_error_with_its_line(void **state)
{
    (void)state;
    write_shop();
    tempdir_write(&dir, "m/broken.yaml", "kind: Ingress\nspec: [\n");
    assert_int_equal(run("check m"), 1);
    assert_says("m/broken.yaml:");
    assert_says("error: ");
    assert_says("1 host routed");
}

static void a_warning_changes_no_exit_status(void **state)
{
    (void)state;
    tempdir_write(&dir, "m/alone.yaml", INGRESS("shop", "web", "", "shop.test", "number: 443"));
    assert_int_equal(run("check m"), 0);
    assert_says(": warning: shop/web: ");
    assert_says("1 warning,");
}

static void a_path_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(run("check nowhere.yaml 2>&1"), 1);
    assert_says("nowhere.yaml");
    assert_int_equal(run("check 2>&1"), 2);
    assert_one_line("sealway check: an argument is missing");
}

static void a_file_reached_twice_is_read_once(void **state)
{
    (void)state;
    write_shop();
    tempdir_write(&dir, "m/sub/other.yaml",
                  INGRESS("shop", "other", "", "other.test", "number: 443"));
    assert_int_equal(run_after("ln -s m/shop.yaml link.yaml;", "check m m/shop.yaml"), 0);
    assert_says("2 ingresses, 2 hosts routed, 0 errors, ");
    assert_int_equal(run("check m/shop.yaml ./m m/../m link.yaml m/sub"), 0);
    assert_says("2 ingresses, 2 hosts routed, 0 errors, ");
    assert_int_equal(run("check m/shop.yaml m/shop.yaml m/sub m/sub"), 0);
    assert_says("2 ingresses, 2 hosts routed, 0 errors, ");
}

static void two_files_of_one_object_are_still_an_error(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run_after("cp m/shop.yaml copy.yaml;", "check m copy.yaml"), 1);
    assert_says("DuplicateObject: this Ingress at copy.yaml:1 is not used");
    assert_int_equal(run("check m nowhere nowhere 2>&1"), 1);
    assert_says("nowhere: error: ManifestUnreadable");
}

static void what_manifests_say_cannot_command_a_terminal(void **state)
{
    (void)state;
    tempdir_write(&dir, "m/evil.yaml",
                  INGRESS("shop", "web", "", "\\e[31mevil\\x9b.test", "number: 443"));
    (void)run("check m 2>&1");
    assert_silent_about("\x1b");
    assert_silent_about("\xc2\x9b");
}

static void the_class_options_decide_what_is_judged(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run("check --ingress-class other m"), 0);
    assert_says("0 hosts routed");
}

/* ---- explain ---- */

static void a_routed_name_is_told_with_its_endpoints(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run("explain SHOP.test. --manifests m"), 0);
    assert_says("name: shop.test\n");
    assert_says("  exact shop.test: shop/web, taken\n");
    assert_says("  wildcard *.test: none\n");
    assert_says("route: host shop.test, ingress shop/web, service web:443\n");
    assert_says("  127.0.0.2:18443 ready\n");
    assert_says("answer: relayed");
}

static void an_unknown_name_is_not_routed(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run("explain nobody.test --manifests m"), 3);
    assert_says("answer: fatal alert unrecognized_name (112), unless --on-unknown-name");
    assert_int_equal(run("explain '' --manifests m"), 3);
    assert_says("name: none\n");
    assert_says("--on-no-name");
    assert_int_equal(run("explain 192.0.2.1 --manifests m"), 3);
    assert_says("an address is no server name");
    assert_int_equal(run("explain a..b --manifests m"), 3);
    assert_says("answer: fatal alert illegal_parameter (47)");
}

static void a_claim_that_lost_is_told_with_its_reason(void **state)
{
    (void)state;
    write_shop();
    tempdir_write(&dir, "m/thief.yaml",
                  INGRESS("thief", "grab", CREATED("2025-01-01T00:00:00Z"), "shop.test",
                          "number: 443") SERVICE("thief") SLICE("thief", READY));
    assert_int_equal(run("explain shop.test --manifests m"), 0);
    assert_says("    lost: thief/grab to service web:443: the namespace of an older claim owns the "
                "host\n");
}

static void a_wildcard_covers_one_label_and_comes_second(void **state)
{
    (void)state;
    write_shop();
    tempdir_write(&dir, "m/wild.yaml",
                  INGRESS("wild", "any", "", "*.test", "number: 443") SERVICE("wild")
                      SLICE("wild", READY));
    assert_int_equal(run("explain shop.test --manifests m"), 0);
    assert_says("  wildcard *.test: wild/any, not taken: one above comes first\n");
    assert_int_equal(run("explain other.test --manifests m"), 0);
    assert_says("  wildcard *.test: wild/any, taken\n");
    assert_int_equal(run("explain a.b.test --manifests m"), 3);
    assert_says("  wildcard *.test: not taken: a wildcard covers exactly one label\n");
}

static void an_ingress_that_is_not_served_is_told(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run("explain shop.test --manifests m --ingress-class other"), 3);
    assert_says("    not served: shop/web: ClassNotFound: there is no IngressClass");
}

static void an_ingress_that_was_refused_is_told_as_what_may_concern_the_name(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run("explain other.test --manifests m"), 3);
    assert_silent_about("problems that may concern this name:");
    tempdir_write(&dir, "m/bad.yaml",
                  INGRESS("bad", "case", "", "Other.test", "number: 443") INGRESS(
                      "shop", "web", "", "again.test",
                      "number: 443") "apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\n"
                                     "metadata: {name: old, namespace: bad}\nspec: {rules: [{host: "
                                     "other.test}]}\n");
    tempdir_write(&dir, "m/a-broken.yaml", "kind: Ingress\nspec: [\n");
    assert_int_equal(run("explain other.test --manifests m"), 3);
    assert_says("problems that may concern this name:\n"
                "  m/bad.yaml:9: bad/case: InvalidHost: spec.rules[0].host \"Other.test\"");
    assert_says(": bad/old: ApiVersionRemoved: ");
    assert_says(": shop/web: DuplicateObject: this Ingress at m/shop.yaml:1 ");
    assert_says("  m/a-broken.yaml:");
}

static void an_empty_route_says_why(void **state)
{
    (void)state;
    tempdir_write(&dir, "m/port.yaml",
                  INGRESS("shop", "web", "", "shop.test", "number: 8443") SERVICE("shop")
                      INGRESS("shop", "web2", "", "two.test", "number: 443"));
    tempdir_write(&dir, "m/none.yaml", INGRESS("none", "web", "", "none.test", "number: 443"));
    assert_int_equal(run("explain shop.test --manifests m"), 0);
    assert_says("endpoints: 0\n  none: ServicePortNotFound: Service shop/web has no port 8443");
    assert_silent_about("NoEndpoints");
    assert_silent_about("problems that may concern this name:");
    assert_int_equal(run("explain two.test --manifests m"), 0);
    assert_says("endpoints: 0\n  none: NoEndpoints: Service shop/web has no usable endpoint");
    assert_int_equal(run("explain none.test --manifests m"), 0);
    assert_says("endpoints: 0\n  none: ServiceNotFound: there is no Service none/web;");
}

static void a_route_without_endpoints_tells_the_answer(void **state)
{
    (void)state;
    tempdir_write(&dir, "m/empty.yaml",
                  INGRESS("shop", "web", "", "shop.test", "number: 443") SERVICE("shop")
                      SLICE("shop", "[]"));
    assert_int_equal(run("explain shop.test --manifests m"), 0);
    assert_says("endpoints: 0\n");
    assert_says("answer: fatal alert internal_error (80), unless --on-no-endpoint");
}

static void the_catch_all_answers_unknown_and_missing_names(void **state)
{
    (void)state;
    tempdir_write(&dir, "m/all.yaml",
                  "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: all, "
                  "namespace: shop}\nspec:\n  ingressClassName: sealway\n  defaultBackend: "
                  "{service: {name: web, port: {number: 443}}}\n---\n" SERVICE("shop")
                      SLICE("shop", READY));
    assert_int_equal(run("explain '' --manifests m --catch-all shop"), 0);
    assert_says("  catch-all: shop/all, taken\n");
    assert_says("route: host (any), ingress shop/all");
    assert_int_equal(run("explain x.test --manifests m --catch-all shop"), 0);
    assert_int_equal(run("explain x.test --manifests m"), 3);
    assert_says("not served: shop/all: CatchAllNotAllowed: ");
    assert_int_equal(run("check m --catch-all shop"), 0);
    assert_says("0 hosts and the catch-all routed");
}

static void later_options_are_taken_and_said_to_change_nothing(void **state)
{
    (void)state;
    write_shop();
    assert_int_equal(run("explain shop.test --manifests m --alpn h2 --client 192.0.2.1"), 0);
    assert_says("note: --alpn and --client change no decision in this version\n");
    assert_int_equal(run("explain shop.test --manifests m --client here 2>&1"), 2);
    assert_int_equal(run("explain shop.test --manifests nowhere 2>&1"), 2);
    assert_one_line("sealway explain: --manifests nowhere: cannot read the directory: No such "
                    "file or directory; give a directory");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        T(a_routed_name_is_told_with_its_endpoints),
        T(an_unknown_name_is_not_routed),
        T(a_claim_that_lost_is_told_with_its_reason),
        T(a_wildcard_covers_one_label_and_comes_second),
        T(an_ingress_that_is_not_served_is_told),
        T(an_ingress_that_was_refused_is_told_as_what_may_concern_the_name),
        T(an_empty_route_says_why),
        T(a_route_without_endpoints_tells_the_answer),
        T(the_catch_all_answers_unknown_and_missing_names),
        T(later_options_are_taken_and_said_to_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
