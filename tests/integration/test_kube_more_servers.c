/*
 * Servers that end, change, or stand still; and the credentials they are asked with.
 *
 * Not here, and why:
 *  - Row 34, streaming lists (sendInitialEvents): not used, plain LIST and WATCH are; that no watch
 *    asks for one is told below.
 *  - Row 50, a request ended by HTTP/2's RST_STREAM: HTTP/2 is not spoken.  A server whose handler
 *    panics resets the connection instead, told below.
 *  - Row 39, Leases, and row 40, conflicts of status: in the unit tests of what writes (test_lease,
 *    test_statuswriter), and against a real API server in tests/e2e.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/kuberow.h"

/* When requests come is known so exactly on a busy machine. */
#define SLACK_MS 6000

static const struct fakeapi_match all_watches = {.verb = FAKEAPI_WATCH};

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

static bool is_live(void *ctx)
{
    return kuberow_is_live(ctx);
}

/* ---- rows 34, 50 ---------------------------------------------------------------------------- */

/* Row 34: no request has the parameters of a streaming list. */
static void nobody_asks_for_a_list_within_a_watch(void **state)
{
    struct kubescene *s = &scene;
    struct fakeapi_request r;
    unsigned n;

    (void)state;
    kuberow_start(s, NULL);
    n = fakeapi_requests(s->api, NULL);
    for (unsigned i = 0; i < n; i++) {
        kuberow_request(s, NULL, i, &r);
        assert_null(strstr(r.query, "sendInitialEvents"));
        assert_null(strstr(r.query, "resourceVersionMatch"));
    }
}

/* Row 50: after a wait that grows.  Only what went out on a connection that had been idle is tried
 * again at once: the server may have closed that in the meantime (RFC 9112, section 9.3.1). */
static void a_request_reset_without_an_answer_is_tried_again_after_a_wait(void **state)
{
    const struct fakeapi_answer reset = {.status = -1, .cut = FAKEAPI_RST};
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kuberow_start(s, NULL);
    version = fakeapi_version(s->api);
    fakeapi_script(s->api, &kuberow_watches, 3, &reset);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    kuberow_await_watch(s, 5);
    assert_true(kuberow_gap_ms(s, &kuberow_watches, 2) >= 400);
    assert_true(kuberow_gap_ms(s, &kuberow_watches, 3) >= 800);
    kuberow_expect_watch(s, 4, version);
    assert_int_equal(kuberow_relists(s), 0);
    assert_in_range(kuberow_errors(s), 2, 3);
    kuberow_expect_same(s);
}

/* ---- row 37 --------------------------------------------------------------------------------- */

static unsigned timeout_of(struct kubescene *s, unsigned n)
{
    struct fakeapi_request r;
    const char *at;

    kuberow_request(s, &kuberow_watches, n, &r);
    at = strstr(r.query, "timeoutSeconds=");
    assert_non_null(at);
    return (unsigned)strtoul(at + strlen("timeoutSeconds="), NULL, 10);
}

/* Row 37: the server ends it in order, in its time. */
static void a_watch_that_ends_in_its_time_is_opened_again_at_once(void **state)
{
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kuberow_start(s, NULL);
    version = fakeapi_version(s->api);
    for (unsigned n = 1; n <= 2; n++) {
        kubescene_doze(s, (timeout_of(s, n - 1) - 20) * 1000); /* it has run for 15 s */
        assert_int_equal(fakeapi_requests(s->api, &kuberow_watches), n);
        fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
        kubescene_settle(s, 20);
        kuberow_await_watch(s, n + 1);
        assert_in_range(kuberow_gap_ms(s, &kuberow_watches, n - 1), 270000, 605000);
        kuberow_expect_watch(s, n, version);
        kuberow_grow_old(s);
    }
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_errors(s), 0);
}

