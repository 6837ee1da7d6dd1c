#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "registry_fixture.h"
#include "route_fixture.h"
#include "support/failalloc.h"

static struct netaddr addr_of(const char *text)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse(text, &a), 0);
    return a;
}

/* Losses as they were told, in order. */
struct losses {
    char text[4096];
    size_t n;
};

static void on_lost(void *ctx, const struct claim *loser, const struct claim *winner,
                    enum claim_loss why)
{
    struct losses *l = ctx;
    size_t len = strlen(l->text);

    l->n++;
    (void)snprintf(l->text + len, sizeof(l->text) - len, "%s %s/%s < %s/%s %d\n", loser->host,
                   loser->ns, loser->ingress, winner->ns, winner->ingress, (int)why);
}

/* Settle and freeze; the builder is gone when the table is looked at. */
static struct table *finish(struct table_builder *b, struct losses *l)
{
    struct table *t;

    assert_non_null(b);
    assert_int_equal(table_builder_settle(b, l != NULL ? on_lost : NULL, l), 0);
    t = table_builder_freeze(b, 7);
    assert_non_null(t);
    assert_int_equal(table_digest(t), table_builder_digest(b));
    table_builder_free(b);
    return t;
}

static void a_route_knows_who_it_is_and_where_it_leads(void **state)
{
    struct table *t = finish(fixture_builder(registry,
                                             &(struct wish){.host = "shop.test",
                                                            .ns = "store",
                                                            .ingress = "front",
                                                            .service = "till",
                                                            .endpoint = "198.51.100.7:8443"},
                                             1),
                             NULL);
    const struct route *r = fixture_lookup(t, "shop.test");
    const struct pool *pool = table_pool(t, r);
    char text[NETADDR_TEXT_MAX];

    (void)state;
    assert_string_equal(r->state->ns, "store");
    assert_string_equal(r->state->ingress, "front");
    assert_string_equal(r->state->service, "till");
    assert_string_equal(r->state->port, "https");
    assert_string_equal(pool->ns, "store");
    assert_string_equal(pool->service, "till");
    assert_string_equal(pool->port, "https");
    assert_int_equal(pool->n_endpoints, 1);
    assert_string_equal(netaddr_format(endpoint_addr(&pool->endpoints[0]), text),
                        "198.51.100.7:8443");
    assert_true(netaddr_equal(&endpoint_state(&pool->endpoints[0])->addr,
                              endpoint_addr(&pool->endpoints[0])));
    assert_int_equal(r->n_lost, 0);
    assert_int_equal(table_generation(t), 7);
    assert_true(fixture_drop(t));
}

static void a_pool_is_found_again(void **state)
{
    struct table_builder *b = table_builder_new(registry);
    struct builder_pool *pool;
    bool is_new = false;

    (void)state;
    pool = table_builder_pool(b, "shop", "svc", "https", &is_new);
    assert_true(pool != NULL && is_new);
    assert_ptr_equal(table_builder_pool(b, "shop", "svc", "https", &is_new), pool);
    assert_false(is_new);
    assert_true(table_builder_pool(b, "shop", "svc", "443", &is_new) != pool && is_new);
    assert_true(table_builder_pool(b, "shop", "svch", "ttps", &is_new) != pool && is_new);
    assert_true(table_builder_pool(b, "sho", "psvc", "https", &is_new) != pool && is_new);
    table_builder_free(b);
}

static void routes_to_one_service_port_share_its_pool(void **state)
{
    const struct wish wishes[] = {{.host = "a.test"},
                                  {.host = "b.test", .ingress = "other"},
                                  {.host = "c.test", .service = "x"}};
    struct table *t = finish(fixture_builder(registry, wishes, 3), NULL);

    (void)state;
    assert_ptr_equal(fixture_pool_of(t, "a.test"), fixture_pool_of(t, "b.test"));
    assert_true(fixture_pool_of(t, "a.test") != fixture_pool_of(t, "c.test"));
    assert_ptr_equal(endpoint_state(&fixture_pool_of(t, "a.test")->endpoints[0]),
                     endpoint_state(&fixture_pool_of(t, "c.test")->endpoints[0]));
    assert_true(fixture_drop(t));
}

