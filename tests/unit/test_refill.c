#include "controller/refill.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "controller/serviceset.h"
#include "controller/translate.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"
#include "support/failalloc.h"
#include "support/objects.h"

#define TO(name, host, svc, port) INGRESS("shop", name, "", OURS RULES(HOST(host, svc, port)))
#define TO_WEB                    TO("i", "a.test", "web", "number: 443")
#define WEB(ip)                   SERVED("shop", "web", ip)
#define WEB_SLICE(endpoints)      HTTPS_SLICE("shop", "web-1", "web", endpoints)
#define LEGACY(ip)                                                                                 \
    "apiVersion: v1\nkind: Endpoints\nmetadata: {namespace: shop, name: web}\n"                    \
    "subsets: [{addresses: [{ip: " ip "}], ports: [{name: https, port: 8443}]}]\n---\n"

/** A store and what a whole translation of it came to. */
struct scene {
    struct translate_config cfg;
    struct registry *registry;
    struct store *store;
    struct table *table;
    struct serviceset worded;
};

static bool is_own_listener(void *ctx, const struct netaddr *a)
{
    (void)ctx;
    return a->port == 8444;
}

static struct table_builder *translated(struct scene *s, struct serviceset *worded)
{
    struct table_builder *b = table_builder_new(s->registry);
    struct verdicts v;

    verdicts_init(&v);
    assert_non_null(b);
    assert_int_equal(translate(&s->cfg, s->store, b, &(struct translate_outcome){&v, NULL, worded}),
                     0);
    verdicts_fini(&v);
    return b;
}

static void translate_whole(struct scene *s)
{
    struct table_builder *b;

    serviceset_init(&s->worded, registry_key(s->registry));
    b = translated(s, &s->worded);
    s->table = table_builder_freeze(b, 1);
    table_builder_free(b);
    assert_non_null(s->table);
    store_forget_changes(s->store);
}

static void begin(struct scene *s, const char *yaml)
{
    *s = (struct scene){
        .cfg = {.controller_class = "sealway.io/ingress-controller",
                .from_api_server = true,
                .is_own_listener = is_own_listener},
        .registry = registry_new(0, 0),
        .store = objects_store(yaml),
    };
    assert_non_null(s->registry);
    translate_whole(s);
}

static void drop_table(struct scene *s)
{
    table_unref(s->table);
    assert_true(table_free_if_unused(s->table));
    serviceset_fini(&s->worded);
}

static void end(struct scene *s)
{
    drop_table(s);
    store_free(s->store);
    registry_free(s->registry);
}

static int refilled(struct scene *s, struct table **out)
{
    const struct refill_base base = {s->table, &s->worded};
    struct table_builder *b = table_builder_new(s->registry);
    int rc = b != NULL ? refill(&s->cfg, s->store, &base, b) : -ENOMEM;

    if (rc == 0) {
        rc = table_builder_amend(b, s->table, 2, out);
    }
    table_builder_free(b);
    return rc;
}

/** The whole is to be translated; then it is. */
static void expect_whole(struct scene *s)
{
    struct table *t = NULL;

    assert_int_equal(refilled(s, &t), -EAGAIN);
    drop_table(s);
    translate_whole(s);
}

/** A refill is enough and comes to what a whole translation does, which is another table or not. */
static void expect_refill(struct scene *s, bool differs)
{
    struct table_builder *b = translated(s, NULL);
    struct table *t = NULL;

    assert_int_equal(refilled(s, &t), 0);
    assert_int_equal(t != NULL, differs);
    assert_true(table_builder_digest(b) == table_digest(t != NULL ? t : s->table));
    table_builder_free(b);
    if (t != NULL) {
        table_unref(s->table);
        assert_true(table_free_if_unused(s->table));
        s->table = t;
    }
    store_forget_changes(s->store);
}

