#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "support/hello_builder.h"
#include "support/hello_check.h"
#include "support/hello_expect.h"
#include "tls/clienthello.h"

#define CAP      ((size_t)LIMIT_HELLO_DEFAULT_BYTES)
#define NAME     "www.example.com"
#define UP_TO_12 (CLIENTHELLO_TLS10 | CLIENTHELLO_TLS11 | CLIENTHELLO_TLS12)
#define FROM_12  (CLIENTHELLO_TLS12 | CLIENTHELLO_TLS13)
#define ALL      (UP_TO_12 | CLIENTHELLO_TLS13)

static const struct hello_expected decode_error = {
    CLIENTHELLO_MALFORMED, ALERT_DECODE_ERROR, 0, 0, 0, 0};
static const struct hello_expected illegal = {
    CLIENTHELLO_MALFORMED, ALERT_ILLEGAL_PARAMETER, 0, 0, 0, 0};
static const struct hello_expected nameless = {CLIENTHELLO_OK, ALERT_NONE, NULL, "", UP_TO_12, 0};
static const struct hello_expected named = {CLIENTHELLO_OK, ALERT_NONE, NAME, "", UP_TO_12, 0};

#define CHECK_RAW(literal, result, alert)                                                          \
    hello_expect_bytes(literal, sizeof(literal) - 1, result, alert)

static void framing_errors_have_their_outcome_and_alert(void **state)
{
    (void)state;
    const enum alert_code unexpected = ALERT_UNEXPECTED_MESSAGE;
    CHECK_RAW("GET / HTTP/1.1\r\n\r\n", CLIENTHELLO_NOT_TLS, unexpected);
    CHECK_RAW("SSH-2.0-OpenSSH_9.2\r\n", CLIENTHELLO_NOT_TLS, unexpected);
    CHECK_RAW("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", CLIENTHELLO_NOT_TLS, unexpected);
    CHECK_RAW("\x80\x2e\x01\x03\x01\x00\x15\x00\x00", CLIENTHELLO_NOT_TLS, unexpected);
    CHECK_RAW("\x16\x04\x00\x00\x05\x01", CLIENTHELLO_NOT_TLS, unexpected);
    CHECK_RAW("\x15\x03\x01\x00\x02\x02\x28", CLIENTHELLO_MALFORMED, unexpected);
    CHECK_RAW("\x14\x03\x01\x00\x01\x01", CLIENTHELLO_MALFORMED, unexpected);
    CHECK_RAW("\x17\x03\x03\x00\x01\x01", CLIENTHELLO_MALFORMED, unexpected);
    CHECK_RAW("\x16\x03\x01\x00\x00", CLIENTHELLO_MALFORMED, unexpected);
    CHECK_RAW("\x16\x03\x01\x00\x40\x02", CLIENTHELLO_MALFORMED, unexpected);
    CHECK_RAW("\x16\x03\x01\x00\x01\x01\x17\x03\x01", CLIENTHELLO_MALFORMED, unexpected);
    CHECK_RAW("\x16\x03\x01\x40\x01", CLIENTHELLO_MALFORMED, ALERT_RECORD_OVERFLOW);
    CHECK_RAW("\x16\x03\x01\x40\x00\x01\xff\xff\xff", CLIENTHELLO_TOO_LARGE, ALERT_DECODE_ERROR);
    CHECK_RAW("\x16\x03\x01\x00\x06\x01\x00\x00\x01\0\0", CLIENTHELLO_MALFORMED,
              ALERT_DECODE_ERROR);
}

static void a_browser_with_grease_and_a_post_quantum_share_is_understood(void **state)
{
    (void)state;
    const struct hello_expected want = {CLIENTHELLO_OK, ALERT_NONE,
                                        NAME,           "h2,http/1.1",
                                        FROM_12,        CLIENTHELLO_ECH | CLIENTHELLO_PQ_KEY_SHARE};
    struct hello_bytes raw = {0};
    hello_browser(&raw, NAME);
    assert_in_range(raw.len, 1600, 2000);
    hello_expect_rerecorded(&raw, &want);
    hello_bytes_free(&raw);
}

