#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "kube/lease.h"
#include "lease_world.h"
#include "support/seed.h"

#include "lease_fixture.h" /* whose names are short */

/* ---- becoming the leader --------------------------------------------------------------------- */

static void a_free_lease_is_read_and_taken_at_once(void **state)
{
    (void)state;
    assert_string_equal(lease_holder(&l), "");
    read_as("10", "");
    assert_false(leads());
    assert_int_equal(next(), LEASE_WRITE);
    assert_string_equal(step.write.version, "10");
    assert_string_equal(step.write.holder, "pod-0_5f2c");
    assert_int_equal(step.write.duration_s, 15);
    assert_string_equal(step.write.acquired, WALL_AT);
    assert_string_equal(step.write.renewed, WALL_AT);
    assert_int_equal(step.write.transitions, 8);
    assert_false(leads());
    accept("11");
    assert_true(leads());
    assert_string_equal(lease_holder(&l), "pod-0_5f2c");
}

static void what_is_under_way_is_said_once(void **state)
{
    (void)state;
    assert_int_equal(next(), LEASE_READ);
    now_ms += 3600000;
    assert_int_equal(next(), LEASE_WAIT);
    assert_int_equal(step.at_ms, UINT64_MAX);
    assert_int_equal(lease_due_ms(&l), UINT64_MAX);
}

static void a_lease_of_another_is_looked_at_now_and_then(void **state)
{
    struct lease_record r = record("10", "other");

    (void)state;
    assert_int_equal(next(), LEASE_READ);
    lease_answered(&l, &r, now_ms, 0);
    expect_wait(LEASE_LOOK_MS);
    now_ms += LEASE_LOOK_MS;
    read_as("10", "other");
    expect_wait(LONGEST - 1);
    assert_string_equal(lease_holder(&l), "other");
}

/* Read again and again, each time as `renewed` and with a version of its own; how long until it is
 * taken. */
static uint64_t until_taken(uint32_t duration_s, uint64_t limit_ms)
{
    uint64_t began_ms = now_ms;

    for (unsigned version = 10; next() != LEASE_WRITE; version++) {
        struct lease_record r = record("", "other");

        if (step.what == LEASE_READ) {
            r.duration_s = duration_s;
            snprintf(r.version, sizeof(r.version), "%u", version);
            answer(&r);
            continue;
        }
        assert_true(now_ms - began_ms <= limit_ms);
        now_ms = step.at_ms;
    }
    return now_ms - began_ms;
}

static void a_lease_is_taken_when_its_own_duration_has_passed_without_a_change(void **state)
{
    static const struct {
        uint32_t duration_s;
        uint64_t least_ms;
    } rows[] = {{15, 15000}, {60, 60000}, {1, 1000}, {0, 15000}, {INT32_MAX, 14400000}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t most_ms = rows[i].least_ms + LEASE_TAKE_SPREAD_MS, taken_ms;

        (void)begin(state);
        taken_ms = until_taken(rows[i].duration_s, most_ms);
        assert_in_range(taken_ms, rows[i].least_ms, most_ms);
        assert_int_equal(step.write.duration_s, 15);
        assert_int_equal(step.write.transitions, 8);
    }
}

static void a_renewal_seen_starts_the_time_anew(void **state)
{
    struct lease_record r = record("10", "other");

    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(r.renewed, sizeof(r.renewed), "2026-01-01T00:00:%02d.000000Z", i);
        assert_int_equal(next(), LEASE_READ);
        answer(&r);
        now_ms += 14000;
    }
    assert_int_equal(next(), LEASE_READ);
    now_ms += 999;
    answer(&r);
    assert_int_equal(next(), LEASE_WAIT);
    now_ms += LONGEST;
    assert_int_equal(next(), LEASE_READ);
    answer(&r);
    assert_int_equal(next(), LEASE_WRITE);
}

