#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "controller/report.h"
#include "model/object.h"
#include "support/failalloc.h"

struct made {
    struct verdicts files, routes;
    struct unserved unserved;
    struct report_source from;
};

static void begin(struct made *m)
{
    verdicts_init(&m->files);
    verdicts_init(&m->routes);
    unserved_init(&m->unserved);
    m->from =
        (struct report_source){.files = &m->files, .routes = &m->routes, .unserved = &m->unserved};
}

static void end(struct made *m)
{
    verdicts_fini(&m->files);
    verdicts_fini(&m->routes);
    unserved_fini(&m->unserved);
}

static struct objmeta ingress(const char *ns, const char *name)
{
    return (struct objmeta){.kind = OBJECT_INGRESS, .ns = ns, .name = name, .file = "f.yaml"};
}

/** A verdict and the host it is about. */
static void refuse(struct made *m, const char *ns, const char *name, const char *host)
{
    struct objmeta about = ingress(ns, name);
    size_t before = m->routes.n;

    verdicts_add(&m->routes, &about, 0, VERDICT_WARNING, "NoBackend", "nothing for %s", host);
    unserved_add_host(&m->unserved, &about, host, UNSERVED_NO_BACKEND,
                      unserved_said(&m->routes, before));
}

static void lists_are_sorted_whatever_order_they_came_in(void **state)
{
    struct objmeta service = {.kind = OBJECT_SERVICE, .ns = "a", .name = "a", .file = ""};
    struct report *r;
    struct made m;

    (void)state;
    begin(&m);
    verdicts_add(&m.routes, &service, 0, VERDICT_NOTE, "UnknownAnnotation", "s");
    refuse(&m, "shop", "b", "z.test");
    refuse(&m, "shop", "a", "z.test");
    refuse(&m, "blog", "c", "a.test");
    verdicts_add_at(&m.files, "broken.yaml", 2, VERDICT_ERROR, "ManifestBroken", "b");
    r = report_new(&m.from);
    assert_int_equal(r->n_verdicts, 5);
    assert_string_equal(r->verdicts[0].kind, "");
    assert_string_equal(r->verdicts[1].ns, "blog");
    assert_string_equal(r->verdicts[2].name, "a");
    assert_string_equal(r->verdicts[3].name, "b");
    assert_string_equal(r->verdicts[4].kind, "Service");
    assert_int_equal(r->n_hosts, 3);
    assert_string_equal(r->hosts[0].host, "a.test");
    assert_string_equal(r->hosts[1].ingress, "a");
    assert_string_equal(r->hosts[2].ingress, "b");
    report_unref(r);
    end(&m);
}

static void a_host_points_to_its_own_verdict_even_after_sorting(void **state)
{
    static const char *const hosts[] = {"c.test", "a.test", "b.test"};
    struct report *r;
    struct made m;

    (void)state;
    begin(&m);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        refuse(&m, "shop", "i", hosts[i]);
    }
    verdicts_sort(&m.routes);
    r = report_new(&m.from);
    for (size_t i = 0; i < r->n_hosts; i++) {
        assert_non_null(strstr(r->verdicts[r->hosts[i].verdict].message, r->hosts[i].host));
    }
    report_unref(r);
    end(&m);
}

static void the_same_host_of_the_same_ingress_is_told_once(void **state)
{
    struct objmeta about = ingress("shop", "i");
    struct report *r;
    struct made m;

    (void)state;
    begin(&m);
    unserved_add_host(&m.unserved, &about, "a.test", UNSERVED_OTHER_CLASS, NULL);
    unserved_add_host(&m.unserved, &about, "b.test", UNSERVED_OTHER_CLASS, NULL);
    unserved_add_host(&m.unserved, &about, "a.test", UNSERVED_OTHER_CLASS, NULL);
    r = report_new(&m.from);
    assert_int_equal(r->n_hosts, 2);
    assert_int_equal(r->n_hosts_left_out, 0);
    report_unref(r);
    end(&m);
}

static void over_the_cap_notes_give_way_to_warnings_and_those_to_errors(void **state)
{
    struct objmeta about = ingress("shop", "i");
    struct report *r;
    struct made m;

    (void)state;
    begin(&m);
    for (size_t i = 0; i < REPORT_VERDICTS_MAX; i++) {
        verdicts_add(&m.routes, &about, 0, VERDICT_NOTE, "AnnotationsWithoutEffect", "%zu", i);
    }
    refuse(&m, "shop", "zz", "a.test");
    verdicts_add(&m.files, &about, 0, VERDICT_ERROR, "InvalidHost", "x");
    r = report_new(&m.from);
    assert_int_equal(r->n_verdicts, REPORT_VERDICTS_MAX);
    assert_int_equal(r->n_left_out, 2);
    assert_string_equal(r->verdicts[r->n_verdicts - 1].name, "zz");
    assert_int_equal(r->hosts[0].verdict, r->n_verdicts - 1);
    assert_int_equal(r->n_counts, 2);
    report_unref(r);
    end(&m);
}

