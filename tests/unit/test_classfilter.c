#include "controller/classfilter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/objects.h"
#include "support/translated.h"

#define WEB          SERVED("shop", "web", "10.0.0.1")
#define RULE_WEB     RULES(HOST("a.test", "web", "number: 443"))
#define ROUTED       "shop/i -> web:443 [10.0.0.1:8443]"
#define MARKED       ANNOTATED("sealway.io/tls-mode: passthrough")
#define NGINX_MARKED ANNOTATED("nginx.ingress.kubernetes.io/ssl-passthrough: 'true'")
#define LEGACY(name) ANNOTATED("kubernetes.io/ingress.class: " name)
#define OTHER_CLASS  INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", "")

static const char *const nginx[] = {"nginx"};

/** --ingress-class nginx */
static struct translate_config serving_nginx(void)
{
    struct translate_config cfg = translated_config();

    cfg.ingress_classes = nginx;
    cfg.n_ingress_classes = 1;
    return cfg;
}

static void expect(const struct translate_config *cfg, const char *yaml, const char *route,
                   const char *verdicts)
{
    struct translated t;

    translated_make(&t, cfg, yaml);
    assert_string_equal(translated_route(&t, "a.test"), route);
    assert_string_equal(translated_verdicts(&t), verdicts);
    translated_free(&t);
}

static void a_class_with_our_controller_is_ours(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", "", OURS RULE_WEB), ROUTED, "");
}

static void the_controller_value_is_an_option(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    cfg.controller_class = "k8s.io/ingress-nginx";
    expect(&cfg, OTHER_CLASS WEB INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB), ROUTED, "");
}

static void a_class_of_another_controller_is_passed_over_in_silence(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg, OTHER_CLASS INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB), "-", "");
}

static void a_class_named_by_option_needs_no_ingressclass(void **state)
{
    struct translate_config cfg = serving_nginx();

    (void)state;
    expect(&cfg, WEB INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB), ROUTED, "");
}

static void classes_of_our_controller_are_served_next_to_named_ones(void **state)
{
    struct translate_config cfg = serving_nginx();

    (void)state;
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", "", OURS RULE_WEB), ROUTED, "");
}

static void with_ingress_class_only_nothing_but_the_named_is_ours(void **state)
{
    struct translate_config cfg = serving_nginx();

    (void)state;
    cfg.ingress_class_only = true;
    cfg.ingress_without_class = true;
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", "", OURS RULE_WEB), "-", "");
    expect(&cfg, WEB INGRESS("shop", "i", "", RULE_WEB), "-", "");
    expect(&cfg, WEB INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB), ROUTED, "");
}

static void the_legacy_annotation_names_the_class_where_nothing_else_does(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", LEGACY("sealway"), RULE_WEB), ROUTED, "");
}

static void ingressclassname_overrules_a_legacy_annotation_that_differs(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", LEGACY("nginx"), OURS RULE_WEB), ROUTED,
           "warning shop/i IngressClassConflict");
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", LEGACY("sealway"), OURS RULE_WEB), ROUTED, "");
    expect(
        &cfg,
        OUR_CLASS OTHER_CLASS INGRESS("shop", "i", LEGACY("sealway"), OF_CLASS("nginx") RULE_WEB),
        "-", "");
}

static void no_class_is_ours_where_one_of_our_classes_is_the_default(void **state)
{
    struct translate_config cfg = translated_config();
    const char *ours = INGRESS_CLASS("sealway", "sealway.io/ingress-controller", IS_DEFAULT)
        WEB INGRESS("shop", "i", "", RULE_WEB);
    const char *both = INGRESS_CLASS("sealway", "sealway.io/ingress-controller", IS_DEFAULT)
        INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", IS_DEFAULT)
            WEB INGRESS("shop", "i", "", RULE_WEB);

    (void)state;
    expect(&cfg, ours, ROUTED, "");
    expect(&cfg, both, ROUTED, "");
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", "", RULE_WEB), "-", "");
}

static void no_class_is_ours_by_option_unless_a_default_class_claims_it(void **state)
{
    struct translate_config cfg = translated_config();
    const char *claimed = INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", IS_DEFAULT)
        WEB INGRESS("shop", "i", "", RULE_WEB);

    (void)state;
    cfg.ingress_without_class = true;
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", "", RULE_WEB), ROUTED, "");
    expect(&cfg, claimed, "-", "");
}

static void a_default_class_named_by_option_is_ours_like_any_other(void **state)
{
    struct translate_config cfg = serving_nginx();
    const char *marked = INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", IS_DEFAULT)
        WEB INGRESS("shop", "i", MARKED, RULE_WEB);
    const char *unmarked = INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", IS_DEFAULT)
        WEB INGRESS("shop", "i", "", RULE_WEB);

    (void)state;
    expect(&cfg, marked, ROUTED, "");
    expect(&cfg, unmarked, "-", "note shop/i PassthroughAnnotationMissing");
}

static void a_class_nobody_here_has_is_told_with_the_mend_and_not_judged(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;
    const struct verdict *v;

    (void)state;
    translated_make(&t, &cfg,
                    INGRESS("shop", "i", ANNOTATED("sealway.io/service-upstream: maybe"),
                            OF_CLASS("nginx") RULES(HOST("a.test", "missing", "number: 1"))));
    assert_string_equal(translated_verdicts(&t), "note shop/i ClassNotFound");
    v = translated_verdict(&t, "ClassNotFound");
    assert_non_null(strstr(v->message, "\"nginx\""));
    assert_non_null(strstr(v->message, "--ingress-class nginx"));
    assert_non_null(strstr(v->message, "controller: sealway.io/ingress-controller"));
    assert_int_equal(v->line, 4);
    translated_free(&t);
}

