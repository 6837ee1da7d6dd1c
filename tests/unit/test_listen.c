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

#include "proxy/listen.h"
#include "support/failsys.h"
#include "support/proxy_fixture.h"
#include "support/sockopt.h"

/* A free port of 127.0.0.1. */
static int scene_setup(void **state)
{
    static struct netaddr a;
    struct err e;

    assert_int_equal(netaddr_parse("127.0.0.1:0", &a), 0);
    assert_int_equal(listen_probe(&a, &e), 0);
    *state = &a;
    return 0;
}

static int scene_teardown(void **state)
{
    (void)state;
    failsys_reset();
    return 0;
}

/* Another program's socket on `a`. */
static int foreign(const struct netaddr *a, bool reuseaddr, bool reuseport)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(a, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM, 0);
    const int on = 1;

    assert_true(fd >= 0);
    if (reuseaddr) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    }
    if (reuseport) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    }
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    return fd;
}

static void assert_in_use(const struct netaddr *where)
{
    struct netaddr a = *where;
    struct err e;
    char text[NETADDR_TEXT_MAX];

    err_clear(&e);
    assert_int_equal(listen_probe(&a, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, netaddr_format(where, text)));
    assert_non_null(strstr(e.text, "another process has it"));
    assert_null(strchr(e.text, '\n'));
}

static void port_0_becomes_the_port_that_was_free(void **state)
{
    struct netaddr *a = *state;

    assert_int_not_equal(a->port, 0);
}

static void an_address_someone_listens_on_is_in_use(void **state)
{
    struct netaddr *a = *state;
    int fd = foreign(a, false, false);

    assert_int_equal(listen(fd, 1), 0);
    assert_in_use(a);
    close(fd);
}

static void so_is_one_that_is_shared_by_reuseport(void **state)
{
    struct netaddr *a = *state;
    int fd = foreign(a, true, true);

    assert_int_equal(listen(fd, 1), 0);
    assert_in_use(a);
    close(fd);
}

static void so_is_one_that_another_of_us_holds_before_it_listens(void **state)
{
    struct netaddr *a = *state;
    struct err e;
    int fd = listen_bind(a, &e);

    assert_true(fd >= 0);
    listen_hold(fd);
    assert_in_use(a);
    assert_int_equal(listen_start(fd), 0);
    assert_in_use(a);
    close(fd);
}

