#include "statuswriter_fixture.h"

#include <stdatomic.h>

#include "support/failalloc.h"

#define OURS_IS   "{ip: 192.0.2.1}"
#define OURS_JSON "[{\"ip\":\"192.0.2.1\"}]"

static void the_owner_of_a_route_gets_the_addresses(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", "");
    scene_put(sc, "b", "6", "sealway", "");
    scene_serve(sc, "a");
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "5", OURS_JSON);
    scene_end(sc);
}

static void what_is_right_is_not_written(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", OURS_IS);
    scene_put(sc, "b", "6", "sealway", "{hostname: others.test}, {ip: 192.0.2.1}");
    scene_serve(sc, "a b");
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    assert_true(statuswriter_due_ms(sc->w) == UINT64_MAX);
    scene_end(sc);
}

static void entries_of_others_stay(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", "{hostname: others.test}");
    scene_put(sc, "b", "6", "sealway", "{ip: 198.51.100.1, ports: [{port: 1}]}, " OURS_IS);
    scene_serve(sc, "a");
    scene_look(sc);
    scene_expect(scene_flying(sc, 0), "a", "5",
                 "[{\"hostname\":\"others.test\"},{\"ip\":\"192.0.2.1\"}]");
    scene_expect(scene_flying(sc, 1), "b", "6",
                 "[{\"ip\":\"198.51.100.1\",\"ports\":[{\"port\":1}]}]");
    scene_end(sc);
}

static void an_ingress_no_longer_served_loses_ours(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", OURS_IS);
    scene_serve(sc, "a");
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    scene_serve(sc, "");
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "5", "null");
    scene_end(sc);
}

static void a_class_of_another_controller_is_never_touched(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "nginx", "");
    scene_put(sc, "b", "6", "nginx", OURS_IS);
    scene_serve(sc, "a");
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    scene_end(sc);
}

static void an_unknown_class_is_touched_only_when_it_was_served(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "elsewhere", OURS_IS);
    scene_put(sc, "b", "6", "elsewhere", OURS_IS);
    scene_serve(sc, "a");
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    scene_serve(sc, "");
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "5", "null");
    scene_end(sc);
}

static void without_an_address_nothing_is_written_or_taken_away(void **state)
{
    struct statuswriter_config cfg = {.controller_class = SCENE_CONTROLLER,
                                      .publish_service = "sys/lb"};
    struct scene *sc = scene_begin_with(&cfg);

    (void)state;
    scene_put(sc, "a", "5", "sealway", "");
    scene_put(sc, "b", "6", "sealway", OURS_IS);
    scene_serve(sc, "a");
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    assert_int_equal(scene_lines(sc, "there is no Service to publish"), 1);
    scene_end(sc);
}

static void put_service(struct scene *sc, const char *ip)
{
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: v1\nkind: Service\nmetadata: {namespace: sys, name: lb}\n"
             "spec: {type: LoadBalancer, ports: [{port: 443}]}\n"
             "status: {loadBalancer: {ingress: [%s]}}\n",
             ip);
    objects_put(sc->store, yaml);
}

static void a_published_address_that_changes_takes_the_place_of_the_old(void **state)
{
    struct statuswriter_config cfg = {.controller_class = SCENE_CONTROLLER,
                                      .publish_service = "sys/lb"};
    struct scene *sc = scene_begin_with(&cfg);

    (void)state;
    scene_put(sc, "a", "5", "sealway", "{hostname: others.test}");
    scene_serve(sc, "a");
    put_service(sc, OURS_IS);
    scene_look(sc);
    scene_answer(sc, scene_only(sc), 200);
    scene_put(sc, "a", "6", "sealway", "{hostname: others.test}, " OURS_IS);
    put_service(sc, "{ip: 192.0.2.9}");
    scene_look(sc);
    scene_expect(scene_only(sc), "a", "6",
                 "[{\"hostname\":\"others.test\"},{\"ip\":\"192.0.2.9\"}]");
    scene_end(sc);
}

static void what_waits_is_dropped_when_it_is_right_or_gone(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    statuswriter_allow(sc->w, false);
    scene_put(sc, "a", "5", "sealway", "");
    scene_put(sc, "b", "6", "sealway", "");
    scene_serve(sc, "a b");
    scene_look(sc);
    scene_put(sc, "a", "7", "sealway", OURS_IS);
    assert_true(store_remove(sc->store, OBJECT_INGRESS, "shop", "b"));
    scene_look(sc);
    statuswriter_allow(sc->w, true);
    assert_true(statuswriter_due_ms(sc->w) == UINT64_MAX);
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    scene_end(sc);
}

static void the_write_of_an_ingress_that_goes_is_cancelled(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", "");
    scene_serve(sc, "a");
    scene_look(sc);
    assert_true(store_remove(sc->store, OBJECT_INGRESS, "shop", "a"));
    scene_look(sc);
    assert_true(sc->client.requests[0]->is_cancelled);
    scene_end(sc);
}

