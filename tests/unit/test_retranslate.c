#include "controller/retranslate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/translate.h"
#include "controller/unserved.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"
#include "support/failalloc.h"
#include "support/objects.h"

#define TO(name, host, svc) INGRESS("shop", name, "", OURS RULES(HOST(host, svc, "number: 443")))
#define BASE                                                                                       \
    OUR_CLASS SERVED("shop", "web", "10.0.0.1") SERVED("shop", "api", "10.0.0.2")                  \
        TO("i", "a.test", "web") TO("k", "b.test", "web") TO("l", "c.test", "api")
#define API_SLICE(endpoints) HTTPS_SLICE("shop", "api-1", "api", endpoints)

/** A store and what a whole translation of it came to. */
struct scene {
    struct translate_config cfg;
    struct registry *registry;
    struct store *store;
    struct table *table;
    struct serviceset worded;
};

static struct table *whole(const struct scene *s, struct serviceset *worded)
{
    struct table_builder *b = table_builder_new(s->registry);
    struct verdicts v;
    struct table *t;

    verdicts_init(&v);
    assert_int_equal(translate(&s->cfg, s->store, b, &(struct translate_outcome){&v, NULL, worded}),
                     0);
    t = table_builder_freeze(b, 1);
    assert_non_null(t);
    table_builder_free(b);
    verdicts_fini(&v);
    return t;
}

static void begin(struct scene *s, const char *yaml)
{
    *s = (struct scene){
        .cfg = {.controller_class = "sealway.io/ingress-controller"},
        .registry = registry_new(0, 0),
        .store = objects_store(yaml),
    };
    serviceset_init(&s->worded, registry_key(s->registry));
    s->table = whole(s, &s->worded);
    store_forget_changes(s->store);
}

static void drop(struct table *t)
{
    table_unref(t);
    assert_true(t == NULL || table_free_if_unused(t));
}

static void end(struct scene *s)
{
    drop(s->table);
    serviceset_fini(&s->worded);
    store_free(s->store);
    registry_free(s->registry);
}

/** What one comes to. */
struct outcome {
    struct verdicts v;
    struct unserved u;
    struct retranslate_part part;
    struct table *table;
};

static int run(struct scene *s, struct outcome *o)
{
    const struct translate_outcome said = {&o->v, &o->u, &s->worded};
    const struct retranslate_base base = {s->registry, {s->table, &s->worded}, 2};
    struct retranslate_result result = {.part = &o->part};
    int rc;

    verdicts_init(&o->v);
    unserved_init(&o->u);
    serviceset_init(&o->part.ingresses, registry_key(s->registry));
    serviceset_init(&o->part.services, registry_key(s->registry));
    rc = retranslate(&s->cfg, s->store, &base, &said, &result);
    o->table = result.table;
    return rc;
}

static void done(struct outcome *o)
{
    drop(o->table);
    retranslate_part_fini(&o->part);
    unserved_fini(&o->u);
    verdicts_fini(&o->v);
}

/** Comes to what the whole comes to, of so many Ingresses and with so many words. */
static void expect(struct scene *s, size_t ingresses, size_t words)
{
    struct outcome o;
    struct table *want;

    assert_int_equal(run(s, &o), 0);
    want = whole(s, NULL);
    assert_true(table_digest(o.table != NULL ? o.table : s->table) == table_digest(want));
    assert_int_equal(o.part.ingresses.n, ingresses);
    assert_int_equal(o.v.n, words);
    drop(want);
    done(&o);
}

static void expect_whole(struct scene *s)
{
    struct outcome o;

    assert_int_equal(run(s, &o), -EAGAIN);
    assert_null(o.table);
    done(&o);
}

static void with(const char *base, const char *change, size_t ingresses, size_t words)
{
    struct scene s;

    begin(&s, base);
    objects_put(s.store, change);
    expect(&s, ingresses, words);
    end(&s);
}

