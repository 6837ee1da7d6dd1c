#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <sys/resource.h>

#include "app/view.h"
#include "controller/report.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/proxy_fixture.h"

#define PUTS 20000

struct scene {
    struct proxy_fixture f; /* sees at its end that nobody holds a table */
    struct event_base *base;
    struct view view;
};

static int setup(void **state)
{
    static struct scene s;

    proxy_fixture_init(&s.f);
    s.base = event_base_new();
    assert_non_null(s.base);
    assert_int_equal(view_init(&s.view, s.base), 0);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    view_fini(&s->view);
    event_base_free(s->base);
    proxy_fixture_fini(&s->f);
    return 0;
}

static struct report *new_report(uint64_t generation)
{
    const struct verdicts none = {0};
    const struct unserved nobody = {0};
    const struct report_source from = {
        .generation = generation, .files = &none, .routes = &none, .unserved = &nobody};
    struct report *r = report_new(&from);

    assert_non_null(r);
    return r;
}

static void turn(struct scene *s)
{
    assert_in_range(event_base_loop(s->base, EVLOOP_NONBLOCK), 0, 1);
}

static void there_is_nothing_before_something_is_put(void **state)
{
    struct scene *s = *state;

    turn(s);
    view_refresh(&s->view);
    assert_null(s->view.table);
    assert_null(s->view.report);
}

static void what_is_put_is_seen_when_the_loop_turns(void **state)
{
    struct scene *s = *state;
    struct table *t = proxy_fixture_simple(&s->f);

    view_put_table(&s->view, table_ref(t));
    view_put_report(&s->view, new_report(7));
    assert_null(s->view.table);
    turn(s);
    assert_ptr_equal(s->view.table, t);
    assert_int_equal(s->view.report->generation, 7);
}

static void only_the_newest_is_kept_and_the_others_are_given_back(void **state)
{
    struct scene *s = *state;
    struct proxy_fixture *f = &s->f;

    for (int i = 0; i < 6; i++) {
        view_put_table(&s->view, table_ref(proxy_fixture_simple(f)));
        view_put_report(&s->view, new_report((uint64_t)i));
        if (i == 2) {
            view_refresh(&s->view); /* this one was seen, those before were not */
            assert_ptr_equal(s->view.table, f->tables[2]);
        }
    }
    view_refresh(&s->view);
    assert_ptr_equal(s->view.table, f->tables[5]);
    assert_int_equal(s->view.report->generation, 5);
    for (; f->n_tables > 1; f->n_tables--) {
        struct table *old = f->tables[f->n_tables - 2];

        f->tables[f->n_tables - 2] = f->tables[f->n_tables - 1];
        table_unref(old);
        assert_true(table_free_if_unused(old));
    }
    table_unref(f->tables[0]);
    assert_false(table_free_if_unused(f->tables[0])); /* the view's */
    (void)table_ref(f->tables[0]);
}

static void a_table_may_come_without_a_report_and_a_report_without_a_table(void **state)
{
    struct scene *s = *state;

    view_put_table(&s->view, table_ref(proxy_fixture_simple(&s->f)));
    view_refresh(&s->view);
    assert_null(s->view.report);
    view_put_report(&s->view, new_report(1));
    view_refresh(&s->view);
    view_put_report(&s->view, new_report(2));
    view_refresh(&s->view);
    assert_ptr_equal(s->view.table, s->f.tables[0]);
    assert_int_equal(s->view.report->generation, 2);
}

static void what_nobody_looked_at_is_given_back_at_the_end(void **state)
{
    struct scene *s = *state;

    view_put_table(&s->view, table_ref(proxy_fixture_simple(&s->f)));
    view_put_report(&s->view, new_report(1));
    view_fini(&s->view);
    view_fini(&s->view);
    assert_null(s->view.table);
}

static void *put_many(void *ctx)
{
    struct scene *s = ctx;

    for (uint64_t i = 1; i <= PUTS; i++) {
        view_put_table(&s->view, table_ref(s->f.tables[i % 2]));
        view_put_report(&s->view, new_report(i));
    }
    return NULL;
}

static void another_thread_may_put_while_this_one_looks(void **state)
{
    struct scene *s = *state;
    uint64_t seen = 0;
    pthread_t thread;

    (void)proxy_fixture_simple(&s->f);
    (void)proxy_fixture_simple(&s->f);
    assert_int_equal(pthread_create(&thread, NULL, put_many, s), 0);
    while (seen < PUTS) {
        turn(s);
        if (s->view.report != NULL) {
            assert_true(s->view.report->generation >= seen);
            seen = s->view.report->generation;
        }
        assert_true(s->view.table == NULL || table_generation(s->view.table) <= 2);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void open_in_want(void *ctx)
{
    struct scene *s = ctx;
    struct view v;

    if (view_init(&v, s->base) == 0) {
        view_put_table(&v, table_ref(s->f.tables[0]));
        turn(s);
    }
    view_fini(&v);
}

static void lacking_memory_it_opens_not_and_leaks_nothing(void **state)
{
    struct scene *s = *state;

    (void)proxy_fixture_simple(&s->f);
    assert_true(failalloc_torture(open_in_want, s) >= 2);
}

static void lacking_descriptors_it_opens_not(void **state)
{
    struct scene *s = *state;
    struct rlimit before, none;
    struct view v;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_true(view_init(&v, s->base) < 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    view_fini(&v);
    v = VIEW_NONE;
    view_fini(&v);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(there_is_nothing_before_something_is_put),
        T(what_is_put_is_seen_when_the_loop_turns),
        T(only_the_newest_is_kept_and_the_others_are_given_back),
        T(a_table_may_come_without_a_report_and_a_report_without_a_table),
        T(what_nobody_looked_at_is_given_back_at_the_end),
        T(another_thread_may_put_while_this_one_looks),
        T(lacking_memory_it_opens_not_and_leaks_nothing),
        T(lacking_descriptors_it_opens_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
