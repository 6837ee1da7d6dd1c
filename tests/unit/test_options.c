#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/optiontable.h"
#include "support/failalloc.h"

struct fixture {
    struct options o;
    struct err e;
};

static int parse_as(struct fixture *f, enum options_command command, const char *const *args)
{
    char *argv[32];
    int argc = 0;
    int rc;

    while (args[argc] != NULL) {
        argv[argc] = strdup(args[argc]);
        argc++;
    }
    options_fini(&f->o);
    err_clear(&f->e);
    rc = options_parse(&f->o, command, argc, argv, &f->e);
    while (argc > 0) {
        free(argv[--argc]);
    }
    return rc;
}

#define PARSE(f, command, ...) parse_as((f), (command), (const char *const[]){__VA_ARGS__, NULL})
#define SERVE(f, ...)          PARSE((f), OPTIONS_SERVE, "--manifests", "m", __VA_ARGS__)

static void clear_environment(void)
{
    size_t n;
    const struct optiontable_row *rows = optiontable_rows(&n);
    char name[OPTIONTABLE_ENV_MAX];

    for (size_t i = 0; i < n; i++) {
        unsetenv(optiontable_env_name(&rows[i], name));
    }
}

static int setup(void **state)
{
    static struct fixture f;

    clear_environment();
    memset(&f, 0, sizeof(f));
    arena_init(&f.o.arena, 64);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    options_fini(&f->o);
    clear_environment();
    return 0;
}

static void defaults_are_those_of_the_documentation(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--"), 0);
    assert_string_equal(f->o.manifests, "m");
    assert_string_equal(f->o.controller_class, "sealway.io/ingress-controller");
    assert_int_equal(f->o.ingress_classes.n, 1);
    assert_string_equal(f->o.ingress_classes.items[0], "sealway");
    assert_int_equal(f->o.catch_all.n, 0);
    assert_int_equal(f->o.require_annotation, REQUIRE_AUTO);
    assert_int_equal(f->o.policy.on_not_tls, PROXY_ANSWER_HTTP400);
    assert_int_equal(f->o.policy.on_unknown_name, PROXY_ANSWER_ALERT);
    assert_int_equal(f->o.policy.hello_timeout_ms, 5000);
    assert_int_equal(f->o.policy.hello_max_bytes, 65536);
    assert_int_equal(f->o.policy.connect_timeout_ms, 2000);
    assert_int_equal(f->o.policy.connect_retries, 2);
    assert_int_equal(f->o.policy.idle_timeout_ms, 3600000);
    assert_int_equal(f->o.policy.half_close_timeout_ms, 30000);
    assert_true(f->o.policy.half_close);
    assert_int_equal(f->o.max_connections_per_client, 0);
    assert_int_equal(f->o.drain_delay_ms, 5000);
    assert_int_equal(f->o.drain_timeout_ms, 300000);
    assert_int_equal(f->o.log_format, LOG_TEXT);
    assert_int_equal(f->o.log_level, LOG_INFO);
    assert_true(f->o.access_log);
    assert_int_equal(f->o.workers, 0);
    assert_int_equal(f->o.n_listen, 0);
    assert_null(f->o.ports_file);
}

static void a_value_may_follow_or_stand_behind_an_equals_sign(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--idle-timeout", "90m", "--log-level=debug"), 0);
    assert_int_equal(f->o.policy.idle_timeout_ms, 5400000);
    assert_int_equal(f->o.log_level, LOG_DEBUG);
}

static void the_last_of_several_values_counts(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--workers", "2", "--workers=3"), 0);
    assert_int_equal(f->o.workers, 3);
}

static void lists_grow_by_repetition_and_by_commas(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--ingress-class", "a,b", "--ingress-class=c", "--catch-all=*"), 0);
    assert_int_equal(f->o.ingress_classes.n, 3);
    assert_string_equal(f->o.ingress_classes.items[0], "a");
    assert_string_equal(f->o.ingress_classes.items[1], "b");
    assert_string_equal(f->o.ingress_classes.items[2], "c");
    assert_string_equal(f->o.catch_all.items[0], "*");
}

static void an_empty_list_entry_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--ingress-class", "a,,b"), -EINVAL);
    assert_string_equal(f->e.text, "--ingress-class a,,b: an empty entry in the list");
    assert_int_equal(SERVE(f, "--ingress-class", "a,"), -EINVAL);
}