static void what_stands_before_the_extensions_is_held_to_its_ranges(void **state)
{
    (void)state;
    const struct hello_expected old = {CLIENTHELLO_MALFORMED, ALERT_PROTOCOL_VERSION, 0, 0, 0, 0};
    struct hello_expected tls10 = named;
    struct hello_expected tls11 = named;
    tls10.versions = CLIENTHELLO_TLS10;
    tls11.versions = CLIENTHELLO_TLS10 | CLIENTHELLO_TLS11;
    const struct {
        struct hello_head head;
        const struct hello_expected *want;
    } heads[] = {
        {{0x0300, 32, 8, 1, false}, &old},          {{0x0200, 32, 8, 1, false}, &old},
        {{0x0000, 32, 8, 1, false}, &old},          {{0x0301, 32, 8, 1, false}, &tls10},
        {{0x0302, 32, 8, 1, false}, &tls11},        {{0x0303, 32, 8, 1, false}, &named},
        {{0x0304, 32, 8, 1, false}, &named},        {{0x7f1c, 32, 8, 1, false}, &named},
        {{0xffff, 32, 8, 1, false}, &named},        {{0x0303, 0, 8, 1, false}, &named},
        {{0x0303, 33, 8, 1, false}, &decode_error}, {{0x0303, 32, 0, 1, false}, &decode_error},
        {{0x0303, 32, 7, 1, false}, &decode_error}, {{0x0303, 32, 2, 1, false}, &named},
        {{0x0303, 32, 8, 0, false}, &decode_error}, {{0x0303, 32, 8, 255, false}, &named},
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct hello h;
        hello_begin(&h, &heads[i].head);
        hello_add_name(&h, NAME, strlen(NAME));
        hello_expect_hello(&h, heads[i].want);
    }
}

static void a_hello_without_extensions_has_no_name(void **state)
{
    (void)state;
    struct hello_head head = hello_head_default;
    struct hello h;
    hello_begin(&h, &head);
    hello_expect_hello(&h, &nameless);
    head.without_extensions = true;
    hello_begin(&h, &head);
    hello_expect_hello(&h, &nameless);
    hello_begin(&h, &head);
    hello_bytes_add_zeros(&h.message, 1);
    hello_expect_hello(&h, &decode_error);
}

struct body_case {
    uint16_t type;
    const char *body;
    size_t len;
    const struct hello_expected *want;
};

#define BODY(literal) literal, sizeof(literal) - 1

static void check_bodies(const struct body_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct hello h;
        hello_begin(&h, NULL);
        hello_add_extension(&h, 0x1a1a, NULL, 0);
        hello_add_extension(&h, cases[i].type, cases[i].body, cases[i].len);
        hello_add_extension(&h, 0x2a2a, NULL, 5);
        hello_expect_hello(&h, cases[i].want);
    }
}

static void server_name_says_one_host_name_or_none(void **state)
{
    (void)state;
    struct hello_expected a = named;
    a.name = "a";
    const struct body_case cases[] = {
        {0, BODY("\0\4\0\0\1a"), &a},
        {0, BODY(""), &nameless},
        {0, BODY("\0\0"), &nameless},
        {0, BODY("\0\3\0\0\0"), &nameless},
        {0, BODY("\0"), &decode_error},
        {0, BODY("\0\4\0\0\1a\0"), &decode_error},        /* trailing byte */
        {0, BODY("\0\0\0"), &decode_error},               /* behind an empty list, too */
        {0, BODY("\0\3\0\0\1a"), &decode_error},          /* list too short */
        {0, BODY("\0\5\0\0\1a"), &decode_error},          /* list too long */
        {0, BODY("\0\4\0\0\2a"), &decode_error},          /* name too long */
        {0, BODY("\0\4\0\xff\xffx"), &decode_error},      /* far too long */
        {0, BODY("\0\4\0\0\0a"), &decode_error},          /* name too short */
        {0, BODY("\0\1\0"), &decode_error},               /* no length */
        {0, BODY("\0\2\0\0"), &decode_error},             /* half a length */
        {0, BODY("\0\4\1\0\1a"), &decode_error},          /* another name_type */
        {0, BODY("\0\x08\0\0\1a\1\0\1b"), &decode_error}, /* and another behind */
        {0, BODY("\0\x08\1\0\1b\0\0\1a"), &decode_error}, /* and another before */
        {0, BODY("\0\x08\0\0\1a\0\0\1a"), &decode_error}, /* two host_names */
        {0, BODY("\0\x07\0\0\0\0\0\1a"), &decode_error},  /* the first one empty */
        {0, BODY("\0\5\0\0\1a\0"), &decode_error},        /* trailing byte inside the list */
    };
    check_bodies(cases, ARRAY_LEN(cases));
}

