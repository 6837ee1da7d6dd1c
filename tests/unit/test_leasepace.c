#include "lease_fixture.h"

#include "../../src/kube/leasepace_priv.h"

#define NOW   UINT64_C(1000000)
#define WORST (LEASE_DURATION_MS + LONGEST + LEASE_TAKE_SPREAD_MS)

/* ---- the pace -------------------------------------------------------------------------------- */

static void who_leads_keeps_the_pace_however_long_an_answer_took(void **state)
{
    (void)state;
    assert_int_equal(leasepace_renew_ms(NOW, NOW), NOW + 2000);
    assert_int_equal(leasepace_renew_ms(NOW, NOW + 1999), NOW + 2000);
    assert_int_equal(leasepace_renew_ms(NOW, NOW + 4000), NOW + 4000);
}

/* client-go: 2 s times 1 + U(0,1) * 1.2, which is 3.2 s. */
static void a_lease_is_looked_at_as_often_as_client_go_would(void **state)
{
    uint64_t sum_ms = 0;

    (void)state;
    for (uint32_t i = 0; i < 1024; i++) {
        uint64_t ms = leasepace_look_ms(NOW + LEASE_DURATION_MS, NOW, i << 22) - NOW;

        assert_in_range(ms, LEASE_LOOK_MS, LONGEST);
        sum_ms += ms;
    }
    assert_in_range(sum_ms / 1024, 3195, 3205);
}

static void the_end_of_a_lease_is_not_slept_through(void **state)
{
    (void)state;
    assert_int_equal(leasepace_look_ms(NOW + 1, NOW, 0), NOW + 1);
    assert_int_equal(leasepace_look_ms(NOW + 1, NOW, UINT32_MAX), NOW + 1000);
    assert_int_equal(leasepace_look_ms(NOW + 2899, NOW, 0), NOW + 2899);
    assert_int_equal(leasepace_look_ms(NOW + 2901, NOW, 0), NOW + 2900);
}

static void an_end_that_has_passed_hastens_nothing(void **state)
{
    (void)state;
    assert_int_equal(leasepace_look_ms(NOW, NOW, 0), NOW + LEASE_LOOK_MS);
    assert_int_equal(leasepace_look_ms(0, NOW, UINT32_MAX), NOW + LONGEST - 1);
}

static void a_server_is_left_alone_for_as_long_as_a_lease_lasts(void **state)
{
    struct kubestatus why = {.code = 429, .retry_after_s = 7};

    (void)state;
    assert_int_equal(leasepace_asked_ms(&why), 0);
    why.has_retry_after = true;
    assert_int_equal(leasepace_asked_ms(&why), 7000);
    why.retry_after_s = UINT32_MAX;
    assert_int_equal(leasepace_asked_ms(&why), LEASE_DURATION_MS);
}

/* ---- taking over ----------------------------------------------------------------------------- */

struct chance {
    uint32_t value, step; /* of each draw; what comes upon it for the next */
};

static uint32_t draw(struct chance *c)
{
    return c->value += c->step;
}

/* The leader renews `lag_ms` after it was looked at, and is never heard of again.  Returns how long
 * after that renewal the Lease is asked for, by one who `refusals` times finds no server. */
static uint64_t until_taken(uint64_t lag_ms, unsigned refusals, struct chance c)
{
    static const struct kubestatus unreachable = {.code = 0};
    struct lease_record r = record("10", "other");
    uint64_t renewed_ms;

    (void)begin(NULL);
    renewed_ms = now_ms + lag_ms;
    while (next() != LEASE_WRITE) {
        if (step.what == LEASE_WAIT) {
            now_ms = step.at_ms;
        } else if (now_ms > renewed_ms + LONGEST && refusals > 0) {
            refusals--;
            lease_refused(&l, &unreachable, now_ms, draw(&c));
        } else {
            if (now_ms >= renewed_ms) {
                memcpy(r.renewed, WALL_AT, sizeof(WALL_AT));
            }
            lease_answered(&l, &r, now_ms, draw(&c));
        }
    }
    return now_ms - renewed_ms;
}

static void a_dead_leader_is_replaced_in_time_whenever_it_died(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3500; i++) {
        struct chance c = {.value = i * UINT32_C(0x9e3779b9), .step = UINT32_C(0x7f4a7c15) * i};

        assert_in_range(until_taken(i, 0, c), LEASE_DURATION_MS, WORST);
        assert_in_range(until_taken(i, 3, c), LEASE_DURATION_MS, WORST);
    }
}

static void the_worst_case_is_what_the_header_says(void **state)
{
    struct chance last = {.value = UINT32_MAX};

    (void)state;
    assert_int_equal(WORST, 19500);
    assert_in_range(until_taken(1, 0, last), 19490, 19500);
}

static void those_who_saw_the_same_do_not_come_together(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < 500; i++) {
        struct chance one = {.value = UINT32_MAX / 500 * i},
                      other = {.value = UINT32_MAX / 500 * (i - 1)};

        assert_true(until_taken(0, 0, one) != until_taken(0, 0, other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leads_keeps_the_pace_however_long_an_answer_took),
        cmocka_unit_test(a_lease_is_looked_at_as_often_as_client_go_would),
        cmocka_unit_test(the_end_of_a_lease_is_not_slept_through),
        cmocka_unit_test(an_end_that_has_passed_hastens_nothing),
        cmocka_unit_test(a_server_is_left_alone_for_as_long_as_a_lease_lasts),
        cmocka_unit_test(a_dead_leader_is_replaced_in_time_whenever_it_died),
        cmocka_unit_test(the_worst_case_is_what_the_header_says),
        cmocka_unit_test(those_who_saw_the_same_do_not_come_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