static void a_lease_taken_by_another_in_between_is_not_ours(void **state)
{
    (void)state;
    read_as("10", "");
    assert_int_equal(next(), LEASE_WRITE);
    refuse(409);
    assert_false(leads());
    expect_wait(LONGEST - 1);
    now_ms += LONGEST;
    read_as("11", "other");
    assert_false(leads());
    expect_wait(LONGEST - 1);
}

static void our_own_name_is_no_lead_before_it_was_written(void **state)
{
    (void)state;
    read_as("10", "pod-0_5f2c");
    assert_false(leads());
    assert_int_equal(next(), LEASE_WRITE);
    assert_int_equal(step.write.transitions, 7);
    assert_string_equal(step.write.acquired, "2026-01-01T00:00:00.000000Z");
    assert_false(leads());
    accept("11");
    assert_true(leads());
}

static void an_answer_that_names_another_is_no_lead(void **state)
{
    struct lease_record r = record("11", "other");

    (void)state;
    read_as("10", "");
    assert_int_equal(next(), LEASE_WRITE);
    answer(&r);
    assert_false(leads());
    expect_wait(LONGEST - 1);
    now_ms += LONGEST;
    assert_int_equal(next(), LEASE_READ);
}

static void a_lease_that_was_gone_for_a_moment_is_to_be_written_again(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    refuse(404);
    now_ms += LONGEST;
    read_as("11", "pod-0_5f2c");
    assert_false(leads()); /* though our last write is but a few seconds ago */
    assert_int_equal(next(), LEASE_WRITE);
    accept("12");
    assert_true(leads());
}

static void time_counts_from_when_an_answer_came(void **state)
{
    struct lease_record r = record("10", "other");

    (void)state;
    assert_int_equal(next(), LEASE_READ);
    now_ms += 4000;
    answer(&r);
    now_ms += 14999;
    assert_int_equal(next(), LEASE_READ);
    answer(&r);
    assert_int_equal(next(), LEASE_WAIT);
}

static void transitions_do_not_leave_the_range_of_the_api(void **state)
{
    struct lease_record r = record("10", "");

    (void)state;
    r.transitions = INT32_MAX;
    assert_int_equal(next(), LEASE_READ);
    answer(&r);
    assert_int_equal(next(), LEASE_WRITE);
    assert_int_equal(step.write.transitions, INT32_MAX);
}

/* ---- staying it ------------------------------------------------------------------------------ */

static void a_leader_renews_with_the_version_of_its_last_write(void **state)
{
    (void)state;
    lead();
    expect_wait(LEASE_RETRY_MS);
    for (int i = 0; i < 100; i++) {
        char version[16];

        now_ms += LEASE_RETRY_MS;
        assert_int_equal(next(), LEASE_WRITE);
        snprintf(version, sizeof(version), "%d", 11 + i);
        assert_string_equal(step.write.version, version);
        assert_string_equal(step.write.acquired, WALL_AT);
        assert_string_not_equal(step.write.renewed, WALL_AT);
        assert_int_equal(step.write.transitions, 8);
        snprintf(version, sizeof(version), "%d", 12 + i);
        accept(version);
        assert_true(leads());
    }
}

static void the_pace_goes_by_when_a_write_began(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    now_ms += 1500;
    accept("12");
    expect_wait(500);
    now_ms += 500;
    assert_int_equal(next(), LEASE_WRITE);
    now_ms += 4000;
    accept("13");
    assert_int_equal(next(), LEASE_WRITE);
}

static void every_write_changes_the_time_of_renewal(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    lease_next(&l, now_ms, WALL, &step); /* a clock that stands still */
    assert_int_equal(step.what, LEASE_WRITE);
    assert_string_equal(step.write.renewed, "2026-01-02T03:04:05.000001Z");
}

static void leading_ends_when_it_was_not_renewed_since_the_last_write_began(void **state)
{
    (void)state;
    read_as("10", "");
    assert_int_equal(next(), LEASE_WRITE);
    now_ms += 3000;
    accept("11"); /* counts from 3 s ago */
    assert_int_equal(next(), LEASE_WRITE);
    assert_int_equal(lease_due_ms(&l), now_ms + 7000);
    now_ms += 6999;
    assert_true(leads());
    now_ms += 1;
    assert_false(leads());
    assert_int_equal(next(), LEASE_WAIT);
    assert_int_equal(lease_due_ms(&l), UINT64_MAX);
}

