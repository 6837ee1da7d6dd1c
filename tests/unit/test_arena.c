#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "support/failalloc.h"

static bool is_aligned(const void *p)
{
    return (uintptr_t)p % _Alignof(max_align_t) == 0;
}

static bool is_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

static void memory_is_zeroed_aligned_and_disjoint(void **state)
{
    unsigned char *blocks[200];
    struct arena a;

    (void)state;
    arena_init(&a, 256);
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = arena_alloc(&a, i + 1);
        assert_non_null(blocks[i]);
        assert_true(is_aligned(blocks[i]));
        assert_true(is_zero(blocks[i], i + 1));
        memset(blocks[i], (int)i + 1, i + 1);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j <= i; j++) {
            assert_int_equal(blocks[i][j], (unsigned char)(i + 1));
        }
    }
    arena_fini(&a);
}

static void nothing_is_allocated_before_it_is_asked_for(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 4096);
    assert_null(a.chunks);
    assert_int_equal(a.reserved_bytes, 0);
    arena_fini(&a);
    arena_fini(NULL);
}

static void no_bytes_still_give_a_pointer(void **state)
{
    struct arena a;
    void *p, *q;

    (void)state;
    arena_init(&a, 256);
    p = arena_alloc(&a, 0);
    q = arena_calloc(&a, 0, 8);
    assert_non_null(p);
    assert_non_null(q);
    assert_ptr_not_equal(p, q);
    arena_fini(&a);
}

static void a_large_block_leaves_the_open_chunk_in_use(void **state)
{
    struct arena a;
    char *before, *after, *large;
    size_t reserved;

    (void)state;
    arena_init(&a, 1024);
    before = arena_alloc(&a, 16);
    large = arena_alloc(&a, 100000);
    assert_non_null(large);
    assert_true(is_zero((unsigned char *)large, 100000));
    reserved = a.reserved_bytes;
    after = arena_alloc(&a, 16);
    assert_ptr_equal(after, before + 16);
    assert_int_equal(a.reserved_bytes, reserved);
    arena_fini(&a);
}

static void a_large_block_may_come_first(void **state)
{
    struct arena a;
    char *large, *small;

    (void)state;
    arena_init(&a, 64);
    large = arena_alloc(&a, 5000);
    small = arena_alloc(&a, 16);
    assert_non_null(large);
    assert_non_null(small);
    memset(large, 1, 5000);
    assert_true(is_zero((unsigned char *)small, 16));
    arena_fini(&a);
}

static void many_small_blocks_take_few_chunks(void **state)
{
    size_t steps = 0, reserved = 0;
    struct arena a;

    (void)state;
    arena_init(&a, 1024);
    for (int i = 0; i < 100000; i++) {
        assert_non_null(arena_alloc(&a, 32));
        steps += a.reserved_bytes != reserved;
        reserved = a.reserved_bytes;
    }
    assert_true(reserved >= 3200000);
    assert_true(reserved < 2 * 3200000 + 1024 * 1024);
    assert_true(steps < 20);
    arena_fini(&a);
}

static void a_product_that_overflows_is_refused(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 256);
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_null(arena_strndup(&a, "x", SIZE_MAX));
    assert_non_null(arena_calloc(&a, 4, 8));
    arena_fini(&a);
}

static void text_is_copied_with_a_terminator(void **state)
{
    char source[] = "shop.test";
    struct arena a;
    char *copy, *part, *empty;

    (void)state;
    arena_init(&a, 256);
    copy = arena_strdup(&a, source);
    part = arena_strndup(&a, source, 4);
    empty = arena_strndup(&a, NULL, 0);
    memset(source, 'x', sizeof(source) - 1);
    assert_string_equal(copy, "shop.test");
    assert_string_equal(part, "shop");
    assert_string_equal(empty, "");
    assert_true(is_aligned(arena_alloc(&a, 8)));
    arena_fini(&a);
}

static void an_emptied_arena_can_be_used_again(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 256);
    assert_non_null(arena_alloc(&a, 1000));
    arena_fini(&a);
    assert_int_equal(a.reserved_bytes, 0);
    assert_non_null(arena_alloc(&a, 1000));
    assert_true(a.reserved_bytes >= 1000);
    arena_fini(&a);
}

static void use_three_chunks(void *ctx)
{
    struct arena a;
    char *first, *large, *second;

    (void)ctx;
    arena_init(&a, 128);
    first = arena_strdup(&a, "first");
    large = arena_alloc(&a, 1000);
    second = arena_calloc(&a, 15, 8);
    assert_true(first == NULL || strcmp(first, "first") == 0);
    assert_true(large == NULL || is_zero((unsigned char *)large, 1000));
    assert_true(second == NULL || is_zero((unsigned char *)second, 120));
    arena_fini(&a);
}

static void a_failed_allocation_is_survived(void **state)
{
    (void)state;
    /* Each of the three can fail as asked for here, and as the arena asks for its chunk. */
    assert_int_equal(failalloc_torture(use_three_chunks, NULL), 2 * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_disjoint),
        cmocka_unit_test(nothing_is_allocated_before_it_is_asked_for),
        cmocka_unit_test(no_bytes_still_give_a_pointer),
        cmocka_unit_test(a_large_block_leaves_the_open_chunk_in_use),
        cmocka_unit_test(a_large_block_may_come_first),
        cmocka_unit_test(many_small_blocks_take_few_chunks),
        cmocka_unit_test(a_product_that_overflows_is_refused),
        cmocka_unit_test(text_is_copied_with_a_terminator),
        cmocka_unit_test(an_emptied_arena_can_be_used_again),
        cmocka_unit_test(a_failed_allocation_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