static void only_who_may_writes_and_stops_at_once(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    statuswriter_allow(sc->w, false);
    scene_put(sc, "a", "5", "sealway", "");
    scene_serve(sc, "a");
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    assert_true(statuswriter_due_ms(sc->w) == UINT64_MAX);
    statuswriter_allow(sc->w, true);
    assert_true(statuswriter_due_ms(sc->w) <= scene_now_ms);
    scene_later(sc, 0);
    assert_int_equal(scene_count_flying(sc), 1);
    statuswriter_allow(sc->w, false);
    assert_true(sc->client.requests[0]->is_cancelled);
    scene_later(sc, 60000);
    assert_int_equal(sc->client.n, 1);
    statuswriter_allow(sc->w, true); /* whether it was written is not known */
    scene_later(sc, 0);
    scene_expect(scene_only(sc), "a", "5", OURS_JSON);
    scene_end(sc);
}

static void before_there_is_a_table_nothing_is_wanted(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "5", "sealway", OURS_IS);
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    scene_end(sc);
}

static void an_object_without_a_version_is_left_alone(void **state)
{
    struct scene *sc = scene_begin();

    (void)state;
    scene_put(sc, "a", "", "sealway", "");
    scene_serve(sc, "a");
    scene_look(sc);
    assert_int_equal(sc->client.n, 0);
    scene_end(sc);
}

static void few_are_under_way_and_few_a_second(void **state)
{
    struct scene *sc = scene_begin();
    char name[16], names[600] = "";
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "i%d", i);
        scene_put(sc, name, "5", "sealway", "");
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ", name);
    }
    scene_serve(sc, names);
    scene_look(sc);
    while (scene_count_flying(sc) > 0) {
        assert_true(scene_count_flying(sc) <= STATUSWRITER_FLIGHTS);
        scene_answer(sc, scene_flying(sc, 0), 200);
        n++;
    }
    assert_int_equal(n, STATUSWRITER_BURST);
    for (; n < 60; n++) {
        uint64_t due_ms = statuswriter_due_ms(sc->w);

        assert_int_equal(due_ms, scene_now_ms + 1000 / STATUSWRITER_PER_S);
        scene_later(sc, due_ms - scene_now_ms);
        scene_answer(sc, scene_only(sc), 200);
    }
    assert_true(statuswriter_due_ms(sc->w) == UINT64_MAX);
    assert_int_equal(atomic_load(&statuswriter_stats(sc->w)->written), 60);
    scene_end(sc);
}

/* Everything that is made, once; whatever memory is missing. */
static void write_once(void *ctx)
{
    struct scene *sc = ctx;
    struct statuswriter_config cfg = scene_config(sc);

    cfg.publish_service = "sys/lb";
    cfg.n_publish_addresses = 0;
    sc->w = statuswriter_new(&cfg);
    if (sc->w) {
        statuswriter_allow(sc->w, true);
        assert_true(statuswriter_owes_look(sc->w));
        scene_look(sc);
        if (statuswriter_owes_look(sc->w)) {
            scene_look(sc);
        }
        assert_false(statuswriter_owes_look(sc->w));
        scene_later(sc, 1000);
        for (struct kuberequest *r; (r = scene_flying(sc, 0)) != NULL;) {
            scene_answer(sc, r, 200);
        }
        assert_int_equal(sc->client.n, 2); /* one failure was overcome */
    }
    statuswriter_free(sc->w);
    sc->w = NULL;
    scene_forget_requests(sc);
}

static void without_memory_it_is_written_later(void **state)
{
    struct scene *sc = scene_new();

    (void)state;
    put_service(sc, OURS_IS);
    scene_put(sc, "a", "5", "sealway", "");
    scene_put(sc, "b", "6", "sealway", OURS_IS);
    scene_serve(sc, "a");
    assert_true(failalloc_torture(write_once, sc) > 15);
    scene_end(sc);
}

static void nobody_is_no_writer(void **state)
{
    (void)state;
    statuswriter_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_of_a_route_gets_the_addresses),
        cmocka_unit_test(what_is_right_is_not_written),
        cmocka_unit_test(entries_of_others_stay),
        cmocka_unit_test(an_ingress_no_longer_served_loses_ours),
        cmocka_unit_test(a_class_of_another_controller_is_never_touched),
        cmocka_unit_test(an_unknown_class_is_touched_only_when_it_was_served),
        cmocka_unit_test(without_an_address_nothing_is_written_or_taken_away),
        cmocka_unit_test(a_published_address_that_changes_takes_the_place_of_the_old),
        cmocka_unit_test(what_waits_is_dropped_when_it_is_right_or_gone),
        cmocka_unit_test(the_write_of_an_ingress_that_goes_is_cancelled),
        cmocka_unit_test(only_who_may_writes_and_stops_at_once),
        cmocka_unit_test(before_there_is_a_table_nothing_is_wanted),
        cmocka_unit_test(an_object_without_a_version_is_left_alone),
        cmocka_unit_test(few_are_under_way_and_few_a_second),
        cmocka_unit_test(without_memory_it_is_written_later),
        cmocka_unit_test(nobody_is_no_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
