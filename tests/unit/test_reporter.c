#include "controller/reporter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "controller/report.h"
#include "controller/serviceset.h"
#include "model/object.h"
#include "support/failalloc.h"

/** A receiver that keeps the newest report. */
struct world {
    struct controller_config cfg;
    struct reporter r;
    struct report *newest;
    unsigned n;
};

static const struct timespec then = {.tv_sec = 1000};

static void on_report(void *ctx, struct report *r)
{
    struct world *w = ctx;

    report_unref(w->newest);
    w->newest = r;
    w->n++;
}

static void begin(struct world *w)
{
    *w = (struct world){.cfg = {.report = on_report, .ctx = w}};
    reporter_init(&w->r, &w->cfg);
}

static void end(struct world *w)
{
    report_unref(w->newest);
    reporter_fini(&w->r);
}

/** What decoding says: one error in `file` at `line`. */
static void take_objects(struct world *w, const char *file, unsigned line)
{
    struct verdicts v;

    verdicts_init(&v);
    if (file) {
        verdicts_add_at(&v, file, line, VERDICT_ERROR, "ManifestBroken", "x");
    }
    reporter_take_objects(&w->r, &v);
    assert_int_equal(v.n, 0);
}

/** What translation says: that `host` has no backend. */
static void take_routes(struct world *w, const char *host)
{
    const struct objmeta about = {.kind = OBJECT_INGRESS, .ns = "shop", .name = "i", .file = ""};
    struct unserved u;
    struct verdicts v;

    verdicts_init(&v);
    unserved_init(&u);
    verdicts_add(&v, &about, 0, VERDICT_WARNING, "NoBackend", "nothing for %s", host);
    unserved_add_host(&u, &about, host, UNSERVED_NO_BACKEND, unserved_said(&v, 0));
    reporter_take_routes(&w->r, &v, &u);
    assert_int_equal(v.n + u.n_hosts, 0);
}

static void the_first_report_comes_even_if_there_is_nothing_to_say(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    assert_int_equal(reporter_send(&w.r, 1, &then), 0);
    assert_int_equal(w.n, 1);
    assert_int_equal(w.newest->generation, 1);
    assert_int_equal(w.newest->published.tv_sec, 1000);
    end(&w);
}

static void a_report_that_would_say_the_same_is_not_made(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    take_objects(&w, "a.yaml", 1);
    take_routes(&w, "a.test");
    assert_int_equal(reporter_send(&w.r, 1, &then), 0);
    take_objects(&w, "a.yaml", 1);
    take_routes(&w, "a.test");
    assert_int_equal(reporter_send(&w.r, 1, &then), 0);
    assert_int_equal(w.n, 1);
    end(&w);
}

static void any_difference_makes_a_new_one(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    take_routes(&w, "a.test");
    assert_int_equal(reporter_send(&w.r, 1, &then), 0);
    assert_int_equal(reporter_send(&w.r, 2, &then), 0);
    assert_int_equal(w.n, 2);
    take_objects(&w, "a.yaml", 1);
    assert_int_equal(reporter_send(&w.r, 2, &then), 0);
    assert_int_equal(w.newest->n_verdicts, 2);
    take_objects(&w, "a.yaml", 2);
    assert_int_equal(reporter_send(&w.r, 2, &then), 0);
    assert_int_equal(w.n, 4);
    take_objects(&w, NULL, 0);
    take_routes(&w, "b.test");
    assert_int_equal(reporter_send(&w.r, 2, &then), 0);
    assert_int_equal(w.n, 5);
    assert_string_equal(w.newest->hosts[0].host, "b.test");
    assert_int_equal(w.newest->hosts[0].verdict, 0);
    end(&w);
}

/* What was said of one Ingress is replaced, and what was said of another stands. */
static void words_about_a_part_take_the_place_of_earlier_ones(void **state)
{
    const struct siphash_key key = {{1, 2}};
    const struct objmeta one = {.ns = "shop", .name = "i", .file = ""},
                         two = {.ns = "shop", .name = "k", .file = ""};
    struct retranslate_part part;
    struct unserved u;
    struct verdicts v;
    struct world w;

    (void)state;
    begin(&w);
    serviceset_init(&part.ingresses, &key);
    serviceset_init(&part.services, &key);
    verdicts_init(&v);
    unserved_init(&u);
    verdicts_add(&v, &one, 0, VERDICT_WARNING, "NoBackend", "one");
    verdicts_add(&v, &two, 0, VERDICT_WARNING, "NoBackend", "two");
    reporter_take_routes(&w.r, &v, &u);
    reporter_amend_routes(&w.r, &part, &v, &u); /* nobody: nothing changes */
    assert_int_equal(w.r.routes.n, 2);
    serviceset_add(&part.ingresses, "shop", "i");
    verdicts_add(&v, &one, 0, VERDICT_ERROR, "ServicePortNotFound", "other");
    unserved_add_host(&u, &one, "a.test", UNSERVED_NO_BACKEND, v.items[0].message);
    reporter_amend_routes(&w.r, &part, &v, &u);
    assert_int_equal(v.n, 0);
    assert_int_equal(w.r.routes.n, 2);
    assert_int_equal(w.r.routes.errors, 1);
    assert_int_equal(w.r.routes.warnings, 1);
    assert_string_equal(w.r.routes.items[0].message, "other");
    assert_string_equal(w.r.routes.items[1].message, "two");
    assert_ptr_equal(w.r.unserved.hosts[0].said, w.r.routes.items[0].message);
    retranslate_part_fini(&part);
    end(&w);
}

