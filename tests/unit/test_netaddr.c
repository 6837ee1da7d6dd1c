#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/netaddr.h"

static struct netaddr addr(const char *text)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse(text, &a), 0);
    return a;
}

static struct netaddr ip(const char *text)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse_ip(text, 0, &a), 0);
    return a;
}

static void addresses_read_back_as_they_were_written(void **state)
{
    static const char *const texts[] = {
        "1.2.3.4:80",
        "0.0.0.0:0",
        "255.255.255.255:65535",
        "[::1]:80",
        "[::]:8443",
        "[2001:db8::7]:443",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
    };
    char text[NETADDR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct netaddr a = addr(texts[i]);

        assert_string_equal(netaddr_format(&a, text), texts[i]);
    }
}

static void the_fields_are_what_the_text_says(void **state)
{
    static const uint8_t v4[16] = {10, 1, 2, 3};
    struct netaddr a = addr("10.1.2.3:8443");

    (void)state;
    assert_int_equal(a.family, AF_INET);
    assert_int_equal(a.port, 8443);
    assert_memory_equal(a.ip.bytes, v4, sizeof(v4));
    a = addr("[fe80::1]:1");
    assert_int_equal(a.family, AF_INET6);
    assert_int_equal(a.port, 1);
    assert_int_equal(a.ip.bytes[0], 0xfe);
    assert_int_equal(a.ip.bytes[15], 1);
}

static void what_is_no_address_and_port_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        ":80",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:x",
        "1.2.3.4:+80",
        "1.2.3.4:-1",
        "1.2.3.4: 80",
        " 1.2.3.4:80",
        "1.2.3.4:80 ",
        "1.2.3.4:65536",
        "1.2.3.4:99999",
        "1.2.3.4:4294967376",
        "1.2.3:80",
        "1.2.3.4.5:80",
        "1.2.3.256:80",
        "01.2.3.4:80",
        "0x1.2.3.4:80",
        "[1.2.3.4]:80",
        "::1:80",
        "::1",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "::1]:80",
        "[[::1]]:80",
        "[]:80",
        "[:80",
        "[::1]:",
        "[::1]:80]",
        "[::1%lo]:80",
        "[fe80::1%25eth0]:80",
        "[::1::]:80",
        "[12345::]:80",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80",
        "localhost:80",
        "*:80",
    };
    struct netaddr a = {.port = 7};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(netaddr_parse(texts[i], &a), -EINVAL);
        assert_int_equal(a.port, 7);
    }
}

static void every_port_is_read_exactly(void **state)
{
    char text[32], formatted[NETADDR_TEXT_MAX];
    struct netaddr a;

    (void)state;
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        (void)snprintf(text, sizeof(text), "1.2.3.4:%u", port);
        a = addr(text);
        assert_int_equal(a.port, port);
        assert_string_equal(netaddr_format(&a, formatted), text);
    }
}

static void a_bare_address_takes_the_port_given(void **state)
{
    struct netaddr a, v6 = addr("[2001:db8::1]:443"), v4 = addr("10.0.0.1:443");

    (void)state;
    assert_int_equal(netaddr_parse_ip("2001:db8::1", 443, &a), 0);
    assert_true(netaddr_equal(&a, &v6));
    assert_int_equal(netaddr_parse_ip("10.0.0.1", 443, &a), 0);
    assert_true(netaddr_equal(&a, &v4));
    assert_int_equal(netaddr_parse_ip("10.0.0.1:443", 443, &a), -EINVAL);
    assert_int_equal(netaddr_parse_ip("[::1]", 443, &a), -EINVAL);
    assert_int_equal(netaddr_parse_ip("fe80::1%eth0", 443, &a), -EINVAL);
    assert_int_equal(netaddr_parse_ip("10.0.0.0/8", 443, &a), -EINVAL);
    assert_int_equal(netaddr_parse_ip("", 443, &a), -EINVAL);
    assert_true(netaddr_equal(&a, &v4));
}

static void a_mapped_address_is_its_ipv4_address(void **state)
{
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    struct netaddr a, plain = addr("1.2.3.4:80");

    (void)state;
    a = addr("[::ffff:1.2.3.4]:80");
    assert_true(netaddr_equal(&a, &plain));
    assert_int_equal(inet_pton(AF_INET6, "::ffff:1.2.3.4", &sin6.sin6_addr), 1);
    netaddr_from_sockaddr(&a, (struct sockaddr *)&sin6);
    assert_int_equal(a.family, AF_INET);
    assert_memory_equal(&a, &plain, sizeof(a));
}

