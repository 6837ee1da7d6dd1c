#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "support/guard_page.h"
#include "support/hello_builder.h"
#include "tls/record.h"

#define CAP     ((size_t)LIMIT_HELLO_DEFAULT_BYTES)
#define GUARDED 4096 /* longer ones are not copied in front of the guard byte by byte */

struct outcome {
    enum record_status status;
    size_t fed;
};

static struct guard_page guard;

static int set_up(void **state)
{
    (void)state;
    guard_page_init(&guard, 2 * CAP);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guard_page_fini(&guard);
    return 0;
}

static struct outcome scan_by(const struct hello_bytes *raw, size_t step, size_t cap)
{
    struct record_scan s;
    struct outcome o = {RECORD_MORE, 0};
    record_scan_init(&s);
    while (o.status == RECORD_MORE && o.fed < raw->len) {
        o.fed = raw->len - o.fed < step ? raw->len : o.fed + step;
        const uint8_t *at =
            raw->len <= GUARDED ? guard_page_copy(&guard, raw->data, o.fed) : raw->data;
        o.status = record_scan_feed(&s, at, o.fed, cap);
    }
    return o;
}

/* The status comes with byte `at` exactly, and all at once it is the same. */
static void assert_scan(struct hello_bytes *raw, size_t cap, enum record_status want, size_t at)
{
    struct outcome o = scan_by(raw, 1, cap);
    assert_int_equal(o.status, want);
    assert_int_equal(o.fed, at);
    assert_int_equal(scan_by(raw, raw->len, cap).status, want);
    hello_bytes_free(raw);
}

static void assert_bytes_scan(const void *bytes, size_t len, enum record_status want, size_t at)
{
    struct hello_bytes raw = {0};
    hello_bytes_add(&raw, bytes, len);
    assert_scan(&raw, CAP, want, at);
}

/* Scan a string literal, zeros in it included. */
#define ASSERT_SCAN(literal, want, at) assert_bytes_scan(literal, sizeof(literal) - 1, want, at)

/* A message of `size` bytes in all, its header true and the rest 0x5a. */
static struct hello_bytes message_of(size_t size)
{
    struct hello_bytes m = {0};
    hello_bytes_add_u8(&m, HANDSHAKE_CLIENT_HELLO);
    hello_bytes_add_u8(&m, (unsigned)((size - 4) >> 16));
    hello_bytes_add_u16(&m, (unsigned)((size - 4) & 0xffff));
    hello_bytes_add_zeros(&m, size - 4);
    memset(m.data + 4, 0x5a, size - 4);
    return m;
}

static struct hello_bytes records_of(size_t size, size_t record_bytes)
{
    struct hello_bytes m = message_of(size);
    struct hello_bytes raw = {0};
    hello_records(&raw, &m, record_bytes);
    hello_bytes_free(&m);
    return raw;
}

static void another_protocol_is_told_by_its_first_byte(void **state)
{
    (void)state;
    ASSERT_SCAN("GET / HTTP/1.1\r\n", RECORD_NOT_TLS, 1);
    ASSERT_SCAN("SSH-2.0-x", RECORD_NOT_TLS, 1);
    ASSERT_SCAN("PROXY TCP4", RECORD_NOT_TLS, 1);
    ASSERT_SCAN("\r\n\r\n\0\r\nQUIT\n", RECORD_NOT_TLS, 1);
    ASSERT_SCAN("\x80\x2e\x01\x03\x01", RECORD_NOT_TLS, 1);
    ASSERT_SCAN("\0\0\0\x08\x04\xd2\x16\x2f", RECORD_NOT_TLS, 1);
    ASSERT_SCAN("\x13\x03\x01", RECORD_NOT_TLS, 1);
    ASSERT_SCAN("\x19\x03\x01", RECORD_NOT_TLS, 1);
}

