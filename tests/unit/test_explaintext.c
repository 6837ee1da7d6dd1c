#include "app/explaintext.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/object.h"
#include "route/registry.h"
#include "support/explained.h"
#include "support/failalloc.h"
#include "support/objects.h"

#define WEB     SERVED("shop", "web", "10.0.0.1")
#define TO(svc) OURS RULES(HOST("shop.test", svc, "number: 443"))

static const char *text_about(struct explained *e, const char *name)
{
    explained_ask(e, name);
    assert_int_equal(explaintext_write(&e->x, &e->out), 0);
    return explained_text(e);
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("expected: %s\ntext: %s", words, text);
    }
}

static size_t count(const char *text, const char *words)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, words)) != NULL; at++) {
        n++;
    }
    return n;
}

static void of_manifests_nothing_is_told_that_only_runs(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS WEB INGRESS("shop", "i", "", TO("web")));
    assert_string_equal(
        text_about(&e, "SHOP.test"),
        "name: shop.test\n"
        "candidates:\n"
        "  exact shop.test: shop/i, taken\n"
        "  wildcard *.test: none\n"
        "  catch-all: none\n"
        "route: host shop.test, ingress shop/i, service web:443\n"
        "endpoints: 1\n"
        "  10.0.0.1:8443 ready\n"
        "answer: relayed to one of these endpoints; if none can be reached: fatal alert "
        "internal_error (80), by --on-no-endpoint alert\n");
    explained_free(&e);
}

static void of_a_running_instance_age_and_loads_are_told(void **state)
{
    struct endpoint_state *state_of_one;
    struct explained e;
    const char *text;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS WEB INGRESS("shop", "i", "", TO("web")));
    e.q.is_live = true;
    explained_ask(&e, "shop.test");
    state_of_one = endpoint_state(&e.x.pool->endpoints[0]);
    registry_endpoint_enter(state_of_one, 0);
    registry_route_enter(e.x.route->state, 0);
    atomic_store(&state_of_one->skip_until_ms, e.q.now_ms + 6500);
    text = text_about(&e, "shop.test");
    assert_says(text, "table: generation 1, published 2024-01-01T00:00:00Z, 5m 3s ago\n");
    assert_says(text, "service web:443, 1 active\n");
    assert_says(text, "  10.0.0.1:8443 ready, 1 active, a dial failed: skipped for another 7s\n"
                      "  dials to all of them failed lately: they are tried all the same\n");
    registry_endpoint_leave(state_of_one, 0);
    registry_route_leave(e.x.route->state, 0);
    explained_free(&e);
}

static void without_a_report_of_its_generation_a_table_has_no_age(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    e.q.is_live = true;
    e.q.report = NULL;
    assert_says(text_about(&e, "shop.test"), "table: generation 1\n");
    explained_free(&e);
}

static void hostile_bytes_do_not_reach_the_terminal(void **state)
{
    static const struct objmeta about = {
        .kind = OBJECT_INGRESS, .ns = "a\x1b", .name = "i\n", .file = "f\x1b", .line = 3};
    struct explained e;
    const char *text;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    verdicts_add(&e.t.v, &about, 0, VERDICT_ERROR, "InvalidHost", "\x1b[31m");
    report_unref(e.report);
    e.report = translated_report(&e.t);
    e.q.report = e.report;
    text = text_about(&e, "shop.test");
    assert_says(text, "  f?:3: a?/i?: InvalidHost: ?[31m\n");
    assert_null(strchr(text, '\x1b'));
    text = text_about(&e, "\x1b]0;x\x07 y\xc2\x9b\xff");
    assert_says(text, "name: cannot be a DNS name: ?]0;x? y??\n");
    explained_free(&e);
}

static void what_is_not_served_is_said_once(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS INGRESS("shop", "i", "",
                                     OF_CLASS("gone") RULES(HOST("a.test", "web", "number: 443"))));
    assert_says(text_about(&e, "a.test"), "    not served: shop/i: ClassNotFound: there is no ");
    explained_free(&e);
}

