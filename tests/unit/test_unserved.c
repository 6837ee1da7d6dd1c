#include "controller/unserved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/siphash.h"
#include "controller/serviceset.h"
#include "model/object.h"
#include "support/failalloc.h"
#include "support/objects.h"
#include "support/translated.h"

#define WEB         SERVED("shop", "web", "10.0.0.1")
#define A_TEST      RULES(HOST("a.test", "web", "number: 443"))
#define OTHER_CLASS INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", "")
#define SOME(list)  OUR_CLASS WEB list

/** "host NS/INGRESS why Reason", separated by "; ". */
static const char *hosts_of(struct translated *t)
{
    static const char *const whys[UNSERVED_WHYS] = {
        [UNSERVED_OTHER_CLASS] = "other-class",   [UNSERVED_CLASS_NOT_FOUND] = "no-class",
        [UNSERVED_MARKED_OTHER] = "marked-other", [UNSERVED_NOT_MARKED] = "not-marked",
        [UNSERVED_TERMINATE] = "terminate",       [UNSERVED_CATCH_ALL] = "catch-all",
        [UNSERVED_NO_BACKEND] = "no-backend",     [UNSERVED_INVALID] = "invalid",
    };
    size_t len = 0;

    t->text[0] = '\0';
    for (size_t i = 0; i < t->unserved.n_hosts; i++) {
        const struct unserved_host *h = &t->unserved.hosts[i];
        const char *reason = "-";

        for (size_t k = 0; k < t->v.n; k++) {
            reason = t->v.items[k].message == h->said ? t->v.items[k].reason : reason;
        }
        len += (size_t)snprintf(t->text + len, sizeof(t->text) - len, "%s%s %s/%s %s %s",
                                i ? "; " : "", *h->host ? h->host : "*", h->ns, h->ingress,
                                whys[h->why], reason);
    }
    return t->text;
}

static void expect(const struct translate_config *cfg, const char *yaml, const char *hosts)
{
    struct translated t;

    translated_make(&t, cfg, yaml);
    assert_string_equal(hosts_of(&t), hosts);
    assert_false(t.unserved.lost);
    translated_free(&t);
}

static void what_is_served_or_lost_to_a_claim_is_not_here(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg, SOME(INGRESS("shop", "i", "", OURS A_TEST) INGRESS("thief", "j", "", OURS A_TEST)),
           "");
}

static void every_host_of_an_ingress_that_is_not_ours_is_here(void **state)
{
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg,
           SOME(OTHER_CLASS INGRESS(
               "shop", "i", "",
               OF_CLASS("nginx") "defaultBackend: " BACKEND("web", "number: 443") ", " RULES(HOST(
                   "a.test", "web", "number: 443") ", " HOST("*.b.test", "web", "number: 443")))),
           "a.test shop/i other-class -; *.b.test shop/i other-class -; * shop/i other-class -");
}

static void each_way_not_to_be_ours_has_its_word_and_its_verdict(void **state)
{
    static const char *const nginx[] = {"nginx"};
    struct translate_config cfg = translated_config();

    (void)state;
    expect(&cfg, SOME(INGRESS("shop", "i", "", OF_CLASS("gone") A_TEST)),
           "a.test shop/i no-class ClassNotFound");
    expect(&cfg, SOME(INGRESS("shop", "i", ANNOTATED("sealway.io/tls-mode: 'off'"), OURS A_TEST)),
           "a.test shop/i marked-other -");
    expect(&cfg,
           SOME(INGRESS("shop", "i",
                        ANNOTATED("sealway.io/tls-mode: terminate, sealway.io/allow-cidrs: x"),
                        OURS A_TEST)),
           "a.test shop/i terminate NotYetSupported");
    cfg.ingress_classes = nginx;
    cfg.n_ingress_classes = 1;
    expect(&cfg, SOME(OTHER_CLASS INGRESS("shop", "i", "", OF_CLASS("nginx") A_TEST)),
           "a.test shop/i not-marked PassthroughAnnotationMissing");
}

static void an_ingress_that_asks_for_termination_points_to_that_of_several_verdicts(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(&t, &cfg,
                    SOME(INGRESS("shop", "i",
                                 ANNOTATED("sealway.io/allow-cidrs: x, sealway.io/tls-mode: "
                                           "terminate, sealway.io/deny-cidrs: x"),
                                 OURS A_TEST)));
    assert_int_equal(t.unserved.n_hosts, 1);
    assert_non_null(strstr(t.unserved.hosts[0].said, "terminate is not supported yet"));
    translated_free(&t);
}

