#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "registry_fixture.h"
#include "route_fixture.h"

static uint64_t digest_of(const struct wish *wishes, size_t n)
{
    struct table_builder *b = fixture_builder(registry, wishes, n);
    uint64_t digest;

    assert_non_null(b);
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    digest = table_builder_digest(b);
    table_builder_free(b);
    return digest;
}

static const struct wish base[] = {
    {.host = "a.test", .ingress = "one", .created_s = 1, .service = "s1"},
    {.host = "a.test", .ingress = "two", .created_s = 2, .service = "s2"},
    {.host = "a.test", .ingress = "three", .created_s = 3, .service = "s3"},
    {.host = "a.test", .ns = "other", .ingress = "four", .created_s = 4, .service = "s4"},
    {.host = "b.test", .ingress = "one", .created_s = 1, .service = "s1"},
};

#define N ARRAY_LEN(base)

/* The digest of `base` with claim `i` replaced. */
static uint64_t with(size_t i, struct wish w)
{
    struct wish changed[N];

    memcpy(changed, base, sizeof(changed));
    changed[i] = w;
    return digest_of(changed, N);
}

static void equal_content_has_an_equal_digest(void **state)
{
    struct wish shuffled[N];
    uint64_t want = digest_of(base, N), seed = 3;

    (void)state;
    memcpy(shuffled, base, sizeof(shuffled));
    for (int i = 0; i < 50; i++) {
        fixture_shuffle(shuffled, N, &seed);
        assert_true(digest_of(shuffled, N) == want);
    }
}

static void every_text_of_a_winner_counts(void **state)
{
    uint64_t d = digest_of(base, N);

    (void)state;
    assert_true(with(4, base[4]) == d);
    assert_true(with(4, (struct wish){.host = "c.test", .ingress = "one", .service = "s1"}) != d);
    assert_true(with(4, (struct wish){.host = "*.b.test", .ingress = "one", .service = "s1"}) != d);
    assert_true(with(4, (struct wish){.host = "", .ingress = "one", .service = "s1"}) != d);
    assert_true(with(4, (struct wish){.host = "b.test", .ingress = "on", .service = "s1"}) != d);
    assert_true(with(4, (struct wish){.host = "b.test", .ingress = "one", .service = "s2"}) != d);
    assert_true(
        with(4, (struct wish){
                    .host = "b.test", .ns = "shop2", .ingress = "one", .service = "s1"}) != d);
    assert_true(digest_of(base, N - 1) != d);
}

static void every_loser_counts(void **state)
{
    uint64_t d = digest_of(base, N);
    struct wish w;

    (void)state;
    w = base[1];
    w.ingress = "zwo";
    assert_true(with(1, w) != d);
    w = base[1];
    w.service = "s1"; /* the same backend: another reason, too */
    assert_true(with(1, w) != d);
    w.service = "s3";
    assert_true(with(1, w) != d);
    w = base[3];
    w.ns = "others";
    assert_true(with(3, w) != d);
    w = base[3];
    w.host = "b.test"; /* loses another host */
    assert_true(with(3, w) != d);
}

static void why_a_claim_lost_counts(void **state)
{
    const struct wish plain[] = {
        {.host = "a.test", .ingress = "one", .created_s = 1, .service = "s1"},
        {.host = "a.test", .ingress = "two", .created_s = 2, .service = "s2", .marked = true},
    };
    const struct wish swapped[] = {
        {.host = "a.test", .ingress = "one", .created_s = 3, .service = "s1"},
        {.host = "a.test", .ingress = "two", .created_s = 2, .service = "s2", .marked = true},
    };

    (void)state;
    /* Two wins both times: over an older claim for its mark, or over a younger one. */
    assert_true(digest_of(plain, 2) != digest_of(swapped, 2));
}

static void what_decides_nothing_does_not_count(void **state)
{
    uint64_t d = digest_of(base, N);
    struct wish w;

    (void)state;
    w = base[4];
    w.created_s = 7;
    assert_true(with(4, w) == d); /* alone on its host */
    w.marked = true;
    assert_true(with(4, w) == d);
    w = base[2];
    w.created_s = 2; /* now before "two", by name */
    assert_true(with(2, w) != d);
    w.created_s = 50; /* now behind "four" */
    assert_true(with(2, w) != d);
    w = base[0];
    w.tag = &w;
    assert_true(with(0, w) == d);
}

/* The digest of one route to a pool with these endpoints; a leading '-' marks a terminating one. */
static uint64_t with_endpoints(const char *const texts[])
{
    struct table_builder *b = table_builder_new(registry);
    struct wish w = {.host = "a.test"};
    struct builder_pool *pool;
    struct netaddr addr;
    uint64_t digest;
    bool is_new;

    assert_non_null(b);
    pool = table_builder_pool(b, "shop", "svc", "https", &is_new);
    assert_non_null(pool);
    for (; *texts != NULL; texts++) {
        bool terminating = **texts == '-';

        assert_int_equal(netaddr_parse(*texts + terminating, &addr), 0);
        assert_int_equal(table_builder_endpoint(b, pool, &addr, terminating), 0);
    }
    assert_int_equal(fixture_claim(b, &w), 0);
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    digest = table_builder_digest(b);
    table_builder_free(b);
    return digest;
}

