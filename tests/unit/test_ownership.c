#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "../../src/route/ownership_priv.h"
#include "route_fixture.h"
#include "support/failalloc.h"

#define MAX_CLAIMS 400

/* Pools are only compared here, never looked into: distinct addresses will do. */
static char pools[8];

struct set {
    struct ownership_claim claims[MAX_CLAIMS];
    struct ownership_item items[MAX_CLAIMS];
    size_t n;
};

static struct set *set;

static int setup(void **state)
{
    (void)state;
    set = calloc(1, sizeof(*set));
    return set != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(set);
    return 0;
}

static struct builder_pool *pool(size_t i)
{
    return (struct builder_pool *)(void *)&pools[i];
}

static void add(struct claim c)
{
    set->claims[set->n].claim = c;
    set->claims[set->n].serial = set->n;
    set->items[set->n] = ownership_item(&set->claims[set->n]);
    set->n++;
}

#define ADD(...) add((struct claim){__VA_ARGS__})

static struct ownership_host settle(void)
{
    assert_int_equal(ownership_sort(set->items, set->n), 0);
    return ownership_settle(set->items, set->n);
}

/* What became of the claim with this tag: -1 won or the winner's again, or why it lost. */
static int fate(const struct ownership_host *h, const void *tag)
{
    enum claim_loss why;

    for (size_t i = 0; i < h->n; i++) {
        if (h->items[i].claim->claim.tag == tag) {
            return ownership_is_lost(h, i, &why) ? (int)why : -1;
        }
    }
    return -2;
}

static char tags[8];

static void the_oldest_claim_wins(void **state)
{
    struct ownership_host h;

    (void)state;
    ADD(.host = "h", .ns = "a", .ingress = "x", .created_s = 20, .pool = pool(0));
    ADD(.host = "h", .ns = "b", .ingress = "x", .created_s = 10, .pool = pool(1));
    ADD(.host = "h", .ns = "a", .ingress = "y", .created_s = INT64_MAX, .pool = pool(2));
    h = settle();
    assert_int_equal(h.n, 3);
    assert_string_equal(ownership_winner(&h)->ns, "b");
}

static void equal_ages_are_told_apart_by_namespace_then_name(void **state)
{
    struct ownership_host h;

    (void)state;
    ADD(.host = "h", .ns = "b", .ingress = "a", .pool = pool(0));
    ADD(.host = "h", .ns = "a", .ingress = "z", .pool = pool(1));
    ADD(.host = "h", .ns = "a", .ingress = "y", .pool = pool(2));
    h = settle();
    assert_string_equal(ownership_winner(&h)->ns, "a");
    assert_string_equal(ownership_winner(&h)->ingress, "y");
}

static void the_mark_decides_within_the_owning_namespace_only(void **state)
{
    struct ownership_host h;

    (void)state;
    ADD(.host = "h", .ns = "a", .ingress = "old", .created_s = 1, .pool = pool(0), .tag = &tags[0]);
    ADD(.host = "h", .ns = "b", .ingress = "x", .created_s = 2, .marked = true, .pool = pool(1),
        .tag = &tags[1]);
    ADD(.host = "h", .ns = "a", .ingress = "m1", .created_s = 3, .marked = true, .pool = pool(2),
        .tag = &tags[2]);
    ADD(.host = "h", .ns = "a", .ingress = "m2", .created_s = 4, .marked = true, .pool = pool(3),
        .tag = &tags[3]);
    ADD(.host = "h", .ns = "a", .ingress = "new", .created_s = 5, .pool = pool(4), .tag = &tags[4]);
    ADD(.host = "h", .ns = "b", .ingress = "y", .created_s = 6, .pool = pool(2), .tag = &tags[5]);
    h = settle();
    assert_string_equal(ownership_winner(&h)->ingress, "m1");
    assert_int_equal(fate(&h, &tags[0]), CLAIM_NOT_MARKED);
    assert_int_equal(fate(&h, &tags[1]), CLAIM_OTHER_NAMESPACE);
    assert_int_equal(fate(&h, &tags[2]), -1);
    assert_int_equal(fate(&h, &tags[3]), CLAIM_OLDER_IN_NAMESPACE);
    assert_int_equal(fate(&h, &tags[4]), CLAIM_OLDER_IN_NAMESPACE); /* younger anyway */
    assert_int_equal(fate(&h, &tags[5]), CLAIM_OTHER_NAMESPACE);    /* even with that pool */
}

static void the_same_backend_is_no_conflict(void **state)
{
    struct ownership_host h;

    (void)state;
    ADD(.host = "h", .ns = "a", .ingress = "old", .created_s = 1, .pool = pool(0), .tag = &tags[0]);
    ADD(.host = "h", .ns = "a", .ingress = "mark", .created_s = 2, .marked = true, .pool = pool(0),
        .tag = &tags[1]);
    ADD(.host = "h", .ns = "a", .ingress = "new", .created_s = 3, .pool = pool(0), .tag = &tags[2]);
    h = settle();
    assert_int_equal(fate(&h, &tags[0]), CLAIM_SAME_BACKEND);
    assert_int_equal(fate(&h, &tags[1]), -1);
    assert_int_equal(fate(&h, &tags[2]), CLAIM_SAME_BACKEND);
}

