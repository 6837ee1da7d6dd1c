#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "app/adminpages.h"
#include "app/view.h"
#include "base/limits.h"
#include "controller/report.h"
#include "support/explained.h"
#include "support/failalloc.h"
#include "support/objects.h"

struct scene {
    struct explained e;
    struct event_base *base;
    struct view view;
    struct adminpages pages;
    struct adminserver_reply reply;
};

static int setup_empty(void **state)
{
    static struct scene s;

    explained_make(&s.e, NULL,
                   OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                       INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    s.base = event_base_new();
    assert_non_null(s.base);
    assert_int_equal(view_init(&s.view, s.base), 0);
    s.pages = (struct adminpages){.view = &s.view, .policy = &s.e.policy};
    buf_init(&s.reply.body, 1u << 20);
    *state = &s;
    return 0;
}

static int setup(void **state)
{
    struct scene *s;

    setup_empty(state);
    s = *state;
    view_put_table(&s->view, table_ref(s->e.t.table));
    view_put_report(&s->view, report_ref(s->e.report));
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    buf_fini(&s->reply.body);
    view_fini(&s->view);
    event_base_free(s->base);
    explained_free(&s->e);
    return 0;
}

static void ask(struct scene *s, adminserver_handler_fn page, const char *query)
{
    const struct adminserver_request rq = {.query = query};

    buf_fini(&s->reply.body);
    s->reply.status = 200;
    s->reply.content_type = "text/plain";
    s->reply.verdict = NULL;
    assert_int_equal(page(&s->pages, &rq, &s->reply), 0);
    assert_int_equal(buf_append(&s->reply.body, "", 1), 0);
}

static const char *body(const struct scene *s)
{
    return (const char *)s->reply.body.data;
}

static void assert_refused(struct scene *s, adminserver_handler_fn page, const char *query,
                           int status, const char *text)
{
    ask(s, page, query);
    assert_int_equal(s->reply.status, status);
    assert_string_equal(s->reply.content_type, "text/plain");
    assert_null(s->reply.verdict);
    assert_string_equal(body(s), text);
}

static void before_the_first_table_there_is_nothing_to_show(void **state)
{
    struct scene *s = *state;

    assert_refused(s, adminpages_routes, NULL, 503,
                   "no table yet: the objects are still being read\n");
    assert_refused(s, adminpages_explain, "name=a.test", 503,
                   "no table yet: the objects are still being read\n");
}

static void a_question_that_makes_no_sense_is_refused_even_then(void **state)
{
    struct scene *s = *state;

    assert_refused(s, adminpages_routes, "nmae=x", 400, "unknown parameter; known here: format\n");
    assert_refused(s, adminpages_explain, "host=x", 400,
                   "unknown parameter; known here: format, name, alpn, client\n");
    assert_refused(s, adminpages_explain, "name=a&name=b", 400, "parameter name is given twice\n");
    assert_refused(s, adminpages_explain, "name=%4", 400,
                   "a % must be followed by two hexadecimal digits other than 00\n");
    assert_refused(s, adminpages_routes, "format=xml", 400, "format: there are json and table\n");
    assert_refused(s, adminpages_routes, "format=", 400, "format: there are json and table\n");
}

static void a_question_without_a_name_or_with_an_odd_client_is_refused(void **state)
{
    struct scene *s = *state;

    assert_refused(s, adminpages_explain, NULL, 400,
                   "name: is missing; /explain?name=shop.example, or name= for a connection "
                   "without one\n");
    assert_refused(s, adminpages_explain, "format=json&alpn=h2", 400,
                   "name: is missing; /explain?name=shop.example, or name= for a connection "
                   "without one\n");
    assert_refused(s, adminpages_explain, "name=a.test&client=here", 400,
                   "client: not an IP address, e.g. 192.0.2.7\n");
    assert_refused(s, adminpages_explain, "name=a.test&client=10.0.0.1:80", 400,
                   "client: not an IP address, e.g. 192.0.2.7\n");
}

static void routes_come_as_json_unless_a_table_is_asked_for(void **state)
{
    static const char *const queries[] = {NULL, "", "format=json", "&format=json&"};
    struct scene *s = *state;

    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        ask(s, adminpages_routes, queries[i]);
        assert_int_equal(s->reply.status, 200);
        assert_string_equal(s->reply.content_type, "application/json");
        assert_string_equal(s->reply.verdict, "listed");
        assert_non_null(strstr(body(s), "\"host\":\"a.test\""));
    }
    ask(s, adminpages_routes, "format=table");
    assert_string_equal(s->reply.content_type, "text/plain");
    assert_string_equal(s->reply.verdict, "listed");
    assert_non_null(strstr(body(s), "a.test   shop"));
}

