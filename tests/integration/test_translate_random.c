/*
 * A store that has lived through any changes translates as one that was just filled; and what is
 * published after each, be it of the endpoints alone, is what a whole translation comes to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/logring.h"
#include "controller/publisher.h"
#include "controller/reporter.h"
#include "controller/translate.h"
#include "controller/unserved.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/poolwalk.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"
#include "support/objects.h"

#define SEEDS     20u
#define CHANGES   300u
#define SERVICES  4u /* few names, so that they meet */
#define SLICES    6u
#define INGRESSES 5u
#define CALM      20u

static unsigned seed;

static unsigned below(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

static const char *a_namespace(void)
{
    return below(2) ? "a" : "b";
}

static void put_ingress(struct store *s)
{
    static const char *const classes[] = {"sealway", "sealway", "other", "none"};
    static const char *const marks[] = {
        "",
        "",
        "",
        "",
        ANNOTATED("nginx.ingress.kubernetes.io/ssl-passthrough: 'true'"),
        ANNOTATED("nginx.ingress.kubernetes.io/ssl-passthrough: 'false'")};
    char yaml[1024];

    snprintf(
        yaml, sizeof(yaml),
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
        "metadata: {namespace: %s, name: i%u%s}\n"
        "spec: {ingressClassName: %s, defaultBackend: " BACKEND(
            "s%u",
            "number: 443") ", "
                           "rules: [" RULE("h%u.test", PATH("/", "s%u", "number: %u")) ", " RULE(
                               "h%u.test", "%s" PATH("/x", "s%u", "name: https")) "]}\n",
        a_namespace(), below(INGRESSES), marks[below(6)], classes[below(4)], below(SERVICES),
        below(4), below(SERVICES), below(4) ? 443 : 80, below(4),
        below(2) ? PATH("/", "s0", "number: 443") ", " : "", below(SERVICES));
    objects_put(s, yaml);
}

static void put_service(struct store *s)
{
    static const char *const specs[] = {HTTPS_PORT,
                                        HTTPS_PORT,
                                        "ports: [{name: web, port: 443}]",
                                        "ports: [{port: 80}]",
                                        "type: ExternalName, externalName: x.test",
                                        HTTPS_PORT ", publishNotReadyAddresses: true"};
    char yaml[512];

    snprintf(yaml, sizeof(yaml), SERVICE("%s", "s%u", "%s"), a_namespace(), below(SERVICES),
             specs[below(6)]);
    objects_put(s, yaml);
}

static void put_slice(struct store *s)
{
    static const char *const conditions[] = {
        "", "", "", "", "ready: false", "ready: false, serving: true, terminating: true"};
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             SLICE("%s", "e%u", "s%u", "{name: %s, port: 8443, protocol: TCP}",
                   ENDPOINT("%s.0.0.%u", "%s")),
             a_namespace(), below(SLICES), below(SERVICES), below(4) ? "https" : "web",
             below(12) ? "10" : "127", below(9) + 1, conditions[below(6)]);
    objects_put(s, yaml);
}

static void put_endpoints(struct store *s)
{
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: v1\nkind: Endpoints\nmetadata: {namespace: %s, name: s%u}\n"
             "subsets: [{addresses: [{ip: 10.1.0.%u}], ports: [{name: https, port: 8443}]}]\n",
             a_namespace(), below(SERVICES), below(9) + 1);
    objects_put(s, yaml);
}

static void put_class(struct store *s)
{
    objects_put(s, below(2) ? OUR_CLASS : INGRESS_CLASS("sealway", "else.example/ingress", ""));
    objects_put(s, INGRESS_CLASS("other", "else.example/ingress", ""));
}

