#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/mainloop.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "support/failalloc.h"

/* A program that does what its script says and writes down what it was asked. */
struct script {
    char told[64];             /* r: ready, l: reload, s: stop accepting, e: each look for life */
    int not_ready;             /* looks until it is */
    int ready_rc;              /* what becoming ready comes to */
    int signals_when_ready[4]; /* sent to itself; 0 ends */
    int signal_when_stopping;
    int looks_until_idle;
    int idle_looks_until_closed;
    int accepted_last; /* looks until idle once it is seen closed */
};

static sigset_t before;

static void tell(struct script *s, const char *what)
{
    if (strlen(s->told) + 2 < sizeof(s->told)) {
        strcat(s->told, what);
    }
}

static bool is_ready(void *ctx)
{
    struct script *s = ctx;

    return s->not_ready-- <= 0;
}

static int on_ready(void *ctx, struct err *e)
{
    struct script *s = ctx;

    tell(s, "r");
    for (size_t i = 0; s->signals_when_ready[i] != 0; i++) {
        kill(getpid(), s->signals_when_ready[i]);
    }
    if (s->ready_rc != 0) {
        err_set(e, "no room");
    }
    return s->ready_rc;
}

static void reload(void *ctx)
{
    tell(ctx, "l");
    kill(getpid(), SIGTERM);
}

static void stop_accepting(void *ctx)
{
    struct script *s = ctx;

    tell(s, "s");
    if (s->signal_when_stopping != 0) {
        kill(getpid(), s->signal_when_stopping);
    }
}

static uint64_t active(void *ctx)
{
    struct script *s = ctx;

    tell(s, "e");
    return s->looks_until_idle-- > 0 ? 1 : 0;
}

static bool is_accepting(void *ctx)
{
    struct script *s = ctx;

    if (s->idle_looks_until_closed-- > 0) {
        return true;
    }
    s->looks_until_idle += s->accepted_last;
    s->accepted_last = 0;
    return false;
}

#define FOREVER_MS (24u * 3600u * UINT64_C(1000))

static struct mainloop_config config_of(struct script *s, uint64_t delay_ms, uint64_t timeout_ms)
{
    return (struct mainloop_config){.drain_delay_ms = delay_ms,
                                    .drain_timeout_ms = timeout_ms,
                                    .is_ready = is_ready,
                                    .on_ready = on_ready,
                                    .reload = reload,
                                    .stop_accepting = stop_accepting,
                                    .is_accepting = is_accepting,
                                    .active = active,
                                    .ctx = s};
}

static int play(struct script *s, uint64_t delay_ms, uint64_t timeout_ms, struct err *e)
{
    struct mainloop_config cfg = config_of(s, delay_ms, timeout_ms);
    struct mainloop *m = mainloop_new(&cfg, e);
    int rc;

    assert_non_null(m);
    rc = mainloop_run(m, e);
    mainloop_free(m);
    return rc;
}

static int setup(void **state)
{
    (void)state;
    log_configure(LOG_ERROR, LOG_TEXT);
    mainloop_block_signals(&before);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return 0;
}

static void a_first_signal_drains_until_nothing_is_active(void **state)
{
    struct script s = {.not_ready = 2, .signals_when_ready = {SIGTERM}, .looks_until_idle = 2};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, 0, FOREVER_MS, &e), 0);
    assert_string_equal(s.told, "rseee");
}

static void a_listener_that_is_not_closed_yet_is_waited_for_too(void **state)
{
    struct script s = {.signals_when_ready = {SIGTERM}, .idle_looks_until_closed = 3};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, 0, FOREVER_MS, &e), 0);
    assert_string_equal(s.told, "rseeee");
}

static void what_a_closing_listener_accepted_last_is_waited_for(void **state)
{
    struct script s = {.signals_when_ready = {SIGTERM}, .accepted_last = 2};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, 0, FOREVER_MS, &e), 0);
    assert_string_equal(s.told, "rseee");
}

static void the_drain_delay_comes_before_accepting_stops(void **state)
{
    struct script s = {.signals_when_ready = {SIGINT, SIGTERM}};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, FOREVER_MS, FOREVER_MS, &e), 0);
    assert_string_equal(s.told, "r"); /* the second signal ended it within the delay */
}

static void who_was_never_ready_needs_no_drain_delay(void **state)
{
    struct script s = {.not_ready = 1000000, .looks_until_idle = 1};
    struct err e = {.text = ""};

    (void)state;
    kill(getpid(), SIGTERM); /* blocked, so that the loop finds it */
    assert_int_equal(play(&s, FOREVER_MS, FOREVER_MS, &e), 0);
    assert_string_equal(s.told, "see");
}

static void a_second_signal_skips_the_wait_for_connections(void **state)
{
    struct script s = {.signals_when_ready = {SIGTERM},
                       .signal_when_stopping = SIGTERM,
                       .looks_until_idle = 1000000};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, 0, FOREVER_MS, &e), 0);
    assert_memory_equal(s.told, "rs", 2);
}

static void the_drain_timeout_ends_the_wait(void **state)
{
    struct script s = {.signals_when_ready = {SIGTERM}, .looks_until_idle = 1000000};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, 0, 0, &e), 0);
    assert_string_equal(s.told, "rse");
}

static void a_hangup_reloads_and_goes_on(void **state)
{
    struct script s = {.signals_when_ready = {SIGHUP}};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, 0, 0, &e), 0);
    assert_string_equal(s.told, "rlse");
}

static void a_failure_to_become_ready_ends_the_loop(void **state)
{
    struct script s = {.ready_rc = -ENOSPC};
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(play(&s, 0, 0, &e), -ENOSPC);
    assert_string_equal(e.text, "no room");
    assert_string_equal(s.told, "r");
}

static void a_broken_pipe_raises_no_signal(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(write(fds[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(fds[1]);
}

static void take_signals(void)
{
    const struct timespec at_once = {0};
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    while (sigtimedwait(&term, NULL, &at_once) > 0) {
        /* what a loop that ended early has not read */
    }
}

static void live_in_want(void *ctx)
{
    struct script s = {.not_ready = 1, .signals_when_ready = {SIGTERM}, .looks_until_idle = 1};
    struct mainloop_config cfg = config_of(&s, 0, FOREVER_MS);
    struct err e = {.text = ""};
    struct mainloop *m = mainloop_new(&cfg, &e);
    size_t *failed = ctx;
    int rc = m != NULL ? mainloop_run(m, &e) : -ENOMEM;

    assert_true(rc == 0 || e.text[0] != '\0');
    *failed += rc != 0;
    mainloop_free(m);
    take_signals();
}

static void out_of_memory_ends_the_loop_and_leaks_nothing(void **state)
{
    size_t failed = 0;

    (void)state;
    assert_true(failalloc_torture(live_in_want, &failed) > 5);
    assert_true(failed > 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_first_signal_drains_until_nothing_is_active),
        T(a_listener_that_is_not_closed_yet_is_waited_for_too),
        T(what_a_closing_listener_accepted_last_is_waited_for),
        T(the_drain_delay_comes_before_accepting_stops),
        T(who_was_never_ready_needs_no_drain_delay),
        T(a_second_signal_skips_the_wait_for_connections),
        T(the_drain_timeout_ends_the_wait),
        T(a_hangup_reloads_and_goes_on),
        T(a_failure_to_become_ready_ends_the_loop),
        T(a_broken_pipe_raises_no_signal),
        T(out_of_memory_ends_the_loop_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
