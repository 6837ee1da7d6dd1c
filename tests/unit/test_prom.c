#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/prom.h"
#include "support/failalloc.h"

#define PAGE_MAX (64u * 1024u * 1024u)

static const struct prom_family CONNECTIONS = {
    .name = "x_connections_total",
    .type = PROM_COUNTER,
    .help = "connections seen",
};
static const struct prom_family CPU = {
    .name = "x_cpu_seconds_total",
    .type = PROM_COUNTER,
    .unit = "seconds",
    .help = "time spent",
};
static const struct prom_family LEVEL = {
    .name = "x_level",
    .type = PROM_GAUGE,
    .help = "how high",
};
static const struct prom_family BUILD = {
    .name = "x_build_info",
    .type = PROM_INFO,
    .help = "what runs",
};
static const struct prom_family DELAY = {
    .name = "x_delay_seconds",
    .type = PROM_HISTOGRAM,
    .unit = "seconds",
    .help = "how long",
};

struct page {
    struct buf out;
    struct prom p;
    struct arena arena;
};

static struct page *page_new(enum prom_format format)
{
    struct page *page = test_calloc(1, sizeof(*page));

    buf_init(&page->out, PAGE_MAX);
    arena_init(&page->arena, 1024);
    prom_begin(&page->p, &page->out, format);
    return page;
}

static void page_free(struct page *page)
{
    buf_fini(&page->out);
    arena_fini(&page->arena);
    test_free(page);
}

/* End the page; it must read like this. */
static void assert_page(struct page *page, const char *want)
{
    assert_int_equal(prom_end(&page->p), 0);
    assert_int_equal(buf_append(&page->out, "", 1), 0);
    assert_string_equal((const char *)page->out.data, want);
    page_free(page);
}

static struct prom_labels make_labels(struct page *page, const char *name, const char *value)
{
    const struct prom_label label = {name, value};
    struct prom_labels labels;

    assert_int_equal(prom_labels_make(&page->arena, &label, 1, &labels), 0);
    return labels;
}

static void text_describes_a_counter_by_the_name_of_its_samples(void **state)
{
    struct page *page = page_new(PROM_TEXT);

    (void)state;
    prom_family(&page->p, &CONNECTIONS);
    prom_counter(&page->p, NULL, NULL, 0);
    assert_page(page, "# HELP x_connections_total connections seen\n"
                      "# TYPE x_connections_total counter\n"
                      "x_connections_total 0\n");
}

static void openmetrics_describes_a_counter_without_total_and_ends_in_eof(void **state)
{
    struct page *page = page_new(PROM_OPENMETRICS);

    (void)state;
    prom_family(&page->p, &CONNECTIONS);
    prom_counter(&page->p, NULL, NULL, 7);
    assert_page(page, "# HELP x_connections connections seen\n"
                      "# TYPE x_connections counter\n"
                      "x_connections_total 7\n"
                      "# EOF\n");
}

static void openmetrics_tells_the_unit(void **state)
{
    struct page *page = page_new(PROM_OPENMETRICS);

    (void)state;
    prom_family(&page->p, &CPU);
    prom_scaled(&page->p, NULL, NULL, 1500000, 1000000);
    assert_page(page, "# HELP x_cpu_seconds time spent\n"
                      "# TYPE x_cpu_seconds counter\n"
                      "# UNIT x_cpu_seconds seconds\n"
                      "x_cpu_seconds_total 1.5\n"
                      "# EOF\n");
}

static void info_is_a_gauge_in_text(void **state)
{
    struct page *text = page_new(PROM_TEXT);
    struct page *open = page_new(PROM_OPENMETRICS);
    struct prom_labels version = PROM_LABELS("version=\"1.2\"");

    (void)state;
    prom_family(&text->p, &BUILD);
    prom_info(&text->p, &version);
    assert_page(text, "# HELP x_build_info what runs\n"
                      "# TYPE x_build_info gauge\n"
                      "x_build_info{version=\"1.2\"} 1\n");
    prom_family(&open->p, &BUILD);
    prom_info(&open->p, &version);
    assert_page(open, "# HELP x_build what runs\n"
                      "# TYPE x_build info\n"
                      "x_build_info{version=\"1.2\"} 1\n"
                      "# EOF\n");
}