static void alpn_lists_names_that_are_not_empty(void **state)
{
    (void)state;
    struct hello_expected two = nameless;
    struct hello_expected odd = nameless;
    two.alpn = "h2,http/1.1";
    odd.alpn = "a,b,\n";
    const struct body_case cases[] = {
        {16, BODY("\0\x0c\2h2\x08http/1.1"), &two},
        {16, BODY("\0\6\3a,b\1\n"), &odd},
        {16, BODY(""), &decode_error},
        {16, BODY("\0"), &decode_error},
        {16, BODY("\0\0"), &decode_error},
        {16, BODY("\0\1\0"), &decode_error},
        {16, BODY("\0\4\2h2\0"), &decode_error},
        {16, BODY("\0\3\3h2"), &decode_error},
        {16, BODY("\0\3\1h2"), &decode_error},
        {16, BODY("\0\2\2h2"), &decode_error},
        {16, BODY("\0\3\2h2\0"), &decode_error},
        {16, BODY("\0\4\2h2"), &decode_error},
    };
    check_bodies(cases, ARRAY_LEN(cases));
}

static void supported_versions_replace_the_legacy_version(void **state)
{
    (void)state;
    struct hello_expected only13 = nameless;
    struct hello_expected all = nameless;
    struct hello_expected none = nameless;
    only13.versions = CLIENTHELLO_TLS13;
    all.versions = ALL;
    none.versions = 0;
    const struct body_case cases[] = {
        {43, BODY("\2\3\4"), &only13},
        {43, BODY("\4\x7a\x7a\3\4"), &only13},
        {43, BODY("\x08\3\4\3\3\3\2\3\1"), &all},
        {43, BODY("\6\x7f\x1c\3\0\3\5"), &none},
        {43, BODY(""), &decode_error},
        {43, BODY("\0"), &decode_error},
        {43, BODY("\1\3"), &decode_error},
        {43, BODY("\3\3\4\3"), &decode_error},
        {43, BODY("\2\3\4\0"), &decode_error},
        {43, BODY("\4\3\4"), &decode_error},
    };
    check_bodies(cases, ARRAY_LEN(cases));
}

static void key_share_tells_a_post_quantum_group(void **state)
{
    (void)state;
    struct hello_expected pq = nameless;
    pq.features = CLIENTHELLO_PQ_KEY_SHARE;
    const struct body_case cases[] = {
        {51, BODY("\0\0"), &nameless},
        {51, BODY("\0\5\0\x1d\0\1k"), &nameless},
        {51, BODY("\0\5\x11\xec\0\1k"), &pq},
        {51, BODY("\0\5\x11\xeb\0\1k"), &pq},
        {51, BODY("\0\5\x11\xed\0\1k"), &pq},
        {51, BODY("\0\5\x11\xee\0\1k"), &pq},
        {51, BODY("\0\5\x11\xef\0\1k"), &nameless},
        {51, BODY("\0\5\x63\x99\0\1k"), &pq},
        {51, BODY("\0\5\x63\x9a\0\1k"), &pq},
        {51, BODY("\0\5\2\0\0\1k"), &pq},
        {51, BODY("\0\5\2\2\0\1k"), &pq},
        {51, BODY("\0\5\2\3\0\1k"), &nameless},
        {51, BODY("\0\x0a\x4a\x4a\0\1k\2\1\0\1k"), &pq},
        {51, BODY(""), &decode_error},
        {51, BODY("\0"), &decode_error},
        {51, BODY("\0\1\0"), &decode_error},
        {51, BODY("\0\3\0\x1d\0"), &decode_error},
        {51, BODY("\0\4\0\x1d\0\0"), &decode_error},
        {51, BODY("\0\5\0\x1d\0\2k"), &decode_error},
        {51, BODY("\0\6\0\x1d\0\1kk"), &decode_error},
        {51, BODY("\0\5\0\x1d\0\1kk"), &decode_error},
        {51, BODY("\0\6\0\x1d\0\1k"), &decode_error},
    };
    check_bodies(cases, ARRAY_LEN(cases));
}