/* A builder with one host and an empty pool behind it. */
static struct table_builder *builder_of_one(struct builder_pool **pool_out)
{
    struct table_builder *b = table_builder_new(registry);
    bool is_new;

    assert_non_null(b);
    *pool_out = table_builder_pool(b, "shop", "svc", "https", &is_new);
    assert_non_null(*pool_out);
    assert_int_equal(fixture_claim(b, &(struct wish){.host = "shop.test"}), 0);
    return b;
}

static void a_pool_without_endpoints_is_routed_to(void **state)
{
    struct builder_pool *pool;
    struct table *t = finish(builder_of_one(&pool), NULL);

    (void)state;
    assert_int_equal(fixture_pool_of(t, "shop.test")->n_endpoints, 0);
    assert_true(fixture_drop(t));
}

static void an_endpoint_is_kept_once_and_ready_if_it_ever_was(void **state)
{
    struct netaddr twice = addr_of("192.0.2.1:443"), once = addr_of("192.0.2.2:443");
    struct netaddr other_port = addr_of("192.0.2.1:444");
    const struct endpoint *e;
    struct builder_pool *pool;
    struct table_builder *b = builder_of_one(&pool);
    struct table *t;

    (void)state;
    assert_int_equal(table_builder_endpoint(b, pool, &once, true), 0);
    assert_int_equal(table_builder_endpoint(b, pool, &twice, true), 0);
    assert_int_equal(table_builder_endpoint(b, pool, &twice, false), 0);
    assert_int_equal(table_builder_endpoint(b, pool, &twice, true), 0);
    assert_int_equal(table_builder_endpoint(b, pool, &other_port, false), 0);
    t = finish(b, NULL);
    e = fixture_pool_of(t, "shop.test")->endpoints;
    assert_int_equal(fixture_pool_of(t, "shop.test")->n_endpoints, 3);
    assert_true(netaddr_equal(endpoint_addr(&e[0]), &twice) && !endpoint_is_terminating(&e[0]));
    assert_true(netaddr_equal(endpoint_addr(&e[1]), &other_port) &&
                !endpoint_is_terminating(&e[1]));
    assert_true(netaddr_equal(endpoint_addr(&e[2]), &once) && endpoint_is_terminating(&e[2]));
    assert_true(fixture_drop(t));
}

static struct netaddr nth_addr(uint32_t i)
{
    return (struct netaddr){
        .family = AF_INET,
        .port = 443,
        .ip.bytes = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
    };
}

static void a_pool_takes_no_more_than_its_limit(void **state)
{
    struct builder_pool *pool;
    struct table_builder *b = builder_of_one(&pool);
    struct table *t;
    struct netaddr a;

    (void)state;
    for (uint32_t i = 0; i < LIMIT_ENDPOINTS_PER_POOL; i++) {
        a = nth_addr(i);
        assert_int_equal(table_builder_endpoint(b, pool, &a, true), 0);
    }
    a = nth_addr(LIMIT_ENDPOINTS_PER_POOL);
    assert_int_equal(table_builder_endpoint(b, pool, &a, false), -ENOBUFS);
    for (uint32_t i = 0; i < LIMIT_ENDPOINTS_PER_POOL; i += 999) {
        a = nth_addr(i);
        assert_int_equal(table_builder_endpoint(b, pool, &a, false), 0); /* known already */
    }
    t = finish(b, NULL);
    assert_int_equal(fixture_pool_of(t, "shop.test")->n_endpoints, LIMIT_ENDPOINTS_PER_POOL);
    for (uint32_t i = 0; i < LIMIT_ENDPOINTS_PER_POOL; i++) {
        const struct endpoint *e = &fixture_pool_of(t, "shop.test")->endpoints[i];

        a = nth_addr(i);
        assert_true(netaddr_equal(endpoint_addr(e), &a) &&
                    endpoint_is_terminating(e) == (i % 999 != 0));
    }
    assert_true(fixture_drop(t));
}