static void a_record_of_another_type_is_told_by_its_version(void **state)
{
    (void)state;
    ASSERT_SCAN("\x14\x03\x01\0\1\1", RECORD_WRONG_TYPE, 2);
    ASSERT_SCAN("\x15\x03\x01\0\2\2\x28", RECORD_WRONG_TYPE, 2);
    ASSERT_SCAN("\x17\x03\x03\0\1\1", RECORD_WRONG_TYPE, 2);
    ASSERT_SCAN("\x18\x03\xff", RECORD_WRONG_TYPE, 2);
    ASSERT_SCAN("\x15\x04\x00", RECORD_NOT_TLS, 2);
    ASSERT_SCAN("\x17\x00\x00", RECORD_NOT_TLS, 2);
    ASSERT_SCAN("\x14", RECORD_MORE, 1);
}

static void a_record_version_is_3_and_anything(void **state)
{
    (void)state;
    ASSERT_SCAN("\x16\x04\x00", RECORD_NOT_TLS, 2);
    ASSERT_SCAN("\x16\x02\x00", RECORD_NOT_TLS, 2);
    ASSERT_SCAN("\x16\x03", RECORD_MORE, 2);
    ASSERT_SCAN("\x16\x03\x00\x00\x04\x01\0\0\0", RECORD_COMPLETE, 9);
    ASSERT_SCAN("\x16\x03\xff\x00\x04\x01\0\0\0", RECORD_COMPLETE, 9);
}

static void a_record_length_is_held_to_its_range_at_byte_5(void **state)
{
    (void)state;
    ASSERT_SCAN("\x16\x03\x01\x40\x01\x01", RECORD_OVERFLOW, 5);
    ASSERT_SCAN("\x16\x03\x01\xff\xff", RECORD_OVERFLOW, 5);
    ASSERT_SCAN("\x16\x03\x01\x40\x00\x01", RECORD_MORE, 6);
    ASSERT_SCAN("\x16\x03\x01\0\0\x16", RECORD_EMPTY, 5);
}

static void a_message_that_is_no_client_hello_is_told_by_its_first_byte(void **state)
{
    (void)state;
    ASSERT_SCAN("\x16\x03\x01\0\x20\x02\0\0", RECORD_WRONG_MESSAGE, 6);
    ASSERT_SCAN("\x16\x03\x01\0\x20\x00\0\0", RECORD_WRONG_MESSAGE, 6);
}

static void later_records_are_held_to_the_same(void **state)
{
    (void)state;
    ASSERT_SCAN("\x16\x03\x01\0\1\1\x17\x03\x01", RECORD_WRONG_TYPE, 7);
    ASSERT_SCAN("\x16\x03\x01\0\1\1\x15\x04\x01", RECORD_WRONG_TYPE, 7);
    ASSERT_SCAN("\x16\x03\x01\0\1\1G", RECORD_WRONG_TYPE, 7);
    ASSERT_SCAN("\x16\x03\x01\0\1\1\x16\x02\x01", RECORD_NOT_TLS, 8);
    ASSERT_SCAN("\x16\x03\x01\0\1\1\x16\x03\x01\0\0\1", RECORD_EMPTY, 11);
    ASSERT_SCAN("\x16\x03\x01\0\1\1\x16\x03\x01\x40\x01\1", RECORD_OVERFLOW, 11);
    ASSERT_SCAN("\x16\x03\x01\0\4\1\0\0\1\x16\x03\x01\0\0\1", RECORD_EMPTY, 14);
}

static void a_message_ends_where_it_says(void **state)
{
    (void)state;
    struct hello_bytes raw = records_of(300, 100);
    size_t size = raw.len;
    hello_bytes_add(&raw, "\x17\x03\x03 early data", 14);
    assert_scan(&raw, CAP, RECORD_COMPLETE, size);

    struct record_scan s;
    raw = records_of(300, 100);
    hello_bytes_add(&raw, "GET", 3);
    record_scan_init(&s);
    assert_int_equal(record_scan_feed(&s, raw.data, raw.len, CAP), RECORD_COMPLETE);
    assert_int_equal(s.offset, size);
    assert_int_equal(s.records, 3);
    hello_bytes_free(&raw);
}

