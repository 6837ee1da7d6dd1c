#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src/kube/authplugin_priv.h"
#include "../../src/kube/kubeexec_priv.h"
#include "base/clock.h"
#include "base/timetext.h"

#define NOON 1790000000

/* ---- a plugin that is a script, and a wall clock ----------------------------------------------
 */

struct kubeexec {
    struct kubeexec_config cfg;
};

static struct kubeexec process;
static unsigned starts, cancels;
static const char *no_start; /* why it cannot be run */
static int64_t wall;

struct kubeexec *kubeexec_start(const struct kubeexec_config *cfg, struct err *e)
{
    starts++;
    if (no_start != NULL) {
        err_set(e, "%s", no_start);
        return NULL;
    }
    process.cfg = *cfg;
    return &process;
}

void kubeexec_cancel(struct kubeexec *x)
{
    cancels += x != NULL;
}

struct timespec clock_wall(void)
{
    return (struct timespec){.tv_sec = wall};
}

static void print(const char *text)
{
    const struct kubeexec_end end = {.text = text, .len = strlen(text)};

    process.cfg.on_end(process.cfg.ctx, &end);
}

static void give(const char *token, int64_t expires)
{
    char text[512], when[TIMETEXT_MAX];

    (void)snprintf(
        text, sizeof(text),
        "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","
        "\"status\":{\"token\":\"%s\"%s%s%s}}",
        token, expires > 0 ? ",\"expirationTimestamp\":\"" : "",
        expires > 0 ? timetext_utc((time_t)expires, when) : "", expires > 0 ? "\"" : "");
    print(text);
}

static void fail_with(const char *why)
{
    struct err e;
    const struct kubeexec_end end = {.e = &e};

    err_set(&e, "%s", why);
    process.cfg.on_end(process.cfg.ctx, &end);
}

/* ---- the scene ------------------------------------------------------------------------------- */

static char version[] = "client.authentication.k8s.io/v1", command[] = "plugin";
static const struct kubeaccess_exec exec = {.api_version = version, .command = command};
static struct authplugin p;
static unsigned changes;
static struct err e;

static void on_change(void *ctx)
{
    (void)ctx;
    changes++;
}

static int open_scene(void **state)
{
    (void)state;
    starts = cancels = changes = 0;
    no_start = NULL;
    wall = NOON;
    err_clear(&e);
    authplugin_init(&p, &exec, NULL);
    p.on_change = on_change;
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    authplugin_fini(&p);
    return 0;
}

static void want(uint64_t now_ms, enum kubeauth_state state)
{
    assert_int_equal(authplugin_get(&p, now_ms, &e), state);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void it_is_asked_when_first_wanted_and_tells_when_it_answered(void **state)
{
    (void)state;
    assert_int_equal(starts, 0);
    want(1000, KUBEAUTH_PENDING);
    want(1001, KUBEAUTH_PENDING);
    assert_int_equal(starts, 1);
    assert_int_equal(process.cfg.timeout_ms, KUBEAUTH_EXEC_MS);
    assert_int_equal(process.cfg.max_bytes, KUBEAUTH_EXEC_BYTES);
    give("one", 0);
    assert_int_equal(changes, 1);
    want(1002, KUBEAUTH_READY);
    assert_string_equal(p.now.token, "one");
}

static void one_that_names_no_end_is_good_until_refused(void **state)
{
    (void)state;
    want(1000, KUBEAUTH_PENDING);
    give("one", 0);
    wall += 10 * 365 * 86400;
    want(2000000000, KUBEAUTH_READY);
    assert_int_equal(starts, 1);
    authplugin_refused(&p, 2000000001);
    want(2000000002, KUBEAUTH_PENDING);
    give("two", 0);
    want(2000000003, KUBEAUTH_READY);
    assert_string_equal(p.now.token, "two");
}

static void it_is_asked_anew_before_the_end_while_the_old_one_serves(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    give("one", NOON + 3600);
    wall = NOON + 3600 - 61;
    want(5000, KUBEAUTH_READY);
    assert_int_equal(starts, 1);
    wall++;
    want(6000, KUBEAUTH_READY);
    assert_int_equal(starts, 2);
    assert_string_equal(p.now.token, "one");
    give("two", NOON + 7200);
    assert_string_equal(p.now.token, "one"); /* which may be in somebody's hands */
    want(6001, KUBEAUTH_READY);
    assert_string_equal(p.now.token, "two");
}

static void a_short_life_is_used_for_three_quarters(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    give("one", NOON + 8);
    want(1, KUBEAUTH_READY);
    wall = NOON + 5;
    want(5000, KUBEAUTH_READY);
    assert_int_equal(starts, 1);
    wall = NOON + 6;
    want(6000, KUBEAUTH_READY);
    assert_int_equal(starts, 2);
    wall = NOON + 8;
    want(8000, KUBEAUTH_PENDING); /* it expired while the plugin runs */
    give("two", NOON + 16);
    want(8001, KUBEAUTH_READY);
}

static void one_that_has_expired_already_is_a_failure(void **state)
{
    char when[TIMETEXT_MAX];

    (void)state;
    want(0, KUBEAUTH_PENDING);
    give("old", NOON);
    want(1, KUBEAUTH_FAILED);
    assert_non_null(strstr(e.text, "credential plugin \"plugin\": its credential expired at "));
    assert_non_null(strstr(e.text, timetext_utc(NOON, when)));
    want(799, KUBEAUTH_FAILED);
    assert_int_equal(starts, 1);
    want(800, KUBEAUTH_PENDING);
    give("new", NOON + 60);
    want(801, KUBEAUTH_READY);
    assert_string_equal(p.now.token, "new");
}

static void failures_are_told_and_tried_again_ever_more_rarely(void **state)
{
    uint64_t now = 1000, last = now;
    const uint64_t waits[] = {800, 1600, 3200, 6400, 12800};

    (void)state;
    want(now, KUBEAUTH_PENDING);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        fail_with("no network");
        assert_int_equal(changes, i + 1);
        want(now, KUBEAUTH_FAILED);
        assert_string_equal(e.text, "no network");
        now = last + waits[i];
        want(now - 1, KUBEAUTH_FAILED);
        assert_int_equal(starts, i + 1);
        want(now, KUBEAUTH_PENDING);
        assert_int_equal(starts, i + 2);
        last = now;
    }
}