static void an_ingress_of_its_own_host_is_translated_alone(void **state)
{
    (void)state;
    with(BASE, TO("new", "d.test", "web"), 1, 0);
    with(BASE, TO("i", "d.test", "web"), 1, 0); /* another host */
    with(BASE, TO("i", "a.test", "api"), 1, 0); /* another Service: the old one's pool stays */
    with(BASE, TO("l", "c.test", "web"), 1, 0); /* or goes */
    with(BASE, TO("i", "a.test", "web"), 1, 0); /* nothing */
    with(BASE, SERVED("shop", "new", "10.0.0.9") TO("new", "d.test", "new"), 1, 0);
}

static void an_ingress_that_goes_takes_its_hosts_along(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, BASE);
    assert_true(store_remove(s.store, OBJECT_INGRESS, "shop", "l"));
    expect(&s, 1, 0);
    end(&s);
}

static void whoever_claims_the_same_host_is_translated_as_well(void **state)
{
    (void)state;
    with(BASE, TO("new", "a.test", "web"), 2, 0); /* the same backend: no word */
    with(BASE, TO("new", "a.test", "api"), 2, 1); /* it lost */
    with(BASE TO("j", "a.test", "web"), TO("i", "x.test", "web"), 2, 0);
}

static void a_service_that_changes_is_a_matter_of_those_who_name_it(void **state)
{
    struct scene s;

    (void)state;
    with(BASE, SERVICE("shop", "web", "ports: [{name: https, port: 443}, {name: more, port: 80}]"),
         2, 0);
    with(BASE, SERVICE("shop", "web", "ports: [{name: https, port: 80}]"), 2, 2);
    begin(&s, BASE);
    assert_true(store_remove(s.store, OBJECT_SERVICE, "shop", "web"));
    expect(&s, 2, 2);
    end(&s);
}

static void so_is_one_that_loses_its_last_endpoint_or_regains_one(void **state)
{
    (void)state;
    with(BASE, API_SLICE(""), 1, 1);
    with(OUR_CLASS SERVICE("shop", "api", HTTPS_PORT) API_SLICE("") TO("l", "c.test", "api")
             TO("m", "d.test", "api"),
         API_SLICE(READY("10.0.0.3")), 2, 0);
}

static void new_endpoints_alone_need_no_ingress(void **state)
{
    (void)state;
    with(BASE, API_SLICE(READY("10.0.0.3")), 0, 0);
}

/* So that the next change of it is no matter for the whole. */
static void a_pool_that_stays_as_it_is_still_has_its_route(void **state)
{
    struct outcome o;
    struct scene s;

    (void)state;
    begin(&s, BASE);
    objects_put(s.store, SERVICE("shop", "unnamed", HTTPS_PORT) API_SLICE(READY("10.0.0.2")));
    assert_int_equal(run(&s, &o), 0);
    assert_null(o.table);
    assert_false(serviceset_has(&s.worded, "shop", "api"));
    done(&o);
    end(&s);
}

/** Whether the Service "api" is `worded` once the only route to it is gone. */
static void without_route(const char *others, bool worded)
{
    struct outcome o;
    struct scene s;

    begin(&s, BASE);
    objects_put(s.store, others);
    drop(s.table);
    s.table = whole(&s, &s.worded);
    store_forget_changes(s.store);
    assert_false(serviceset_has(&s.worded, "shop", "api"));
    assert_true(store_remove(s.store, OBJECT_INGRESS, "shop", "l"));
    assert_int_equal(run(&s, &o), 0);
    assert_int_equal(serviceset_has(&s.worded, "shop", "api"), worded);
    store_forget_changes(s.store);
    drop(s.table);
    s.table = o.table;
    o.table = NULL;
    done(&o);
    objects_put(s.store, API_SLICE("")); /* of which the loser is to be told */
    assert_int_equal(run(&s, &o), worded ? -EAGAIN : 0);
    done(&o);
    end(&s);
}

static void what_is_said_to_losers_comes_though_the_table_has_not_their_pool(void **state)
{
    (void)state;
    without_route(TO("x", "a.test", "api"), true); /* "i" comes first */
    without_route(TO("x", "x.test", "web"), false);
}