static void bytes_behind_the_message_in_its_record_are_told_by_the_lengths(void **state)
{
    (void)state;
    ASSERT_SCAN("\x16\x03\x01\0\x05\1\0\0\0\0", RECORD_TRAILING, 9);
    ASSERT_SCAN("\x16\x03\x01\0\x05\1\0\0\1\0", RECORD_COMPLETE, 10);
    ASSERT_SCAN("\x16\x03\x01\0\x04\1\0\0\4", RECORD_MORE, 9);
    ASSERT_SCAN("\x16\x03\x01\0\x04\1\0\0\1\x16\x03\x01\0\2\0\0", RECORD_TRAILING, 14);
    ASSERT_SCAN("\x16\x03\x01\0\2\1\0\x16\x03\x01\0\4\0\1\0\0", RECORD_TRAILING, 14);
}

static void the_handshake_header_may_be_cut_anywhere(void **state)
{
    (void)state;
    for (size_t cut = 1; cut <= 5; cut++) {
        struct hello_bytes m = message_of(70000 - 10 - 20);
        struct hello_bytes raw = {0};
        size_t cuts[] = {cut, 16000, 32000, 48000, 64000};
        hello_records_at(&raw, &m, cuts, ARRAY_LEN(cuts));
        hello_bytes_free(&m);
        size_t size = raw.len;
        assert_scan(&raw, 80000, RECORD_COMPLETE, size);
    }
}

static void a_declared_length_over_the_cap_is_told_at_byte_9(void **state)
{
    (void)state;
    ASSERT_SCAN("\x16\x03\x01\x40\0\1\xff\xff\xff\0", RECORD_TOO_LARGE, 9);
    ASSERT_SCAN("\x16\x03\x01\x40\0\1\1\0\0\0", RECORD_TOO_LARGE, 9);
    /* Cut over records it is told with its last byte, wherever that is. */
    ASSERT_SCAN("\x16\x03\x01\0\1\1\x16\x03\x01\0\3\xff\xff\xff", RECORD_TOO_LARGE, 14);
}

static void the_cap_holds_to_the_byte_with_record_headers_counted(void **state)
{
    (void)state;
    static const struct {
        size_t message;
        size_t record;
    } shapes[] = {{507, 16384}, {16384, 16384}, {16385, 16384}, {65516, 16384}, {49152, 16384}};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct hello_bytes raw = records_of(shapes[i].message, shapes[i].record);
        size_t size = raw.len;
        assert_int_equal(scan_by(&raw, 1, size).status, RECORD_COMPLETE);
        assert_scan(&raw, size - 1, RECORD_TOO_LARGE, 9);
    }
}

static void small_records_reach_the_cap_before_the_message_ends(void **state)
{
    (void)state;
    struct hello_bytes raw = records_of(400, 1);
    size_t size = raw.len;
    assert_int_equal(size, 400 * 6);
    assert_int_equal(scan_by(&raw, 1, size).status, RECORD_COMPLETE);
    /* Of the last record but one, the header proves that one more header has to come. */
    assert_scan(&raw, size - 1, RECORD_TOO_LARGE, size - 7);
    raw = records_of(400, 1);
    assert_scan(&raw, size - 5, RECORD_TOO_LARGE, size - 7);
    raw = records_of(400, 1);
    assert_scan(&raw, size - 6, RECORD_TOO_LARGE, size - 13);
}

static void the_cap_ends_a_scan_that_knows_no_length_yet(void **state)
{
    (void)state;
    struct hello_bytes raw = records_of(400, 400);
    assert_scan(&raw, 8, RECORD_TOO_LARGE, 8);
    raw = records_of(400, 1);
    assert_scan(&raw, 23, RECORD_TOO_LARGE, 23);
    /* What stands behind the cap is not looked at, even if it is there already. */
    raw = records_of(400, 1);
    raw.data[6] = 'G';
    assert_scan(&raw, 6, RECORD_TOO_LARGE, 6);
}