static void long_lists_are_cut_and_counted(void **state)
{
    struct explained e;
    char *yaml = NULL;
    size_t size;
    FILE *f = open_memstream(&yaml, &size);
    const char *text;

    (void)state;
    fputs(OUR_CLASS SERVICE("shop", "web", HTTPS_PORT)
              INGRESS("shop", "a", "", TO("web")) "apiVersion: discovery.k8s.io/v1\nkind: "
                                                  "EndpointSlice\nmetadata: {namespace: shop, "
                                                  "name: w, labels: {kubernetes.io/service-name: "
                                                  "web}}\naddressType: IPv4\nports: "
                                                  "[{name: https, port: 443}]\nendpoints:\n",
          f);
    for (int i = 0; i < 60; i++) {
        fprintf(f, "- {addresses: ['10.0.0.%d']}\n", i + 1);
    }
    for (int i = 0; i < 30; i++) {
        fprintf(f,
                "---\n" INGRESS("thief", "i%d", "", TO("web"))
                    INGRESS("thief", "j%d", "",
                            OF_CLASS("gone") RULES(HOST("shop.test", "web", "number: 443"))),
                i, i);
    }
    fclose(f);
    explained_make(&e, NULL, yaml);
    text = text_about(&e, "shop.test");
    assert_int_equal(count(text, "    lost: "), 20);
    assert_int_equal(count(text, "    not served: "), 20);
    assert_int_equal(count(text, "    and 10 more\n"), 2);
    assert_int_equal(count(text, " ready\n"), 50);
    assert_says(text, "endpoints: 60\n");
    assert_says(text, "  and 10 more\nanswer: ");
    explained_free(&e);
    free(yaml);
}

static void each_policy_has_its_words(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    e.policy.on_unknown_name = PROXY_ANSWER_CLOSE;
    e.policy.on_no_name = PROXY_ANSWER_RESET;
    assert_says(text_about(&e, "a.test"),
                "answer: connection closed, by --on-unknown-name close\n");
    assert_says(text_about(&e, ""), "name: none\n");
    assert_says(text_about(&e, ""), "answer: connection reset, by --on-no-name reset\n");
    assert_says(text_about(&e, "::1"), "name: none: an address is no server name: ::1\n");
    assert_says(text_about(&e, "a..b"), "answer: fatal alert illegal_parameter (47)\n");
    explained_free(&e);
}

static void what_changes_nothing_is_said_to(void **state)
{
    struct explained e;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS);
    e.q.client = "192.0.2.1";
    assert_says(text_about(&e, "a.test"),
                "note: ALPN and client address change no decision in this version\n");
    explained_free(&e);
}

static void write_in_want(void *ctx)
{
    struct explained *e = ctx;
    struct buf out;
    int rc;

    buf_init(&out, 1u << 20);
    rc = explaintext_write(&e->x, &out);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&out);
}

static void out_of_memory_or_room_is_told(void **state)
{
    struct explained e;
    struct buf small;

    (void)state;
    explained_make(&e, NULL, OUR_CLASS WEB INGRESS("shop", "i", "", TO("web")));
    explained_ask(&e, "shop.test");
    assert_true(failalloc_torture(write_in_want, &e) > 0);
    buf_init(&small, 100);
    assert_int_equal(explaintext_write(&e.x, &small), -ENOBUFS);
    buf_fini(&small);
    explained_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_manifests_nothing_is_told_that_only_runs),
        cmocka_unit_test(of_a_running_instance_age_and_loads_are_told),
        cmocka_unit_test(without_a_report_of_its_generation_a_table_has_no_age),
        cmocka_unit_test(hostile_bytes_do_not_reach_the_terminal),
        cmocka_unit_test(what_is_not_served_is_said_once),
        cmocka_unit_test(long_lists_are_cut_and_counted),
        cmocka_unit_test(each_policy_has_its_words),
        cmocka_unit_test(what_changes_nothing_is_said_to),
        cmocka_unit_test(out_of_memory_or_room_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
