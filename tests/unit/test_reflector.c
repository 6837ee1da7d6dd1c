#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reflector_fixture.h"

#define EXPIRED (&(struct kubestatus){.code = 410})

/* Row 1: one list, at our version, and a watch from the list's. */
static void an_expired_watch_lists_at_our_version_and_goes_on_from_the_lists(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_MODIFIED, "45"), REFLECTOR_APPLY);
    assert_int_equal(error_event(EXPIRED), REFLECTOR_END); /* row 4: it is for us to close */
    assert_false(reflector_is_watching(&r));
    expect_list("resourceVersion=45");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_EXPIRED);
    assert_int_equal(page("60", ""), 0);
    expect_watch("60");
}

/* Row 2: the watch is answered with 410. */
static void a_watch_refused_as_expired_lists_at_our_version(void **state)
{
    (void)state;
    watch_from("41");
    ended(REFLECTOR_CLEAN);
    expect_watch("41");
    assert_false(refused(410));
    expect_list("resourceVersion=41");
}

static void a_list_that_expires_as_soon_as_it_came_is_not_repeated_at_once(void **state)
{
    (void)state;
    (void)next_step();
    (void)page("41", "");
    expect_watch("41");
    assert_int_equal(error_event(EXPIRED), REFLECTOR_END);
    expect_wait(800);
    expect_list("resourceVersion=41");
}

/* Row 5: an ERROR has no version, and takes none. */
static void an_error_leaves_the_version_as_it_was(void **state)
{
    struct watchevent e = {.type = WATCH_ERROR, .resource_version = "99", .status.code = 429};

    (void)state;
    watch_from("41");
    assert_int_equal(reflector_event(&r, &e, now_ms, 0), REFLECTOR_END);
    expect_wait(800);
    expect_watch("41");
    assert_int_equal(error_event(&(struct kubestatus){.code = 500}), REFLECTOR_END);
    expect_wait(1600);
    expect_list("resourceVersion=41");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BROKEN);
}

/* Row 6 */
static void a_cut_watch_goes_on_from_the_last_version(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_ADDED, "42"), REFLECTOR_APPLY);
    assert_int_equal(event(WATCH_DELETED, "43"), REFLECTOR_APPLY);
    ended(REFLECTOR_CUT);
    expect_watch("43");
}

static void a_watch_cut_again_and_again_waits_longer_and_longer(void **state)
{
    (void)state;
    watch_from("41");
    ended(REFLECTOR_CUT);
    expect_watch("41");
    ended(REFLECTOR_CUT);
    expect_wait(800);
    expect_watch("41");
    ended(REFLECTOR_CUT);
    expect_wait(1600);
    expect_watch("41");
    now_ms += REFLECTOR_STEADY_MS; /* this one lasts */
    ended(REFLECTOR_CUT);
    expect_watch("41");
    ended(REFLECTOR_CUT);
    expect_wait(3200);
    expect_watch("41");
    now_ms += REFLECTOR_SHORT_MS;
    ended(REFLECTOR_CLEAN); /* in order: what comes next is a first cut */
    expect_watch("41");
    ended(REFLECTOR_CUT);
    expect_watch("41");
}

static void a_watch_that_ends_early_goes_on_if_it_told_something(void **state)
{
    (void)state;
    watch_from("41");
    ended(REFLECTOR_CLEAN);
    expect_watch("41");
    assert_int_equal(event(WATCH_BOOKMARK, "42"), REFLECTOR_SKIP);
    now_ms += REFLECTOR_SHORT_MS - 1;
    ended(REFLECTOR_CLEAN);
    expect_watch("42");
    now_ms += REFLECTOR_SHORT_MS - 1;
    ended(REFLECTOR_CLEAN); /* this one told nothing */
    expect_wait(800);
    expect_list("resourceVersion=42");
}

/* Row 12 */
static void bookmarks_move_the_version_and_bring_nothing_to_apply(void **state)
{
    char version[16] = "41";

    (void)state;
    watch_from("41");
    for (unsigned i = 1; i <= 10; i++) {
        now_ms += 30000;
        (void)snprintf(version, sizeof(version), "%u", 41 + 10 * i);
        assert_int_equal(event(WATCH_BOOKMARK, version), REFLECTOR_SKIP);
    }
    ended(REFLECTOR_CLEAN);
    expect_watch("141");
}

