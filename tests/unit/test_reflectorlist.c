#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "reflector_fixture.h"

#define TOO_LARGE (&(struct kubestatus){.code = 504, .too_large_version = true})

static void a_list_in_one_page_is_watched_from_its_version(void **state)
{
    (void)state;
    assert_false(reflector_is_synced(&r));
    (void)next_step();
    assert_int_equal(next_step(), REFLECTOR_WAIT); /* said once */
    assert_int_equal(step.at_ms, UINT64_MAX);
    assert_int_equal(page("41", ""), 0);
    assert_true(reflector_is_synced(&r));
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_FIRST);
    expect_watch("41");
}

/* Row 27: three pages; the list's version is the first page's. */
static void pages_follow_each_other_at_once_and_the_first_ones_version_counts(void **state)
{
    (void)state;
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    expect_list("limit=500&continue=a");
    assert_int_equal(page("42", "b"), 1);
    expect_list("limit=500&continue=b");
    assert_false(reflector_is_synced(&r));
    assert_int_equal(page("43", ""), 0);
    expect_watch("41");
}

static void many_pages_are_not_held_to_the_pace(void **state)
{
    char token[16];

    (void)state;
    (void)next_step();
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(token, sizeof(token), "t%u", i);
        assert_int_equal(page("41", token), 1);
        assert_int_equal(next_step(), REFLECTOR_LIST);
    }
    assert_int_equal(page("41", ""), 0);
    expect_watch("41");
}

/* Row 27: 410 on page 2: the whole in one answer, at the version first asked for. */
static void a_page_that_expired_makes_the_list_begin_again_in_one_answer(void **state)
{
    (void)state;
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    assert_false(refused(410));
    expect_list("resourceVersion=0");
    assert_int_equal(page("50", ""), 0);
    expect_watch("50");
}

static void a_page_of_the_newest_list_that_expired_begins_it_again_without_version(void **state)
{
    (void)state;
    (void)next_step();
    assert_false(refused(410));
    expect_list("limit=500");
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    assert_false(refused(410));
    expect_list("");
    /* Pages nonetheless, and they expire again: no loop. */
    assert_int_equal(page("42", "b"), 1);
    expect_list("continue=b");
    assert_false(refused(410));
    expect_wait(800);
    expect_list("limit=500");
}

/* Row 2: 410 for the watch, and 410 for the list at our version: the newest list, at once. */
static void a_list_whose_version_expired_asks_for_the_newest_at_once_but_once(void **state)
{
    (void)state;
    watch_from("41");
    (void)error_event(&(struct kubestatus){.code = 410});
    expect_list("resourceVersion=41");
    assert_false(refused(410));
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_EXPIRED);
    assert_false(refused(410));
    expect_wait(800);
    expect_list("limit=500");
    assert_int_equal(page("60", ""), 0);
    expect_watch("60");
}

/* Row 2: no tight loop when that goes on for ever. */
static void answer_410(void)
{
    if (step.what == REFLECTOR_WATCH || strstr(step.query, "resourceVersion")) {
        (void)refused(410);
    } else {
        (void)page("41", "");
    }
}

static void lists_and_watches_that_always_expire_make_no_tight_loop(void **state)
{
    unsigned n = requests_within(600000, answer_410);

    (void)state;
    assert_in_range(n, 10, 150);
}

/* Row 17: too large a version, as its cause and the old text make it: the newest list at once. */
static void a_version_too_large_makes_the_newest_list_at_once_but_once(void **state)
{
    (void)state;
    watch_from("41");
    (void)error_event(&(struct kubestatus){.code = 410});
    expect_list("resourceVersion=41");
    assert_false(refused_for(TOO_LARGE));
    expect_list("limit=500");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BACKWARDS);
    assert_false(refused_for(TOO_LARGE));
    expect_wait(800);
    expect_list("limit=500");
    assert_int_equal(page("7", ""), 0); /* the server was restored: older, and right */
    expect_watch("7");
}

static void the_next_list_asks_for_our_version_again(void **state)
{
    (void)state;
    a_version_too_large_makes_the_newest_list_at_once_but_once(state);
    now_ms += 60000;
    (void)error_event(&(struct kubestatus){.code = 410});
    expect_list("resourceVersion=7");
}