static void a_class_or_namespace_that_can_never_match_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--ingress-class", "a.b-c,Foo_Bar"), -EINVAL);
    assert_non_null(
        strstr(f->e.text, "--ingress-class a.b-c,Foo_Bar: \"Foo_Bar\" is not the name"));
    assert_int_equal(SERVE(f, "--ingress-class=*"), -EINVAL);
    assert_int_equal(SERVE(f, "--catch-all=shop,*"), 0);
    assert_int_equal(SERVE(f, "--catch-all", "Bad Name"), -EINVAL);
    assert_non_null(strstr(f->e.text, "--catch-all Bad Name: \"Bad Name\" is not a namespace"));
    assert_int_equal(SERVE(f, "--catch-all=a.b"), -EINVAL);
    setenv("SEALWAY_CATCH_ALL", "UPPER", 1);
    assert_int_equal(SERVE(f, "--"), -EINVAL);
    assert_non_null(strstr(f->e.text, "SEALWAY_CATCH_ALL=UPPER: "));
}

static void options_are_held_against_each_other(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--listen=127.0.0.1:1", "--listen=127.0.0.1:1"), -EINVAL);
    assert_string_equal(f->e.text, "--listen 127.0.0.1:1: given twice; leave one out");
}

static void listen_addresses_are_parsed_and_bounded(void **state)
{
    struct fixture *f = *state;
    char many[LIMIT_LISTENERS * 12 + 32] = "127.0.0.1:0";

    assert_int_equal(SERVE(f, "--listen", "127.0.0.1:8443", "--listen=[::1]:0"), 0);
    assert_int_equal(f->o.n_listen, 2);
    assert_int_equal(f->o.listen[0].family, AF_INET);
    assert_int_equal(f->o.listen[0].port, 8443);
    assert_int_equal(f->o.listen[1].family, AF_INET6);
    assert_int_equal(SERVE(f, "--listen", ":8443"), -EINVAL);
    assert_non_null(strstr(f->e.text, "--listen :8443: not an address and port"));
    for (size_t i = 0; i < LIMIT_LISTENERS; i++) {
        strcat(many, ",127.0.0.1:0");
    }
    assert_int_equal(SERVE(f, "--listen", many), -EINVAL);
    assert_non_null(strstr(f->e.text, "more than 64 addresses"));
}

static void flags_need_no_value_and_can_be_taken_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--ingress-class-only"), 0);
    assert_true(f->o.ingress_class_only);
    setenv("SEALWAY_INGRESS_CLASS_ONLY", "true", 1);
    assert_int_equal(SERVE(f, "--ingress-class-only=off"), 0);
    assert_false(f->o.ingress_class_only);
}

static void the_command_line_wins_over_the_environment(void **state)
{
    struct fixture *f = *state;

    setenv("SEALWAY_IDLE_TIMEOUT", "off", 1);
    setenv("SEALWAY_INGRESS_CLASS", "x,y", 1);
    setenv("SEALWAY_WORKERS", "7", 1);
    assert_int_equal(SERVE(f, "--workers", "2"), 0);
    assert_int_equal(f->o.policy.idle_timeout_ms, 0);
    assert_int_equal(f->o.ingress_classes.n, 2);
    assert_int_equal(f->o.workers, 2);
    assert_int_equal(SERVE(f, "--ingress-class", "z"), 0);
    assert_int_equal(f->o.ingress_classes.n, 1);
    assert_string_equal(f->o.ingress_classes.items[0], "z");
}

static void a_bad_variable_is_named_and_an_empty_one_is_none(void **state)
{
    struct fixture *f = *state;

    setenv("SEALWAY_WORKERS", "", 1);
    assert_int_equal(SERVE(f, "--"), 0);
    setenv("SEALWAY_WORKERS", "many", 1);
    assert_int_equal(SERVE(f, "--"), -EINVAL);
    assert_string_equal(f->e.text,
                        "SEALWAY_WORKERS=many: not a count; write a whole number without a unit");
    assert_int_equal(SERVE(f, "--workers=1"), 0);
}

static void what_kubernetes_sets_for_a_service_named_sealway_is_ignored(void **state)
{
    struct fixture *f = *state;

    setenv("SEALWAY_PORT", "tcp://10.0.0.1:443", 1);
    setenv("SEALWAY_SERVICE_HOST", "10.0.0.1", 1);
    assert_int_equal(SERVE(f, "--"), 0);
    unsetenv("SEALWAY_PORT");
    unsetenv("SEALWAY_SERVICE_HOST");
}

