/* Probes beside a silent watch; src/kube/kubewatchprobe.c. */
#include "kubewatch_fixture.h"

#include "support/failalloc.h"

static struct kuberequest *next_probe(struct kubeclient *c)
{
    fixture_now_ms = kubewatch_due_ms(c->w);
    kubewatch_turn(c->w, fixture_now_ms);
    return fixture_running(c, true);
}

static struct kuberequest *probe_of_silent_watch(struct kubeclient *c)
{
    struct kuberequest *watch = fixture_open(c, "10", "a:1"), *probe;

    probe = next_probe(c);
    assert_non_null(probe);
    assert_false(watch->is_over);
    assert_false(probe->cfg.is_watch);
    assert_int_equal(probe->cfg.deadline_ms, KUBECLIENT_PROBE_MS);
    return probe;
}

static void a_silent_watch_stays_when_a_probe_beside_it_is_answered(void **state)
{
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        struct kubeclient *c = fixture_begin();
        struct kuberequest *probe = probe_of_silent_watch(c);

        if (refused) {
            fixture_refuse(probe, 503);
        } else {
            c->chunk = 1;
            assert_false(fixture_bytes(c, probe, fixture_list(c, "10", "", "a:1 b:2")));
            assert_true(probe->is_cancelled); /* the rest is not wanted */
        }
        assert_false(fixture_running(c, false)->is_over);
        assert_true(kubewatch_is_live(c->w));
        assert_true(fixture_holds(c, "a:1"));
        assert_int_equal(c->stats.errors, 0);
        fixture_end(c);
    }
}

static void a_silent_watch_is_opened_anew_when_the_probe_is_not_answered(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *probe = probe_of_silent_watch(c), *watch = fixture_running(c, false);

    (void)state;
    fixture_done(probe, KUBERESULT_FAILED, 0, "timed out");
    assert_true(watch->is_cancelled);
    assert_false(kubewatch_is_live(c->w));
    assert_int_equal(c->stats.errors, 1);
    assert_int_equal(fixture_lines(c, "was silent"), 1);
    watch = fixture_next(c);
    assert_non_null(strstr(watch->path, "watch=1&resourceVersion=10&"));
    fixture_head(watch);
    assert_true(kubewatch_is_live(c->w));
    fixture_end(c);
}

/* It would wait for a version that does not come for a long time. */
static void a_probe_that_finds_the_server_gone_back_ends_the_watch(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *probe = probe_of_silent_watch(c), *watch = fixture_running(c, false);

    (void)state;
    assert_false(fixture_bytes(c, probe, fixture_list(c, "5", "", "z:4")));
    assert_true(watch->is_cancelled);
    fixture_answer(c, "5", "z:4");
    assert_true(fixture_holds(c, "z:4"));
    fixture_end(c);
}

static void a_watch_that_ends_takes_its_probe_along(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *probe = probe_of_silent_watch(c);

    (void)state;
    fixture_cut(fixture_running(c, false));
    assert_true(probe->is_cancelled);
    fixture_end(c);
}

static void nonsense_is_an_answer_to_a_probe(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *probe = probe_of_silent_watch(c);

    (void)state;
    assert_false(fixture_bytes(c, probe, "<html>"));
    assert_true(kubewatch_is_live(c->w));
    fixture_end(c);
}

static void a_probe_without_memory_is_no_verdict_on_the_watch(void **state)
{
    struct kubeclient *c = fixture_begin();

    (void)state;
    (void)fixture_open(c, "10", "a:1");
    c->refuses_requests = true;
    fixture_now_ms = kubewatch_due_ms(c->w);
    kubewatch_turn(c->w, fixture_now_ms);
    assert_true(kubewatch_is_live(c->w));
    assert_true(kubewatch_due_ms(c->w) > fixture_now_ms);
    fixture_end(c);
}

/* Even one that was cut behind its head. */
static void half_an_answer_is_one_and_the_next_silence_is_probed_again(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *probe = probe_of_silent_watch(c);

    (void)state;
    assert_true(fixture_bytes(c, probe, "{\"metadata\":{\"resourceVersion\":\"1"));
    fixture_cut(probe);
    assert_true(kubewatch_is_live(c->w));
    probe = next_probe(c);
    assert_non_null(probe);
    assert_false(fixture_bytes(c, probe, fixture_list(c, "11", "", "")));
    assert_int_equal(c->stats.errors, 0);
    fixture_end(c);
}

static void probe_with_no_memory(void *ctx)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);
    struct kuberequest *probe;

    (void)ctx;
    do {
        c->w = kubewatch_new(&cfg);
    } while (!c->w);
    for (int round = 0; round < 4 && !kubewatch_is_synced(c->w); round++) {
        struct kuberequest *r = fixture_next(c);

        if (fixture_bytes(c, r, fixture_list(c, "10", "", "a:1"))) {
            fixture_done(r, KUBERESULT_OK, 0, "");
        }
    }
    fixture_head(fixture_next(c));
    probe = next_probe(c);
    if (probe) {
        (void)fixture_bytes(c, probe, fixture_list(c, "10", "", "a:1"));
    }
    assert_true(kubewatch_is_live(c->w));
    fixture_end(c);
}

static void any_allocation_of_a_probe_may_fail(void **state)
{
    (void)state;
    assert_true(failalloc_torture(probe_with_no_memory, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_watch_stays_when_a_probe_beside_it_is_answered),
        cmocka_unit_test(a_silent_watch_is_opened_anew_when_the_probe_is_not_answered),
        cmocka_unit_test(a_probe_that_finds_the_server_gone_back_ends_the_watch),
        cmocka_unit_test(a_watch_that_ends_takes_its_probe_along),
        cmocka_unit_test(nonsense_is_an_answer_to_a_probe),
        cmocka_unit_test(a_probe_without_memory_is_no_verdict_on_the_watch),
        cmocka_unit_test(half_an_answer_is_one_and_the_next_silence_is_probed_again),
        cmocka_unit_test(any_allocation_of_a_probe_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