static void one_that_cannot_be_run_is_told_at_once(void **state)
{
    (void)state;
    no_start = "there is no such program";
    want(0, KUBEAUTH_FAILED);
    assert_string_equal(e.text, no_start);
    want(1, KUBEAUTH_FAILED);
    assert_int_equal(starts, 1);
    no_start = NULL;
    want(800, KUBEAUTH_PENDING);
    assert_int_equal(changes, 0);
}

static void garbage_is_a_failure_that_names_the_plugin(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    print("token: hunter2");
    want(1, KUBEAUTH_FAILED);
    assert_string_equal(e.text, "credential plugin \"plugin\": what it printed is no JSON object");
}

static void a_failure_costs_nothing_while_the_old_one_is_good(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    give("one", NOON + 3600);
    wall = NOON + 3590;
    want(10000, KUBEAUTH_READY);
    fail_with("no network");
    want(10001, KUBEAUTH_READY);
    assert_int_equal(starts, 2); /* not for each request anew */
    want(10800, KUBEAUTH_READY);
    assert_int_equal(starts, 3);
    fail_with("no network");
    wall = NOON + 3600;
    want(10801, KUBEAUTH_FAILED);
}

static void only_what_was_given_before_a_request_began_is_refused_with_it(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    give("one", 0);
    want(5000, KUBEAUTH_READY);
    authplugin_refused(&p, 4999);
    want(6000, KUBEAUTH_READY);
    assert_int_equal(starts, 1);
    authplugin_refused(&p, 5000);
    want(6001, KUBEAUTH_PENDING);
}

static void what_is_refused_again_and_again_is_asked_for_ever_more_rarely(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    give("one", 0);
    want(10, KUBEAUTH_READY);
    authplugin_refused(&p, 10);
    want(20, KUBEAUTH_FAILED);
    assert_string_equal(
        e.text, "the server refused the credential that the plugin gave; it is asked again soon");
    want(800, KUBEAUTH_PENDING);
    give("one", 0);
    want(810, KUBEAUTH_READY);
    authplugin_refused(&p, 810);
    want(2399, KUBEAUTH_FAILED);
    want(2400, KUBEAUTH_PENDING);
    assert_int_equal(starts, 3);
}

static void a_reload_asks_at_once_and_keeps_what_there_is(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    give("one", 0);
    want(1, KUBEAUTH_READY);
    authplugin_reload(&p);
    want(2, KUBEAUTH_READY);
    assert_int_equal(starts, 2);
    fail_with("no network");
    want(3, KUBEAUTH_READY);
    assert_string_equal(p.now.token, "one");
}

static void the_end_ends_a_plugin_that_runs(void **state)
{
    (void)state;
    want(0, KUBEAUTH_PENDING);
    authplugin_fini(&p);
    assert_int_equal(cancels, 1);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(it_is_asked_when_first_wanted_and_tells_when_it_answered),
        SCENE(one_that_names_no_end_is_good_until_refused),
        SCENE(it_is_asked_anew_before_the_end_while_the_old_one_serves),
        SCENE(a_short_life_is_used_for_three_quarters),
        SCENE(one_that_has_expired_already_is_a_failure),
        SCENE(failures_are_told_and_tried_again_ever_more_rarely),
        SCENE(one_that_cannot_be_run_is_told_at_once),
        SCENE(garbage_is_a_failure_that_names_the_plugin),
        SCENE(a_failure_costs_nothing_while_the_old_one_is_good),
        SCENE(only_what_was_given_before_a_request_began_is_refused_with_it),
        SCENE(what_is_refused_again_and_again_is_asked_for_ever_more_rarely),
        SCENE(a_reload_asks_at_once_and_keeps_what_there_is),
        SCENE(the_end_ends_a_plugin_that_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