static void say(struct verdicts *v, struct unserved *u, const char *ingress)
{
    const struct objmeta about = {
        .kind = OBJECT_INGRESS, .ns = "shop", .name = ingress, .file = ""};
    size_t before = v->n;

    verdicts_add(v, &about, 0, VERDICT_WARNING, "NoBackend", "nothing for %zu", before);
    unserved_add_host(u, &about, "a.test", UNSERVED_NO_BACKEND, unserved_said(v, before));
}

static void assert_all_stand(const struct reporter *r)
{
    for (size_t i = 0; i < r->unserved.n_hosts; i++) {
        const char *said = r->unserved.hosts[i].said;
        size_t k = 0;

        while (said && k < r->routes.n && r->routes.items[k].message != said) {
            k++;
        }
        assert_true(!said || k < r->routes.n);
    }
}

/** So much is said of an Ingress that what stands has to grow. */
static void amend_in_want(void *ctx)
{
    struct unserved u;
    struct verdicts v;
    struct world w;

    begin(&w);
    verdicts_init(&v);
    unserved_init(&u);
    for (unsigned i = 0; i < 6; i++) {
        say(&v, &u, i == 0 ? "i" : "k");
    }
    reporter_take_routes(&w.r, &v, &u);
    for (unsigned i = 0; i < 20; i++) {
        say(&v, &u, "i");
    }
    reporter_amend_routes(&w.r, ctx, &v, &u);
    assert_int_equal(v.n + u.n_hosts, 0);
    assert_all_stand(&w.r);
    assert_true(w.r.routes.n == 25 || w.r.routes.lost);
    assert_true(w.r.unserved.n_hosts == 25 || w.r.unserved.lost);
    if (reporter_send(&w.r, 1, &then) == 0) {
        assert_int_equal(w.n, 1);
    }
    verdicts_fini(&v);
    unserved_fini(&u);
    end(&w);
}

static void without_memory_nothing_points_to_words_that_are_gone(void **state)
{
    const struct siphash_key key = {{1, 2}};
    struct retranslate_part part;

    (void)state;
    serviceset_init(&part.ingresses, &key);
    serviceset_init(&part.services, &key);
    serviceset_add(&part.ingresses, "shop", "i");
    assert_true(failalloc_torture(amend_in_want, &part) > 40);
    retranslate_part_fini(&part);
}

static void nobody_need_want_reports(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    w.cfg.report = NULL;
    assert_int_equal(reporter_send(&w.r, 1, &then), 0);
    assert_int_equal(w.n, 0);
    end(&w);
}

static void send_in_want(void *ctx)
{
    struct world *w = ctx;
    unsigned before = w->n;

    if (reporter_send(&w->r, w->r.sent + 1, &then) != 0) {
        assert_int_equal(w->n, before);
    } else {
        assert_int_equal(w->n, before + 1);
    }
}

static void what_could_not_be_sent_for_memory_is_sent_the_next_time(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    take_objects(&w, "a.yaml", 1);
    take_routes(&w, "a.test");
    failalloc_arm(1);
    assert_int_equal(reporter_send(&w.r, 1, &then), -ENOMEM);
    assert_true(failalloc_disarm());
    assert_int_equal(w.n, 0);
    assert_int_equal(reporter_send(&w.r, 1, &then), 0);
    assert_int_equal(w.n, 1);
    assert_true(failalloc_torture(send_in_want, &w) > 10);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_report_comes_even_if_there_is_nothing_to_say),
        cmocka_unit_test(a_report_that_would_say_the_same_is_not_made),
        cmocka_unit_test(any_difference_makes_a_new_one),
        cmocka_unit_test(words_about_a_part_take_the_place_of_earlier_ones),
        cmocka_unit_test(without_memory_nothing_points_to_words_that_are_gone),
        cmocka_unit_test(nobody_need_want_reports),
        cmocka_unit_test(what_could_not_be_sent_for_memory_is_sent_the_next_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