static void an_unknown_option_hears_the_nearest_one(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--idle-timout", "1s"), -EINVAL);
    assert_string_equal(f->e.text, "--idle-timout: no such option; did you mean --idle-timeout?");
    assert_int_equal(SERVE(f, "--frobnicate=1"), -EINVAL);
    assert_string_equal(f->e.text, "--frobnicate: no such option; sealway serve --help lists them");
    assert_int_equal(SERVE(f, "-v"), -EINVAL);
    assert_string_equal(f->e.text, "-v: no such option; sealway serve --help lists them");
}

static void an_option_of_another_command_is_unknown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, OPTIONS_CHECK, "--listen", "127.0.0.1:0", "p"), -EINVAL);
    setenv("SEALWAY_LISTEN", "nonsense", 1);
    assert_int_equal(PARSE(f, OPTIONS_CHECK, "p"), 0);
}

static void a_missing_value_is_told_with_what_it_should_be(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--idle-timeout"), -EINVAL);
    assert_string_equal(f->e.text, "--idle-timeout: needs a value: DURATION|off");
    assert_int_equal(SERVE(f, "--ports-file", "--workers", "2"), -EINVAL);
    assert_string_equal(f->e.text, "--ports-file: needs a value: FILE");
    assert_int_equal(SERVE(f, "--ports-file="), -EINVAL);
}

static void a_bad_value_is_told_with_its_option(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--idle-timeout", "60"), -EINVAL);
    assert_string_equal(f->e.text,
                        "--idle-timeout 60: a duration needs a unit: ms, s, m or h, e.g. 60s");
    assert_int_equal(SERVE(f, "--workers", "0"), -EINVAL);
    assert_string_equal(f->e.text, "--workers 0: out of range; it may be 1 to 256");
    assert_int_equal(SERVE(f, "--on-no-name", "http400"), -EINVAL);
    assert_string_equal(
        f->e.text, "--on-no-name http400: not a word it knows; it may be alert, close or reset");
}

static void off_is_taken_only_where_it_means_something(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--idle-timeout=off", "--max-connections-per-client=off"), 0);
    assert_int_equal(f->o.policy.idle_timeout_ms, 0);
    assert_int_equal(SERVE(f, "--hello-timeout=off"), -EINVAL);
}

static void a_source_of_the_command_line_takes_the_place_of_one_in_the_environment(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--kubeconfig=k", "--context", "c"), 0);
    assert_null(f->o.manifests);
    assert_string_equal(f->o.kubeconfig, "k");
    assert_string_equal(f->o.context, "c");
    setenv("SEALWAY_MANIFESTS", "elsewhere", 1);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--"), 0);
    assert_string_equal(f->o.manifests, "elsewhere");
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--kubeconfig=k"), 0);
    assert_null(f->o.manifests);
    assert_int_equal(SERVE(f, "--kubeconfig=k"), -EINVAL);
    assert_string_equal(f->e.text,
                        "--manifests and --kubeconfig are two different sources; leave one out");
}

static void what_is_about_an_api_server_does_not_go_with_manifests(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--watch-namespace=a"), -EINVAL);
    assert_string_equal(f->e.text, "--watch-namespace is about an API server, and --manifests "
                                   "takes objects from files; leave one out");
    assert_int_equal(SERVE(f, "--context=a"), -EINVAL);
    assert_int_equal(SERVE(f, "--endpoints-api=endpoints"), -EINVAL);
    assert_int_equal(
        PARSE(f, OPTIONS_SERVE, "--watch-namespace=a,b", "--endpoints-api=endpointslices"), 0);
    assert_int_equal(f->o.watch_namespaces.n, 2);
    assert_int_equal(f->o.endpoints_api, ENDPOINTS_SLICES);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--watch-namespace=A"), -EINVAL);
}

