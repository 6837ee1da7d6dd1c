#include "controller/manifestsource.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "controller/debounce.h"
#include "model/store.h"
#include "model/verdict.h"
#include "support/failalloc.h"
#include "support/objects.h"
#include "support/tempdir.h"
#include "support/wait_until.h"

#define WEB SERVED("shop", "web", "10.0.0.1")

#define PATIENCE_MS 20000 /* only a failing test waits so long */

struct world {
    struct tempdir dir;
    char path[PATH_MAX]; /* of "m" inside it */
    struct event_base *base;
    struct store *store;
    struct source_host host;
    struct source s; /* `ops` NULL until opened */
    unsigned rings;
};

static uint64_t now_us; /* the scripted clock */

static uint64_t scripted_now(void)
{
    return now_us;
}

static void on_notice(void *ctx)
{
    struct world *w = ctx;

    w->rings++;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    tempdir_make(&w->dir);
    tempdir_mkdir(&w->dir, "m");
    (void)tempdir_path(&w->dir, "m", w->path);
    w->base = event_base_new();
    w->store = store_new();
    w->host =
        (struct source_host){.base = w->base, .store = w->store, .notice = on_notice, .ctx = w};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->s.ops) {
        w->s.ops->free(w->s.self);
    }
    clock_replace(NULL);
    store_free(w->store);
    event_base_free(w->base);
    tempdir_remove(&w->dir);
    free(w);
    return 0;
}

static void open_it(struct world *w)
{
    struct err e;

    assert_int_equal(manifestsource_open(&w->s, w->path, &w->host, &e), 0);
}

static struct source_change sync_it(struct world *w)
{
    struct source_change change;
    struct err e;

    assert_int_equal(w->s.ops->sync(w->s.self, &change, &e), 0);
    return change;
}

/** Whether a sync finds something new, nothing being in motion. */
static bool finds_news(void *ctx)
{
    struct source_change change = sync_it(ctx);

    return change.changed && !change.retry;
}

static void turn(struct world *w)
{
    assert_true(event_base_loop(w->base, EVLOOP_NONBLOCK) >= 0);
}

static void rename_inside(struct world *w, const char *from, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];

    assert_int_equal(rename(tempdir_path(&w->dir, from, a), tempdir_path(&w->dir, to, b)), 0);
}

static void what_is_not_there_is_told_at_once(void **state)
{
    struct world *w = *state;
    struct err e;

    rename_inside(w, "m", "elsewhere");
    assert_true(manifestsource_open(&w->s, w->path, &w->host, &e) < 0);
    assert_non_null(strstr(e.text, w->path));
    assert_null(w->s.ops);
}

static bool is_at_rest(void *ctx)
{
    return !sync_it(ctx).retry;
}

static void the_first_sync_reads_all_and_is_complete(void **state)
{
    struct world *w = *state;

    tempdir_write(&w->dir, "m/a.yaml", WEB);
    open_it(w);
    assert_string_equal(w->s.ops->name, "the manifests");
    assert_false(w->s.ops->is_complete(w->s.self));
    assert_false(w->s.ops->is_live(w->s.self));
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 0);
    assert_true(sync_it(w).changed);
    assert_true(w->s.ops->is_complete(w->s.self));
    assert_true(w->s.ops->is_live(w->s.self));
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 1);
    assert_true(wait_until(is_at_rest, w, PATIENCE_MS)); /* so fresh a file is read once more */
    assert_false(sync_it(w).changed);
}

static void an_empty_directory_is_complete(void **state)
{
    struct world *w = *state;

    open_it(w);
    (void)sync_it(w);
    assert_true(w->s.ops->is_complete(w->s.self));
}

static void a_change_rings_and_is_read_by_the_next_sync(void **state)
{
    struct world *w = *state;

    open_it(w);
    (void)sync_it(w);
    turn(w);
    assert_int_equal(w->rings, 0);
    tempdir_replace(&w->dir, "m/a.yaml", WEB);
    turn(w);
    assert_int_equal(w->rings, 1);
    turn(w);
    assert_int_equal(w->rings, 1); /* the descriptor was silenced */
    assert_true(wait_until(finds_news, w, PATIENCE_MS));
}

/** As if it had been written when the controller was rung for it. */
static void age_by_the_wait_for_quiet(const struct world *w, const char *name)
{
    struct timespec at[] = {{.tv_nsec = UTIME_OMIT}, clock_wall()};
    char path[PATH_MAX];

    at[1].tv_nsec -= DEBOUNCE_QUIET_US * 1000L;
    if (at[1].tv_nsec < 0) {
        at[1].tv_nsec += 1000000000;
        at[1].tv_sec--;
    }
    assert_int_equal(utimensat(AT_FDCWD, tempdir_path(&w->dir, name, path), at, 0), 0);
}

