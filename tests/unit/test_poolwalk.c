#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../src/route/poolwalk_priv.h"
#include "../../src/route/table_priv.h"
#include "poolrow.h"
#include "registry_fixture.h"
#include "route/poolwalk.h"

struct texts {
    const char *ns, *service, *port;
};

/* Told in no order; names that begin alike, and one name in several namespaces. */
static const struct texts rows[] = {
    {"b", "web", "443"}, {"a", "web", "80"},  {"a", "api", "443"},
    {"a", "web", "443"}, {"a", "we", "b443"}, {"a", "web", "443/cluster-ip"},
    {"c", "web", "443"}, {"a", "webb", "1"},  {"ab", "web", "443"},
};

#define ROWS ARRAY_LEN(rows)

/* The i-th pool, behind a host of its own. */
static void add(struct table_builder *b, size_t i, const struct texts *texts)
{
    struct claim c = {.ns = texts->ns, .ingress = "i"};
    char host[16];
    bool is_new;

    (void)snprintf(host, sizeof(host), "h%zu.test", i);
    c.host = host;
    c.pool = table_builder_pool(b, texts->ns, texts->service, texts->port, &is_new);
    assert_non_null(c.pool);
    assert_int_equal(table_builder_claim(b, &c), 0);
}

/* The table of a builder, which goes. */
static struct table *frozen(struct table_builder *b)
{
    struct table *t;

    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    t = table_builder_freeze(b, 1);
    table_builder_free(b);
    assert_non_null(t);
    return t;
}

/* A table with the first of these pools. */
static struct table *table_of(size_t n)
{
    struct table_builder *b = table_builder_new(registry);

    for (size_t i = 0; i < n; i++) {
        add(b, i, &rows[i]);
    }
    return frozen(b);
}

static int compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* The ports that a walk finds, sorted, each with a blank behind it. */
static const char *ports_of(struct table *t, const char *ns, const char *service)
{
    static char text[8 * 16];
    char ports[8][15] = {""};
    const struct pool *p;
    struct poolwalk w;
    size_t n = 0;

    text[0] = '\0';
    poolwalk_begin(&w, t, ns, service);
    while ((p = poolwalk_next(&w)) != NULL) {
        assert_string_equal(p->ns, ns);
        assert_string_equal(p->service, service);
        assert_true(n < ARRAY_LEN(ports));
        (void)snprintf(ports[n++], sizeof(ports[0]), "%s", p->port);
    }
    qsort(ports, n, sizeof(ports[0]), compare);
    for (size_t i = 0; i < n; i++) {

        (void)strcat(strcat(text, ports[i]), " ");
    }
    assert_null(poolwalk_next(&w));
    return text;
}

static void the_pools_of_a_service_are_found(void **state)
{
    struct table *t = table_of(ROWS);

    (void)state;
    assert_string_equal(ports_of(t, "a", "web"), "443 443/cluster-ip 80 ");
    assert_string_equal(ports_of(t, "b", "web"), "443 ");
    assert_string_equal(ports_of(t, "ab", "web"), "443 ");
    assert_string_equal(ports_of(t, "a", "we"), "b443 ");
    assert_string_equal(ports_of(t, "a", "api"), "443 "); /* the first of all */
    assert_string_equal(ports_of(t, "a", "webb"), "1 ");  /* and the last */
    assert_true(fixture_drop(t));
}

static void a_service_without_pool_is_walked_over_in_no_step(void **state)
{
    struct table *t = table_of(ROWS), *empty = table_of(0);

    (void)state;
    assert_string_equal(ports_of(t, "b", "api"), "");
    assert_string_equal(ports_of(t, "a", "aaa"), "");
    assert_string_equal(ports_of(t, "a", "zzz"), "");
    assert_string_equal(ports_of(t, "", "web"), "");
    assert_string_equal(ports_of(t, "d", "web"), "");
    assert_string_equal(ports_of(empty, "a", "web"), "");
    assert_true(fixture_drop(t));
    assert_true(fixture_drop(empty));
}

static void every_pool_is_found_at_its_place_and_no_other(void **state)
{
    struct table *t = table_of(ROWS);
    uint32_t place = 99;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(poolwalk_find(t, rows[i].ns, rows[i].service, rows[i].port, &place));
        assert_int_equal(place, i); /* hosts, and so places, are in this order */
    }
    place = 99;
    assert_false(poolwalk_find(t, "a", "web", "44", &place));
    assert_false(poolwalk_find(t, "a", "web", "8000", &place));
    assert_false(poolwalk_find(t, "c", "web", "80", &place));
    assert_false(poolwalk_find(t, "a", "webc", "443", &place));
    assert_false(poolwalk_find(t, "a", "a", "443", &place));
    assert_int_equal(place, 99);
    assert_true(fixture_drop(t));
}

static void pools_on_several_pages_are_found(void **state)
{
    struct poolrow row = {.n = POOLROW_MAX};
    struct table *t = poolrow_table(registry, &row);
    char service[16];
    uint32_t place;

    (void)state;
    for (unsigned i = 0; i < row.n; i++) {
        (void)snprintf(service, sizeof(service), "s%03u", i);
        assert_true(poolwalk_find(t, "shop", service, "443", &place));
        assert_int_equal(place, i);
        assert_string_equal(ports_of(t, "shop", service), "443 ");
    }
    assert_true(fixture_drop(t));
}

/* A table of so many ports of one Service. */
static struct table *table_of_ports(unsigned n)
{
    struct table_builder *b = table_builder_new(registry);

    for (unsigned i = 0; i < n; i++) {
        char port[16];

        (void)snprintf(port, sizeof(port), "%u", i);
        add(b, i, &(struct texts){"shop", "web", port});
    }
    return frozen(b);
}

/* The most steps that poolwalk_find() takes. */
static size_t longest_chain(const struct table_names *n)
{
    size_t longest = 0;

    for (uint32_t i = 0; i < n->n_pool_slots; i++) {
        size_t len = 0;

        for (uint32_t at = n->by_pool.heads[i]; at != 0; at = n->by_pool.links[at - 1].next) {
            len++;
        }
        longest = len > longest ? len : longest;
    }
    return longest;
}

/* Whoever makes a Service of many ports must not make all searches long. */
static void the_ports_of_one_service_are_found_without_passing_the_others(void **state)
{
    struct table *t = table_of_ports(2000);
    struct poolwalk w;
    uint32_t place;
    size_t n = 0;

    (void)state;
    assert_in_range(longest_chain(t->names), 1, 12);
    assert_true(poolwalk_find(t, "shop", "web", "1999", &place));
    assert_false(poolwalk_find(t, "shop", "web", "2000", &place));
    poolwalk_begin(&w, t, "shop", "web");
    while (poolwalk_next(&w) != NULL) {
        n++;
    }
    assert_int_equal(n, 2000);
    assert_true(fixture_drop(t));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_pools_of_a_service_are_found),
        TEST(a_service_without_pool_is_walked_over_in_no_step),
        TEST(every_pool_is_found_at_its_place_and_no_other),
        TEST(pools_on_several_pages_are_found),
        TEST(the_ports_of_one_service_are_found_without_passing_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
