#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "app/readiness.h"
#include "controller/controller.h"
#include "proxy/proxy.h"
#include "support/failsys.h"
#include "support/inprocess.h"

static int setup(void **state)
{
    failsys_reset();
    inprocess_setup(state);
    inprocess_open(*state);
    return 0;
}

static int teardown(void **state)
{
    failsys_reset();
    return inprocess_teardown(state);
}

static void assert_fails(bool (*probe)(void *metrics, struct err *why), struct inprocess *p,
                         const char *text)
{
    struct err why = {""};

    assert_false(probe(&p->monitor.metrics, &why));
    assert_string_equal(why.text, text);
}

static bool holds(bool (*probe)(void *metrics, struct err *why), struct inprocess *p)
{
    struct err why;

    return probe(&p->monitor.metrics, &why);
}

static bool all_have_adopted(const struct inprocess *p)
{
    for (unsigned i = 0; i < INPROCESS_WORKERS; i++) {
        if (proxy_adopted_generation(p->proxy, i) == 0) {
            return false;
        }
    }
    return true;
}

static void nothing_is_ready_before_the_first_table(void **state)
{
    struct inprocess *p = *state;

    assert_fails(readiness_synced, p, "the objects have not all been read yet");
    assert_fails(readiness_workers, p, "worker 0 has no table yet");
    assert_true(holds(readiness_not_draining, p));
}

static void all_is_ready_when_every_worker_routes(void **state)
{
    struct inprocess *p = *state;

    inprocess_start(p);
    assert_true(holds(readiness_synced, p));
    assert_true(holds(readiness_workers, p));
    assert_true(holds(readiness_not_draining, p));
}

static void a_worker_that_cannot_listen_is_named(void **state)
{
    struct inprocess *p = *state;

    failsys_fail(FAILSYS_LISTEN, EADDRINUSE, 0, INPROCESS_WORKERS);
    assert_int_equal(proxy_start(p->proxy, &p->e), 0);
    p->running = true;
    assert_int_equal(controller_start(p->controller, &p->e), 0);
    INPROCESS_UNTIL(p, all_have_adopted(p));
    assert_fails(readiness_workers, p, "worker 0 could not listen");
    assert_true(holds(readiness_synced, p));
    assert_false(monitor_is_ready(&p->monitor));
}

static void one_worker_that_cannot_listen_is_enough(void **state)
{
    struct inprocess *p = *state;
    unsigned deaf;
    char text[64];

    failsys_fail(FAILSYS_LISTEN, EADDRINUSE, 0, 1);
    assert_int_equal(proxy_start(p->proxy, &p->e), 0);
    p->running = true;
    assert_int_equal(controller_start(p->controller, &p->e), 0);
    INPROCESS_UNTIL(p, all_have_adopted(p));
    deaf = proxy_worker_listens(p->proxy, 0) ? 1 : 0;
    assert_true(proxy_worker_listens(p->proxy, 1 - deaf));
    snprintf(text, sizeof(text), "worker %u could not listen", deaf);
    assert_fails(readiness_workers, p, text);
}

static void who_is_stopping_wants_no_traffic(void **state)
{
    struct inprocess *p = *state;

    inprocess_start(p);
    p->draining = true;
    assert_fails(readiness_not_draining, p,
                 "stopping: existing connections go on, new ones belong elsewhere");
    proxy_stop_accepting(p->proxy);
    INPROCESS_UNTIL(p, !proxy_is_listening(p->proxy));
    assert_true(holds(readiness_workers, p)); /* one reason is enough */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nothing_is_ready_before_the_first_table), T(all_is_ready_when_every_worker_routes),
        T(a_worker_that_cannot_listen_is_named),    T(one_worker_that_cannot_listen_is_enough),
        T(who_is_stopping_wants_no_traffic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