static void what_is_held_is_kept_from_programs_that_do_not_ask_first(void **state)
{
    struct netaddr *a = *state;
    struct err e;
    int fd = listen_bind(a, &e);
    int other;

    listen_hold(fd);
    other = socket(AF_INET, SOCK_STREAM, 0);
    {
        struct sockaddr_storage sa;
        socklen_t len = netaddr_to_sockaddr(a, &sa);
        const int on = 1;
        bool bound;
        assert_int_equal(setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        bound = bind(other, (struct sockaddr *)&sa, len) == 0;
        assert_true(!bound || listen(other, 1) != 0);
    }
    assert_int_equal(listen_start(fd), 0);
    close(other);
    close(fd);
}

static void every_worker_gets_a_socket_of_its_own_on_the_address(void **state)
{
    struct netaddr *a = *state;
    struct err e;
    int first = listen_bind(a, &e), second = listen_bind(a, &e);

    assert_true(first >= 0 && second >= 0);
    listen_hold(first);
    listen_hold(second);
    assert_int_equal(listen_start(first), 0);
    assert_int_equal(listen_start(second), 0);
    close(first);
    close(second);
}

static int accept_one(int listener)
{
    int fd;

    while ((fd = accept(listener, NULL, NULL)) < 0) {
        assert_int_equal(errno, EAGAIN);
    }
    return fd;
}

static bool is_connected(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_state == TCP_ESTABLISHED;
}

/* Handshakes with another listener, begun behind one that is looked at, from end to end: what they
 * took would have been enough for that one. */
static void let_a_later_handshake_pass(void)
{
    struct netaddr other;
    struct err e;
    int fd;

    assert_int_equal(netaddr_parse("127.0.0.1:0", &other), 0);
    assert_int_equal(listen_probe(&other, &e), 0);
    fd = listen_bind(&other, &e);
    assert_int_equal(listen_start(fd), 0);
    for (int i = 0; i < 10; i++) {
        int client = proxy_fixture_dial(&other);
        int server = accept_one(fd);

        assert_true(is_connected(client));
        close(server);
        close(client);
    }
    close(fd);
}

static void at_its_end_a_listener_begins_no_handshake_and_keeps_what_it_has(void **state)
{
    struct netaddr *a = *state;
    struct err e;
    int fd = listen_bind(a, &e);
    int queued, late, accepted;
    char byte;

    assert_int_equal(listen_start(fd), 0);
    close(proxy_fixture_dial(a));
    close(accept_one(fd));
    queued = proxy_fixture_dial(a);
    listen_end_handshakes(fd);
    late = proxy_fixture_begin_dial(a);
    let_a_later_handshake_pass();
    assert_false(is_connected(late));
    accepted = accept_one(fd);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(write(queued, "x", 1), 1);
    while (read(accepted, &byte, 1) != 1) {
        assert_int_equal(errno, EAGAIN);
    }
    close(accepted);
    close(queued);
    close(late);
    close(fd);
}

static void connections_of_a_former_run_are_no_hindrance(void **state)
{
    struct netaddr *a = *state, again = *a;
    struct err e;
    int fd = listen_bind(a, &e), client, server, draining_client, draining;
    uint8_t byte;

    listen_hold(fd);
    assert_int_equal(listen_start(fd), 0);
    client = proxy_fixture_dial(a);
    server = accept_one(fd);
    draining_client = proxy_fixture_dial(a);
    draining = accept_one(fd);
    close(server); /* our end closes first: it is the one in TIME_WAIT */
    while (read(client, &byte, 1) < 0) {
        assert_int_equal(errno, EAGAIN);
    }
    close(client);
    close(fd);
    assert_int_equal(listen_probe(&again, &e), 0);
    close(draining);
    close(draining_client);
}

static void both_families_come_to_an_ipv6_wildcard(void **state)
{
    struct netaddr any, v4;
    struct err e;
    int fd, client, server;

    (void)state;
    assert_int_equal(netaddr_parse("[::]:0", &any), 0);
    if (listen_probe(&any, &e) != 0) {
        print_message("             skip %s: no IPv6 here\n", __func__);
        skip();
    }
    fd = listen_bind(&any, &e);
    assert_true(fd >= 0);
    assert_int_equal(listen_start(fd), 0);
    assert_int_equal(netaddr_parse_ip("127.0.0.1", any.port, &v4), 0);
    client = proxy_fixture_dial(&v4);
    server = accept_one(fd);
    close(server);
    close(client);
    close(fd);
}

static void a_foreign_address_is_named_with_a_mend(void **state)
{
    struct netaddr a;
    struct err e;

    (void)state;
    assert_int_equal(netaddr_parse("192.0.2.77:0", &a), 0); /* RFC 5737: nobody's */
    err_clear(&e);
    assert_int_equal(listen_probe(&a, &e), -EADDRNOTAVAIL);
    assert_non_null(strstr(e.text, "192.0.2.77:0"));
    assert_non_null(strstr(e.text, "no such address"));
    err_clear(&e);
    assert_int_equal(listen_bind(&a, &e), -EADDRNOTAVAIL);
    assert_non_null(strstr(e.text, "no such address"));
}

static void without_descriptors_the_error_says_so(void **state)
{
    struct netaddr *a = *state;
    struct err e;

    err_clear(&e);
    failsys_fail(FAILSYS_SOCKET, EMFILE, 0, 2);
    assert_int_equal(listen_probe(a, &e), -EMFILE);
    assert_non_null(strstr(e.text, strerror(EMFILE)));
    assert_int_equal(listen_bind(a, &e), -EMFILE);
}

static void what_forbids_an_address_comes_with_its_mend(void **state)
{
    static const struct {
        int error;
        const char *mend;
    } cases[] = {{EACCES, "choose a higher port"}, {EAFNOSUPPORT, "the other one"}};
    struct netaddr *a = *state;
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err_clear(&e);
        failsys_fail(FAILSYS_SOCKET, cases[i].error, 0, 1);
        assert_int_equal(listen_probe(a, &e), -cases[i].error);
        assert_non_null(strstr(e.text, cases[i].mend));
    }
}

static void a_failed_probe_leaves_no_descriptor(void **state)
{
    struct netaddr *a = *state;
    size_t before = proxy_fixture_open_fds();
    struct err e;
    uint16_t port = a->port;

    failsys_fail(FAILSYS_LISTEN, EADDRINUSE, 0, 1);
    assert_int_equal(listen_probe(a, &e), -EADDRINUSE);
    assert_int_equal(a->port, port);
    assert_int_equal(proxy_fixture_open_fds(), before);
}

static void sockets_do_not_block_nor_leak_into_programs_and_inherit_what_connections_need(
    void **state)
{
    struct netaddr *a = *state;
    struct err e;
    int fd = listen_bind(a, &e);

    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(sockopt_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    assert_true(sockopt_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) > 0);
    assert_true(sockopt_of(fd, IPPROTO_TCP, TCP_NODELAY) != 0);
    assert_int_equal(sockopt_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    close(fd);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(port_0_becomes_the_port_that_was_free),
        IN_SCENE(an_address_someone_listens_on_is_in_use),
        IN_SCENE(so_is_one_that_is_shared_by_reuseport),
        IN_SCENE(so_is_one_that_another_of_us_holds_before_it_listens),
        IN_SCENE(what_is_held_is_kept_from_programs_that_do_not_ask_first),
        IN_SCENE(every_worker_gets_a_socket_of_its_own_on_the_address),
        IN_SCENE(at_its_end_a_listener_begins_no_handshake_and_keeps_what_it_has),
        IN_SCENE(connections_of_a_former_run_are_no_hindrance),
        IN_SCENE(both_families_come_to_an_ipv6_wildcard),
        IN_SCENE(a_foreign_address_is_named_with_a_mend),
        IN_SCENE(without_descriptors_the_error_says_so),
        IN_SCENE(what_forbids_an_address_comes_with_its_mend),
        IN_SCENE(a_failed_probe_leaves_no_descriptor),
        IN_SCENE(sockets_do_not_block_nor_leak_into_programs_and_inherit_what_connections_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
