#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "route/hostname.h"

#define UNTOUCHED_LEN ((size_t)12345)

static char out[HOSTNAME_MAX + 1];
static size_t out_len;

/* Normalise exactly `len` bytes, held in a block of that size so that a sanitizer sees an overrun.
 */
static enum hostname_kind normalise(const char *name, size_t len)
{
    char *exact = malloc(len > 0 ? len : 1);
    enum hostname_kind kind;

    assert_non_null(exact);
    memcpy(exact, name, len);
    memset(out, '#', sizeof(out));
    out_len = UNTOUCHED_LEN;
    kind = hostname_normalise(exact, len, out, &out_len);
    free(exact);
    return kind;
}

static enum hostname_kind normalise_pattern(const char *pattern)
{
    memset(out, '#', sizeof(out));
    out_len = UNTOUCHED_LEN;
    return hostname_normalise_pattern(pattern, strlen(pattern), out, &out_len);
}

static void assert_becomes(const char *name, const char *want)
{
    assert_int_equal(normalise(name, strlen(name)), HOSTNAME_VALID);
    assert_string_equal(out, want);
    assert_int_equal(out_len, strlen(want));
}

static void assert_is(const char *name, enum hostname_kind want)
{
    enum hostname_kind got = normalise(name, strlen(name));

    if (got != want) {
        fail_msg("\"%s\": %d, not %d", name, (int)got, (int)want);
    }
    assert_int_equal(out_len, UNTOUCHED_LEN);
    assert_int_equal(out[0], '#');
}

static void assert_pattern(const char *pattern, const char *want)
{
    assert_int_equal(normalise_pattern(pattern), HOSTNAME_VALID);
    assert_string_equal(out, want);
    assert_int_equal(out_len, strlen(want));
}

static void assert_pattern_is(const char *pattern, enum hostname_kind want)
{
    assert_int_equal(normalise_pattern(pattern), want);
    assert_int_equal(out_len, UNTOUCHED_LEN);
    assert_int_equal(out[0], '#');
}

/* `labels` labels of `len` bytes each, joined by dots. */
static size_t make_labels(char *name, size_t labels, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < labels; i++) {
        memset(name + n, 'a', len);
        n += len;
        name[n++] = '.';
    }
    name[--n] = '\0';
    return n;
}

