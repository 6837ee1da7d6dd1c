#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/execcredential_priv.h"
#include "base/attr.h"
#include "support/certs.h"
#include "support/failalloc.h"
#include "support/tempdir.h"

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

/* Every sign of a time, in turn in another's place; and every figure one too high. */
static void a_time_is_right_in_every_sign(void **state)
{
    static const char good[] = "2026-11-21T12:00:00+02:00";
    static const char *const beyond[] = {
        "2026-00-21T12:00:00Z", "2026-11-00T12:00:00Z",      "2026-11-32T12:00:00Z",
        "2026-11-21T12:60:00Z", "2026-11-21T12:00:61Z",      "2026-11-21T12:00:00+24:00",
        "2026-11-21T12:00:0",   "2026-11-21T12:00:00.5x00Z", "2026-11-21T12:00:00 02:00",
    };

    (void)state;
    expires(good, 1795255200);
    for (size_t i = 0; i < strlen(good); i++) {
        char bad[sizeof(good)];

        memcpy(bad, good, sizeof(good));
        bad[i] = good[i] >= '0' && good[i] <= '9' ? ':' : '0';
        expires(bad, -1);
        if (i > 0) { /* "" is none */
            bad[i] = '\0';
            expires(bad, -1);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
        expires(beyond[i], -1);
    }
}

static void garbage_is_refused_unsaid(void **state)
{
    (void)state;
    refuses("", "it printed nothing");
    refuses("hunter2", "no JSON object");
    refuses("['hunter2']", "no JSON object");
    refuses("{'token':'hunter2'}", "no ExecCredential");
    refuses("{'kind':['hunter2']}", "no ExecCredential");
    refuses("{'kind':'ExecCredential','apiVersion':['hunter2']}", "another apiVersion");
    refuses(HEAD "'status':{'token':['hunter2']}}", "is not a text");
    refuses(HEAD "'status':{'clientCertificateData':['hunter2']}}", "is not a text");
    refuses(HEAD "'status':{'clientKeyData':['hunter2']}}", "is not a text");
    refuses(HEAD "'status':{'token':'hunter2','expirationTimestamp':7}}", "is not a text");
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

/* ---- certificates ---- */

static struct tempdir dir;
static char *ca, *one, *two;

static char *read_pem(const struct certs *certs, const char *name)
{
    char path[PATH_MAX], text[8192];
    FILE *f = fopen(certs_path(certs, name, path), "re");

    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    assert_string_not_equal(text, "");
    return strdup(text);
}

/* An ExecCredential of both, to be freed. */
static char *pair(const char *cert, const char *key)
{
    size_t room = 2 * (strlen(cert) + strlen(key)) + 256;
    char *text = malloc(room), *to;
    const char *const pems[] = {cert, key};

    to = stpcpy(text, HEAD "'status':{'clientCertificateData':'");
    for (size_t i = 0; i < ARRAY_LEN(pems); i++) {
        for (const char *p = pems[i]; *p != '\0'; p++) {
            to = *p == '\n' ? stpcpy(to, "\\n") : stpncpy(to, p, 1);
        }
        to = stpcpy(to, i == 0 ? "','clientKeyData':'" : "'}}");
    }
    return text;
}

static int issue(void **state)
{
    struct certs *certs;

    (void)state;
    tempdir_make(&dir);
    certs = certs_new(&dir);
    certs_issue(certs, "one", "one.test");
    certs_issue(certs, "two", "two.test");
    ca = read_pem(certs, "ca");
    one = read_pem(certs, "one");
    two = read_pem(certs, "two");
    certs_free(certs);
    return 0;
}

static int forget(void **state)
{
    free(ca);
    free(one);
    free(two);
    tempdir_remove(&dir);
    return fini(state);
}

static void a_certificate_comes_with_its_own_key(void **state)
{
    const struct {
        const char *cert, *key;
        bool good;
    } rows[] = {{one, one, true}, {one, two, false}, {one, ca, false}, {"x", one, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = pair(rows[i].cert, rows[i].key);

        if (rows[i].good) {
            assert_int_equal(parse(text), 0);
            assert_string_equal(c.cert, rows[i].cert);
            assert_string_equal(c.key, rows[i].key);
        } else {
            refuses(text, "no PEM certificate and its key");
        }
        free(text);
    }
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
    char *both = pair(one, one);

    (void)state;
    assert_true(failalloc_torture(parse_once, text) >= 8);
    execcredential_fini(&c);
    for (char *p = both; *p != '\0'; p++) {
        *p = (char)(*p == '\'' ? '"' : *p);
    }
    assert_true(failalloc_torture(parse_once, both) >= 8);
    free(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_token_without_an_end_is_for_ever, fini),
        cmocka_unit_test_teardown(its_end_is_an_rfc_3339_time, fini),
        cmocka_unit_test_teardown(a_time_is_right_in_every_sign, fini),
        cmocka_unit_test_teardown(garbage_is_refused_unsaid, fini),
        cmocka_unit_test_teardown(another_api_version_is_refused, fini),
        cmocka_unit_test_teardown(there_must_be_a_credential_in_it, fini),
        cmocka_unit_test_setup_teardown(a_certificate_comes_with_its_own_key, issue, forget),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_left, issue, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
