#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "../../src/route/poolwalk_priv.h"
#include "../../src/route/table_priv.h"
#include "registry_fixture.h"
#include "route/poolwalk.h"
#include "route_fixture.h"
#include "support/failalloc.h"

#define CLAIMS 400u

static struct table *whole(const struct wish *wishes, size_t n)
{
    struct table *t = fixture_table(registry, wishes, n);

    assert_non_null(t);
    return t;
}

static bool has_host(const struct wish *wishes, size_t n, const char *host)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(wishes[i].host, host) == 0) {
            return true;
        }
    }
    return false;
}

/* Amend `base` on the hosts of `changed` to what the claims of `now` say of them. */
static int amend(struct table *base, const struct wish *now, size_t n, const struct wish *changed,
                 size_t n_changed, struct table **out)
{
    struct table_builder *b = table_builder_new(registry);
    bool ok = b != NULL;
    int rc = -ENOMEM;

    for (size_t i = 0; i < n_changed && ok; i++) {
        ok = table_builder_drop(b, changed[i].host) == 0;
    }
    for (size_t i = 0; i < n && ok; i++) {
        ok = !has_host(changed, n_changed, now[i].host) || fixture_claim(b, &now[i]) == 0;
    }
    if (ok) {
        rc = table_builder_amend(b, base, table_generation(base) + 1, out);
    }
    table_builder_free(b);
    return rc;
}

static struct table *amended(struct table *base, const struct wish *now, size_t n,
                             const struct wish *changed, size_t n_changed)
{
    struct table *t = base;

    assert_int_equal(amend(base, now, n, changed, n_changed, &t), 0);
    assert_true(t != base);
    return t;
}

static void assert_same_pool(const struct pool *a, const struct pool *b)
{
    assert_string_equal(a->ns, b->ns);
    assert_string_equal(a->service, b->service);
    assert_string_equal(a->port, b->port);
    assert_int_equal(a->n_endpoints, b->n_endpoints);
    for (uint32_t i = 0; i < a->n_endpoints; i++) {
        assert_ptr_equal(endpoint_state(&a->endpoints[i]), endpoint_state(&b->endpoints[i]));
    }
}

static void assert_same_route(const struct route *a, const struct route *b)
{
    assert_string_equal(a->host, b->host);
    assert_ptr_equal(a->host, a->state->host); /* and not the builder's, nor the base's */
    assert_ptr_equal(a->state, b->state);
    assert_int_equal(a->n_lost, b->n_lost);
    for (uint32_t i = 0; i < a->n_lost; i++) {
        assert_string_equal(a->lost[i].ns, b->lost[i].ns);
        assert_string_equal(a->lost[i].ingress, b->lost[i].ingress);
        assert_string_equal(a->lost[i].service, b->lost[i].service);
        assert_string_equal(a->lost[i].port, b->lost[i].port);
        assert_int_equal(a->lost[i].why, b->lost[i].why);
    }
}

/* Its texts are those of a route of the table itself, and so live as long as it does. */
static void assert_named_by_own(const struct table *t, const struct pool *p)
{
    size_t n;
    const struct route *routes = table_routes(t, &n);

    for (size_t i = 0; i < n; i++) {
        if (routes[i].state->ns == p->ns) {
            assert_ptr_equal(table_pool(t, &routes[i]), p);
            assert_ptr_equal(p->service, routes[i].state->service);
            assert_ptr_equal(p->port, routes[i].state->port);
            return;
        }
    }
    fail_msg("pool %s/%s is named by no route", p->ns, p->service);
}

static const char *sample_of(const struct route *r, char name[HOSTNAME_MAX + 8])
{
    (void)snprintf(name, HOSTNAME_MAX + 8, "%s%s", hostname_is_wildcard(r->host) ? "x" : "",
                   hostname_is_wildcard(r->host) ? r->host + 1 : r->host);
    return name;
}

/* Among those of its Service, once. */
static void assert_walked_over(const struct table *t, const struct pool *p)
{
    const struct pool *other;
    struct poolwalk w;
    size_t n = 0;

    poolwalk_begin(&w, t, p->ns, p->service);
    while ((other = poolwalk_next(&w)) != NULL) {
        n += other == p;
    }
    assert_int_equal(n, 1);
}

