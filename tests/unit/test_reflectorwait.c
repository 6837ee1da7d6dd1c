#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reflector_fixture.h"

/* Row 14: a watch that ends at once, with nothing, for ever. */
static void list_and_end_at_once(void)
{
    if (step.what == REFLECTOR_LIST) {
        (void)page("41", "");
    } else {
        reflector_opened(&r, now_ms);
        ended(REFLECTOR_CLEAN);
    }
}

static void a_watch_that_ends_at_once_waits_longer_and_longer_up_to_half_a_minute(void **state)
{
    static const uint64_t waits[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};

    (void)state;
    (void)next_step();
    (void)page("41", "");
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        expect_watch("41");
        list_and_end_at_once();
        expect_wait(waits[i]);
        expect_list("resourceVersion=41");
        assert_int_equal(reflector_list_cause(&r), REFLECTOR_BROKEN);
        (void)page("41", "");
    }
    assert_in_range(requests_within(600000, list_and_end_at_once), 10, 100);
}

static void chance_adds_up_to_as_much_again(void **state)
{
    (void)state;
    (void)next_step();
    (void)reflector_refused(&r, &(struct kubestatus){.code = 500}, now_ms, UINT32_MAX);
    assert_in_range(reflector_due_ms(&r) - now_ms, 1590, 1600);
}

static void waits_begin_anew_two_minutes_after_the_first(void **state)
{
    (void)state;
    (void)next_step();
    (void)refused(500);
    expect_wait(800);
    (void)next_step();
    (void)refused(500);
    expect_wait(1600);
    (void)next_step();
    now_ms += 120000;
    (void)refused(500);
    expect_wait(800);
}

/* What a server may send in a hurry for ever, the pace bears. */
static void page_or_cut_after_an_event(void)
{
    if (step.what == REFLECTOR_LIST) {
        (void)page("41", "");
    } else {
        (void)event(WATCH_ADDED, "41");
        ended(REFLECTOR_CUT);
    }
}

static void page_or_end_after_an_event(void)
{
    if (step.what == REFLECTOR_LIST) {
        (void)page("41", "");
    } else {
        (void)event(WATCH_ADDED, "41");
        ended(REFLECTOR_CLEAN);
    }
}

static void watches_that_end_at_once_after_an_event_make_no_tight_loop(void **state)
{
    (void)state;
    assert_in_range(requests_within(600000, page_or_cut_after_an_event), 10, 100);
    (void)fresh_reflector(NULL);
    assert_in_range(requests_within(600000, page_or_end_after_an_event), 10, 100);
}

/* Ended by whoever drives it, as often as it asks: no failure that a backoff knows of. */
static void page_and_relist(void)
{
    if (step.what == REFLECTOR_LIST) {
        (void)page("41", "");
    }
    reflector_relist(&r);
}

static void requests_never_come_faster_than_the_pace_whatever_happens(void **state)
{
    unsigned n = requests_within(60000, page_and_relist);

    (void)state;
    /* Each CLOSE is counted too. */
    assert_in_range(n, 100, 2 * (60000 / REFLECTOR_PACE_MS + REFLECTOR_BURST));
}

static void a_burst_is_free_and_then_requests_are_spaced(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REFLECTOR_BURST; i++) {
        reflector_relist(&r);
        assert_int_equal(next_step(), REFLECTOR_LIST);
        (void)page("41", "");
    }
    reflector_relist(&r);
    expect_wait(REFLECTOR_PACE_MS);
    assert_int_equal(next_step(), REFLECTOR_LIST);
    (void)page("41", "");
    expect_wait(REFLECTOR_PACE_MS);
    expect_watch("41");
}

static void a_page_asked_again_counts_for_the_pace(void **state)
{
    (void)state;
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    assert_true(refused(500));
    expect_wait(800);
    expect_list("limit=500&continue=a");
    for (unsigned i = 1; i < REFLECTOR_BURST; i++) {
        assert_int_equal(page("41", ""), 0);
        reflector_relist(&r);
        expect_list("limit=500");
    }
    assert_int_equal(page("41", ""), 0);
    expect_wait(REFLECTOR_PACE_MS);
}

static void a_retry_after_without_sense_is_believed_up_to_its_cap(void **state)
{
    (void)state;
    (void)next_step();
    (void)refused_for(
        &(struct kubestatus){.code = 503, .has_retry_after = true, .retry_after_s = UINT32_MAX});
    expect_wait(REFLECTOR_RETRY_MAX_MS);
}

static void the_longer_of_a_retry_after_and_the_own_wait_counts(void **state)
{
    (void)state;
    (void)next_step();
    (void)refused_for(
        &(struct kubestatus){.code = 403, .has_retry_after = true, .retry_after_s = 45});
    expect_wait(45000);
    (void)next_step();
    (void)refused_for(
        &(struct kubestatus){.code = 403, .has_retry_after = true, .retry_after_s = 1});
    expect_wait(1600);
}