#define ENDPOINTS(...) with_endpoints((const char *const[]){__VA_ARGS__, NULL})

/* The digest of one route to this port of a Service. */
static uint64_t with_port(const char *port)
{
    struct table_builder *b = table_builder_new(registry);
    struct claim c = {.host = "a.test", .ns = "shop", .ingress = "web"};
    uint64_t digest;
    bool is_new;

    assert_non_null(b);
    c.pool = table_builder_pool(b, "shop", "svc", port, &is_new);
    assert_int_equal(table_builder_claim(b, &c), 0);
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    digest = table_builder_digest(b);
    table_builder_free(b);
    return digest;
}

static void the_port_counts(void **state)
{
    (void)state;
    assert_true(with_port("443") == with_port("443"));
    assert_true(with_port("443") != with_port("444"));
    assert_true(with_port("443") != with_port("443/cluster-ip"));
}

static void every_endpoint_counts_but_not_their_order(void **state)
{
    uint64_t d = ENDPOINTS("192.0.2.1:443", "192.0.2.2:443", "[2001:db8::1]:443");

    (void)state;
    assert_true(ENDPOINTS("[2001:db8::1]:443", "192.0.2.2:443", "192.0.2.1:443") == d);
    assert_true(ENDPOINTS("192.0.2.1:443", "192.0.2.2:443") != d);
    assert_true(ENDPOINTS("192.0.2.1:443", "192.0.2.3:443", "[2001:db8::1]:443") != d);
    assert_true(ENDPOINTS("192.0.2.1:443", "192.0.2.2:444", "[2001:db8::1]:443") != d);
    assert_true(ENDPOINTS("192.0.2.1:443", "192.0.2.2:443", "[2001:db8::2]:443") != d);
    assert_true(ENDPOINTS("192.0.2.1:443", "-192.0.2.2:443", "[2001:db8::1]:443") != d);
    assert_true(ENDPOINTS(NULL) != d);
}

static void a_pool_that_nobody_wins_with_does_not_count(void **state)
{
    struct table_builder *b = fixture_builder(registry, base, N);
    struct wish loser = {.service = "s2", .endpoint = "198.51.100.9:1"};
    struct netaddr more = {.family = AF_INET, .port = 1, .ip.bytes = {198, 51, 100, 9}};
    bool is_new;

    (void)state;
    assert_non_null(b);
    assert_non_null(table_builder_pool(b, "shop", "unused", "https", &is_new));
    assert_int_equal(table_builder_endpoint(b, fixture_pool(b, &loser), &more, false), 0);
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    assert_true(table_builder_digest(b) == digest_of(base, N));
    table_builder_free(b);
}

/* Far more than one block, so that changes fall on every place of one. */
static void no_change_is_lost_among_many_hosts(void **state)
{
    enum { HOSTS = 400 };
    static char hosts[HOSTS][24];
    static struct wish wishes[HOSTS];
    uint64_t d;

    (void)state;
    for (int i = 0; i < HOSTS; i++) {
        (void)snprintf(hosts[i], sizeof(hosts[i]), "h%d.test", i);
        wishes[i] = (struct wish){.host = hosts[i]};
    }
    d = digest_of(wishes, HOSTS);
    for (int i = 0; i < HOSTS; i++) {
        wishes[i].ingress = "wbe";
        assert_true(digest_of(wishes, HOSTS) != d);
        wishes[i].ingress = NULL;
    }
    assert_true(digest_of(wishes, HOSTS) == d);
}

static void another_registry_has_another_key(void **state)
{
    uint64_t d = digest_of(base, N);

    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
    assert_true(digest_of(base, N) != d);
}

static void the_frozen_table_has_the_same_digest(void **state)
{
    struct table *t = fixture_table(registry, base, N);

    (void)state;
    assert_non_null(t);
    assert_true(table_digest(t) == digest_of(base, N));
    assert_true(fixture_drop(t));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_content_has_an_equal_digest),
        TEST(every_text_of_a_winner_counts),
        TEST(every_loser_counts),
        TEST(why_a_claim_lost_counts),
        TEST(what_decides_nothing_does_not_count),
        TEST(the_port_counts),
        TEST(every_endpoint_counts_but_not_their_order),
        TEST(a_pool_that_nobody_wins_with_does_not_count),
        TEST(no_change_is_lost_among_many_hosts),
        TEST(another_registry_has_another_key),
        TEST(the_frozen_table_has_the_same_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