static void an_explanation_says_its_verdict_in_the_head(void **state)
{
    struct scene *s = *state;

    ask(s, adminpages_explain, "name=a.test&alpn=h2&client=2001:db8::1");
    assert_int_equal(s->reply.status, 200);
    assert_string_equal(s->reply.content_type, "application/json");
    assert_string_equal(s->reply.verdict, "routed");
    assert_non_null(strstr(body(s), "\"alpn\": \"h2\""));
    ask(s, adminpages_explain, "name=b.test&format=table");
    assert_int_equal(s->reply.status, 200);
    assert_string_equal(s->reply.content_type, "text/plain");
    assert_string_equal(s->reply.verdict, "not-routed");
    assert_non_null(strstr(body(s), "answer: fatal alert unrecognized_name (112)"));
}

static void an_empty_name_is_a_connection_without_one(void **state)
{
    struct scene *s = *state;

    ask(s, adminpages_explain, "name=&format=table");
    assert_string_equal(s->reply.verdict, "not-routed");
    assert_non_null(strstr(body(s), "name: none\n"));
    ask(s, adminpages_explain, "name&format=table");
    assert_non_null(strstr(body(s), "name: none\n"));
}

static void a_name_is_any_bytes(void **state)
{
    struct scene *s = *state;

    ask(s, adminpages_explain, "name=%1b[31m%c2%9b%ff+x&format=table");
    assert_int_equal(s->reply.status, 200);
    assert_string_equal(s->reply.verdict, "not-routed");
    assert_null(strchr(body(s), '\x1b'));
}

static void the_policy_is_that_of_the_instance(void **state)
{
    struct scene *s = *state;

    s->e.policy.on_unknown_name = PROXY_ANSWER_RESET;
    ask(s, adminpages_explain, "name=b.test&format=table");
    assert_non_null(strstr(body(s), "answer: connection reset, by --on-unknown-name reset"));
}

static void the_newest_table_is_shown_without_waiting_for_its_bell(void **state)
{
    struct scene *s = *state;
    struct explained newer;

    ask(s, adminpages_routes, NULL);
    explained_make(&newer, NULL,
                   OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                       INGRESS("shop", "i", "", OURS RULES(HOST("b.test", "web", "number: 443"))));
    view_put_table(&s->view, table_ref(newer.t.table));
    ask(s, adminpages_explain, "name=b.test");
    assert_string_equal(s->reply.verdict, "routed");
    view_put_table(&s->view, table_ref(s->e.t.table));
    view_refresh(&s->view);
    explained_free(&newer);
}

static int serve(struct scene *s, adminserver_handler_fn page, const char *query, size_t room)
{
    const struct adminserver_request rq = {.query = query};
    struct adminserver_reply reply = {.status = 200};
    int rc;

    buf_init(&reply.body, room);
    rc = page(&s->pages, &rq, &reply);
    buf_fini(&reply.body);
    return rc;
}

static void serve_in_want(void *ctx)
{
    static const struct {
        adminserver_handler_fn page;
        const char *query;
    } asked[] = {{adminpages_routes, NULL},
                 {adminpages_routes, "format=table"},
                 {adminpages_routes, "format=xml"},
                 {adminpages_explain, "name=a.test"},
                 {adminpages_explain, "name=a.test&format=table"}};

    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        int rc = serve(ctx, asked[i].page, asked[i].query, 1u << 20);

        assert_true(rc == 0 || rc == -ENOMEM);
    }
}

static void lacking_memory_or_room_is_told(void **state)
{
    struct scene *s = *state;

    view_refresh(&s->view);
    assert_true(failalloc_torture(serve_in_want, s) >= 5);
    assert_int_equal(serve(s, adminpages_routes, NULL, 50), -ENOBUFS);
    assert_int_equal(serve(s, adminpages_explain, "name=a.test", 50), -ENOBUFS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(before_the_first_table_there_is_nothing_to_show,
                                        setup_empty, teardown),
        cmocka_unit_test_setup_teardown(a_question_that_makes_no_sense_is_refused_even_then,
                                        setup_empty, teardown),
        T(a_question_without_a_name_or_with_an_odd_client_is_refused),
        T(routes_come_as_json_unless_a_table_is_asked_for),
        T(an_explanation_says_its_verdict_in_the_head),
        T(an_empty_name_is_a_connection_without_one),
        T(a_name_is_any_bytes),
        T(the_policy_is_that_of_the_instance),
        T(the_newest_table_is_shown_without_waiting_for_its_bell),
        T(lacking_memory_or_room_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
