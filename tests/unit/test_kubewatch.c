#include "kubewatch_fixture.h"

#include "support/failalloc.h"

static void nothing_is_sent_before_the_first_turn(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    assert_int_equal(c->n, 0);
    assert_false(kubewatch_is_synced(c->w));
    assert_false(kubewatch_is_live(c->w));
    assert_string_equal(kubewatch_trouble(c->w), "");
    assert_true(kubewatch_due_ms(c->w) <= fixture_now_ms);
    kubewatch_turn(c->w, fixture_now_ms);
    kubewatch_turn(c->w, fixture_now_ms);
    assert_int_equal(c->n, 1);
    fixture_end(c);
}

static void namespace_and_labels_are_part_of_every_request(void **state)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);
    char ns[] = "shop";

    (void)state;
    cfg.ns = ns;
    cfg.label_selector = "a=b,!c";
    c->w = kubewatch_new(&cfg);
    assert_non_null(c->w);
    ns[0] = 'x'; /* copied */
    (void)fixture_open(c, "10", "a:1");
    fixture_now_ms = kubewatch_due_ms(c->w);
    kubewatch_turn(c->w, fixture_now_ms);
    assert_int_equal(c->n, 3); /* list, watch, probe */
    for (size_t i = 0; i < c->n; i++) {
        const char *path = c->requests[i]->path;

        assert_memory_equal(path, "/apis/networking.k8s.io/v1/namespaces/shop/ingresses?", 53);
        assert_non_null(strstr(path, "&labelSelector=a%3Db%2C%21c"));
    }
    fixture_end(c);
}

static void a_watch_that_is_open_is_live_and_one_that_ended_is_not(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r;

    (void)state;
    fixture_answer(c, "10", "a:1");
    assert_true(kubewatch_is_synced(c->w));
    assert_false(kubewatch_is_live(c->w));
    r = fixture_next(c);
    assert_false(kubewatch_is_live(c->w));
    fixture_head(r);
    assert_true(kubewatch_is_live(c->w));
    fixture_cut(r);
    assert_false(kubewatch_is_live(c->w));
    assert_true(kubewatch_is_synced(c->w));
    fixture_end(c);
}

static void trouble_is_told_until_a_watch_is_open(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_done(fixture_next(c), KUBERESULT_FAILED, 0, "Connection \xff refused");
    assert_string_equal(kubewatch_trouble(c->w), "list: no answer: Connection ? refused");
    fixture_refuse(fixture_next(c), 403);
    assert_string_equal(kubewatch_trouble(c->w), "list: 403 Forbidden");
    (void)fixture_open(c, "10", "a:1");
    assert_string_equal(kubewatch_trouble(c->w), "");
    assert_int_equal(fixture_lines(c, "works again"), 1);
    fixture_end(c);
}

/* ---- what may be missing --------------------------------------------------------------------- */

static struct kubeclient *begin_optional(void)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);

    cfg.is_optional = true;
    c->w = kubewatch_new(&cfg);
    assert_non_null(c->w);
    return c;
}

static void an_optional_collection_that_is_refused_is_synced_and_empty(void **state)
{
    static const int codes[] = {403, 404};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct kubeclient *c = begin_optional();

        fixture_refuse(fixture_next(c), codes[i]);
        assert_true(kubewatch_is_synced(c->w));
        assert_true(kubewatch_is_refused(c->w));
        assert_false(kubewatch_is_live(c->w));
        assert_true(c->stats.synced);
        assert_int_equal(c->changes, 1);
        assert_int_equal(fixture_lines(c, "level=warn"), 0);
        fixture_refuse(fixture_next(c), codes[i]); /* it is tried again, quietly */
        assert_int_equal(c->changes, 1);
        assert_int_equal(fixture_lines(c, "level="), 0);
        (void)fixture_open(c, "10", "a:1");
        assert_false(kubewatch_is_refused(c->w));
        assert_true(fixture_holds(c, "a:1"));
        assert_int_equal(c->changes, 2);
        assert_int_equal(c->stats.relists, 0);
        fixture_end(c);
    }
}

static void an_optional_collection_keeps_what_could_be_read_once(void **state)
{
    struct kubeclient *c = begin_optional();

    (void)state;
    assert_false(fixture_bytes(c, fixture_open(c, "10", "a:1"), FIXTURE_GONE));
    fixture_refuse(fixture_next(c), 403);
    assert_true(kubewatch_is_refused(c->w));
    assert_true(fixture_holds(c, "a:1"));
    fixture_end(c);
}

