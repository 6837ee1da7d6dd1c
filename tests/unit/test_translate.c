#include "controller/translate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/store.h"
#include "route/registry.h"
#include "route/table_builder.h"
#include "support/failalloc.h"
#include "support/objects.h"
#include "support/translated.h"

#define WEB  SERVED("shop", "web", "10.0.0.1")
#define API  SERVED("shop", "api", "10.0.0.2")
#define EVIL SERVED("evil", "web", "10.6.6.6")

#define A_TEST(svc)  RULES(HOST("a.test", svc, "number: 443"))
#define DEFAULT(svc) "defaultBackend: " BACKEND(svc, "number: 443")
#define MARK         "sealway.io/tls-mode: passthrough"
#define MARKED(time) ", creationTimestamp: '" time "', annotations: {" MARK "}"

static const char *const shop[] = {"other", "shop"}, *const everywhere[] = {"*"};

static struct translate_config catching(const char *const *namespaces, size_t n)
{
    struct translate_config cfg = translated_config();

    cfg.catch_all = namespaces;
    cfg.n_catch_all = n;
    return cfg;
}

static void expect_of(const struct translate_config *cfg, const char *yaml, const char *host,
                      const char *route, const char *verdicts)
{
    struct translated t;

    translated_make(&t, cfg, yaml);
    assert_string_equal(translated_route(&t, host), route);
    assert_string_equal(translated_verdicts(&t), verdicts);
    translated_free(&t);
}

static void expect(const char *yaml, const char *host, const char *route, const char *verdicts)
{
    struct translate_config cfg = translated_config();

    expect_of(&cfg, yaml, host, route, verdicts);
}

static void hosts_are_routed_exact_then_wildcard(void **state)
{
    const char *yaml =
        OUR_CLASS WEB API INGRESS("shop", "i", "",
                                  OURS RULES(HOST("*.a.test", "web", "number: 443") ", " HOST(
                                      "x.a.test", "api", "number: 443")));

    (void)state;
    expect(yaml, "y.a.test", "shop/i -> web:443 [10.0.0.1:8443]", "");
    expect(yaml, "x.a.test", "shop/i -> api:443 [10.0.0.2:8443]", "");
    expect(yaml, "a.test", "-", "");
    expect(yaml, "y.x.a.test", "-", "");
}

static void nothing_here_is_an_empty_table(void **state)
{
    (void)state;
    expect(OUR_CLASS, "a.test", "-", "");
}

static void one_bad_object_does_not_touch_another(void **state)
{
    (void)state;
    expect(OUR_CLASS WEB INGRESS("shop", "bad", "", OURS RULES(HOST("b.test", "gone", "number: 1")))
               INGRESS("shop", "i", "", OURS A_TEST("web")),
           "a.test", "shop/i -> web:443 [10.0.0.1:8443]", "warning shop/bad ServiceNotFound");
}

static void a_rule_without_host_catches_all_where_the_namespace_may(void **state)
{
    struct translate_config cfg = catching(shop, 2), all = catching(everywhere, 1);
    const char *yaml = OUR_CLASS WEB INGRESS(
        "shop", "i", "", OURS RULES(RULE_WITHOUT_HOST(PATH("/", "web", "number: 443"))));

    (void)state;
    expect_of(&cfg, yaml, "", "shop/i -> web:443 [10.0.0.1:8443]", "");
    expect_of(&all, yaml, "", "shop/i -> web:443 [10.0.0.1:8443]", "");
    expect(yaml, "", "-", "warning shop/i CatchAllNotAllowed");
}

static void a_default_backend_catches_all_where_the_namespace_may(void **state)
{
    struct translate_config cfg = catching(shop, 2);
    const char *yaml = OUR_CLASS WEB INGRESS("shop", "i", "", OURS DEFAULT("web"));

    (void)state;
    expect_of(&cfg, yaml, "", "shop/i -> web:443 [10.0.0.1:8443]", "");
    expect(yaml, "", "-", "warning shop/i CatchAllNotAllowed");
}

static void the_option_for_the_catch_all_is_named(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(&t, &cfg, OUR_CLASS WEB INGRESS("shop", "i", "", OURS DEFAULT("web")));
    assert_non_null(strstr(t.v.items[0].message, "--catch-all shop"));
    translated_free(&t);
}

static void next_to_a_valid_host_rule_a_forbidden_catch_all_is_silent(void **state)
{
    const char *yaml =
        OUR_CLASS WEB INGRESS("shop", "i", "", OURS DEFAULT("web") ", " A_TEST("web"));

    (void)state;
    expect(yaml, "a.test", "shop/i -> web:443 [10.0.0.1:8443]", "");
    expect(yaml, "", "-", "");
    expect(
        OUR_CLASS WEB INGRESS("shop", "i", "",
                              OURS DEFAULT("web") ", " RULES(HOST("a.123", "web", "number: 443"))),
        "", "-", "warning shop/i CatchAllNotAllowed; warning shop/i HostNotRoutable");
}

