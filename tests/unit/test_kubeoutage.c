#include "../../src/controller/kubeoutage_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/logring.h"
#include "kube/kubewatch.h"

#define REFUSED "cannot connect to 10.0.0.1 after 1 ms"

static struct seen {
    struct logring *ring;
    size_t n;
    char last[LIMIT_LOG_LINE + 1];
} seen;

static struct kubeoutage o;

static int setup(void **state)
{
    (void)state;
    o = (struct kubeoutage){0};
    seen.ring = logring_new(1u << 20);
    log_use_ring(seen.ring);
    return seen.ring ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    log_use_ring(NULL);
    logring_free(seen.ring);
    return 0;
}

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    (void)ctx;
    assert_int_equal(stream, LOG_MAIN);
    assert_true(len < sizeof(seen.last));
    memcpy(seen.last, line, len);
    seen.last[len] = '\0';
    seen.n++;
    return true;
}

/* How many lines since the last look. */
static size_t lines(void)
{
    seen.n = 0;
    seen.last[0] = '\0';
    (void)logring_drain(seen.ring, take_line, NULL);
    return seen.n;
}

/* A watch is cut off, or fails again. */
static void trouble(bool again, int code, const char *text, uint64_t now_ms)
{
    struct kubestatus why;
    const struct kubewatch_failure f = {
        .request = "list ingresses in all namespaces", .why = &why, .again = again};

    if (code) {
        kubestatus_from_answer(&why, code, "text/plain", text, strlen(text));
    } else {
        kubestatus_unreachable(&why, text);
    }
    kubeoutage_failed(&o, &f, true, now_ms);
}

static void an_outage_is_two_lines_however_many_watches_it_cuts_off(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        trouble(false, 0, REFUSED, 1000 + i);
    }
    assert_true(kubeoutage_lasts(&o));
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "level=warn"));
    assert_non_null(strstr(seen.last, "msg=\"the API server does not answer; the last routes keep "
                                      "being served\""));
    assert_non_null(strstr(seen.last, "request=\"list ingresses in all namespaces\""));
    assert_non_null(strstr(seen.last, "cause=\"" REFUSED "\""));
    for (unsigned i = 0; i < 3; i++) {
        kubeoutage_answers(&o, 6000);
    }
    assert_true(kubeoutage_lasts(&o));
    assert_int_equal(lines(), 0);
    kubeoutage_answers(&o, 8000);
    assert_false(kubeoutage_lasts(&o));
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "level=info"));
    assert_non_null(strstr(seen.last, "msg=\"the API server answers again\" away_ms=7000.000"));
}

static void it_is_told_again_each_minute_and_for_how_long(void **state)
{
    (void)state;
    trouble(false, 0, REFUSED, 1000);
    assert_int_equal(lines(), 1);
    trouble(true, 0, REFUSED, 60999);
    assert_int_equal(lines(), 0);
    trouble(true, 0, REFUSED, 61000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "away_ms=60000.000"));
}

static void another_cause_is_told_at_once(void **state)
{
    (void)state;
    trouble(false, 0, REFUSED, 1000);
    trouble(true, 0, "cannot connect to 10.0.0.2 after 17 ms", 1500); /* the same */
    assert_int_equal(lines(), 1);
    trouble(true, 0, "the server's certificate is not trusted", 2000);
    assert_int_equal(lines(), 1);
    trouble(true, 503, "try later", 3000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "the API server answers 503 ServiceUnavailable; the last"));
    assert_non_null(strstr(seen.last, "answer=\"try later\""));
    trouble(true, 401, "", 4000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "401 Unauthorized; the credentials are not accepted: they "
                                      "are read again and tried"));
    assert_null(strstr(seen.last, "answer="));
    trouble(true, 0, REFUSED, 5000);
    assert_int_equal(lines(), 0);
}

static void before_everything_is_read_nothing_is_said_to_be_served(void **state)
{
    struct kubestatus why;
    const struct kubewatch_failure f = {.request = "x", .why = &why};

    (void)state;
    kubestatus_unreachable(&why, REFUSED);
    kubeoutage_failed(&o, &f, false, 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "nothing is served before everything was read once"));
}

/* A server that comes and goes does not fill the log. */
static void an_end_is_told_only_of_what_was_told(void **state)
{
    (void)state;
    for (uint64_t now_ms = 0; now_ms < 60000; now_ms += 1000) {
        trouble(false, 0, REFUSED, now_ms);
        kubeoutage_answers(&o, now_ms);
    }
    assert_int_equal(lines(), 2);
}

static void more_causes_than_are_remembered_are_all_told(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * (int)KUBEOUTAGE_CAUSES; i++) {
        trouble(i > 0, 500 + i, "x", 1000u + (unsigned)i);
    }
    assert_int_equal(lines(), 2 * KUBEOUTAGE_CAUSES);
    for (int i = KUBEOUTAGE_CAUSES; i < 2 * (int)KUBEOUTAGE_CAUSES; i++) {
        trouble(true, 500 + i, "x", 2000);
    }
    assert_int_equal(lines(), 0);
}

static void those_that_wait_are_hurried_now_and_then(void **state)
{
    (void)state;
    assert_true(kubeoutage_hurries(&o, 10000));
    assert_false(kubeoutage_hurries(&o, 10001));
    assert_false(kubeoutage_hurries(&o, 10000 + KUBEOUTAGE_HURRY_MS - 1));
    assert_true(kubeoutage_hurries(&o, 10000 + KUBEOUTAGE_HURRY_MS));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_outage_is_two_lines_however_many_watches_it_cuts_off),
        TEST(it_is_told_again_each_minute_and_for_how_long),
        TEST(another_cause_is_told_at_once),
        TEST(before_everything_is_read_nothing_is_said_to_be_served),
        TEST(an_end_is_told_only_of_what_was_told),
        TEST(more_causes_than_are_remembered_are_all_told),
        TEST(those_that_wait_are_hurried_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
