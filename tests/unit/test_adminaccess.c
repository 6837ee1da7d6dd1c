#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/admin/adminaccess_priv.h"
#include "base/attr.h"

/* Who connected, to the program's eyes; NULL: nobody. */
static const char *peer;

int __wrap_getpeername(int fd, struct sockaddr *sa, socklen_t *len);

int __wrap_getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    assert_int_equal(fd, 7);
    if (peer == NULL) {
        errno = ENOTCONN;
        return -1;
    }
    if (inet_pton(AF_INET, peer, &in.sin_addr) == 1) {
        memcpy(sa, &in, sizeof(in));
        *len = sizeof(in);
        return 0;
    }
    assert_int_equal(inet_pton(AF_INET6, peer, &in6.sin6_addr), 1);
    memcpy(sa, &in6, sizeof(in6));
    *len = sizeof(in6);
    return 0;
}

static void loopback_is_this_machine_however_it_is_written(void **state)
{
    static const char *const here[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
    static const char *const elsewhere[] = {
        "10.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "fe80::1", "::ffff:10.0.0.1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(here); i++) {
        peer = here[i];
        assert_true(adminaccess_is_loopback(7));
    }
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        peer = elsewhere[i];
        assert_false(adminaccess_is_loopback(7));
    }
}

static void who_has_gone_is_not_here(void **state)
{
    (void)state;
    peer = NULL;
    assert_false(adminaccess_is_loopback(7));
}

static void addresses_and_localhost_are_plain_hosts(void **state)
{
    static const char *const hosts[] = {
        "localhost",          "LocalHost:10254", "localhost.", "localhost.:1", "127.0.0.1",
        "127.0.0.1:10254",    "10.2.3.4:80",     "[::1]",      "[::1]:10254",  "[fd00::1]",
        "[::ffff:1.2.3.4]:1", "127.0.0.1:", /* an empty port is a port (RFC 3986, 3.2.3) */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        assert_true(adminaccess_is_plain_host(hosts[i]));
    }
}

static void names_are_not_plain_hosts(void **state)
{
    static const char *const hosts[] = {
        "",
        ":",
        ":80",
        "a",
        "rebound.example",
        "rebound.example:10254",
        "localhost.example",
        "127.0.0.1.example",
        "127.0.0.1:80:80",
        "127.0.0.1:x",
        "[::1",
        "::1]",
        "[]",
        "[]:1",
        "[127.0.0.1]",
        "[localhost]",
        "::1",
        "::1:80",
        "[::1]x",
        "[::1]:x",
        "1.2.3",
        "0x7f.1",
        "user@127.0.0.1",
        "127.0.0.1 ",
        " 127.0.0.1",
        "127.0.0.1,127.0.0.1",
        "[fe80::1%lo]",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        if (adminaccess_is_plain_host(hosts[i])) {
            fail_msg("\"%s\" is taken for an address", hosts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_this_machine_however_it_is_written),
        cmocka_unit_test(who_has_gone_is_not_here),
        cmocka_unit_test(addresses_and_localhost_are_plain_hosts),
        cmocka_unit_test(names_are_not_plain_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
