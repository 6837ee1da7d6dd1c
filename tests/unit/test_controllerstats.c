#include "controller/controllerstats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route/table.h"
#include "support/objects.h"
#include "support/translated.h"

static void everything_starts_at_zero(void **state)
{
    struct controllerstats s = {.generation = 0};
    struct controller_stats out;

    (void)state;
    controllerstats_read(&s, &out);
    assert_int_equal(out.generation + out.heard_ms + out.turned_ms + out.routes, 0);
    assert_int_equal(out.rounds[CONTROLLER_PUBLISHED] + out.rounds[CONTROLLER_FAILED], 0);
    assert_int_equal(out.published_ms, 0);
    assert_false(out.last_failed);
}

static void rounds_are_counted_by_how_they_ended(void **state)
{
    struct controllerstats s = {.generation = 0};
    struct controller_stats out;

    (void)state;
    controllerstats_round(&s, CONTROLLER_PUBLISHED);
    controllerstats_round(&s, CONTROLLER_UNCHANGED);
    controllerstats_round(&s, CONTROLLER_FAILED);
    controllerstats_round(&s, CONTROLLER_FAILED);
    controllerstats_read(&s, &out);
    assert_int_equal(out.rounds[CONTROLLER_PUBLISHED], 1);
    assert_int_equal(out.rounds[CONTROLLER_UNCHANGED], 1);
    assert_int_equal(out.rounds[CONTROLLER_FAILED], 2);
}

static void a_failure_lasts_until_all_is_well_again(void **state)
{
    struct controllerstats s = {.generation = 0};
    struct controller_stats out;

    (void)state;
    controllerstats_heard(&s, 5);
    controllerstats_round(&s, CONTROLLER_FAILED);
    controllerstats_turned(&s, 9);
    controllerstats_read(&s, &out);
    assert_true(out.last_failed);
    assert_int_equal(out.heard_ms, 5);
    assert_int_equal(out.turned_ms, 9);
    controllerstats_heard(&s, 7);
    controllerstats_read(&s, &out);
    assert_true(out.last_failed);
    assert_int_equal(out.heard_ms, 7);
    controllerstats_well(&s);
    controllerstats_read(&s, &out);
    assert_false(out.last_failed);
}

static void a_published_table_is_described(void **state)
{
    struct translate_config cfg = translated_config();
    struct controllerstats s = {.generation = 0};
    struct controller_stats out;
    struct translated t;

    (void)state;
    translated_make(
        &t, &cfg,
        OUR_CLASS INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    controllerstats_published(&s, t.table, 1234);
    controllerstats_read(&s, &out);
    assert_int_equal(out.generation, 1);
    assert_int_equal(out.routes, 1);
    assert_int_equal(out.published_ms, 1234);
    assert_int_equal(out.table_bytes, table_bytes(t.table));
    translated_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_starts_at_zero),
        cmocka_unit_test(rounds_are_counted_by_how_they_ended),
        cmocka_unit_test(a_failure_lasts_until_all_is_well_again),
        cmocka_unit_test(a_published_table_is_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
