#include "leader_fixture.h"

#include "support/failalloc.h"

#define LONGEST_MS 4400u /* between two looks at a Lease of somebody else */

static void nothing_is_sent_before_the_first_turn(void **state)
{
    (void)state;
    assert_int_equal(fixture.client->started, 0);
    assert_false(leader_leads(fixture.leader));
    assert_false(leader_is_released(fixture.leader));
    assert_true(leader_due_ms(fixture.leader) <= fixture.now_ms);
    fixture_turn();
    fixture_turn();
    assert_int_equal(fixture.client->started, 1);
    assert_int_equal(fixture.client->turns, 2);
}

static void a_free_lease_is_read_and_patched_on_condition_of_its_version(void **state)
{
    const struct kuberequest *r;

    (void)state;
    fixture_turn();
    fixture_expect("GET");
    r = fixture.client->running;
    assert_string_equal(r->path,
                        "/apis/coordination.k8s.io/v1/namespaces/edge/leases/sealway-leader");
    assert_null(r->cfg.body);
    fixture_answer("10", NULL);
    fixture_expect("PATCH");
    r = fixture.client->running;
    assert_string_equal(r->path,
                        "/apis/coordination.k8s.io/v1/namespaces/edge/leases/sealway-leader");
    assert_string_equal(r->cfg.content_type, "application/merge-patch+json");
    assert_non_null(strstr(r->body, "{\"metadata\":{\"resourceVersion\":\"10\"},\"spec\":{"
                                    "\"holderIdentity\":\"pod-0_5f2c\","
                                    "\"leaseDurationSeconds\":15,\"acquireTime\":\"20"));
    assert_non_null(strstr(r->body, "Z\",\"leaseTransitions\":1}}"));
    assert_int_equal(fixture.changes, 0);
    fixture_answer("11", "pod-0_5f2c");
    assert_true(fixture.leads);
    assert_true(leader_leads(fixture.leader));
    assert_int_equal(fixture.moves, 2);
    assert_int_equal(fixture_lines("msg=\"leading: the Lease edge/sealway-leader is held\" "
                                   "identity=pod-0_5f2c"),
                     1);
}

static void a_leader_renews_and_says_nothing(void **state)
{
    (void)state;
    fixture_lead();
    (void)fixture_lines("level=");
    for (int i = 0; i < 100; i++) {
        char version[16], want[64];

        snprintf(version, sizeof(version), "%d", 11 + i);
        snprintf(want, sizeof(want), "\"resourceVersion\":\"%s\"", version);
        fixture_next(2000);
        fixture_expect("PATCH");
        assert_non_null(strstr(fixture.client->running->body, want));
        snprintf(version, sizeof(version), "%d", 12 + i);
        fixture_answer(version, "pod-0_5f2c");
    }
    assert_int_equal(fixture.changes, 1);
    assert_int_equal(fixture_lines("level="), 0);
}

static void who_does_not_hold_it_looks_and_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        fixture_next(LONGEST_MS);
        fixture_expect("GET");
        fixture_answer("10", "other");
        assert_null(fixture.client->running);
    }
    assert_int_equal(fixture.changes, 0);
    assert_int_equal(fixture_lines("level="), 0);
}

static void leading_ends_in_time_while_a_request_hangs(void **state)
{
    uint64_t began_ms = fixture.now_ms;

    (void)state;
    fixture_lead();
    fixture_next(2000);
    fixture_expect("PATCH");
    assert_int_equal(leader_due_ms(fixture.leader), began_ms + 10000);
    fixture.now_ms = began_ms + 9999;
    assert_true(leader_leads(fixture.leader));
    fixture.now_ms++;
    assert_false(leader_leads(fixture.leader)); /* before anybody turns it */
    assert_true(fixture.leads);
    fixture_turn();
    assert_false(fixture.leads);
    assert_int_equal(fixture_lines("level=warn msg=\"no longer leading: the Lease "
                                   "edge/sealway-leader could not be renewed in time\""),
                     1);
}

static void why_it_could_not_be_renewed_is_told(void **state)
{
    (void)state;
    fixture_lead();
    while (fixture.leads) {
        fixture_next(5000);
        if (fixture.client->running) {
            fixture_fail("connection refused");
        }
    }
    assert_int_equal(fixture_lines("no answer from the API server\" cause=\"connection refused\""),
                     1);
    assert_int_equal(fixture.leads, false);
    assert_non_null(strstr(fixture.log, "in time\" cause=\"0 Unreachable: connection refused\""));
    fixture_next(LONGEST_MS);
    fixture_answer("11", "pod-0_5f2c"); /* still ours: taken again */
    fixture_expect("PATCH");
    fixture_answer("12", "pod-0_5f2c");
    assert_true(fixture.leads);
    assert_int_equal(fixture_lines("the Lease edge/sealway-leader can be used again"), 1);
}