static void endpoints_that_come_go_or_terminate_need_no_whole_translation(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.1") ", " READY("10.0.0.2")));
    expect_refill(&s, true);
    objects_put(s.store, HTTPS_SLICE("shop", "web-2", "web", READY("10.0.0.3")));
    expect_refill(&s, true);
    objects_put(s.store, WEB_SLICE(ENDPOINT("10.0.0.1", "ready: false") ", " READY("10.0.0.2")));
    expect_refill(&s, true);
    assert_true(store_remove(s.store, OBJECT_ENDPOINT_SLICE, "shop", "web-2"));
    expect_refill(&s, true);
    objects_put(s.store,
                WEB_SLICE(ENDPOINT("10.0.0.2", "ready: false, serving: true, terminating: true")));
    expect_refill(&s, true);
    assert_int_equal(table_endpoints(s.table), 1);
    end(&s);
}

static void the_same_endpoints_again_are_no_new_table(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.1")));
    expect_refill(&s, false);
    objects_put(s.store, SERVED("shop", "api", "10.0.0.2"));
    expect_whole(&s);
    objects_put(s.store, HTTPS_SLICE("shop", "api-1", "api", READY("10.0.0.3")));
    expect_refill(&s, false); /* no route leads there */
    end(&s);
}

static void any_other_change_and_none_take_the_whole_way(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
    expect_whole(&s);
    objects_put(s.store, TO("j", "b.test", "web", "number: 443"));
    expect_whole(&s);
    objects_put(s.store, SERVICE("shop", "web", HTTPS_PORT));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.2")));
    expect_whole(&s);
    end(&s);
}

static void a_pool_that_runs_empty_or_was_takes_the_whole_way(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
    objects_put(s.store, WEB_SLICE(""));
    expect_whole(&s);
    objects_put(s.store, WEB_SLICE(READY("10.0.0.1")));
    expect_whole(&s);
    objects_put(s.store, WEB_SLICE(READY("10.0.0.2")));
    expect_refill(&s, true);
    assert_true(store_remove(s.store, OBJECT_ENDPOINT_SLICE, "shop", "web-1"));
    expect_whole(&s);
    end(&s);
}

static void addresses_that_are_complained_about_take_the_whole_way(void **state)
{
    static const char *const slices[] = {
        WEB_SLICE(READY("10.0.0.1") ", " READY("127.0.0.1")),
        WEB_SLICE(READY("10.0.0.1"))
            SLICE("shop", "web-2", "web", "{name: https, port: 8444}", READY("10.0.0.2")),
        WEB_SLICE(READY("10.0.0.1")) "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
                                     "metadata: {namespace: shop, name: web-2, labels: "
                                     "{kubernetes.io/service-name: web}}\naddressType: FQDN\n"
                                     "endpoints: [{addresses: [x.test]}]\n---\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(slices); i++) {
        struct scene s;

        begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
        objects_put(s.store, slices[i]);
        expect_whole(&s); /* a word comes */
        objects_put(s.store, WEB_SLICE(READY("10.0.0.1")));
        (void)store_remove(s.store, OBJECT_ENDPOINT_SLICE, "shop", "web-2");
        expect_whole(&s); /* and goes */
        objects_put(s.store, WEB_SLICE(READY("10.0.0.9")));
        expect_refill(&s, true);
        end(&s);
    }
}

static void a_complaint_counts_though_others_serve_that_terminate(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
    objects_put(s.store, WEB_SLICE(READY("127.0.0.1") ", " ENDPOINT(
                             "10.0.0.2", "ready: false, serving: true, terminating: true")));
    expect_whole(&s);
    assert_int_equal(table_endpoints(s.table), 1);
    end(&s);
}

static void a_word_about_one_service_leaves_the_others_alone(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1") TO("j", "b.test", "api", "number: 443")
                  SERVICE("shop", "api", HTTPS_PORT));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.2")));
    expect_refill(&s, true);
    objects_put(s.store, WEB_SLICE(READY("10.0.0.3"))
                             HTTPS_SLICE("shop", "api-1", "api", READY("10.0.1.1")));
    expect_whole(&s);
    end(&s);
}

