#include "app/textout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "support/failalloc.h"

static void expect(struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->data, text, b->len);
    b->len = 0;
}

static void words_follow_each_other(void **state)
{
    struct textout t;
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    textout_init(&t, &b);
    textout_put(&t, "a ");
    textout_printf(&t, "%u of %u", 1u, 2u);
    textout_spaces(&t, 0);
    textout_safe(&t, " x");
    expect(&b, "a 1 of 2 x");
    textout_spaces(&t, 70);
    assert_int_equal(b.len, 70);
    assert_int_equal(t.rc, 0);
    buf_fini(&b);
}

static void nothing_from_outside_commands_a_terminal(void **state)
{
    struct textout t;
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    textout_init(&t, &b);
    textout_safe(&t, "a\x1b[31m\n\xc2\x9b\xc3\xa4\xff.");
    expect(&b, "a?[31m??\xc3\xa4?.");
    textout_safe_bytes(&t, "\0\xe2\x82", 3);
    expect(&b, "???");
    buf_fini(&b);
}

static void the_first_failure_sticks(void **state)
{
    struct textout t;
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    textout_init(&t, &b);
    textout_put(&t, "abc");
    textout_put(&t, "de");
    textout_safe(&t, "f");
    textout_spaces(&t, 1);
    textout_printf(&t, "%d", 1);
    assert_int_equal(t.rc, -ENOBUFS);
    expect(&b, "abc");
    buf_fini(&b);
}

static void write_in_want(void *ctx)
{
    struct textout t;
    struct buf b;

    (void)ctx;
    buf_init(&b, 100000);
    textout_init(&t, &b);
    for (unsigned i = 0; i < 1000; i++) {
        textout_safe(&t, "name ");
        textout_printf(&t, "%04u\n", i);
        assert_int_equal(t.rc == 0 ? b.len % 10 : 0, 0);
    }
    assert_true(t.rc == 0 ? b.len == 10000 : t.rc == -ENOMEM && b.len < 10000);
    buf_fini(&b);
}

static void without_memory_nothing_follows_a_gap(void **state)
{
    (void)state;
    assert_true(failalloc_torture(write_in_want, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_follow_each_other),
        cmocka_unit_test(nothing_from_outside_commands_a_terminal),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(without_memory_nothing_follows_a_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
