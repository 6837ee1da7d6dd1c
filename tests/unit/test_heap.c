#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "support/form.h"

#define LARGE (8 * HEAP_APART_BYTES)
#define SMALL ((size_t)4096)
#define N     256u

/* The allocator of a sanitizer, or of valgrind, has nothing to set up, and tells nothing. */
#define REPLACED form_is_slowed()

static size_t mapped_blocks(void)
{
    return mallinfo2().hblks;
}

static void *volatile kept; /* what is allocated for its place alone must not be optimised away */

static void what_is_large_is_given_back_when_freed(void **state)
{
    size_t before = mapped_blocks();

    (void)state;
    if (REPLACED) {
        print_message("             skip %s: the allocator is another\n", __func__);
        skip();
    }
    heap_setup();
    kept = malloc(LARGE); /* freed, it would raise the threshold by itself */
    free(kept);
    kept = malloc(HEAP_APART_BYTES);
    assert_non_null(kept);
    assert_int_equal(mapped_blocks(), before + 1);
    free(kept);
    assert_int_equal(mapped_blocks(), before);
}

static void free_memory_between_what_is_used_is_given_back(void **state)
{
    void *blocks[N], *behind;

    (void)state;
    if (REPLACED) {
        print_message("             skip %s: the allocator is another\n", __func__);
        skip();
    }
    (void)heap_trim();
    for (size_t i = 0; i < N; i++) {
        blocks[i] = malloc(SMALL);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, SMALL);
    }
    behind = malloc(SMALL);
    for (size_t i = 0; i < N; i++) {
        free(blocks[i]);
    }
    assert_true(heap_trim());
    free(behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_large_is_given_back_when_freed),
        cmocka_unit_test(free_memory_between_what_is_used_is_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
