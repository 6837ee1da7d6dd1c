#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/admin/adminpage_priv.h"
#include "base/limits.h"
#include "support/admin_scene.h"
#include "support/failalloc.h"

#define MIB      (1024u * 1024u)
#define GET_PAGE "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define GET_BIG  "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"

static struct adminpage_budget *budget;

static int setup(void **state)
{
    (void)state;
    budget = adminpage_budget_new(4 * MIB, 6 * MIB);
    assert_non_null(budget);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(budget->refs, 1);
    adminpage_budget_unref(budget);
    return 0;
}

static void assert_body(const struct adminpage *page, const char *want)
{
    assert_int_equal(page->reply.body.len, strlen(want));
    assert_memory_equal(page->reply.body.data, want, strlen(want));
}

static void a_page_may_be_what_is_left_of_the_budget(void **state)
{
    static const struct {
        size_t waiting, max;
    } cases[] = {
        {0, 4 * MIB},
        {2 * MIB, 4 * MIB},
        {3 * MIB, 3 * MIB},
        {6 * MIB - LIMIT_ADMIN_SMALL_PAGE - 1, LIMIT_ADMIN_SMALL_PAGE + 1},
        {6 * MIB - 1, LIMIT_ADMIN_SMALL_PAGE},
        {7 * MIB, LIMIT_ADMIN_SMALL_PAGE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct adminpage *page;

        budget->waiting = cases[i].waiting;
        page = adminpage_new(budget);
        assert_non_null(page);
        assert_int_equal(page->reply.body.max, cases[i].max);
        adminpage_free(page);
    }
}

static void a_page_begins_as_plain_text(void **state)
{
    struct adminpage *page = adminpage_new(budget);

    (void)state;
    assert_non_null(page);
    assert_int_equal(page->reply.status, 200);
    assert_string_equal(page->reply.content_type, "text/plain; charset=utf-8");
    assert_int_equal(page->reply.body.len, 0);
    adminpage_free(page);
}

static void a_refusal_replaces_what_was_there(void **state)
{
    struct adminpage *page = adminpage_new(budget);

    (void)state;
    assert_non_null(page);
    page->reply.content_type = "text/html";
    page->reply.verdict = "routed";
    assert_int_equal(buf_printf(&page->reply.body, "half a page"), 0);
    adminpage_refuse(page, 404, "no %s\n", "page");
    assert_int_equal(page->reply.status, 404);
    assert_null(page->reply.verdict);
    assert_string_equal(page->reply.content_type, "text/plain; charset=utf-8");
    assert_body(page, "no page\n");
    adminpage_free(page);
}

static void a_full_page_is_our_fault_or_that_of_other_clients(void **state)
{
    struct adminpage *page = adminpage_new(budget);

    (void)state;
    assert_non_null(page);
    adminpage_refuse_error(page, -ENOBUFS);
    assert_int_equal(page->reply.status, 500);
    assert_null(page->retry_after);
    assert_body(page, "this page has become larger than the 4 MiB that one may have\n");
    adminpage_free(page);

    budget->waiting = 3 * MIB;
    page = adminpage_new(budget);
    assert_non_null(page);
    adminpage_refuse_error(page, -ENOBUFS);
    assert_int_equal(page->reply.status, 503);
    assert_non_null(page->retry_after);
    adminpage_free(page);
}

static void other_failures_are_named(void **state)
{
    struct adminpage *page = adminpage_new(budget);

    (void)state;
    assert_non_null(page);
    adminpage_refuse_error(page, -ENOMEM);
    assert_int_equal(page->reply.status, 503);
    assert_body(page, "this page cannot be made now: Cannot allocate memory\n");
    adminpage_free(page);
}

static void a_page_outlives_the_server_s_hold_on_the_budget(void **state)
{
    struct adminpage *page = adminpage_new(budget);

    (void)state;
    assert_non_null(page);
    assert_int_equal(budget->refs, 2);
    adminpage_budget_unref(budget);
    assert_int_equal(budget->refs, 1);
    budget->refs++;
    adminpage_free(page);
    adminpage_budget_unref(NULL);
}

static void pages_over_the_budget_are_refused_until_others_are_taken(void **state)
{
    struct admin_scene all, *scene = &all;
    struct admin_answer a;
    const int much = 1024 * 1024;
    int first, second;

    (void)state;
    admin_scene_init(scene);
    scene->big_bytes = 8 * MIB;
    scene->limits.page_bytes = 10 * MIB;
    scene->limits.waiting_bytes = 20 * MIB;
    admin_scene_start(scene);
    first = admin_scene_stall(scene);
    second = admin_scene_stall(scene);
    assert_true(admin_scene_ask(scene, GET_BIG, &a));
    assert_int_equal(a.status, 503);
    assert_true(admin_answer_has(&a, "Retry-After: 5"));
    admin_answer_fini(&a);
    assert_true(admin_scene_gets(scene, GET_PAGE, 200)); /* a small one always fits */

    assert_int_equal(setsockopt(first, SOL_SOCKET, SO_RCVBUF, &much, sizeof(much)), 0);
    assert_true(admin_scene_read(scene, first, false, &a));
    assert_int_equal(a.len, 8 * MIB);
    admin_answer_fini(&a);
    assert_true(admin_scene_gets(scene, GET_BIG, 200));

    close(second); /* and one that will never be taken is no page any more */
    ADMIN_UNTIL(scene, adminserver_clients(scene->server) == 1);
    second = admin_scene_stall(scene);
    assert_true(admin_scene_gets(scene, GET_BIG, 200));
    close(first);
    close(second);
    admin_scene_stop(scene);
}

static void refuse_without_memory(void *ctx)
{
    struct adminpage_budget *b = adminpage_budget_new(MIB, MIB);
    struct adminpage *page = b != NULL ? adminpage_new(b) : NULL;

    (void)ctx;
    if (page != NULL) {
        adminpage_refuse(page, 404, "no page\n");
        assert_int_equal(page->reply.status, 404);
        adminpage_free(page);
    }
    adminpage_budget_unref(b);
}

static void lacking_memory_the_status_is_told(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(refuse_without_memory, NULL), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_may_be_what_is_left_of_the_budget),
        TEST(a_page_begins_as_plain_text),
        TEST(a_refusal_replaces_what_was_there),
        TEST(a_full_page_is_our_fault_or_that_of_other_clients),
        TEST(other_failures_are_named),
        TEST(pages_over_the_budget_are_refused_until_others_are_taken),
        TEST(a_page_outlives_the_server_s_hold_on_the_budget),
        TEST(lacking_memory_the_status_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
