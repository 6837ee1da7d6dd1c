/* Row 38: the wall clock may jump, and what waits does not notice.  Leases are to be held to the
 * same with what holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/kuberow.h"

#define HOUR_S   3600
#define SLACK_MS 6000 /* when requests come is known so exactly on a busy machine */

static struct kubescene scene;
static _Atomic int64_t ahead_s; /* of the kernel's wall clock */

/* In place of the C library's, for us and the libraries we use. */
int clock_gettime(clockid_t id, struct timespec *out)
{
    int rc = (int)syscall(SYS_clock_gettime, id, out);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += ahead_s;
    }
    return rc;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    ahead_s = 0;
    return 0;
}

static void expect_undisturbed(struct kubescene *s, unsigned requests)
{
    uint64_t version;
    int64_t wall_ms;

    kubescene_pass(s, 5000);
    assert_int_equal(fakeapi_requests(s->api, NULL), requests);
    assert_true(kuberow_is_live(s));
    version = fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "web", version));
    wall_ms = (int64_t)time(NULL) * 1000; /* the age of an event is by the wall clock */
    assert_in_range(kubescene_figures(s, "ingresses")->last_event_ms, wall_ms - 60000,
                    wall_ms + 1000);
}

/* Row 38: nothing becomes due by it, and nothing that is open ends. */
static void a_jump_of_the_wall_clock_is_no_reason_to_do_anything(void **state)
{
    struct kubescene *s = &scene;
    unsigned requests;

    (void)state;
    kuberow_start(s, NULL);
    requests = fakeapi_requests(s->api, NULL);
    ahead_s = HOUR_S;
    expect_undisturbed(s, requests);
    ahead_s = -HOUR_S;
    expect_undisturbed(s, requests);
    ahead_s = 0;
    expect_undisturbed(s, requests);
    assert_int_equal(kuberow_relists(s), 0);
}

/* The watch is refused for so long; the clock jumps while it waits. */
static void expect_wait_kept(struct kubescene *s, int64_t jump_s, unsigned watches)
{
    const struct fakeapi_answer busy = {.status = 429, .head = "Retry-After: 32\r\n"};

    fakeapi_script(s->api, &kuberow_watches, 1, &busy);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    assert_true(kuberow_asked(s, &kuberow_watches, watches + 1, 10000));
    kubescene_pass(s, 3000);
    ahead_s += jump_s;
    kubescene_pass(s, 12000);
    assert_int_equal(fakeapi_requests(s->api, &kuberow_watches), watches + 1);
    kuberow_await_watch(s, watches + 2);
    assert_in_range(kuberow_gap_ms(s, &kuberow_watches, watches), 32000 - SLACK_MS,
                    32000 + 2 * SLACK_MS);
    kuberow_grow_old(s);
}

/* Row 38: what waits goes on waiting for as long as it was to. */
static void a_wait_is_as_long_as_it_was_to_be(void **state)
{
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, NULL);
    expect_wait_kept(s, HOUR_S, 1);
    expect_wait_kept(s, -2 * HOUR_S, 3);
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 0);
}

/* Row 38: deadlines likewise: a list that stands still is given up after its half minute. */
static void a_deadline_is_where_it_was_to_be(void **state)
{
    const struct fakeapi_answer stalled = {.cut = FAKEAPI_STALL, .cut_after = 100};
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, NULL);
    fakeapi_script(s->api, &kuberow_lists, 1, &stalled);
    fakeapi_put_endpoints(s->api, "shop", "other", "10.0.0.9");
    fakeapi_compact(s->api);
    fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    assert_true(kuberow_asked(s, &kuberow_lists, 2, 10000));
    ahead_s = -HOUR_S;
    kubescene_pass(s, 5000);
    ahead_s = HOUR_S;
    kubescene_pass(s, 5000);
    assert_int_equal(fakeapi_requests(s->api, &kuberow_lists), 2);
    assert_true(kuberow_asked(s, &kuberow_lists, 3, 60000));
    assert_in_range(kuberow_gap_ms(s, &kuberow_lists, 1), 30000 - SLACK_MS, 30000 + 2 * SLACK_MS);
}

/* Row 38: which all of the above ask, but for the tests' own. */
static void the_clock_for_waits_and_deadlines_does_not_jump(void **state)
{
    uint64_t before_us = clock_now_us();
    time_t wall_s = clock_wall().tv_sec;

    (void)state;
    ahead_s = HOUR_S;
    assert_in_range(clock_wall().tv_sec, wall_s + HOUR_S, wall_s + HOUR_S + 60);
    assert_in_range(clock_now_us(), before_us, before_us + 60000000);
    ahead_s = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_jump_of_the_wall_clock_is_no_reason_to_do_anything, teardown),
        cmocka_unit_test_teardown(a_wait_is_as_long_as_it_was_to_be, teardown),
        cmocka_unit_test(the_clock_for_waits_and_deadlines_does_not_jump),
        cmocka_unit_test_teardown(a_deadline_is_where_it_was_to_be, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
