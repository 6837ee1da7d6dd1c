#include "app/explainjson.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/jsonout.h"
#include "model/object.h"
#include "route/registry.h"
#include "support/explained.h"
#include "support/failalloc.h"
#include "support/json_path.h"
#include "support/objects.h"

#define WEB     SERVED("shop", "web", "10.0.0.1")
#define TO(svc) OURS RULES(HOST("shop.test", svc, "number: 443"))

/* The answer about a name, parsed; the caller deletes it. */
static cJSON *tree_about(struct explained *e, const char *name)
{
    cJSON *tree;

    explained_ask(e, name);
    assert_int_equal(explainjson_write(&e->x, &e->out), 0);
    tree = cJSON_Parse(explained_text(e));
    assert_non_null(tree);
    return tree;
}

static void a_routed_name_tells_route_and_endpoints(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS WEB INGRESS("shop", "i", "", TO("web")));
    t = tree_about(&e, "SHOP.test");
    assert_string_equal(json_path_text(t, "name.given"), "SHOP.test");
    assert_string_equal(json_path_text(t, "name.lookup"), "shop.test");
    assert_true(cJSON_IsTrue(json_path_at(t, "routed")));
    assert_string_equal(json_path_text(t, "match"), "exact");
    assert_string_equal(json_path_text(t, "route.ingress"), "i");
    assert_string_equal(json_path_text(t, "endpoints.0.address"), "10.0.0.1:8443");
    assert_null(json_path_at(t, "endpoints.0.active"));
    assert_true(cJSON_IsNull(json_path_at(t, "fault")));
    assert_string_equal(json_path_text(t, "answer.action"), "relay");
    assert_string_equal(json_path_text(t, "answer.if_unreachable.alert.name"), "internal_error");
    assert_string_equal(json_path_text(t, "candidates.0.standing"), "taken");
    assert_null(json_path_at(t, "generation"));
    cJSON_Delete(t);
    explained_free(&e);
}

static void a_running_instance_adds_loads_and_age(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS WEB INGRESS("shop", "i", "", TO("web")));
    e.q.is_live = true;
    explained_ask(&e, "shop.test");
    atomic_store(&endpoint_state(&e.x.pool->endpoints[0])->skip_until_ms, e.q.now_ms + 1);
    t = tree_about(&e, "shop.test");
    assert_int_equal(json_path_number(t, "endpoints.0.active"), 0);
    assert_int_equal(json_path_number(t, "endpoints.0.skipped_for_seconds"), 1);
    assert_int_equal(json_path_number(t, "route.active"), 0);
    assert_int_equal(json_path_number(t, "generation"), 1);
    assert_string_equal(json_path_text(t, "published"), "2024-01-01T00:00:00Z");
    assert_int_equal(json_path_number(t, "age_seconds"), 303);
    cJSON_Delete(t);
    e.q.report = NULL;
    t = tree_about(&e, "shop.test");
    assert_true(cJSON_IsNull(json_path_at(t, "published")));
    cJSON_Delete(t);
    explained_free(&e);
}

static void a_refused_name_tells_who_names_it_and_why_not(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS INGRESS("shop", "i", "",
                                     OF_CLASS("gone")
                                         RULES(HOST("shop.test", "web", "number: 443"))));
    e.policy.on_unknown_name = PROXY_ANSWER_CLOSE;
    e.q.alpn = "h2";
    t = tree_about(&e, "shop.test");
    assert_true(cJSON_IsFalse(json_path_at(t, "routed")));
    assert_true(cJSON_IsNull(json_path_at(t, "route")));
    assert_string_equal(json_path_text(t, "answer.action"), "close");
    assert_true(cJSON_IsNull(json_path_at(t, "answer.alert")));
    assert_string_equal(json_path_text(t, "answer.option"), "on-unknown-name");
    assert_string_equal(json_path_text(t, "candidates.0.unserved.0.reason"), "class_not_found");
    assert_string_equal(json_path_text(t, "candidates.0.unserved.0.verdict.reason"),
                        "ClassNotFound");
    assert_string_equal(json_path_text(t, "candidates.0.unserved.0.verdict.file"), "test.yaml");
    assert_string_equal(json_path_text(t, "alpn"), "h2");
    assert_int_equal(json_path_count(t, "notes"), 1);
    cJSON_Delete(t);
    explained_free(&e);
}

