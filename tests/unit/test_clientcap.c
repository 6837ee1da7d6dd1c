#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/netaddr.h"
#include "proxy/clientcap.h"
#include "support/failalloc.h"
#include "support/failsys.h"

#define CLIENTS 40000u /* enough for the table of a shard to grow */
#define SHARDS  64u

static struct netaddr addr_of(const char *ip, uint16_t port)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse_ip(ip, port, &a), 0);
    return a;
}

/* Client number `i` of many. */
static struct netaddr nth_client(uint32_t i)
{
    struct netaddr a = addr_of("10.0.0.0", 1);

    a.ip.bytes[1] = (uint8_t)(i >> 16);
    a.ip.bytes[2] = (uint8_t)(i >> 8);
    a.ip.bytes[3] = (uint8_t)i;
    return a;
}

static int cap_setup(void **state)
{
    *state = clientcap_new(2);
    assert_non_null(*state);
    return 0;
}

/* Freeing asserts that everybody has left. */
static int cap_teardown(void **state)
{
    clientcap_free(*state);
    return 0;
}

static void a_client_has_its_share_and_no_more(void **state)
{
    struct clientcap *cap = *state;
    struct netaddr a = addr_of("192.0.2.1", 1), b = addr_of("192.0.2.2", 1);

    assert_true(clientcap_enter(cap, &a));
    assert_true(clientcap_enter(cap, &a));
    assert_false(clientcap_enter(cap, &a));
    assert_false(clientcap_enter(cap, &a)); /* a refusal was not counted */
    assert_true(clientcap_enter(cap, &b));  /* and is nobody else's */
    clientcap_leave(cap, &a);
    assert_true(clientcap_enter(cap, &a));
    assert_false(clientcap_enter(cap, &a));
    clientcap_leave(cap, &a);
    clientcap_leave(cap, &a);
    clientcap_leave(cap, &b);
}

static void ports_do_not_make_another_client(void **state)
{
    struct clientcap *cap = *state;
    struct netaddr a = addr_of("192.0.2.1", 1000), b = addr_of("192.0.2.1", 2000);

    assert_true(clientcap_enter(cap, &a));
    assert_true(clientcap_enter(cap, &b));
    assert_false(clientcap_enter(cap, &a));
    clientcap_leave(cap, &b);
    clientcap_leave(cap, &b);
}

static void one_ipv6_client_is_its_64_bit_network(void **state)
{
    struct clientcap *cap = *state;
    struct netaddr a = addr_of("2001:db8:0:1::1", 1);
    struct netaddr same = addr_of("2001:db8:0:1:ffff:ffff:ffff:ffff", 1);
    struct netaddr other = addr_of("2001:db8:0:2::1", 1);

    assert_true(clientcap_enter(cap, &a));
    assert_true(clientcap_enter(cap, &same));
    assert_false(clientcap_enter(cap, &a));
    assert_true(clientcap_enter(cap, &other));
    clientcap_leave(cap, &a);
    clientcap_leave(cap, &a);
    clientcap_leave(cap, &other);
}

static void an_ipv4_client_is_not_the_ipv6_network_of_the_same_bytes(void **state)
{
    struct clientcap *cap = *state;
    struct netaddr v4 = addr_of("32.1.13.184", 1), v6 = addr_of("2001:db8::1", 1);

    assert_memory_equal(v4.ip.bytes, v6.ip.bytes, 8);
    assert_true(clientcap_enter(cap, &v4));
    assert_true(clientcap_enter(cap, &v4));
    assert_true(clientcap_enter(cap, &v6));
    clientcap_leave(cap, &v4);
    clientcap_leave(cap, &v4);
    clientcap_leave(cap, &v6);
}

static void many_clients_are_told_apart(void **state)
{
    struct clientcap *cap = *state;
    struct netaddr a;

    for (uint32_t i = 0; i < CLIENTS; i++) {
        a = nth_client(i);
        assert_true(clientcap_enter(cap, &a));
        assert_true(clientcap_enter(cap, &a));
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        a = nth_client(i);
        assert_false(clientcap_enter(cap, &a));
        clientcap_leave(cap, &a);
        clientcap_leave(cap, &a);
    }
}

#define THREADS 8
#define TURNS   20000u
#define MANY    7u

/* What the threads see; the main thread asserts. */
struct crowd {
    struct clientcap *cap;
    _Atomic int inside[MANY];
    _Atomic unsigned too_many;
};

static void *come_and_go(void *arg)
{
    struct crowd *c = arg;

    for (uint32_t i = 0; i < TURNS; i++) {
        struct netaddr mine = nth_client(i % MANY);
        if (clientcap_enter(c->cap, &mine)) {
            c->too_many += c->inside[i % MANY]++ >= 2;
            c->inside[i % MANY]--;
            clientcap_leave(c->cap, &mine);
        }
    }
    return NULL;
}

static void workers_share_the_count_and_lose_none(void **state)
{
    struct clientcap *cap = *state;
    pthread_t threads[THREADS];
    struct crowd crowd = {.cap = cap};

    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(crowd.too_many, 0);
    for (uint32_t i = 0; i < MANY; i++) { /* all shares are whole again */
        struct netaddr a = nth_client(i);
        assert_true(clientcap_enter(cap, &a));
        assert_true(clientcap_enter(cap, &a));
        assert_false(clientcap_enter(cap, &a));
        clientcap_leave(cap, &a);
        clientcap_leave(cap, &a);
    }
}

static void none_is_freed_gladly(void **state)
{
    (void)state;
    clientcap_free(NULL);
}

/* The first allocation is the client's entry; the next ones make its table, or let it grow. */
static void without_memory_one_client_is_refused_and_nothing_else_happens(void **state)
{
    struct clientcap *cap = *state;
    struct netaddr a;
    unsigned refused = 0;

    for (uint32_t i = 0; i < CLIENTS; i++) {
        a = nth_client(i);
        for (size_t nth = 1; nth <= 3; nth++) {
            bool entered, failed;
            failalloc_arm(nth);
            entered = clientcap_enter(cap, &a);
            failed = failalloc_disarm();
            assert_int_equal(entered, !failed);
            if (entered) {
                clientcap_leave(cap, &a);
            }
            refused += failed && nth > 1;
        }
        assert_true(clientcap_enter(cap, &a));
    }
    assert_true(refused > 2 * SHARDS); /* more than every table's first two */
    for (uint32_t i = 0; i < CLIENTS; i++) {
        a = nth_client(i);
        clientcap_leave(cap, &a);
    }
}

static void a_cap_that_cannot_be_made_is_none(void **state)
{
    (void)state;
    failsys_fail(FAILSYS_ALIGNED_ALLOC, ENOMEM, 0, 1);
    assert_null(clientcap_new(1));
    failsys_reset();
}

#define WITH_CAP(test) cmocka_unit_test_setup_teardown(test, cap_setup, cap_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CAP(a_client_has_its_share_and_no_more),
        WITH_CAP(ports_do_not_make_another_client),
        WITH_CAP(one_ipv6_client_is_its_64_bit_network),
        WITH_CAP(an_ipv4_client_is_not_the_ipv6_network_of_the_same_bytes),
        WITH_CAP(many_clients_are_told_apart),
        WITH_CAP(workers_share_the_count_and_lose_none),
        WITH_CAP(without_memory_one_client_is_refused_and_nothing_else_happens),
        cmocka_unit_test(a_cap_that_cannot_be_made_is_none),
        cmocka_unit_test(none_is_freed_gladly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
