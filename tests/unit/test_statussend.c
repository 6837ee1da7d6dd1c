/* What comes of a write: each answer of the API server, and what is tried again when. */
#include "statuswriter_fixture.h"

#include <stdatomic.h>

#include "base/attr.h"

#define OURS_IS    "{ip: 192.0.2.1}"
#define OURS_JSON  "[{\"ip\":\"192.0.2.1\"}]"
#define LONGEST_MS 60000u /* of any wait without a Retry-After */

/* Ingress a of version 5 is to be written, and the request is under way. */
static struct scene *begin_one(void)
{
    struct scene *sc = scene_begin();

    scene_put(sc, "a", "5", "sealway", "");
    scene_serve(sc, "a");
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "5", OURS_JSON);
    return sc;
}

/* Milliseconds until something is due. */
static uint64_t due_in_ms(const struct scene *sc)
{
    uint64_t due_ms = statuswriter_due_ms(sc->w);

    assert_true(due_ms != UINT64_MAX);
    return due_ms > scene_now_ms ? due_ms - scene_now_ms : 0;
}

/* Go on in time until something is under way; how long that took. */
static uint64_t go_on(struct scene *sc)
{
    uint64_t began_ms = scene_now_ms;

    for (int i = 0; i < 10 && scene_count_flying(sc) == 0; i++) {
        scene_later(sc, due_in_ms(sc));
    }
    assert_true(scene_count_flying(sc) > 0);
    return scene_now_ms - began_ms;
}

static void what_is_written_is_not_written_again_before_the_watch_tells(void **state)
{
    struct scene *sc = begin_one();

    (void)state;
    scene_answer(sc, scene_only(sc), 200);
    scene_look(sc); /* the object is still the old one */
    scene_later(sc, LONGEST_MS);
    scene_look(sc);
    assert_int_equal(sc->client.n, 1);
    assert_int_equal(atomic_load(&statuswriter_stats(sc->w)->written), 1);
    scene_put(sc, "a", "6", "sealway", OURS_IS);
    scene_look(sc);
    assert_int_equal(sc->client.n, 1);
    scene_put(sc, "a", "7", "sealway", ""); /* somebody took it away */
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "7", OURS_JSON);
    scene_end(sc);
}

static void a_conflict_is_tried_again_with_the_changed_object(void **state)
{
    struct scene *sc = begin_one();

    (void)state;
    scene_answer(sc, scene_only(sc), 409);
    assert_int_equal(scene_count_flying(sc), 0);
    scene_look(sc);
    assert_int_equal(sc->client.n, 1);
    scene_put(sc, "a", "6", "sealway", "{hostname: others.test}");
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "6",
                 "[{\"hostname\":\"others.test\"},{\"ip\":\"192.0.2.1\"}]");
    assert_int_equal(atomic_load(&statuswriter_stats(sc->w)->conflicts), 1);
    assert_int_equal(atomic_load(&statuswriter_stats(sc->w)->failed), 0);
    scene_end(sc);
}

static void a_conflict_the_watch_is_silent_about_is_tried_again(void **state)
{
    struct scene *sc = begin_one();

    (void)state;
    scene_answer(sc, scene_only(sc), 409);
    assert_true(due_in_ms(sc) >= STATUSWRITER_CONFLICT_MS);
    assert_true(due_in_ms(sc) <= 2 * STATUSWRITER_CONFLICT_MS);
    scene_later(sc, due_in_ms(sc));
    scene_expect(scene_only(sc), "a", "5", OURS_JSON);
    scene_end(sc);
}

static void an_object_that_changed_before_the_conflict_was_told_is_written_at_once(void **state)
{
    struct scene *sc = begin_one();

    (void)state;
    scene_put(sc, "a", "6", "sealway", "");
    scene_look(sc);
    scene_answer(sc, scene_flying(sc, 0), 409);
    scene_expect(scene_only(sc), "a", "6", OURS_JSON);
    scene_end(sc);
}

static void an_object_that_became_right_meanwhile_is_let_go(void **state)
{
    static const int codes[] = {200, 404, 409, 422, 500, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct scene *sc = begin_one();

        scene_put(sc, "a", "6", "sealway", OURS_IS);
        scene_look(sc);
        scene_answer(sc, scene_only(sc), codes[i]);
        scene_later(sc, LONGEST_MS);
        scene_later(sc, LONGEST_MS);
        assert_int_equal(sc->client.n, 1);
        assert_true(statuswriter_due_ms(sc->w) == UINT64_MAX);
        scene_end(sc);
    }
}

