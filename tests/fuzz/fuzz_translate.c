/*
 * Whatever objects come together: a table in which every route is found by its host and leads to
 * what the objects say, every host that an Ingress names is served, lost or told why not, and all
 * of it is the same in whatever order the objects came.
 *
 * Input: a byte of options, then a manifest.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "controller/translate.h"
#include "controller/unserved.h"
#include "manifest/manifesttext.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/hostname.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"

#define OBJECTS_MAX 64 /* more of them take longer and show nothing new */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct registry *registry;

struct outcome {
    struct store *store;
    struct table *table;
    struct verdicts v;
    struct unserved unserved;
};

static struct translate_config config_of(uint8_t options)
{
    static const char *const classes[] = {"sealway", "other"};
    static const char *const namespaces[] = {"shop", "*"};

    return (struct translate_config){
        .controller_class = "sealway.io/ingress-controller",
        .ingress_classes = classes,
        .n_ingress_classes = 1u + (options & 1u),
        .ingress_class_only = (options & 2) != 0,
        .ingress_without_class = (options & 4) != 0,
        .require_annotation = (enum translate_require)((options >> 3 & 3) % 3),
        .catch_all = namespaces,
        .n_catch_all = (options >> 5 & 3) % 3,
        .from_api_server = (options & 128) != 0,
    };
}

static void make(struct outcome *o, const struct translate_config *cfg, struct objmeta *const *objs,
                 size_t n, bool backwards)
{
    struct table_builder *b = table_builder_new(registry);
    const struct translate_outcome out = {&o->v, &o->unserved, NULL};

    o->store = store_new();
    ASSERT(b != NULL && o->store != NULL);
    for (size_t i = 0; i < n; i++) {
        ASSERT(store_put(o->store, objs[backwards ? n - 1 - i : i]) == 0);
    }
    verdicts_init(&o->v);
    unserved_init(&o->unserved);
    ASSERT(translate(cfg, o->store, b, &out) == 0);
    o->table = table_builder_freeze(b, 1);
    ASSERT(o->table != NULL && table_digest(o->table) == table_builder_digest(b));
    ASSERT(!o->v.lost && !o->unserved.lost);
    table_builder_free(b);
}

static void drop(struct outcome *o)
{
    table_unref(o->table);
    ASSERT(table_free_if_unused(o->table));
    unserved_fini(&o->unserved);
    verdicts_fini(&o->v);
    store_free(o->store);
}

/* ---- one table ------------------------------------------------------------------------------- */

static const struct route *lookup(const struct table *t, const char *host, enum table_match *how)
{
    return table_lookup(t, host, strlen(host), how);
}

