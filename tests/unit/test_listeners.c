#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/listeners.h"

#include <errno.h>

#include "support/failalloc.h"

static struct listeners l;

static struct netaddr addr(const char *text)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse(text, &a), 0);
    return a;
}

static int teardown(void **state)
{
    (void)state;
    listeners_fini(&l);
    return 0;
}

static void bind_to(const char *text)
{
    struct netaddr a = addr(text);

    listeners_fini(&l);
    assert_int_equal(listeners_init(&l, &a, 1), 0);
}

static bool includes(const char *text)
{
    struct netaddr a = addr(text);

    return listeners_include(&l, &a);
}

static void a_bound_address_is_ours_and_its_neighbours_are_not(void **state)
{
    (void)state;
    bind_to("127.0.0.1:8443");
    assert_true(includes("127.0.0.1:8443"));
    assert_false(includes("127.0.0.1:8444"));
    assert_false(includes("127.0.0.2:8443"));
    assert_false(includes("[::1]:8443"));
}

static void every_address_of_this_machine_is_ours_when_all_are_bound(void **state)
{
    (void)state;
    bind_to("[::]:8443");
    assert_true(includes("127.0.0.1:8443"));
    assert_true(includes("127.9.9.9:8443"));
    assert_true(includes("[::1]:8443"));
    assert_true(includes("0.0.0.0:8443"));
    assert_false(includes("127.0.0.1:443"));
    assert_false(includes("192.0.2.1:8443"));
}

static void interface_addresses_are_known(void **state)
{
    (void)state;
    bind_to("0.0.0.0:8443");
    for (size_t i = 0; i < l.n_local; i++) {
        struct netaddr a = l.local[i];

        a.port = 8443;
        assert_int_equal(listeners_include(&l, &a), a.family == AF_INET);
        a.port = 8444;
        assert_false(listeners_include(&l, &a));
    }
    assert_true(l.n_local > 0);
}

static void an_ipv4_listener_takes_no_ipv6(void **state)
{
    (void)state;
    bind_to("0.0.0.0:8443");
    assert_true(includes("127.0.0.1:8443"));
    assert_false(includes("[::1]:8443"));
}

static void the_default_is_every_address_on_port_8443(void **state)
{
    struct netaddr a = listeners_default();

    (void)state;
    assert_true(netaddr_is_unspecified(&a));
    assert_int_equal(a.port, 8443);
}

static void init_once(void *ctx)
{
    struct listeners mine;
    int rc = listeners_init(&mine, ctx, 1);

    assert_true(rc == 0 || rc == -ENOMEM);
    listeners_fini(&mine);
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    struct netaddr a = addr("0.0.0.0:1");

    (void)state;
    assert_int_equal(failalloc_torture(init_once, &a), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        T(a_bound_address_is_ours_and_its_neighbours_are_not),
        T(every_address_of_this_machine_is_ours_when_all_are_bound),
        T(interface_addresses_are_known),
        T(an_ipv4_listener_takes_no_ipv6),
        T(the_default_is_every_address_on_port_8443),
        T(running_out_of_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
