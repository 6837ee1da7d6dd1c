#include "app/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/explainwords.h"
#include "model/object.h"
#include "route/registry.h"
#include "support/explained.h"
#include "support/objects.h"

#define WEB                SERVED("shop", "web", "10.0.0.1")
#define TO_WEB(name, host) INGRESS("shop", name, "", OURS RULES(HOST(host, "web", "number: 443")))

/** "kind host standing" of each candidate, separated by "; ". */
static const char *candidates_of(const struct explain *x)
{
    static char text[65536];
    char host[EXPLAIN_HOST_TEXT];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < x->n_candidates; i++) {
        const struct explain_candidate *c = &x->candidates[i];

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s %s", i ? "; " : "",
                                explainwords_kind(c->kind), explain_host(x, c, host),
                                explainwords_standing(c->standing));
    }
    return text;
}

static void a_name_has_every_pattern_that_could_answer_as_a_candidate(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS WEB TO_WEB("a", "shop.test") TO_WEB("b", "*.test")
                       TO_WEB("c", "*.shop.test"));
    explained_ask(&e, "Shop.Test.");
    assert_string_equal(e.x.name, "shop.test");
    assert_int_equal(e.x.match, TABLE_EXACT);
    assert_string_equal(candidates_of(&e.x), "exact shop.test taken; wildcard *.test shadowed; "
                                             "wildcard *.shop.test not_covering; catch_all  none");
    explained_ask(&e, "x.test");
    assert_int_equal(e.x.match, TABLE_WILDCARD);
    assert_string_equal(candidates_of(&e.x),
                        "exact x.test none; wildcard *.test taken; catch_all  none");
    explained_ask(&e, "a.b.shop.test");
    assert_null(e.x.route);
    assert_string_equal(candidates_of(&e.x),
                        "exact a.b.shop.test none; wildcard *.b.shop.test none; wildcard "
                        "*.shop.test not_covering; wildcard *.test not_covering; catch_all  none");
    explained_free(&e);
}

static void without_a_name_only_the_catch_all_can_answer(void **state)
{
    static const char *const shop[] = {"shop"};
    struct translate_config cfg = translated_config();
    struct explained e;

    (void)state;
    cfg.catch_all = shop;
    cfg.n_catch_all = 1;
    explained_make(&e, &cfg,
                   OUR_CLASS WEB INGRESS("shop", "i", "",
                                         OURS "defaultBackend: " BACKEND("web", "number: 443")));
    explained_ask(&e, "");
    assert_string_equal(candidates_of(&e.x), "catch_all  taken");
    explained_ask(&e, "192.0.2.1");
    assert_int_equal(e.x.kind, HOSTNAME_ADDRESS);
    assert_int_equal(e.x.match, TABLE_CATCH_ALL);
    assert_string_equal(candidates_of(&e.x), "catch_all  taken");
    explained_ask(&e, "test");
    assert_string_equal(candidates_of(&e.x), "exact test none; catch_all  taken");
    explained_ask(&e, "a..b");
    assert_int_equal(e.x.n_candidates, 0);
    assert_null(e.x.route);
    assert_int_equal(e.x.answer.alert, ALERT_ILLEGAL_PARAMETER);
    assert_null(e.x.answer.option);
    explained_free(&e);
}

static void a_name_of_many_labels_fits(void **state)
{
    char name[HOSTNAME_MAX + 1];
    struct explained e;

    (void)state;
    for (size_t i = 0; i < HOSTNAME_MAX; i++) {
        name[i] = i % 2 ? '.' : 'a';
    }
    name[HOSTNAME_MAX] = '\0';
    explained_make(&e, NULL, OUR_CLASS WEB TO_WEB("b", "*.a") TO_WEB("c", "*.a.a"));
    explained_ask(&e, name);
    assert_int_equal(e.x.kind, HOSTNAME_VALID);
    assert_int_equal(e.x.n_candidates, 5);
    explained_free(&e);
}