static void early_data_and_ech_are_seen_whatever_they_hold(void **state)
{
    (void)state;
    struct hello_expected ech = nameless;
    struct hello_expected early = nameless;
    ech.features = CLIENTHELLO_ECH;
    early.features = CLIENTHELLO_EARLY_DATA;
    const struct body_case cases[] = {
        {0xfe0d, BODY("\0\0\1\0\1\x77"), &ech},
        {0xfe0d, BODY("\1"), &ech},
        {42, BODY(""), &early},
        {41, BODY("not last, not ours"), &nameless},
    };
    check_bodies(cases, ARRAY_LEN(cases));
}

/* A hello with every field that has a length, still open. */
static void begin_full_hello(struct hello *h)
{
    hello_begin(h, NULL);
    hello_add_name(h, NAME, strlen(NAME));
    hello_add_alpn(h, "h2,http/1.1");
    hello_add_versions(h, (const uint16_t[]){0x0304, 0x0303}, 2);
    hello_add_key_share(h, 29, 32);
    hello_add_extension(h, 0x2a2a, "\0", 1);
}

static void any_extension_twice_is_illegal(void **state)
{
    (void)state;
    static const uint16_t types[] = {0, 16, 42, 43, 51, 0x1a1a, 0xfe0d, 63, 64, 0xffff};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct hello h;
        begin_full_hello(&h);
        hello_add_extension(&h, 42, NULL, 0);
        for (size_t j = 5; j < ARRAY_LEN(types); j++) {
            hello_add_extension(&h, types[j], NULL, j);
        }
        hello_add_extension(&h, types[i], NULL, 0);
        hello_expect_hello(&h, &illegal);
    }
}

/* In a hello full of extensions of every kind each is remembered, and none taken for another. */
static void sixteen_thousand_extensions_are_told_apart(void **state)
{
    (void)state;
    for (unsigned twice = 0; twice <= 1; twice++) {
        struct hello h;
        hello_begin(&h, NULL);
        for (unsigned i = 0; i < 16000; i++) {
            hello_add_extension(&h, (uint16_t)(100 + i * 4), NULL, 0);
        }
        hello_add_extension(&h, (uint16_t)(twice ? 100 : 101), NULL, 0);
        hello_expect_hello_once(&h, twice ? &illegal : &nameless);
    }
}

static void a_name_may_have_256_bytes_of_any_kind(void **state)
{
    (void)state;
    char name[258];
    static const size_t lengths[] = {1, 253, 255, 256, 257};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct hello_expected want = named;
        struct hello h;
        memset(name, 0xe9, sizeof name);
        name[lengths[i]] = '\0';
        want.name = name;
        hello_begin(&h, NULL);
        hello_add_name(&h, name, lengths[i]);
        hello_expect_hello(&h, lengths[i] <= CLIENTHELLO_NAME_MAX ? &want : &illegal);
    }
    struct hello_bytes raw = {0};
    struct hello h;
    hello_begin(&h, NULL);
    hello_add_name(&h, "a\0b", 3);
    hello_end(&h);
    hello_records(&raw, &h.message, 7);
    struct hello_outcome o = hello_check_whole(&hello_expect_guard, &raw, CAP);
    assert_int_equal(o.info.name_len, 3);
    assert_memory_equal(o.info.name, "a\0b", 3);
    hello_bytes_free(&raw);
    hello_free(&h);
}

/* Names as long as the structure lets them be are refused for what they are. */
static void a_name_of_thousands_of_bytes_is_illegal(void **state)
{
    (void)state;
    static char name[60000];
    struct hello h;
    memset(name, 'a', sizeof name);
    hello_begin(&h, NULL);
    hello_add_name(&h, name, sizeof name);
    hello_expect_hello_once(&h, &illegal);
}

static void the_alpn_text_is_cut_between_names(void **state)
{
    (void)state;
    static const struct {
        size_t comma; /* between the names */
        size_t all;
        size_t kept;
    } shapes[] = {{64, 128, 128}, {64, 129, 64}, {129, 130, 0}, {128, 130, 128}, {126, 128, 128}};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        char text[LIMIT_ALPN_TEXT + 10];
        struct hello_expected want = nameless;
        struct hello h;
        memset(text, 'x', sizeof text);
        text[shapes[i].comma] = ',';
        text[shapes[i].all] = '\0';
        hello_begin(&h, NULL);
        hello_add_alpn(&h, text);
        text[shapes[i].kept] = '\0';
        want.alpn = text;
        hello_expect_hello(&h, &want);
    }
}

