#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "registry_fixture.h"
#include "route/hostname.h"
#include "route_fixture.h"
#include "support/failalloc.h"

/* A table that serves these hosts, up to a NULL. */
static struct table *table_of(const char *const hosts[])
{
    struct wish wishes[16];
    struct table *t;
    size_t n = 0;

    for (; hosts[n] != NULL; n++) {
        wishes[n] = (struct wish){.host = hosts[n]};
    }
    t = fixture_table(registry, wishes, n);
    assert_non_null(t);
    return t;
}

#define TABLE_OF(...) table_of((const char *const[]){__VA_ARGS__, NULL})

static void assert_match(const struct table *t, const char *name, enum table_match want,
                         const char *host)
{
    enum table_match got = (enum table_match)99;
    const struct route *r = table_lookup(t, name, strlen(name), &got);

    assert_int_equal(got, want);
    if (host == NULL) {
        assert_null(r);
    } else {
        assert_non_null(r);
        assert_string_equal(r->host, host);
    }
}

static void exact_name_comes_before_wildcard_before_catch_all(void **state)
{
    struct table *t = TABLE_OF("", "*.shop.test", "api.shop.test");

    (void)state;
    assert_match(t, "api.shop.test", TABLE_EXACT, "api.shop.test");
    assert_match(t, "www.shop.test", TABLE_WILDCARD, "*.shop.test");
    assert_match(t, "shop.test", TABLE_CATCH_ALL, "");
    assert_match(t, "other.example", TABLE_CATCH_ALL, "");
    assert_string_equal(table_catch_all(t)->host, "");
    assert_true(fixture_drop(t));
}

static void wildcard_covers_exactly_one_label(void **state)
{
    struct table *t = TABLE_OF("*.shop.test", "api.shop.test");

    (void)state;
    assert_match(t, "www.shop.test", TABLE_WILDCARD, "*.shop.test");
    assert_match(t, "api.shop.test", TABLE_EXACT, "api.shop.test");
    assert_match(t, "a.b.shop.test", TABLE_NO_MATCH, NULL);
    assert_match(t, "x.api.shop.test", TABLE_NO_MATCH, NULL);
    assert_match(t, "shop.test", TABLE_NO_MATCH, NULL);
    assert_match(t, ".shop.test", TABLE_NO_MATCH, NULL);
    assert_match(t, "wwwshop.test", TABLE_NO_MATCH, NULL);
    assert_match(t, "test", TABLE_NO_MATCH, NULL);
    assert_true(fixture_drop(t));
}

static void a_pattern_is_not_found_as_a_name(void **state)
{
    struct table *t = TABLE_OF("*.shop.test");

    (void)state;
    /* The one label is "*"; hostname_normalise() refuses it, and it names no other route. */
    assert_match(t, "*.shop.test", TABLE_WILDCARD, "*.shop.test");
    assert_match(t, "*.*.shop.test", TABLE_NO_MATCH, NULL);
    assert_match(t, "", TABLE_NO_MATCH, NULL);
    assert_match(t, ".", TABLE_NO_MATCH, NULL);
    assert_true(fixture_drop(t));
}

static void the_narrower_wildcard_is_the_only_one_that_fits(void **state)
{
    struct table *t = TABLE_OF("*.test", "*.shop.test");

    (void)state;
    assert_match(t, "shop.test", TABLE_WILDCARD, "*.test");
    assert_match(t, "www.shop.test", TABLE_WILDCARD, "*.shop.test");
    assert_match(t, "www.other.test", TABLE_NO_MATCH, NULL);
    assert_true(fixture_drop(t));
}

static void names_end_where_their_length_says(void **state)
{
    struct table *t = TABLE_OF("shop.test", "*.shop.test");
    enum table_match match;

    (void)state;
    assert_non_null(table_lookup(t, "shop.testing", 9, &match));
    assert_int_equal(match, TABLE_EXACT);
    assert_null(table_lookup(t, "shop.testing", 12, &match));
    assert_null(table_lookup(t, "shop.test", 8, &match));
    assert_non_null(table_lookup(t, "a.shop.test.example", 11, &match));
    assert_int_equal(match, TABLE_WILDCARD);
    assert_true(fixture_drop(t));
}

static void an_empty_table_matches_nothing(void **state)
{
    struct table *t = fixture_table(registry, NULL, 0);
    size_t n = 99;

    (void)state;
    assert_non_null(t);
    assert_match(t, "shop.test", TABLE_NO_MATCH, NULL);
    assert_null(table_catch_all(t));
    (void)table_routes(t, &n);
    assert_int_equal(n, 0);
    assert_true(fixture_drop(t));
}

