#include "controller/serviceset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "support/failalloc.h"

#define MANY 1000u

static const struct siphash_key key = {{1, 2}}, other = {{3, 4}};

static void what_was_added_is_had_and_nothing_else(void **state)
{
    struct serviceset s;

    (void)state;
    serviceset_init(&s, &key);
    assert_false(serviceset_has(&s, "shop", "web"));
    serviceset_add(&s, "shop", "web");
    assert_true(serviceset_has(&s, "shop", "web"));
    assert_false(serviceset_has(&s, "shop", "api"));
    assert_false(serviceset_has(&s, "other", "web"));
    assert_false(serviceset_has(&s, "web", "shop"));
    assert_false(serviceset_has(&s, "shopw", "eb"));
    assert_false(serviceset_has(&s, "", ""));
    serviceset_fini(&s);
}

static void add_many(struct serviceset *s, unsigned from, unsigned to)
{
    char name[16];

    for (unsigned i = from; i < to; i++) {
        (void)snprintf(name, sizeof(name), "s%u", i);
        serviceset_add(s, "shop", name);
    }
}

static void assert_many(struct serviceset *s, unsigned n)
{
    char name[16];

    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(serviceset_has(s, "shop", name), i < n);
    }
}

static void any_number_is_had_be_it_added_after_one_was_asked_for(void **state)
{
    struct serviceset s;

    (void)state;
    serviceset_init(&s, &key);
    add_many(&s, 0, 5);
    assert_many(&s, 5);
    add_many(&s, 5, MANY / 2);
    assert_many(&s, MANY / 2);
    add_many(&s, MANY / 2, MANY);
    assert_many(&s, MANY);
    serviceset_fini(&s);
}

static void one_that_is_added_for_each_of_its_ports_is_kept_once(void **state)
{
    struct serviceset s;

    (void)state;
    serviceset_init(&s, &key);
    for (unsigned i = 0; i < 3; i++) {
        serviceset_add(&s, "shop", "web");
    }
    assert_int_equal(s.n, 1);
    serviceset_add(&s, "shop", "api");
    serviceset_add(&s, "shop", "web");
    assert_int_equal(s.n, 2);
    assert_true(serviceset_has(&s, "shop", "web"));
    assert_true(serviceset_has(&s, "shop", "api"));
    serviceset_fini(&s);
}

static void without_memory_it_has_every_service(void **state)
{
    struct serviceset s;

    (void)state;
    for (unsigned added = 0; added <= 16; added += 16) { /* nothing yet; all room taken */
        serviceset_init(&s, &key);
        add_many(&s, 0, added);
        assert_false(serviceset_has(&s, "other", "api"));
        failalloc_arm(1);
        serviceset_add(&s, "shop", "web");
        assert_true(failalloc_disarm());
        assert_true(serviceset_has(&s, "shop", "web"));
        assert_true(serviceset_has(&s, "other", "api"));
        serviceset_add(&s, "shop", "late");
        assert_true(serviceset_has(&s, "other", "api"));
        serviceset_fini(&s);
    }
}

static void a_finished_set_is_empty(void **state)
{
    struct serviceset s;

    (void)state;
    serviceset_init(&s, &key);
    serviceset_add(&s, "shop", "web");
    serviceset_fini(&s);
    assert_false(serviceset_has(&s, "shop", "web"));
    serviceset_fini(&s);
}

static uint64_t number_in(const struct serviceset *s)
{
    uint64_t number = 0;

    for (size_t i = 0; i < s->cap; i++) {
        number ^= s->slots[i];
    }
    return number;
}

static void under_another_key_a_name_has_another_number(void **state)
{
    struct serviceset s, t;

    (void)state;
    serviceset_init(&s, &key);
    serviceset_init(&t, &other);
    serviceset_add(&s, "shop", "web");
    serviceset_add(&t, "shop", "web");
    assert_true(number_in(&s) != number_in(&t));
    serviceset_fini(&s);
    serviceset_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_had_and_nothing_else),
        cmocka_unit_test(any_number_is_had_be_it_added_after_one_was_asked_for),
        cmocka_unit_test(one_that_is_added_for_each_of_its_ports_is_kept_once),
        cmocka_unit_test(without_memory_it_has_every_service),
        cmocka_unit_test(a_finished_set_is_empty),
        cmocka_unit_test(under_another_key_a_name_has_another_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
