#include "controller/hostrule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/objects.h"
#include "support/translate_torture.h"
#include "support/translated.h"

#define TWO_SERVICES OUR_CLASS SERVED("shop", "web", "10.0.0.1") SERVED("shop", "api", "10.0.0.2")
#define WEB          "shop/i -> web:443 [10.0.0.1:8443]"
#define API          "shop/i -> api:443 [10.0.0.2:8443]"
#define P(path, svc) PATH(path, svc, "number: 443")

/** The route of a.test and the verdicts on one Ingress of ours. */
static void expect(const char *ingress, const char *route, const char *verdicts)
{
    struct translate_config cfg = translated_config();
    char yaml[8192];
    struct translated t;

    assert_true(strlen(TWO_SERVICES) + strlen(ingress) < sizeof(yaml));
    strcpy(yaml, TWO_SERVICES);
    strcat(yaml, ingress);
    translated_make(&t, &cfg, yaml);
    assert_string_equal(translated_route(&t, "a.test"), route);
    assert_string_equal(translated_verdicts(&t), verdicts);
    translated_free(&t);
}

#define EXPECT(rules, route, verdicts)                                                             \
    expect(INGRESS("shop", "i", "", OURS RULES(rules)), route, verdicts)

static void the_path_slash_decides(void **state)
{
    (void)state;
    EXPECT(RULE("a.test", P("/", "web")), WEB, "");
    EXPECT(RULE("a.test", P("/api", "api") ", " P("/", "web")), WEB, "warning shop/i PathsIgnored");
}

static void an_absent_path_counts_as_slash(void **state)
{
    (void)state;
    EXPECT("{host: a.test, http: {paths: [{pathType: ImplementationSpecific, backend: " BACKEND(
               "web", "number: 443") "}]}}",
           WEB, "");
}

static void without_slash_the_one_backend_that_all_paths_name_is_taken(void **state)
{
    (void)state;
    EXPECT(RULE("a.test", P("/a", "web") ", " P("/b", "web")), WEB, "warning shop/i PathsIgnored");
}

static void a_port_spelled_by_name_and_by_number_is_one_backend(void **state)
{
    (void)state;
    EXPECT(RULE("a.test", P("/a", "web") ", " PATH("/b", "web", "name: https")), WEB,
           "warning shop/i PathsIgnored");
}

static void several_backends_without_slash_are_refused(void **state)
{
    (void)state;
    EXPECT(RULE("a.test", P("/a", "web") ", " P("/b", "api")), "-",
           "warning shop/i PathsAmbiguous");
}

/* A path may hold any character. */
static void paths_are_told_in_quotes(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(&t, &cfg,
                    TWO_SERVICES INGRESS(
                        "shop", "i", "",
                        OURS RULES(RULE("a.test", P("/a\u00e9", "web") ", " P("/b\"", "api")))));
    assert_non_null(strstr(translated_verdict(&t, "PathsAmbiguous")->message,
                           "(\"/a\\u00e9\" and \"/b\\\"\"), none of them is \"/\""));
    translated_free(&t);
    translated_make(
        &t, &cfg,
        TWO_SERVICES INGRESS("shop", "i", "", OURS RULES(RULE("a.test", P("/b\"", "web")))));
    assert_non_null(
        strstr(translated_verdict(&t, "PathsIgnored")->message, "path \"/b\\\"\" has no effect"));
    translated_free(&t);
}

static void a_second_slash_with_another_backend_is_told_to_be_without_effect(void **state)
{
    (void)state;
    EXPECT(RULE("a.test", P("/", "web") ", " P("/", "api")), WEB, "warning shop/i PathsIgnored");
    EXPECT(RULE("a.test", P("/", "web") ", " P("/", "web")), WEB, "");
}

static void of_two_slashes_it_is_told_which_one_serves(void **state)
{
    struct translate_config cfg = translated_config();
    const struct verdict *v;
    struct translated t;

    (void)state;
    translated_make(&t, &cfg,
                    TWO_SERVICES INGRESS("shop", "i", "",
                                         OURS RULES(RULE("a.test", P("/", "web")) ", " RULE(
                                             "a.test", P("/", "api")))));
    v = translated_verdict(&t, "PathsIgnored");
    assert_null(strstr(v->message, "cannot be seen"));
    assert_non_null(strstr(v->message, "the second path \"/\" of host a.test gets nothing"));
    assert_non_null(strstr(v->message, "serves it, at Service web port 443"));
    translated_free(&t);
    EXPECT(RULE("a.test", P("/", "web") ", " P("/x", "web") ", " P("/", "api")), WEB,
           "warning shop/i PathsIgnored; warning shop/i PathsIgnored");
}

static void paths_of_all_rules_with_one_host_count_together(void **state)
{
    (void)state;
    EXPECT(RULE("a.test", P("/a", "api")) ", " RULE("b.test", P("/", "web")) ", " RULE(
               "a.test", P("/", "web")),
           WEB, "warning shop/i PathsIgnored");
    EXPECT(RULE("a.test", P("/a", "web")) ", " RULE("a.test", P("/b", "api")), "-",
           "warning shop/i PathsAmbiguous");
}

