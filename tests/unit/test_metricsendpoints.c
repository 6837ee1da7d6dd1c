#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "app/metrics.h"
#include "app/view.h"
#include "base/clock.h"
#include "base/prom.h"
#include "route/registry.h"
#include "route/table.h"
#include "support/explained.h"
#include "support/failalloc.h"
#include "support/metric_lines.h"
#include "support/objects.h"

/* Two routes to one Service, a Service without endpoints, one of two ports. */
static const char YAML[] = OUR_CLASS SERVICE("shop", "web", HTTPS_PORT) HTTPS_SLICE(
    "shop", "web-1", "web", READY("10.0.0.1") ", " READY("10.0.0.2") ", " READY("10.0.0.3"))
    SERVICE("shop", "empty", HTTPS_PORT) SERVICE("other", "web", HTTPS_PORT) HTTPS_SLICE(
        "other", "web-1", "web",
        ENDPOINT("10.0.1.1", "ready: false, serving: true, terminating: true"))
        INGRESS("shop", "i", "",
                OURS RULES(HOST("a.test", "web", "number: 443") ", " HOST(
                    "b.test", "web", "number: 443") ", " HOST("c.test", "empty", "number: 443")))
            INGRESS("other", "i", "", OURS RULES(HOST("d.test", "web", "number: 443")));

struct scene {
    struct explained e;
    struct event_base *base;
    struct view view;
    struct metrics metrics;
    struct buf page;
};

static int setup(void **state)
{
    static struct scene s;

    explained_make(&s.e, NULL, YAML);
    s.base = event_base_new();
    assert_non_null(s.base);
    assert_int_equal(view_init(&s.view, s.base), 0);
    s.metrics = (struct metrics){.view = &s.view};
    buf_init(&s.page, 65536);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    buf_fini(&s->page);
    view_fini(&s->view);
    event_base_free(s->base);
    explained_free(&s->e);
    return 0;
}

static void show_table(struct scene *s)
{
    view_put_table(&s->view, table_ref(s->e.t.table));
    view_refresh(&s->view);
}

static int write_page(struct scene *s)
{
    struct prom p;

    s->page.len = 0;
    prom_begin(&p, &s->page, PROM_TEXT);
    metricsendpoints_write(&s->metrics, &p);
    return prom_end(&p);
}

static const char *page(struct scene *s)
{
    assert_int_equal(write_page(s), 0);
    assert_int_equal(buf_append(&s->page, "", 1), 0);
    return (const char *)s->page.data;
}

static struct endpoint_state *state_of(const struct scene *s, const char *host, size_t endpoint)
{
    enum table_match match;
    const struct route *r = table_lookup(s->e.t.table, host, strlen(host), &match);

    return endpoint_state(&table_pool(s->e.t.table, r)->endpoints[endpoint]);
}

static void before_the_first_table_there_is_only_the_family(void **state)
{
    const char *text = page(*state);

    metric_lines_has(text, "# TYPE sealway_endpoints gauge\n");
    assert_int_equal(metric_lines_count(text, "sealway_"), 0);
}

static void each_service_has_its_endpoints_by_state(void **state)
{
    struct scene *s = *state;
    const char *text;

    show_table(s);
    text = page(s);
    metric_lines_has(
        text, "sealway_endpoints{namespace=\"shop\",service=\"web\",state=\"ready\"} 3\n"
              "sealway_endpoints{namespace=\"shop\",service=\"web\",state=\"terminating\"} 0\n"
              "sealway_endpoints{namespace=\"shop\",service=\"web\",state=\"ejected\"} 0\n"
              "sealway_endpoints{namespace=\"shop\",service=\"empty\",state=\"ready\"} 0\n"
              "sealway_endpoints{namespace=\"other\",service=\"web\",state=\"ready\"} 0\n"
              "sealway_endpoints{namespace=\"other\",service=\"web\",state=\"terminating\"} 1\n");
    assert_int_equal(metric_lines_count(text, "sealway_endpoints{"), 9);
}

static void one_that_is_passed_over_is_ejected_until_then(void **state)
{
    struct scene *s = *state;

    show_table(s);
    atomic_store(&state_of(s, "a.test", 1)->skip_until_ms, clock_now_ms() + 60000);
    atomic_store(&state_of(s, "d.test", 0)->skip_until_ms, clock_now_ms() + 60000);
    metric_lines_has(
        page(s), "sealway_endpoints{namespace=\"shop\",service=\"web\",state=\"ready\"} 2\n"
                 "sealway_endpoints{namespace=\"shop\",service=\"web\",state=\"ejected\"} 1\n"
                 "sealway_endpoints{namespace=\"other\",service=\"web\",state=\"terminating\"} 0\n"
                 "sealway_endpoints{namespace=\"other\",service=\"web\",state=\"ejected\"} 1\n");
    atomic_store(&state_of(s, "a.test", 1)->skip_until_ms, clock_now_ms());
    metric_lines_has(page(s),
                     "sealway_endpoints{namespace=\"shop\",service=\"web\",state=\"ready\"} 3\n");
}

static void a_table_without_routes_has_no_endpoints(void **state)
{
    struct scene *s = *state;
    struct explained none;

    explained_make(&none, NULL, OUR_CLASS);
    view_put_table(&s->view, table_ref(none.t.table));
    view_refresh(&s->view);
    assert_int_equal(metric_lines_count(page(s), "sealway_"), 0);
    show_table(s);
    explained_free(&none);
}

static void write_in_want(void *ctx)
{
    struct scene *s = ctx;
    int rc = write_page(s);

    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&s->page);
}

static void lacking_memory_the_page_fails_and_leaks_nothing(void **state)
{
    struct scene *s = *state;

    show_table(s);
    assert_true(failalloc_torture(write_in_want, s) > 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(before_the_first_table_there_is_only_the_family),
        T(each_service_has_its_endpoints_by_state),
        T(one_that_is_passed_over_is_ejected_until_then),
        T(a_table_without_routes_has_no_endpoints),
        T(lacking_memory_the_page_fails_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