static const struct route *route_of(const struct table *t, const char *pattern)
{
    size_t n;
    const struct route *routes = table_routes(t, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(routes[i].host, pattern) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

static void check_is_found(const struct table *t, const struct route *r)
{
    char name[HOSTNAME_MAX + 1], again[HOSTNAME_MAX + 1];
    enum table_match how;
    size_t len;

    if (r->host[0] == '\0') {
        ASSERT(table_catch_all(t) == r);
        return;
    }
    ASSERT(hostname_normalise_pattern(r->host, strlen(r->host), again, &len) == HOSTNAME_VALID);
    ASSERT(strcmp(again, r->host) == 0);
    if (!hostname_is_wildcard(r->host)) {
        ASSERT(lookup(t, r->host, &how) == r && how == TABLE_EXACT);
        return;
    }
    (void)snprintf(name, sizeof(name), "x%s", r->host + 1);
    ASSERT(lookup(t, name, &how) == (route_of(t, name) != NULL ? route_of(t, name) : r));
    ASSERT(how == (route_of(t, name) != NULL ? TABLE_EXACT : TABLE_WILDCARD));
}

static bool names_backend(const struct ingress_backend *b, const char *service)
{
    return b->type == BACKEND_SERVICE && strcmp(b->service, service) == 0;
}

/* Whether an Ingress says that a host of its goes to a Service. */
static bool sends(const struct ingress *ing, const char *host, const char *service)
{
    char pattern[HOSTNAME_MAX + 1];
    size_t len;

    for (size_t i = 0; i < ing->n_rules; i++) {
        const struct ingress_rule *rule = &ing->rules[i];

        pattern[0] = '\0';
        (void)hostname_normalise_pattern(rule->host, strlen(rule->host), pattern, &len);
        for (size_t k = 0; strcmp(pattern, host) == 0 && k < rule->n_paths; k++) {
            if (names_backend(&rule->paths[k].backend, service)) {
                return true;
            }
        }
    }
    return names_backend(&ing->default_backend, service);
}

static const struct ingress *ingress_of(const struct outcome *o, const char *ns, const char *name)
{
    const struct objmeta *meta = store_find(o->store, OBJECT_INGRESS, ns, name);

    ASSERT(meta != NULL);
    return (const struct ingress *)(const void *)meta;
}

static void check_pool(const struct pool *p)
{
    for (uint32_t i = 0; i < p->n_endpoints; i++) {
        const struct endpoint *e = &p->endpoints[i];

        ASSERT(endpoint_addr(e)->port != 0 && endpoint_state(e) != NULL &&
               netaddr_equal(endpoint_addr(e), &endpoint_state(e)->addr));
        ASSERT(!netaddr_is_unspecified(endpoint_addr(e)) &&
               !netaddr_is_multicast(endpoint_addr(e)));
        ASSERT(i == 0 ||
               netaddr_compare(endpoint_addr(&p->endpoints[i - 1]), endpoint_addr(e)) < 0);
    }
}

static void check_route(const struct outcome *o, const struct route *r)
{
    const struct pool *pool = table_pool(o->table, r);
    const struct route_state *s = r->state;

    check_is_found(o->table, r);
    ASSERT(strcmp(s->host, r->host) == 0 && strcmp(s->ns, pool->ns) == 0);
    ASSERT(sends(ingress_of(o, s->ns, s->ingress), r->host, s->service));
    for (uint32_t i = 0; i < r->n_lost; i++) {
        const struct claim_lost *l = &r->lost[i];

        ASSERT(sends(ingress_of(o, l->ns, l->ingress), r->host, l->service));
    }
    check_pool(pool);
}

/* ---- every host is accounted for ------------------------------------------------------------- */

static bool is_claim_of(const struct route *r, const struct objmeta *ing)
{
    if (strcmp(r->state->ns, ing->ns) == 0 && strcmp(r->state->ingress, ing->name) == 0) {
        return true;
    }
    for (uint32_t i = 0; i < r->n_lost; i++) {
        if (strcmp(r->lost[i].ns, ing->ns) == 0 && strcmp(r->lost[i].ingress, ing->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_unserved(const struct unserved *u, const struct objmeta *ing, const char *host)
{
    for (size_t i = 0; i < u->n_hosts; i++) {
        const struct unserved_host *h = &u->hosts[i];

        if (strcmp(h->host, host) == 0 && strcmp(h->ns, ing->ns) == 0 &&
            strcmp(h->ingress, ing->name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_host(const struct outcome *o, const struct objmeta *ing, const char *host)
{
    const struct route *r = route_of(o->table, host);
    bool is_claim = r != NULL && is_claim_of(r, ing);

    ASSERT(is_claim != is_unserved(&o->unserved, ing, host));
}

static void check_ingress(const struct outcome *o, const struct ingress *ing)
{
    char pattern[HOSTNAME_MAX + 1];
    size_t len;

    for (size_t i = 0; i < ing->n_rules; i++) {
        const char *host = ing->rules[i].host;

        if (host[0] == '\0') {
            check_host(o, &ing->meta, "");
        } else if (hostname_normalise_pattern(host, strlen(host), pattern, &len) ==
                   HOSTNAME_VALID) {
            check_host(o, &ing->meta, pattern);
        }
    }
    if (ing->default_backend.type == BACKEND_SERVICE && ing->n_rules == 0) {
        check_host(o, &ing->meta, "");
    }
}

static void check_outcome(const struct outcome *o)
{
    const struct objmeta *meta = NULL;
    size_t n;
    const struct route *routes = table_routes(o->table, &n);

    for (size_t i = 0; i < n; i++) {
        ASSERT(i == 0 || strcmp(routes[i - 1].host, routes[i].host) < 0);
        check_route(o, &routes[i]);
    }
    while ((meta = store_next(o->store, OBJECT_INGRESS, meta)) != NULL) {
        check_ingress(o, (const struct ingress *)(const void *)meta);
    }
    for (size_t i = 0; i < o->v.n; i++) {
        ASSERT(strpbrk(o->v.items[i].message, "\n\r\t\x1b") == NULL);
    }
}

/* ---- two tables ------------------------------------------------------------------------------ */

static int compare_verdicts(const void *a, const void *b)
{
    const struct verdict *x = a, *y = b;
    int order = strcmp(x->message, y->message);

    order = order != 0 ? order : strcmp(x->ns, y->ns);
    order = order != 0 ? order : strcmp(x->name, y->name);
    order = order != 0 ? order : strcmp(x->reason, y->reason);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static void check_same(struct outcome *a, struct outcome *b)
{
    size_t n_a, n_b;
    const struct route *x = table_routes(a->table, &n_a), *y = table_routes(b->table, &n_b);

    ASSERT(table_digest(a->table) == table_digest(b->table) && n_a == n_b);
    for (size_t i = 0; i < n_a; i++) {
        ASSERT(x[i].state == y[i].state && x[i].n_lost == y[i].n_lost);
        ASSERT(table_pool(a->table, &x[i])->n_endpoints ==
               table_pool(b->table, &y[i])->n_endpoints);
    }
    ASSERT(a->unserved.n_hosts == b->unserved.n_hosts && a->v.n == b->v.n);
    ASSERT(a->unserved.n_pools == b->unserved.n_pools);
    if (a->v.n > 0) {
        qsort(a->v.items, a->v.n, sizeof(*a->v.items), compare_verdicts);
        qsort(b->v.items, b->v.n, sizeof(*b->v.items), compare_verdicts);
    }
    for (size_t i = 0; i < a->v.n; i++) {
        ASSERT(compare_verdicts(&a->v.items[i], &b->v.items[i]) == 0);
    }
}

/* The first of each identity: of two the store would keep the one that came last. */
static size_t choose(const struct manifestcontent *c, struct objmeta *objs[OBJECTS_MAX])
{
    struct store *seen = store_new();
    size_t n = 0;

    ASSERT(seen != NULL);
    for (size_t i = 0; i < c->n && n < OBJECTS_MAX; i++) {
        struct objmeta *o = c->objs[i].meta;

        if (store_find(seen, o->kind, o->ns, o->name) == NULL) {
            ASSERT(store_put(seen, o) == 0);
            objs[n++] = o;
        }
    }
    store_free(seen);
    return n;
}

static void check_objects(const struct translate_config *cfg, const struct manifestcontent *c)
{
    struct objmeta *objs[OBJECTS_MAX];
    size_t n = choose(c, objs);
    struct outcome one, other;

    make(&one, cfg, objs, n, false);
    make(&other, cfg, objs, n, true);
    check_outcome(&one);
    check_same(&one, &other);
    drop(&other);
    drop(&one);
    (void)registry_sweep(registry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct manifestfile_request want = {.path = "fuzz.yaml"};
    struct translate_config cfg;
    struct manifestcontent c;

    if (size == 0) {
        return 0;
    }
    if (registry == NULL) {
        registry = registry_new(0, 0);
        ASSERT(registry != NULL);
    }
    cfg = config_of(data[0]);
    manifestfile_init(&c);
    if (manifesttext_decode(&want, (const char *)data + 1, size - 1, &c) == 0) {
        check_objects(&cfg, &c);
    }
    manifestfile_fini(&c);
    return 0;
}