static void assert_as_whole(const struct table *t, const struct wish *wishes, size_t n_wishes)
{
    struct table *want = whole(wishes, n_wishes);
    char name[HOSTNAME_MAX + 8];
    size_t n, n_want;
    const struct route *routes = table_routes(t, &n), *others = table_routes(want, &n_want);

    assert_true(table_digest(t) == table_digest(want));
    assert_int_equal(table_endpoints(t), table_endpoints(want));
    assert_int_equal(t->n_pools, want->n_pools);
    assert_int_equal(n, n_want);
    assert_true((table_catch_all(t) != NULL) == (table_catch_all(want) != NULL));
    for (size_t i = 0; i < n; i++) {
        const struct pool *p = table_pool(t, &routes[i]);
        uint32_t place;

        assert_same_route(&routes[i], &others[i]);
        assert_same_pool(p, table_pool(want, &others[i]));
        assert_named_by_own(t, p);
        assert_ptr_equal(fixture_lookup(t, sample_of(&routes[i], name)), &routes[i]);
        assert_true(poolwalk_find(t, p->ns, p->service, p->port, &place));
        assert_ptr_equal(table_pool_at(t, place), p);
        assert_walked_over(t, p);
    }
    assert_true(fixture_drop(want));
}

#define HOST(h) ((const struct wish[]){{.host = (h)}})

static void a_host_comes_and_goes(void **state)
{
    const struct wish wishes[] = {
        {.host = "b.test", .service = "s1"},
        {.host = "d.test", .service = "s2"},
        {.host = "c.test", .ingress = "new", .service = "s3"},
    };
    struct table *base = whole(wishes, 2), *t, *back;

    (void)state;
    t = amended(base, wishes, 3, HOST("c.test"), 1);
    assert_as_whole(t, wishes, 3);
    assert_as_whole(base, wishes, 2);
    assert_int_equal(table_generation(t), 2);
    back = amended(t, wishes, 2, HOST("c.test"), 1);
    assert_as_whole(back, wishes, 2);
    assert_true(fixture_drop(base));
    assert_true(fixture_drop(t));
    assert_as_whole(back, wishes, 2);
    assert_true(fixture_drop(back));
    assert_true(registry_sweep(registry) > 0);
    assert_int_equal(registry_sweep(registry), 0);
}

static void a_catch_all_comes_and_goes(void **state)
{
    const struct wish wishes[] = {{.host = "b.test"}, {.host = "*.b.test"}, {.host = ""}};
    struct table *base = whole(wishes, 2), *t, *back;

    (void)state;
    t = amended(base, wishes, 3, HOST(""), 1);
    assert_as_whole(t, wishes, 3);
    back = amended(t, wishes, 2, HOST(""), 1);
    assert_as_whole(back, wishes, 2);
    assert_true(fixture_drop(base));
    assert_true(fixture_drop(t));
    assert_true(fixture_drop(back));
}

static void where_hosts_come_to_the_same_there_is_no_table(void **state)
{
    const struct wish wishes[] = {{.host = "a.test"}, {.host = "b.test", .service = "s2"}};
    struct table *base = whole(wishes, 2);

    (void)state;
    assert_null(amended(base, wishes, 2, wishes, 2));
    assert_null(amended(base, wishes, 2, HOST("unknown.test"), 1));
    assert_as_whole(base, wishes, 2);
    assert_true(fixture_drop(base));
}

static void a_table_without_routes_is_a_base_as_well(void **state)
{
    const struct wish wishes[] = {{.host = "a.test"}, {.host = "b.test", .service = "s2"}};
    struct table *none = whole(NULL, 0), *t, *back;

    (void)state;
    t = amended(none, wishes, 2, wishes, 2);
    assert_as_whole(t, wishes, 2);
    back = amended(t, NULL, 0, wishes, 2);
    assert_as_whole(back, NULL, 0);
    assert_true(fixture_drop(none));
    assert_true(fixture_drop(t));
    assert_true(fixture_drop(back));
}

static void pages_without_a_change_are_shared(void **state)
{
    static char names[130][16];
    struct wish wishes[131];
    struct table *base, *t;

    (void)state;
    for (size_t i = 0; i < 130; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "h%03zu.test", i);
        wishes[i] = (struct wish){.host = names[i], .service = names[i]};
    }
    wishes[130] = (struct wish){.host = "h000a.test", .service = "more"};
    base = whole(wishes, 130);
    t = amended(base, wishes, 131, &wishes[130], 1);
    assert_ptr_equal(t->pages[0], base->pages[0]);
    assert_ptr_equal(t->pages[1], base->pages[1]);
    assert_true(t->pages[2] != base->pages[2]);
    assert_int_equal(base->pages[0]->tables, 2);
    assert_as_whole(t, wishes, 131);
    assert_true(fixture_drop(t));
    assert_int_equal(base->pages[0]->tables, 1);
    assert_true(fixture_drop(base));
}