static void the_longest_allowed_hello_may_come_in_any_number_of_records(void **state)
{
    (void)state;
    struct hello_bytes raw = records_of(200000, 1);
    struct record_scan s;
    record_scan_init(&s);
    assert_int_equal(record_scan_feed(&s, raw.data, raw.len, (size_t)2 * LIMIT_HELLO_MAX_BYTES),
                     RECORD_COMPLETE);
    assert_int_equal(s.records, 200000);
    hello_bytes_free(&raw);
}

/* What was scanned is overwritten, so that a scan which looks back fails.  What it can look at
 * besides is counted: a byte of a payload once, one of a record header no more than five times. */
static void scanned_bytes_are_never_looked_at_again(void **state)
{
    (void)state;
    static const size_t record_bytes[] = {16384, 1, 7};
    for (size_t i = 0; i < ARRAY_LEN(record_bytes); i++) {
        size_t size = record_bytes[i] == 16384 ? 65516 : 10000;
        struct hello_bytes raw = records_of(size, record_bytes[i]);
        struct record_scan s;
        enum record_status status = RECORD_MORE;
        size_t fed = 0;
        size_t looked_at = 0;
        record_scan_init(&s);
        while (status == RECORD_MORE && fed < raw.len) {
            size_t before = s.offset;
            status = record_scan_feed(&s, raw.data, ++fed, CAP);
            looked_at += fed - before;
            assert_true(s.offset <= fed && fed - s.offset < RECORD_HEADER_BYTES);
            memset(raw.data + before, 0xff, s.offset - before);
        }
        assert_int_equal(status, RECORD_COMPLETE);
        assert_int_equal(fed, raw.len);
        assert_in_range(looked_at, raw.len, raw.len + s.records * (size_t)(1 + 2 + 3 + 4));
        hello_bytes_free(&raw);
    }
}

/* Of megabytes that are said to be there only these few are: to look at one more is a fault. */
static void what_is_refused_is_refused_without_a_look_at_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum record_status status;
    } starts[] = {
        {"\x16\x03\x01\0\0", 5, RECORD_EMPTY}, /* the first of a million empty records, say */
        {"\x16\x03\x01\x40\x01", 5, RECORD_OVERFLOW},
        {"\x16\x03\x01\xff\xff", 5, RECORD_OVERFLOW},
        {"\x16\x03\x01\x40\0\1\xff\xff\xff", 9, RECORD_TOO_LARGE},
        {"\x16\x03\x01\x40\0\2", 6, RECORD_WRONG_MESSAGE},
        {"\x16\x03\x01\0\x05\1\0\0\0", 9, RECORD_TRAILING},
        {"\x17\x03", 2, RECORD_WRONG_TYPE},
        {"G", 1, RECORD_NOT_TLS},
    };
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        struct record_scan s;
        const uint8_t *at =
            guard_page_copy(&guard, (const uint8_t *)starts[i].bytes, starts[i].len);
        record_scan_init(&s);
        assert_int_equal(record_scan_feed(&s, at, 5000000, CAP), starts[i].status);
    }
}

static void a_scan_of_nothing_wants_more(void **state)
{
    (void)state;
    struct record_scan s;
    record_scan_init(&s);
    assert_int_equal(record_scan_feed(&s, NULL, 0, CAP), RECORD_MORE);
    assert_int_equal(s.offset, 0);
}

static struct record_reader reader_of(const struct hello_bytes *raw, struct record_scan *s)
{
    struct record_reader r;
    record_scan_init(s);
    const uint8_t *copy = guard_page_copy(&guard, raw->data, raw->len);
    assert_int_equal(record_scan_feed(s, copy, raw->len, CAP), RECORD_COMPLETE);
    record_reader_init(&r, s, copy);
    return r;
}