static void the_answer_is_what_the_options_say(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS WEB TO_WEB("a", "shop.test") INGRESS(
                       "shop", "e", "", OURS RULES(HOST("empty.test", "gone", "number: 443"))));
    e.policy.on_unknown_name = PROXY_ANSWER_CLOSE;
    e.policy.on_no_name = PROXY_ANSWER_RESET;
    explained_ask(&e, "x.test");
    assert_int_equal(e.x.answer.how, PROXY_ANSWER_CLOSE);
    assert_string_equal(e.x.answer.option, "on-unknown-name");
    explained_ask(&e, "::1");
    assert_int_equal(e.x.answer.how, PROXY_ANSWER_RESET);
    assert_string_equal(e.x.answer.option, "on-no-name");
    explained_ask(&e, "shop.test");
    assert_true(e.x.answer.is_relayed);
    assert_int_equal(e.x.answer.alert, ALERT_INTERNAL_ERROR);
    explained_ask(&e, "empty.test");
    assert_false(e.x.answer.is_relayed);
    assert_string_equal(e.x.answer.option, "on-no-endpoint");
    explained_free(&e);
}

static void an_empty_pool_has_its_own_fault_and_no_other(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) INGRESS(
                       "shop", "i", "",
                       OURS RULES(HOST("a.test", "web", "number: 1") ", " HOST(
                           "b.test", "web", "number: 443"))) SERVED("shop", "api", "10.0.0.1")
                       INGRESS("shop", "j", "", OURS RULES(HOST("c.test", "api", "number: 443"))));
    explained_ask(&e, "a.test");
    assert_string_equal(e.x.fault->reason, "ServicePortNotFound");
    explained_ask(&e, "b.test");
    assert_string_equal(e.x.fault->reason, "NoEndpoints");
    explained_ask(&e, "c.test");
    assert_null(e.x.fault);
    explained_ask(&e, "d.test");
    assert_null(e.x.fault);
    explained_free(&e);
}

static void ingresses_that_do_not_get_the_host_are_with_its_candidate(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS WEB TO_WEB("a", "*.test") INGRESS(
                       "blog", "b", "",
                       OF_CLASS("gone") RULES(HOST("x.test", "web", "number: 443") ", " HOST(
                           "*.test", "web", "number: 443"))));
    explained_ask(&e, "x.test");
    assert_int_equal(e.x.candidates[0].n_unserved, 1);
    assert_string_equal(e.x.candidates[0].unserved[0].ns, "blog");
    assert_int_equal(e.x.candidates[1].n_unserved, 1);
    assert_int_equal(e.x.candidates[2].n_unserved, 0);
    e.q.report = NULL;
    explained_ask(&e, "x.test");
    assert_int_equal(e.x.candidates[0].n_unserved, 0);
    assert_non_null(e.x.route);
    explained_free(&e);
}

static void only_errors_that_could_have_meant_the_name_are_its_problems(void **state)
{
    static const struct objmeta ingress = {
        .kind = OBJECT_INGRESS, .ns = "a", .name = "i", .file = ""};
    static const struct objmeta service = {
        .kind = OBJECT_SERVICE, .ns = "a", .name = "s", .file = ""};
    struct explain_problems p = {.others = false};
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    verdicts_add_at(&e.t.v, "f", 1, VERDICT_ERROR, "ManifestBroken", "broken");
    verdicts_add(&e.t.v, &ingress, 1, VERDICT_ERROR, "InvalidHost", "Not X.test at all");
    verdicts_add(&e.t.v, &ingress, 1, VERDICT_ERROR, "ServicePortNotFound", "x.test");
    verdicts_add(&e.t.v, &ingress, 1, VERDICT_WARNING, "NoBackend", "x.test");
    verdicts_add(&e.t.v, &service, 1, VERDICT_ERROR, "InvalidPort", "x.test");
    report_unref(e.report);
    e.report = translated_report(&e.t);
    e.q.report = e.report;
    explained_ask(&e, "x.test");
    assert_string_equal(explain_next_problem(&e.x, &p)->reason, "InvalidHost");
    assert_string_equal(explain_next_problem(&e.x, &p)->reason, "ManifestBroken");
    assert_null(explain_next_problem(&e.x, &p));
    assert_null(explain_next_problem(&e.x, &p));
    assert_int_equal(explain_count_errors(&e.x), 4);
    explained_ask(&e, "a..b");
    p = (struct explain_problems){.others = false};
    assert_null(explain_next_problem(&e.x, &p));
    explained_free(&e);
}

