#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "proxy/pipepool.h"
#include "support/failsys.h"
#include "support/proxy_fixture.h"

#define MOST 3u

struct fixture {
    struct pipepool pool;
    size_t fds_before;
};

static int setup(void **state)
{
    static struct fixture f;

    failsys_reset();
    f.fds_before = proxy_fixture_open_fds();
    pipepool_init(&f.pool, MOST);
    *state = &f;
    return 0;
}

static size_t open_fds(const struct fixture *f)
{
    return proxy_fixture_open_fds() - f->fds_before;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    failsys_reset();
    pipepool_fini(&f->pool);
    assert_int_equal(open_fds(f), 0);
    return 0;
}

static struct pipe *take(struct fixture *f)
{
    struct pipe *p = pipepool_take(&f->pool);

    assert_non_null(p);
    assert_int_equal(p->held.left, 0);
    assert_null(p->held.bytes);
    return p;
}

static void a_pipe_is_large_and_waits_for_nothing(void **state)
{
    struct fixture *f = *state;
    struct pipe *p = take(f);
    uint8_t byte;

    assert_int_equal(p->size, LIMIT_PIPE_BYTES);
    assert_true(fcntl(p->read_fd, F_GETPIPE_SZ) >= LIMIT_PIPE_BYTES);
    assert_int_equal(read(p->read_fd, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true((fcntl(p->write_fd, F_GETFD) & FD_CLOEXEC) != 0);
    pipepool_give(&f->pool, p);
}

static void a_pipe_given_back_is_taken_again_without_a_call(void **state)
{
    struct fixture *f = *state;
    struct pipe *p = take(f);

    pipepool_give(&f->pool, p);
    failsys_reset();
    assert_ptr_equal(take(f), p);
    assert_int_equal(failsys_count_all(), 0);
    pipepool_give(&f->pool, p);
}

static void there_are_so_many_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct pipe *p[MOST];

    for (unsigned i = 0; i < MOST; i++) {
        p[i] = take(f);
    }
    assert_null(pipepool_take(&f->pool));
    pipepool_give(&f->pool, p[1]);
    assert_ptr_equal(take(f), p[1]);
    for (unsigned i = 0; i < MOST; i++) {
        pipepool_give(&f->pool, p[i]);
    }
    assert_int_equal(open_fds(f), 2 * MOST);
}

static void a_pool_of_none_has_none(void **state)
{
    struct pipepool none;

    (void)state;
    pipepool_init(&none, 0);
    assert_null(pipepool_take(&none));
    assert_int_equal(failsys_count_all(), 0);
    pipepool_fini(&none);
}

static void what_a_second_did_not_need_is_closed(void **state)
{
    struct fixture *f = *state;
    struct pipe *one, *other;

    one = take(f);
    other = take(f);
    pipepool_give(&f->pool, one);
    pipepool_give(&f->pool, other);
    pipepool_rest(&f->pool); /* both were needed */
    assert_int_equal(open_fds(f), 4);
    pipepool_give(&f->pool, take(f));
    pipepool_rest(&f->pool); /* only one was */
    assert_int_equal(open_fds(f), 2);
    pipepool_rest(&f->pool);
    assert_int_equal(open_fds(f), 0);
    pipepool_give(&f->pool, take(f)); /* and made again when it is */
}

static void a_pipe_in_use_is_left_alone_and_can_be_dropped_full(void **state)
{
    struct fixture *f = *state;
    struct pipe *p = take(f);

    assert_int_equal(write(p->write_fd, "bytes", 5), 5);
    p->held.left = 5;
    pipepool_rest(&f->pool);
    pipepool_rest(&f->pool);
    assert_int_equal(open_fds(f), 2);
    pipepool_drop(&f->pool, p);
    assert_int_equal(open_fds(f), 0);
    p = take(f); /* its place is free, and nothing of it is left */
    pipepool_give(&f->pool, p);
}

static void a_lack_of_descriptors_is_met_once_and_tried_again_later(void **state)
{
    struct fixture *f = *state;

    failsys_fail(FAILSYS_PIPE2, EMFILE, 0, UINT_MAX);
    assert_null(pipepool_take(&f->pool));
    assert_null(pipepool_take(&f->pool));
    assert_int_equal(failsys_count(FAILSYS_PIPE2), 1);
    failsys_reset();
    assert_null(pipepool_take(&f->pool));
    pipepool_rest(&f->pool);
    pipepool_give(&f->pool, take(f));
}

static void a_pipe_of_a_quarter_will_do(void **state)
{
    struct fixture *f = *state;
    struct pipe *p;

    failsys_fail(FAILSYS_SETPIPE_SZ, EPERM, 0, 1);
    p = take(f);
    assert_int_equal(p->size, LIMIT_PIPE_MIN_BYTES);
    pipepool_give(&f->pool, p);
}

/* What an unprivileged user gets beyond fs.pipe-user-pages-soft. */
static void a_small_pipe_is_not_used(void **state)
{
    struct fixture *f = *state;

    failsys_fail(FAILSYS_SETPIPE_SZ, EPERM, 0, 2);
    assert_null(pipepool_take(&f->pool));
    assert_int_equal(open_fds(f), 0);
    assert_null(pipepool_take(&f->pool));
    assert_int_equal(failsys_count(FAILSYS_PIPE2), 1);
}

static void a_pool_given_up_takes_pipes_back_and_hands_out_none(void **state)
{
    struct fixture *f = *state;
    struct pipe *in_use = take(f);
    struct pipe *idle = take(f);

    pipepool_give(&f->pool, idle);
    pipepool_give_up(&f->pool);
    pipepool_give(&f->pool, in_use);
    pipepool_rest(&f->pool);
    assert_null(pipepool_take(&f->pool));
    pipepool_rest(&f->pool);
    assert_int_equal(open_fds(f), 0);
}

#define IN_POOL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_POOL(a_pipe_is_large_and_waits_for_nothing),
        IN_POOL(a_pipe_given_back_is_taken_again_without_a_call),
        IN_POOL(there_are_so_many_and_no_more),
        IN_POOL(a_pool_of_none_has_none),
        IN_POOL(what_a_second_did_not_need_is_closed),
        IN_POOL(a_pipe_in_use_is_left_alone_and_can_be_dropped_full),
        IN_POOL(a_lack_of_descriptors_is_met_once_and_tried_again_later),
        IN_POOL(a_pipe_of_a_quarter_will_do),
        IN_POOL(a_small_pipe_is_not_used),
        IN_POOL(a_pool_given_up_takes_pipes_back_and_hands_out_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