static void a_file_left_alone_while_quiet_was_waited_for_is_read_at_once(void **state)
{
    struct world *w = *state;

    open_it(w);
    (void)sync_it(w);
    tempdir_write(&w->dir, "m/a.yaml", WEB);
    age_by_the_wait_for_quiet(w, "m/a.yaml");
    assert_true(finds_news(w));
}

static void its_verdicts_are_those_of_the_files(void **state)
{
    struct world *w = *state;
    struct verdicts v;

    tempdir_write(&w->dir, "m/a.yaml", "}");
    open_it(w);
    (void)sync_it(w);
    verdicts_init(&v);
    w->s.ops->verdicts(w->s.self, &v);
    assert_int_equal(v.n, 1);
    assert_string_equal(v.items[0].reason, "ManifestBroken");
    verdicts_fini(&v);
}

static void a_vanished_directory_is_a_failure_and_its_return_is_noticed(void **state)
{
    struct world *w = *state;
    struct source_change change;
    struct err e;

    tempdir_write(&w->dir, "m/a.yaml", WEB);
    open_it(w);
    (void)sync_it(w);
    assert_false(w->s.ops->is_stale(w->s.self));
    rename_inside(w, "m", "away");
    assert_true(w->s.ops->is_stale(w->s.self));
    assert_true(w->s.ops->sync(w->s.self, &change, &e) < 0);
    assert_non_null(strstr(e.text, w->path));
    assert_false(w->s.ops->is_live(w->s.self));
    assert_true(w->s.ops->is_complete(w->s.self));
    assert_int_equal(store_count(w->store, OBJECT_SERVICE), 1);
    rename_inside(w, "away", "m");
    assert_true(w->s.ops->is_stale(w->s.self));
    (void)sync_it(w);
    assert_true(w->s.ops->is_live(w->s.self));
    assert_false(w->s.ops->is_stale(w->s.self));
}

static void a_look_is_due_now_and_then_though_nothing_rang(void **state)
{
    struct world *w = *state;

    now_us = 1000000;
    clock_replace(scripted_now);
    open_it(w);
    (void)sync_it(w);
    now_us += 9999999;
    assert_false(w->s.ops->is_stale(w->s.self));
    now_us += 1;
    assert_true(w->s.ops->is_stale(w->s.self));
    (void)sync_it(w);
    assert_false(w->s.ops->is_stale(w->s.self));
}

static uint64_t slow_now(void)
{
    return now_us += 100000; /* whatever is done takes long */
}

static void a_tree_that_takes_long_is_looked_at_less_often(void **state)
{
    struct world *w = *state;

    clock_replace(slow_now);
    open_it(w);
    (void)sync_it(w);
    clock_replace(scripted_now);
    now_us += 10000000 + 200 * 100000 - 1;
    assert_false(w->s.ops->is_stale(w->s.self));
    now_us += 1;
    assert_true(w->s.ops->is_stale(w->s.self));
}

/** Whether somebody opened the file watched there since the last call. */
static bool was_opened(int inotify)
{
    char events[4096];

    return read(inotify, events, sizeof(events)) > 0;
}

static void a_reload_reads_every_file_again(void **state)
{
    struct world *w = *state;
    int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char file[PATH_MAX];

    tempdir_write(&w->dir, "m/a.yaml", WEB);
    open_it(w);
    assert_true(wait_until(is_at_rest, w, PATIENCE_MS));
    assert_true(inotify_add_watch(inotify, tempdir_path(&w->dir, "m/a.yaml", file), IN_OPEN) >= 0);
    assert_true(wait_until(is_at_rest, w, PATIENCE_MS));
    assert_false(was_opened(inotify));
    w->s.ops->reload(w->s.self);
    assert_true(wait_until(is_at_rest, w, PATIENCE_MS));
    assert_true(was_opened(inotify));
    (void)close(inotify);
}

static void open_in_want(void *ctx)
{
    const struct world *w = ctx;
    struct source s = {.ops = NULL};
    struct err e = {0};

    if (manifestsource_open(&s, w->path, &w->host, &e) == 0) {
        s.ops->free(s.self);
    } else {
        assert_null(s.ops);
        assert_string_not_equal(e.text, "");
    }
}

static void out_of_memory_is_told_and_leaks_nothing(void **state)
{
    struct world *w = *state;

    tempdir_write(&w->dir, "m/a.yaml", WEB);
    assert_true(failalloc_torture(open_in_want, w) >= 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_there_is_told_at_once),
        TEST(the_first_sync_reads_all_and_is_complete),
        TEST(an_empty_directory_is_complete),
        TEST(a_change_rings_and_is_read_by_the_next_sync),
        TEST(a_file_left_alone_while_quiet_was_waited_for_is_read_at_once),
        TEST(its_verdicts_are_those_of_the_files),
        TEST(a_vanished_directory_is_a_failure_and_its_return_is_noticed),
        TEST(a_look_is_due_now_and_then_though_nothing_rang),
        TEST(a_tree_that_takes_long_is_looked_at_less_often),
        TEST(a_reload_reads_every_file_again),
        TEST(out_of_memory_is_told_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
