#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/kube/kubeserver_priv.h"
#include "kube/kubeaccess.h"
#include "support/failalloc.h"

static struct kubeserver s;

static int tear_down(void **state)
{
    (void)state;
    kubeserver_fini(&s);
    return 0;
}

static int init(const char *server, const char *name)
{
    char server_copy[200], name_copy[100];
    struct kubeaccess a = {.server = server_copy};
    struct err e = {""};
    int rc;

    strcpy(server_copy, server);
    if (name != NULL) {
        strcpy(name_copy, name);
        a.tls_server_name = name_copy;
    }
    kubeserver_fini(&s);
    rc = kubeserver_init(&s, &a, &e);
    assert_int_equal(rc != 0, e.text[0] != '\0');
    return rc;
}

static void a_server_is_where_its_url_says(void **state)
{
    (void)state;
    assert_int_equal(init("https://10.0.0.1:6443", NULL), 0);
    assert_string_equal(s.url, "https://10.0.0.1:6443");
    assert_null(s.connect_to);
    assert_null(s.host);
    assert_false(s.is_plain);
}

static void a_path_stays_in_front(void **state)
{
    (void)state;
    assert_int_equal(init("https://rancher.test/k8s/clusters/c-1", ""), 0);
    assert_string_equal(s.url, "https://rancher.test:443/k8s/clusters/c-1");
    assert_null(s.connect_to);
}

static void a_tls_server_name_takes_the_hosts_place_in_the_url_only(void **state)
{
    (void)state;
    assert_int_equal(init("https://[fd00::1]:6443/x", "kubernetes"), 0);
    assert_string_equal(s.url, "https://kubernetes:6443/x");
    assert_string_equal(s.connect_to, "::[fd00::1]:6443");
    assert_string_equal(s.host, "Host: [fd00::1]:6443");
    assert_int_equal(init("https://a", "fd00::2"), 0);
    assert_string_equal(s.url, "https://[fd00::2]:443");
}

static void plain_http_is_known_as_such(void **state)
{
    (void)state;
    assert_int_equal(init("http://127.0.0.1:8001", NULL), 0);
    assert_true(s.is_plain);
}

static void what_is_no_url_is_refused(void **state)
{
    (void)state;
    assert_int_equal(init("https://[::1", NULL), -EINVAL);
    assert_int_equal(init("https://a:99999999", NULL), -EINVAL);
}

static void make(void *ctx)
{
    int rc = init("https://10.0.0.1:6443", "kubernetes");

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    kubeserver_fini(&s);
}

static void lack_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_in_range(failalloc_torture(make, NULL), 8, 60);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_server_is_where_its_url_says),
        ROW(a_path_stays_in_front),
        ROW(a_tls_server_name_takes_the_hosts_place_in_the_url_only),
        ROW(plain_http_is_known_as_such),
        ROW(what_is_no_url_is_refused),
        ROW(lack_of_memory_leaves_nothing_behind),
    };

    failalloc_join_libcurl();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
