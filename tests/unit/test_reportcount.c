#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "controller/report.h"
#include "model/object.h"
#include "support/objects.h"
#include "support/translated.h"

#define WEB SERVED("shop", "web", "10.0.0.1")

/** "kind/reason=n", separated by spaces. */
static void expect(const struct report *r, const char *counts)
{
    char text[1024] = "";
    size_t len = 0;

    for (size_t i = 0; i < r->n_counts; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s/%s=%u", i ? " " : "",
                                r->counts[i].kind, r->counts[i].reason,
                                (unsigned)r->counts[i].objects);
    }
    assert_string_equal(text, counts);
}

static void expect_of(const char *yaml, const char *counts)
{
    struct translate_config cfg = translated_config();
    struct translated t;
    struct report *r;

    translated_make(&t, &cfg, yaml);
    r = translated_report(&t);
    expect(r, counts);
    report_unref(r);
    translated_free(&t);
}

static void a_good_world_has_no_count(void **state)
{
    (void)state;
    expect_of(
        OUR_CLASS WEB INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))),
        "");
}

static void an_object_counts_once_for_each_reason(void **state)
{
    (void)state;
    expect_of(
        OUR_CLASS WEB INGRESS("shop", "i", "",
                              OURS RULES(HOST("a.test", "web", "number: 1") ", " HOST(
                                  "b.test", "web", "number: 2") ", " RULE_WITHOUT_HTTP("c.test")))
            INGRESS("shop", "j", "", OURS RULES(RULE_WITHOUT_HTTP("d.test"))),
        "Ingress/NoBackend=2 Ingress/ServicePortNotFound=1");
}

static void a_claim_that_lost_and_a_missing_service_reject(void **state)
{
    (void)state;
    expect_of(OUR_CLASS WEB INGRESS("shop", "i", CREATED("2024-01-01T00:00:00Z"),
                                    OURS RULES(HOST("a.test", "web", "number: 443")))
                  INGRESS("thief", "j", "", OURS RULES(HOST("a.test", "web", "number: 443"))),
              "Ingress/HostAlreadyClaimed=1 Ingress/ServiceNotFound=1");
}

static void what_is_not_ours_or_only_noise_rejects_nobody(void **state)
{
    (void)state;
    expect_of(
        OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) INGRESS(
            "shop", "i",
            ANNOTATED("nginx.ingress.kubernetes.io/rewrite-target: /, sealway.io/allow-cidrs: x"),
            OURS RULES(HOST("a.test", "web", "number: 443")))
            INGRESS("shop", "j", "", OF_CLASS("gone") RULES(HOST("b.test", "web", "number: 443"))),
        "");
}

static void the_same_reason_rejects_where_a_host_is_lost_for_it(void **state)
{
    (void)state;
    expect_of(OUR_CLASS WEB INGRESS("shop", "i", ANNOTATED("sealway.io/tls-mode: terminate"),
                                    OURS RULES(HOST("a.test", "web", "number: 443"))),
              "Ingress/NotYetSupported=1");
}

static void a_file_is_an_object_where_none_can_be_told(void **state)
{
    struct verdicts files, none;
    struct unserved u;
    const struct report_source from = {.files = &files, .routes = &none, .unserved = &u};
    struct objmeta about = {.kind = OBJECT_INGRESS, .ns = "a", .name = "b", .file = "x"};
    struct report *r;

    (void)state;
    verdicts_init(&files);
    verdicts_init(&none);
    unserved_init(&u);
    verdicts_add_at(&files, "a.yaml", 1, VERDICT_ERROR, "ManifestBroken", "x");
    verdicts_add_at(&files, "a.yaml", 9, VERDICT_ERROR, "ManifestBroken", "x");
    verdicts_add_at(&files, "b.yaml", 1, VERDICT_ERROR, "ManifestBroken", "x");
    verdicts_add_at(&files, "b.yaml", 1, VERDICT_NOTE, "LastGoodKept", "x");
    verdicts_add(&files, &about, 0, VERDICT_ERROR, "DuplicateObject", "x");
    about.file = "y";
    verdicts_add(&files, &about, 0, VERDICT_ERROR, "DuplicateObject", "x");
    r = report_new(&from);
    expect(r, "File/ManifestBroken=2 Ingress/DuplicateObject=2");
    report_unref(r);
    verdicts_fini(&files);
}

static void there_may_be_more_reasons_than_fit_at_first(void **state)
{
    static const char *const reasons[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J",
                                          "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T"};
    struct verdicts files, none;
    struct unserved u;
    const struct report_source from = {.files = &files, .routes = &none, .unserved = &u};
    struct report *r;

    (void)state;
    verdicts_init(&files);
    verdicts_init(&none);
    unserved_init(&u);
    for (size_t i = ARRAY_LEN(reasons); i > 0; i--) {
        verdicts_add_at(&files, "a.yaml", 1, VERDICT_ERROR, reasons[i - 1], "x");
    }
    r = report_new(&from);
    assert_int_equal(r->n_counts, ARRAY_LEN(reasons));
    for (size_t i = 0; i < r->n_counts; i++) {
        assert_string_equal(r->counts[i].reason, reasons[i]);
    }
    report_unref(r);
    verdicts_fini(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_world_has_no_count),
        cmocka_unit_test(an_object_counts_once_for_each_reason),
        cmocka_unit_test(a_claim_that_lost_and_a_missing_service_reject),
        cmocka_unit_test(what_is_not_ours_or_only_noise_rejects_nobody),
        cmocka_unit_test(the_same_reason_rejects_where_a_host_is_lost_for_it),
        cmocka_unit_test(a_file_is_an_object_where_none_can_be_told),
        cmocka_unit_test(there_may_be_more_reasons_than_fit_at_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