struct heard {
    unsigned lost, unserved;
};

static void on_lost(void *ctx, const struct claim *loser, const struct claim *winner,
                    enum claim_loss why)
{
    struct heard *h = ctx;

    (void)why;
    assert_string_equal(loser->ingress, "young");
    assert_string_equal(winner->ingress, "old");
    h->lost++;
}

static void on_unserved(void *ctx, const char *ns, const char *service)
{
    struct heard *h = ctx;

    assert_string_equal(ns, "shop");
    assert_string_equal(service, "s2");
    h->unserved++;
}

/* The pool was served by a route that is lost now: nothing leads to it any more. */
static void who_lost_and_what_nobody_serves_is_told(void **state)
{
    const struct wish wishes[] = {
        {.host = "a.test", .ingress = "young", .created_s = 2, .service = "s2"},
        {.host = "a.test", .ingress = "old", .created_s = 1, .service = "s1"},
    };
    struct table *base = whole(wishes, 1), *t = NULL;
    struct table_builder *b = fixture_builder(registry, wishes, 2);
    struct heard heard = {0};

    (void)state;
    assert_int_equal(table_builder_amend(b, base, 2, &t), 0);
    table_builder_lost(b, on_lost, &heard);
    table_builder_unserved(b, on_unserved, &heard);
    assert_int_equal(heard.lost, 1);
    assert_int_equal(heard.unserved, 1);
    table_builder_free(b);
    assert_as_whole(t, wishes, 2);
    assert_true(fixture_drop(base));
    assert_true(fixture_drop(t));
}

/* ---- by chance ------------------------------------------------------------------------------ */

static struct wish a_wish(uint64_t *seed)
{
    static const char *const hosts[] = {
        "",
        "a.test",
        "b.test",
        "*.b.test",
        "c.b.test",
        "long-name-that-fills-more-than-a-chunk.test",
        "long-name-that-fills-more.test",
        "*.test",
        "d.test",
        "e.test",
        "f.test",
        "g.test",
        "h.test",
        "i.test",
        "j.test",
        "k.test",
        "l.test",
        "m.test",
        "n.test",
        "o.test",
        "p.test",
        "q.test",
    };
    static const char *const services[] = {"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"};
    static const char *const ingresses[] = {"i1", "i2", "i3"};
    const struct wish w = {
        .host = hosts[fixture_random(seed) % ARRAY_LEN(hosts)],
        .ns = fixture_random(seed) % 4 > 0 ? "shop" : "other",
        .ingress = ingresses[fixture_random(seed) % ARRAY_LEN(ingresses)],
        .service = services[fixture_random(seed) % ARRAY_LEN(services)],
        .created_s = fixture_random(seed) % 5,
        .marked = fixture_random(seed) % 3 == 0,
        .port = fixture_random(seed) % 2 ? "443" : NULL,
    };

    return w;
}

/* Some claims go and some come; *changed gets them.  Returns how many they are. */
static size_t change(struct wish *wishes, size_t *n, struct wish changed[8], uint64_t *seed)
{
    size_t n_changed = 1 + fixture_random(seed) % 8;

    for (size_t i = 0; i < n_changed; i++) {
        if (*n > 0 && fixture_random(seed) % 40 < *n) {
            size_t k = fixture_random(seed) % *n;

            changed[i] = wishes[k];
            wishes[k] = wishes[--*n];
        } else {
            changed[i] = wishes[(*n)++] = a_wish(seed);
        }
    }
    return n_changed;
}

/* Claims of one Ingress on one host with one age may tie: their order of arrival decides then. */
static bool is_tied(const struct wish *wishes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct wish *a = &wishes[i], *b = &wishes[k];

            if (strcmp(a->host, b->host) == 0 && strcmp(a->ingress, b->ingress) == 0 &&
                strcmp(a->ns, b->ns) == 0 && a->created_s == b->created_s) {
                return true;
            }
        }
    }
    return false;
}

