#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kube/kubeauth.h"
#include "support/certs.h"
#include "support/failalloc.h"
#include "support/tempdir.h"

struct scene {
    struct tempdir dir, other_dir;
    struct event_base *base;
    struct certs *certs, *other; /* two authorities */
    char token[PATH_MAX], ca[PATH_MAX], cert[PATH_MAX], command[PATH_MAX];
    struct kubeaccess access;
    struct kubeauth *auth;
    struct kubeauth_now now;
    unsigned changes;
    struct err e;
};

static void on_change(void *ctx)
{
    struct scene *s = ctx;

    s->changes++;
}

/** The path of a file in the scene's directory, as an access has it. */
static char *place(struct scene *s, const char *name, char out[PATH_MAX])
{
    tempdir_path(&s->dir, name, out);
    return out;
}

static int open_scene(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    tempdir_make(&s->dir);
    tempdir_make(&s->other_dir);
    s->base = event_base_new();
    s->certs = certs_new(&s->dir);
    s->other = certs_new(&s->other_dir);
    certs_issue(s->certs, "client", "client.test");
    certs_issue(s->other, "client", "client.test");
    tempdir_write(&s->dir, "token", "  first\n");
    s->access.token_file = place(s, "token", s->token);
    *state = s;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;

    kubeauth_free(s->auth);
    event_base_free(s->base);
    certs_free(s->certs);
    certs_free(s->other);
    tempdir_remove(&s->dir);
    tempdir_remove(&s->other_dir);
    free(s);
    return 0;
}

static bool begin(struct scene *s)
{
    kubeauth_free(s->auth);
    s->auth = kubeauth_new(&s->access, s->base, on_change, s, &s->e);
    return s->auth != NULL;
}

static const char *token_at(struct scene *s, uint64_t now_ms)
{
    assert_int_equal(kubeauth_get(s->auth, now_ms, &s->now, &s->e), KUBEAUTH_READY);
    return s->now.token;
}

static uint64_t generation_at(struct scene *s, uint64_t now_ms)
{
    (void)token_at(s, now_ms);
    return s->now.tls_generation;
}

/** Put a copy of the other authority's file in place of ours, as the kubelet does. */
static void swap_in(struct scene *s, const char *from, const char *to)
{
    char path[PATH_MAX], text[8192] = "";
    int fd = open(tempdir_path(&s->other_dir, from, path), O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    tempdir_replace(&s->dir, to, text);
}

/* ---- the token file -------------------------------------------------------------------------- */

static void a_token_file_is_read_again_after_fifty_seconds(void **state)
{
    struct scene *s = *state;

    assert_true(begin(s));
    assert_string_equal(token_at(s, 100), "first");
    tempdir_replace(&s->dir, "token", "second\n");
    assert_string_equal(token_at(s, KUBEAUTH_TOKEN_MS - 1), "first");
    assert_string_equal(token_at(s, KUBEAUTH_TOKEN_MS), "second");
}

static void after_a_refused_request_the_token_file_is_read_at_once(void **state)
{
    struct scene *s = *state;

    assert_true(begin(s));
    assert_string_equal(token_at(s, KUBEAUTH_TOKEN_MS), "first");
    tempdir_replace(&s->dir, "token", "second");
    /* That request had an older token: ours may still be good. */
    kubeauth_refused(s->auth, KUBEAUTH_TOKEN_MS - 1);
    assert_string_equal(token_at(s, KUBEAUTH_TOKEN_MS + 2), "first");
    kubeauth_refused(s->auth, KUBEAUTH_TOKEN_MS + 2);
    assert_string_equal(token_at(s, KUBEAUTH_TOKEN_MS + 3), "second");
}

static void a_token_file_that_is_spoilt_leaves_the_token_as_it_was(void **state)
{
    static const char *const spoilt[] = {"", " \n", "two words", "smuggled\r\nX-Evil: 1",
                                         "b\xc3\xa4r"};
    struct scene *s = *state;
    uint64_t now = KUBEAUTH_TOKEN_MS;

    assert_true(begin(s));
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        tempdir_replace(&s->dir, "token", spoilt[i]);
        assert_string_equal(token_at(s, now++), "first");
    }
    assert_int_equal(unlink(s->token), 0);
    assert_string_equal(token_at(s, now++), "first");
    tempdir_replace(&s->dir, "token", "second");
    assert_string_equal(token_at(s, now), "second"); /* tried again with each request */
}