/* Row 33 */
static void an_unknown_type_is_passed_over_and_its_version_with_it(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_UNKNOWN, "77"), REFLECTOR_SKIP);
    ended(REFLECTOR_CLEAN);
    expect_watch("41");
}

static void an_event_without_a_version_is_applied_and_moves_nothing(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_ADDED, ""), REFLECTOR_APPLY);
    assert_int_equal(event(WATCH_ADDED, "0"), REFLECTOR_APPLY);
    ended(REFLECTOR_CLEAN);
    expect_watch("41");
}

/* Row 30 */
static void an_event_that_comes_twice_is_applied_twice(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_ADDED, "42"), REFLECTOR_APPLY);
    assert_int_equal(event(WATCH_ADDED, "42"), REFLECTOR_APPLY);
}

/* Row 15: refused for half a minute, and no list. */
static void a_server_that_is_away_is_watched_again_without_a_list(void **state)
{
    uint64_t wait = 800;

    (void)state;
    watch_from("41");
    ended(REFLECTOR_CUT);
    for (unsigned i = 0; i < 5; i++) {
        expect_watch("41");
        assert_false(refused(i < 3 ? 0 : 503));
        expect_wait(wait);
        wait *= 2;
    }
    expect_watch("41");
    reflector_opened(&r, now_ms);
    assert_true(reflector_is_watching(&r));
}

/* Row 16 */
static void an_older_event_lists_the_newest_even_if_that_is_older(void **state)
{
    (void)state;
    watch_from("1000");
    assert_int_equal(event(WATCH_MODIFIED, "999"), REFLECTOR_END);
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BACKWARDS);
    assert_int_equal(page("999", ""), 0);
    expect_watch("999");
}

static void an_older_bookmark_lists_the_newest(void **state)
{
    (void)state;
    watch_from("1000");
    assert_int_equal(event(WATCH_BOOKMARK, "90"), REFLECTOR_END);
    expect_list("limit=500");
}

/* Row 17: said by a watch. */
static void a_watch_from_a_version_too_large_lists_the_newest(void **state)
{
    (void)state;
    watch_from("41");
    (void)error_event(&(struct kubestatus){.code = 504, .too_large_version = true});
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BACKWARDS);
}

/* Row 18: as an answer and as an ERROR; never a list. */
static void a_watch_told_to_wait_is_asked_again_as_it_was(void **state)
{
    static const uint32_t seconds[] = {1, 5, 32};

    (void)state;
    watch_from("41");
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
        struct kubestatus why = {.code = 429, .has_retry_after = true, .retry_after_s = seconds[i]};

        (void)error_event(&why);
        expect_wait(seconds[i] * 1000);
        expect_watch("41");
        now_ms += 120000; /* counted anew */
        (void)refused_for(&why);
        expect_wait(seconds[i] * 1000);
        expect_watch("41");
        now_ms += 120000;
    }
}

/* Row 20: other credentials say nothing about the version. */
static void a_watch_without_valid_credentials_is_asked_again_soon(void **state)
{
    (void)state;
    watch_from("41");
    ended(REFLECTOR_CLEAN);
    expect_watch("41");
    assert_false(refused(401));
    expect_wait(800);
    expect_watch("41");
    assert_false(refused(401));
    expect_wait(1600);
    expect_watch("41");
}

/* Row 21 */
static void a_watch_whose_permission_is_gone_lists_soon(void **state)
{
    (void)state;
    watch_from("41");
    ended(REFLECTOR_CLEAN);
    expect_watch("41");
    assert_false(refused(403)); /* as a server does that has just started */
    expect_wait(800);
    expect_list("resourceVersion=41");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BROKEN);
    assert_false(refused(403));
    expect_wait(1600);
    expect_list("resourceVersion=41");
}

