#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/optionpairs.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"

static struct err e;

static int listen_to(const char *a, const char *b)
{
    struct netaddr addrs[2];
    struct options o = {.listen = addrs, .n_listen = 2};

    assert_int_equal(netaddr_parse(a, &addrs[0]), 0);
    assert_int_equal(netaddr_parse(b, &addrs[1]), 0);
    err_clear(&e);
    return optionpairs_check(&o, &e);
}

static void one_address_is_listened_on_once(void **state)
{
    (void)state;
    assert_int_equal(listen_to("127.0.0.1:8443", "127.0.0.1:8443"), -EINVAL);
    assert_string_equal(e.text, "--listen 127.0.0.1:8443: given twice; leave one out");
    assert_int_equal(listen_to("127.0.0.1:8443", "127.0.0.1:8444"), 0);
    assert_int_equal(listen_to("127.0.0.1:8443", "127.0.0.2:8443"), 0);
}

static int admin_and_listen(const char *admin, const char *listen)
{
    struct netaddr addr;
    struct options o = {.listen = &addr, .n_listen = 1};

    assert_int_equal(netaddr_parse(admin, &o.admin), 0);
    assert_int_equal(netaddr_parse(listen, &addr), 0);
    err_clear(&e);
    return optionpairs_check(&o, &e);
}

static void the_admin_port_is_no_listener_s(void **state)
{
    (void)state;
    assert_int_equal(admin_and_listen("127.0.0.1:443", "127.0.0.1:443"), -EINVAL);
    assert_string_equal(e.text,
                        "--admin 127.0.0.1:443: --listen has that port; choose another one");
    assert_int_equal(admin_and_listen("127.0.0.1:443", "[::]:443"), -EINVAL);
    assert_int_equal(admin_and_listen("[::]:443", "127.0.0.1:443"), -EINVAL);
    assert_int_equal(admin_and_listen("127.0.0.1:444", "[::]:443"), 0);
    assert_int_equal(admin_and_listen("127.0.0.2:443", "127.0.0.1:443"), 0);
    assert_int_equal(admin_and_listen("127.0.0.1:0", "127.0.0.1:0"), 0);
}

static void every_free_port_is_another(void **state)
{
    (void)state;
    assert_int_equal(listen_to("127.0.0.1:0", "127.0.0.1:0"), 0);
    assert_int_equal(listen_to("0.0.0.0:0", "127.0.0.1:0"), 0);
}

static void an_address_that_covers_another_is_told_whatever_the_order(void **state)
{
    static const char *const TEXT =
        "--listen 127.0.0.1:443: --listen 0.0.0.0:443 takes its connections already; leave one out";

    (void)state;
    assert_int_equal(listen_to("0.0.0.0:443", "127.0.0.1:443"), -EINVAL);
    assert_string_equal(e.text, TEXT);
    assert_int_equal(listen_to("127.0.0.1:443", "0.0.0.0:443"), -EINVAL);
    assert_string_equal(e.text, TEXT);
}

static void all_of_ipv6_takes_ipv4_too_but_not_the_other_way_round(void **state)
{
    (void)state;
    assert_int_equal(listen_to("[::]:443", "0.0.0.0:443"), -EINVAL);
    assert_non_null(strstr(e.text, "--listen 0.0.0.0:443: --listen [::]:443 takes"));
    assert_int_equal(listen_to("0.0.0.0:443", "[::]:443"), -EINVAL);
    assert_int_equal(listen_to("192.0.2.1:443", "[::]:443"), -EINVAL);
    assert_int_equal(listen_to("[::1]:443", "[::]:443"), -EINVAL);
    assert_int_equal(listen_to("0.0.0.0:443", "[::1]:443"), 0);
}

static void only_named_classes_and_none_at_all_contradict_each_other(void **state)
{
    struct options o = {.ingress_class_only = true};

    (void)state;
    assert_int_equal(optionpairs_check(&o, &e), 0);
    o.ingress_without_class = true;
    assert_int_equal(optionpairs_check(&o, &e), -EINVAL);
    assert_non_null(strstr(e.text, "--ingress-class-only and --ingress-without-class"));
    o.ingress_class_only = false;
    assert_int_equal(optionpairs_check(&o, &e), 0);
}

static void more_namespaces_than_can_be_watched_are_refused(void **state)
{
    const char *names[LIMIT_KUBE_NAMESPACES + 1];
    struct options o = {.watch_namespaces = {.items = names, .n = LIMIT_KUBE_NAMESPACES}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        names[i] = "shop";
    }
    assert_int_equal(optionpairs_check(&o, &e), 0);
    o.watch_namespaces.n++;
    assert_int_equal(optionpairs_check(&o, &e), -EINVAL);
    assert_string_equal(e.text, "--watch-namespace: 65 namespaces, and 64 are the most; leave it "
                                "out to watch all");
}

static void a_service_to_publish_is_namespace_and_name(void **state)
{
    static const char *const bad[] = {
        "web",
        "/web",
        "shop/",
        "Shop/a",
        "shop/-a",
        "shop/web/x",
        "n123456789012345678901234567890123456789012345678901234567890123/web"};
    struct options o = {.publish_service = "shop/web"};

    (void)state;
    assert_int_equal(optionpairs_check(&o, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        o.publish_service = bad[i];
        assert_int_equal(optionpairs_check(&o, &e), -EINVAL);
        assert_non_null(strstr(e.text, "not the name of a Service; write NAMESPACE/NAME"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_is_listened_on_once),
        cmocka_unit_test(the_admin_port_is_no_listener_s),
        cmocka_unit_test(every_free_port_is_another),
        cmocka_unit_test(an_address_that_covers_another_is_told_whatever_the_order),
        cmocka_unit_test(all_of_ipv6_takes_ipv4_too_but_not_the_other_way_round),
        cmocka_unit_test(only_named_classes_and_none_at_all_contradict_each_other),
        cmocka_unit_test(more_namespaces_than_can_be_watched_are_refused),
        cmocka_unit_test(a_service_to_publish_is_namespace_and_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