/* What is said of a slice is said once, whoever names it. */
static void words_about_others_than_ingresses_take_the_whole_way(void **state)
{
    static const char *const changes[] = {
        API_SLICE(READY("10.0.0.3")), /* they would go */
        TO("new", "d.test", "api"),   /* or be said again */
        TO("l", "c.test", "web"),     /* or stay */
    };
    struct scene s;

    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        begin(&s, OUR_CLASS SERVED("shop", "api", "224.0.0.1") SERVED("shop", "web", "10.0.0.1")
                      TO("l", "c.test", "api"));
        objects_put(s.store, changes[i]);
        expect_whole(&s);
        end(&s);
    }
    begin(&s, BASE);
    objects_put(s.store, API_SLICE(READY("224.0.0.1"))); /* or come */
    expect_whole(&s);
    end(&s);
}

static void too_many_at_once_take_the_whole_way(void **state)
{
    struct scene s;
    char yaml[400];

    (void)state;
    begin(&s, OUR_CLASS SERVED("shop", "web", "10.0.0.1"));
    for (unsigned i = 0; i < 1100; i++) {
        snprintf(yaml, sizeof(yaml), TO("i%u", "h%u.test", "web"), i, i);
        objects_put(s.store, yaml);
        store_forget_changes(s.store);
    }
    objects_put(s.store, SERVICE("shop", "web", HTTPS_PORT));
    expect_whole(&s);
    end(&s);
}

/* ---- what it may cost ----------------------------------------------------------------------- */

/** Put an Ingress of `n` hosts, each of the Service that `service` and its number make. */
static void put_hosts(struct store *s, unsigned ingress, unsigned n, const char *service)
{
    static char yaml[256 * 1024];
    size_t len = 0;

    len += (size_t)snprintf(yaml, sizeof(yaml),
                            "apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
                            "metadata: {namespace: shop, name: i%u}\n"
                            "spec: {" OURS "rules: [",
                            ingress);
    for (unsigned i = 0; i < n; i++) {
        len += (size_t)snprintf(yaml + len, sizeof(yaml) - len,
                                "%s{host: h%u.test, http: {paths: [{path: /, pathType: Prefix, "
                                "backend: {service: {name: %s%u, port: {number: 443}}}}]}}",
                                i > 0 ? ", " : "", i, service, *service == 'w' ? 0 : i);
    }
    assert_true(len + 3 < sizeof(yaml));
    strcpy(yaml + len, "]}\n");
    objects_put(s, yaml);
}

/** Of `ingresses` with `hosts` each, all the same, one is put again. */
static int one_of_many_again(unsigned ingresses, unsigned hosts, const char *service)
{
    struct outcome o;
    struct scene s;
    int rc;

    begin(&s, OUR_CLASS SERVED("shop", "w0", "10.0.0.1"));
    for (unsigned i = 0; i < ingresses; i++) {
        put_hosts(s.store, i, hosts, service);
        store_forget_changes(s.store);
    }
    drop(s.table);
    s.table = whole(&s, &s.worded);
    put_hosts(s.store, 0, hosts, service);
    rc = run(&s, &o);
    done(&o);
    end(&s);
    return rc;
}

/* Each brings all others along, at each of its hosts. */
static void the_same_hosts_in_many_ingresses_take_the_whole_way(void **state)
{
    (void)state;
    assert_int_equal(one_of_many_again(10, 10, "w"), 0);
    assert_int_equal(one_of_many_again(60, 2, "w"), 0);
    assert_int_equal(one_of_many_again(60, 60, "w"), -EAGAIN);
}

/* For each it is to be asked who else names it. */
static void so_do_many_services_without_endpoints_in_one_ingress(void **state)
{
    (void)state;
    assert_int_equal(one_of_many_again(1, 30, "none"), 0);
    assert_int_equal(one_of_many_again(1, 400, "none"), -EAGAIN);
}

static void one_ingress_that_names_two_services_does_not_matter(void **state)
{
    struct scene s;
    char yaml[900];

    (void)state;
    begin(&s, OUR_CLASS);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(yaml, sizeof(yaml), SERVED("shop", "s%u", "10.0.0.1") TO("i%u", "h%u.test", "s%u"),
                 i, i, i, i, i, i);
        objects_put(s.store, yaml);
        store_forget_changes(s.store);
    }
    objects_put(s.store, INGRESS("shop", "two", "",
                                 OURS RULES(HOST("a.test", "s0", "number: 443") ", " HOST(
                                     "b.test", "s1", "number: 443"))));
    store_forget_changes(s.store);
    drop(s.table);
    s.table = whole(&s, &s.worded);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(yaml, sizeof(yaml), SERVICE("shop", "s%u", HTTPS_PORT), i);
        objects_put(s.store, yaml);
    }
    expect(&s, 301, 0);
    end(&s);
}