static void the_alpn_text_has_no_gaps(void **state)
{
    (void)state;
    char text[LIMIT_ALPN_TEXT + 10];
    struct hello_expected want = nameless;
    struct hello h;
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof text - 4, ",h2", 4);
    text[20] = ',';
    hello_begin(&h, NULL);
    hello_add_alpn(&h, text);
    text[20] = '\0';
    want.alpn = text;
    hello_expect_hello(&h, &want);
}

/* Whatever a single length says instead of the truth, no name comes out.  The message's own length
 * is left to the record layer's tests. */
static void a_single_length_that_lies_is_always_refused(void **state)
{
    (void)state;
    static const size_t offsets[] = {1, 2, 4, 0x100};
    for (unsigned field = HELLO_SESSION_ID; field < HELLO_FIELDS; field++) {
        struct hello h;
        begin_full_hello(&h);
        hello_end(&h);
        assert_true(hello_has_field(&h, field));
        size_t truth = hello_length(&h, field);
        size_t lies[4 + 2 * ARRAY_LEN(offsets)] = {0, 1, 0x7fff, 0xffff};
        for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
            lies[4 + 2 * i] = truth + offsets[i];
            lies[5 + 2 * i] = truth - offsets[i];
        }
        for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
            hello_lie(&h, field, lies[i]);
            if (hello_length(&h, field) != truth) {
                hello_expect_message(&h.message, &decode_error);
            }
        }
        hello_free(&h);
    }
}

static void a_message_that_ends_early_is_refused_at_every_byte(void **state)
{
    (void)state;
    struct hello h;
    begin_full_hello(&h);
    hello_end(&h);
    for (size_t len = 4; len < h.message.len; len++) {
        struct hello_bytes cut = {.data = h.message.data, .len = len};
        struct hello_bytes raw = {0};
        hello_lie(&h, HELLO_MESSAGE, len - 4);
        hello_records(&raw, &cut, LIMIT_RECORD_BYTES);
        struct hello_outcome o = hello_check_whole(&hello_expect_guard, &raw, CAP);
        struct hello_expected want = decode_error;
        if (len == 4 + 2 + 32 + 1 + 32 + 2 + 8 + 1 + 1) {
            want = nameless; /* right behind the compression methods */
        }
        hello_expect_outcome(&o, &want);
        hello_bytes_free(&raw);
    }
    hello_free(&h);
}

static void what_follows_the_hello_is_not_looked_at(void **state)
{
    (void)state;
    struct hello_bytes raw = {0};
    hello_simple(&raw, NAME, "h2");
    size_t size = raw.len;
    hello_add_record(&raw, 20, 0x0303, (const uint8_t *)"\1", 1);
    hello_add_record(&raw, 23, 0x0303, NULL, LIMIT_RECORD_BYTES);
    hello_bytes_add(&raw, "anything", 8);
    struct hello_outcome o = hello_check_whole(&hello_expect_guard, &raw, CAP);
    assert_int_equal(o.result, CLIENTHELLO_OK);
    assert_int_equal(o.info.raw_bytes, size);
    assert_int_equal(o.info.features, 0);
    assert_memory_equal(o.info.name, NAME, strlen(NAME));
    hello_bytes_free(&raw);
}

/* Large hellos, the name last; every cut near a record border, and strides in between. */
static void hellos_of_up_to_60_kilobytes_are_understood(void **state)
{
    (void)state;
    static const size_t sizes[] = {2000, 4096, 9000, 16000, 21500, 60000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct hello h;
        struct hello_bytes raw = {0};
        hello_begin(&h, NULL);
        hello_add_padding(&h, sizes[i] - 24);
        hello_add_name(&h, NAME, strlen(NAME));
        hello_end(&h);
        assert_int_equal(h.message.len, sizes[i]);
        hello_records(&raw, &h.message, LIMIT_RECORD_BYTES);
        struct hello_outcome whole = hello_check_whole(&hello_expect_guard, &raw, CAP);
        hello_expect_outcome(&whole, &named);
        assert_int_equal(whole.info.raw_bytes, raw.len);
        for (size_t cut = 1; cut < raw.len;
             cut += cut % 16389 < 12 || raw.len - cut < 40 ? 1 : 97) {
            struct hello_outcome both =
                hello_check_feed(&hello_expect_guard, &raw, CAP, (const size_t[]){cut, raw.len}, 2);
            assert_true(hello_check_same(&both, &whole));
        }
        hello_bytes_free(&raw);
        hello_free(&h);
    }
}

