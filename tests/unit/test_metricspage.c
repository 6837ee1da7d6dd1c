/*
 * `test_metricspage --print ACCEPT` prints the sample page instead, for parsers of others
 * (tests/integration/metrics_formats.sh).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/metricspage.h"
#include "base/limits.h"
#include "support/failalloc.h"

#define OPENMETRICS "application/openmetrics-text; version=1.0.0"

/* --- A page with one of everything ----------------------------------------------------------- */

static const uint64_t BOUNDS[] = {1000,    2500,    10000,    100000,    1000000,
                                  2500000, 5000000, 10000000, 600000000, 86400000000};
static const uint64_t COUNTS[] = {3, 0, 1, 7, 0, 0, 2, 0, 1, 1, 4};
static const uint64_t SIZES[] = {256, 512, 1460, 65536};
static const uint64_t SIZE_COUNTS[] = {0, 9, 3, 1, 0};

static void write_counters(void *ctx, struct prom *p)
{
    static const struct prom_family opened = {.name = "sealway_sample_opened_total",
                                              .type = PROM_COUNTER,
                                              .help = "opened, \\ \"of all\""};
    static const struct prom_family cpu = {.name = "sealway_sample_cpu_seconds_total",
                                           .type = PROM_COUNTER,
                                           .unit = "seconds",
                                           .help = "time\nspent"};
    static const struct prom_label odd[] = {{"route", "a\"b\\c\nd\xff\x01 \xc3\xa4"},
                                            {"namespace", ""}};
    const struct prom_labels ok = PROM_LABELS("result=\"ok\"");
    struct prom_labels labels = {NULL, 0};
    struct arena *arena = ctx;

    if (prom_labels_make(arena, odd, 2, &labels) != 0) {
        p->rc = -ENOMEM;
        return;
    }
    prom_family(p, &opened);
    prom_counter(p, &labels, &ok, 0);
    prom_counter(p, NULL, &ok, 12345678901234567890u);
    prom_family(p, &cpu);
    prom_scaled(p, NULL, NULL, 12345678, 1000000);
}

static void write_rest(void *ctx, struct prom *p)
{
    static const struct prom_family build = {
        .name = "sealway_sample_build_info", .type = PROM_INFO, .help = "what this is"};
    static const struct prom_family level = {
        .name = "sealway_sample_level", .type = PROM_GAUGE, .help = "how high"};
    static const struct prom_family nothing = {
        .name = "sealway_sample_nothing", .type = PROM_GAUGE, .help = "no samples yet"};
    static const struct prom_family delay = {.name = "sealway_sample_delay_seconds",
                                             .type = PROM_HISTOGRAM,
                                             .unit = "seconds",
                                             .help = "how long"};
    static const struct prom_family size = {.name = "sealway_sample_size_bytes",
                                            .type = PROM_HISTOGRAM,
                                            .unit = "bytes",
                                            .help = "how much"};
    const struct prom_labels version = PROM_LABELS("version=\"0.1\",revision=\"abc\"");
    const struct prom_labels listener = PROM_LABELS("listener=\"[::]:8443\"");
    const struct prom_buckets delays = {BOUNDS, COUNTS, ARRAY_LEN(BOUNDS), 86400123456, 1000000};
    const struct prom_buckets sizes = {SIZES, SIZE_COUNTS, ARRAY_LEN(SIZES), 8000, 1};

    (void)ctx;
    prom_family(p, &build);
    prom_info(p, &version);
    prom_family(p, &level);
    prom_gauge(p, &listener, NULL, -7);
    prom_scaled(p, NULL, NULL, -1, 1000000000);
    prom_family(p, &nothing);
    prom_family(p, &delay);
    prom_histogram(p, &listener, NULL, &delays);
    prom_family(p, &size);
    prom_histogram(p, NULL, NULL, &sizes);
}

static struct arena arena;

static struct metricspage *sample_new(void)
{
    struct metricspage *m = metricspage_new();

    if (m != NULL) {
        assert_int_equal(metricspage_add(m, write_counters, &arena), 0);
        assert_int_equal(metricspage_add(m, write_rest, NULL), 0);
    }
    return m;
}