static void a_server_that_answers_others_is_not_waited_for(void **state)
{
    (void)state;
    reflector_hurry(&r); /* nothing is waited for */
    (void)next_step();
    reflector_hurry(&r);
    for (int i = 0; i < 8; i++) {
        (void)refused(0);
        now_ms = reflector_due_ms(&r);
        (void)next_step();
    }
    (void)refused(0);
    assert_true(reflector_due_ms(&r) > now_ms);
    reflector_hurry(&r);
    expect_list("limit=500&resourceVersion=0");
}

static void a_server_that_said_wait_is_waited_for_though_it_answers_others(void **state)
{
    static const int codes[] = {401, 403, 429, 503};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        (void)fresh_reflector(state);
        (void)next_step();
        (void)refused(0);
        expect_wait(800);
        (void)next_step();
        (void)refused(codes[i]);
        reflector_hurry(&r);
        expect_wait(1600);
    }
}

/* Requests that are hurried still keep the pace. */
static void refuse_and_hurry(void)
{
    (void)refused(0);
    reflector_hurry(&r);
}

static void hurrying_makes_no_tight_loop(void **state)
{
    (void)state;
    assert_in_range(requests_within(60000, refuse_and_hurry), 100,
                    60000 / REFLECTOR_PACE_MS + REFLECTOR_BURST);
}

/* An outage that is over: what fails next is not its continuation. */
static void waits_begin_anew_after_a_watch_that_was_steady(void **state)
{
    (void)state;
    (void)next_step();
    for (int i = 0; i < 5; i++) {
        (void)refused(0);
        now_ms = reflector_due_ms(&r);
        (void)next_step();
    }
    (void)page("41", "");
    expect_watch("41");
    reflector_opened(&r, now_ms);
    now_ms += REFLECTOR_STEADY_MS;
    ended(REFLECTOR_CUT);
    expect_watch("41");
    assert_false(refused(0));
    expect_wait(800);
}

static void waits_do_not_begin_anew_after_a_watch_that_was_only_open(void **state)
{
    (void)state;
    (void)next_step();
    (void)refused(0);
    expect_wait(800);
    (void)next_step();
    (void)page("41", "");
    expect_watch("41");
    reflector_opened(&r, now_ms);
    now_ms += REFLECTOR_STEADY_MS - 1;
    ended(REFLECTOR_CUT);
    expect_watch("41");
    assert_false(refused(0));
    expect_wait(1600);
}

static void a_steady_watch_that_ends_in_nonsense_or_is_refused_begins_anew_too(void **state)
{
    static const struct kubestatus busy = {.code = 503};

    for (int how = 0; how < 3; how++) {
        (void)fresh_reflector(state);
        (void)next_step();
        (void)refused(0);
        expect_wait(800);
        watch_from("41");
        if (how == 0) {
            ended(REFLECTOR_GARBAGE);
        } else if (how == 1) {
            (void)error_event(&busy);
        } else {
            reflector_spoilt(&r, now_ms, 0);
        }
        expect_wait(800);
    }
}

/* Row 20: whoever renews a token does not wait for half a minute. */
static void new_credentials_are_tried_within_five_seconds(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        (void)next_step();
        (void)reflector_refused(&r, &(struct kubestatus){.code = 401}, now_ms, UINT32_MAX);
        assert_in_range(reflector_due_ms(&r) - now_ms, 1590, 4000);
        now_ms = reflector_due_ms(&r);
    }
    (void)next_step();
    (void)refused(401);
    expect_wait(REFLECTOR_DENIED_MS);
}

static uint64_t relist_after(uint32_t random)
{
    (void)fresh_reflector(NULL);
    (void)next_step();
    assert_int_equal(reflector_page(&r, "41", "", now_ms, random), 0);
    return r.relist_at_ms - now_ms;
}

static void the_list_that_nobody_asked_for_comes_after_one_to_six_hours(void **state)
{
    (void)state;
    assert_int_equal(relist_after(0), 3600000);
    assert_int_equal(relist_after(0x80000000u), 3600000 * 7 / 2);
    assert_in_range(relist_after(UINT32_MAX), 6 * 3600000 - 10, 6 * 3600000);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh_reflector)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_watch_that_ends_at_once_waits_longer_and_longer_up_to_half_a_minute),
        TEST(chance_adds_up_to_as_much_again),
        TEST(waits_begin_anew_two_minutes_after_the_first),
        TEST(watches_that_end_at_once_after_an_event_make_no_tight_loop),
        TEST(requests_never_come_faster_than_the_pace_whatever_happens),
        TEST(a_burst_is_free_and_then_requests_are_spaced),
        TEST(a_page_asked_again_counts_for_the_pace),
        TEST(a_retry_after_without_sense_is_believed_up_to_its_cap),
        TEST(the_longer_of_a_retry_after_and_the_own_wait_counts),
        TEST(a_server_that_answers_others_is_not_waited_for),
        TEST(a_server_that_said_wait_is_waited_for_though_it_answers_others),
        TEST(hurrying_makes_no_tight_loop),
        TEST(waits_begin_anew_after_a_watch_that_was_steady),
        TEST(waits_do_not_begin_anew_after_a_watch_that_was_only_open),
        TEST(a_steady_watch_that_ends_in_nonsense_or_is_refused_begins_anew_too),
        TEST(new_credentials_are_tried_within_five_seconds),
        TEST(the_list_that_nobody_asked_for_comes_after_one_to_six_hours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