static void a_success_that_comes_late_counts_from_when_it_began(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    now_ms += 8500; /* 10.5 s after the last, 8.5 s after this one */
    assert_false(leads());
    assert_int_equal(next(), LEASE_WAIT);
    accept("12");
    assert_true(leads());
    assert_int_equal(next(), LEASE_WRITE);
    now_ms += 1500;
    assert_false(leads());
    now_ms += 10000;
    accept("13"); /* too late to count at all */
    assert_false(leads());
    assert_int_equal(next(), LEASE_WRITE);
    accept("14");
    assert_true(leads());
}

static void a_conflict_is_answered_by_reading_at_once(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    refuse(409);
    assert_true(leads());
    read_as("15", "pod-0_5f2c"); /* somebody wrote an annotation */
    assert_true(leads());
    assert_int_equal(next(), LEASE_WRITE);
    assert_string_equal(step.write.version, "15");
    refuse(409); /* and again: not as fast as the server answers */
    assert_true(leads());
    expect_wait(LEASE_RETRY_MS);
}

static void whoever_finds_another_as_the_holder_stops_at_once(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    refuse(409);
    read_as("15", "other");
    assert_false(leads());
    expect_wait(LONGEST - 1);
}

static void a_lease_that_is_gone_leads_nobody(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    refuse(404);
    assert_false(leads());
    assert_string_equal(lease_holder(&l), "");
    expect_wait(LONGEST - 1);
    now_ms += LONGEST;
    assert_int_equal(next(), LEASE_READ);
    refuse(404);
    expect_wait(LONGEST - 1);
    now_ms += LONGEST;
    read_as("1", "");
    assert_int_equal(next(), LEASE_WRITE);
}

static void a_leader_reads_after_a_failure_and_leads_until_its_time(void **state)
{
    static const int codes[] = {0, 401, 403, 422, 429, 500, 503};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        (void)begin(state);
        lead();
        now_ms += LEASE_RETRY_MS;
        assert_int_equal(next(), LEASE_WRITE);
        refuse(codes[i]);
        for (int n = 0; n < 3; n++) {
            expect_wait(LEASE_RETRY_MS);
            now_ms += LEASE_RETRY_MS;
            assert_true(leads());
            assert_int_equal(next(), LEASE_READ);
            refuse(codes[i]);
        }
        expect_wait(LEASE_RETRY_MS);
        now_ms += LEASE_RETRY_MS;
        assert_false(leads());
        assert_int_equal(next(), LEASE_READ);
        refuse(codes[i]);
        expect_wait(LONGEST - 1);
    }
}

static void a_leader_whose_write_timed_out_tries_again_at_once(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    now_ms += 5000;
    refuse(0);
    read_as("12", "pod-0_5f2c"); /* it was done, but that does not count */
    assert_int_equal(next(), LEASE_WRITE);
    assert_int_equal(lease_due_ms(&l), now_ms + 3000);
    accept("13");
    now_ms += 9999;
    assert_true(leads());
}

static void a_failure_that_comes_after_the_end_is_that_of_one_who_waits(void **state)
{
    (void)state;
    lead();
    now_ms += LEASE_RETRY_MS;
    assert_int_equal(next(), LEASE_WRITE);
    now_ms += 9000;
    refuse(0);
    expect_wait(LONGEST - 1);
}

static void a_server_may_ask_to_be_left_alone_for_as_long_as_a_lease_lasts(void **state)
{
    struct kubestatus why = {.code = 429, .has_retry_after = true, .retry_after_s = 7};

    (void)state;
    assert_int_equal(next(), LEASE_READ);
    lease_refused(&l, &why, now_ms, RANDOM);
    expect_wait(7000);
    now_ms += 7000;
    assert_int_equal(next(), LEASE_READ);
    why.retry_after_s = UINT32_MAX;
    lease_refused(&l, &why, now_ms, RANDOM);
    expect_wait(LEASE_DURATION_MS);
    now_ms += LEASE_DURATION_MS;
    assert_int_equal(next(), LEASE_READ);
    why.retry_after_s = 1;
    lease_refused(&l, &why, now_ms, RANDOM);
    expect_wait(LONGEST - 1);
}