static void losers_are_told_with_a_word(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS WEB INGRESS("shop", "i", CREATED("2024-01-01T00:00:00Z"), TO("web"))
                       INGRESS("thief", "j", "", TO("loot")));
    t = tree_about(&e, "shop.test");
    assert_string_equal(json_path_text(t, "candidates.0.lost.0.namespace"), "thief");
    assert_string_equal(json_path_text(t, "candidates.0.lost.0.service"), "loot");
    assert_string_equal(json_path_text(t, "candidates.0.lost.0.reason"), "other_namespace");
    assert_int_equal(json_path_number(t, "candidates.0.left_out"), 0);
    cJSON_Delete(t);
    explained_free(&e);
}

static void any_name_makes_valid_json(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    t = tree_about(&e, "\"\x1b\xff\\");
    assert_string_equal(json_path_text(t, "name.given"), "\"\x1b\xef\xbf\xbd\\");
    assert_string_equal(json_path_text(t, "name.kind"), "invalid");
    assert_true(cJSON_IsNull(json_path_at(t, "name.lookup")));
    assert_int_equal(json_path_number(t, "answer.alert.code"), 47);
    assert_int_equal(json_path_count(t, "candidates"), 0);
    cJSON_Delete(t);
    explained_free(&e);
}

static void a_verdict_has_null_for_what_is_not_known(void **state)
{
    char kind[] = "", text[] = "x";
    const struct verdict v = {.severity = VERDICT_ERROR,
                              .reason = "ManifestBroken",
                              .kind = kind,
                              .ns = kind,
                              .name = kind,
                              .file = text,
                              .message = text};
    struct jsonout j;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    jsonout_init(&j, &out, false);
    jsonout_list(&j, NULL);
    explainjson_verdict(&j, NULL, &v);
    explainjson_verdict(&j, NULL, NULL);
    jsonout_end(&j);
    assert_int_equal(jsonout_finish(&j), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal((const char *)out.data,
                        "[{\"severity\":\"error\",\"reason\":\"ManifestBroken\",\"kind\":null,"
                        "\"namespace\":null,\"name\":null,\"file\":\"x\",\"line\":null,"
                        "\"message\":\"x\"},null]\n");
    buf_fini(&out);
}

static void more_problems_than_fit_are_counted(void **state)
{
    struct explained e;
    cJSON *t;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    for (size_t i = 0; i < 1003; i++) {
        verdicts_add_at(&e.t.v, "f", 1, VERDICT_ERROR, "ManifestBroken", "%zu", i);
    }
    report_unref(e.report);
    e.report = translated_report(&e.t);
    e.q.report = e.report;
    t = tree_about(&e, "shop.test");
    assert_int_equal(json_path_count(t, "problems"), 1000);
    assert_int_equal(json_path_number(t, "problems_left_out"), 3);
    assert_int_equal(json_path_number(t, "errors"), 1003);
    cJSON_Delete(t);
    explained_free(&e);
}

static void write_in_want(void *ctx)
{
    struct explained *e = ctx;
    struct buf out;
    int rc;

    buf_init(&out, 1u << 20);
    rc = explainjson_write(&e->x, &out);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&out);
}

static void out_of_memory_is_told(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS WEB INGRESS("shop", "i", "", TO("web")));
    explained_ask(&e, "shop.test");
    assert_true(failalloc_torture(write_in_want, &e) > 1);
    explained_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_routed_name_tells_route_and_endpoints),
        cmocka_unit_test(a_running_instance_adds_loads_and_age),
        cmocka_unit_test(a_refused_name_tells_who_names_it_and_why_not),
        cmocka_unit_test(losers_are_told_with_a_word),
        cmocka_unit_test(any_name_makes_valid_json),
        cmocka_unit_test(a_verdict_has_null_for_what_is_not_known),
        cmocka_unit_test(more_problems_than_fit_are_counted),
        cmocka_unit_test(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
