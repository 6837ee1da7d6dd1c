#include "controller/publisher.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "controller/unserved.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/objects.h"

#define NOTICED_US 4711

#define ROUTED               OUR_CLASS INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443")))
#define WEB(ip)              SERVED("shop", "web", ip)
#define WEB_SLICE(endpoints) HTTPS_SLICE("shop", "web-1", "web", endpoints)

/** A receiver that keeps what it gets. */
struct kept {
    struct controller_config cfg;
    struct publisher p;
    struct store *store;
    struct table *got[8];
    size_t n;
};

static void on_table(void *ctx, struct table *t, uint64_t noticed_us)
{
    struct kept *k = ctx;

    assert_int_equal(noticed_us, NOTICED_US);

    assert_true(k->n < ARRAY_LEN(k->got));
    k->got[k->n++] = t;
}

static void begin(struct kept *k, const char *yaml)
{
    *k = (struct kept){.store = objects_store(yaml)};
    k->cfg.translate.controller_class = "sealway.io/ingress-controller";
    k->cfg.publish = on_table;
    k->cfg.ctx = k;
    assert_int_equal(publisher_init(&k->p, &k->cfg), 0);
}

static void end(struct kept *k)
{
    for (size_t i = 0; i < k->n; i++) {
        table_unref(k->got[i]);
    }
    publisher_fini(&k->p);
    store_free(k->store);
}

static struct publisher_round update_round(struct kept *k)
{
    struct verdicts v;
    struct publisher_round round = {.verdicts = &v, .noticed_us = NOTICED_US};

    verdicts_init(&v);
    assert_int_equal(publisher_update(&k->p, k->store, &round), 0);
    if (round.is_part) {
        retranslate_part_fini(&round.part);
    }
    verdicts_fini(&v);
    return round;
}

static bool update(struct kept *k)
{
    return update_round(k).published;
}

/** An update as the controller's rounds have it, of a part or of all. */
static void expect_update(struct kept *k, bool is_part, bool published)
{
    struct publisher_round round = update_round(k);

    store_forget_changes(k->store);
    assert_int_equal(round.is_part, is_part);
    assert_int_equal(round.published, published);
}

static void the_first_table_is_generation_one_even_if_empty(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, OUR_CLASS);
    assert_true(update(&k));
    assert_int_equal(k.n, 1);
    assert_int_equal(table_generation(k.got[0]), 1);
    assert_true(k.p.published.tv_sec > 0);
    end(&k);
}

static void an_equal_table_is_not_published(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    assert_true(update(&k));
    assert_false(update(&k));
    objects_put(k.store, WEB("10.0.0.1"));
    assert_false(update(&k));
    objects_put(k.store, WEB("10.0.0.2"));
    assert_true(update(&k));
    assert_int_equal(k.n, 2);
    assert_int_equal(table_generation(k.got[1]), 2);
    end(&k);
}

static void a_retired_table_lives_as_long_as_somebody_holds_it(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    assert_true(update(&k));
    objects_put(k.store, WEB("10.0.0.2"));
    assert_true(update(&k));
    assert_int_equal(k.p.n_retired, 1);
    publisher_sweep(&k.p);
    assert_int_equal(k.p.n_retired, 1);
    assert_int_equal(table_generation(k.got[0]), 1);
    table_unref(k.got[0]);
    k.got[0] = k.got[--k.n];
    publisher_sweep(&k.p);
    assert_int_equal(k.p.n_retired, 0);
    end(&k);
}

static void endpoints_are_counted_once_per_pool(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, OUR_CLASS SERVICE("shop", "web", HTTPS_PORT)
                  HTTPS_SLICE("shop", "w", "web", READY("10.0.0.1") ", " READY("10.0.0.2"))
                      SERVED("shop", "api", "10.0.0.3")
                          INGRESS("shop", "i", "",
                                  OURS RULES(HOST("a.test", "web", "number: 443") ", " HOST(
                                      "b.test", "web", "number: 443") ", " HOST("c.test", "api",
                                                                                "number: 443"))));
    assert_true(update(&k));
    assert_int_equal(table_endpoints(k.p.current), 3);
    end(&k);
}

static void of_endpoints_alone_the_routes_stay_where_they_are(void **state)
{
    const struct route *routes;
    struct kept k;
    size_t n;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    expect_update(&k, false, true);
    routes = table_routes(k.got[0], &n);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.2") ", " READY("10.0.0.3")));
    expect_update(&k, true, true);
    assert_int_equal(table_generation(k.got[1]), 2);
    assert_ptr_equal(k.p.current, k.got[1]);
    assert_ptr_equal(table_routes(k.got[1], &n), routes);
    assert_int_equal(table_endpoints(k.got[1]), 2);
    assert_int_equal(table_endpoints(k.got[0]), 1);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.3") ", " READY("10.0.0.2")));
    expect_update(&k, true, false); /* the same ones */
    objects_put(k.store, WEB("10.0.0.4"));
    expect_update(&k, true, true); /* the Service, too */
    assert_int_equal(table_generation(k.got[2]), 3);
    assert_true(table_routes(k.got[2], &n) != routes);
    end(&k);
}