static void remove_one_of(struct store *s, enum object_kind kind)
{
    static const struct {
        const char *prefix;
        unsigned n;
    } names[OBJECT_KINDS] = {[OBJECT_INGRESS] = {"i", INGRESSES},
                             [OBJECT_SERVICE] = {"s", SERVICES},
                             [OBJECT_ENDPOINT_SLICE] = {"e", SLICES},
                             [OBJECT_ENDPOINTS] = {"s", SERVICES}};
    char name[16];

    snprintf(name, sizeof(name), "%s%u", names[kind].prefix, below(names[kind].n));
    (void)store_remove(s, kind, a_namespace(), name);
}

static void remove_one(struct store *s)
{
    static const enum object_kind kinds[] = {OBJECT_INGRESS, OBJECT_SERVICE, OBJECT_ENDPOINT_SLICE,
                                             OBJECT_ENDPOINTS};

    remove_one_of(s, kinds[below(4)]);
}

static void change(struct store *s)
{
    void (*const changes[])(struct store *) = {put_ingress, put_ingress, put_service, put_service,
                                               put_slice,   put_slice,   put_slice,   put_endpoints,
                                               put_class,   remove_one,  remove_one,  remove_one};

    changes[below(sizeof(changes) / sizeof(changes[0]))](s);
}

/** The same objects in a store without a past. */
static struct store *copy(const struct store *from)
{
    struct store *to = store_new();

    assert_non_null(to);
    for (unsigned kind = 0; kind < OBJECT_KINDS; kind++) {
        const struct objmeta *o = NULL;

        while ((o = store_next(from, (enum object_kind)kind, o)) != NULL) {
            /* a store hands out const objects, and counts holders in them */
            assert_int_equal(store_put(to, (struct objmeta *)(uintptr_t)o), 0);
        }
    }
    return to;
}

static const char *const may_catch_all[] = {"a"};
static const struct translate_config config = {.controller_class = "sealway.io/ingress-controller",
                                               .catch_all = may_catch_all,
                                               .n_catch_all = 1,
                                               .from_api_server = true};

static uint64_t translate_one(struct registry *r, const struct store *s, struct verdicts *v)
{
    struct table_builder *b = table_builder_new(r);
    uint64_t digest;

    assert_non_null(b);
    verdicts_init(v);
    assert_int_equal(translate(&config, s, b, &(struct translate_outcome){v, NULL, NULL}), 0);
    digest = table_builder_digest(b);
    table_builder_free(b);
    verdicts_sort(v);
    return digest;
}

static void assert_same_verdicts(const struct verdicts *a, const struct verdicts *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->items[i].name, b->items[i].name);
        assert_string_equal(a->items[i].reason, b->items[i].reason);
        assert_string_equal(a->items[i].message, b->items[i].message);
    }
}

static size_t count_slices(const struct store *s, const struct service *svc)
{
    const struct objmeta *o = NULL;
    size_t n = 0;

    while ((o = store_next(s, OBJECT_ENDPOINT_SLICE, o)) != NULL) {
        const struct endpoint_slice *e = (const struct endpoint_slice *)(const void *)o;

        n += strcmp(o->ns, svc->meta.ns) == 0 && strcmp(e->service, svc->meta.name) == 0;
    }
    return n;
}

/** What is found on the quick way is what is found on the long one. */
static void assert_backends(const struct store *s)
{
    const struct objmeta *o = NULL;
    size_t n_ingresses = 0;

    while ((o = store_next(s, OBJECT_INGRESS, o)) != NULL) {
        const struct ingress *ing = (const struct ingress *)(const void *)o;

        n_ingresses++;
        for (unsigned i = 0; i < SERVICES; i++) {
            const struct endpoint_slice *slice = NULL;
            const struct service *svc;
            size_t n = 0;
            char name[16];

            snprintf(name, sizeof(name), "s%u", i);
            svc = store_find_backend(s, ing, name);
            while (svc && (slice = store_next_slice(s, svc->meta.ns, svc->meta.name, slice))) {
                assert_string_equal(slice->service, name);
                n++;
            }
            assert_ptr_equal(svc, store_find(s, OBJECT_SERVICE, ing->meta.ns, name));
            assert_int_equal(n, svc ? count_slices(s, svc) : 0);
        }
    }
    assert_int_equal(n_ingresses, store_count(s, OBJECT_INGRESS));
}