static void a_stream_of_nonsense_lists_after_a_wait(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_ADDED, "42"), REFLECTOR_APPLY);
    ended(REFLECTOR_GARBAGE);
    expect_wait(800);
    expect_list("resourceVersion=42");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BROKEN);
}

static void an_event_that_could_not_be_taken_lists_after_a_wait(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_ADDED, "42"), REFLECTOR_APPLY);
    reflector_spoilt(&r, now_ms, 0);
    assert_false(reflector_is_watching(&r));
    assert_true(reflector_is_synced(&r));
    expect_wait(800);
    expect_list("resourceVersion=42");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BROKEN);
}

/* Row 48: the old stream's events still count, then it ends in order. */
static void a_watch_of_a_server_that_leaves_is_read_to_its_end(void **state)
{
    (void)state;
    watch_from("41");
    assert_int_equal(event(WATCH_ADDED, "42"), REFLECTOR_APPLY);
    now_ms += 59000;
    assert_int_equal(event(WATCH_ADDED, "43"), REFLECTOR_APPLY);
    ended(REFLECTOR_CLEAN);
    expect_watch("43");
}

static void what_comes_after_a_watch_is_over_is_nothing(void **state)
{
    (void)state;
    watch_from("41");
    (void)error_event(EXPIRED);
    assert_int_equal(event(WATCH_ADDED, "99"), REFLECTOR_END);
    reflector_opened(&r, now_ms);
    reflector_heard(&r, now_ms);
    ended(REFLECTOR_CLEAN);
    reflector_probe_version(&r, "1");
    reflector_probed(&r, false, now_ms);
    assert_false(reflector_is_watching(&r));
    expect_list("resourceVersion=41");
}

static void every_cause_has_a_word(void **state)
{
    (void)state;
    assert_string_equal(reflector_cause_word(REFLECTOR_FIRST), "first");
    assert_string_equal(reflector_cause_word(REFLECTOR_EXPIRED), "expired");
    assert_string_equal(reflector_cause_word(REFLECTOR_BACKWARDS), "backwards");
    assert_string_equal(reflector_cause_word(REFLECTOR_BROKEN), "broken");
    assert_string_equal(reflector_cause_word(REFLECTOR_PERIODIC), "periodic");
    assert_string_equal(reflector_cause_word(REFLECTOR_FORCED), "forced");
    assert_string_equal(reflector_cause_word((enum reflector_cause)77), "unknown");
}

#define TEST(f) cmocka_unit_test_setup(f, fresh_reflector)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_expired_watch_lists_at_our_version_and_goes_on_from_the_lists),
        TEST(a_watch_refused_as_expired_lists_at_our_version),
        TEST(a_list_that_expires_as_soon_as_it_came_is_not_repeated_at_once),
        TEST(an_error_leaves_the_version_as_it_was),
        TEST(a_cut_watch_goes_on_from_the_last_version),
        TEST(a_watch_cut_again_and_again_waits_longer_and_longer),
        TEST(a_watch_that_ends_early_goes_on_if_it_told_something),
        TEST(bookmarks_move_the_version_and_bring_nothing_to_apply),
        TEST(an_unknown_type_is_passed_over_and_its_version_with_it),
        TEST(an_event_without_a_version_is_applied_and_moves_nothing),
        TEST(an_event_that_comes_twice_is_applied_twice),
        TEST(a_server_that_is_away_is_watched_again_without_a_list),
        TEST(an_older_event_lists_the_newest_even_if_that_is_older),
        TEST(an_older_bookmark_lists_the_newest),
        TEST(a_watch_from_a_version_too_large_lists_the_newest),
        TEST(a_watch_told_to_wait_is_asked_again_as_it_was),
        TEST(a_watch_without_valid_credentials_is_asked_again_soon),
        TEST(a_watch_whose_permission_is_gone_lists_soon),
        TEST(a_stream_of_nonsense_lists_after_a_wait),
        TEST(an_event_that_could_not_be_taken_lists_after_a_wait),
        TEST(a_watch_of_a_server_that_leaves_is_read_to_its_end),
        TEST(what_comes_after_a_watch_is_over_is_nothing),
        TEST(every_cause_has_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