static void an_object_that_is_gone_is_dropped(void **state)
{
    struct scene *sc = begin_one();

    (void)state;
    scene_answer(sc, scene_only(sc), 404);
    scene_look(sc);
    scene_later(sc, LONGEST_MS);
    assert_int_equal(sc->client.n, 1);
    assert_int_equal(scene_lines(sc, "level=warn"), 0);
    scene_put(sc, "a", "9", "sealway", ""); /* made anew */
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "9", OURS_JSON);
    scene_end(sc);
}

static void what_is_not_valid_is_told_once_and_waits_for_a_change(void **state)
{
    struct scene *sc = begin_one();

    (void)state;
    scene_answer(sc, scene_only(sc), 422);
    scene_look(sc);
    scene_later(sc, 10 * LONGEST_MS);
    scene_look(sc);
    assert_int_equal(sc->client.n, 1);
    assert_int_equal(atomic_load(&statuswriter_stats(sc->w)->failed), 1);
    scene_put(sc, "a", "6", "sealway", "");
    scene_look(sc);
    scene_answer(sc, scene_only(sc), 422);
    assert_int_equal(scene_lines(sc, "refuses what is to be the status"), 1);
    assert_non_null(strstr(sc->log, "ingress=a"));
    scene_put(sc, "a", "7", "sealway", "");
    scene_look(sc);
    scene_answer(sc, scene_only(sc), 200);
    scene_put(sc, "a", "8", "sealway", "");
    scene_look(sc);
    scene_answer(sc, scene_only(sc), 422);
    assert_int_equal(scene_lines(sc, "refuses what is to be the status"), 1);
    scene_end(sc);
}

static void what_is_forbidden_is_told_with_the_rule_that_mends_it(void **state)
{
    struct scene *sc = begin_one();
    unsigned tries = 1;

    (void)state;
    for (uint64_t began_ms = scene_now_ms; scene_now_ms - began_ms < 50000; tries++) {
        scene_answer(sc, scene_only(sc), 403);
        assert_true(due_in_ms(sc) >= STATUSWRITER_RBAC_MS);
        scene_later(sc, due_in_ms(sc));
    }
    assert_true(tries <= 3);
    assert_int_equal(scene_lines(sc, "level=warn"), 1);
    assert_non_null(strstr(sc->log, "grant the verb patch on ingresses/status in API group "
                                    "networking.k8s.io"));
    scene_later(sc, LONGEST_MS);
    scene_answer(sc, scene_only(sc), 403);
    assert_int_equal(scene_lines(sc, "grant the verb patch"), 1);
    scene_end(sc);
}

static void after_trouble_all_wait_and_longer_each_time(void **state)
{
    static const int codes[] = {0, 401, 429, 500, 503};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct scene *sc = begin_one();

        for (unsigned n = 0; n < 4; n++) {
            scene_answer(sc, scene_only(sc), codes[i]);
            assert_in_range(go_on(sc), 800u << n, 1600u << n);
        }
        assert_int_equal(scene_lines(sc, "could not be written"), 1);
        assert_int_equal(atomic_load(&statuswriter_stats(sc->w)->failed), 4);
        scene_answer(sc, scene_only(sc), 200);
        scene_put(sc, "a", "8", "sealway", "");
        scene_look(sc);
        scene_answer(sc, scene_only(sc), codes[i]); /* counted anew */
        scene_put(sc, "b", "7", "sealway", "");
        scene_serve(sc, "a b");
        scene_look(sc);
        assert_int_equal(scene_count_flying(sc), 0);
        assert_in_range(go_on(sc), 800, 1600);
        scene_end(sc);
    }
}

static void as_long_as_the_server_asks_nothing_is_sent(void **state)
{
    static const struct {
        uint32_t asked_s;
        uint64_t least_ms;
    } cases[] = {{7, 7000}, {300, 300000}, {4000000000u, 300000}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene *sc = begin_one();

        scene_answer_later(sc, scene_only(sc), 429, cases[i].asked_s);
        assert_int_equal(due_in_ms(sc), cases[i].least_ms);
        scene_end(sc);
    }
}

