#include "app/routespage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "route/registry.h"
#include "support/explained.h"
#include "support/failalloc.h"
#include "support/form.h"
#include "support/objects.h"

/* What ten thousand routes may take, in ms; a sanitizer or a busy machine is not held to it. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define PROMISE_MS 60000
#else
#define PROMISE_MS 1000
#endif

static struct routespage page_of(const struct explained *e)
{
    return (struct routespage){
        .table = e->t.table, .report = e->report, .now_ms = e->q.now_ms, .wall = e->q.wall};
}

static void both_forms_show_the_same_table(void **state)
{
    struct routespage page;
    struct explained e;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                       INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    page = page_of(&e);
    assert_int_equal(routespage_json(&page, &e.out), 0);
    assert_non_null(strstr(explained_text(&e), "\"host\":\"a.test\""));
    e.out.len = 0;
    assert_int_equal(routespage_table(&page, &e.out), 0);
    assert_non_null(strstr(explained_text(&e), "a.test   shop"));
    explained_free(&e);
}

static void write_in_want(void *ctx)
{
    struct explained *e = ctx;
    struct routespage page = page_of(e);
    struct buf out;
    int rc;

    buf_init(&out, 1u << 20);
    rc = routespage_json(&page, &out);
    assert_true(rc == 0 || rc == -ENOMEM);
    rc = routespage_table(&page, &out);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&out);
}

static void out_of_memory_or_room_is_told(void **state)
{
    struct routespage page;
    struct explained e;
    struct buf small;

    (void)state;
    explained_make(&e, NULL,
                   OUR_CLASS SERVED("shop", "web", "10.0.0.1")
                       INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443"))));
    assert_true(failalloc_torture(write_in_want, &e) > 2);
    page = page_of(&e);
    buf_init(&small, 50);
    assert_int_equal(routespage_json(&page, &small), -ENOBUFS);
    assert_int_equal(routespage_table(&page, &small), -ENOBUFS);
    buf_fini(&small);
    explained_free(&e);
}

/* ---- size ---- */

/* `n` routes: every second one to a Service of its own, the others to one of 200 endpoints. */
static char *many_routes(size_t n)
{
    char *yaml = NULL;
    size_t size;
    FILE *f = open_memstream(&yaml, &size);

    fputs(OUR_CLASS SERVICE("shop", "web", HTTPS_PORT), f);
    fputs("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {namespace: shop, name: "
          "w, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\nports: [{name: https, "
          "port: 443}]\nendpoints:\n",
          f);
    for (int i = 0; i < 200; i++) {
        fprintf(f, "- {addresses: ['10.1.0.%d']}\n", i + 1);
    }
    for (size_t i = 0; i < n; i += 2) {
        fprintf(f,
                "---\n" SERVED("shop", "web%zu", "10.0.%zu.%zu")
                    INGRESS("shop", "application-%zu", "",
                            OURS RULES(HOST("h%zu.application.example.com", "web%zu",
                                            "number: "
                                            "443") ", " HOST("s%zu.application.example.com", "web",
                                                             "number: 443"))),
                i, i, i, i / 250 % 250, i % 250 + 1, i, i, i, i);
    }
    fclose(f);
    return yaml;
}

static uint64_t measure(int (*write)(const struct routespage *p, struct buf *out),
                        struct explained *e, const char *what)
{
    struct routespage page = page_of(e);
    uint64_t start_us = clock_now_us(), took_us;

    e->out.len = 0;
    assert_int_equal(write(&page, &e->out), 0);
    took_us = clock_now_us() - start_us;
    print_message("%s: %zu KiB in %.1f ms\n", what, e->out.len / 1024, (double)took_us / 1000);
    return took_us / 1000;
}

/* Nobody promises anything under valgrind. */
static uint64_t promise_ms(void)
{
    return form_is_under_valgrind() ? 60000 : PROMISE_MS;
}

static void ten_thousand_routes_are_a_matter_of_milliseconds(void **state)
{
    char *yaml = many_routes(10000);
    struct explained e;
    size_t n;

    (void)state;
    explained_make(&e, NULL, yaml);
    free(yaml);
    (void)table_routes(e.t.table, &n);
    assert_int_equal(n, 10000);
    assert_true(measure(routespage_json, &e, "10000 routes, JSON") < promise_ms());
    assert_true(e.out.len < 8u << 20);
    assert_true(measure(routespage_table, &e, "10000 routes, table") < promise_ms());
    explained_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_show_the_same_table),
        cmocka_unit_test(out_of_memory_or_room_is_told),
        cmocka_unit_test(ten_thousand_routes_are_a_matter_of_milliseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