static void at_start_a_token_file_must_be_good(void **state)
{
    struct scene *s = *state;
    char big[KUBEAUTH_TOKEN_BYTES + 2];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    tempdir_replace(&s->dir, "token", "\n");
    assert_false(begin(s));
    assert_non_null(strstr(s->e.text, "tokenFile "));
    assert_non_null(strstr(s->e.text, s->token));
    assert_non_null(strstr(s->e.text, "it is empty"));
    tempdir_replace(&s->dir, "token", "a b");
    assert_false(begin(s));
    assert_non_null(strstr(s->e.text, "holds no token"));
    tempdir_replace(&s->dir, "token", big);
    assert_false(begin(s));
    assert_non_null(strstr(s->e.text, "larger than 16 KiB"));
    assert_int_equal(unlink(s->token), 0);
    assert_false(begin(s));
    assert_non_null(strstr(s->e.text, "No such file"));
}

static void a_given_token_stays(void **state)
{
    struct scene *s = *state;
    char given[] = "given";

    s->access.token_file = NULL;
    s->access.token = given;
    assert_true(begin(s));
    kubeauth_refused(s->auth, 5);
    kubeauth_reload(s->auth);
    assert_string_equal(token_at(s, 10), "given");
}

static void a_reload_reads_everything(void **state)
{
    struct scene *s = *state;

    assert_true(begin(s));
    assert_string_equal(token_at(s, 100), "first");
    tempdir_replace(&s->dir, "token", "second");
    kubeauth_reload(s->auth);
    assert_string_equal(token_at(s, 101), "second");
}

/* ---- authority and client certificate -------------------------------------------------------- */

static void with_authority(struct scene *s)
{
    s->access.ca.file = place(s, "ca.pem", s->ca);
    assert_true(begin(s));
}

static void a_new_authority_is_seen_and_counted(void **state)
{
    struct scene *s = *state;
    uint64_t first;
    char *old;

    with_authority(s);
    first = generation_at(s, 100);
    old = strdup(s->now.ca);
    swap_in(s, "ca.pem", "ca.pem");
    assert_int_equal(generation_at(s, KUBEAUTH_PEM_MS - 1), first);
    assert_string_equal(s->now.ca, old);
    assert_int_equal(generation_at(s, KUBEAUTH_PEM_MS), first + 1);
    assert_string_not_equal(s->now.ca, old);
    assert_int_equal(generation_at(s, 2 * KUBEAUTH_PEM_MS), first + 1); /* the same bytes */
    free(old);
}

static void a_certificate_that_did_not_verify_has_the_authority_read_at_once(void **state)
{
    struct scene *s = *state;
    uint64_t first;

    with_authority(s);
    first = generation_at(s, 100);
    swap_in(s, "ca.pem", "ca.pem");
    kubeauth_untrusted(s->auth);
    assert_int_equal(generation_at(s, 101), first + 1);
}

static void an_authority_that_is_spoilt_stays_as_it_was(void **state)
{
    static const char *const spoilt[] = {
        "", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB"};
    struct scene *s = *state;
    uint64_t first;

    with_authority(s);
    first = generation_at(s, 100);
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        tempdir_replace(&s->dir, "ca.pem", spoilt[i]);
        kubeauth_untrusted(s->auth);
        assert_int_equal(generation_at(s, 101 + i), first);
        assert_non_null(strstr(s->now.ca, "BEGIN CERTIFICATE"));
        assert_false(begin(s) && spoilt[i] != NULL); /* at start it is an error */
        assert_non_null(strstr(s->e.text, "certificate-authority "));
        swap_in(s, "ca.pem", "ca.pem");
        assert_true(begin(s));
        first = generation_at(s, 100);
    }
}

static void certificate_and_key_change_together_or_not_at_all(void **state)
{
    struct scene *s = *state;
    char key[PATH_MAX];
    uint64_t first;

    /* Each file holds both. */
    swap_in(s, "client.pem", "key.pem");
    s->access.cert.file = place(s, "client.pem", s->cert);
    s->access.key.file = place(s, "key.pem", key);
    assert_false(begin(s));
    assert_non_null(strstr(s->e.text, "do not belong together"));
    swap_in(s, "client.pem", "client.pem");
    assert_true(begin(s));
    first = generation_at(s, 100);
    certs_issue(s->other, "client", "client.test");
    swap_in(s, "client.pem", "client.pem");
    assert_int_equal(generation_at(s, KUBEAUTH_PEM_MS), first); /* the key is still the old one */
    swap_in(s, "client.pem", "key.pem");
    assert_true(generation_at(s, KUBEAUTH_PEM_MS + 1) > first);
    assert_string_equal(s->now.cert, s->now.key);
}

/* ---- a plugin -------------------------------------------------------------------------------- */