/* A replica that lags behind answers with less than "not older than". */
static void a_list_older_than_what_was_seen_is_thrown_away(void **state)
{
    (void)state;
    watch_from("1000");
    (void)error_event(&(struct kubestatus){.code = 410});
    expect_list("resourceVersion=1000");
    assert_int_equal(page("999", ""), -EAGAIN);
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_BACKWARDS);
    expect_wait(800);
    expect_list("limit=500");
    assert_int_equal(page("998", ""), 0);
    expect_watch("998");
}

static void an_older_list_is_known_by_its_first_page(void **state)
{
    (void)state;
    watch_from("1000");
    (void)error_event(&(struct kubestatus){.code = 410});
    (void)next_step();
    assert_int_equal(page("999", "more"), -EAGAIN);
    expect_wait(800);
    expect_list("limit=500");
}

static void a_list_without_a_version_is_refused(void **state)
{
    char longest[RESOURCEVERSION_MAX + 1];

    (void)state;
    memset(longest, '1', RESOURCEVERSION_MAX);
    longest[RESOURCEVERSION_MAX] = '\0';
    (void)next_step();
    assert_int_equal(page("", ""), -EBADMSG);
    expect_wait(800);
    expect_list("limit=500&resourceVersion=0");
    assert_int_equal(page("0", ""), -EBADMSG);
    expect_wait(1600);
    expect_list("limit=500&resourceVersion=0");
    assert_int_equal(page(longest, ""), -EBADMSG);
    expect_wait(3200);
    expect_list("limit=500&resourceVersion=0");
    assert_false(reflector_is_synced(&r));
}

static void a_token_too_long_or_the_same_again_is_refused(void **state)
{
    char token[REFLECTOR_CONTINUE_MAX + 1];

    (void)state;
    memset(token, 'x', REFLECTOR_CONTINUE_MAX);
    token[REFLECTOR_CONTINUE_MAX] = '\0';
    (void)next_step();
    assert_int_equal(page("41", token), -EBADMSG);
    expect_wait(800);
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    assert_int_equal(page("41", "a"), -EBADMSG);
    expect_wait(1600);
    expect_list("limit=500&resourceVersion=0");
}

static void a_list_has_no_more_pages_than_its_cap(void **state)
{
    char token[16];
    unsigned n = 0;
    int rc;

    (void)state;
    do {
        assert_int_equal(next_step(), REFLECTOR_LIST);
        (void)snprintf(token, sizeof(token), "t%u", n++);
        rc = page("41", token);
    } while (rc == 1);
    assert_int_equal(rc, -EBADMSG);
    assert_int_equal(n, REFLECTOR_PAGES_MAX);
    expect_wait(800);
}

/* Row 18: 429 on a list: the same request after Retry-After, or later. */
static void a_list_told_to_wait_is_asked_again_as_it_was(void **state)
{
    (void)state;
    (void)next_step();
    assert_false(refused_for(
        &(struct kubestatus){.code = 429, .has_retry_after = true, .retry_after_s = 32}));
    expect_wait(32000);
    expect_list("limit=500&resourceVersion=0");
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    assert_true(refused_for(
        &(struct kubestatus){.code = 429, .has_retry_after = true, .retry_after_s = 1}));
    expect_wait(1600); /* our own backoff is longer */
    expect_list("limit=500&continue=a");
    assert_int_equal(page("41", ""), 0);
    expect_watch("41");
}

/* Row 19 */
static void a_page_of_a_server_in_trouble_is_asked_again_as_it_was(void **state)
{
    static const int codes[] = {500, 502, 503, 504};
    uint64_t wait = 800;

    (void)state;
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_true(refused(codes[i]));
        expect_wait(wait);
        expect_list("limit=500&continue=a");
        wait *= 2;
    }
}

static void a_page_refused_again_and_again_is_given_up_and_the_list_begun_anew(void **state)
{
    unsigned tries = 0;

    (void)state;
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    while (refused(500)) {
        now_ms = reflector_due_ms(&r);
        expect_list("limit=500&continue=a");
        tries++;
    }
    assert_int_equal(tries, REFLECTOR_PAGE_TRIES);
    now_ms = reflector_due_ms(&r);
    expect_list("limit=500&resourceVersion=0");
}

static void a_page_that_was_cut_begins_the_list_anew(void **state)
{
    (void)state;
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    (void)next_step();
    assert_false(refused(0));
    expect_wait(800);
    expect_list("limit=500&resourceVersion=0");
}