static void every_pool_of_a_service_is_refilled(void **state)
{
    struct scene s;

    (void)state;
    begin(&s,
          OUR_CLASS TO("i", "a.test", "web", "number: 443") TO("j", "b.test", "web", "name: https")
              TO("k", "c.test", "web", "number: 80") SERVICE(
                  "shop", "web", "ports: [{name: https, port: 443}, {name: http, port: 80}]")
                  SLICE("shop", "web-1", "web",
                        "{name: https, port: 8443}, {name: http, port: 8080}", READY("10.0.0.1")));
    objects_put(s.store,
                SLICE("shop", "web-1", "web", "{name: https, port: 8443}, {name: http, port: 8080}",
                      READY("10.0.0.2") ", " READY("10.0.0.3")));
    expect_refill(&s, true);
    assert_int_equal(table_endpoints(s.table), 4);
    objects_put(s.store,
                SLICE("shop", "web-1", "web", "{name: https, port: 8443}", READY("10.0.0.2")));
    expect_whole(&s); /* one of them runs empty */
    end(&s);
}

static void several_services_are_refilled_at_once(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1") TO("j", "b.test", "api", "number: 443")
                  SERVED("shop", "api", "10.0.1.1"));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.2"))
                             HTTPS_SLICE("shop", "api-1", "api", READY("10.0.1.2")));
    expect_refill(&s, true);
    /* A slice that goes over from one to the other. */
    objects_put(s.store, HTTPS_SLICE("shop", "more", "web", READY("10.0.2.1")));
    expect_refill(&s, true);
    objects_put(s.store, HTTPS_SLICE("shop", "more", "api", READY("10.0.2.1")));
    expect_refill(&s, true);
    end(&s);
}

static void of_a_number_that_two_ports_have_the_whole_way_is_taken(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO("i", "a.test", "web", "name: b")
                  SERVICE("shop", "web", "ports: [{name: a, port: 443}, {name: b, port: 443}]")
                      SLICE("shop", "web-1", "web", "{name: a, port: 1}, {name: b, port: 2}",
                            READY("10.0.0.1")));
    objects_put(s.store, SLICE("shop", "web-1", "web", "{name: a, port: 1}, {name: b, port: 2}",
                               READY("10.0.0.2")));
    expect_whole(&s);
    end(&s);
}

static void udp_beside_tcp_does_not_matter(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB SERVICE(
                  "shop", "web",
                  "ports: [{name: h3, port: 443, protocol: UDP}, {name: https, port: 443}]")
                  WEB_SLICE(READY("10.0.0.1")));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.2")));
    expect_refill(&s, true);
    end(&s);
}

static void a_service_that_only_losing_claims_name_takes_the_whole_way(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1") TO("loser", "a.test", "api", "number: 443")
                  SERVED("shop", "api", "10.0.1.1"));
    objects_put(s.store, HTTPS_SLICE("shop", "api-1", "api", READY("10.0.1.2")));
    expect_whole(&s);
    objects_put(s.store, HTTPS_SLICE("shop", "api-1", "api", ""));
    expect_whole(&s); /* somebody is told that it is empty */
    end(&s);
}

static void cluster_ips_stay_as_they_are(void **state)
{
    struct scene s;

    (void)state;
    begin(&s,
          OUR_CLASS TO_WEB INGRESS("shop", "j", ANNOTATED("sealway.io/service-upstream: 'true'"),
                                   OURS RULES(HOST("b.test", "web", "number: 443")))
              SERVICE("shop", "web", "clusterIPs: [10.96.0.1], " HTTPS_PORT)
                  WEB_SLICE(READY("10.0.0.1")));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.2") ", " READY("10.0.0.3")));
    expect_refill(&s, true);
    assert_int_equal(table_endpoints(s.table), 3);
    end(&s);
}

static void backends_that_cannot_be_resolved_stay_so(void **state)
{
    struct scene s;

    (void)state;
    begin(&s,
          OUR_CLASS TO("i", "a.test", "web", "number: 444") TO("j", "b.test", "web", "name: nope")
              TO("k", "c.test", "ext", "number: 443") TO("l", "d.test", "gone", "number: 443")
                  WEB("10.0.0.1") SERVICE("shop", "ext",
                                          "type: ExternalName, externalName: x.test, "
                                          "ports: [{port: 443, name: https}]")
                      HTTPS_SLICE("shop", "ext-1", "ext", READY("10.0.1.1")));
    objects_put(s.store,
                WEB_SLICE(READY("10.0.0.2")) HTTPS_SLICE("shop", "ext-1", "ext", READY("10.0.1.2"))
                    HTTPS_SLICE("shop", "gone-1", "gone", READY("10.0.1.3")));
    expect_refill(&s, false);
    end(&s);
}

