#include "../../src/controller/eventseries_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/eventlog.h"

#define NOTE  7u
#define STAMP 100u
#define NOW   1000000u

/* It happened at NOW and was posted. */
static struct eventseries posted(void)
{
    struct eventseries s = {0};

    assert_int_equal(eventseries_happen(&s, NOW, 1), NOW + EVENTLOG_SETTLE_MS);
    assert_int_equal(eventseries_begin(&s, NOTE, NOW, STAMP), EVENTSERIES_POST);
    assert_int_equal(s.stamp, STAMP);
    eventseries_accept(&s);
    return s;
}

static void the_same_again_is_counted_in_the_event_there_is(void **state)
{
    struct eventseries s = posted();

    (void)state;
    assert_int_equal(eventseries_happen(&s, NOW + 1000, 2), NOW + EVENTLOG_EVERY_MS);
    assert_int_equal(eventseries_happen(&s, NOW + 9000, 3), NOW + EVENTLOG_EVERY_MS);
    assert_int_equal(eventseries_begin(&s, NOTE, NOW + 10000, STAMP + 1), EVENTSERIES_PATCH);
    assert_int_equal(s.stamp, STAMP);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.seen_us, 3);
}

static void another_note_is_another_event(void **state)
{
    struct eventseries s = posted();

    (void)state;
    assert_int_equal(eventseries_happen(&s, NOW + 1000, 2), NOW + EVENTLOG_EVERY_MS);
    assert_int_equal(eventseries_begin(&s, NOTE + 1, NOW + 10000, STAMP + 1), EVENTSERIES_POST);
    assert_int_equal(s.stamp, STAMP + 1);
    assert_int_equal(s.count, 1);
}

static void six_minutes_of_silence_end_a_series(void **state)
{
    struct eventseries s = posted();
    uint64_t at = NOW + EVENTLOG_SERIES_MS;

    (void)state;
    assert_int_equal(eventseries_happen(&s, at, 2), at + EVENTLOG_SETTLE_MS);
    assert_int_equal(s.stamp, STAMP);
    assert_false(eventseries_is_over(&s, at + EVENTLOG_SERIES_MS));
    at += EVENTLOG_SERIES_MS + 1;
    assert_true(eventseries_is_over(&s, at));
    assert_int_equal(eventseries_happen(&s, at, 3), at + EVENTLOG_SETTLE_MS);
    assert_int_equal(eventseries_begin(&s, NOTE, at, STAMP + 1), EVENTSERIES_POST);
    assert_int_equal(s.stamp, STAMP + 1);
}

static void a_post_tried_again_keeps_its_name(void **state)
{
    struct eventseries s = {0};

    (void)state;
    (void)eventseries_happen(&s, NOW, 1);
    assert_int_equal(eventseries_begin(&s, NOTE, NOW, STAMP), EVENTSERIES_POST);
    (void)eventseries_happen(&s, NOW, 1);
    assert_int_equal(eventseries_begin(&s, NOTE, NOW, STAMP + 1), EVENTSERIES_POST);
    assert_int_equal(s.stamp, STAMP);
    eventseries_end(&s);
    assert_int_equal(eventseries_begin(&s, NOTE, NOW, STAMP + 2), EVENTSERIES_POST);
    assert_int_equal(s.stamp, STAMP + 2);
}

static void what_came_and_went_a_moment_ago_need_not_settle_again(void **state)
{
    struct eventseries s = {0};

    (void)state;
    assert_int_equal(eventseries_happen(&s, NOW, 1), NOW + EVENTLOG_SETTLE_MS);
    assert_int_equal(eventseries_happen(&s, NOW + 1500, 1), NOW + EVENTLOG_SETTLE_MS);
    assert_int_equal(eventseries_happen(&s, NOW + EVENTLOG_EVERY_MS + 1, 1),
                     NOW + EVENTLOG_EVERY_MS + 1 + EVENTLOG_SETTLE_MS);
}

static void what_was_never_written_is_soon_forgotten(void **state)
{
    struct eventseries s = {0};

    (void)state;
    (void)eventseries_happen(&s, NOW, 1);
    assert_false(eventseries_is_over(&s, NOW + EVENTLOG_EVERY_MS));
    assert_true(eventseries_is_over(&s, NOW + EVENTLOG_EVERY_MS + 1));
}

static void it_is_stale_after_forty_minutes_and_renewed_in_the_event_there_is(void **state)
{
    struct eventseries s = posted();

    (void)state;
    assert_false(eventseries_is_stale(&s, NOW + EVENTLOG_RENEW_MS));
    assert_true(eventseries_is_stale(&s, NOW + EVENTLOG_RENEW_MS + EVENTLOG_SPREAD_MS));
    eventseries_renew(&s, NOW + 3000000, 5);
    assert_false(eventseries_is_stale(&s, NOW + 3000000));
    assert_int_equal(eventseries_begin(&s, NOTE, NOW + 3000000, STAMP + 1), EVENTSERIES_PATCH);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.seen_us, 5);
}

static void a_count_does_not_wrap(void **state)
{
    struct eventseries s = posted();

    (void)state;
    s.count = UINT32_MAX;
    (void)eventseries_happen(&s, NOW, 1);
    assert_int_equal(s.count, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_again_is_counted_in_the_event_there_is),
        cmocka_unit_test(another_note_is_another_event),
        cmocka_unit_test(six_minutes_of_silence_end_a_series),
        cmocka_unit_test(a_post_tried_again_keeps_its_name),
        cmocka_unit_test(what_came_and_went_a_moment_ago_need_not_settle_again),
        cmocka_unit_test(what_was_never_written_is_soon_forgotten),
        cmocka_unit_test(it_is_stale_after_forty_minutes_and_renewed_in_the_event_there_is),
        cmocka_unit_test(a_count_does_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
