#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/adminsocket.h"
#include "support/failsys.h"
#include "support/sockopt.h"

static struct netaddr address(const char *text)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse(text, &a), 0);
    return a;
}

/* Whether a client gets through to `a`. */
static bool connects(const struct netaddr *a)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(a, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    assert_true(fd >= 0);
    rc = connect(fd, (struct sockaddr *)&sa, len);
    close(fd);
    return rc == 0;
}

static void a_free_port_is_told(void **state)
{
    struct netaddr a = address("127.0.0.1:0");
    struct err e;
    int fd = adminsocket_open(&a, &e);

    (void)state;
    assert_true(fd >= 0);
    assert_int_not_equal(a.port, 0);
    assert_true(connects(&a)); /* clients wait from now on */
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
}

/* However much a client lets wait, the kernel holds little of it, and not for long. */
static void what_is_accepted_has_small_buffers(void **state)
{
    struct netaddr a = address("127.0.0.1:0");
    struct sockaddr_storage sa;
    socklen_t len;
    struct err e;
    int fd = adminsocket_open(&a, &e);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int accepted;

    (void)state;
    assert_true(fd >= 0 && client >= 0);
    len = netaddr_to_sockaddr(&a, &sa);
    assert_int_equal(connect(client, (struct sockaddr *)&sa, len), 0);
    accepted = accept(fd, NULL, NULL);
    assert_true(accepted >= 0);
    assert_in_range(sockopt_of(accepted, SOL_SOCKET, SO_SNDBUF), 1, 262144);
    assert_in_range(sockopt_of(accepted, SOL_SOCKET, SO_RCVBUF), 1, 65536);
    assert_int_equal(sockopt_of(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
    assert_int_equal(sockopt_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    close(accepted);
    close(client);
    close(fd);
}

static void one_socket_takes_both_families(void **state)
{
    struct netaddr any = address("[::]:0");
    struct netaddr v4 = address("127.0.0.1:1");
    struct err e;
    int fd = adminsocket_open(&any, &e);

    (void)state;
    if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
        print_message("             skip %s: no IPv6 here\n", __func__);
        skip();
    }
    assert_true(fd >= 0);
    v4.port = any.port;
    assert_true(connects(&v4));
    close(fd);
}

static void an_address_in_use_is_told_with_a_mend(void **state)
{
    struct netaddr a = address("127.0.0.1:0");
    struct netaddr b;
    struct err e = {""};
    char text[NETADDR_TEXT_MAX];
    int fd = adminsocket_open(&a, &e);

    (void)state;
    assert_true(fd >= 0);
    b = a;
    assert_int_equal(adminsocket_open(&b, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, netaddr_format(&a, text)));
    assert_non_null(strstr(e.text, "another process has it"));
    assert_null(strchr(e.text, '\n'));
    close(fd);
}

/* SO_REUSEPORT of somebody else must not let us in, nor him. */
static void nobody_shares_the_address(void **state)
{
    struct netaddr a = address("127.0.0.1:0");
    const int on = 1;
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct err e;
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_true(other >= 0);
    assert_int_equal(setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    len = netaddr_to_sockaddr(&a, &sa);
    assert_int_equal(bind(other, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(other, 1), 0);
    len = sizeof(sa);
    assert_int_equal(getsockname(other, (struct sockaddr *)&sa, &len), 0);
    netaddr_from_sockaddr(&a, (struct sockaddr *)&sa);
    assert_int_equal(adminsocket_open(&a, &e), -EADDRINUSE);
    close(other);
}

static void a_former_run_s_connections_do_not_matter(void **state)
{
    struct netaddr a = address("127.0.0.1:0");
    struct sockaddr_storage sa;
    socklen_t len;
    struct err e;
    int fd = adminsocket_open(&a, &e);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int accepted;

    (void)state;
    assert_true(fd >= 0 && client >= 0);
    len = netaddr_to_sockaddr(&a, &sa);
    assert_int_equal(connect(client, (struct sockaddr *)&sa, len), 0);
    accepted = accept(fd, NULL, NULL);
    assert_true(accepted >= 0);
    close(accepted); /* first, so that it lingers on our side */
    close(client);
    close(fd);
    fd = adminsocket_open(&a, &e);
    assert_true(fd >= 0);
    close(fd);
}

static void foreign_addresses_are_told(void **state)
{
    struct netaddr a = address("192.0.2.1:0");
    struct err e = {""};

    (void)state;
    assert_int_equal(adminsocket_open(&a, &e), -EADDRNOTAVAIL);
    assert_non_null(strstr(e.text, "this machine has no such address"));
}

static void a_family_that_is_off_is_told(void **state)
{
    struct netaddr a = address("127.0.0.1:0");
    struct err e = {""};

    (void)state;
    failsys_fail(FAILSYS_SOCKET, EAFNOSUPPORT, 0, 1);
    assert_int_equal(adminsocket_open(&a, &e), -EAFNOSUPPORT);
    assert_non_null(strstr(e.text, "this address family is off here"));
    failsys_fail(FAILSYS_LISTEN, EADDRINUSE, 0, 1);
    assert_int_equal(adminsocket_open(&a, &e), -EADDRINUSE);
    failsys_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_port_is_told),
        cmocka_unit_test(what_is_accepted_has_small_buffers),
        cmocka_unit_test(one_socket_takes_both_families),
        cmocka_unit_test(an_address_in_use_is_told_with_a_mend),
        cmocka_unit_test(nobody_shares_the_address),
        cmocka_unit_test(a_former_run_s_connections_do_not_matter),
        cmocka_unit_test(foreign_addresses_are_told),
        cmocka_unit_test(a_family_that_is_off_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