static void what_is_published_is_an_address_or_a_service_and_can_be_one(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-address=192.0.2.1,lb.example.com"), 0);
    assert_int_equal(f->o.publish_addresses.n, 2);
    assert_string_equal(f->o.election_lease, "sealway-leader");
    assert_int_equal(f->o.write, OPTIONS_WRITE_AUTO);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-service=a/b", "--write=on"), 0);
    assert_string_equal(f->o.publish_service, "a/b");
    assert_int_equal(f->o.write, OPTIONS_WRITE_ON);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-service=b"), -EINVAL);
    assert_string_equal(f->e.text, "--publish-service b: not the name of a Service; write "
                                   "NAMESPACE/NAME");
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-service=A/b"), -EINVAL);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-service=a/b/c"), -EINVAL);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-address=not an address"), -EINVAL);
    assert_int_equal(
        PARSE(f, OPTIONS_SERVE, "--publish-service=a/b", "--publish-address=192.0.2.1"), -EINVAL);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-service=a/b", "--watch-namespace=aa,b"),
                     -EINVAL);
    assert_string_equal(f->e.text, "--publish-service a/b: its namespace is not watched; add "
                                   "--watch-namespace a, or use --publish-address");
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--publish-service=a/b", "--watch-namespace=a"), 0);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--election-lease=A"), -EINVAL);
    assert_int_equal(SERVE(f, "--write=on"), -EINVAL);
    assert_int_equal(SERVE(f, "--publish-address=192.0.2.1"), -EINVAL);
}

static void a_class_is_served_by_name_unasked_with_manifests_only(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--workers=1"), 0);
    assert_int_equal(f->o.ingress_classes.n, 1);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--workers=1"), 0);
    assert_int_equal(f->o.ingress_classes.n, 0);
    assert_int_equal(PARSE(f, OPTIONS_CHECK, "path"), 0);
    assert_int_equal(f->o.ingress_classes.n, 1);
}

static void a_short_form_takes_its_value_beside_or_behind(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, OPTIONS_ROUTES, "-o", "json"), 0);
    assert_int_equal(f->o.output, OPTIONS_JSON);
    assert_int_equal(PARSE(f, OPTIONS_ROUTES, "-ojson"), 0);
    assert_int_equal(f->o.output, OPTIONS_JSON);
    assert_int_equal(PARSE(f, OPTIONS_ROUTES, "--output=table"), 0);
    assert_int_equal(f->o.output, OPTIONS_TABLE);
    assert_int_equal(PARSE(f, OPTIONS_ROUTES, "-o"), -EINVAL);
    assert_string_equal(f->e.text, "--output: needs a value: table|json");
    assert_int_equal(PARSE(f, OPTIONS_ROUTES, "-o", "xml"), -EINVAL);
    assert_string_equal(f->e.text, "--output xml: not a word it knows; it may be table or json");
    assert_int_equal(SERVE(f, "--manifests=m", "-o", "json"), -EINVAL);
}

static void one_of_two_sources_is_asked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, OPTIONS_EXPLAIN, "n", "--manifests=m", "--admin=localhost:1"),
                     -EINVAL);
    assert_string_equal(f->e.text,
                        "--manifests and --admin are two different sources; leave one out");
    setenv("SEALWAY_MANIFESTS", "elsewhere", 1);
    assert_int_equal(PARSE(f, OPTIONS_EXPLAIN, "n", "--admin=localhost:1"), 0);
    assert_null(f->o.manifests);
    assert_string_equal(f->o.admin_url, "localhost:1");
    setenv("SEALWAY_ADMIN", "127.0.0.1:1", 1);
    assert_int_equal(PARSE(f, OPTIONS_EXPLAIN, "n", "--manifests=m"), 0);
    assert_string_equal(f->o.manifests, "m");
    assert_null(f->o.admin_url);
    assert_int_equal(SERVE(f, "--manifests=m", "--admin=[::1]:7"), 0);
    assert_int_equal(f->o.admin.port, 7);
    unsetenv("SEALWAY_ADMIN");
}

static void the_admin_port_is_one_address(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SERVE(f, "--manifests=m"), 0);
    assert_int_equal(f->o.admin.family, AF_UNSPEC);
    assert_true(f->o.per_route_metrics);
    assert_false(f->o.admin_open);
    assert_int_equal(SERVE(f, "--manifests=m", "--admin=10254"), -EINVAL);
    assert_string_equal(f->e.text, "--admin 10254: not an address and port, e.g. 0.0.0.0:8443 or "
                                   "[::]:8443");
}

static void arguments_are_counted(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, OPTIONS_CHECK, "--"), -EINVAL);
    assert_string_equal(f->e.text, "an argument is missing: sealway check [options] PATH...");
    assert_int_equal(PARSE(f, OPTIONS_CHECK, "a", "-", "--", "--b"), 0);
    assert_int_equal(f->o.args.n, 3);
    assert_string_equal(f->o.args.items[1], "-");
    assert_string_equal(f->o.args.items[2], "--b");
    assert_int_equal(SERVE(f, "extra"), -EINVAL);
    assert_non_null(strstr(f->e.text, "extra: an argument too many"));
    assert_int_equal(PARSE(f, OPTIONS_EXPLAIN, "--manifests=m", ""), 0);
    assert_string_equal(f->o.args.items[0], "");
}