static void a_reader_walks_over_record_borders(void **state)
{
    (void)state;
    static const char body[] = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a";
    for (size_t record_bytes = 1; record_bytes <= 14; record_bytes++) {
        struct hello_bytes m = {0};
        struct hello_bytes raw = {0};
        struct record_scan s;
        uint8_t u8 = 0;
        uint16_t u16 = 0;
        uint8_t rest[6];
        hello_bytes_add(&m, "\1\0\0\x0a", 4);
        hello_bytes_add(&m, body, 10);
        hello_records(&raw, &m, record_bytes);
        struct record_reader r = reader_of(&raw, &s);
        assert_int_equal(r.left, 10);
        assert_true(record_reader_u8(&r, &u8) && u8 == 1);
        assert_true(record_reader_u16(&r, &u16) && u16 == 0x0203);
        assert_true(record_reader_take(&r, NULL, 1));
        assert_true(record_reader_take(&r, rest, 6));
        assert_memory_equal(rest, body + 4, 6);
        assert_true(record_reader_take(&r, NULL, 0));
        assert_false(record_reader_u8(&r, &u8));
        hello_bytes_free(&raw);
        hello_bytes_free(&m);
    }
}

static void a_reader_that_refuses_has_not_moved(void **state)
{
    (void)state;
    struct hello_bytes raw = records_of(7, 2);
    struct record_scan s;
    struct record_reader r = reader_of(&raw, &s);
    struct record_reader part = {.left = 77};
    uint8_t out[4] = {0};
    assert_false(record_reader_take(&r, out, 4));
    assert_false(record_reader_take(&r, NULL, SIZE_MAX));
    assert_false(record_reader_split(&r, 4, &part));
    assert_int_equal(part.left, 77);
    assert_int_equal(out[0], 0);
    assert_int_equal(r.left, 3);
    assert_true(record_reader_take(&r, out, 3));
    hello_bytes_free(&raw);
}

static void a_part_of_a_reader_ends_where_it_was_cut(void **state)
{
    (void)state;
    struct hello_bytes m = {0};
    struct hello_bytes raw = {0};
    struct record_scan s;
    struct record_reader part;
    uint8_t out[3] = {0};
    uint16_t u16 = 0;
    hello_bytes_add(&m, "\1\0\0\5\1\2\3\4\5", 9);
    hello_records(&raw, &m, 2);
    struct record_reader r = reader_of(&raw, &s);
    assert_true(record_reader_split(&r, 3, &part));
    assert_int_equal(r.left, 2);
    assert_false(record_reader_take(&part, out, 4));
    assert_true(record_reader_take(&part, out, 3));
    assert_memory_equal(out, "\1\2\3", 3);
    assert_int_equal(part.left, 0);
    assert_true(record_reader_u16(&r, &u16) && u16 == 0x0405);
    assert_true(record_reader_split(&r, 0, &part));
    assert_false(record_reader_u8(&part, out));
    hello_bytes_free(&raw);
    hello_bytes_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_protocol_is_told_by_its_first_byte),
        cmocka_unit_test(a_record_of_another_type_is_told_by_its_version),
        cmocka_unit_test(a_record_version_is_3_and_anything),
        cmocka_unit_test(a_record_length_is_held_to_its_range_at_byte_5),
        cmocka_unit_test(a_message_that_is_no_client_hello_is_told_by_its_first_byte),
        cmocka_unit_test(later_records_are_held_to_the_same),
        cmocka_unit_test(a_message_ends_where_it_says),
        cmocka_unit_test(bytes_behind_the_message_in_its_record_are_told_by_the_lengths),
        cmocka_unit_test(the_handshake_header_may_be_cut_anywhere),
        cmocka_unit_test(a_declared_length_over_the_cap_is_told_at_byte_9),
        cmocka_unit_test(the_cap_holds_to_the_byte_with_record_headers_counted),
        cmocka_unit_test(small_records_reach_the_cap_before_the_message_ends),
        cmocka_unit_test(the_cap_ends_a_scan_that_knows_no_length_yet),
        cmocka_unit_test(the_longest_allowed_hello_may_come_in_any_number_of_records),
        cmocka_unit_test(scanned_bytes_are_never_looked_at_again),
        cmocka_unit_test(what_is_refused_is_refused_without_a_look_at_the_rest),
        cmocka_unit_test(a_scan_of_nothing_wants_more),
        cmocka_unit_test(a_reader_walks_over_record_borders),
        cmocka_unit_test(a_reader_that_refuses_has_not_moved),
        cmocka_unit_test(a_part_of_a_reader_ends_where_it_was_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
