/*
 * A reflector's deadlines: the end of a watch, silence, the list that nobody asked for; and the one
 * that somebody did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reflector_fixture.h"

/* Row 37: the server ends it at its time. */
static void a_watch_that_ends_in_order_is_opened_again_at_once(void **state)
{
    (void)state;
    watch_from("41");
    now_ms += 240000;
    ended(REFLECTOR_CLEAN);
    expect_watch("41");
}

/* Row 37: the server ignores timeoutSeconds. */
static void a_watch_over_its_time_is_closed_and_opened_again_at_once(void **state)
{
    (void)state;
    watch_from("41"); /* a minute ago */
    now_ms += 200000;
    assert_int_equal(event(WATCH_MODIFIED, "42"), REFLECTOR_APPLY);
    expect_wait(300000 + REFLECTOR_GRACE_MS - 260000);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    assert_false(reflector_is_watching(&r));
    expect_watch("42");
}

static void a_watch_without_headers_is_closed_and_asked_again_after_a_wait(void **state)
{
    (void)state;
    (void)next_step();
    (void)page("41", "");
    expect_watch("41");
    assert_false(reflector_is_watching(&r));
    expect_wait(REFLECTOR_OPEN_MS);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_wait(800);
    expect_watch("41");
}

/* Row 24: the server hangs, and its kernel goes on acknowledging. */
static void a_silent_watch_is_probed_and_closed_if_nothing_answers(void **state)
{
    (void)state;
    watch_from("41");
    expect_wait(REFLECTOR_SILENT_MS);
    assert_int_equal(next_step(), REFLECTOR_PROBE);
    assert_string_equal(step.query, "limit=1&resourceVersion=0");
    assert_int_equal(next_step(), REFLECTOR_WAIT); /* said once */
    assert_true(reflector_is_watching(&r));
    now_ms += 15000;
    reflector_probed(&r, false, now_ms);
    assert_false(reflector_is_watching(&r));
    assert_int_equal(reflector_due_ms(&r), 0);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_watch("41");
}

static void a_silent_watch_whose_server_answers_is_left_alone(void **state)
{
    (void)state;
    watch_from("41");
    expect_wait(REFLECTOR_SILENT_MS);
    assert_int_equal(next_step(), REFLECTOR_PROBE);
    reflector_probe_version(&r, "41");
    reflector_probed(&r, true, now_ms);
    assert_true(reflector_is_watching(&r));
    expect_wait(300000 + REFLECTOR_GRACE_MS - 210000); /* its end comes first */
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
}

static void a_probe_ends_with_its_watch_and_the_next_one_has_its_own(void **state)
{
    (void)state;
    watch_from("41");
    expect_wait(REFLECTOR_SILENT_MS);
    assert_int_equal(next_step(), REFLECTOR_PROBE);
    ended(REFLECTOR_CUT);
    expect_watch("41");
    reflector_opened(&r, now_ms);
    expect_wait(REFLECTOR_SILENT_MS);
    assert_int_equal(next_step(), REFLECTOR_PROBE);
}

static void any_byte_is_a_sign_of_life(void **state)
{
    (void)state;
    watch_from("41");
    now_ms += REFLECTOR_SILENT_MS - 10;
    reflector_heard(&r, now_ms);
    now_ms += 10;
    assert_int_equal(next_step(), REFLECTOR_WAIT);
}

static void a_watch_heard_while_it_is_probed_is_not_dead(void **state)
{
    (void)state;
    watch_from("41");
    expect_wait(REFLECTOR_SILENT_MS);
    assert_int_equal(next_step(), REFLECTOR_PROBE);
    reflector_heard(&r, now_ms);
    reflector_probe_version(&r, "1");
    reflector_probed(&r, false, now_ms);
    assert_true(reflector_is_watching(&r));
    assert_int_equal(next_step(), REFLECTOR_WAIT);
}

/* Row 47: a watch from a version newer than the server's is silent for ever. */
static void a_probe_that_finds_an_older_version_lists_the_newest(void **state)
{
    (void)state;
    watch_from("1000");
    expect_wait(REFLECTOR_SILENT_MS);
    assert_int_equal(next_step(), REFLECTOR_PROBE);
    reflector_probe_version(&r, "400");
    reflector_probed(&r, true, now_ms);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BACKWARDS);
    assert_int_equal(page("400", ""), 0);
    expect_watch("400");
}