static void the_warning_about_paths_comes_once_per_host_and_says_what_is_reachable(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;
    const struct verdict *v;

    (void)state;
    translated_make(&t, &cfg,
                    TWO_SERVICES INGRESS(
                        "shop", "i", "",
                        OURS RULES(RULE("a.test", P("/x", "web") ", " P("/y", "web")) ", " RULE(
                            "b.test", P("/z", "api")))));
    assert_string_equal(translated_verdicts(&t),
                        "warning shop/i PathsIgnored; warning shop/i PathsIgnored");
    v = translated_verdict(&t, "PathsIgnored");
    assert_non_null(strstr(v->message, "every path of host a.test is reachable"));
    translated_free(&t);
}

static void a_rule_without_http_takes_its_own_default_backend(void **state)
{
    (void)state;
    expect(INGRESS("shop", "i", "",
                   OURS "defaultBackend: " BACKEND("api", "number: 443") ", " RULES(
                       RULE_WITHOUT_HTTP("a.test"))),
           API, "");
}

static void a_rule_without_http_and_default_backend_is_refused(void **state)
{
    (void)state;
    EXPECT(RULE_WITHOUT_HTTP("a.test"), "-", "warning shop/i NoBackend");
}

static void a_resource_backend_is_refused(void **state)
{
    (void)state;
    EXPECT("{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: " RESOURCE "}]}}",
           "-", "warning shop/i ResourceBackendUnsupported");
    expect(INGRESS("shop", "i", "",
                   OURS "defaultBackend: " RESOURCE ", " RULES(RULE_WITHOUT_HTTP("a.test"))),
           "-", "warning shop/i CatchAllNotAllowed; warning shop/i ResourceBackendUnsupported");
}

static void a_host_no_client_can_name_is_told_and_left_out(void **state)
{
    (void)state;
    EXPECT(RULE("a.123", P("/", "web")) ", " RULE("a.test", P("/", "web")), WEB,
           "warning shop/i HostNotRoutable");
}

static void verdicts_stand_at_the_line_of_their_path(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(&t, &cfg,
                    "apiVersion: networking.k8s.io/v1\n"
                    "kind: Ingress\n"
                    "metadata:\n"
                    "  name: i\n"
                    "spec:\n"
                    "  ingressClassName: sealway\n"
                    "  rules:\n"
                    "  - host: a.test\n"
                    "    http:\n"
                    "      paths:\n"
                    "      - path: /\n"
                    "        pathType: Prefix\n"
                    "        backend: {service: {name: web, port: {number: 443}}}\n"
                    "      - path: /x\n"
                    "        pathType: Prefix\n"
                    "        backend: {service: {name: web, port: {number: 443}}}\n"
                    "---\n" OUR_CLASS SERVED("default", "web", "10.0.0.1"));
    assert_int_equal(translated_verdict(&t, "PathsIgnored")->line, 14);
    assert_string_equal(translated_verdict(&t, "PathsIgnored")->file, "test.yaml");
    translated_free(&t);
}

static void out_of_memory_between_any_two_rules_leaks_nothing(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    assert_true(
        translate_torture(
            &cfg, TWO_SERVICES INGRESS(
                      "shop", "i", "",
                      OURS RULES(RULE("a.test", P("/", "web")) ", " RULE(
                          "b.test",
                          P("/a", "web") ", " P(
                              "/b", "api")) ", " RULE("c.test",
                                                      P("/c", "api")) ", " RULE("*.d.test",
                                                                                P("/", "api"))))) >
        20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_slash_decides),
        cmocka_unit_test(an_absent_path_counts_as_slash),
        cmocka_unit_test(without_slash_the_one_backend_that_all_paths_name_is_taken),
        cmocka_unit_test(a_port_spelled_by_name_and_by_number_is_one_backend),
        cmocka_unit_test(several_backends_without_slash_are_refused),
        cmocka_unit_test(paths_are_told_in_quotes),
        cmocka_unit_test(a_second_slash_with_another_backend_is_told_to_be_without_effect),
        cmocka_unit_test(of_two_slashes_it_is_told_which_one_serves),
        cmocka_unit_test(paths_of_all_rules_with_one_host_count_together),
        cmocka_unit_test(the_warning_about_paths_comes_once_per_host_and_says_what_is_reachable),
        cmocka_unit_test(a_rule_without_http_takes_its_own_default_backend),
        cmocka_unit_test(a_rule_without_http_and_default_backend_is_refused),
        cmocka_unit_test(a_resource_backend_is_refused),
        cmocka_unit_test(a_host_no_client_can_name_is_told_and_left_out),
        cmocka_unit_test(verdicts_stand_at_the_line_of_their_path),
        cmocka_unit_test(out_of_memory_between_any_two_rules_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