/* ---- giving it back -------------------------------------------------------------------------- */

static void a_lease_is_given_back_with_one_write(void **state)
{
    (void)state;
    lead();
    now_ms += 500;
    lease_release(&l);
    assert_false(leads());
    assert_false(lease_is_released(&l));
    assert_true(lease_due_ms(&l) <= now_ms);
    assert_int_equal(next(), LEASE_WRITE);
    assert_string_equal(step.write.version, "11");
    assert_string_equal(step.write.holder, "");
    assert_int_equal(step.write.duration_s, 1);
    assert_string_equal(step.write.renewed, "2026-01-02T03:04:05.500000Z");
    assert_int_equal(step.write.transitions, 8);
    assert_false(lease_is_released(&l));
    lease_release(&l); /* twice is once */
    assert_int_equal(next(), LEASE_WAIT);
    accept("12");
    assert_true(lease_is_released(&l));
    assert_int_equal(next(), LEASE_WAIT);
    assert_int_equal(step.at_ms, UINT64_MAX);
}

static void where_nothing_is_ours_nothing_is_written(void **state)
{
    (void)state;
    lease_release(&l);
    assert_true(lease_is_released(&l));
    assert_int_equal(next(), LEASE_WAIT);
    (void)begin(state);
    assert_false(lease_is_released(&l));
    read_as("10", "");
    lease_release(&l);
    assert_true(lease_is_released(&l));
    assert_int_equal(next(), LEASE_WAIT);
    (void)begin(state);
    assert_int_equal(next(), LEASE_READ);
    lease_release(&l);
    assert_true(lease_is_released(&l));
    assert_int_equal(lease_due_ms(&l), UINT64_MAX);
}

static void a_write_under_way_is_waited_for_and_given_back(void **state)
{
    (void)state;
    read_as("10", "");
    assert_int_equal(next(), LEASE_WRITE);
    lease_release(&l);
    assert_false(lease_is_released(&l));
    accept("11");
    assert_false(leads());
    assert_false(lease_is_released(&l));
    assert_int_equal(next(), LEASE_WRITE);
    assert_string_equal(step.write.holder, "");
    accept("12");
    assert_true(lease_is_released(&l));
}

static void a_write_that_may_have_succeeded_is_looked_after(void **state)
{
    static const int codes[] = {0, 500, 504};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        (void)begin(state);
        read_as("10", "");
        assert_int_equal(next(), LEASE_WRITE);
        lease_release(&l);
        refuse(codes[i]);
        assert_false(lease_is_released(&l));
        read_as("11", "pod-0_5f2c");
        assert_int_equal(next(), LEASE_WRITE);
        assert_string_equal(step.write.holder, "");
        accept("12");
        assert_true(lease_is_released(&l));
    }
}

static void a_write_that_was_refused_leaves_nothing_to_give_back(void **state)
{
    static const int codes[] = {403, 404, 409, 422};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        (void)begin(state);
        read_as("10", "");
        assert_int_equal(next(), LEASE_WRITE);
        lease_release(&l);
        refuse(codes[i]);
        assert_true(lease_is_released(&l));
    }
}

static void giving_back_ends_after_some_tries(void **state)
{
    unsigned tries = 0;

    (void)state;
    lead();
    lease_release(&l);
    while (next() != LEASE_WAIT) {
        assert_false(lease_is_released(&l));
        refuse(0);
        assert_true(++tries <= LEASE_RELEASE_TRIES);
    }
    assert_int_equal(tries, LEASE_RELEASE_TRIES);
    assert_true(lease_is_released(&l));
}