static void a_catch_all_alone_answers_everything(void **state)
{
    struct table *t = TABLE_OF("");

    (void)state;
    assert_match(t, "shop.test", TABLE_CATCH_ALL, "");
    assert_match(t, "", TABLE_CATCH_ALL, "");
    assert_true(fixture_drop(t));
}

static void every_one_of_many_hosts_is_found(void **state)
{
    enum { HOSTS = 4000 };
    struct wish *wishes = calloc(HOSTS, sizeof(*wishes));
    char(*hosts)[40] = calloc(HOSTS, sizeof(*hosts));
    struct table *t;

    (void)state;
    assert_true(wishes != NULL && hosts != NULL);
    for (int i = 0; i < HOSTS; i++) {
        (void)snprintf(hosts[i], sizeof(hosts[i]), i % 4 == 0 ? "*.z%d.test" : "z%d.test", i);
        wishes[i] = (struct wish){.host = hosts[i]};
    }
    t = fixture_table(registry, wishes, HOSTS);
    assert_non_null(t);
    for (int i = 0; i < HOSTS; i++) {
        char name[60];

        (void)snprintf(name, sizeof(name), "%s.z%d.test", "www", i);
        assert_match(t, name, i % 4 == 0 ? TABLE_WILDCARD : TABLE_NO_MATCH,
                     i % 4 == 0 ? hosts[i] : NULL);
        assert_match(t, name + 4, i % 4 == 0 ? TABLE_NO_MATCH : TABLE_EXACT,
                     i % 4 == 0 ? NULL : hosts[i]);
    }
    assert_true(table_bytes(t) < 60 * (size_t)HOSTS); /* a shared pool: a route and its slot */
    assert_true(fixture_drop(t));
    free(wishes);
    free(hosts);
}

static void routes_are_sorted_with_the_catch_all_first(void **state)
{
    static const char *const want[] = {"", "*.a.test", "*.b.test", "a.test", "aa.test", "b.test"};
    struct table *t = TABLE_OF("b.test", "*.b.test", "aa.test", "", "a.test", "*.a.test");
    const struct route *routes;
    size_t n;

    (void)state;
    routes = table_routes(t, &n);
    assert_int_equal(n, ARRAY_LEN(want));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(routes[i].host, want[i]);
        assert_string_equal(routes[i].state->host, want[i]);
    }
    assert_true(fixture_drop(t));
}

static void a_lookup_allocates_nothing(void **state)
{
    struct table *t = TABLE_OF("", "*.shop.test", "api.shop.test");

    (void)state;
    failalloc_arm(1);
    assert_match(t, "api.shop.test", TABLE_EXACT, "api.shop.test");
    assert_match(t, "www.shop.test", TABLE_WILDCARD, "*.shop.test");
    assert_match(t, "no", TABLE_CATCH_ALL, "");
    assert_false(failalloc_disarm());
    assert_true(fixture_drop(t));
}

static void a_held_table_is_not_freed(void **state)
{
    struct table *t = TABLE_OF("shop.test");

    (void)state;
    assert_false(table_free_if_unused(t));
    assert_ptr_equal(table_ref(t), t);
    table_unref(t);
    assert_false(table_free_if_unused(t));
    table_unref(t);
    assert_true(table_free_if_unused(t));
    table_unref(NULL);
}

static void a_freed_table_gives_its_states_back(void **state)
{
    struct table *t = TABLE_OF("shop.test", "api.shop.test");

    (void)state;
    assert_int_equal(registry_sweep(registry), 0);
    assert_true(fixture_drop(t));
    assert_int_equal(registry_sweep(registry), 3); /* two routes, one endpoint */
}

static void two_tables_share_their_states(void **state)
{
    struct table *old = TABLE_OF("shop.test", "gone.test"), *new = TABLE_OF("shop.test");

    (void)state;
    assert_ptr_equal(fixture_lookup(old, "shop.test")->state,
                     fixture_lookup(new, "shop.test")->state);
    assert_true(fixture_drop(old));
    assert_int_equal(registry_sweep(registry), 1); /* gone.test */
    assert_string_equal(fixture_lookup(new, "shop.test")->host, "shop.test");
    assert_true(fixture_drop(new));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exact_name_comes_before_wildcard_before_catch_all),
        TEST(wildcard_covers_exactly_one_label),
        TEST(a_pattern_is_not_found_as_a_name),
        TEST(the_narrower_wildcard_is_the_only_one_that_fits),
        TEST(names_end_where_their_length_says),
        TEST(an_empty_table_matches_nothing),
        TEST(a_catch_all_alone_answers_everything),
        TEST(every_one_of_many_hosts_is_found),
        TEST(routes_are_sorted_with_the_catch_all_first),
        TEST(a_lookup_allocates_nothing),
        TEST(a_held_table_is_not_freed),
        TEST(a_freed_table_gives_its_states_back),
        TEST(two_tables_share_their_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
