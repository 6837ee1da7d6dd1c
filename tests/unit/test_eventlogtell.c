#include "../../src/controller/eventlogtell_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/logring.h"
#include "kube/kubestatus.h"

struct seen {
    struct logring *ring;
    size_t n;
    char last[LIMIT_LOG_LINE + 1];
};

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct seen *s = ctx;

    (void)stream;
    memcpy(s->last, line, len);
    s->last[len] = '\0';
    s->n++;
    return true;
}

static void begin(struct seen *s)
{
    *s = (struct seen){.ring = logring_new(1u << 16)};
    assert_non_null(s->ring);
    log_use_ring(s->ring);
}

static size_t lines(struct seen *s)
{
    s->n = 0;
    (void)logring_drain(s->ring, take_line, s);
    return s->n;
}

static void end(struct seen *s)
{
    log_use_ring(NULL);
    logring_free(s->ring);
}

static struct kubestatus status(int code, const char *message)
{
    struct kubestatus s;

    if (code == 0) {
        kubestatus_unreachable(&s, message);
    } else {
        kubestatus_from_answer(&s, code, "text/plain", message, strlen(message));
    }
    return s;
}

static void what_may_not_be_written_names_the_rule_that_mends_it(void **state)
{
    const struct kubestatus why = status(403, "events.events.k8s.io is forbidden");
    struct eventlogtell t = {0};
    struct seen s;

    (void)state;
    begin(&s);
    eventlogtell_failed(&t, "shop", &why, 0);
    assert_int_equal(lines(&s), 1);
    assert_non_null(strstr(s.last, "level=warn"));
    assert_non_null(strstr(s.last, "in namespace shop: 403 Forbidden"));
    assert_non_null(strstr(s.last, "create and patch on events in API group events.k8s.io"));
    assert_non_null(strstr(s.last, "events.events.k8s.io is forbidden"));
    end(&s);
}

static void each_sort_is_told_once_a_minute(void **state)
{
    const struct kubestatus forbidden = status(403, "no"), invalid = status(422, "no"),
                            silent = status(0, "timed out");
    struct eventlogtell t = {0};
    struct seen s;

    (void)state;
    begin(&s);
    for (uint64_t now_ms = 1000; now_ms < 61000; now_ms += 1000) {
        eventlogtell_failed(&t, "shop", &forbidden, now_ms);
        eventlogtell_failed(&t, "", &invalid, now_ms);
        eventlogtell_failed(&t, "shop", &silent, now_ms);
    }
    assert_int_equal(lines(&s), 2);
    assert_non_null(strstr(s.last, "in namespace default is given up: 422 Invalid"));
    eventlogtell_failed(&t, "shop", &silent, 61000);
    assert_int_equal(lines(&s), 1);
    assert_non_null(strstr(s.last, "no answer from the API server"));
    assert_non_null(strstr(s.last, "timed out"));
    end(&s);
}

static void a_namespace_that_goes_is_no_lack_of_rights(void **state)
{
    const struct kubestatus why = status(
        403, "unable to create new content in namespace shop because it is being terminated");
    struct eventlogtell t = {0};
    struct seen s;

    (void)state;
    begin(&s);
    eventlogtell_failed(&t, "shop", &why, 0);
    assert_int_equal(lines(&s), 0);
    end(&s);
}

static void what_is_lost_is_summed_up_each_minute(void **state)
{
    struct eventlogtell t = {0};
    struct seen s;

    (void)state;
    begin(&s);
    eventlogtell_turn(&t, 1000);
    assert_int_equal(eventlogtell_due_ms(&t), UINT64_MAX);
    eventlogtell_lost(&t, 3);
    eventlogtell_turn(&t, 1000);
    assert_int_equal(lines(&s), 1);
    assert_non_null(strstr(s.last, "3 Events are lost"));
    eventlogtell_lost(&t, 2);
    eventlogtell_lost(&t, 2);
    assert_int_equal(eventlogtell_due_ms(&t), 61000);
    eventlogtell_turn(&t, 60999);
    assert_int_equal(lines(&s), 0);
    eventlogtell_turn(&t, 61000);
    assert_int_equal(lines(&s), 1);
    assert_non_null(strstr(s.last, "4 Events are lost"));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_not_be_written_names_the_rule_that_mends_it),
        cmocka_unit_test(each_sort_is_told_once_a_minute),
        cmocka_unit_test(a_namespace_that_goes_is_no_lack_of_rights),
        cmocka_unit_test(what_is_lost_is_summed_up_each_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