static void next_to_host_rules_an_allowed_default_backend_catches_all(void **state)
{
    struct translate_config cfg = catching(shop, 2);
    const char *yaml =
        OUR_CLASS WEB API INGRESS("shop", "i", "", OURS DEFAULT("api") ", " A_TEST("web"));

    (void)state;
    expect_of(&cfg, yaml, "a.test", "shop/i -> web:443 [10.0.0.1:8443]", "");
    expect_of(&cfg, yaml, "", "shop/i -> api:443 [10.0.0.2:8443]", "");
}

static void a_rule_without_host_comes_before_the_default_backend(void **state)
{
    struct translate_config cfg = catching(shop, 2);

    (void)state;
    expect_of(&cfg,
              OUR_CLASS WEB API INGRESS("shop", "i", "",
                                        OURS DEFAULT("api") ", " RULES(
                                            RULE_WITHOUT_HOST(PATH("/", "web", "number: 443")))),
              "", "shop/i -> web:443 [10.0.0.1:8443]", "");
}

static void a_resource_as_default_backend_is_refused(void **state)
{
    struct translate_config cfg = catching(shop, 2);

    (void)state;
    expect_of(&cfg, OUR_CLASS INGRESS("shop", "i", "", OURS "defaultBackend: " RESOURCE), "", "-",
              "warning shop/i ResourceBackendUnsupported");
}

static void the_namespace_of_the_oldest_claim_owns_the_host(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;
    const struct verdict *v;

    (void)state;
    translated_make(
        &t, &cfg,
        OUR_CLASS WEB EVIL INGRESS("evil", "a", CREATED("2025-01-01T00:00:00Z"), OURS A_TEST("web"))
            INGRESS("shop", "z", CREATED("2024-01-01T00:00:00Z"), OURS A_TEST("web")));
    assert_string_equal(translated_route(&t, "a.test"), "shop/z -> web:443 [10.0.0.1:8443]");
    assert_string_equal(translated_verdicts(&t), "warning evil/a HostAlreadyClaimed");
    v = &t.v.items[0];
    assert_non_null(strstr(v->message, "host a.test"));
    assert_non_null(strstr(v->message, "shop/z"));
    assert_int_equal(v->line, 33); /* of the rule, not of the object */
    translated_free(&t);
}

static void within_a_namespace_the_oldest_serves(void **state)
{
    (void)state;
    expect(
        OUR_CLASS WEB API INGRESS("shop", "a", CREATED("2025-01-01T00:00:00Z"), OURS A_TEST("web"))
            INGRESS("shop", "b", CREATED("2024-01-01T00:00:00Z"), OURS A_TEST("api")),
        "a.test", "shop/b -> api:443 [10.0.0.2:8443]", "warning shop/a HostAlreadyClaimed");
}

static void without_timestamps_the_name_decides(void **state)
{
    (void)state;
    expect(OUR_CLASS WEB EVIL INGRESS("shop", "a", "", OURS A_TEST("web"))
               INGRESS("evil", "z", "", OURS A_TEST("web")),
           "a.test", "evil/z -> web:443 [10.6.6.6:8443]", "warning shop/a HostAlreadyClaimed");
}

static void a_claim_without_mark_that_loses_to_a_marked_one_gets_a_note(void **state)
{
    (void)state;
    expect(
        OUR_CLASS WEB API INGRESS("shop", "a", CREATED("2024-01-01T00:00:00Z"), OURS A_TEST("web"))
            INGRESS("shop", "b", MARKED("2025-01-01T00:00:00Z"), OURS A_TEST("api")),
        "a.test", "shop/b -> api:443 [10.0.0.2:8443]", "note shop/a HostAlreadyClaimed");
}

static void the_same_host_and_backend_in_one_namespace_is_no_conflict(void **state)
{
    (void)state;
    expect(OUR_CLASS WEB INGRESS("shop", "a", "", OURS A_TEST("web"))
               INGRESS("shop", "b", "", OURS A_TEST("web")),
           "a.test", "shop/a -> web:443 [10.0.0.1:8443]", "");
}

static void a_refused_rule_claims_nothing(void **state)
{
    (void)state;
    expect(OUR_CLASS WEB EVIL INGRESS("evil", "a", CREATED("2020-01-01T00:00:00Z"),
                                      OURS RULES(RULE_WITHOUT_HTTP("a.test")))
               INGRESS("shop", "z", "", OURS A_TEST("web")),
           "a.test", "shop/z -> web:443 [10.0.0.1:8443]", "warning evil/a NoBackend");
}