static void names_become_lower_case(void **state)
{
    (void)state;
    assert_becomes("Shop.Example.COM", "shop.example.com");
    assert_becomes("abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                   "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz");
    assert_becomes("a-0123456789_z", "a-0123456789_z");
    assert_becomes("localhost", "localhost");
}

static void one_trailing_dot_is_taken_off(void **state)
{
    (void)state;
    assert_becomes("shop.test.", "shop.test");
    assert_becomes("a.", "a");
    assert_is("shop.test..", HOSTNAME_INVALID);
}

static void hyphens_and_underscores_stand_anywhere(void **state)
{
    (void)state;
    assert_becomes("_acme-challenge.shop.test", "_acme-challenge.shop.test");
    assert_becomes("-a.b-.-", "-a.b-.-");
    assert_becomes("xn--bcher-kva.test", "xn--bcher-kva.test");
}

static void empty_labels_are_no_name(void **state)
{
    (void)state;
    assert_is(".", HOSTNAME_INVALID);
    assert_is("..", HOSTNAME_INVALID);
    assert_is(".shop.test", HOSTNAME_INVALID);
    assert_is("shop..test", HOSTNAME_INVALID);
    assert_is("..1", HOSTNAME_INVALID);
}

static void an_empty_name_is_none(void **state)
{
    (void)state;
    assert_is("", HOSTNAME_NONE);
    assert_int_equal(hostname_normalise(NULL, 0, out, &out_len), HOSTNAME_NONE);
}

static void only_letters_digits_and_two_marks_are_taken(void **state)
{
    static const char taken[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    (void)state;
    for (int c = 0; c < 256; c++) {
        char name[3] = {'a', (char)c, 'b'};
        bool want = c != 0 && strchr(taken, c) != NULL;

        assert_int_equal(normalise(name, sizeof(name)), want ? HOSTNAME_VALID : HOSTNAME_INVALID);
    }
}

static void a_nul_byte_is_never_cut_at(void **state)
{
    (void)state;
    assert_int_equal(normalise("\0", 1), HOSTNAME_INVALID);
    assert_int_equal(normalise("\0shop.test", 10), HOSTNAME_INVALID);
    assert_int_equal(normalise("shop\0.test", 10), HOSTNAME_INVALID);
    assert_int_equal(normalise("shop.test\0", 10), HOSTNAME_INVALID);
    assert_int_equal(normalise("::1\0", 4), HOSTNAME_INVALID);
    assert_int_equal(normalise("[::1\0]", 6), HOSTNAME_INVALID);
}

static void labels_have_at_most_63_bytes(void **state)
{
    char name[80];
    size_t n;

    (void)state;
    n = make_labels(name, 1, 63);
    assert_int_equal(normalise(name, n), HOSTNAME_VALID);
    n = make_labels(name, 1, 64);
    assert_int_equal(normalise(name, n), HOSTNAME_INVALID);
    name[n - 1] = '.'; /* 63 and the dot */
    assert_int_equal(normalise(name, n), HOSTNAME_VALID);
    memset(name, 'b', 70);
    name[64] = '.';
    assert_int_equal(normalise(name, 70), HOSTNAME_INVALID);
}

static void names_have_at_most_253_bytes_without_the_dot(void **state)
{
    static char big[65535];
    char name[300];
    size_t n;

    (void)state;
    n = make_labels(name, 127, 1); /* a.a.a…: 253 */
    assert_int_equal(n, 253);
    assert_int_equal(normalise(name, 253), HOSTNAME_VALID);
    assert_int_equal(out_len, 253);
    name[253] = '.';
    assert_int_equal(normalise(name, 254), HOSTNAME_VALID);
    assert_int_equal(out_len, 253);
    name[254] = '.';
    assert_int_equal(normalise(name, 255), HOSTNAME_INVALID);
    (void)make_labels(name, 127, 1);
    name[252] = 'a';
    name[251] = 'a';
    name[253] = 'a';
    assert_int_equal(normalise(name, 254), HOSTNAME_INVALID);
    memset(big, 'a', sizeof(big));
    assert_int_equal(normalise(big, sizeof(big)), HOSTNAME_INVALID);
}

static void addresses_are_no_names(void **state)
{
    static const char *const addresses[] = {
        "192.0.2.1",
        "192.0.2.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "1.0x7F",
        "a.0x",
        "host.7",
        "999.999",
        "::1",
        "2001:DB8::1",
        "[::1]",
        "[2001:db8::192.0.2.1]",
        "::ffff:192.0.2.1",
        "[::]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        assert_is(addresses[i], HOSTNAME_ADDRESS);
    }
}

static void numbers_elsewhere_leave_a_name(void **state)
{
    (void)state;
    assert_becomes("1.shop.test", "1.shop.test");
    assert_becomes("0x7f.test", "0x7f.test");
    assert_becomes("1.0xyz", "1.0xyz");
    assert_becomes("1.1e", "1.1e");
    assert_becomes("7-", "7-");
}

static void broken_addresses_and_ports_are_invalid(void **state)
{
    static const char *const broken[] = {
        "shop.test:443", "192.0.2.1:443", "[::1]:443",
        "[::1",          "::1]",          "[]",
        "[192.0.2.1]",   "[[::1]]",       ":",
        "1::2::3",       "fe80::1%lo",    "::1.",
        "[::1].",        "1..2",          "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_is(broken[i], HOSTNAME_INVALID);
    }
}

static void wildcards_on_the_wire_are_invalid(void **state)
{
    (void)state;
    assert_is("*.shop.test", HOSTNAME_INVALID);
    assert_is("*", HOSTNAME_INVALID);
}

static void the_locale_has_no_say(void **state)
{
    (void)state;
    (void)setlocale(LC_ALL, "tr_TR.UTF-8"); /* where I is not the capital of i; may be absent */
    assert_becomes("MIXI.TEST", "mixi.test");
    assert_is("m\xc4\xb1xi.test", HOSTNAME_INVALID); /* dotless i */
    assert_is("m\xc4\xb0xi.test", HOSTNAME_INVALID); /* dotted capital I */
    (void)setlocale(LC_ALL, "C");
}

static void normalising_twice_changes_nothing(void **state)
{
    char once[HOSTNAME_MAX + 1];

    (void)state;
    assert_becomes("WWW.Shop_1.Test.", "www.shop_1.test");
    memcpy(once, out, sizeof(once));
    assert_becomes(once, once);
}

static void patterns_are_names_or_one_leading_wildcard(void **state)
{
    (void)state;
    assert_pattern("Shop.Test.", "shop.test");
    assert_pattern("*.Shop.Test.", "*.shop.test");
    assert_pattern("*.test", "*.test");
    assert_true(hostname_is_wildcard(out));
    assert_pattern("shop.test", "shop.test");
    assert_false(hostname_is_wildcard(out));
    assert_false(hostname_is_wildcard(""));
}

static void other_stars_make_no_pattern(void **state)
{
    static const char *const bad[] = {
        "*",         "*.",     "*..test",    "**.test",  "*.*.test",
        "a*.test",   "shop.*", "*shop.test", "*.shop..", "*.192.0.2.1",
        "192.0.2.1", "[::1]",  "*.[::1]",    "a.*.test", "*.:443",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_pattern_is(bad[i], HOSTNAME_INVALID);
    }
    assert_pattern_is("", HOSTNAME_NONE);
}

static void patterns_have_at_most_253_bytes(void **state)
{
    char pattern[300] = "*.";
    size_t n;

    (void)state;
    n = 2 + make_labels(pattern + 2, 126, 1); /* 2 + 251 */
    assert_int_equal(n, 253);
    assert_int_equal(normalise_pattern(pattern), HOSTNAME_VALID);
    assert_int_equal(out_len, 253);
    (void)make_labels(pattern + 2, 127, 1); /* the suffix alone would do */
    assert_pattern_is(pattern, HOSTNAME_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_lower_case),
        cmocka_unit_test(one_trailing_dot_is_taken_off),
        cmocka_unit_test(hyphens_and_underscores_stand_anywhere),
        cmocka_unit_test(empty_labels_are_no_name),
        cmocka_unit_test(an_empty_name_is_none),
        cmocka_unit_test(only_letters_digits_and_two_marks_are_taken),
        cmocka_unit_test(a_nul_byte_is_never_cut_at),
        cmocka_unit_test(labels_have_at_most_63_bytes),
        cmocka_unit_test(names_have_at_most_253_bytes_without_the_dot),
        cmocka_unit_test(addresses_are_no_names),
        cmocka_unit_test(numbers_elsewhere_leave_a_name),
        cmocka_unit_test(broken_addresses_and_ports_are_invalid),
        cmocka_unit_test(wildcards_on_the_wire_are_invalid),
        cmocka_unit_test(the_locale_has_no_say),
        cmocka_unit_test(normalising_twice_changes_nothing),
        cmocka_unit_test(patterns_are_names_or_one_leading_wildcard),
        cmocka_unit_test(other_stars_make_no_pattern),
        cmocka_unit_test(patterns_have_at_most_253_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
