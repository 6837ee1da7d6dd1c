#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "support/failalloc.h"

/* ---- what was overwritten: the C library's functions, replaced ---------------------------------
 */

static char wiped[256]; /* all that was, one behind the other */
static size_t n_wiped;  /* not asked of strlen(): a buffer's spare room was never written */

void __explicit_bzero_chk(void *p, size_t n, size_t size);

static void wipe(void *p, size_t n)
{
    size_t room = sizeof(wiped) - 1 - n_wiped, take = n < room ? n : room;

    for (size_t i = 0; i < take; i++) {
        char c = ((char *)p)[i];

        wiped[n_wiped + i] = c != '\0' && (signed char)c > 0 ? c : '.';
    }
    n_wiped += take;
    wiped[n_wiped] = '\0';
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}

void explicit_bzero(void *p, size_t n)
{
    wipe(p, n);
}

void __explicit_bzero_chk(void *p, size_t n, size_t size)
{
    (void)size;
    wipe(p, n);
}

static int forget(void **state)
{
    (void)state;
    wiped[0] = '\0';
    n_wiped = 0;
    return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_text_is_overwritten(void **state)
{
    (void)state;
    secret_free(strdup("password"));
    assert_string_equal(wiped, "password");
    secret_free(NULL);
}

static void each_text_of_a_list_is_overwritten(void **state)
{
    char **list = calloc(3, sizeof(*list));

    (void)state;
    assert_non_null(list);
    list[0] = strdup("one");
    list[1] = strdup("two");
    secret_free_list(list);
    assert_string_equal(wiped, "onetwo");
    secret_free_list(NULL);
}

static void each_text_of_a_tree_is_overwritten(void **state)
{
    (void)state;
    secret_free_tree(cJSON_Parse("{\"a\":\"one\",\"b\":[1,{\"c\":\"two\"},\"three\"],\"d\":null}"));
    assert_string_equal(wiped, "onetwothree");
    secret_free_tree(NULL);
}

static void a_text_that_takes_anothers_place_overwrites_it(void **state)
{
    char *slot = NULL;

    (void)state;
    secret_replace(&slot, strdup("old"));
    assert_string_equal(wiped, "");
    secret_replace(&slot, strdup("new"));
    assert_string_equal(wiped, "old");
    assert_string_equal(slot, "new");
    secret_replace(&slot, NULL);
    assert_null(slot);
    assert_string_equal(wiped, "oldnew");
}

static void a_buffer_is_overwritten_whole(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    assert_int_equal(secret_append(&b, "password", 8), 0);
    b.len = 4; /* what stands behind its end is secret, too */
    secret_free_buf(&b);
    assert_string_equal(wiped, "password");
    assert_null(b.data);
    assert_int_equal(b.max, 8);
}

static void what_a_buffer_grows_out_of_is_overwritten(void **state)
{
    char filler[300];
    struct buf b;

    (void)state;
    memset(filler, 'x', sizeof(filler));
    buf_init(&b, 4096);
    assert_int_equal(secret_append(&b, "pass", 4), 0);
    assert_int_equal(secret_append(&b, "word", 4), 0);
    assert_string_equal(wiped, "");
    assert_int_equal(secret_append(&b, filler, sizeof(filler)), 0);
    assert_int_equal(b.len, 308);
    assert_memory_equal(b.data, "passwordx", 9);
    assert_memory_equal(b.data + 300, "xxxxxxxx", 8);
    assert_memory_equal(wiped, "password", 8);
    secret_free_buf(&b);
}

static void a_buffer_never_holds_more_than_its_maximum(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 6);
    assert_int_equal(secret_append(&b, "1234", 4), 0);
    assert_int_equal(secret_append(&b, "567", 3), -ENOBUFS);
    assert_int_equal(b.len, 4);
    assert_int_equal(secret_append(&b, "56", 2), 0);
    assert_memory_equal(b.data, "123456", 6);
    assert_int_equal(secret_append(&b, "", 0), 0);
    secret_free_buf(&b);
}

static void append(void *ctx)
{
    struct buf b;
    int rc;

    (void)ctx;
    buf_init(&b, 4096);
    rc = secret_append(&b, "1234", 4);
    assert_true(rc == 0 || rc == -ENOMEM);
    if (rc == 0) {
        char filler[1000] = {0};

        rc = secret_append(&b, filler, sizeof(filler));
        assert_true(rc == 0 ? b.len == 1004 : rc == -ENOMEM && b.len == 4);
    }
    secret_free_buf(&b);
}

static void without_memory_a_buffer_stays_as_it_is(void **state)
{
    (void)state;
    assert_true(failalloc_torture(append, NULL) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_text_is_overwritten, forget),
        cmocka_unit_test_setup(each_text_of_a_list_is_overwritten, forget),
        cmocka_unit_test_setup(each_text_of_a_tree_is_overwritten, forget),
        cmocka_unit_test_setup(a_text_that_takes_anothers_place_overwrites_it, forget),
        cmocka_unit_test_setup(a_buffer_is_overwritten_whole, forget),
        cmocka_unit_test_setup(what_a_buffer_grows_out_of_is_overwritten, forget),
        cmocka_unit_test_setup(a_buffer_never_holds_more_than_its_maximum, forget),
        cmocka_unit_test_setup(without_memory_a_buffer_stays_as_it_is, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
