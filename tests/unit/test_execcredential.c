#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/execcredential_priv.h"
#include "support/failalloc.h"

#define V1   "client.authentication.k8s.io/v1"
#define HEAD "{'apiVersion':'" V1 "','kind':'ExecCredential',"

static struct execcredential c;
static struct err e;

/** Single quotes stand for double ones. */
static int parse(const char *text)
{
    char *json = strdup(text);
    int rc;

    for (char *p = json; *p != '\0'; p++) {
        *p = (char)(*p == '\'' ? '"' : *p);
    }
    execcredential_fini(&c);
    rc = execcredential_parse(&c, json, strlen(json), V1, &e);
    free(json);
    return rc;
}

static void refuses(const char *text, const char *why)
{
    assert_int_equal(parse(text), -EINVAL);
    assert_non_null(strstr(e.text, why));
    assert_null(strstr(e.text, "hunter2"));
    assert_null(c.token);
}

static void expires(const char *when, int64_t at)
{
    char text[256];

    (void)snprintf(text, sizeof(text), HEAD "'status':{'token':'t','expirationTimestamp':'%s'}}",
                   when);
    if (at < 0) {
        refuses(text, "expirationTimestamp is no RFC 3339 time");
    } else {
        assert_int_equal(parse(text), 0);
        assert_int_equal(c.expires, at);
    }
}

static int fini(void **state)
{
    (void)state;
    execcredential_fini(&c);
    return 0;
}

static void a_token_without_an_end_is_for_ever(void **state)
{
    (void)state;
    assert_int_equal(parse(HEAD "'spec':{},'status':{'token':'t','clientKeyData':null,'x':1}}"), 0);
    assert_string_equal(c.token, "t");
    assert_null(c.cert);
    assert_true(c.expires == EXECCREDENTIAL_FOREVER);
}

static void its_end_is_an_rfc_3339_time(void **state)
{
    (void)state;
    expires("1970-01-01T00:00:00Z", 0);
    expires("2026-11-21T12:00:00Z", 1795262400);
    expires("2026-11-21t12:00:00.123456789z", 1795262400);
    expires("2026-11-21T14:00:00+02:00", 1795262400);
    expires("2026-11-21T06:30:00-05:30", 1795262400);
    expires("2026-11-21", -1);
    expires("2026-11-21T12:00:00", -1);
    expires("2026-11-21T12:00:00.Z", -1);
    expires("2026-11-21T12:00:00Zx", -1);
    expires("2026-11-21 12:00:00Z", -1);
    expires("2026-13-21T12:00:00Z", -1);
    expires("2026-11-21T24:00:00Z", -1);
    expires("2026-11-21T12:00:00+2", -1);
    expires("2026-11-21T12:00:00+02:60", -1);
}

static void garbage_is_refused_unsaid(void **state)
{
    (void)state;
    refuses("", "it printed nothing");
    refuses("hunter2", "no JSON object");
    refuses("['hunter2']", "no JSON object");
    refuses("{'token':'hunter2'}", "no ExecCredential");
    refuses(HEAD "'status':{'token':['hunter2']}}", "is not a text");
    refuses(HEAD "'status':{'token':'hunter2\\nX: 1'}}", "a character that no token has");
}

static void another_api_version_is_refused(void **state)
{
    (void)state;
    refuses("{'apiVersion':'client.authentication.k8s.io/v1beta1','kind':'ExecCredential',"
            "'status':{'token':'hunter2'}}",
            "another apiVersion than " V1);
    refuses("{'kind':'ExecCredential','status':{'token':'hunter2'}}", "another apiVersion");
}

static void there_must_be_a_credential_in_it(void **state)
{
    (void)state;
    refuses(HEAD "'status':{}}", "neither status.token nor");
    refuses(HEAD "'status':{'token':''}}", "neither status.token nor");
    refuses("{'apiVersion':'" V1 "','kind':'ExecCredential'}", "neither status.token nor");
    refuses(HEAD "'status':{'clientKeyData':'hunter2'}}", "without the other");
    refuses(HEAD "'status':{'clientKeyData':'hunter2','clientCertificateData':'x'}}",
            "are no PEM certificate");
}

static void parse_once(void *ctx)
{
    const char *text = ctx;

    err_clear(&e);
    execcredential_fini(&c);
    if (execcredential_parse(&c, text, strlen(text), V1, &e) != 0) {
        assert_string_not_equal(e.text, "");
        assert_null(c.token);
    }
}

static void without_memory_nothing_is_left(void **state)
{
    char text[] = "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":"
                  "{\"token\":\"t\"}}";

    (void)state;
    assert_true(failalloc_torture(parse_once, text) >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_token_without_an_end_is_for_ever, fini),
        cmocka_unit_test_teardown(its_end_is_an_rfc_3339_time, fini),
        cmocka_unit_test_teardown(garbage_is_refused_unsaid, fini),
        cmocka_unit_test_teardown(another_api_version_is_refused, fini),
        cmocka_unit_test_teardown(there_must_be_a_credential_in_it, fini),
        cmocka_unit_test_teardown(without_memory_nothing_is_left, fini),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