/* ---- results do not depend on the order of the store ---------------------------------------- */

static const char *const pieces[] = {
    OUR_CLASS,
    WEB,
    API,
    EVIL,
    INGRESS("shop", "a", "", OURS A_TEST("web")),
    INGRESS("shop", "b", CREATED("2024-01-01T00:00:00Z"), OURS A_TEST("api")),
    INGRESS("evil", "c", CREATED("2024-01-01T00:00:00Z"), OURS A_TEST("web")),
    INGRESS("evil", "d", "", OURS RULES(HOST("b.test", "web", "number: 1"))),
    INGRESS("evil", "e", "", OURS DEFAULT("gone")),
    HTTPS_SLICE("shop", "web-2", "web", READY("224.0.0.1") ", " READY("10.0.0.3")),
};

#define ANSWER_MAX 16384

/** Everything that came of the pieces, put into the store from the `first` on. */
static void answer_from(size_t first, char out[ANSWER_MAX])
{
    struct translate_config cfg = catching(everywhere, 1);
    struct translated t;
    char yaml[ANSWER_MAX] = "";

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        strcat(yaml, pieces[(first + i) % ARRAY_LEN(pieces)]);
    }
    translated_make(&t, &cfg, yaml);
    snprintf(out, ANSWER_MAX, "%s\n", translated_route(&t, "a.test"));
    strcat(out, translated_route(&t, ""));
    for (size_t i = 0; i < t.v.n; i++) {
        t.v.items[i].line = 0; /* the pieces moved */
    }
    verdicts_sort(&t.v);
    for (size_t i = 0; i < t.v.n; i++) {
        strcat(out, "\n");
        strcat(out, t.v.items[i].message);
    }
    translated_free(&t);
}

static void the_order_of_objects_changes_nothing(void **state)
{
    char first[ANSWER_MAX], other[ANSWER_MAX];

    (void)state;
    answer_from(0, first);
    for (size_t i = 1; i < ARRAY_LEN(pieces); i++) {
        answer_from(i, other);
        assert_string_equal(first, other);
    }
}

/* ---- torture --------------------------------------------------------------------------------- */

struct torture {
    struct store *store;
    struct registry *registry;
    struct translate_config cfg;
    size_t succeeded;
};

static void translate_once(void *ctx)
{
    struct torture *t = ctx;
    struct table_builder *b = table_builder_new(t->registry);
    struct unserved u;
    struct verdicts v;
    int rc;

    verdicts_init(&v);
    unserved_init(&u);
    if (b) {
        rc = translate(&t->cfg, t->store, b, &(struct translate_outcome){&v, &u, NULL});
        assert_true(rc == 0 || rc == -ENOMEM);
        t->succeeded += rc == 0;
    }
    table_builder_free(b);
    unserved_fini(&u);
    verdicts_fini(&v);
}

static void out_of_memory_anywhere_leaks_nothing(void **state)
{
    struct torture t = {.cfg = catching(everywhere, 1)};
    char yaml[ANSWER_MAX] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        strcat(yaml, pieces[i]);
    }
    t.store = objects_store(yaml);
    t.registry = registry_new(0, 0);
    assert_non_null(t.registry);
    assert_true(failalloc_torture(translate_once, &t) > 10);
    assert_true(t.succeeded >= 1);
    registry_free(t.registry);
    store_free(t.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_routed_exact_then_wildcard),
        cmocka_unit_test(nothing_here_is_an_empty_table),
        cmocka_unit_test(one_bad_object_does_not_touch_another),
        cmocka_unit_test(a_rule_without_host_catches_all_where_the_namespace_may),
        cmocka_unit_test(a_default_backend_catches_all_where_the_namespace_may),
        cmocka_unit_test(the_option_for_the_catch_all_is_named),
        cmocka_unit_test(next_to_a_valid_host_rule_a_forbidden_catch_all_is_silent),
        cmocka_unit_test(next_to_host_rules_an_allowed_default_backend_catches_all),
        cmocka_unit_test(a_rule_without_host_comes_before_the_default_backend),
        cmocka_unit_test(a_resource_as_default_backend_is_refused),
        cmocka_unit_test(the_namespace_of_the_oldest_claim_owns_the_host),
        cmocka_unit_test(within_a_namespace_the_oldest_serves),
        cmocka_unit_test(without_timestamps_the_name_decides),
        cmocka_unit_test(a_claim_without_mark_that_loses_to_a_marked_one_gets_a_note),
        cmocka_unit_test(the_same_host_and_backend_in_one_namespace_is_no_conflict),
        cmocka_unit_test(a_refused_rule_claims_nothing),
        cmocka_unit_test(the_order_of_objects_changes_nothing),
        cmocka_unit_test(out_of_memory_anywhere_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