static void other_failures_do_not_make_an_optional_collection_synced(void **state)
{
    struct kubeclient *c = begin_optional();

    (void)state;
    fixture_refuse(fixture_next(c), 401);
    fixture_refuse(fixture_next(c), 500);
    fixture_done(fixture_next(c), KUBERESULT_FAILED, 0, "Connection refused");
    assert_false(kubewatch_is_synced(c->w));
    assert_false(kubewatch_is_refused(c->w));
    fixture_end(c);
}

static void what_is_not_optional_waits_for_its_permission(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_refuse(fixture_next(c), 403);
    assert_false(kubewatch_is_synced(c->w));
    assert_false(kubewatch_is_refused(c->w));
    assert_in_range(kubewatch_due_ms(c->w) - fixture_now_ms, 1, 2000);
    fixture_end(c);
}

/* ---- who is told ----------------------------------------------------------------------------- */

static void whoever_has_the_timer_hears_of_every_step(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_next(c);
    unsigned stirs;

    (void)state;
    assert_int_equal(c->stirs, 0); /* whoever turns it sees for himself */
    fixture_refuse(r, 500);
    assert_int_equal(c->stirs, 1);
    r = fixture_open(c, "10", "a:1");
    stirs = c->stirs;
    assert_true(stirs >= 3);
    assert_true(fixture_bytes(c, r, fixture_event(c, "ADDED", "b", "11")));
    assert_int_equal(c->stirs, stirs); /* an event makes nothing due */
    fixture_cut(r);
    assert_int_equal(c->stirs, stirs + 1);
    fixture_end(c);
}

static void a_turn_from_within_what_is_told_does_no_harm(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r;

    (void)state;
    c->turns_when_told = true;
    r = fixture_open(c, "10", "a:1");
    assert_true(fixture_bytes(c, r, fixture_event(c, "ADDED", "b", "11")));
    assert_false(fixture_bytes(c, r, FIXTURE_GONE));
    (void)fixture_open(c, "20", "b:11");
    assert_true(fixture_holds(c, "b:11"));
    fixture_end(c);
}

static void without_anybody_to_tell_it_goes_on_by_itself(void **state)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);

    (void)state;
    cfg.stirred = NULL;
    c->w = kubewatch_new(&cfg);
    assert_non_null(c->w);
    kubewatch_turn(c->w, fixture_now_ms);
    fixture_answer(c, "10", "a:1");
    assert_true(fixture_running(c, false)->cfg.is_watch); /* without a turn */
    fixture_end(c);
}

/* ---- lists on demand, ends ------------------------------------------------------------------- */

static void a_list_on_demand_ends_whatever_runs(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_open(c, "10", "a:1");
    unsigned stirs;

    (void)state;
    kubewatch_relist(c->w);
    assert_true(kubewatch_due_ms(c->w) <= fixture_now_ms);
    kubewatch_turn(c->w, fixture_now_ms);
    assert_true(r->is_cancelled);
    r = fixture_next(c);
    assert_false(r->cfg.is_watch);
    stirs = c->stirs;
    assert_true(fixture_bytes(c, r, "{\"metadata\":{\"resourceVersion\":\"20\"},\"items\":["));
    assert_int_equal(c->stirs, stirs);
    kubewatch_relist(c->w); /* and a list under way */
    kubewatch_turn(c->w, fixture_now_ms);
    assert_true(r->is_cancelled);
    assert_int_equal(c->drops, 1);
    (void)fixture_open(c, "20", "b:20");
    assert_true(fixture_holds(c, "b:20"));
    assert_int_equal(fixture_lines(c, "(forced)"), 1);
    assert_int_equal(c->begins - c->doubts,
                     1); /* who asks for it doubts; the first list had no past */
    assert_int_equal(c->stats.errors, 0);
    fixture_end(c);
}

static void a_watch_not_answered_yet_that_is_ended_on_demand_is_no_failure(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_answer(c, "10", "a:1");
    (void)fixture_next(c);
    kubewatch_relist(c->w);
    kubewatch_turn(c->w, fixture_now_ms);
    assert_int_equal(c->stats.errors, 0);
    assert_int_equal(fixture_lines(c, "level=warn"), 0);
    fixture_end(c);
}

/* Nothing ran that could be ended: what fails later is a failure. */
static void a_list_on_demand_while_waiting_is_no_excuse_later(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    fixture_answer(c, "10", "a:1");
    fixture_refuse(fixture_next(c), 503);
    kubewatch_relist(c->w);
    fixture_answer(c, "11", "a:1");
    (void)fixture_next(c);
    fixture_now_ms += REFLECTOR_OPEN_MS;
    kubewatch_turn(c->w, fixture_now_ms);
    assert_int_equal(c->stats.errors, 2);
    fixture_end(c);
}