static void legacy_endpoints_are_refilled_and_make_way_for_slices(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB SERVICE("shop", "web", HTTPS_PORT) LEGACY("10.1.0.1"));
    objects_put(s.store, LEGACY("10.1.0.2"));
    expect_refill(&s, true);
    objects_put(s.store, WEB_SLICE(READY("10.0.0.1")));
    expect_refill(&s, true);
    objects_put(s.store, LEGACY("10.1.0.3"));
    expect_refill(&s, false); /* the slice counts */
    assert_true(store_remove(s.store, OBJECT_ENDPOINT_SLICE, "shop", "web-1"));
    expect_refill(&s, true);
    assert_true(store_remove(s.store, OBJECT_ENDPOINTS, "shop", "web"));
    expect_whole(&s);
    end(&s);
}

static void a_namespace_is_not_another(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1") SERVED("other", "web", "10.9.0.1")
                  INGRESS("other", "i", "", OURS RULES(HOST("b.test", "web", "number: 443"))));
    objects_put(s.store, HTTPS_SLICE("other", "web-1", "web", READY("10.9.0.2")));
    expect_refill(&s, true);
    end(&s);
}

static void refill_in_want(void *ctx)
{
    struct scene *s = ctx;
    struct table *t = NULL;
    int rc = refilled(s, &t);

    assert_true(rc == 0 || rc == -ENOMEM); /* never the whole way for want of memory */
    assert_int_equal(t != NULL, rc == 0);
    table_unref(t);
    assert_true(t == NULL || table_free_if_unused(t));
    (void)registry_sweep(s->registry);
}

static void without_memory_a_refill_fails_and_can_be_had_later(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.1") ", " READY("10.0.0.2")));
    assert_true(failalloc_torture(refill_in_want, &s) > 8);
    expect_refill(&s, true);
    end(&s);
}

/** Out of memory while words are found that nobody hears: they are found all the same. */
static void refill_with_words_in_want(void *ctx)
{
    struct scene *s = ctx;
    struct table *t = NULL;
    int rc = refilled(s, &t);

    assert_true(rc == -EAGAIN || rc == -ENOMEM);
    assert_null(t);
}

static void without_memory_no_word_is_passed_over(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, OUR_CLASS TO_WEB WEB("10.0.0.1"));
    objects_put(s.store, WEB_SLICE(READY("10.0.0.2") ", " READY("127.0.0.1")));
    assert_true(failalloc_torture(refill_with_words_in_want, &s) > 5);
    expect_whole(&s);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_that_come_go_or_terminate_need_no_whole_translation),
        cmocka_unit_test(the_same_endpoints_again_are_no_new_table),
        cmocka_unit_test(any_other_change_and_none_take_the_whole_way),
        cmocka_unit_test(a_pool_that_runs_empty_or_was_takes_the_whole_way),
        cmocka_unit_test(addresses_that_are_complained_about_take_the_whole_way),
        cmocka_unit_test(a_complaint_counts_though_others_serve_that_terminate),
        cmocka_unit_test(a_word_about_one_service_leaves_the_others_alone),
        cmocka_unit_test(every_pool_of_a_service_is_refilled),
        cmocka_unit_test(several_services_are_refilled_at_once),
        cmocka_unit_test(of_a_number_that_two_ports_have_the_whole_way_is_taken),
        cmocka_unit_test(udp_beside_tcp_does_not_matter),
        cmocka_unit_test(a_service_that_only_losing_claims_name_takes_the_whole_way),
        cmocka_unit_test(cluster_ips_stay_as_they_are),
        cmocka_unit_test(backends_that_cannot_be_resolved_stay_so),
        cmocka_unit_test(legacy_endpoints_are_refilled_and_make_way_for_slices),
        cmocka_unit_test(a_namespace_is_not_another),
        cmocka_unit_test(without_memory_a_refill_fails_and_can_be_had_later),
        cmocka_unit_test(without_memory_no_word_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