/* Row 37: the server ignores it: half a minute later we end it ourselves. */
static void a_watch_that_outlives_its_time_is_ended_by_us(void **state)
{
    const struct kubescene_config cfg = {.closed = true};
    const struct fakeapi_behaviour endless = {.endless_watches = true};
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kubescene_start(s, &cfg);
    fakeapi_behave(s->api, &endless);
    version = fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    kuberow_await_watch(s, 1);
    for (unsigned n = 1; n <= 2; n++) {
        uint64_t limit_ms = timeout_of(s, n - 1) * 1000 + 30000;

        kubescene_doze(s, limit_ms - 20000);
        assert_int_equal(fakeapi_requests(s->api, &kuberow_watches), n);
        assert_true(kuberow_asked(s, &kuberow_watches, n + 1, 40000));
        assert_in_range(kuberow_gap_ms(s, &kuberow_watches, n - 1), limit_ms - SLACK_MS,
                        limit_ms + SLACK_MS);
        kuberow_expect_watch(s, n, version);
    }
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_errors(s), 0);
    assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
}

/* ---- row 45 --------------------------------------------------------------------------------- */

#define CREDENTIAL(expires)                                                                        \
    "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","             \
    "\"status\":{\"token\":\"sesame\",\"expirationTimestamp\":\"" expires "\"}}\n"

/* Its first runs go wrong, each in its way. */
static void write_plugin(struct kubescene *s)
{
    char path[PATH_MAX], script[3 * PATH_MAX];

    tempdir_write(&s->dir, "expired.json", CREDENTIAL("2020-01-01T00:00:00Z"));
    tempdir_write(&s->dir, "good.json", CREDENTIAL("2120-01-01T00:00:00Z"));
    snprintf(script, sizeof(script),
             "#!/bin/sh\ncd '%s' || exit 9\necho run >>runs\n"
             "case $(wc -l <runs) in\n"
             "1) echo 'no such account' >&2; exit 3 ;;\n"
             "2) echo 'this is no credential' ;;\n"
             "3) cat expired.json ;;\n"
             "*) cat good.json ;;\n"
             "esac\n",
             s->dir.path);
    tempdir_write(&s->dir, "plugin", script);
    assert_int_equal(chmod(tempdir_path(&s->dir, "plugin", path), 0700), 0);
    s->access.exec.command = strdup(path);
    s->access.exec.api_version = strdup("client.authentication.k8s.io/v1");
    assert_true(s->access.exec.command != NULL && s->access.exec.api_version != NULL);
}