static void an_ingress_that_names_the_host_comes_before_other_problems(void **state)
{
    static const struct objmeta first = {
        .kind = OBJECT_INGRESS, .ns = "a", .name = "i", .file = ""};
    static const struct objmeta second = {
        .kind = OBJECT_INGRESS, .ns = "b", .name = "j", .file = ""};
    struct explain_problems p = {.others = false};
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    verdicts_add(&e.t.v, &first, 1, VERDICT_ERROR, "InvalidPath", "one");
    verdicts_add(&e.t.v, &second, 1, VERDICT_ERROR, "InvalidPath", "two");
    unserved_add_host(&e.t.unserved, &first, "*.test", UNSERVED_OTHER_CLASS, NULL);
    unserved_add_host(&e.t.unserved, &second, "*.test", UNSERVED_INVALID, NULL);
    report_unref(e.report);
    e.report = translated_report(&e.t);
    e.q.report = e.report;
    explained_ask(&e, "x.test");
    assert_string_equal(explain_next_problem(&e.x, &p)->message, "two");
    assert_string_equal(explain_next_problem(&e.x, &p)->message, "one");
    explained_free(&e);
}

static void a_mistyped_name_hears_the_nearest_host(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS WEB TO_WEB("a", "shop.test") TO_WEB("b", "shop1.test")
                       TO_WEB("c", "*.test"));
    explained_ask(&e, "shpo.example");
    assert_null(e.x.nearest);
    explained_ask(&e, "shop.tset");
    assert_string_equal(e.x.nearest->host, "shop.test");
    explained_ask(&e, "shpo.test");
    assert_null(e.x.nearest); /* the wildcard takes it */
    explained_ask(&e, "");
    assert_null(e.x.nearest);
    explained_free(&e);
}

static void an_endpoint_is_skipped_for_whole_seconds(void **state)
{
    struct explained e;
    const struct endpoint *endpoint;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS WEB TO_WEB("a", "shop.test"));
    explained_ask(&e, "shop.test");
    endpoint = &e.x.pool->endpoints[0];
    assert_int_equal(explain_skipped_for_s(endpoint, 1000), 0);
    atomic_store(&endpoint_state(endpoint)->skip_until_ms, 8001);
    assert_int_equal(explain_skipped_for_s(endpoint, 1000), 8);
    assert_int_equal(explain_skipped_for_s(endpoint, 8000), 1);
    assert_int_equal(explain_skipped_for_s(endpoint, 8001), 0);
    explained_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_every_pattern_that_could_answer_as_a_candidate),
        cmocka_unit_test(without_a_name_only_the_catch_all_can_answer),
        cmocka_unit_test(a_name_of_many_labels_fits),
        cmocka_unit_test(the_answer_is_what_the_options_say),
        cmocka_unit_test(an_empty_pool_has_its_own_fault_and_no_other),
        cmocka_unit_test(ingresses_that_do_not_get_the_host_are_with_its_candidate),
        cmocka_unit_test(only_errors_that_could_have_meant_the_name_are_its_problems),
        cmocka_unit_test(an_ingress_that_names_the_host_comes_before_other_problems),
        cmocka_unit_test(a_mistyped_name_hears_the_nearest_host),
        cmocka_unit_test(an_endpoint_is_skipped_for_whole_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