static void one_ingress_twice_loses_only_with_another_pool(void **state)
{
    struct ownership_host h;

    (void)state;
    ADD(.host = "h", .ns = "a", .ingress = "x", .pool = pool(0), .tag = &tags[0]);
    ADD(.host = "h", .ns = "a", .ingress = "x", .pool = pool(0), .tag = &tags[1]);
    ADD(.host = "h", .ns = "a", .ingress = "x", .pool = pool(1), .tag = &tags[2]);
    ADD(.host = "h", .ns = "b", .ingress = "y", .pool = pool(2), .tag = &tags[3]);
    ADD(.host = "h", .ns = "b", .ingress = "y", .pool = pool(2), .tag = &tags[4]);
    h = settle();
    assert_ptr_equal(ownership_winner(&h)->tag, &tags[0]);
    assert_int_equal(fate(&h, &tags[1]), -1);
    assert_int_equal(fate(&h, &tags[2]), CLAIM_OLDER_IN_NAMESPACE);
    assert_int_equal(fate(&h, &tags[3]), CLAIM_OTHER_NAMESPACE);
    assert_int_equal(fate(&h, &tags[4]), -1); /* said once */
}

/* Hosts that agree for one, two or many chunks, and end on and beside their borders. */
static const char *const hosts[] = {
    "",
    "a",
    "aaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",
    "*.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "*.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "b-.test",
    "b.test",
    "b_.test",
};

/* Plainly: is `a` older than `b`? */
static bool is_older(const struct claim *a, const struct claim *b)
{
    int order;

    if (a->created_s != b->created_s) {
        return a->created_s < b->created_s;
    }
    order = strcmp(a->ns, b->ns);
    return order < 0 || (order == 0 && strcmp(a->ingress, b->ingress) < 0);
}

/* The winner of a host by reading the rule aloud. */
static const struct claim *expected_winner(const char *host)
{
    const struct claim *oldest = NULL, *winner = NULL;

    for (size_t i = 0; i < set->n; i++) {
        const struct claim *c = &set->claims[i].claim;

        if (strcmp(c->host, host) == 0 && (oldest == NULL || is_older(c, oldest))) {
            oldest = c;
        }
    }
    for (size_t i = 0; i < set->n && oldest != NULL; i++) {
        const struct claim *c = &set->claims[i].claim;

        if (strcmp(c->host, host) == 0 && strcmp(c->ns, oldest->ns) == 0 &&
            (winner == NULL || (c->marked && !winner->marked) ||
             (c->marked == winner->marked && is_older(c, winner)))) {
            winner = c;
        }
    }
    return winner;
}

static void add_random_claims(uint64_t *seed)
{
    static const char *const namespaces[] = {"a", "ab", "b"};
    static char names[MAX_CLAIMS][8];

    set->n = 0;
    for (size_t i = 0; i < MAX_CLAIMS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "i%zu", i);
        ADD(.host = hosts[fixture_random(seed) % ARRAY_LEN(hosts)],
            .ns = namespaces[fixture_random(seed) % ARRAY_LEN(namespaces)], .ingress = names[i],
            .created_s = (int64_t)(fixture_random(seed) % 4),
            .marked = fixture_random(seed) % 8 == 0,
            .pool = pool(fixture_random(seed) % ARRAY_LEN(pools)));
    }
}

static void any_claims_are_settled_by_the_rule(void **state)
{
    uint64_t seed = 99;

    (void)state;
    for (int round = 0; round < 50; round++) {
        const char *before = NULL;
        struct ownership_host h;

        add_random_claims(&seed);
        assert_int_equal(ownership_sort(set->items, set->n), 0);
        for (size_t i = 0; i < set->n; i += h.n) {
            const char *host = set->items[i].claim->claim.host;

            h = ownership_settle(set->items + i, set->n - i);
            assert_true(before == NULL || strcmp(before, host) < 0);
            assert_ptr_equal(ownership_winner(&h), expected_winner(host));
            for (size_t k = 1; k < h.n; k++) {
                assert_true(is_older(&h.items[k - 1].claim->claim, &h.items[k].claim->claim));
            }
            before = host;
        }
    }
}

static void nothing_is_sorted_into_nothing(void **state)
{
    (void)state;
    assert_int_equal(ownership_sort(NULL, 0), 0);
    assert_int_equal(ownership_sort(set->items, 0), 0);
}

static void sort_in_want(void *ctx)
{
    size_t *failed = ctx;
    int rc = ownership_sort(set->items, set->n);

    assert_true(rc == 0 || rc == -ENOMEM);
    *failed += rc != 0;
}

static void without_memory_nothing_is_sorted(void **state)
{
    size_t failed = 0;

    (void)state;
    for (size_t i = 0; i < MAX_CLAIMS; i++) {
        ADD(.host = i % 2 == 0 ? "b" : "a", .ns = "n", .ingress = "x", .created_s = (int64_t)i,
            .pool = pool(0));
    }
    assert_true(failalloc_torture(sort_in_want, &failed) >= 1);
    assert_true(failed >= 1);
    assert_string_equal(set->items[0].claim->claim.host, "a"); /* the last try was not in want */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_claim_wins),
        TEST(equal_ages_are_told_apart_by_namespace_then_name),
        TEST(the_mark_decides_within_the_owning_namespace_only),
        TEST(the_same_backend_is_no_conflict),
        TEST(one_ingress_twice_loses_only_with_another_pool),
        TEST(any_claims_are_settled_by_the_rule),
        TEST(nothing_is_sorted_into_nothing),
        TEST(without_memory_nothing_is_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