/* The sample page, terminated, into `reply`. */
static int serve_sample(const char *accept, size_t max, struct adminserver_reply *reply)
{
    const struct adminserver_request rq = {.path = "/metrics", .accept = accept};
    struct metricspage *m = sample_new();
    int rc = -ENOMEM;

    *reply = (struct adminserver_reply){.status = 200};
    buf_init(&reply->body, max);
    arena_init(&arena, 1024);
    if (m != NULL) {
        rc = metricspage_serve(m, &rq, reply);
    }
    if (rc == 0) {
        rc = buf_append(&reply->body, "", 1);
    }
    arena_fini(&arena);
    metricspage_free(m);
    return rc;
}

/* --- Tests ----------------------------------------------------------------------------------- */

static void the_format_is_the_one_that_was_asked_for(void **state)
{
    struct adminserver_reply reply;
    const char *body;

    (void)state;
    assert_int_equal(serve_sample(NULL, 1u << 20, &reply), 0);
    body = (const char *)reply.body.data;
    assert_string_equal(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert_non_null(strstr(body, "# TYPE sealway_sample_opened_total counter\n"));
    assert_null(strstr(body, "# EOF"));
    buf_fini(&reply.body);

    assert_int_equal(serve_sample(OPENMETRICS, 1u << 20, &reply), 0);
    body = (const char *)reply.body.data;
    assert_string_equal(reply.content_type,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_non_null(strstr(body, "# TYPE sealway_sample_opened counter\n"));
    assert_string_equal(body + strlen(body) - 6, "# EOF\n");
    buf_fini(&reply.body);
}

static void sources_come_in_their_order(void **state)
{
    struct adminserver_reply reply;
    const char *body;

    (void)state;
    assert_int_equal(serve_sample("", 1u << 20, &reply), 0);
    body = (const char *)reply.body.data;
    assert_true(strstr(body, "sealway_sample_cpu") < strstr(body, "sealway_sample_build"));
    buf_fini(&reply.body);
}

static void a_page_without_sources_is_empty(void **state)
{
    const struct adminserver_request rq = {.path = "/metrics", .accept = OPENMETRICS};
    struct adminserver_reply reply = {.status = 200};
    struct metricspage *m = metricspage_new();

    (void)state;
    assert_non_null(m);
    buf_init(&reply.body, 1000);
    assert_int_equal(metricspage_serve(m, &rq, &reply), 0);
    assert_int_equal(reply.body.len, 6);
    assert_memory_equal(reply.body.data, "# EOF\n", 6);
    buf_fini(&reply.body);
    metricspage_free(m);
}

static void a_page_that_does_not_fit_is_an_error(void **state)
{
    struct adminserver_reply reply;

    (void)state;
    for (size_t max = 0; max < 2000; max += 100) {
        assert_int_equal(serve_sample(NULL, max, &reply), -ENOBUFS);
        buf_fini(&reply.body);
    }
}

static void there_is_room_for_so_many_sources(void **state)
{
    struct metricspage *m = metricspage_new();

    (void)state;
    assert_non_null(m);
    for (unsigned i = 0; i < LIMIT_METRICS_SOURCES; i++) {
        assert_int_equal(metricspage_add(m, write_rest, NULL), 0);
    }
    assert_int_equal(metricspage_add(m, write_rest, NULL), -ENOSPC);
    metricspage_free(m);
}

static void serve_without_memory(void *ctx)
{
    struct adminserver_reply reply;
    int rc = serve_sample(NULL, 1u << 20, &reply);

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&reply.body);
}

static void lacking_memory_is_an_error(void **state)
{
    (void)state;
    assert_true(failalloc_torture(serve_without_memory, NULL) > 3);
}

static int print_sample(const char *accept)
{
    struct adminserver_reply reply;

    if (serve_sample(accept, 1u << 20, &reply) != 0) {
        return 1;
    }
    fputs((const char *)reply.body.data, stdout);
    buf_fini(&reply.body);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_format_is_the_one_that_was_asked_for),
        cmocka_unit_test(sources_come_in_their_order),
        cmocka_unit_test(a_page_without_sources_is_empty),
        cmocka_unit_test(a_page_that_does_not_fit_is_an_error),
        cmocka_unit_test(there_is_room_for_so_many_sources),
        cmocka_unit_test(lacking_memory_is_an_error),
    };

    if (argc == 3 && strcmp(argv[1], "--print") == 0) {
        return print_sample(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