static void a_lease_taken_away_is_not_ours_any_more(void **state)
{
    (void)state;
    fixture_lead();
    fixture_next(2000);
    fixture_refuse(409);
    assert_true(fixture.leads);
    fixture_expect("GET");
    fixture_answer("20", "other");
    assert_false(fixture.leads);
    assert_int_equal(fixture_lines("was taken away\" holder=other"), 1);
    assert_null(strstr(fixture.log, "cannot")); /* a conflict is no failure */
}

static void a_lease_that_is_missing_is_told_once_a_minute(void **state)
{
    uint64_t end_ms = fixture.now_ms + 130000;

    (void)state;
    while (fixture.now_ms < end_ms) {
        fixture_next(LONGEST_MS);
        fixture_expect("GET");
        fixture_refuse(404);
    }
    assert_int_equal(fixture_lines("cannot get the Lease edge/sealway-leader, without which nobody "
                                   "leads: 404 NotFound; it is not made by itself: create an"),
                     3);
    fixture_next(LONGEST_MS);
    fixture_answer("1", NULL);
    assert_int_equal(fixture_lines("can be used again"), 1);
    fixture_answer("2", "pod-0_5f2c");
    fixture_next(2000);
    fixture_refuse(404);
    assert_false(fixture.leads);
    assert_int_equal(fixture_lines("sealway-leader is gone"), 1);
}

static void what_may_not_be_done_is_told_with_the_right_to_grant(void **state)
{
    (void)state;
    fixture_turn();
    fixture_refuse(403);
    assert_int_equal(fixture_lines("cannot get the Lease"), 1);
    assert_non_null(strstr(fixture.log, "403 Forbidden; grant the verbs get and patch on leases in "
                                        "API group coordination.k8s.io"));
    fixture_next(LONGEST_MS);
    fixture_answer("1", NULL);
    fixture_expect("PATCH");
    fixture_refuse(403);
    assert_int_equal(fixture_lines("cannot patch the Lease"), 1);
    assert_int_equal(fixture.changes, 0);
}

static void an_answer_that_is_no_lease_is_none(void **state)
{
    static const char *const texts[] = {"", "x", "{}", "[1,", "{\"kind\":\"Lease\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        fixture_next(LONGEST_MS);
        fixture_expect("GET");
        fixture_answer_text(texts[i]);
        assert_null(fixture.client->running);
    }
    assert_int_equal(fixture_lines("cause=\"the answer is no Lease\""), 1);
    assert_int_equal(fixture.changes, 0);
}

static void an_answer_without_end_is_cut(void **state)
{
    size_t len = (size_t)3 << 20;
    char *text = test_malloc(len + 1);

    (void)state;
    memset(text, ' ', len);
    text[len] = '\0';
    fixture_turn();
    fixture_answer_text(text);
    assert_int_equal(fixture_lines("cause=\"the answer is too large"), 1);
    fixture_next(LONGEST_MS);
    fixture_answer("1", NULL); /* of which nothing is left */
    fixture_expect("PATCH");
    test_free(text);
}

static void whoever_is_told_may_turn_the_leader(void **state)
{
    (void)state;
    fixture.turns_when_told = true;
    fixture_lead();
    assert_null(fixture.client->running);
    fixture_next(2000);
    fixture_answer("12", "other");
    assert_false(fixture.leads);
    assert_int_equal(fixture.changes, 2);
}

/* ---- giving it back -------------------------------------------------------------------------- */

static void a_lease_is_given_back(void **state)
{
    (void)state;
    fixture_lead();
    leader_release(fixture.leader);
    assert_false(leader_leads(fixture.leader));
    assert_false(leader_is_released(fixture.leader));
    assert_true(leader_due_ms(fixture.leader) <= fixture.now_ms);
    fixture_turn();
    assert_false(fixture.leads);
    fixture_expect("PATCH");
    assert_non_null(strstr(fixture.client->running->body,
                           "\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"));
    fixture_answer("12", "");
    assert_true(leader_is_released(fixture.leader));
    assert_int_equal(leader_due_ms(fixture.leader), UINT64_MAX);
    assert_int_equal(fixture_lines("level=info msg=\"no longer leading: the Lease "
                                   "edge/sealway-leader is given back\""),
                     1);
}

static void who_does_not_lead_has_nothing_to_give_back(void **state)
{
    (void)state;
    fixture_turn();
    fixture_answer("10", "other");
    leader_release(fixture.leader);
    assert_true(leader_is_released(fixture.leader));
    fixture_turn();
    assert_null(fixture.client->running);
    assert_int_equal(fixture.changes, 0);
}

