#include "../../src/route/tableindex_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "route_fixture.h"

#define ROUTES 200u

static char hosts[ROUTES][sizeof("h4294967295.test")];
static struct route routes[ROUTES];
static struct table_slot slots[ROUTES + ROUTES / 2 + 1];
static const struct siphash_key key = {{3, 4}};

/* An index so crowded that runs of slots meet and go round the end. */
static struct tableindex index_of(uint32_t n, uint32_t n_slots)
{
    const struct tableindex ix = {&key, slots, n_slots, routes};

    memset(slots, 0, sizeof(slots));
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(hosts[i], sizeof(hosts[i]), "h%u.test", i);
        routes[i] = (struct route){.host = hosts[i]};
    }
    tableindex_add(&ix, 0, n);
    return ix;
}

/* As a look-up goes. */
static bool has(const struct tableindex *ix, uint32_t route)
{
    const char *host = tableindex_key_of(routes[route].host);
    uint32_t i = tableindex_first(siphash(&key, host, strlen(host)), ix->n_slots);

    while (ix->slots[i].route != 0 && ix->slots[i].route != route + 1) {
        i = tableindex_next(i, ix->n_slots);
    }
    return ix->slots[i].route != 0;
}

static void what_is_added_is_found_and_what_is_removed_is_not(void **state)
{
    struct tableindex ix = index_of(ROUTES, ROUTES + 3);
    uint64_t seed = 5;
    bool in[ROUTES];

    (void)state;
    memset(in, true, sizeof(in));
    for (unsigned k = 0; k < 2000; k++) {
        uint32_t i = fixture_random(&seed) % ROUTES;

        if (in[i]) {
            tableindex_remove(&ix, i);
        } else {
            tableindex_add(&ix, i, i + 1);
        }
        in[i] = !in[i];
        for (i = 0; i < ROUTES; i++) {
            assert_int_equal(has(&ix, i), in[i]);
        }
    }
}

static void an_index_fits_while_it_is_neither_crowded_nor_sparse(void **state)
{
    (void)state;
    for (size_t n = 0; n < 500; n++) {
        assert_true(tableindex_fits(tableindex_slots_for(n), n));
        assert_false(tableindex_fits(n, n)); /* no slot is empty */
        assert_false(tableindex_fits(3 * tableindex_slots_for(n), n));
    }
}

static void a_wildcard_is_filed_under_its_dot(void **state)
{
    (void)state;
    assert_string_equal(tableindex_key_of("*.shop.test"), ".shop.test");
    assert_string_equal(tableindex_key_of("shop.test"), "shop.test");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found_and_what_is_removed_is_not),
        cmocka_unit_test(an_index_fits_while_it_is_neither_crowded_nor_sparse),
        cmocka_unit_test(a_wildcard_is_filed_under_its_dot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
