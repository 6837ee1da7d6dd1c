#include "controller/publisher.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/unserved.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/objects.h"

#define NOTICED_US 4711

#define ROUTED  OUR_CLASS INGRESS("shop", "i", "", OURS RULES(HOST("a.test", "web", "number: 443")))
#define WEB(ip) SERVED("shop", "web", ip)

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

static bool update(struct kept *k)
{
    struct verdicts v;
    struct publisher_round round = {.verdicts = &v, .noticed_us = NOTICED_US};

    verdicts_init(&v);
    assert_int_equal(publisher_update(&k->p, k->store, &round), 0);
    verdicts_fini(&v);
    return round.published;
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
    assert_int_equal(publisher_count_endpoints(&k.p), 0);
    assert_true(update(&k));
    assert_int_equal(publisher_count_endpoints(&k.p), 3);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_table_is_generation_one_even_if_empty),
        cmocka_unit_test(an_equal_table_is_not_published),
        cmocka_unit_test(a_retired_table_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(endpoints_are_counted_once_per_pool),
        cmocka_unit_test(out_of_memory_anywhere_keeps_the_current_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