static void plugin(struct scene *s, const char *body)
{
    static char version[] = "client.authentication.k8s.io/v1";
    char text[1024];

    (void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
    tempdir_write(&s->dir, "plugin", text);
    assert_int_equal(chmod(tempdir_path(&s->dir, "plugin", s->command), 0700), 0);
    s->access.token_file = NULL;
    s->access.exec = (struct kubeaccess_exec){.api_version = version, .command = s->command};
    assert_true(begin(s));
}

static void until_changed(struct scene *s)
{
    unsigned before = s->changes;

    while (s->changes == before) {
        assert_int_equal(event_base_loop(s->base, EVLOOP_ONCE), 0);
    }
}

#define HEAD "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","

static void a_plugin_gives_the_token(void **state)
{
    struct scene *s = *state;

    plugin(s, "echo '" HEAD "\"status\":{\"token\":\"from-plugin\"}}'");
    assert_int_equal(kubeauth_get(s->auth, 1, &s->now, &s->e), KUBEAUTH_PENDING);
    until_changed(s);
    assert_string_equal(token_at(s, 2), "from-plugin");
    assert_null(s->now.cert);
}

static void a_plugin_that_gave_an_expired_token_is_asked_again(void **state)
{
    struct scene *s = *state;

    plugin(s, "when=2001-02-03T04:05:06Z; [ -e \"$0.again\" ] && when=2999-02-03T04:05:06Z\n"
              "touch \"$0.again\"\n"
              "echo '" HEAD "\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"'$when'\"}}'");
    assert_int_equal(kubeauth_get(s->auth, 1, &s->now, &s->e), KUBEAUTH_PENDING);
    until_changed(s);
    assert_int_equal(kubeauth_get(s->auth, 2, &s->now, &s->e), KUBEAUTH_FAILED);
    assert_non_null(strstr(s->e.text, "expired at 2001-02-03T04:05:06Z"));
    assert_int_equal(kubeauth_get(s->auth, 801, &s->now, &s->e), KUBEAUTH_PENDING);
    until_changed(s);
    assert_string_equal(token_at(s, 802), "t");
}

static void a_plugin_that_fails_says_why(void **state)
{
    struct scene *s = *state;

    plugin(s, "echo 'log in first' >&2; exit 7");
    assert_int_equal(kubeauth_get(s->auth, 1, &s->now, &s->e), KUBEAUTH_PENDING);
    until_changed(s);
    assert_int_equal(kubeauth_get(s->auth, 2, &s->now, &s->e), KUBEAUTH_FAILED);
    assert_non_null(strstr(s->e.text, "failed with status 7: \"log in first\""));
}

static void a_plugins_certificate_is_counted_when_it_changes(void **state)
{
    struct scene *s = *state;
    static const char body[] =
        "pem=$(sed 's/$/\\\\n/' \"${0%/*}/client.pem\" | tr -d '\\n')\n"
        "printf '%s' '" HEAD "\"status\":{\"clientCertificateData\":\"'\"$pem\"'\","
        "\"clientKeyData\":\"'\"$pem\"'\"}}'";
    uint64_t first;

    plugin(s, body);
    assert_int_equal(kubeauth_get(s->auth, 1, &s->now, &s->e), KUBEAUTH_PENDING);
    until_changed(s);
    first = generation_at(s, 2);
    assert_non_null(strstr(s->now.cert, "BEGIN CERTIFICATE"));
    assert_null(s->now.token);
    for (unsigned i = 0; i < 2; i++) {
        kubeauth_reload(s->auth);
        (void)token_at(s, 3 + i);
        until_changed(s);
        assert_int_equal(generation_at(s, 3 + i), first + i); /* the second time it is another */
        certs_issue(s->certs, "client", "client.test");
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void read_all(void *ctx)
{
    struct scene *s = ctx;

    if (!begin(s)) {
        assert_string_not_equal(s->e.text, "");
        return;
    }
    kubeauth_reload(s->auth);
    (void)token_at(s, 1);
}

static void without_memory_what_was_read_stays(void **state)
{
    struct scene *s = *state;

    s->access.ca.file = place(s, "ca.pem", s->ca);
    s->access.cert.file = s->access.key.file = place(s, "client.pem", s->cert);
    assert_true(failalloc_torture(read_all, s) >= 10);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(a_token_file_is_read_again_after_fifty_seconds),
        SCENE(after_a_refused_request_the_token_file_is_read_at_once),
        SCENE(a_token_file_that_is_spoilt_leaves_the_token_as_it_was),
        SCENE(at_start_a_token_file_must_be_good),
        SCENE(a_given_token_stays),
        SCENE(a_reload_reads_everything),
        SCENE(a_new_authority_is_seen_and_counted),
        SCENE(a_certificate_that_did_not_verify_has_the_authority_read_at_once),
        SCENE(an_authority_that_is_spoilt_stays_as_it_was),
        SCENE(certificate_and_key_change_together_or_not_at_all),
        SCENE(a_plugin_gives_the_token),
        SCENE(a_plugin_that_gave_an_expired_token_is_asked_again),
        SCENE(a_plugin_that_fails_says_why),
        SCENE(a_plugins_certificate_is_counted_when_it_changes),
        SCENE(without_memory_what_was_read_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