static void without_an_address_a_dash_is_written(void **state)
{
    struct netaddr none = {.family = AF_UNSPEC};
    char text[NETADDR_TEXT_MAX];

    (void)state;
    assert_string_equal(netaddr_format(&none, text), "-");
    assert_string_equal(netaddr_format_ip(&none, text), "-");
}

static void the_address_alone_has_neither_port_nor_brackets(void **state)
{
    struct netaddr v4 = addr("1.2.3.4:80"), v6 = addr("[2001:db8::7]:443");
    char text[NETADDR_TEXT_MAX];

    (void)state;
    assert_string_equal(netaddr_format_ip(&v4, text), "1.2.3.4");
    assert_string_equal(netaddr_format_ip(&v6, text), "2001:db8::7");
}

static void every_octet_is_written_as_the_library_writes_it(void **state)
{
    char ours[NETADDR_TEXT_MAX], theirs[INET_ADDRSTRLEN];
    struct netaddr a = {.family = AF_INET};

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        a.ip.bytes[i % 4] = (uint8_t)i;
        a.ip.bytes[(i + 1) % 4] = (uint8_t)(255 - i);
        assert_non_null(inet_ntop(AF_INET, &a.ip.v4, theirs, sizeof(theirs)));
        assert_string_equal(netaddr_format_ip(&a, ours), theirs);
    }
}

static void kernel_addresses_come_back_unchanged(void **state)
{
    static const char *const texts[] = {"1.2.3.4:80", "[2001:db8::7]:443", "[::]:0"};
    struct sockaddr_storage ss;
    struct netaddr a, back;
    socklen_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        a = addr(texts[i]);
        memset(&ss, 0xff, sizeof(ss));
        len = netaddr_to_sockaddr(&a, &ss);
        assert_int_equal(ss.ss_family, a.family);
        assert_int_equal(len, a.family == AF_INET ? sizeof(struct sockaddr_in)
                                                  : sizeof(struct sockaddr_in6));
        netaddr_from_sockaddr(&back, (struct sockaddr *)&ss);
        assert_memory_equal(&a, &back, sizeof(a));
    }
}

static void the_port_travels_in_network_order(void **state)
{
    struct netaddr a = addr("1.2.3.4:258");
    struct sockaddr_storage ss;
    struct sockaddr_in sin;

    (void)state;
    assert_int_equal(netaddr_to_sockaddr(&a, &ss), sizeof(sin));
    memcpy(&sin, &ss, sizeof(sin));
    assert_int_equal(ntohs(sin.sin_port), 258);
    assert_int_equal(ntohl(sin.sin_addr.s_addr), 0x01020304);
}

static void other_families_are_no_address(void **state)
{
    struct sockaddr sa = {.sa_family = AF_UNIX};
    struct netaddr none = {.family = AF_UNSPEC}, a = addr("1.2.3.4:80");
    struct sockaddr_storage ss;

    (void)state;
    netaddr_from_sockaddr(&a, &sa);
    assert_int_equal(a.family, AF_UNSPEC);
    a.family = AF_INET;
    netaddr_from_sockaddr(&a, NULL);
    assert_int_equal(a.family, AF_UNSPEC);
    assert_int_equal(netaddr_to_sockaddr(&none, &ss), 0);
    assert_int_equal(ss.ss_family, AF_UNSPEC);
}

static void equality_knows_family_address_and_port(void **state)
{
    struct netaddr a = addr("1.2.3.4:80"), same = addr("1.2.3.4:80"), port = addr("1.2.3.4:81");
    struct netaddr other = addr("1.2.3.5:80"), v6 = addr("[102:304::]:80");
    struct netaddr v6_tail = addr("[102:304::1]:80");

    (void)state;
    assert_true(netaddr_equal(&a, &same));
    assert_false(netaddr_equal(&a, &port));
    assert_false(netaddr_equal(&a, &other));
    assert_false(netaddr_equal(&a, &v6)); /* the same first four bytes */
    assert_false(netaddr_equal(&v6, &v6_tail));
    assert_true(netaddr_same_ip(&a, &port));
    assert_false(netaddr_same_ip(&a, &other));
    assert_false(netaddr_same_ip(&a, &v6));
}