static void help_is_escaped_as_each_format_says(void **state)
{
    const struct prom_family odd = {
        .name = "x_odd", .type = PROM_GAUGE, .help = "a \"b\"\\\nc\xff\x01"};
    struct page *text = page_new(PROM_TEXT);
    struct page *open = page_new(PROM_OPENMETRICS);

    (void)state;
    prom_family(&text->p, &odd);
    assert_page(text, "# HELP x_odd a \"b\"\\\\\\nc\xef\xbf\xbd\xef\xbf\xbd\n"
                      "# TYPE x_odd gauge\n");
    prom_family(&open->p, &odd);
    assert_page(open, "# HELP x_odd a \\\"b\\\"\\\\\\nc\xef\xbf\xbd\xef\xbf\xbd\n"
                      "# TYPE x_odd gauge\n# EOF\n");
}

static void gauges_take_the_whole_range_of_numbers(void **state)
{
    struct page *page = page_new(PROM_TEXT);

    (void)state;
    prom_family(&page->p, &LEVEL);
    prom_gauge(&page->p, NULL, NULL, INT64_MIN);
    prom_gauge(&page->p, NULL, NULL, INT64_MAX);
    prom_gauge(&page->p, NULL, NULL, -1);
    prom_scaled(&page->p, NULL, NULL, INT64_MIN, 1000000000);
    prom_scaled(&page->p, NULL, NULL, 1, 1000000000);
    prom_scaled(&page->p, NULL, NULL, -1050, 1000);
    prom_scaled(&page->p, NULL, NULL, 2000, 1000);
    prom_scaled(&page->p, NULL, NULL, 0, 1000);
    assert_page(page, "# HELP x_level how high\n"
                      "# TYPE x_level gauge\n"
                      "x_level -9223372036854775808\n"
                      "x_level 9223372036854775807\n"
                      "x_level -1\n"
                      "x_level -9223372036.854775808\n"
                      "x_level 0.000000001\n"
                      "x_level -1.05\n"
                      "x_level 2\n"
                      "x_level 0\n");
}

static void counters_take_the_whole_range_of_numbers(void **state)
{
    struct page *page = page_new(PROM_TEXT);

    (void)state;
    prom_family(&page->p, &CONNECTIONS);
    prom_counter(&page->p, NULL, NULL, UINT64_MAX);
    assert_page(page, "# HELP x_connections_total connections seen\n"
                      "# TYPE x_connections_total counter\n"
                      "x_connections_total 18446744073709551615\n");
}

static void two_sets_of_labels_are_joined(void **state)
{
    struct page *page = page_new(PROM_TEXT);
    const struct prom_label pairs[] = {{"namespace", "shop"}, {"route", "web"}};
    const struct prom_labels none = {NULL, 0};
    struct prom_labels route, result = PROM_LABELS("result=\"ok\"");

    (void)state;
    assert_int_equal(prom_labels_make(&page->arena, pairs, 2, &route), 0);
    prom_family(&page->p, &CONNECTIONS);
    prom_counter(&page->p, &route, &result, 1);
    prom_counter(&page->p, &route, NULL, 2);
    prom_counter(&page->p, NULL, &result, 3);
    prom_counter(&page->p, &none, &result, 4);
    prom_counter(&page->p, &none, &none, 5);
    assert_page(page, "# HELP x_connections_total connections seen\n"
                      "# TYPE x_connections_total counter\n"
                      "x_connections_total{namespace=\"shop\",route=\"web\",result=\"ok\"} 1\n"
                      "x_connections_total{namespace=\"shop\",route=\"web\"} 2\n"
                      "x_connections_total{result=\"ok\"} 3\n"
                      "x_connections_total{result=\"ok\"} 4\n"
                      "x_connections_total 5\n");
}

static void no_labels_at_all_are_labels(void **state)
{
    struct page *page = page_new(PROM_TEXT);
    struct prom_labels none;

    (void)state;
    assert_int_equal(prom_labels_make(&page->arena, NULL, 0, &none), 0);
    assert_int_equal(none.len, 0);
    page_free(page);
}

