/* Who is who: tokens that run out, certificates that change, certificates that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/kuberow.h"

#define PEM_MAX 8192

static const struct fakeapi_match any = {.verb = FAKEAPI_ANY_VERB};
static struct kubescene scene;
static struct tempdir new_dir; /* of another authority */
static struct certs *new_certs;

static int setup(void **state)
{
    (void)state;
    tempdir_make(&new_dir);
    new_certs = certs_new(&new_dir);
    certs_issue(new_certs, "api", "localhost");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    certs_free(new_certs);
    tempdir_remove(&new_dir);
    return 0;
}

/* ---- row 20 --------------------------------------------------------------------------------- */

/* Row 20: 401 until the token file changes: read again, back within 5 s, the watch too. */
static void a_new_token_is_found_within_five_seconds(void **state)
{
    struct kubescene *s = &scene;
    struct fakeapi_request r;
    uint64_t known, changed_ms, version;
    unsigned before;

    (void)state;
    kuberow_start(s, &(struct kubescene_config){.token = "old"});
    known = fakeapi_version(s->api);
    fakeapi_set_tokens(s->api, "new", NULL);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kubescene_pass(s, 65000);
    kuberow_request(s, &kuberow_watches, kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES) - 1,
                    &r);
    assert_int_equal(r.status, 401);
    assert_string_equal(r.authorization, "Bearer old");
    assert_in_range(kubescene_busiest(s, &kuberow_watches, 2000), 1, 4);
    assert_in_range(kuberow_errors(s), 3, 60);
    assert_false(kuberow_is_live(s));
    assert_true(s->source.ops->is_complete(s->source.self));
    assert_in_range(kubescene_said(s, "401 Unauthorized; the credentials are not accepted"), 1, 2);
    assert_int_equal(kubescene_said(s, "Bearer"), 0);

    before = kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES);
    kubescene_write_token(s, "new");
    changed_ms = clock_now_ms();
    kuberow_await_watch(s, before + 1);
    kuberow_request(s, &kuberow_watches, before, &r);
    assert_string_equal(r.authorization, "Bearer new");
    assert_in_range(kubescene_came_ms(s, &r) - changed_ms, 0, 4999);
    kuberow_expect_watch(s, before, known);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    version = fakeapi_put_ingress(s->api, "shop", "new", "new.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "new", version));
    kuberow_expect_same(s);
}

/* Row 20: the file has changed before the old one is refused: no more than one 401 is seen. */
static void a_token_renewed_in_time_costs_one_refusal_at_most(void **state)
{
    const struct fakeapi_match m = {.resource = FAKEAPI_INGRESSES};
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, &(struct kubescene_config){.token = "old"});
    kubescene_write_token(s, "new");
    fakeapi_set_tokens(s->api, "new", NULL);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    assert_true(kuberow_asked(s, &kuberow_watches, 3, 5000));
    kuberow_await_watch(s, 3);
    assert_in_range(kuberow_gap_ms(s, &kuberow_watches, 1), 0, 4999);
    assert_int_equal(fakeapi_requests(s->api, &m), 4);
    kuberow_expect_same(s);
}

/* ---- row 22 --------------------------------------------------------------------------------- */

static void trust(struct kubescene *s, const struct tempdir *authority)
{
    char path[PATH_MAX], pem[PEM_MAX];
    FILE *f = fopen(tempdir_path(authority, "ca.pem", path), "r");
    size_t n;

    assert_non_null(f);
    n = fread(pem, 1, sizeof(pem) - 1, f);
    (void)fclose(f);
    pem[n] = '\0';
    tempdir_replace(&s->dir, "ca.pem", pem);
}

static void present_new_cert(struct kubescene *s)
{
    char path[PATH_MAX];

    fakeapi_use_cert(s->api, certs_path(new_certs, "api", path));
    fakeapi_drop(s->api, FAKEAPI_FIN);
}

/* Row 22: a new certificate of the server, from a new authority in the CA file. */
static void a_new_authority_is_trusted_from_the_next_connection_on(void **state)
{
    struct kubescene *s = &scene;
    uint64_t changed_ms;
    struct fakeapi_request r;

    (void)state;
    kuberow_start(s, NULL);
    trust(s, &new_dir);
    present_new_cert(s);
    changed_ms = clock_now_ms();
    kuberow_await_watch(s, 2);
    kuberow_request(s, &kuberow_watches, 1, &r);
    assert_in_range(kubescene_came_ms(s, &r) - changed_ms, 0, 4999);
    kubescene_pass(s, 5000);
    assert_true(kuberow_is_live(s));
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_ANY_RESOURCE), 4);
    kuberow_expect_same(s);
}

/* Row 22: the file comes later than the certificate; nothing of the old trust is kept. */
static void an_authority_that_comes_late_is_found_and_the_old_one_forgotten(void **state)
{
    struct kubescene *s = &scene;
    char path[PATH_MAX];
    unsigned requests;

    (void)state;
    kuberow_start(s, NULL);
    requests = fakeapi_requests(s->api, &any);
    present_new_cert(s);
    kubescene_pass(s, 20000);
    assert_int_equal(fakeapi_requests(s->api, &any), requests); /* no byte to who is not trusted */
    assert_false(kuberow_is_live(s));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
    trust(s, &new_dir);
    kuberow_await_watch(s, 2);
    kubescene_pass(s, 60000);
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 0);

    requests = fakeapi_requests(s->api, &any);
    fakeapi_use_cert(s->api, certs_path(s->certs, "api", path));
    fakeapi_drop(s->api, FAKEAPI_FIN);
    kubescene_pass(s, 20000);
    assert_int_equal(fakeapi_requests(s->api, &any), requests);
}

/* ---- row 23 --------------------------------------------------------------------------------- */

/* Refused from the start, for as long as it takes; the error says why. */
static void expect_refused(struct kubescene *s, const char *cert, const char *why)
{
    char path[PATH_MAX];

    kubescene_start(s, &(struct kubescene_config){.closed = true, .token = "secret"});
    if (strcmp(cert, "late") == 0) {
        certs_issue_expired(s->certs, "late", "localhost");
    } else {
        certs_issue(s->certs, cert, "other.example.com");
    }
    fakeapi_use_cert(s->api, certs_path(s->certs, cert, path));
    kubescene_open_source(s);
    kubescene_pass(s, 70000);
    assert_int_equal(fakeapi_requests(s->api, &any), 0); /* so nobody has the token */
    assert_true(fakeapi_accepted(s->api) >= 4);
    assert_false(s->source.ops->is_complete(s->source.self));
    assert_true(kubescene_said(s, why) > 0);
    assert_true(kubescene_said(s, "the server's certificate is not trusted") > 0);
    assert_true(kuberow_errors(s) >= 2);

    fakeapi_use_cert(s->api, certs_path(s->certs, "api", path)); /* and nothing else was wrong */
    kubescene_pass(s, 65000);
    assert_true(kubescene_complete(s));
}

/* Row 23: the server's certificate has expired. */
static void an_expired_certificate_is_refused_and_named(void **state)
{
    (void)state;
    expect_refused(&scene, "late", "certificate has expired");
}

/* Row 23: it is for another name. */
static void a_certificate_of_another_name_is_refused_and_named(void **state)
{
    (void)state;
    expect_refused(&scene, "other", "target host name 'localhost'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_token_is_found_within_five_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_renewed_in_time_costs_one_refusal_at_most, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_authority_is_trusted_from_the_next_connection_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_authority_that_comes_late_is_found_and_the_old_one_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(an_expired_certificate_is_refused_and_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_certificate_of_another_name_is_refused_and_named, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