/* Row 38: it is the monotonic clock that counts; a jump of an hour is only late. */
static void an_hour_that_passes_at_once_ends_the_watch_and_no_more(void **state)
{
    (void)state;
    watch_from("41");
    now_ms += 3500000;
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_watch("41");
}

/* Rows 16 and 47: against what no event tells. */
static void the_newest_is_listed_after_hours_at_the_end_of_a_watch(void **state)
{
    (void)state;
    (void)next_step();
    (void)page("41", "");
    for (uint64_t end = now_ms + REFLECTOR_RELIST_MIN_MS; now_ms < end;) {
        expect_watch("41");
        reflector_opened(&r, now_ms);
        now_ms += 100000;
        reflector_heard(&r, now_ms);
        assert_int_equal(next_step(), REFLECTOR_WAIT);
        ended(REFLECTOR_CLEAN);
    }
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_PERIODIC);
    assert_int_equal(page("40", ""), 0);
    expect_watch("40");
}

static void a_server_that_asks_to_wait_is_not_listed_before(void **state)
{
    (void)state;
    watch_from("41");
    now_ms += REFLECTOR_RELIST_MIN_MS;
    (void)error_event(
        &(struct kubestatus){.code = 429, .has_retry_after = true, .retry_after_s = 5});
    expect_wait(5000);
    expect_list("limit=500");
}

static void a_list_asked_for_ends_the_watch_and_takes_the_newest(void **state)
{
    (void)state;
    watch_from("41");
    reflector_relist(&r);
    assert_int_equal(reflector_due_ms(&r), 0);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_FORCED);
    assert_int_equal(page("50", ""), 0);
    expect_watch("50"); /* once */
}

static void a_list_asked_for_ends_the_list_under_way(void **state)
{
    (void)state;
    (void)next_step();
    reflector_relist(&r);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_list("limit=500");
    assert_int_equal(page("41", "a"), 1);
    reflector_relist(&r); /* between two pages */
    assert_int_equal(reflector_due_ms(&r), 0);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_FIRST); /* nothing is known as yet */
}

static void a_list_asked_for_waits_for_nothing(void **state)
{
    (void)state;
    (void)next_step();
    (void)refused(403);
    assert_int_equal(next_step(), REFLECTOR_WAIT);
    reflector_relist(&r);
    expect_list("limit=500");
}

static void a_watch_without_headers_is_closed_at_once_for_a_list_asked_for(void **state)
{
    (void)state;
    (void)next_step();
    (void)page("41", "");
    expect_watch("41");
    reflector_relist(&r);
    assert_int_equal(next_step(), REFLECTOR_CLOSE);
    expect_list("limit=500");
    (void)refused(500);
    expect_wait(800); /* the first failure */
}

#define TEST(f) cmocka_unit_test_setup(f, fresh_reflector)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_watch_that_ends_in_order_is_opened_again_at_once),
        TEST(a_watch_over_its_time_is_closed_and_opened_again_at_once),
        TEST(a_watch_without_headers_is_closed_and_asked_again_after_a_wait),
        TEST(a_silent_watch_is_probed_and_closed_if_nothing_answers),
        TEST(a_silent_watch_whose_server_answers_is_left_alone),
        TEST(a_probe_ends_with_its_watch_and_the_next_one_has_its_own),
        TEST(any_byte_is_a_sign_of_life),
        TEST(a_watch_heard_while_it_is_probed_is_not_dead),
        TEST(a_probe_that_finds_an_older_version_lists_the_newest),
        TEST(an_hour_that_passes_at_once_ends_the_watch_and_no_more),
        TEST(the_newest_is_listed_after_hours_at_the_end_of_a_watch),
        TEST(a_server_that_asks_to_wait_is_not_listed_before),
        TEST(a_list_asked_for_ends_the_watch_and_takes_the_newest),
        TEST(a_list_asked_for_ends_the_list_under_way),
        TEST(a_list_asked_for_waits_for_nothing),
        TEST(a_watch_without_headers_is_closed_at_once_for_a_list_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