static void label_values_hold_any_bytes(void **state)
{
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"", "v=\"\""},
        {"a b", "v=\"a b\""},
        {"quote \" slash \\ line \n.", "v=\"quote \\\" slash \\\\ line \\n.\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "v=\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\r\t\x7f\xc2\x9b",
         "v=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},     /* controls, C1 too */
        {"\xc3", "v=\"\xef\xbf\xbd\""},                                 /* cut */
        {"\xe2\x82", "v=\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* cut */
        {"\xc0\x80", "v=\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
        {"\xed\xa0\x80", "v=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
        {"\xff\\\"", "v=\"\xef\xbf\xbd\\\\\\\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct page *page = page_new(PROM_TEXT);
        struct prom_labels labels = make_labels(page, "v", cases[i].value);

        assert_int_equal(labels.len, strlen(cases[i].want));
        assert_memory_equal(labels.text, cases[i].want, labels.len);
        page_free(page);
    }
}

static void histograms_are_cumulative_and_end_in_infinity(void **state)
{
    static const uint64_t bounds[] = {1000, 2500000, 10000000};
    static const uint64_t counts[] = {4, 0, 3, 2};
    const struct prom_buckets buckets = {bounds, counts, 3, 25500000, 1000000};
    struct prom_labels listener = PROM_LABELS("listener=\"a\""), more = PROM_LABELS("b=\"c\"");
    struct page *page = page_new(PROM_OPENMETRICS);

    (void)state;
    prom_family(&page->p, &DELAY);
    prom_histogram(&page->p, NULL, NULL, &buckets);
    prom_histogram(&page->p, &listener, &more, &buckets);
    assert_page(page, "# HELP x_delay_seconds how long\n"
                      "# TYPE x_delay_seconds histogram\n"
                      "# UNIT x_delay_seconds seconds\n"
                      "x_delay_seconds_bucket{le=\"0.001\"} 4\n"
                      "x_delay_seconds_bucket{le=\"2.5\"} 4\n"
                      "x_delay_seconds_bucket{le=\"10.0\"} 7\n"
                      "x_delay_seconds_bucket{le=\"+Inf\"} 9\n"
                      "x_delay_seconds_sum 25.5\n"
                      "x_delay_seconds_count 9\n"
                      "x_delay_seconds_bucket{listener=\"a\",b=\"c\",le=\"0.001\"} 4\n"
                      "x_delay_seconds_bucket{listener=\"a\",b=\"c\",le=\"2.5\"} 4\n"
                      "x_delay_seconds_bucket{listener=\"a\",b=\"c\",le=\"10.0\"} 7\n"
                      "x_delay_seconds_bucket{listener=\"a\",b=\"c\",le=\"+Inf\"} 9\n"
                      "x_delay_seconds_sum{listener=\"a\",b=\"c\"} 25.5\n"
                      "x_delay_seconds_count{listener=\"a\",b=\"c\"} 9\n"
                      "# EOF\n");
}

static void a_histogram_without_bounds_has_one_bucket(void **state)
{
    static const uint64_t counts[] = {UINT64_MAX};
    const struct prom_buckets buckets = {NULL, counts, 0, UINT64_MAX, 1000000000};
    struct page *page = page_new(PROM_TEXT);

    (void)state;
    prom_family(&page->p, &DELAY);
    prom_histogram(&page->p, NULL, NULL, &buckets);
    assert_page(page, "# HELP x_delay_seconds how long\n"
                      "# TYPE x_delay_seconds histogram\n"
                      "x_delay_seconds_bucket{le=\"+Inf\"} 18446744073709551615\n"
                      "x_delay_seconds_sum 18446744073.709551615\n"
                      "x_delay_seconds_count 18446744073709551615\n");
}

/* A page with one of everything, into a buffer of `max` bytes; what the writer says of it. */
static int write_all(size_t max, enum prom_format format, size_t *len_out)
{
    static const uint64_t counts[] = {1, 2};
    static const uint64_t bound = 5;
    const struct prom_buckets buckets = {&bound, counts, 1, 9, 1};
    struct prom_labels labels = PROM_LABELS("a=\"b\"");
    struct buf out;
    struct prom p;
    int rc;

    buf_init(&out, max);
    prom_begin(&p, &out, format);
    prom_family(&p, &CONNECTIONS);
    prom_counter(&p, &labels, NULL, 1);
    prom_family(&p, &LEVEL);
    prom_gauge(&p, &labels, NULL, 1);
    prom_family(&p, &BUILD);
    prom_info(&p, &labels);
    prom_family(&p, &DELAY);
    prom_histogram(&p, &labels, NULL, &buckets);
    rc = prom_end(&p);
    *len_out = out.len;
    assert_true(out.len <= max);
    buf_fini(&out);
    return rc;
}

static void a_full_buffer_is_told_at_the_end(void **state)
{
    size_t whole, len;

    (void)state;
    assert_int_equal(write_all(PAGE_MAX, PROM_OPENMETRICS, &whole), 0);
    for (size_t max = 0; max < whole; max++) {
        assert_int_equal(write_all(max, PROM_OPENMETRICS, &len), -ENOBUFS);
    }
}

static void failed_memory(void *ctx)
{
    const struct prom_label label = {"a", "b"};
    struct prom_labels labels;
    struct arena arena;
    size_t len;
    int rc;

    (void)ctx;
    arena_init(&arena, 64);
    rc = write_all(PAGE_MAX, PROM_TEXT, &len);
    assert_true(rc == 0 || rc == -ENOMEM);
    rc = prom_labels_make(&arena, &label, 1, &labels);
    assert_true(rc == 0 || rc == -ENOMEM);
    arena_fini(&arena);
}

static void lacking_memory_is_told_at_the_end(void **state)
{
    (void)state;
    assert_true(failalloc_torture(failed_memory, NULL) >= 3);
}

static uint64_t cpu_us(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

#define ROUTES   10000u
#define FAMILIES 16u

/* Ten thousand routes with sixteen lines each: what a scrape may have to do. */
static void many_routes_cost_little_time(void **state)
{
    struct page *page = page_new(PROM_OPENMETRICS);
    struct prom_labels *labels = test_calloc(ROUTES, sizeof(*labels));
    uint64_t start = cpu_us();
    uint64_t spent;

    (void)state;
    for (size_t i = 0; i < ROUTES; i++) {
        const struct prom_label pairs[] = {{"namespace", "namespace-of-a-tenant"},
                                           {"route", "ingress-of-a-usual-length"}};

        assert_int_equal(prom_labels_make(&page->arena, pairs, 2, &labels[i]), 0);
    }
    for (size_t family = 0; family < FAMILIES; family++) {
        prom_family(&page->p, &CONNECTIONS);
        for (size_t i = 0; i < ROUTES; i++) {
            prom_counter(&page->p, &labels[i], NULL, i * 1000003);
        }
    }
    assert_int_equal(prom_end(&page->p), 0);
    spent = cpu_us() - start;
    print_message("%u lines, %zu bytes: %u us\n", ROUTES * FAMILIES, page->out.len,
                  (unsigned)spent);
    assert_true(spent < 2000000); /* of a sanitizer on a slow machine; a hundredth is usual */
    test_free(labels);
    page_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_describes_a_counter_by_the_name_of_its_samples),
        cmocka_unit_test(openmetrics_describes_a_counter_without_total_and_ends_in_eof),
        cmocka_unit_test(openmetrics_tells_the_unit),
        cmocka_unit_test(info_is_a_gauge_in_text),
        cmocka_unit_test(help_is_escaped_as_each_format_says),
        cmocka_unit_test(gauges_take_the_whole_range_of_numbers),
        cmocka_unit_test(counters_take_the_whole_range_of_numbers),
        cmocka_unit_test(two_sets_of_labels_are_joined),
        cmocka_unit_test(no_labels_at_all_are_labels),
        cmocka_unit_test(label_values_hold_any_bytes),
        cmocka_unit_test(histograms_are_cumulative_and_end_in_infinity),
        cmocka_unit_test(a_histogram_without_bounds_has_one_bucket),
        cmocka_unit_test(a_full_buffer_is_told_at_the_end),
        cmocka_unit_test(lacking_memory_is_told_at_the_end),
        cmocka_unit_test(many_routes_cost_little_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