/* 65,536 feeds; that each costs the same is for test_record.c to say. */
static void the_cap_of_64_kilobytes_holds_to_the_byte(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct hello h;
        struct hello_bytes raw = {0};
        struct clienthello parser;
        struct clienthello_info info;
        enum clienthello_result result = CLIENTHELLO_MORE;
        size_t fed = 0;
        hello_begin(&h, NULL);
        hello_add_name(&h, NAME, strlen(NAME));
        hello_add_padding(&h, CAP - 20 + over);
        hello_end(&h);
        hello_records(&raw, &h.message, LIMIT_RECORD_BYTES);
        assert_int_equal(raw.len, CAP + over);
        clienthello_init(&parser);
        while (result == CLIENTHELLO_MORE && fed < raw.len) {
            result = clienthello_feed(&parser, raw.data, ++fed, CAP, &info);
        }
        assert_int_equal(result, over ? CLIENTHELLO_TOO_LARGE : CLIENTHELLO_OK);
        assert_int_equal(fed, over ? 9 : CAP);
        hello_bytes_free(&raw);
        hello_free(&h);
    }
}

/* The bytes are wrong until the last one is there: whoever reads a message before it is whole reads
 * it again and again. */
static void a_message_is_read_once_when_it_is_whole(void **state)
{
    (void)state;
    struct hello_bytes raw = {0};
    struct clienthello parser;
    struct clienthello_info info;
    hello_simple(&raw, NAME, "h2");
    uint8_t *wrong = malloc(raw.len);
    assert_non_null(wrong);
    memset(wrong, 0xff, raw.len);
    memcpy(wrong, raw.data, 9);
    clienthello_init(&parser);
    for (size_t len = 1; len < raw.len; len++) {
        assert_int_equal(clienthello_feed(&parser, wrong, len, CAP, &info), CLIENTHELLO_MORE);
    }
    assert_int_equal(clienthello_feed(&parser, raw.data, raw.len, CAP, &info), CLIENTHELLO_OK);
    assert_memory_equal(info.name, NAME, strlen(NAME));
    free(wrong);
    hello_bytes_free(&raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing_errors_have_their_outcome_and_alert),
        cmocka_unit_test(a_browser_with_grease_and_a_post_quantum_share_is_understood),
        cmocka_unit_test(what_stands_before_the_extensions_is_held_to_its_ranges),
        cmocka_unit_test(a_hello_without_extensions_has_no_name),
        cmocka_unit_test(server_name_says_one_host_name_or_none),
        cmocka_unit_test(alpn_lists_names_that_are_not_empty),
        cmocka_unit_test(supported_versions_replace_the_legacy_version),
        cmocka_unit_test(key_share_tells_a_post_quantum_group),
        cmocka_unit_test(early_data_and_ech_are_seen_whatever_they_hold),
        cmocka_unit_test(any_extension_twice_is_illegal),
        cmocka_unit_test(sixteen_thousand_extensions_are_told_apart),
        cmocka_unit_test(a_name_may_have_256_bytes_of_any_kind),
        cmocka_unit_test(a_name_of_thousands_of_bytes_is_illegal),
        cmocka_unit_test(the_alpn_text_is_cut_between_names),
        cmocka_unit_test(the_alpn_text_has_no_gaps),
        cmocka_unit_test(a_single_length_that_lies_is_always_refused),
        cmocka_unit_test(a_message_that_ends_early_is_refused_at_every_byte),
        cmocka_unit_test(what_follows_the_hello_is_not_looked_at),
        cmocka_unit_test(hellos_of_up_to_60_kilobytes_are_understood),
        cmocka_unit_test(the_cap_of_64_kilobytes_holds_to_the_byte),
        cmocka_unit_test(a_message_is_read_once_when_it_is_whole),
    };
    return cmocka_run_group_tests(tests, hello_expect_set_up, hello_expect_tear_down);
}