static void assert_as_fresh(struct registry *r, const struct store *s)
{
    struct store *fresh = copy(s);
    struct verdicts v, expected;

    assert_int_equal(translate_one(r, s, &v), translate_one(r, fresh, &expected));
    assert_same_verdicts(&v, &expected);
    assert_backends(s);
    verdicts_fini(&v);
    verdicts_fini(&expected);
    store_free(fresh);
}

static void after_any_change_a_store_translates_as_a_fresh_one(void **state)
{
    struct registry *r = registry_new(0, 0);

    (void)state;
    assert_non_null(r);
    for (unsigned i = 1; i <= SEEDS; i++) {
        struct store *s = objects_store(OUR_CLASS);

        seed = i;
        for (unsigned n = 0; n < CHANGES; n++) {
            change(s);
            assert_as_fresh(r, s);
        }
        store_free(s);
    }
    registry_free(r);
}

/* ---- only endpoints ------------------------------------------------------------------------- */

/** A publisher, and what it has said that still stands. */
struct kept {
    struct controller_config cfg;
    struct publisher p;
    struct store *store;
    struct reporter reporter;
    unsigned parts, alone, published; /* alone: nothing but endpoints */
};

static void on_table(void *ctx, struct table *t, uint64_t noticed_us)
{
    struct kept *k = ctx;

    (void)noticed_us;
    k->published++;
    table_unref(t);
}

static void begin(struct kept *k)
{
    *k = (struct kept){.store = objects_store(OUR_CLASS)};
    reporter_init(&k->reporter, &k->cfg);
    k->cfg.translate = config;
    k->cfg.publish = on_table;
    k->cfg.ctx = k;
    assert_int_equal(publisher_init(&k->p, &k->cfg), 0);
    for (unsigned i = 0; i < 8 * SERVICES; i++) {
        put_service(k->store);
        put_ingress(k->store);
    }
}

static void end(struct kept *k)
{
    reporter_fini(&k->reporter);
    publisher_fini(&k->p);
    store_free(k->store);
}

/** As the controller's rounds do. */
static void publish(struct kept *k)
{
    struct unserved unserved;
    struct verdicts v;
    struct publisher_round round = {.verdicts = &v, .unserved = &unserved};

    verdicts_init(&v);
    unserved_init(&unserved);
    assert_int_equal(publisher_update(&k->p, k->store, &round), 0);
    store_forget_changes(k->store);
    if (round.is_part) {
        k->parts++;
        k->alone += round.part.ingresses.n == 0;
        reporter_amend_routes(&k->reporter, &round.part, &v, &unserved);
        retranslate_part_fini(&round.part);
    } else {
        reporter_take_routes(&k->reporter, &v, &unserved);
    }
    unserved_fini(&unserved);
    verdicts_fini(&v);
}

static void assert_stands(const char *said, const struct verdicts *v)
{
    bool stands = said == NULL;

    for (size_t i = 0; i < v->n && !stands; i++) {
        stands = v->items[i].message == said;
    }
    assert_true(stands);
}

/** What is not served points to words that stand. */
static void assert_said(const struct unserved *u, const struct verdicts *v)
{
    for (size_t i = 0; i < u->n_hosts; i++) {
        assert_stands(u->hosts[i].said, v);
    }
    for (size_t i = 0; i < u->n_pools; i++) {
        assert_stands(u->pools[i].said, v);
    }
}

/** It is the same pool, and its Service leads to it once. */
static void assert_same_pool(const struct table *t, const struct pool *p, const struct pool *want)
{
    const struct pool *other;
    struct poolwalk w;
    size_t n = 0;

    assert_string_equal(p->ns, want->ns);
    assert_string_equal(p->service, want->service);
    assert_string_equal(p->port, want->port);
    assert_int_equal(p->n_endpoints, want->n_endpoints);
    for (uint32_t i = 0; i < p->n_endpoints; i++) {
        assert_ptr_equal(endpoint_state(&p->endpoints[i]), endpoint_state(&want->endpoints[i]));
        assert_int_equal(endpoint_is_terminating(&p->endpoints[i]),
                         endpoint_is_terminating(&want->endpoints[i]));
    }
    poolwalk_begin(&w, t, p->ns, p->service);
    while ((other = poolwalk_next(&w)) != NULL) {
        n += other == p;
    }
    assert_int_equal(n, 1);
}