/* Two hosts, two namespaces, every way to lose. */
static const struct wish contested[] = {
    {.host = "a.test", .ns = "n1", .ingress = "old", .created_s = 1, .service = "s1"},
    {.host = "a.test",
     .ns = "n1",
     .ingress = "mark",
     .created_s = 3,
     .service = "s2",
     .marked = true},
    {.host = "a.test", .ns = "n1", .ingress = "same", .created_s = 2, .service = "s2"},
    {.host = "a.test", .ns = "n1", .ingress = "young", .created_s = 4, .service = "s1"},
    {.host = "a.test", .ns = "n2", .ingress = "thief", .created_s = 2, .marked = true},
    {.host = "*.a.test", .ns = "n2", .ingress = "wild", .created_s = 9},
    {.host = "", .ns = "n2", .ingress = "all", .created_s = 2},
    {.host = "", .ns = "n1", .ingress = "all", .created_s = 2},
    {.host = "b.test", .ns = "n2", .ingress = "x", .created_s = INT64_MAX},
};

#define CONTESTED_LOSSES                                                                           \
    " n2/all < n1/all 0\n"                                                                         \
    "a.test n1/old < n1/mark 2\n"                                                                  \
    "a.test n1/same < n1/mark 3\n"                                                                 \
    "a.test n2/thief < n1/mark 0\n"                                                                \
    "a.test n1/young < n1/mark 1\n"

static void every_loss_is_told_and_kept(void **state)
{
    struct losses l = {.n = 0};
    struct table *t = finish(fixture_builder(registry, contested, ARRAY_LEN(contested)), &l);
    const struct route *r = fixture_lookup(t, "a.test");

    (void)state;
    assert_string_equal(l.text, CONTESTED_LOSSES);
    assert_string_equal(r->state->ingress, "mark");
    assert_int_equal(r->n_lost, 4);
    assert_string_equal(r->lost[0].ingress, "old");
    assert_string_equal(r->lost[0].service, "s1");
    assert_int_equal(r->lost[0].why, CLAIM_NOT_MARKED);
    assert_string_equal(r->lost[1].ingress, "same");
    assert_int_equal(r->lost[1].why, CLAIM_SAME_BACKEND);
    assert_string_equal(r->lost[2].ns, "n2");
    assert_string_equal(r->lost[2].port, "https");
    assert_int_equal(r->lost[2].why, CLAIM_OTHER_NAMESPACE);
    assert_int_equal(r->lost[3].why, CLAIM_OLDER_IN_NAMESPACE);
    assert_string_equal(table_catch_all(t)->state->ns, "n1");
    assert_int_equal(table_catch_all(t)->n_lost, 1);
    assert_string_equal(fixture_lookup(t, "x.a.test")->state->ns, "n2"); /* apart from a.test */
    assert_int_equal(fixture_lookup(t, "x.a.test")->n_lost, 0);
    assert_true(fixture_drop(t));
}

static void the_order_of_claims_changes_nothing(void **state)
{
    struct wish shuffled[ARRAY_LEN(contested)];
    uint64_t seed = 5, digest = 0;

    (void)state;
    memcpy(shuffled, contested, sizeof(shuffled));
    for (int round = 0; round < 200; round++) {
        struct losses l = {.n = 0};
        struct table *t = finish(fixture_builder(registry, shuffled, ARRAY_LEN(shuffled)), &l);

        assert_string_equal(l.text, CONTESTED_LOSSES);
        assert_true(round == 0 || table_digest(t) == digest);
        digest = table_digest(t);
        assert_true(fixture_drop(t));
        fixture_shuffle(shuffled, ARRAY_LEN(shuffled), &seed);
    }
}

static void keep_tags(void *ctx, const struct claim *loser, const struct claim *winner,
                      enum claim_loss why)
{
    void **tags = ctx;

    (void)why;
    tags[0] = loser->tag;
    tags[1] = winner->tag;
}

static void tags_come_back(void **state)
{
    char winner, loser;
    const struct wish wishes[] = {
        {.host = "a.test", .ns = "n2", .created_s = 2, .tag = &loser},
        {.host = "a.test", .ns = "n1", .created_s = 1, .tag = &winner},
    };
    void *tags[2] = {NULL, NULL};
    struct table_builder *b = fixture_builder(registry, wishes, 2);

    (void)state;
    assert_int_equal(table_builder_settle(b, keep_tags, tags), 0);
    assert_ptr_equal(tags[0], &loser);
    assert_ptr_equal(tags[1], &winner);
    table_builder_free(b);
}