static void giving_back_to_a_server_that_is_gone_ends(void **state)
{
    (void)state;
    fixture_lead();
    leader_release(fixture.leader);
    fixture_turn();
    for (int i = 0; !leader_is_released(fixture.leader); i++) {
        assert_true(i < 10);
        fixture_fail("connection refused");
    }
    assert_null(fixture.client->running);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void what_is_due_to_the_client_is_due_to_the_leader(void **state)
{
    (void)state;
    fixture_lead();
    assert_int_equal(leader_due_ms(fixture.leader), fixture.now_ms + 2000);
    fixture.client->due_ms = fixture.now_ms + 700;
    assert_int_equal(leader_due_ms(fixture.leader), fixture.now_ms + 700);
    leader_reload(fixture.leader);
    assert_int_equal(fixture.client->reloads, 1);
}

static void what_names_no_lease_is_refused(void **state)
{
    static const char *const names[] = {"", "a/b", "../x", "A", "a b", "a%2f", "a?b", "\xc3\xa9"};
    struct leader_config cfg = fixture_config();
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        cfg.name = names[i];
        assert_null(leader_new(&cfg, &e));
        assert_non_null(strstr(e.text, "names no Lease"));
        cfg = fixture_config();
        cfg.ns = names[i];
        assert_null(leader_new(&cfg, &e));
        assert_non_null(strstr(e.text, "names no Lease"));
        cfg = fixture_config();
    }
}

static void an_identity_has_its_bounds(void **state)
{
    char identity[400];
    struct leader_config cfg = fixture_config();
    struct err e;

    (void)state;
    memset(identity, 'x', sizeof(identity));
    identity[319] = '\0';
    cfg.identity = identity;
    assert_null(leader_new(&cfg, &e));
    assert_string_equal(e.text, "the identity of a Lease's holder has 1 to 318 characters");
    identity[0] = '\0';
    assert_null(leader_new(&cfg, &e));
    identity[0] = 'x';
    identity[318] = '\0';
    fixture.leader = leader_new(&cfg, &e);
    assert_non_null(fixture.leader);
    fixture_turn();
    fixture_answer("10", NULL);
    fixture_expect("PATCH");
    assert_non_null(strstr(fixture.client->running->body, identity));
}

static void without_a_client_there_is_no_leader(void **state)
{
    struct leader_config cfg = fixture_config();
    struct err e;

    (void)state;
    fixture.refuses_client = true;
    assert_null(leader_new(&cfg, &e));
    assert_string_equal(e.text, "no client");
    leader_free(NULL);
}

/* What fails is done again a little later, and in the end we lead. */
static void lead_and_release(void *ctx)
{
    struct leader_config cfg = fixture_config();
    struct err e;

    (void)ctx;
    (void)fixture_set_up(NULL);
    fixture.leader = leader_new(&cfg, &e);
    for (int i = 0; fixture.leader && !fixture.leads; i++) {
        assert_true(i < 20);
        if (!fixture.client->running) {
            fixture_next(LONGEST_MS);
        }
        if (fixture.client->running) {
            fixture_answer(
                "10", strcmp(fixture.client->running->cfg.method, "GET") == 0 ? "" : "pod-0_5f2c");
        }
    }
    if (fixture.leader) {
        leader_release(fixture.leader);
        fixture_turn();
        while (fixture.client->running) {
            fixture_answer("11", "");
        }
        assert_true(leader_is_released(fixture.leader));
    }
    (void)fixture_end(NULL);
}

static void without_memory_it_goes_on_later(void **state)
{
    (void)state;
    assert_true(failalloc_torture(lead_and_release, NULL) > 20);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, fixture_begin, fixture_end)
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(nothing_is_sent_before_the_first_turn),
        SCENE(a_free_lease_is_read_and_patched_on_condition_of_its_version),
        SCENE(a_leader_renews_and_says_nothing),
        SCENE(who_does_not_hold_it_looks_and_waits),
        SCENE(leading_ends_in_time_while_a_request_hangs),
        SCENE(why_it_could_not_be_renewed_is_told),
        SCENE(a_lease_taken_away_is_not_ours_any_more),
        SCENE(a_lease_that_is_missing_is_told_once_a_minute),
        SCENE(what_may_not_be_done_is_told_with_the_right_to_grant),
        SCENE(an_answer_that_is_no_lease_is_none),
        SCENE(an_answer_without_end_is_cut),
        SCENE(whoever_is_told_may_turn_the_leader),
        SCENE(a_lease_is_given_back),
        SCENE(who_does_not_lead_has_nothing_to_give_back),
        SCENE(giving_back_to_a_server_that_is_gone_ends),
        SCENE(what_is_due_to_the_client_is_due_to_the_leader),
        EMPTY(what_names_no_lease_is_refused),
        EMPTY(an_identity_has_its_bounds),
        EMPTY(without_a_client_there_is_no_leader),
        cmocka_unit_test(without_memory_it_goes_on_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