/** Every host is found and leads where it should. */
static void assert_same_table(const struct table *t, const struct table *want)
{
    size_t n, n_want;
    const struct route *routes = table_routes(t, &n), *wanted = table_routes(want, &n_want);

    assert_true(table_digest(t) == table_digest(want));
    assert_int_equal(table_endpoints(t), table_endpoints(want));
    assert_int_equal(n, n_want);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(routes[i].host, wanted[i].host);
        assert_ptr_equal(routes[i].state, wanted[i].state);
        assert_int_equal(routes[i].n_lost, wanted[i].n_lost);
        assert_ptr_equal(table_route_of(t, routes[i].host), &routes[i]);
        assert_same_pool(t, table_pool(t, &routes[i]), table_pool(want, &wanted[i]));
    }
}

static void assert_as_whole(struct kept *k)
{
    struct table_builder *b = table_builder_new(k->p.registry);
    struct store *fresh = copy(k->store);
    struct unserved unserved;
    struct verdicts v;
    struct table *want;

    assert_non_null(b);
    verdicts_init(&v);
    unserved_init(&unserved);
    assert_int_equal(translate(&config, fresh, b, &(struct translate_outcome){&v, &unserved, NULL}),
                     0);
    want = table_builder_freeze(b, 1);
    assert_non_null(want);
    assert_same_table(k->p.current, want);
    verdicts_sort(&v);
    verdicts_sort(&k->reporter.routes);
    assert_same_verdicts(&v, &k->reporter.routes);
    assert_int_equal(unserved.n_hosts, k->reporter.unserved.n_hosts);
    assert_int_equal(unserved.n_pools, k->reporter.unserved.n_pools);
    assert_said(&k->reporter.unserved, &k->reporter.routes);
    table_unref(want);
    assert_true(table_free_if_unused(want));
    table_builder_free(b);
    unserved_fini(&unserved);
    verdicts_fini(&v);
    store_free(fresh);
}

/* Mostly endpoints, now and then several at once; what they stand behind stays as a rule. */
static void change_endpoints(struct store *s)
{
    do {
        unsigned which = below(40);

        if (which == 0) {
            put_ingress(s);
        } else if (which == 1) {
            put_service(s);
        } else if (which < 5) {
            put_endpoints(s);
        } else if (which < 10) {
            remove_one_of(s, which < 8 ? OBJECT_ENDPOINT_SLICE : OBJECT_ENDPOINTS);
        } else {
            put_slice(s);
        }
    } while (below(3) == 0);
}

/** Publish after each of many changes, and hold it against the whole. */
static void live(unsigned first_seed, void (*change_some)(struct store *s), struct kept *sum)
{
    for (unsigned i = 1; i <= SEEDS; i++) {
        struct kept k;

        seed = first_seed + i;
        begin(&k);
        for (unsigned n = 0; n < CHANGES; n++) {
            change_some(k.store);
            publish(&k);
            assert_as_whole(&k);
        }
        sum->parts += k.parts;
        sum->alone += k.alone;
        sum->published += k.published;
        end(&k);
    }
    print_message("             %u updates, %u of a part, %u of those of endpoints alone, "
                  "%u tables\n",
                  SEEDS * CHANGES, sum->parts, sum->alone, sum->published);
}

static void what_is_published_is_what_a_whole_translation_comes_to(void **state)
{
    struct kept sum = {.parts = 0};

    (void)state;
    live(1000, change_endpoints, &sum);
    assert_in_range(sum.alone, SEEDS * CHANGES / 10, SEEDS * CHANGES * 9 / 10);
    assert_in_range(sum.published, SEEDS * CHANGES / 10, SEEDS * CHANGES);
}

