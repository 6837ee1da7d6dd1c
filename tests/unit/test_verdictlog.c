#include "controller/verdictlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/logring.h"
#include "model/object.h"
#include "model/verdict.h"
#include "support/failalloc.h"

#define RING_BYTES (1u << 20)

/** The lines logged since the last look. */
struct seen {
    struct logring *ring;
    struct verdictlog log;
    size_t n;
    char last[LIMIT_LOG_LINE + 1];
};

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct seen *s = ctx;

    assert_int_equal(stream, LOG_MAIN);
    assert_true(len < sizeof(s->last));
    memcpy(s->last, line, len);
    s->last[len] = '\0';
    s->n++;
    return true;
}

static void begin(struct seen *s)
{
    *s = (struct seen){.ring = logring_new(RING_BYTES)};
    assert_non_null(s->ring);
    verdictlog_init(&s->log);
    log_use_ring(s->ring);
}

static void end(struct seen *s)
{
    log_use_ring(NULL);
    verdictlog_fini(&s->log);
    logring_free(s->ring);
}

static size_t report(struct seen *s, struct verdicts *v)
{
    s->n = 0;
    verdictlog_report(&s->log, v);
    (void)logring_drain(s->ring, take_line, s);
    verdicts_fini(v);
    return s->n;
}

static const struct objmeta web = {
    .kind = OBJECT_INGRESS, .ns = "shop", .name = "web", .file = "m/web.yaml", .line = 3};

static void a_verdict_is_logged_with_reason_object_and_place(void **state)
{
    struct verdicts v;
    struct seen s;

    (void)state;
    begin(&s);
    verdicts_init(&v);
    verdicts_add(&v, &web, 7, VERDICT_WARNING, "NoEndpoints", "nothing there");
    assert_int_equal(report(&s, &v), 1);
    assert_non_null(strstr(s.last, "level=warn"));
    assert_non_null(strstr(s.last, "nothing there"));
    assert_non_null(strstr(s.last, "NoEndpoints"));
    assert_non_null(strstr(s.last, "Ingress shop/web"));
    assert_non_null(strstr(s.last, "m/web.yaml:7"));
    end(&s);
}

static void severity_becomes_level(void **state)
{
    struct verdicts v;
    struct seen s;

    (void)state;
    begin(&s);
    verdicts_init(&v);
    verdicts_add(&v, &web, 0, VERDICT_ERROR, "A", "a");
    assert_int_equal(report(&s, &v), 1);
    assert_non_null(strstr(s.last, "level=error"));
    verdicts_add_at(&v, "m", 0, VERDICT_NOTE, "B", "b");
    assert_int_equal(report(&s, &v), 1);
    assert_non_null(strstr(s.last, "level=info"));
    assert_null(strstr(s.last, "object="));
    assert_null(strstr(s.last, "m:0")); /* a file as a whole has no line */
    end(&s);
}

static void a_standing_verdict_is_logged_once(void **state)
{
    struct verdicts v;
    struct seen s;

    (void)state;
    begin(&s);
    verdicts_init(&v);
    for (unsigned round = 0; round < 3; round++) {
        verdicts_add(&v, &web, 7 + round, VERDICT_WARNING, "NoEndpoints", "nothing there");
        assert_int_equal(report(&s, &v), round == 0);
    }
    verdicts_add(&v, &web, 7, VERDICT_WARNING, "NoEndpoints", "nothing there");
    verdicts_add(&v, &web, 8, VERDICT_WARNING, "NoEndpoints", "something else");
    assert_int_equal(report(&s, &v), 1);
    end(&s);
}

static void one_that_went_away_is_logged_when_it_comes_back(void **state)
{
    struct verdicts v;
    struct seen s;

    (void)state;
    begin(&s);
    verdicts_init(&v);
    verdicts_add(&v, &web, 7, VERDICT_WARNING, "NoEndpoints", "nothing there");
    assert_int_equal(report(&s, &v), 1);
    assert_int_equal(report(&s, &v), 0);
    verdicts_add(&v, &web, 7, VERDICT_WARNING, "NoEndpoints", "nothing there");
    assert_int_equal(report(&s, &v), 1);
    end(&s);
}

static void a_flood_is_cut_and_counted(void **state)
{
    struct verdicts v;
    struct seen s;

    (void)state;
    begin(&s);
    verdicts_init(&v);
    for (unsigned i = 0; i < 700; i++) {
        verdicts_add(&v, &web, i, VERDICT_WARNING, "NoEndpoints", "number %u", i);
    }
    assert_int_equal(report(&s, &v), 501);
    assert_non_null(strstr(s.last, "200 more problems"));
    end(&s);
}

static void without_memory_that_is_logged(void **state)
{
    struct verdicts v;
    struct seen s;

    (void)state;
    begin(&s);
    verdicts_init(&v);
    verdicts_add(&v, &web, 7, VERDICT_WARNING, "NoEndpoints", "nothing there");
    failalloc_arm(1);
    assert_int_equal(report(&s, &v), 1);
    assert_true(failalloc_disarm());
    assert_non_null(strstr(s.last, "out of memory"));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_is_logged_with_reason_object_and_place),
        cmocka_unit_test(severity_becomes_level),
        cmocka_unit_test(a_standing_verdict_is_logged_once),
        cmocka_unit_test(one_that_went_away_is_logged_when_it_comes_back),
        cmocka_unit_test(a_flood_is_cut_and_counted),
        cmocka_unit_test(without_memory_that_is_logged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
