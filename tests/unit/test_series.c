#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "route/series.h"
#include "route_fixture.h"
#include "support/failalloc.h"

#define WRITERS 4u
#define CELLS   48u /* about what the data plane has */

static struct registry *registry;

static int setup(void **state)
{
    (void)state;
    registry = registry_new(WRITERS, CELLS);
    return registry != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    registry_free(registry);
    return 0;
}

static struct route_state *route(const char *host, const char *ingress, const char *service)
{
    const struct route_key key = {host, "shop", ingress, service, "https"};
    struct route_state *s = registry_route(registry, &key);

    assert_non_null(s);
    return s;
}

static void drop(struct route_state *s)
{
    registry_route_release(registry, s);
    (void)registry_sweep(registry);
}

/* One writer adds to one cell, as workers do. */
static void count(struct route_state *s, unsigned writer, size_t cell, uint64_t n)
{
    _Atomic uint64_t *cells = series_cells(s->series, writer, CELLS);

    assert_non_null(cells);
    atomic_store_explicit(&cells[cell],
                          atomic_load_explicit(&cells[cell], memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static struct series_snapshot snapshot(void)
{
    struct series_snapshot s;

    assert_int_equal(registry_series_snapshot(registry, &s), 0);
    return s;
}

static const struct series_sum *find(const struct series_snapshot *s, const char *ingress)
{
    for (size_t i = 0; i < s->n_series; i++) {
        if (strcmp(s->series[i].ingress, ingress) == 0) {
            return &s->series[i];
        }
    }
    return NULL;
}

static void hosts_and_ports_of_a_service_share_a_series(void **state)
{
    struct route_state *a = route("a.test", "web", "svc"), *b = route("b.test", "web", "svc");
    struct route_state *other = route("a.test", "web", "svc2"), *third = route("", "web2", "svc");
    struct series_snapshot s;

    (void)state;
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a->series, b->series);
    assert_ptr_not_equal(a->series, other->series);
    assert_ptr_not_equal(a->series, third->series);
    count(a, 0, 3, 5);
    count(b, 0, 3, 7);
    s = snapshot();
    assert_int_equal(s.n_series, 1); /* the others have counted nothing */
    assert_string_equal(s.series[0].ns, "shop");
    assert_string_equal(s.series[0].ingress, "web");
    assert_string_equal(s.series[0].service, "svc");
    assert_int_equal(s.series[0].cells[3], 12);
    series_snapshot_fini(&s);
    series_snapshot_fini(&s);
}

static void texts_do_not_run_into_each_other(void **state)
{
    struct route_key keys[] = {{"a.test", "ab", "c", "d", "1"},
                               {"a.test", "a", "bc", "d", "1"},
                               {"a.test", "a", "b", "cd", "1"}};
    struct route_state *s[3];

    (void)state;
    assert_int_equal(registry_routes(registry, keys, 3, s), 0);
    assert_ptr_not_equal(s[0]->series, s[1]->series);
    assert_ptr_not_equal(s[1]->series, s[2]->series);
    assert_ptr_not_equal(s[0]->series, s[2]->series);
}

static void without_writers_or_cells_nothing_is_counted(void **state)
{
    const unsigned sizes[][2] = {{0, 0}, {0, 7}, {4, 0}};
    const struct route_key key = {"a.test", "shop", "web", "svc", "https"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct registry *none = registry_new(sizes[i][0], sizes[i][1]);
        struct series_snapshot s = {.n_series = 99, .n_cells = 99};
        assert_non_null(none);
        assert_null(registry_route(none, &key)->series);
        assert_null(series_cells(registry_route(none, &key)->series, 0, CELLS));
        assert_int_equal(registry_series_snapshot(none, &s), 0);
        assert_int_equal(s.n_series, 0);
        assert_int_equal(s.n_cells, 0);
        series_snapshot_fini(&s);
        registry_free(none);
    }
}

static void each_writer_has_cells_of_its_own_on_lines_of_their_own(void **state)
{
    struct route_state *r = route("a.test", "web", "svc");
    struct series_snapshot s;

    (void)state;
    for (unsigned w = 0; w < WRITERS; w++) {
        _Atomic uint64_t *cells = series_cells(r->series, w, CELLS);
        assert_non_null(cells);
        assert_int_equal((uintptr_t)cells % 64, 0);
        assert_ptr_equal(series_cells(r->series, w, CELLS), cells);
        for (unsigned before = 0; before < w; before++) {
            assert_ptr_not_equal(series_cells(r->series, before, CELLS), cells);
        }
        for (size_t i = 0; i < CELLS; i++) {
            assert_int_equal(cells[i], 0);
            count(r, w, i, (w + 1) * (i + 1));
        }
    }
    assert_null(series_cells(r->series, WRITERS, CELLS));
    s = snapshot();
    assert_int_equal(s.n_cells, CELLS);
    for (size_t i = 0; i < CELLS; i++) {
        assert_int_equal(s.series[0].cells[i], 10 * (i + 1));
        assert_int_equal(s.removed[i], 0);
    }
    series_snapshot_fini(&s);
}

static void what_leaves_is_kept_in_the_sum_of_the_removed(void **state)
{
    struct route_state *a = route("a.test", "gone", "svc"), *b = route("b.test", "gone", "svc");
    struct route_state *stays = route("a.test", "stays", "svc");
    struct series_snapshot s;

    (void)state;
    count(a, 0, 0, 1);
    count(a, 3, 0, 2);
    count(b, 1, 10, 4);
    count(stays, 0, 0, 8);
    drop(a);
    s = snapshot(); /* the other host keeps the series */
    assert_int_equal(find(&s, "gone")->cells[0], 3);
    assert_int_equal(s.removed[0], 0);
    drop(b);
    assert_string_equal(find(&s, "gone")->service, "svc"); /* a copy */
    series_snapshot_fini(&s);

    s = snapshot();
    assert_null(find(&s, "gone"));
    assert_int_equal(find(&s, "stays")->cells[0], 8);
    assert_int_equal(s.removed[0], 3);
    assert_int_equal(s.removed[10], 4);
    series_snapshot_fini(&s);

    count(route("a.test", "gone", "svc"), 0, 0, 16); /* comes back and begins anew */
    s = snapshot();
    assert_int_equal(find(&s, "gone")->cells[0], 16);
    assert_int_equal(s.removed[0], 3);
    series_snapshot_fini(&s);
}

static void a_running_connection_keeps_its_series(void **state)
{
    struct route_state *r = route("a.test", "web", "svc");
    struct series_snapshot s;

    (void)state;
    registry_route_enter(r, 0);
    count(r, 2, 1, 1);
    drop(r);
    count(r, 2, 1, 1);
    s = snapshot();
    assert_int_equal(find(&s, "web")->cells[1], 2);
    series_snapshot_fini(&s);
    registry_route_leave(r, 0);
    (void)registry_sweep(registry);
    s = snapshot();
    assert_int_equal(s.n_series, 0);
    assert_int_equal(s.removed[1], 2);
    series_snapshot_fini(&s);
}

/* Without memory there is no route, or no cells, or no snapshot, and the next try finds all well.
 */
static void count_and_look(void *ctx)
{
    struct registry *r = registry_new(WRITERS, CELLS);
    const struct route_key key = {"a.test", "shop", "web", "svc", "https"};
    struct route_state *s = r != NULL ? registry_route(r, &key) : NULL;
    struct series_snapshot shot;

    (void)ctx;
    if (s != NULL) {
        _Atomic uint64_t *cells = series_cells(s->series, 1, CELLS);
        if (cells == NULL) {
            cells = series_cells(s->series, 1, CELLS);
        }
        assert_non_null(cells);
        cells[0]++;
        if (registry_series_snapshot(r, &shot) == 0) {
            assert_int_equal(shot.n_series, 1);
            assert_int_equal(shot.series[0].cells[0], 1);
            series_snapshot_fini(&shot);
        }
        registry_route_release(r, s);
        assert_int_equal(registry_sweep(r), 1);
    }
    registry_free(r);
}

static void without_memory_nothing_is_lost_or_leaked(void **state)
{
    (void)state;
    assert_true(failalloc_torture(count_and_look, NULL) >= 7);
}

/* A snapshot of many is quick; how quick is printed, not judged. */
static void ten_thousand_are_summed_at_once(void **state)
{
    enum { MANY = 10000 };
    struct timespec from, to;
    struct series_snapshot s;

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        char ingress[32];
        (void)snprintf(ingress, sizeof(ingress), "ingress-%u", i);
        for (unsigned w = 0; w < WRITERS; w++) {
            count(route("a.test", ingress, "svc"), w, i % CELLS, 1);
        }
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    s = snapshot();
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    print_message(
        "             %u series of %u writers and %u cells: %.1f ms\n", MANY, WRITERS, CELLS,
        (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6);
    assert_int_equal(s.n_series, MANY);
    for (size_t i = 0; i < MANY; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < CELLS; k++) {
            sum += s.series[i].cells[k];
        }
        assert_int_equal(sum, WRITERS);
    }
    series_snapshot_fini(&s);
}

/*
 * Everything at once: a controller that publishes tables in which routes come and go, workers that
 * count on what they find, and a reader.  What it reads never falls and ends exact.
 */
#define PUBLISHES 1500
#define INGRESSES 7

struct worker {
    unsigned index;
    _Atomic(struct table *) slot; /* newest table, held for the worker */
    _Atomic bool *stop;
    uint64_t counted; /* after the end */
    pthread_t thread;
};

/* One connection: found in a table, counted when the table may be gone already. */
static void connect_once(struct worker *w, struct table *adopted)
{
    struct table *t = table_ref(adopted);
    struct route_state *r = fixture_lookup(t, "shop.test")->state;

    registry_route_enter(r, w->index);
    table_unref(t);
    (void)sched_yield();
    count(r, w->index, w->counted % CELLS, 1);
    registry_route_leave(r, w->index);
    w->counted++;
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct table *adopted = NULL, *t;

    while (!atomic_load_explicit(w->stop, memory_order_acquire)) {
        t = atomic_exchange_explicit(&w->slot, NULL, memory_order_acq_rel);
        if (t != NULL) {
            table_unref(adopted);
            adopted = t;
        }
        if (adopted != NULL) {
            connect_once(w, adopted);
        }
        (void)sched_yield();
    }
    table_unref(adopted);
    table_unref(atomic_exchange_explicit(&w->slot, NULL, memory_order_acq_rel));
    return NULL;
}

static uint64_t total(const struct series_snapshot *s)
{
    uint64_t sum = 0;

    for (size_t k = 0; k < CELLS; k++) {
        sum += s->removed[k];
        for (size_t i = 0; i < s->n_series; i++) {
            sum += s->series[i].cells[k];
        }
    }
    return sum;
}

struct reader {
    _Atomic bool *stop;
    _Atomic uint64_t newest;
    uint64_t falls; /* after the end */
    pthread_t thread;
};

static void *scrape(void *ctx)
{
    struct reader *r = ctx;
    uint64_t before = 0;

    while (!atomic_load_explicit(r->stop, memory_order_acquire)) {
        struct series_snapshot s;
        uint64_t now;
        if (registry_series_snapshot(registry, &s) != 0) {
            r->falls++;
            break;
        }
        now = total(&s);
        series_snapshot_fini(&s);
        r->falls += now < before;
        before = now;
        atomic_store_explicit(&r->newest, now, memory_order_relaxed);
    }
    return NULL;
}

static struct table *nth_table(unsigned i)
{
    char ingress[32];
    struct wish wish = {.host = "shop.test", .ingress = ingress};

    (void)snprintf(ingress, sizeof(ingress), "web-%u", i % INGRESSES);
    return fixture_table(registry, &wish, 1);
}

static void publish(struct worker *workers, struct table *t)
{
    for (size_t i = 0; i < WRITERS; i++) {
        table_unref(atomic_exchange_explicit(&workers[i].slot, table_ref(t), memory_order_acq_rel));
    }
}

/* Free what nobody holds any more; returns how many tables are left. */
static size_t free_unused(struct table **retired, size_t n)
{
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        if (!table_free_if_unused(retired[i])) {
            retired[left++] = retired[i];
        }
    }
    (void)registry_sweep(registry);
    return left;
}

static void totals_never_fall_and_end_exact_under_threads(void **state)
{
    static struct table *retired[PUBLISHES];
    static struct worker workers[WRITERS];
    _Atomic bool stop = false;
    struct reader reader = {.stop = &stop};
    struct series_snapshot s;
    uint64_t counted = 0;
    size_t left = 0;

    (void)state;
    for (unsigned i = 0; i < WRITERS; i++) {
        workers[i].index = i;
        workers[i].stop = &stop;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    assert_int_equal(pthread_create(&reader.thread, NULL, scrape, &reader), 0);
    for (unsigned i = 0; i < PUBLISHES; i++) {
        struct table *t = nth_table(i);

        assert_non_null(t);
        publish(workers, t);
        table_unref(t);
        retired[left++] = t;
        left = free_unused(retired, left);
        while (atomic_load_explicit(&reader.newest, memory_order_relaxed) < i) {
            (void)sched_yield(); /* each table is counted on, more or less */
        }
    }
    atomic_store_explicit(&stop, true, memory_order_release);
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        counted += workers[i].counted;
    }
    assert_int_equal(pthread_join(reader.thread, NULL), 0);
    assert_int_equal(reader.falls, 0);
    assert_int_equal(free_unused(retired, left), 0);
    (void)registry_sweep(registry);
    s = snapshot();
    assert_int_equal(s.n_series, 0);      /* every one is gone, */
    assert_int_equal(total(&s), counted); /* and nothing it counted */
    series_snapshot_fini(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hosts_and_ports_of_a_service_share_a_series),
        TEST(texts_do_not_run_into_each_other),
        cmocka_unit_test(without_writers_or_cells_nothing_is_counted),
        TEST(each_writer_has_cells_of_its_own_on_lines_of_their_own),
        TEST(what_leaves_is_kept_in_the_sum_of_the_removed),
        TEST(a_running_connection_keeps_its_series),
        cmocka_unit_test(without_memory_nothing_is_lost_or_leaked),
        TEST(ten_thousand_are_summed_at_once),
        TEST(totals_never_fall_and_end_exact_under_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
