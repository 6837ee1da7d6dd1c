#include "controller/judged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "manifest/manifesttext.h"
#include "model/store.h"
#include "route/registry.h"
#include "route/table_builder.h"
#include "support/objects.h"
#include "support/translated.h"

#define OTHER_CLASS INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", "")
#define BAD_HOST    RULES(RULE("a_b.test", PATH("/", "web", "number: 443")))
#define BAD(class)  INGRESS("shop", "i", "", OF_CLASS(class) BAD_HOST)

/** Decode a text into a store, filter and translate; both lists of verdicts become one. */
static void judge(const char *yaml, struct verdicts *v)
{
    const struct manifestfile_request want = {.path = "test.yaml"};
    struct translate_config cfg = translated_config();
    struct registry *registry = registry_new(0, 0);
    struct table_builder *b = table_builder_new(registry);
    struct store *s = store_new();
    struct manifestcontent c;

    manifestfile_init(&c);
    assert_int_equal(manifesttext_decode(&want, yaml, strlen(yaml), &c), 0);
    for (size_t i = 0; i < c.n; i++) {
        assert_int_equal(store_put(s, c.objs[i].meta), 0);
    }
    verdicts_init(v);
    verdicts_append(v, &c.verdicts);
    judged_filter(&cfg, s, v);
    assert_int_equal(translate(&cfg, s, b, &(struct translate_outcome){v, NULL, NULL}), 0);
    manifestfile_fini(&c);
    table_builder_free(b);
    registry_free(registry);
    store_free(s);
}

static void expect(const char *yaml, const char *const *reasons, size_t n)
{
    struct verdicts v;

    judge(yaml, &v);
    assert_int_equal(v.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(v.items[i].reason, reasons[i]);
    }
    verdicts_fini(&v);
}

#define EXPECT(yaml, ...)                                                                          \
    do {                                                                                           \
        static const char *const reasons[] = {__VA_ARGS__};                                        \
        expect(yaml, reasons, sizeof(reasons) / sizeof(reasons[0]));                               \
    } while (0)

static void an_ingress_of_ours_is_judged(void **state)
{
    (void)state;
    EXPECT(OUR_CLASS BAD("sealway"), "InvalidHost");
}

static void an_ingress_of_another_class_is_not(void **state)
{
    (void)state;
    expect(OTHER_CLASS BAD("nginx"), NULL, 0);
    EXPECT(BAD("nowhere"), "ClassNotFound");
}

static void an_ingress_with_a_mark_that_says_no_is_not(void **state)
{
    (void)state;
    expect(OUR_CLASS INGRESS("shop", "i",
                             ANNOTATED("nginx.ingress.kubernetes.io/ssl-passthrough: 'false'"),
                             OURS BAD_HOST),
           NULL, 0);
}

static void a_refused_object_stays_judged_whatever_its_class(void **state)
{
    (void)state;
    EXPECT(OTHER_CLASS INGRESS("shop", "i", "", OF_CLASS("nginx") "rules: 7"), "InvalidField");
    EXPECT(OTHER_CLASS INGRESS("shop", "i", "", OF_CLASS("nginx") RULES(""))
               INGRESS("shop", "i", "", OF_CLASS("nginx") "rules: 7"),
           "InvalidField");
}

static void other_kinds_stay_judged(void **state)
{
    (void)state;
    EXPECT(SERVICE("shop", "i", "ports: [{port: 0}]") OTHER_CLASS BAD("nginx"), "InvalidPort");
}

#define BACKENDS(port)                                                                             \
    OUR_CLASS INGRESS("shop", "i", "", OURS RULES(RULE("a.test", PATH("/", "web", port))))

static void a_backend_that_was_refused_is_not_told_to_be_missing(void **state)
{
    (void)state;
    EXPECT(BACKENDS("number: 0"), "InvalidBackend");
    EXPECT(BACKENDS("number: '443'"), "InvalidPort");
    EXPECT(BACKENDS("number: 70000"), "InvalidPort");
    EXPECT(BACKENDS("number: 1, name: a"), "InvalidBackend");
    EXPECT(BACKENDS(""), "InvalidBackend");
    EXPECT(OUR_CLASS INGRESS("shop", "i", "",
                             OURS RULES(RULE("a.test", PATH("/", "A_b", "number: 1")))),
           "InvalidBackend");
    EXPECT(OUR_CLASS INGRESS("shop", "i", "",
                             OURS "defaultBackend: " BACKEND("web", "number: 0") ", " RULES(
                                 RULE_WITHOUT_HTTP("a.test"))),
           "InvalidBackend");
    EXPECT(OUR_CLASS INGRESS("shop", "i", "", OURS RULES(RULE("a.test", ""))), "PathsMissing");
    EXPECT(OUR_CLASS INGRESS("shop", "i", "", OURS RULES(RULE_WITHOUT_HTTP("a.test"))),
           "NoBackend");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ingress_of_ours_is_judged),
        cmocka_unit_test(an_ingress_of_another_class_is_not),
        cmocka_unit_test(an_ingress_with_a_mark_that_says_no_is_not),
        cmocka_unit_test(a_refused_object_stays_judged_whatever_its_class),
        cmocka_unit_test(other_kinds_stay_judged),
        cmocka_unit_test(a_backend_that_was_refused_is_not_told_to_be_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
