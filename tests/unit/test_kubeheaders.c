#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "../../src/kube/kubeheaders_priv.h"
#include "kube/kubeaccess.h"
#include "support/failalloc.h"

static struct kubeaccess access;
static struct kubeheaders_query q;
static struct curl_slist *list;

static int set_up(void **state)
{
    (void)state;
    memset(&access, 0, sizeof(access));
    q = (struct kubeheaders_query){.access = &access};
    list = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kubeheaders_free(list);
    return 0;
}

static bool has(const char *line)
{
    for (const struct curl_slist *at = list; at != NULL; at = at->next) {
        if (strcmp(at->data, line) == 0) {
            return true;
        }
    }
    return false;
}

static void a_token_is_a_bearers(void **state)
{
    (void)state;
    q.token = "abc.def";
    assert_int_equal(kubeheaders_make(&q, &list), 0);
    assert_true(has("Authorization: Bearer abc.def"));
    assert_true(has("Accept: application/json"));
    assert_true(has("Expect:")); /* libcurl leaves it out then */
}

static void without_token_nothing_is_authorized(void **state)
{
    (void)state;
    assert_int_equal(kubeheaders_make(&q, &list), 0);
    for (const struct curl_slist *at = list; at != NULL; at = at->next) {
        assert_null(strstr(at->data, "Authorization"));
    }
}

static char user[] = "jane", uid[] = "7", group[] = "ops", other[] = "dev", key[] = "acme.org/Team",
            value[] = "blue", empty[] = "", percent[] = "a b%", evil[] = "x\r\nX-Evil: 1",
            tabbed[] = "jane\tdoe";

static void another_user_is_named_with_all_that_belongs_to_it(void **state)
{
    char *groups[] = {group, other, NULL}, *extra[] = {key, value, percent, empty, NULL};

    (void)state;
    access.as_user = user;
    access.as_uid = uid;
    access.as_groups = groups;
    access.as_extra = extra;
    assert_int_equal(kubeheaders_make(&q, &list), 0);
    assert_true(has("Impersonate-User: jane"));
    assert_true(has("Impersonate-Uid: 7"));
    assert_true(has("Impersonate-Group: ops"));
    assert_true(has("Impersonate-Group: dev"));
    assert_true(has("Impersonate-Extra-acme.org%2FTeam: blue"));
    assert_true(has("Impersonate-Extra-a%20b%25;")); /* libcurl's way to send an empty one */
}

static void a_body_has_its_type_and_a_server_its_name(void **state)
{
    (void)state;
    q.content_type = "application/json";
    q.host = "Host: api:6443";
    assert_int_equal(kubeheaders_make(&q, &list), 0);
    assert_true(has("Content-Type: application/json"));
    assert_true(has("Host: api:6443"));
}

static void nothing_becomes_a_header_of_its_own(void **state)
{
    (void)state;
    q.token = evil;
    assert_int_equal(kubeheaders_make(&q, &list), -EINVAL);
    q.token = NULL;
    access.as_user = evil;
    assert_int_equal(kubeheaders_make(&q, &list), -EINVAL);
    assert_null(list);
}

static void a_tab_may_stand_in_a_value(void **state)
{
    (void)state;
    access.as_user = tabbed;
    assert_int_equal(kubeheaders_make(&q, &list), 0);
    assert_true(has("Impersonate-User: jane\tdoe"));
}

static void too_long_a_value_is_refused(void **state)
{
    char *huge = calloc(1, 70000);

    (void)state;
    memset(huge, 'x', 69999);
    q.token = huge;
    assert_int_equal(kubeheaders_make(&q, &list), -EINVAL);
    free(huge);
}

static void make_all(void *ctx)
{
    char *extra[] = {key, value, NULL};
    struct curl_slist *made = NULL;
    int rc;

    (void)ctx;
    q.token = "abc";
    q.host = "Host: api:6443";
    q.content_type = "application/json";
    access.as_user = user;
    access.as_extra = extra;
    rc = kubeheaders_make(&q, &made);
    assert_true(rc == 0 || rc == -ENOMEM);
    kubeheaders_free(made);
}

static void lack_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_in_range(failalloc_torture(make_all, NULL), 14, 60);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_token_is_a_bearers),
        ROW(without_token_nothing_is_authorized),
        ROW(another_user_is_named_with_all_that_belongs_to_it),
        ROW(a_body_has_its_type_and_a_server_its_name),
        ROW(nothing_becomes_a_header_of_its_own),
        ROW(a_tab_may_stand_in_a_value),
        ROW(too_long_a_value_is_refused),
        ROW(lack_of_memory_leaves_nothing_behind),
    };

    failalloc_join_libcurl();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