static void freeing_it_ends_its_requests_and_drops_its_list(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r = fixture_next(c);

    (void)state;
    kubewatch_free(NULL);
    assert_true(fixture_bytes(c, r, "{\"items\":["));
    assert_true(c->is_collecting);
    fixture_end(c); /* which looks at both */
}

static void freeing_it_ends_watch_and_probe(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    (void)fixture_open(c, "10", "a:1");
    fixture_now_ms = kubewatch_due_ms(c->w);
    kubewatch_turn(c->w, fixture_now_ms);
    assert_non_null(fixture_running(c, true));
    fixture_end(c);
}

/* ---- figures --------------------------------------------------------------------------------- */

static void figures_that_two_share_are_synced_when_both_are(void **state)
{
    struct kubeclient *c = fixture_begin(), *other = fixture_new();
    struct kubewatch_config cfg = fixture_config(other);

    (void)state;
    cfg.ns = "shop";
    cfg.stats = &c->stats;
    other->w = kubewatch_new(&cfg);
    assert_non_null(other->w);
    fixture_answer(c, "10", "a:1");
    assert_true(kubewatch_is_synced(c->w));
    assert_false(c->stats.synced);
    fixture_answer(other, "10", "b:1");
    assert_true(c->stats.synced);
    assert_int_equal(c->stats.unsynced, 0);
    fixture_end(other);
    assert_true(c->stats.synced);
    log_use_ring(c->ring);
    fixture_end(c);
}

static void requests_that_cannot_be_made_are_made_later(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    c->refuses_requests = true;
    kubewatch_turn(c->w, fixture_now_ms);
    assert_int_equal(c->n, 0);
    assert_true(kubewatch_due_ms(c->w) > fixture_now_ms);
    assert_string_equal(kubewatch_trouble(c->w), "list: no answer: out of memory");
    c->refuses_requests = false;
    fixture_answer(c, "10", "a:1");
    fixture_cut(fixture_next(c));
    c->refuses_requests = true;
    for (int i = 0; i < 3; i++) {
        fixture_now_ms = kubewatch_due_ms(c->w);
        kubewatch_turn(c->w, fixture_now_ms);
    }
    c->refuses_requests = false;
    assert_non_null(strstr(fixture_next(c)->path, "watch=1&resourceVersion=10&"));
    assert_int_equal(c->stats.relists, 0);
    fixture_end(c);
}

static void make_one(void *ctx)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);

    (void)ctx;
    cfg.ns = "shop";
    cfg.label_selector = "a=b";
    c->w = kubewatch_new(&cfg);
    assert_int_equal(c->stats.unsynced, c->w ? 1 : 0);
    fixture_end(c);
}

static void any_allocation_of_a_new_one_may_fail(void **state)
{
    (void)state;
    assert_true(failalloc_torture(make_one, NULL) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_before_the_first_turn),
        cmocka_unit_test(namespace_and_labels_are_part_of_every_request),
        cmocka_unit_test(a_watch_that_is_open_is_live_and_one_that_ended_is_not),
        cmocka_unit_test(trouble_is_told_until_a_watch_is_open),
        cmocka_unit_test(an_optional_collection_that_is_refused_is_synced_and_empty),
        cmocka_unit_test(an_optional_collection_keeps_what_could_be_read_once),
        cmocka_unit_test(other_failures_do_not_make_an_optional_collection_synced),
        cmocka_unit_test(what_is_not_optional_waits_for_its_permission),
        cmocka_unit_test(whoever_has_the_timer_hears_of_every_step),
        cmocka_unit_test(a_turn_from_within_what_is_told_does_no_harm),
        cmocka_unit_test(without_anybody_to_tell_it_goes_on_by_itself),
        cmocka_unit_test(a_list_on_demand_ends_whatever_runs),
        cmocka_unit_test(a_watch_not_answered_yet_that_is_ended_on_demand_is_no_failure),
        cmocka_unit_test(a_list_on_demand_while_waiting_is_no_excuse_later),
        cmocka_unit_test(freeing_it_ends_its_requests_and_drops_its_list),
        cmocka_unit_test(freeing_it_ends_watch_and_probe),
        cmocka_unit_test(figures_that_two_share_are_synced_when_both_are),
        cmocka_unit_test(requests_that_cannot_be_made_are_made_later),
        cmocka_unit_test(any_allocation_of_a_new_one_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
