#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/optionstore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/failalloc.h"

static int setup(void **state)
{
    static struct options o;

    memset(&o, 0, sizeof(o));
    arena_init(&o.arena, 64);
    *state = &o;
    return 0;
}

static int teardown(void **state)
{
    options_fini(*state);
    return 0;
}

static int set(struct options *o, const char *name, const char *value, struct err *e)
{
    return optionstore_set(o, optiontable_find(name, strlen(name), OPTIONS_SERVE), value, e);
}

static void wide_and_narrow_numbers_reach_their_fields_alone(void **state)
{
    struct options *o = *state;
    struct options before = *o;

    assert_int_equal(set(o, "drain-timeout", "168h", NULL), 0);
    assert_int_equal(o->drain_timeout_ms, UINT64_C(604800000));
    assert_int_equal(set(o, "connect-retries", "15", NULL), 0);
    assert_int_equal(o->policy.connect_retries, 15);
    assert_int_equal(set(o, "on-no-name", "reset", NULL), 0);
    assert_int_equal(o->policy.on_no_name, PROXY_ANSWER_RESET);

    before.drain_timeout_ms = o->drain_timeout_ms;
    before.policy.connect_retries = 15;
    before.policy.on_no_name = PROXY_ANSWER_RESET;
    assert_memory_equal(&before, o, sizeof(before));
}

static void a_refused_value_leaves_the_field_alone(void **state)
{
    struct options *o = *state;
    struct err e = {.text = ""};

    assert_int_equal(set(o, "workers", "3", &e), 0);
    assert_int_equal(set(o, "workers", "1000", &e), -EINVAL);
    assert_int_equal(o->workers, 3);
    assert_string_equal(e.text, "out of range; it may be 1 to 256");
}

static void long_lists_keep_every_entry_in_order(void **state)
{
    struct options *o = *state;
    char name[16];

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "ns-%d", i);
        assert_int_equal(set(o, "catch-all", name, NULL), 0);
    }
    assert_int_equal(o->catch_all.n, 100);
    assert_string_equal(o->catch_all.items[0], "ns-0");
    assert_string_equal(o->catch_all.items[64], "ns-64");
    assert_string_equal(o->catch_all.items[99], "ns-99");
}

static void an_overlong_address_is_refused(void **state)
{
    char text[200];
    struct err e = {.text = ""};

    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(set(*state, "listen", text, &e), -EINVAL);
    assert_int_equal(set(*state, "listen", "1.2.3.4:99999", &e), -EINVAL);
}

static void fill(void *ctx)
{
    struct options o;
    int rc = 0;

    (void)ctx;
    memset(&o, 0, sizeof(o));
    arena_init(&o.arena, 16);
    for (int i = 0; i < 20 && rc == 0; i++) {
        rc = set(&o, "catch-all", "a-namespace-with-a-long-name", NULL);
    }
    assert_true(rc == 0 || rc == -ENOMEM);
    options_fini(&o);
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_true(failalloc_torture(fill, NULL) > 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(wide_and_narrow_numbers_reach_their_fields_alone),
        T(a_refused_value_leaves_the_field_alone),
        T(long_lists_keep_every_entry_in_order),
        T(an_overlong_address_is_refused),
        T(running_out_of_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
