#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/serverurl_priv.h"
#include "support/failalloc.h"

static void a_server_is_https_or_http_and_a_host(void **state)
{
    static const char *const rows[][2] = {
        {"https://host", "https://host"},
        {"https://host:6443/", "https://host:6443"},
        {"HTTPS://[fd00::1]:6443/k8s/clusters/c-1//", "HTTPS://[fd00::1]:6443/k8s/clusters/c-1"},
        {"http://127.0.0.1:8001", "http://127.0.0.1:8001"},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *url;

        assert_int_equal(serverurl_check(rows[i][0], &url, &e), 0);
        assert_string_equal(url, rows[i][1]);
        free(url);
    }
}

static void whatever_else_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "host",
                                      "host:6443",
                                      "https://",
                                      "https:///path",
                                      "https:/h:6443",
                                      "https://:443",
                                      "https://u@",
                                      "https://u@/path",
                                      "https://?q",
                                      "http://",
                                      "http://:80",
                                      "ftp://h",
                                      "file:///x",
                                      "https://u@h",
                                      "https://u:p@h",
                                      "https://:p@h",
                                      "https://h?q",
                                      "https://h#",
                                      "https://h/#f",
                                      "https://h:99999",
                                      "https://h:port",
                                      "https://h\r\nX: 1",
                                      "https://[::1",
                                      "https://a b/"};
    struct err e;
    char *url = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        assert_int_equal(serverurl_check(bad[i], &url, &e), -EINVAL);
        assert_string_not_equal(e.text, "");
        assert_null(url);
    }
}

static void a_proxy_may_have_a_user(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(serverurl_check_proxy("http://u:p@proxy:3128", &e), 0);
    assert_int_equal(serverurl_check_proxy("https://proxy", &e), 0);
    assert_int_equal(serverurl_check_proxy("socks5://proxy:1080", &e), 0);
    assert_int_equal(serverurl_check_proxy("socks4://proxy:1080", &e), -EINVAL);
}

static void what_is_no_proxy_is_told_how_to_write_one(void **state)
{
    static const char *const bad[] = {
        "proxy:3128",  "proxy",       "http://",    "http://:3128", "socks5://",
        "socks5://:1", "http:///p:1", "https:/p:1", "ftp://p:1",    ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {""};

        assert_int_equal(serverurl_check_proxy(bad[i], &e), -EINVAL);
        assert_string_equal(e.text,
                            "is no proxy; write http://, https:// or socks5:// and HOST:PORT");
    }
}

static void check_once(void *ctx)
{
    struct err e = {""};
    char *url = NULL;
    int rc = serverurl_check(ctx, &url, &e);

    if (rc == 0) {
        assert_string_equal(url, "https://host:6443/k8s");
    } else {
        assert_int_equal(rc, -ENOMEM);
        assert_string_equal(e.text, "out of memory");
        assert_null(url);
    }
    free(url);
}

static void check_proxy_once(void *ctx)
{
    struct err e = {""};
    int rc = serverurl_check_proxy(ctx, &e);

    assert_true(rc == 0 || (rc == -ENOMEM && strcmp(e.text, "out of memory") == 0));
}

/* Without memory libcurl may call it a bad login. */
static void refuse_once(void *ctx)
{
    struct err e = {""};
    char *url = NULL;

    assert_true(serverurl_check(ctx, &url, &e) < 0);
    assert_null(url);
}

static void compose_once(void *ctx)
{
    char *url = serverurl_compose(ctx, "443");

    assert_true(url == NULL || strcmp(url, "https://host:443") == 0);
    free(url);
}

/* What libcurl asks for to take a URL apart fails, too. */
static void without_memory_no_url_is_taken_for_another(void **state)
{
    char server[] = "https://host:6443/k8s//", proxy[] = "http://proxy:3128",
         secret[] = "https://u:p@host", host[] = "host";

    (void)state;
    assert_in_range(failalloc_torture(check_once, server), 3, 60);
    assert_in_range(failalloc_torture(check_proxy_once, proxy), 3, 60);
    assert_in_range(failalloc_torture(refuse_once, secret), 3, 60);
    assert_int_equal(failalloc_torture(compose_once, host), 1);
}

static void an_ipv6_address_gets_brackets(void **state)
{
    static const char *const rows[][2] = {{"10.0.0.1", "https://10.0.0.1:443"},
                                          {"fd00::1", "https://[fd00::1]:443"},
                                          {"[fd00::1]", "https://[fd00::1]:443"},
                                          {"kubernetes.default", "https://kubernetes.default:443"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *url = serverurl_compose(rows[i][0], "443");

        assert_string_equal(url, rows[i][1]);
        assert_true(serverurl_is_https(url));
        free(url);
    }
    assert_false(serverurl_is_https("http://https://"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_https_or_http_and_a_host),
        cmocka_unit_test(whatever_else_is_refused),
        cmocka_unit_test(a_proxy_may_have_a_user),
        cmocka_unit_test(what_is_no_proxy_is_told_how_to_write_one),
        cmocka_unit_test(without_memory_no_url_is_taken_for_another),
        cmocka_unit_test(an_ipv6_address_gets_brackets),
    };

    failalloc_join_libcurl();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