static void a_table_amended_again_and_again_is_what_a_whole_one_is(void **state)
{
    struct wish wishes[CLAIMS], before[CLAIMS], changed[8];
    struct table *t = whole(NULL, 0), *held[4] = {NULL};
    unsigned made = 0;
    uint64_t seed = 7;
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        size_t n_before = n, n_changed, slot = fixture_random(&seed) % ARRAY_LEN(held);
        struct table *next;

        memcpy(before, wishes, sizeof(before));
        n_changed = change(wishes, &n, changed, &seed);
        if (is_tied(wishes, n)) {
            memcpy(wishes, before, sizeof(before));
            n = n_before;
            continue;
        }
        next = amended(t, wishes, n, changed, n_changed);
        if (next == NULL) {
            assert_as_whole(t, wishes, n);
            continue;
        }
        made++;
        assert_as_whole(next, wishes, n);
        assert_true(fixture_drop(held[slot])); /* in any order */
        held[slot] = t;
        t = next;
        (void)registry_sweep(registry);
    }
    assert_true(made > 500);
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        assert_true(fixture_drop(held[i]));
    }
    (void)registry_sweep(registry);
    assert_as_whole(t, wishes, n);
    assert_true(fixture_drop(t));
    (void)registry_sweep(registry);
    assert_int_equal(registry_sweep(registry), 0);
}

/* Many more, one after the other: the indexes grow and shrink. */
static void a_table_grows_and_shrinks_host_by_host(void **state)
{
    static char names[300][16];
    static struct wish wishes[300];
    struct table *t = whole(NULL, 0);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "h%03zu.test", i * 37 % 300);
        wishes[i] = (struct wish){.host = names[i], .service = names[i]};
    }
    for (size_t k = 0; k < 2 * ARRAY_LEN(wishes); k++) {
        bool grows = k < ARRAY_LEN(wishes);
        size_t n = grows ? k + 1 : 2 * ARRAY_LEN(wishes) - k - 1;
        struct table *next = amended(t, wishes, n, &wishes[grows ? n - 1 : n], 1);

        assert_true(fixture_drop(t));
        t = next;
        assert_true(t->n_slots >= n + n / 4 && t->n_slots <= 3 * n + 2);
        if (k % 50 == 0) {
            assert_as_whole(t, wishes, n);
        }
    }
    assert_int_equal(t->n_routes, 0);
    assert_true(fixture_drop(t));
}

/* ---- in want -------------------------------------------------------------------------------- */

static const struct wish some[] = {
    {.host = "a.test", .ingress = "one", .created_s = 1, .service = "s1"},
    {.host = "a.test", .ingress = "two", .created_s = 2, .service = "s2"},
    {.host = "b.test", .service = "s3"},
    {.host = "c.test", .service = "s4", .endpoint = "192.0.2.9:443"},
    {.host = "d.test", .service = "s5", .endpoint = "192.0.2.8:443"},
};

static void amend_in_want(void *ctx)
{
    struct table *base = ctx, *t = NULL;
    const struct wish changed[] = {{.host = "b.test"}, {.host = "c.test"}, {.host = "d.test"}};
    int rc = amend(base, some + 0, 4, changed, 3, &t); /* d.test goes */

    assert_true(rc == 0 ? t != NULL : rc == -ENOMEM && t == NULL);
    assert_true(fixture_drop(t));
    (void)registry_sweep(registry);
    assert_int_equal(base->names->tables, 1);
    assert_int_equal(base->pages[0]->tables, 1);
    for (size_t i = 0; i < base->n_routes; i++) {
        assert_int_equal(base->routes[i].state->tables, 1);
    }
}

static void without_memory_the_base_is_as_it_was(void **state)
{
    const struct wish base_wishes[] = {some[0], some[1], some[2], some[4]};
    struct table *base = whole(base_wishes, 4);

    (void)state;
    assert_true(failalloc_torture(amend_in_want, base) > 30);
    assert_as_whole(base, base_wishes, 4);
    assert_true(fixture_drop(base));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_host_comes_and_goes),
        TEST(a_catch_all_comes_and_goes),
        TEST(where_hosts_come_to_the_same_there_is_no_table),
        TEST(a_table_without_routes_is_a_base_as_well),
        TEST(pages_without_a_change_are_shared),
        TEST(who_lost_and_what_nobody_serves_is_told),
        TEST(a_table_amended_again_and_again_is_what_a_whole_one_is),
        TEST(a_table_grows_and_shrinks_host_by_host),
        TEST(without_memory_the_base_is_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