static int compare(const void *a, const void *b)
{
    return netaddr_compare(a, b);
}

static void sorting_goes_by_family_then_address_then_port(void **state)
{
    static const char *const order[] = {"1.2.3.4:80",   "1.2.3.4:443", "9.0.0.0:1", "10.0.0.0:0",
                                        "200.0.0.1:80", "[::1]:80",    "[::1]:81",  "[fe80::]:1"};
    struct netaddr list[ARRAY_LEN(order)];
    char text[NETADDR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        list[i] = addr(order[ARRAY_LEN(order) - 1 - i]);
        assert_int_equal(netaddr_compare(&list[i], &list[i]), 0);
    }
    qsort(list, ARRAY_LEN(list), sizeof(list[0]), compare);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_string_equal(netaddr_format(&list[i], text), order[i]);
    }
}

/* One row per address: which predicates hold at both ends of each range and just outside. */
static void the_ranges_have_their_exact_borders(void **state)
{
    static const struct {
        const char *text;
        bool unspecified, loopback, link_local, multicast;
    } rows[] = {
        {"0.0.0.0", true, false, false, false},
        {"0.0.0.1", false, false, false, false},
        {"::", true, false, false, false},
        {"::2", false, false, false, false},
        {"126.255.255.255", false, false, false, false},
        {"127.0.0.0", false, true, false, false},
        {"127.255.255.255", false, true, false, false},
        {"128.0.0.0", false, false, false, false},
        {"::1", false, true, false, false},
        {"::ffff:127.0.0.1", false, true, false, false},
        {"169.253.255.255", false, false, false, false},
        {"169.254.0.0", false, false, true, false},
        {"169.254.255.255", false, false, true, false},
        {"169.255.0.0", false, false, false, false},
        {"fe7f::", false, false, false, false},
        {"fe80::", false, false, true, false},
        {"febf:ffff::", false, false, true, false},
        {"fec0::", false, false, false, false},
        {"223.255.255.255", false, false, false, false},
        {"224.0.0.0", false, false, false, true},
        {"239.255.255.255", false, false, false, true},
        {"240.0.0.0", false, false, false, false},
        {"feff::", false, false, false, false},
        {"ff00::", false, false, false, true},
        {"7f00::", false, false, false, false},
        {"e000::", false, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct netaddr a = ip(rows[i].text);

        assert_int_equal(netaddr_is_unspecified(&a), rows[i].unspecified);
        assert_int_equal(netaddr_is_loopback(&a), rows[i].loopback);
        assert_int_equal(netaddr_is_link_local(&a), rows[i].link_local);
        assert_int_equal(netaddr_is_multicast(&a), rows[i].multicast);
    }
}

static void no_address_is_in_no_range(void **state)
{
    struct netaddr none = {.family = AF_UNSPEC};

    (void)state;
    assert_false(netaddr_is_unspecified(&none));
    assert_false(netaddr_is_loopback(&none));
    assert_false(netaddr_is_link_local(&none));
    assert_false(netaddr_is_multicast(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_read_back_as_they_were_written),
        cmocka_unit_test(the_fields_are_what_the_text_says),
        cmocka_unit_test(what_is_no_address_and_port_is_refused),
        cmocka_unit_test(every_port_is_read_exactly),
        cmocka_unit_test(a_bare_address_takes_the_port_given),
        cmocka_unit_test(a_mapped_address_is_its_ipv4_address),
        cmocka_unit_test(without_an_address_a_dash_is_written),
        cmocka_unit_test(the_address_alone_has_neither_port_nor_brackets),
        cmocka_unit_test(every_octet_is_written_as_the_library_writes_it),
        cmocka_unit_test(kernel_addresses_come_back_unchanged),
        cmocka_unit_test(the_port_travels_in_network_order),
        cmocka_unit_test(other_families_are_no_address),
        cmocka_unit_test(equality_knows_family_address_and_port),
        cmocka_unit_test(sorting_goes_by_family_then_address_then_port),
        cmocka_unit_test(the_ranges_have_their_exact_borders),
        cmocka_unit_test(no_address_is_in_no_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