static void a_verdict_that_was_left_out_is_not_pointed_to(void **state)
{
    struct objmeta about = ingress("shop", "i"), other = ingress("shop", "j");
    struct report *r;
    struct made m;

    (void)state;
    begin(&m);
    for (size_t i = 0; i < REPORT_VERDICTS_MAX; i++) {
        verdicts_add(&m.files, &about, 0, VERDICT_ERROR, "InvalidHost", "%zu", i);
    }
    verdicts_add(&m.routes, &other, 0, VERDICT_NOTE, "ClassNotFound", "x");
    unserved_add_host(&m.unserved, &other, "a.test", UNSERVED_CLASS_NOT_FOUND,
                      unserved_said(&m.routes, 0));
    r = report_new(&m.from);
    assert_int_equal(r->hosts[0].verdict, REPORT_NO_VERDICT);
    report_unref(r);
    end(&m);
}

static void too_many_hosts_are_counted(void **state)
{
    struct objmeta about = ingress("shop", "i");
    struct report *r;
    struct made m;
    char host[32];

    (void)state;
    begin(&m);
    for (size_t i = 0; i < REPORT_HOSTS_MAX + 3; i++) {
        snprintf(host, sizeof(host), "h%zu.test", i);
        unserved_add_host(&m.unserved, &about, host, UNSERVED_OTHER_CLASS, NULL);
    }
    r = report_new(&m.from);
    assert_int_equal(r->n_hosts, REPORT_HOSTS_MAX);
    assert_int_equal(r->n_hosts_left_out, 3);
    report_unref(r);
    end(&m);
}

static void make_in_want(void *ctx)
{
    struct made *m = ctx;

    report_unref(report_new(&m->from));
}

static void out_of_memory_anywhere_leaks_nothing(void **state)
{
    const struct unserved_pool pool = {.ns = "shop", .service = "web", .port = "443"};
    struct made m;

    (void)state;
    begin(&m);
    refuse(&m, "shop", "i", "a.test");
    refuse(&m, "shop", "j", "b.test");
    verdicts_add_at(&m.files, "f", 1, VERDICT_ERROR, "ManifestBroken", "x");
    unserved_add_pool(&m.unserved, &pool);
    assert_true(failalloc_torture(make_in_want, &m) > 20);
    end(&m);
}

/** What a report of a large cluster costs; printed, for the contract in report.h is about it. */
static void ten_thousand_ingresses_cost_a_few_megabytes(void **state)
{
    struct objmeta about = ingress("namespace-of-a-team", "");
    char name[32], host[48];
    struct report *r;
    struct made m;
    uint64_t start_us;

    (void)state;
    begin(&m);
    for (size_t i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "application-%zu", i);
        about.name = name;
        for (size_t k = 0; k < 2; k++) {
            snprintf(host, sizeof(host), "host%zu.application-%zu.example.com", k, i);
            unserved_add_host(&m.unserved, &about, host, UNSERVED_OTHER_CLASS, NULL);
        }
    }
    start_us = clock_now_us();
    r = report_new(&m.from);
    print_message("20000 hosts: %zu KiB, %llu ms\n", r->bytes / 1024,
                  (unsigned long long)(clock_now_us() - start_us) / 1000);
    assert_int_equal(r->n_hosts, 20000);
    assert_true(r->bytes < 8u * 1024 * 1024);
    report_unref(r);
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_sorted_whatever_order_they_came_in),
        cmocka_unit_test(a_host_points_to_its_own_verdict_even_after_sorting),
        cmocka_unit_test(the_same_host_of_the_same_ingress_is_told_once),
        cmocka_unit_test(over_the_cap_notes_give_way_to_warnings_and_those_to_errors),
        cmocka_unit_test(a_verdict_that_was_left_out_is_not_pointed_to),
        cmocka_unit_test(too_many_hosts_are_counted),
        cmocka_unit_test(out_of_memory_anywhere_leaks_nothing),
        cmocka_unit_test(ten_thousand_ingresses_cost_a_few_megabytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