static void change_routes(struct store *s)
{
    void (*const changes[])(struct store *) = {put_ingress, put_ingress,      put_service,
                                               put_slice,   change_endpoints, remove_one};

    do {
        if (below(60) == 0) {
            put_class(s);
        }
        changes[below(6)](s);
    } while (below(3) == 0);
}

/* Ingresses and Services come, change and go as well. */
static void so_it_is_where_more_than_endpoints_changes(void **state)
{
    struct kept sum = {.parts = 0};

    (void)state;
    live(2000, change_routes, &sum);
    assert_in_range(sum.parts, SEEDS * CHANGES / 20, SEEDS * CHANGES);
    assert_in_range(sum.published, SEEDS * CHANGES / 10, SEEDS * CHANGES);
}

/* A host and a Service for most Ingresses, of which most have slices: as clusters are. */
static void put_calm_ingress(struct store *s)
{
    unsigned i = below(CALM);
    char yaml[1024];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
             "metadata: {namespace: a, name: i%u, creationTimestamp: \"2024-01-01T00:00:%02uZ\"}\n"
             "spec: {ingressClassName: %s, rules: [" RULE("h%u.test",
                                                          PATH("/", "s%u", "number: %u")) "%s]}\n",
             i, below(60), below(8) ? "sealway" : "other", below(8) ? i : below(CALM),
             below(4) ? i : below(CALM), below(12) ? 443 : 80,
             below(6) ? "" : ", " RULE("*.test", PATH("/", "s1", "number: 443")));
    objects_put(s, yaml);
}

static void put_calm_service(struct store *s)
{
    char yaml[512];

    snprintf(yaml, sizeof(yaml), SERVICE("a", "s%u", "%s"), below(CALM),
             below(8) ? HTTPS_PORT : HTTPS_PORT ", publishNotReadyAddresses: true");
    objects_put(s, yaml);
}

static void put_calm_slice(struct store *s)
{
    unsigned i = below(CALM);
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             SLICE("a", "e%u", "s%u", "{name: https, port: 8443, protocol: TCP}",
                   ENDPOINT("10.0.0.%u", "%s")),
             i, i, below(9) + 1, below(4) ? "" : "ready: false");
    objects_put(s, yaml);
}

static void remove_calm(struct store *s)
{
    static const enum object_kind kinds[] = {OBJECT_INGRESS, OBJECT_INGRESS, OBJECT_SERVICE,
                                             OBJECT_ENDPOINT_SLICE};
    unsigned which = below(4);
    char name[16];

    snprintf(name, sizeof(name), "%c%u", "iise"[which], below(CALM));
    (void)store_remove(s, kinds[which], "a", name);
}

static void change_calmly(struct store *s)
{
    void (*const changes[])(struct store *) = {put_calm_ingress, put_calm_ingress, put_calm_service,
                                               put_calm_slice,   put_calm_slice,   remove_calm};

    do {
        changes[below(6)](s);
    } while (below(3) == 0);
}

static void so_it_is_where_most_hosts_are_served(void **state)
{
    struct kept sum = {.parts = 0};

    (void)state;
    live(3000, change_calmly, &sum);
    assert_in_range(sum.parts - sum.alone, SEEDS * CHANGES / 4, SEEDS * CHANGES);
    assert_in_range(sum.published, SEEDS * CHANGES / 4, SEEDS * CHANGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_is_what_a_whole_translation_comes_to),
        cmocka_unit_test(so_it_is_where_more_than_endpoints_changes),
        cmocka_unit_test(so_it_is_where_most_hosts_are_served),
        cmocka_unit_test(after_any_change_a_store_translates_as_a_fresh_one),
    };

    struct logring *unread = logring_new(4096);
    int failed;

    log_use_ring(unread);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    log_use_ring(NULL);
    logring_free(unread);
    return failed;
}
