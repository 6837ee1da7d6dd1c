#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <string.h>

#include "app/watchdog.h"
#include "base/clock.h"
#include "controller/controller.h"
#include "proxy/proxy.h"
#include "support/failalloc.h"
#include "support/inprocess.h"

/* The threads read it, too. */
static _Atomic uint64_t clock_us;

static uint64_t read_clock(void)
{
    return atomic_load(&clock_us);
}

/* Threads that do not run do not turn. */
static int setup(void **state)
{
    clock_us = 1000000000u;
    clock_replace(read_clock);
    inprocess_setup(state);
    inprocess_open(*state);
    return 0;
}

static int teardown(void **state)
{
    inprocess_teardown(state);
    clock_replace(NULL);
    return 0;
}

static struct watchdog *dog(struct inprocess *p)
{
    return &p->monitor.watchdog;
}

/* Time in which the main loop turns, and looks each second. */
static void pass(struct inprocess *p, uint64_t ms)
{
    for (; ms > 0; ms -= ms < 1000 ? ms : 1000) {
        clock_us += (ms < 1000 ? ms : 1000) * 1000;
        watchdog_look(dog(p));
    }
}

static void assert_logged(struct inprocess *p, const char *words)
{
    const char *text = inprocess_log(p);

    if (strstr(text, words) == NULL) {
        fail_msg("expected: %s\nlogged: %s", words, text);
    }
}

static void assert_says(bool (*probe)(void *w, struct err *why), struct inprocess *p,
                        const char *text)
{
    struct err why = {""};

    assert_false(probe(dog(p), &why));
    assert_string_equal(why.text, text);
}

static void who_has_turned_lately_is_well(void **state)
{
    struct inprocess *p = *state;
    struct err why;

    pass(p, WATCHDOG_WORKER_MS);
    assert_true(watchdog_workers_turn(dog(p), &why));
    assert_true(watchdog_controller_turns(dog(p), &why));
    assert_string_equal(inprocess_log(p), "");
}

static void a_stalled_worker_is_told_once_and_the_probe_names_the_first(void **state)
{
    struct inprocess *p = *state;
    const char *text;

    pass(p, WATCHDOG_WORKER_MS + 250);
    assert_says(watchdog_workers_turn, p, "worker 0 has not turned for 5250 ms");
    text = inprocess_log(p);
    assert_non_null(strstr(text, "level=error msg=\"worker 0 has been stuck for 5250 ms; other "
                                 "threads go on\"\n"));
    assert_non_null(strstr(text, "worker 1 has been stuck for 5250 ms"));
    pass(p, 20000);
    assert_string_equal(inprocess_log(p), "");
    assert_says(watchdog_workers_turn, p, "worker 0 has not turned for 25250 ms");
}

static bool all_have_turned(struct inprocess *p)
{
    for (unsigned i = 0; i < INPROCESS_WORKERS; i++) {
        if (proxy_worker_turned_ms(p->proxy, i) < clock_now_ms()) {
            return false;
        }
    }
    return true;
}

static void one_that_goes_on_is_told_once_too(void **state)
{
    struct inprocess *p = *state;
    struct err why;

    pass(p, 7000);
    assert_logged(p, "worker 1 has been stuck");
    inprocess_start(p);
    INPROCESS_UNTIL(p, all_have_turned(p));
    watchdog_look(dog(p));
    assert_true(watchdog_workers_turn(dog(p), &why));
    assert_logged(p, "level=warn msg=\"worker 1 goes on\"\n");
    pass(p, 1000);
    assert_string_equal(inprocess_log(p), "");
}

static void a_controller_has_more_time(void **state)
{
    struct inprocess *p = *state;
    struct err why;

    pass(p, WATCHDOG_CONTROLLER_MS);
    assert_true(watchdog_controller_turns(dog(p), &why));
    (void)inprocess_log(p);
    pass(p, 1000);
    assert_says(watchdog_controller_turns, p, "the controller has not turned for 61000 ms");
    assert_logged(p, "level=error msg=\"the controller has been stuck for 61000 ms; ");
}

static void a_controller_that_was_stopped_need_not_turn(void **state)
{
    struct inprocess *p = *state;
    struct err why;

    monitor_forget_controller(&p->monitor);
    pass(p, UINT64_C(2) * WATCHDOG_CONTROLLER_MS);
    assert_true(watchdog_controller_turns(dog(p), &why));
    assert_null(strstr(inprocess_log(p), "controller"));
}

static void who_was_stopped_itself_gives_the_others_time(void **state)
{
    struct inprocess *p = *state;
    struct err why;

    clock_us += 3600u * UINT64_C(1000000); /* before the first look behind it, too */
    assert_true(watchdog_workers_turn(dog(p), &why));
    assert_true(watchdog_controller_turns(dog(p), &why));
    watchdog_look(dog(p));
    pass(p, WATCHDOG_WORKER_MS);
    assert_true(watchdog_workers_turn(dog(p), &why));
    assert_string_equal(inprocess_log(p), "");
    pass(p, 1000);
    assert_says(watchdog_workers_turn, p, "worker 0 has not turned for 3606000 ms");
    assert_true(watchdog_controller_turns(dog(p), &why));
    pass(p, WATCHDOG_CONTROLLER_MS);
    assert_false(watchdog_controller_turns(dog(p), &why));
}

static void it_looks_by_itself_while_the_loop_turns(void **state)
{
    struct inprocess *p = *state;

    clock_us += 1000000;
    INPROCESS_UNTIL(p, dog(p)->ticked_ms == clock_now_ms());
}

static void begin_in_want(void *ctx)
{
    struct inprocess *p = ctx;
    struct watchdog w;

    (void)!watchdog_init(&w, p->base, p->proxy, p->controller);
    watchdog_fini(&w);
    watchdog_fini(&w);
}

static void lacking_memory_it_begins_not_and_leaks_nothing(void **state)
{
    assert_true(failalloc_torture(begin_in_want, *state) >= 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(who_has_turned_lately_is_well),
        T(a_stalled_worker_is_told_once_and_the_probe_names_the_first),
        T(one_that_goes_on_is_told_once_too),
        T(a_controller_has_more_time),
        T(a_controller_that_was_stopped_need_not_turn),
        T(who_was_stopped_itself_gives_the_others_time),
        T(it_looks_by_itself_while_the_loop_turns),
        T(lacking_memory_it_begins_not_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