static void a_host_without_a_backend_points_to_what_was_said_of_it(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(&t, &cfg,
                    SOME(INGRESS("shop", "i", "",
                                 OURS RULES(RULE_WITHOUT_HTTP("a.test") ", " RULE_WITHOUT_HTTP(
                                     "b.test") ", " HOST("c.test", "web", "number: 443")))));
    assert_string_equal(hosts_of(&t),
                        "a.test shop/i no-backend NoBackend; b.test shop/i no-backend NoBackend");
    assert_non_null(strstr(t.unserved.hosts[0].said, "a.test"));
    assert_non_null(strstr(t.unserved.hosts[1].said, "b.test"));
    assert_ptr_equal(t.unserved.hosts[0].ns, t.unserved.hosts[1].ns);
    translated_free(&t);
}

static void a_catch_all_that_is_not_allowed_is_here_though_it_may_be_worth_no_verdict(void **state)
{
    static const char *const shop[] = {"shop"};
    struct translate_config cfg = translated_config();

    (void)state;
#define DEFAULT "defaultBackend: " BACKEND("web", "number: 443")
    expect(&cfg, SOME(INGRESS("shop", "i", "", OURS DEFAULT)),
           "* shop/i catch-all CatchAllNotAllowed");
    expect(&cfg, SOME(INGRESS("shop", "i", "", OURS DEFAULT ", " A_TEST)), "* shop/i catch-all -");
    cfg.catch_all = shop;
    cfg.n_catch_all = 1;
    expect(&cfg, SOME(INGRESS("shop", "i", "", OURS DEFAULT)), "");
    expect(&cfg, SOME(INGRESS("shop", "i", "", OURS "defaultBackend: {resource: " RESOURCE "}")),
           "* shop/i no-backend ResourceBackendUnsupported");
}

static void a_pool_at_fault_is_here_once(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;

    (void)state;
    translated_make(
        &t, &cfg,
        OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) INGRESS(
            "shop", "i", "",
            OURS RULES(HOST("a.test", "web", "number: 443") ", " HOST(
                "b.test", "web",
                "name: https") ", " HOST("c.test", "web",
                                         "number: 8443") ", " HOST("d.test", "gone",
                                                                   "number: 443") ", " HOST("e."
                                                                                            "test",
                                                                                            "gone",
                                                                                            "number"
                                                                                            ": "
                                                                                            "44"
                                                                                            "3"))));
    assert_int_equal(t.unserved.n_hosts, 0);
    assert_int_equal(t.unserved.n_pools, 3);
    assert_string_equal(t.unserved.pools[0].port, "443");
    assert_non_null(strstr(t.unserved.pools[0].said, "no usable endpoint"));
    assert_string_equal(t.unserved.pools[1].port, "8443");
    assert_non_null(strstr(t.unserved.pools[1].said, "has no port 8443"));
    assert_string_equal(t.unserved.pools[2].service, "gone");
    assert_string_equal(t.unserved.pools[2].ns, "shop");
    translated_free(&t);
}

static void what_was_lost_for_memory_is_not_pointed_to(void **state)
{
    struct verdicts v;

    (void)state;
    verdicts_init(&v);
    assert_null(unserved_said(&v, 0));
    verdicts_add_at(&v, "f", 1, VERDICT_ERROR, "One", "one");
    assert_string_equal(unserved_said(&v, 0), "one");
    assert_null(unserved_said(&v, 1));
    v.lost = true;
    assert_null(unserved_said(&v, 0));
    verdicts_fini(&v);
}

static void nobody_need_want_it(void **state)
{
    const struct objmeta meta = {.ns = "a", .name = "b"};
    const struct ingress ing = {.meta = meta};
    const struct unserved_pool pool = {.ns = "a", .service = "b", .port = "c"};

    (void)state;
    unserved_add_host(NULL, &meta, "a.test", UNSERVED_INVALID, NULL);
    unserved_add_ingress(NULL, &ing, UNSERVED_INVALID, NULL);
    unserved_add_pool(NULL, &pool);
    unserved_fini(NULL);
}

static void add_in_want(void *ctx)
{
    const struct objmeta metas[] = {{.ns = "a", .name = "b"}, {.ns = "a", .name = "c"}};
    const struct unserved_pool pool = {.ns = "a", .service = "b", .port = "c"};
    struct unserved u;

    (void)ctx;
    unserved_init(&u);
    for (size_t i = 0; i < 40; i++) {
        unserved_add_host(&u, &metas[i % 2], "a.test", UNSERVED_INVALID, NULL);
        unserved_add_pool(&u, &pool);
    }
    assert_true(u.lost ? u.n_hosts + u.n_pools < 80 : u.n_hosts + u.n_pools == 80);
    for (size_t i = 0; i < u.n_hosts; i++) {
        assert_string_equal(u.hosts[i].host, "a.test");
    }
    unserved_fini(&u);
}

static void without_memory_entries_are_missing_and_told_to_be(void **state)
{
    (void)state;
    assert_true(failalloc_torture(add_in_want, NULL) > 4);
}