static void what_another_has_taken_is_not_given_back(void **state)
{
    (void)state;
    lead();
    lease_release(&l);
    assert_int_equal(next(), LEASE_WRITE);
    refuse(409);
    assert_false(lease_is_released(&l));
    read_as("15", "other");
    assert_true(lease_is_released(&l));
    assert_int_equal(next(), LEASE_WAIT);
}

/* ---- the model ------------------------------------------------------------------------------- */

static void at_most_one_leads_whatever_happens_and_somebody_soon(void **state)
{
    uint64_t seed = seed_number("LEASE_SEED", 1), steps = seed_number("LEASE_STEPS", 100000);
    uint64_t left = steps, led = 0;

    (void)state;
    for (; left > 0; seed++) {
        uint64_t of_life = left < WORLD_LIFE ? left : WORLD_LIFE;

        led += world_live(seed, of_life);
        left -= of_life;
    }
    print_message("somebody led at %u %% of all steps\n", (unsigned)(led * 100 / steps));
    assert_true(led > steps / 5); /* or there was nothing to go wrong */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_free_lease_is_read_and_taken_at_once, begin),
        cmocka_unit_test_setup(what_is_under_way_is_said_once, begin),
        cmocka_unit_test_setup(a_lease_of_another_is_looked_at_now_and_then, begin),
        cmocka_unit_test_setup(a_lease_is_taken_when_its_own_duration_has_passed_without_a_change,
                               begin),
        cmocka_unit_test_setup(a_renewal_seen_starts_the_time_anew, begin),
        cmocka_unit_test_setup(a_lease_taken_by_another_in_between_is_not_ours, begin),
        cmocka_unit_test_setup(our_own_name_is_no_lead_before_it_was_written, begin),
        cmocka_unit_test_setup(an_answer_that_names_another_is_no_lead, begin),
        cmocka_unit_test_setup(a_lease_that_was_gone_for_a_moment_is_to_be_written_again, begin),
        cmocka_unit_test_setup(time_counts_from_when_an_answer_came, begin),
        cmocka_unit_test_setup(transitions_do_not_leave_the_range_of_the_api, begin),
        cmocka_unit_test_setup(a_leader_renews_with_the_version_of_its_last_write, begin),
        cmocka_unit_test_setup(the_pace_goes_by_when_a_write_began, begin),
        cmocka_unit_test_setup(every_write_changes_the_time_of_renewal, begin),
        cmocka_unit_test_setup(leading_ends_when_it_was_not_renewed_since_the_last_write_began,
                               begin),
        cmocka_unit_test_setup(a_success_that_comes_late_counts_from_when_it_began, begin),
        cmocka_unit_test_setup(a_conflict_is_answered_by_reading_at_once, begin),
        cmocka_unit_test_setup(whoever_finds_another_as_the_holder_stops_at_once, begin),
        cmocka_unit_test_setup(a_lease_that_is_gone_leads_nobody, begin),
        cmocka_unit_test_setup(a_leader_reads_after_a_failure_and_leads_until_its_time, begin),
        cmocka_unit_test_setup(a_leader_whose_write_timed_out_tries_again_at_once, begin),
        cmocka_unit_test_setup(a_failure_that_comes_after_the_end_is_that_of_one_who_waits, begin),
        cmocka_unit_test_setup(a_server_may_ask_to_be_left_alone_for_as_long_as_a_lease_lasts,
                               begin),
        cmocka_unit_test_setup(a_lease_is_given_back_with_one_write, begin),
        cmocka_unit_test_setup(where_nothing_is_ours_nothing_is_written, begin),
        cmocka_unit_test_setup(a_write_under_way_is_waited_for_and_given_back, begin),
        cmocka_unit_test_setup(a_write_that_may_have_succeeded_is_looked_after, begin),
        cmocka_unit_test_setup(a_write_that_was_refused_leaves_nothing_to_give_back, begin),
        cmocka_unit_test_setup(giving_back_ends_after_some_tries, begin),
        cmocka_unit_test_setup(what_another_has_taken_is_not_given_back, begin),
        cmocka_unit_test(at_most_one_leads_whatever_happens_and_somebody_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