/* ---- without memory ------------------------------------------------------------------------- */

/** What the whole comes to, found while there is memory. */
struct want {
    struct scene s;
    uint64_t digest;
};

static void retranslate_in_want(void *ctx)
{
    struct want *w = ctx;
    struct outcome o;
    int rc = run(&w->s, &o);

    assert_true(rc == 0 || rc == -ENOMEM || rc == -EAGAIN); /* as where a word was lost */
    assert_true(rc == 0 || o.table == NULL);
    assert_true(rc != 0 || table_digest(o.table ? o.table : w->s.table) == w->digest);
    done(&o);
    w->s.worded.full = false; /* without memory it has every Service */
    (void)registry_sweep(w->s.registry);
}

static uint64_t whole_digest(const struct scene *s)
{
    struct table *t = whole(s, NULL);
    uint64_t digest = table_digest(t);

    drop(t);
    return digest;
}

/* Nobody is left out because there was no memory to note that he was not. */
static void without_memory_nobody_is_left_out(void **state)
{
    struct want w;

    (void)state;
    begin(&w.s, BASE);
    objects_put(w.s.store, SERVICE("shop", "web", "ports: [{name: https, port: 80}]")
                               SERVICE("shop", "api", "ports: [{name: https, port: 80}]"));
    w.digest = whole_digest(&w.s);
    assert_true(failalloc_torture(retranslate_in_want, &w) > 40);
    end(&w.s);
}

static void once_words_are_lost_any_change_takes_the_whole_way(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, BASE);
    serviceset_fill(&s.worded);
    objects_put(s.store,
                INGRESS("shop", "none", "",
                        OURS RULES(RULE_WITHOUT_HTTP("x.test")))); /* which names no Service */
    expect_whole(&s);
    end(&s);
}

static void without_memory_the_last_table_stands(void **state)
{
    struct want w;

    (void)state;
    begin(&w.s, BASE);
    objects_put(w.s.store, TO("new", "a.test", "api") TO("more", "d.test", "web") API_SLICE(""));
    w.digest = whole_digest(&w.s);
    assert_true(failalloc_torture(retranslate_in_want, &w) > 40);
    objects_put(w.s.store, BASE);
    assert_true(store_remove(w.s.store, OBJECT_INGRESS, "shop", "new"));
    assert_true(store_remove(w.s.store, OBJECT_INGRESS, "shop", "more"));
    assert_true(whole_digest(&w.s) == table_digest(w.s.table));
    end(&w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ingress_of_its_own_host_is_translated_alone),
        cmocka_unit_test(an_ingress_that_goes_takes_its_hosts_along),
        cmocka_unit_test(whoever_claims_the_same_host_is_translated_as_well),
        cmocka_unit_test(a_service_that_changes_is_a_matter_of_those_who_name_it),
        cmocka_unit_test(so_is_one_that_loses_its_last_endpoint_or_regains_one),
        cmocka_unit_test(new_endpoints_alone_need_no_ingress),
        cmocka_unit_test(a_pool_that_stays_as_it_is_still_has_its_route),
        cmocka_unit_test(what_is_said_to_losers_comes_though_the_table_has_not_their_pool),
        cmocka_unit_test(words_about_others_than_ingresses_take_the_whole_way),
        cmocka_unit_test(too_many_at_once_take_the_whole_way),
        cmocka_unit_test(the_same_hosts_in_many_ingresses_take_the_whole_way),
        cmocka_unit_test(so_do_many_services_without_endpoints_in_one_ingress),
        cmocka_unit_test(one_ingress_that_names_two_services_does_not_matter),
        cmocka_unit_test(once_words_are_lost_any_change_takes_the_whole_way),
        cmocka_unit_test(without_memory_nobody_is_left_out),
        cmocka_unit_test(without_memory_the_last_table_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
