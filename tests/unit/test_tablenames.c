#include "../../src/route/tablenames_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/route/table_priv.h"
#include "route_fixture.h"
#include "support/failalloc.h"

static const struct siphash_key key = {{1, 2}};
static const struct claim_lost lost[] = {
    {"shop", "one", "svc", "443", CLAIM_OLDER_IN_NAMESPACE},
    {"other", "two", "till", "https", CLAIM_OTHER_NAMESPACE},
};

/* Two routes, the second with all that was lost.  Returns whether there was memory. */
static bool make(struct tablenames *t)
{
    struct tablenames_size size = {.n_routes = 2, .n_slots = 4, .n_pool_slots = 4};
    bool ok;

    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        tablenames_count_lost(&size, &lost[i]);
    }
    ok = tablenames_new(&size, &key, t);
    for (size_t i = 0; i < ARRAY_LEN(lost) && ok; i++) {
        ok = tablenames_add_lost(t, &t->names->routes[1], &lost[i]);
        if (!ok) {
            table_names_release(t->names);
        }
    }
    return ok;
}

static void all_that_was_counted_has_room_in_one_chunk(void **state)
{
    struct tablenames t;
    const struct route *r;
    size_t bytes;

    (void)state;
    assert_true(make(&t));
    bytes = t.names->arena.reserved_bytes;
    r = &t.names->routes[1];
    assert_int_equal(r->n_lost, 2);
    assert_int_equal(t.names->routes[0].n_lost, 0);
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        assert_string_equal(r->lost[i].ns, lost[i].ns);
        assert_true(r->lost[i].ns != lost[i].ns); /* copied */
        assert_string_equal(r->lost[i].ingress, lost[i].ingress);
        assert_string_equal(r->lost[i].service, lost[i].service);
        assert_string_equal(r->lost[i].port, lost[i].port);
        assert_int_equal(r->lost[i].why, lost[i].why);
    }
    assert_int_equal(t.names->arena.reserved_bytes, bytes);
    assert_int_equal(t.names->tables, 1);
    table_names_release(t.names);
}

static void make_in_want(void *ctx)
{
    struct tablenames t;

    (void)ctx;
    if (make(&t)) {
        table_names_release(t.names);
    }
}

static void without_memory_for_a_part_there_are_none(void **state)
{
    (void)state;
    assert_true(failalloc_torture(make_in_want, NULL) > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_counted_has_room_in_one_chunk),
        cmocka_unit_test(without_memory_for_a_part_there_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