static void a_builder_thrown_away_takes_no_states(void **state)
{
    struct table_builder *b = fixture_builder(registry, contested, ARRAY_LEN(contested));
    struct table *t;

    (void)state;
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    table_builder_free(b);
    assert_int_equal(registry_sweep(registry), 0);
    t = finish(fixture_builder(registry, contested, ARRAY_LEN(contested)), NULL);
    assert_true(fixture_drop(t));
    assert_int_equal(registry_sweep(registry), 5); /* four hosts, one endpoint */
    table_builder_free(NULL);
}

static void note_unserved(void *ctx, const char *ns, const char *service)
{
    char *text = ctx;
    size_t len = strlen(text);

    (void)snprintf(text + len, 128 - len, "%s/%s ", ns, service);
}

static void pools_that_no_route_leads_to_are_told_of(void **state)
{
    struct table_builder *b = fixture_builder(registry, contested, ARRAY_LEN(contested));
    char text[128] = "";

    (void)state;
    assert_non_null(fixture_pool(b, &(struct wish){.service = "unclaimed"}));
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    table_builder_unserved(b, note_unserved, text);
    assert_string_equal(text, "shop/unclaimed n1/s1 "); /* two lost with s1; others won with s2 */
    table_builder_free(b);
}

static void add_endpoints(struct table_builder *b, const struct wish *w, unsigned n, bool *ok)
{
    struct builder_pool *pool = fixture_pool(b, w);

    *ok = pool != NULL;
    for (unsigned i = 0; i < n && *ok; i++) {
        struct netaddr a = nth_addr(i);

        *ok = table_builder_endpoint(b, pool, &a, false) == 0;
    }
}

/* Build next to a table that serves: either a new table comes of it, or nothing has changed. */
static void build_next_to(void *ctx)
{
    struct table *serving = ctx;
    const struct route *r = fixture_lookup(serving, "a.test");
    uint32_t route_tables = r->state->tables;
    const struct endpoint_state *endpoint = endpoint_state(&table_pool(serving, r)->endpoints[0]);
    uint32_t endpoint_tables = endpoint->tables;
    struct table_builder *b = fixture_builder(registry, contested, ARRAY_LEN(contested));
    struct losses l = {.n = 0};
    struct table *t = NULL;
    bool ok = false;

    if (b != NULL) {
        add_endpoints(b, &contested[1], 40, &ok);
    }
    if (ok && table_builder_settle(b, on_lost, &l) == 0) {
        assert_int_equal(l.n, 5);
        t = table_builder_freeze(b, 2);
    } else {
        assert_int_equal(l.n, 0); /* nothing is told of what does not come to be */
    }
    table_builder_free(b);
    assert_int_equal(fixture_drop(t), true);
    (void)registry_sweep(registry);
    assert_ptr_equal(fixture_lookup(serving, "a.test"), r);
    assert_string_equal(r->host, "a.test");
    assert_int_equal(r->state->tables, route_tables);
    assert_int_equal(endpoint->tables, endpoint_tables);
}

static void without_memory_the_last_table_serves_on(void **state)
{
    struct table *t = finish(fixture_builder(registry, contested, 1), NULL);

    (void)state;
    assert_in_range(failalloc_torture(build_next_to, t), 50, 1000);
    assert_true(fixture_drop(t));
    assert_int_equal(registry_sweep(registry), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_route_knows_who_it_is_and_where_it_leads),
        TEST(a_pool_is_found_again),
        TEST(routes_to_one_service_port_share_its_pool),
        TEST(a_pool_without_endpoints_is_routed_to),
        TEST(an_endpoint_is_kept_once_and_ready_if_it_ever_was),
        TEST(a_pool_takes_no_more_than_its_limit),
        TEST(every_loss_is_told_and_kept),
        TEST(the_order_of_claims_changes_nothing),
        TEST(tags_come_back),
        TEST(a_builder_thrown_away_takes_no_states),
        TEST(pools_that_no_route_leads_to_are_told_of),
        TEST(without_memory_the_last_table_serves_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