static void what_is_dropped_makes_room_for_what_is_appended(void **state)
{
    const struct siphash_key key = {{1, 2}};
    const struct objmeta one = {.ns = "shop", .name = "one"}, two = {.ns = "shop", .name = "two"};
    const struct unserved_pool pools[] = {{.ns = "shop", .service = "web", .port = "443"},
                                          {.ns = "shop", .service = "api", .port = "443"}};
    static const char said[] = "so";
    struct serviceset ingresses, services;
    struct unserved u, more;

    (void)state;
    serviceset_init(&ingresses, &key);
    serviceset_init(&services, &key);
    serviceset_add(&ingresses, "shop", "one");
    serviceset_add(&services, "shop", "api");
    unserved_init(&u);
    unserved_init(&more);
    unserved_add_host(&u, &one, "a.test", UNSERVED_INVALID, NULL);
    unserved_add_host(&u, &two, "b.test", UNSERVED_INVALID, NULL);
    unserved_add_pool(&u, &pools[0]);
    unserved_add_pool(&u, &pools[1]);
    unserved_add_host(&more, &one, "c.test", UNSERVED_NO_BACKEND, said);
    unserved_add_pool(&more, &pools[1]);
    unserved_drop(&u, &ingresses, &services);
    assert_int_equal(u.n_hosts, 1);
    assert_string_equal(u.hosts[0].ingress, "two");
    assert_int_equal(u.n_pools, 1);
    assert_string_equal(u.pools[0].service, "web");
    unserved_append(&u, &more);
    unserved_fini(&more);
    assert_string_equal(u.hosts[1].host, "c.test");
    assert_ptr_equal(u.hosts[1].said, said);
    assert_string_equal(u.pools[1].service, "api");
    assert_false(u.lost);
    unserved_fini(&u);
    serviceset_fini(&ingresses);
    serviceset_fini(&services);
}

/** Hosts of an Ingress, and a pool. */
static void add_some(struct unserved *u, const char *ingress)
{
    const struct objmeta meta = {.ns = "shop", .name = ingress};
    const struct unserved_pool pool = {.ns = "shop", .service = ingress, .port = "443"};
    char host[16];

    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(host, sizeof(host), "h%u.test", i);
        unserved_add_host(u, &meta, host, UNSERVED_OTHER_CLASS, NULL);
    }
    unserved_add_pool(u, &pool);
}

struct rounds {
    struct serviceset names;
    struct unserved u;
    bool in_want;
};

/** What is said of one Ingress is said again. */
static void say_again(void *ctx)
{
    struct rounds *r = ctx;
    struct unserved more;

    unserved_init(&more);
    add_some(&more, "one");
    unserved_drop(&r->u, &r->names, &r->names);
    assert_true(r->in_want || r->u.n_hosts == 100);
    unserved_append(&r->u, &more);
    unserved_fini(&more);
}

static void what_is_said_again_and_again_takes_no_more_room(void **state)
{
    const struct siphash_key key = {{1, 2}};
    struct rounds r = {.in_want = false};
    size_t first;

    (void)state;
    serviceset_init(&r.names, &key);
    serviceset_add(&r.names, "shop", "one");
    unserved_init(&r.u);
    add_some(&r.u, "one");
    add_some(&r.u, "two");
    first = r.u.texts.reserved_bytes;
    for (unsigned i = 0; i < 1000; i++) {
        say_again(&r);
        assert_in_range(r.u.texts.reserved_bytes, 1, 4 * first);
    }
    assert_int_equal(r.u.n_hosts, 200);
    assert_int_equal(r.u.n_pools, 2);
    assert_string_equal(r.u.hosts[0].ingress, "two");
    assert_string_equal(r.u.hosts[199].host, "h99.test");
    assert_false(r.u.lost);
    r.in_want = true;
    assert_true(failalloc_torture(say_again, &r) > 4);
    unserved_fini(&r.u);
    serviceset_fini(&r.names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_served_or_lost_to_a_claim_is_not_here),
        cmocka_unit_test(every_host_of_an_ingress_that_is_not_ours_is_here),
        cmocka_unit_test(each_way_not_to_be_ours_has_its_word_and_its_verdict),
        cmocka_unit_test(an_ingress_that_asks_for_termination_points_to_that_of_several_verdicts),
        cmocka_unit_test(a_host_without_a_backend_points_to_what_was_said_of_it),
        cmocka_unit_test(a_catch_all_that_is_not_allowed_is_here_though_it_may_be_worth_no_verdict),
        cmocka_unit_test(a_pool_at_fault_is_here_once),
        cmocka_unit_test(what_was_lost_for_memory_is_not_pointed_to),
        cmocka_unit_test(what_is_dropped_makes_room_for_what_is_appended),
        cmocka_unit_test(what_is_said_again_and_again_takes_no_more_room),
        cmocka_unit_test(nobody_need_want_it),
        cmocka_unit_test(without_memory_entries_are_missing_and_told_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