static void help_wins_over_what_follows_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, OPTIONS_SERVE, "--help", "--nonsense"), 0);
    assert_true(f->o.help);
    assert_int_equal(PARSE(f, OPTIONS_SERVE, "-h"), 0);
    assert_true(f->o.help);
}

static void explain_takes_a_client_address(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        PARSE(f, OPTIONS_EXPLAIN, "a.test", "--manifests=m", "--client", "2001:db8::7"), 0);
    assert_string_equal(f->o.client, "2001:db8::7");
    assert_int_equal(PARSE(f, OPTIONS_EXPLAIN, "a.test", "--manifests=m", "--client", "here"),
                     -EINVAL);
    assert_non_null(strstr(f->e.text, "--client here: not an IP address"));
}

static void translation_borrows_what_it_needs(void **state)
{
    struct fixture *f = *state;
    struct translate_config cfg;

    assert_int_equal(
        SERVE(f, "--catch-all", "a,b", "--require-annotation=on", "--ingress-without-class"), 0);
    cfg = options_translate(&f->o);
    assert_string_equal(cfg.controller_class, "sealway.io/ingress-controller");
    assert_int_equal(cfg.n_ingress_classes, 1);
    assert_int_equal(cfg.n_catch_all, 2);
    assert_string_equal(cfg.catch_all[1], "b");
    assert_int_equal(cfg.require_annotation, REQUIRE_ON);
    assert_true(cfg.ingress_without_class);
    assert_false(cfg.ingress_class_only);
    assert_false(cfg.from_api_server);
}

static void parse_once(void *ctx)
{
    char **argv = ctx;
    struct options o;
    struct err e = {.text = ""};
    int rc = options_parse(&o, OPTIONS_SERVE, 3, argv, &e);

    if (rc == -ENOMEM) {
        assert_non_null(strstr(e.text, "out of memory"));
    } else {
        assert_int_equal(rc, 0);
        assert_int_equal(o.ingress_classes.n, 5);
    }
    options_fini(&o);
}

static void running_out_of_memory_is_an_error_like_another(void **state)
{
    char manifests[] = "--manifests=m", listen[] = "--listen=127.0.0.1:0";
    char classes[] = "--ingress-class=a,b,c,d,e";
    char *argv[] = {manifests, listen, classes};

    (void)state;
    assert_true(failalloc_torture(parse_once, argv) >= 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(defaults_are_those_of_the_documentation),
        T(a_value_may_follow_or_stand_behind_an_equals_sign),
        T(the_last_of_several_values_counts),
        T(lists_grow_by_repetition_and_by_commas),
        T(an_empty_list_entry_is_refused),
        T(a_class_or_namespace_that_can_never_match_is_refused),
        T(options_are_held_against_each_other),
        T(listen_addresses_are_parsed_and_bounded),
        T(flags_need_no_value_and_can_be_taken_back),
        T(the_command_line_wins_over_the_environment),
        T(a_bad_variable_is_named_and_an_empty_one_is_none),
        T(what_kubernetes_sets_for_a_service_named_sealway_is_ignored),
        T(an_unknown_option_hears_the_nearest_one),
        T(an_option_of_another_command_is_unknown),
        T(a_missing_value_is_told_with_what_it_should_be),
        T(a_bad_value_is_told_with_its_option),
        T(off_is_taken_only_where_it_means_something),
        T(a_source_of_the_command_line_takes_the_place_of_one_in_the_environment),
        T(what_is_about_an_api_server_does_not_go_with_manifests),
        T(what_is_published_is_an_address_or_a_service_and_can_be_one),
        T(a_class_is_served_by_name_unasked_with_manifests_only),
        T(a_short_form_takes_its_value_beside_or_behind),
        T(one_of_two_sources_is_asked),
        T(the_admin_port_is_one_address),
        T(arguments_are_counted),
        T(help_wins_over_what_follows_it),
        T(explain_takes_a_client_address),
        T(translation_borrows_what_it_needs),
        T(running_out_of_memory_is_an_error_like_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