/* An annotation may hold any character, and what is said of it goes to terminals and logs. */
static void a_legacy_class_is_told_in_quotes(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(&t, &cfg,
                    INGRESS("shop", "i", LEGACY("\"a\\r\\e[31mb\""), RULE_WEB)
                        OUR_CLASS INGRESS("shop", "k", LEGACY("\"c\\r\\e[31md\""), OURS RULE_WEB));
    assert_string_equal(translated_verdict(&t, "ClassNotFound")->message,
                        "not served: \"a\\x0d\\x1b[31mb\" can be no IngressClass; if Sealway "
                        "should serve it, name one that kubectl get ingressclass lists");
    assert_non_null(
        strstr(translated_verdict(&t, "IngressClassConflict")->message,
               ": \"c\\x0d\\x1b[31md\" is overruled by ingressClassName: \"sealway\"; "));
    translated_free(&t);
}

static void a_mark_that_says_no_is_not_ours_whatever_the_class(void **state)
{
    struct translate_config cfg = serving_nginx();
    const char *off =
        OUR_CLASS WEB INGRESS("shop", "i", ANNOTATED("sealway.io/tls-mode: 'off'"), OURS RULE_WEB);
    const char *no_of_two =
        OUR_CLASS WEB INGRESS("shop", "i",
                              ANNOTATED("sealway.io/tls-mode: passthrough, "
                                        "nginx.ingress.kubernetes.io/ssl-passthrough: 'false'"),
                              OURS RULE_WEB);
    const char *unknown_class =
        INGRESS("shop", "i", ANNOTATED("sealway.io/tls-mode: 'off'"), OF_CLASS("gone") RULE_WEB);

    (void)state;
    cfg.require_annotation = REQUIRE_OFF;
    expect(&cfg, off, "-", "");
    expect(&cfg, no_of_two, "-", "");
    expect(&cfg, unknown_class, "-", "");
}

static void auto_asks_for_a_mark_where_the_class_is_another_controllers(void **state)
{
    struct translate_config cfg = serving_nginx();

    (void)state;
    expect(&cfg, OTHER_CLASS WEB INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB), "-",
           "note shop/i PassthroughAnnotationMissing");
    expect(&cfg, OTHER_CLASS WEB INGRESS("shop", "i", NGINX_MARKED, OF_CLASS("nginx") RULE_WEB),
           ROUTED, "");
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", "", OURS RULE_WEB), ROUTED, "");
}

static void require_annotation_on_asks_all_and_off_asks_nobody(void **state)
{
    struct translate_config cfg = serving_nginx();

    (void)state;
    cfg.require_annotation = REQUIRE_ON;
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", "", OURS RULE_WEB), "-",
           "note shop/i PassthroughAnnotationMissing");
    expect(&cfg, OUR_CLASS WEB INGRESS("shop", "i", MARKED, OURS RULE_WEB), ROUTED, "");
    cfg.require_annotation = REQUIRE_OFF;
    expect(&cfg, OTHER_CLASS WEB INGRESS("shop", "i", "", OF_CLASS("nginx") RULE_WEB), ROUTED, "");
}

static void an_unreadable_mark_is_told_where_a_mark_is_missing_and_no_other_noise(void **state)
{
    struct translate_config cfg = serving_nginx();

    (void)state;
    expect(&cfg,
           OTHER_CLASS WEB INGRESS("shop", "i",
                                   ANNOTATED("nginx.ingress.kubernetes.io/ssl-passthrough: 'yes', "
                                             "nginx.ingress.kubernetes.io/rewrite-target: /"),
                                   OF_CLASS("nginx") RULE_WEB),
           "-", "note shop/i PassthroughAnnotationMissing; warning shop/i AnnotationUnreadable");
}

static void terminate_is_told_and_not_routed(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg,
           OUR_CLASS WEB INGRESS("shop", "i", ANNOTATED("sealway.io/tls-mode: terminate"),
                                 OURS RULE_WEB),
           "-", "warning shop/i NotYetSupported");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_with_our_controller_is_ours),
        cmocka_unit_test(the_controller_value_is_an_option),
        cmocka_unit_test(a_class_of_another_controller_is_passed_over_in_silence),
        cmocka_unit_test(a_class_named_by_option_needs_no_ingressclass),
        cmocka_unit_test(classes_of_our_controller_are_served_next_to_named_ones),
        cmocka_unit_test(with_ingress_class_only_nothing_but_the_named_is_ours),
        cmocka_unit_test(the_legacy_annotation_names_the_class_where_nothing_else_does),
        cmocka_unit_test(ingressclassname_overrules_a_legacy_annotation_that_differs),
        cmocka_unit_test(no_class_is_ours_where_one_of_our_classes_is_the_default),
        cmocka_unit_test(no_class_is_ours_by_option_unless_a_default_class_claims_it),
        cmocka_unit_test(a_default_class_named_by_option_is_ours_like_any_other),
        cmocka_unit_test(a_class_nobody_here_has_is_told_with_the_mend_and_not_judged),
        cmocka_unit_test(a_legacy_class_is_told_in_quotes),
        cmocka_unit_test(a_mark_that_says_no_is_not_ours_whatever_the_class),
        cmocka_unit_test(auto_asks_for_a_mark_where_the_class_is_another_controllers),
        cmocka_unit_test(require_annotation_on_asks_all_and_off_asks_nobody),
        cmocka_unit_test(an_unreadable_mark_is_told_where_a_mark_is_missing_and_no_other_noise),
        cmocka_unit_test(terminate_is_told_and_not_routed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
