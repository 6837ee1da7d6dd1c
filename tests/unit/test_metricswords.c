#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/metricswords.h"

#include <string.h>

#include "base/attr.h"
#include "proxy/stats.h"

#define RESULT(id, word) METRICSWORDS_ENTRY(id, "result", word)

static const struct prom_labels WORDS[] = {STATS_MATCHES(RESULT)};
static const struct prom_family FAMILY = {"x_total", PROM_COUNTER, NULL, "x"};

static struct buf out;
static struct prom p;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 65536);
    prom_begin(&p, &out, PROM_TEXT);
    prom_family(&p, &FAMILY);
    out.len = 0; /* the description is somebody else's */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static void assert_wrote(const char *text)
{
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.data, text, out.len);
}

static void every_word_of_a_set_has_its_line(void **state)
{
    static const uint64_t cells[MATCHES] = {[MATCH_EXACT] = 7, [MATCH_NONE] = 1};

    (void)state;
    metricswords_counters(&p, NULL, WORDS, cells, MATCHES, true);
    assert_wrote("x_total{result=\"exact\"} 7\n"
                 "x_total{result=\"wildcard\"} 0\n"
                 "x_total{result=\"default\"} 0\n"
                 "x_total{result=\"none\"} 1\n");
}

static void what_never_happened_to_a_route_has_no_line(void **state)
{
    static const uint64_t cells[MATCHES] = {[MATCH_WILDCARD] = 2};
    const struct prom_labels route = PROM_LABELS("route=\"shop\"");

    (void)state;
    metricswords_counters(&p, &route, WORDS, cells, MATCHES, false);
    assert_wrote("x_total{route=\"shop\",result=\"wildcard\"} 2\n");
}

static void a_histogram_is_read_from_its_cells(void **state)
{
    static const struct prom_family SIZE = {"s_bytes", PROM_HISTOGRAM, "bytes", "s"};
    uint64_t cells[HISTOGRAM_CELLS(HISTOGRAM_HELLO_SIZE_BOUNDS)] = {300 + 70000};

    (void)state;
    cells[HISTOGRAM_FIRST_BUCKET + 1] = 1;
    cells[ARRAY_LEN(cells) - 1] = 1;
    prom_family(&p, &SIZE);
    out.len = 0;
    metricswords_histogram(&p, NULL, HISTOGRAM_HELLO_SIZE, cells);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_non_null(strstr((char *)out.data, "s_bytes_bucket{le=\"256.0\"} 0\n"
                                             "s_bytes_bucket{le=\"512.0\"} 1\n"));
    assert_non_null(strstr((char *)out.data, "s_bytes_bucket{le=\"65536.0\"} 1\n"
                                             "s_bytes_bucket{le=\"+Inf\"} 2\n"
                                             "s_bytes_sum 70300\n"
                                             "s_bytes_count 2\n"));
}

static void a_family_may_have_one_sample(void **state)
{
    static const struct prom_family AGE = {"age_seconds", PROM_GAUGE, "seconds", "a"};

    (void)state;
    metricswords_one(&p, &AGE, -1500, 1000);
    assert_wrote("# HELP age_seconds a\n# TYPE age_seconds gauge\nage_seconds -1.5\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_word_of_a_set_has_its_line),
        T(what_never_happened_to_a_route_has_no_line),
        T(a_histogram_is_read_from_its_cells),
        T(a_family_may_have_one_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