/* Rows 15, 19: the first list of a server that is away, or in trouble. */
static void a_first_list_that_fails_is_asked_again_after_longer_and_longer(void **state)
{
    static const int codes[] = {0, 500, 503, 302, 403, 404};
    uint64_t wait = 800;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        expect_list("limit=500&resourceVersion=0");
        assert_false(refused(codes[i]));
        expect_wait(wait);
        wait *= 2;
    }
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_FIRST);
}

/* Row 21: roles and their bindings come a moment after the program, or the server has just started
 * and knows neither rights nor groups. */
static void a_right_that_comes_seconds_later_is_used_seconds_later(void **state)
{
    static const int codes[] = {403, 404};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        uint64_t granted_ms;

        (void)fresh_reflector(state);
        granted_ms = now_ms + 5000;
        expect_list("limit=500&resourceVersion=0");
        while (now_ms < granted_ms) {
            assert_false(refused(codes[i]));
            assert_int_equal(next_step(), REFLECTOR_WAIT);
            now_ms = step.at_ms;
            expect_list("limit=500&resourceVersion=0");
        }
        assert_int_equal(page("41", ""), 0);
        assert_true(now_ms - granted_ms < 5000);
    }
}

static void refuse_for_lack_of_rights(void)
{
    (void)refused(403);
}

static void a_right_that_never_comes_is_asked_for_ever_more_seldom(void **state)
{
    (void)state;
    assert_in_range(requests_within(600000, refuse_for_lack_of_rights), 20, 50);
}

/* Else it would be refused for ever. */
static void a_version_that_is_nonsense_to_the_server_is_given_up(void **state)
{
    static const int codes[] = {400, 422};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        (void)fresh_reflector(state);
        watch_from("41");
        (void)error_event(&(struct kubestatus){.code = 410});
        expect_list("resourceVersion=41");
        assert_false(refused(codes[i]));
        expect_wait(800);
        expect_list("limit=500");
    }
}

static void a_list_that_could_not_be_taken_is_asked_for_again_after_a_wait(void **state)
{
    (void)state;
    (void)next_step();
    assert_int_equal(page("41", "a"), 1);
    reflector_spoilt(&r, now_ms, 0);
    expect_wait(800);
    expect_list("limit=500&resourceVersion=0");
    assert_int_equal(page("41", ""), 0);
    assert_true(reflector_is_synced(&r));
    reflector_spoilt(&r, now_ms, 0); /* complete, but not taken over */
    assert_false(reflector_is_synced(&r));
    expect_wait(1600);
    expect_list("resourceVersion=41");
    assert_int_equal(reflector_list_cause(&r), REFLECTOR_FIRST);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh_reflector)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_in_one_page_is_watched_from_its_version),
        TEST(pages_follow_each_other_at_once_and_the_first_ones_version_counts),
        TEST(many_pages_are_not_held_to_the_pace),
        TEST(a_page_that_expired_makes_the_list_begin_again_in_one_answer),
        TEST(a_page_of_the_newest_list_that_expired_begins_it_again_without_version),
        TEST(a_list_whose_version_expired_asks_for_the_newest_at_once_but_once),
        TEST(lists_and_watches_that_always_expire_make_no_tight_loop),
        TEST(a_version_too_large_makes_the_newest_list_at_once_but_once),
        TEST(the_next_list_asks_for_our_version_again),
        TEST(a_list_older_than_what_was_seen_is_thrown_away),
        TEST(an_older_list_is_known_by_its_first_page),
        TEST(a_list_without_a_version_is_refused),
        TEST(a_token_too_long_or_the_same_again_is_refused),
        TEST(a_list_has_no_more_pages_than_its_cap),
        TEST(a_list_told_to_wait_is_asked_again_as_it_was),
        TEST(a_page_of_a_server_in_trouble_is_asked_again_as_it_was),
        TEST(a_page_refused_again_and_again_is_given_up_and_the_list_begun_anew),
        TEST(a_page_that_was_cut_begins_the_list_anew),
        TEST(a_first_list_that_fails_is_asked_again_after_longer_and_longer),
        TEST(a_right_that_comes_seconds_later_is_used_seconds_later),
        TEST(a_right_that_never_comes_is_asked_for_ever_more_seldom),
        TEST(a_version_that_is_nonsense_to_the_server_is_given_up),
        TEST(a_list_that_could_not_be_taken_is_asked_for_again_after_a_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
