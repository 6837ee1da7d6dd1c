#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "admin/health.h"
#include "base/limits.h"
#include "support/failalloc.h"

/* A probe whose context is what it has to say; NULL: all is well. */
static bool probe(void *ctx, struct err *why)
{
    const char *const *reason = ctx;

    if (*reason != NULL && **reason != '\0') {
        err_set(why, "%s", *reason);
    }
    return *reason == NULL;
}

static struct health *h;

static int setup(void **state)
{
    (void)state;
    h = health_new();
    assert_non_null(h);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    health_free(h);
    return 0;
}

static void assert_page(adminserver_handler_fn serve, int status, const char *want)
{
    struct adminserver_reply reply = {.status = 200};

    buf_init(&reply.body, 4096);
    assert_int_equal(serve(h, NULL, &reply), 0);
    assert_int_equal(reply.status, status);
    assert_int_equal(buf_append(&reply.body, "", 1), 0);
    assert_string_equal((const char *)reply.body.data, want);
    buf_fini(&reply.body);
}

static void without_probes_all_is_well(void **state)
{
    struct err why;

    (void)state;
    assert_page(health_serve_live, 200, "ok\n");
    assert_page(health_serve_ready, 200, "ok\n");
    assert_true(health_is_ok(h, HEALTH_LIVE, &why));
    assert_true(health_is_ok(h, HEALTH_READY, NULL));
}

static void a_page_names_every_probe(void **state)
{
    const char *loops = NULL, *sync = "no list of ingresses yet", *adopted = NULL;
    struct err why;

    (void)state;
    assert_int_equal(health_add(h, HEALTH_LIVE, "loops", probe, &loops), 0);
    assert_int_equal(health_add(h, HEALTH_READY, "sync", probe, &sync), 0);
    assert_int_equal(health_add(h, HEALTH_READY, "workers", probe, &adopted), 0);
    assert_page(health_serve_live, 200, "[+]loops ok\nok\n");
    assert_page(health_serve_ready, 503,
                "[-]sync: no list of ingresses yet\n[+]workers ok\nreadyz check failed\n");
    assert_false(health_is_ok(h, HEALTH_READY, &why));
    assert_string_equal(why.text, "sync: no list of ingresses yet");
    assert_false(health_is_ok(h, HEALTH_READY, NULL));
    sync = NULL;
    assert_page(health_serve_ready, 200, "[+]sync ok\n[+]workers ok\nok\n");
    loops = "worker 3 hangs";
    assert_page(health_serve_live, 503, "[-]loops: worker 3 hangs\nhealthz check failed\n");
}

static void a_reason_is_one_line_and_never_missing(void **state)
{
    const char *silent = "", *lines = "a\n[+]b ok\r\tc";

    (void)state;
    assert_int_equal(health_add(h, HEALTH_LIVE, "silent", probe, &silent), 0);
    assert_int_equal(health_add(h, HEALTH_LIVE, "lines", probe, &lines), 0);
    assert_page(health_serve_live, 503,
                "[-]silent: failed\n[-]lines: a [+]b ok  c\nhealthz check failed\n");
}

static void there_is_room_for_so_many(void **state)
{
    const char *fine = NULL;

    (void)state;
    for (unsigned i = 0; i < LIMIT_HEALTH_PROBES; i++) {
        assert_int_equal(health_add(h, HEALTH_READY, "probe", probe, &fine), 0);
    }
    assert_int_equal(health_add(h, HEALTH_READY, "probe", probe, &fine), -ENOSPC);
    assert_int_equal(health_add(h, HEALTH_LIVE, "probe", probe, &fine), 0);
}

static void make(void *ctx)
{
    const char *bad = "bad";
    struct adminserver_reply reply = {.status = 200};
    struct health *fresh = health_new();
    int rc;

    (void)ctx;
    if (fresh == NULL) {
        return;
    }
    buf_init(&reply.body, 4096);
    assert_int_equal(health_add(fresh, HEALTH_LIVE, "probe", probe, &bad), 0);
    rc = health_serve_live(fresh, NULL, &reply);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&reply.body);
    health_free(fresh);
}

static void lacking_memory_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(make, NULL), 2);
    health_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_probes_all_is_well),
        TEST(a_page_names_every_probe),
        TEST(a_reason_is_one_line_and_never_missing),
        TEST(there_is_room_for_so_many),
        TEST(lacking_memory_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