static unsigned runs_of_plugin(struct kubescene *s)
{
    char path[PATH_MAX], line[16];
    FILE *f = fopen(tempdir_path(&s->dir, "runs", path), "r");
    unsigned n = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        n++;
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

struct runs {
    struct kubescene *scene;
    unsigned n;
};

static bool has_run(void *ctx)
{
    const struct runs *r = ctx;

    return runs_of_plugin(r->scene) >= r->n;
}

/* Let time pass until it ran so often; says when that was. */
static uint64_t await_run(struct kubescene *s, unsigned n)
{
    struct runs r = {s, n};
    uint64_t end_ms = clock_now_ms() + 60000;

    while (!kubescene_until(s, has_run, &r, 20)) {
        assert_true(clock_now_ms() < end_ms);
        kubescene_pass(s, 400);
    }
    assert_int_equal(runs_of_plugin(s), n); /* once, however many ask */
    kubescene_settle(s, 50);                /* its end */
    return clock_now_ms();
}

/* Row 45: each failure is told, and tried again after a wait that grows.  That one which hangs is
 * killed, with what it started, after half a minute of the kernel's time is told by the unit tests
 * of kubeexec. */
static void a_plugin_that_fails_is_run_again_after_a_wait(void **state)
{
    const struct kubescene_config cfg = {.closed = true};
    struct kubescene *s = &scene;
    uint64_t first_ms, second_ms, third_ms, fourth_ms;

    (void)state;
    kubescene_start(s, &cfg);
    fakeapi_set_tokens(s->api, "sesame", NULL);
    write_plugin(s);
    kubescene_open_source(s);
    first_ms = await_run(s, 1);
    second_ms = await_run(s, 2);
    third_ms = await_run(s, 3);
    assert_int_equal(fakeapi_requests(s->api, NULL), 0); /* nothing is asked without */
    fourth_ms = await_run(s, 4);
    assert_true(kubescene_complete(s) || (kubescene_pass(s, 60000), kubescene_complete(s)));

    assert_in_range(second_ms - first_ms, 400, 10000);
    assert_in_range(third_ms - second_ms, 1000, 20000);
    assert_in_range(fourth_ms - third_ms, 2000, 40000);
    assert_in_range(kubescene_said(s, "no such account"), 1, 20);
    assert_int_equal(kubescene_said(s, "sesame"), 0);
    kubescene_doze(s, 60000);
    assert_int_equal(runs_of_plugin(s), 4);
}

/* ---- rows 47, 48 ---------------------------------------------------------------------------- */

#define RESTORED                                                                                   \
    "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"metadata\":{\"name\":"        \
    "\"old\",\"namespace\":\"shop\"},\"spec\":{\"rules\":[]}}"

/* Turn until there were `n` watches of all kinds, and one of each is open. */
static void await_all_watches(struct kubescene *s, unsigned n)
{
    assert_true(kubescene_requests(s, &all_watches, n));
    assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
}

/* Row 47: a watch from a version that the server has not reached is answered by silence.  The clock
 * is moved on only while nothing is under way, so that no deadline passes because the machine stood
 * still within a handshake: behind the leap all that follows has the kernel's time. */
static void a_watch_of_the_future_is_silent_until_a_probe_finds_the_truth(void **state)
{
    static const char *const objects[] = {RESTORED, NULL};
    struct kubescene *s = &scene;
    uint64_t known;
    int64_t heard_ms;
    struct fakeapi_request r;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    heard_ms = kubescene_figures(s, "ingresses")->last_event_ms;
    fakeapi_restore(s->api, 50, objects);
    await_all_watches(s, 8);
    kuberow_await_watch(s, 2);
    kuberow_request(s, &kuberow_watches, 1, &r);
    assert_int_equal(r.status, 200);
    kuberow_expect_watch(s, 1, known);
    kubescene_doze(s, kubescene_came_ms(s, &r) + 140000 - clock_now_ms());
    assert_int_equal(kubescene_figures(s, "ingresses")->last_event_ms,
                     heard_ms); /* its age tells */
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
    assert_int_equal(kuberow_relists(s), 0);

    kubescene_leap(s, 30000);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "old", 0));
    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "web"));
    kuberow_expect_list(s, 1, "limit=1&resourceVersion=0"); /* the probe */
    kuberow_expect_list(s, 2, "limit=500");
    await_all_watches(s, 12);
    kuberow_await_watch(s, 3);
    kuberow_expect_watch(s, 2, fakeapi_version(s->api));
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 1);
}

/* Row 48: a server on its way down takes no new connections, but ends old watches late and in
 * order; then there is another at its address. */
static void a_server_that_shuts_down_is_heard_to_its_end(void **state)
{
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kuberow_start(s, NULL);
    fakeapi_listen(s->api, false);
    version = fakeapi_put_ingress(s->api, "shop", "last", "last.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "last", version));
    kubescene_doze(s, 60000);
    assert_true(kuberow_is_live(s));
    assert_int_equal(fakeapi_requests(s->api, &all_watches), 4);
    version = fakeapi_put_ingress(s->api, "shop", "end", "end.example.com", "web");
    fakeapi_cut(s->api, FAKEAPI_ANY_RESOURCE, FAKEAPI_CLOSE);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "end", version));
    fakeapi_drop(s->api, FAKEAPI_FIN);
    kubescene_pass(s, 5000);
    assert_false(kuberow_is_live(s));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "end"));

    fakeapi_listen(s->api, true);
    kubescene_pass(s, 61000);
    kuberow_await_watch(s, 2);
    assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
    kuberow_expect_watch(s, 1, version);
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kubescene_figures(s, "services")->relists, 0);
    kuberow_expect_same(s);
}

#define SCENE(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(nobody_asks_for_a_list_within_a_watch),
        SCENE(a_request_reset_without_an_answer_is_tried_again_after_a_wait),
        SCENE(a_watch_that_ends_in_its_time_is_opened_again_at_once),
        SCENE(a_watch_that_outlives_its_time_is_ended_by_us),
        SCENE(a_plugin_that_fails_is_run_again_after_a_wait),
        SCENE(a_watch_of_the_future_is_silent_until_a_probe_finds_the_truth),
        SCENE(a_server_that_shuts_down_is_heard_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
