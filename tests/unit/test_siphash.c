#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "support/failsys.h"

/* The reference key 00 01 .. 0f. */
static const struct siphash_key reference_key = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};

/* vectors_sip64 of the reference implementation: hashes of 00 01 .. (n - 1) for n = 0 .. 63. */
static const uint64_t reference[64] = {
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
    0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
    0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
    0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
    0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794, 0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
    0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7, 0x93536795e3a33e88, 0xa80c038ccd5ccec8,
    0xb8ad50c6f649af94, 0xbce192de8a85b8ea, 0x17d835b85bbb15f3, 0x2f2e6163076bcfad,
    0xde4daaaca71dc9a5, 0xa6a2506687956571, 0xad87a3535c49ef28, 0x32d892fad841c342,
    0x7127512f72f27cce, 0xa7f32346f95978e3, 0x12e0b01abb051238, 0x15e034d40fa197ae,
    0x314dffbe0815a3b4, 0x027990f029623981, 0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
    0x0e3ea96b5304a7d0, 0xad0c42d6fc585992, 0x187306c89bc215a9, 0xd4a60abcf3792b95,
    0xf935451de4f21df2, 0xa9538f0419755787, 0xdb9acddff56ca510, 0xd06c98cd5c0975eb,
    0xe612a3cb9ecba951, 0xc766e62cfcadaf96, 0xee64435a9752fe72, 0xa192d576b245165a,
    0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f, 0x7fa8220ba3b2ecea, 0x245731c13ca42499,
    0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b, 0x60e61c23a3795013, 0x6606d7e446282b93,
    0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3, 0xe51b38608ef25f57, 0x958a324ceb064572,
};

static void the_reference_vectors_come_out(void **state)
{
    uint8_t input[64];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
    }
    for (size_t n = 0; n < 64; n++) {
        assert_int_equal(siphash(&reference_key, input, n), reference[n]);
    }
}

static void no_data_needs_no_pointer(void **state)
{
    (void)state;
    assert_int_equal(siphash(&reference_key, NULL, 0), reference[0]);
}

static void alignment_does_not_matter(void **state)
{
    uint8_t *block = malloc(9 + 40);

    (void)state;
    assert_non_null(block);
    for (size_t shift = 0; shift < 9; shift++) {
        for (size_t i = 0; i < 40; i++) {
            block[shift + i] = (uint8_t)i;
        }
        assert_int_equal(siphash(&reference_key, block + shift, 40), reference[40]);
    }
    free(block);
}

static void only_the_named_bytes_are_read(void **state)
{
    (void)state;
    for (size_t n = 1; n < 20; n++) {
        uint8_t *exact = malloc(n); /* the sanitizer watches its end */

        assert_non_null(exact);
        for (size_t i = 0; i < n; i++) {
            exact[i] = (uint8_t)i;
        }
        assert_int_equal(siphash(&reference_key, exact, n), reference[n]);
        free(exact);
    }
}

static void each_half_of_the_key_counts(void **state)
{
    struct siphash_key low = reference_key, high = reference_key;

    (void)state;
    low.k[0] ^= 1;
    high.k[1] ^= 1;
    assert_int_not_equal(siphash(&low, "a", 1), siphash(&reference_key, "a", 1));
    assert_int_not_equal(siphash(&high, "a", 1), siphash(&reference_key, "a", 1));
    assert_int_not_equal(siphash(&high, "a", 1), siphash(&low, "a", 1));
}

static void random_keys_differ(void **state)
{
    struct siphash_key a = {{0, 0}}, b = {{0, 0}};

    (void)state;
    assert_int_equal(siphash_key_random(&a), 0);
    assert_int_equal(siphash_key_random(&b), 0);
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_int_not_equal(a.k[0], 0);
    assert_int_not_equal(a.k[1], 0);
}

static void without_randomness_there_is_no_key(void **state)
{
    struct siphash_key key = {{1, 2}};

    (void)state;
    failsys_reset();
    failsys_fail(FAILSYS_GETRANDOM, ENOSYS, 0, 1);
    assert_int_equal(siphash_key_random(&key), -ENOSYS);
    failsys_fail(FAILSYS_GETRANDOM, EINTR, 0, 2); /* it was waiting for the seed */
    assert_int_equal(siphash_key_random(&key), 0);
    assert_int_equal(failsys_count(FAILSYS_GETRANDOM), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_vectors_come_out),
        cmocka_unit_test(no_data_needs_no_pointer),
        cmocka_unit_test(alignment_does_not_matter),
        cmocka_unit_test(only_the_named_bytes_are_read),
        cmocka_unit_test(each_half_of_the_key_counts),
        cmocka_unit_test(random_keys_differ),
        cmocka_unit_test(without_randomness_there_is_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