static void a_service_without_endpoints_is_a_matter_of_those_who_name_it(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    expect_update(&k, false, true);
    objects_put(k.store, WEB_SLICE(""));
    expect_update(&k, true, true);
    objects_put(k.store, WEB_SLICE(""));
    expect_update(&k, true, false);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.1")));
    expect_update(&k, true, true);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.2")));
    expect_update(&k, true, true);
    end(&k);
}

static void words_that_were_lost_are_said_again_with_the_next_change(void **state)
{
    struct kept k;
    struct verdicts v;
    struct publisher_round round = {.verdicts = &v, .noticed_us = NOTICED_US};

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    verdicts_init(&v);
    v.lost = true;
    assert_int_equal(publisher_update(&k.p, k.store, &round), 0);
    store_forget_changes(k.store);
    verdicts_fini(&v);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.2")));
    expect_update(&k, false, true);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.3")));
    expect_update(&k, true, true);
    end(&k);
}

static void there_is_no_first_table_of_endpoints_alone(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    store_forget_changes(k.store);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.2")));
    expect_update(&k, false, true);
    end(&k);
}

static void amended_tables_go_in_any_order(void **state)
{
    char slice[512];
    struct kept k;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    expect_update(&k, false, true);
    for (unsigned i = 2; i < 7; i++) {
        snprintf(slice, sizeof(slice), WEB_SLICE(READY("10.0.0.%u")), i);
        objects_put(k.store, slice);
        expect_update(&k, true, true);
    }
    assert_int_equal(k.p.n_retired, 5);
    table_unref(k.got[2]);
    table_unref(k.got[0]);
    publisher_sweep(&k.p);
    assert_int_equal(k.p.n_retired, 3);
    table_unref(k.got[4]);
    publisher_sweep(&k.p);
    assert_int_equal(k.p.n_retired, 2);
    assert_int_equal(table_endpoints(k.got[1]) + table_endpoints(k.got[3]), 2);
    k.got[0] = k.got[1];
    k.got[1] = k.got[3];
    k.got[2] = k.got[5];
    k.n = 3;
    end(&k);
}

/** The table that is current stays so whenever a new one cannot be made. */
static void update_in_want(void *ctx)
{
    struct kept *k = ctx;
    uint64_t generation = k->p.generation;
    size_t n = k->n;
    struct unserved u;
    struct verdicts v;
    struct publisher_round round = {.verdicts = &v, .unserved = &u, .noticed_us = NOTICED_US};
    int rc;

    verdicts_init(&v);
    unserved_init(&u);
    rc = publisher_update(&k->p, k->store, &round);
    unserved_fini(&u);
    verdicts_fini(&v);
    if (rc != 0) {
        assert_false(round.published);
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(k->p.generation, generation);
        assert_int_equal(k->n, n);
    }
}

static void out_of_memory_anywhere_keeps_the_current_table(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    assert_true(update(&k));
    objects_put(k.store, WEB("10.0.0.2"));
    assert_true(failalloc_torture(update_in_want, &k) > 5);
    assert_int_equal(k.n, 2);
    end(&k);
}

static void out_of_memory_the_endpoints_that_changed_are_found_again(void **state)
{
    struct kept k;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    expect_update(&k, false, true);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.2")));
    assert_true(failalloc_torture(update_in_want, &k) > 5);
    assert_int_equal(k.n, 2);
    assert_int_equal(table_generation(k.got[1]), 2);
    expect_update(&k, true, false);
    objects_put(k.store, WEB_SLICE(READY("10.0.0.3")));
    failalloc_arm(1);
    update_in_want(&k); /* and translates no whole instead, which takes even more */
    assert_true(failalloc_disarm());
    assert_int_equal(k.n, 2);
    expect_update(&k, true, true);
    end(&k);
}

/** A whole translation that fails leaves what the one before said, for a refill to go by. */
static void what_was_said_before_a_failure_stands(void **state)
{
    struct kept k;
    size_t n;

    (void)state;
    begin(&k, ROUTED WEB("10.0.0.1"));
    objects_put(k.store, WEB_SLICE(READY("224.0.0.1"))); /* refused, which is said of the slice */
    expect_update(&k, false, true);
    n = k.p.worded.n;
    assert_true(n > 0);
    objects_put(k.store, WEB("10.0.0.2"));
    for (size_t nth = 1; k.n == 1; nth++) {
        assert_int_equal(k.p.worded.n, n);
        failalloc_arm(nth);
        update_in_want(&k);
        (void)failalloc_disarm();
    }
    assert_int_equal(k.p.worded.n, 0);
    end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_table_is_generation_one_even_if_empty),
        cmocka_unit_test(an_equal_table_is_not_published),
        cmocka_unit_test(a_retired_table_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(endpoints_are_counted_once_per_pool),
        cmocka_unit_test(of_endpoints_alone_the_routes_stay_where_they_are),
        cmocka_unit_test(a_service_without_endpoints_is_a_matter_of_those_who_name_it),
        cmocka_unit_test(words_that_were_lost_are_said_again_with_the_next_change),
        cmocka_unit_test(there_is_no_first_table_of_endpoints_alone),
        cmocka_unit_test(amended_tables_go_in_any_order),
        cmocka_unit_test(out_of_memory_anywhere_keeps_the_current_table),
        cmocka_unit_test(out_of_memory_the_endpoints_that_changed_are_found_again),
        cmocka_unit_test(what_was_said_before_a_failure_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