/* One that fails on its own account makes room for the others. */
static void an_ingress_that_fails_alone_does_not_hold_up_others(void **state)
{
    struct scene *sc = begin_one();
    unsigned of_a = 0;

    (void)state;
    for (int i = 0; i < 40; i++) {
        char version[16];

        snprintf(version, sizeof(version), "%d", 100 + i);
        scene_put(sc, "b", version, "sealway", "");
        scene_serve(sc, "a b");
        scene_look(sc);
        for (struct kuberequest *r; (r = scene_flying(sc, 0)) != NULL;) {
            bool is_a = strstr(r->path, "/a/") != NULL;

            of_a += is_a;
            scene_answer(sc, r, is_a ? 500 : 200);
        }
        scene_later(sc, 1600);
    }
    assert_true(atomic_load(&statuswriter_stats(sc->w)->written) >= 30);
    assert_in_range(of_a, 4, 9);
    scene_end(sc);
}

static void those_that_fail_together_count_once(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", "");
    scene_put(sc, "b", "5", "sealway", "");
    scene_put(sc, "c", "5", "sealway", "");
    scene_serve(sc, "a b c");
    scene_look(sc);
    for (int i = 0; i < 3; i++) {
        scene_answer(sc, scene_flying(sc, 0), 503);
    }
    assert_in_range(due_in_ms(sc), 800, 1600);
    scene_end(sc);
}

static void a_request_there_is_no_memory_for_is_tried_again(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", "");
    scene_serve(sc, "a");
    sc->client.refuses_requests = true;
    scene_look(sc);
    assert_in_range(due_in_ms(sc), 100, 5000);
    sc->client.refuses_requests = false;
    scene_later(sc, due_in_ms(sc));
    scene_expect(scene_only(sc), "a", "5", OURS_JSON);
    scene_end(sc);
}

/* Whatever the server answers and somebody else writes meanwhile, in the end both have what they
 * want and it is quiet. */
static void with_another_writer_both_come_to_rest(void **state)
{
    static const int codes[] = {409, 500, 409, 200, 404, 0, 409, 429};
    struct scene *sc = begin_one();
    char version[16];

    (void)state;
    for (int i = 0; i < 24; i++) {
        struct kuberequest *r = scene_flying(sc, 0);

        if (r) {
            scene_answer(sc, r, codes[(size_t)i % ARRAY_LEN(codes)]);
        }
        snprintf(version, sizeof(version), "%d", 100 + i);
        scene_put(sc, "a", version, "sealway", "{hostname: others.test}");
        scene_look(sc);
        scene_later(sc, LONGEST_MS);
    }
    scene_expect(scene_only(sc), "a", version,
                 "[{\"hostname\":\"others.test\"},{\"ip\":\"192.0.2.1\"}]");
    scene_answer(sc, scene_only(sc), 200);
    scene_put(sc, "a", "200", "sealway", "{ip: 192.0.2.1}, {hostname: others.test}");
    scene_look(sc);
    assert_int_equal(scene_count_flying(sc), 0);
    assert_true(statuswriter_due_ms(sc->w) == UINT64_MAX);
    scene_end(sc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_not_written_again_before_the_watch_tells),
        cmocka_unit_test(a_conflict_is_tried_again_with_the_changed_object),
        cmocka_unit_test(a_conflict_the_watch_is_silent_about_is_tried_again),
        cmocka_unit_test(an_object_that_changed_before_the_conflict_was_told_is_written_at_once),
        cmocka_unit_test(an_object_that_became_right_meanwhile_is_let_go),
        cmocka_unit_test(an_object_that_is_gone_is_dropped),
        cmocka_unit_test(what_is_not_valid_is_told_once_and_waits_for_a_change),
        cmocka_unit_test(what_is_forbidden_is_told_with_the_rule_that_mends_it),
        cmocka_unit_test(after_trouble_all_wait_and_longer_each_time),
        cmocka_unit_test(as_long_as_the_server_asks_nothing_is_sent),
        cmocka_unit_test(an_ingress_that_fails_alone_does_not_hold_up_others),
        cmocka_unit_test(those_that_fail_together_count_once),
        cmocka_unit_test(a_request_there_is_no_memory_for_is_tried_again),
        cmocka_unit_test(with_another_writer_both_come_to_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
