#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "support/failalloc.h"

static void holds(const struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->data, text, b->len);
}

static void a_new_buffer_allocates_nothing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.max, 100);
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    buf_consume(&b, 0);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
    buf_fini(NULL);
}

static void bytes_come_out_as_they_went_in(void **state)
{
    uint8_t byte;
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    for (size_t i = 0; i < 100000; i++) {
        byte = (uint8_t)(i * 7);
        assert_int_equal(buf_append(&b, &byte, 1), 0);
    }
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(b.data[i], (uint8_t)(i * 7));
    }
    buf_fini(&b);
}

static void the_maximum_is_exact(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5);
    assert_int_equal(buf_append(&b, "123456", 6), -ENOBUFS);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append(&b, "12345", 5), 0);
    assert_true(b.cap <= 5);
    assert_int_equal(buf_append(&b, "6", 1), -ENOBUFS);
    assert_int_equal(buf_append(&b, "", 0), 0);
    holds(&b, "12345");
    buf_fini(&b);
}

static void growth_stops_at_a_maximum_that_is_no_power_of_two(void **state)
{
    char block[250] = {0};
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(buf_append(&b, block, sizeof(block)), 0);
        assert_true(b.cap <= 1000);
    }
    assert_int_equal(buf_append(&b, block, 1), -ENOBUFS);
    buf_fini(&b);
}

static void a_length_that_wraps_is_refused(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX);
    assert_int_equal(buf_append(&b, "x", 1), 0);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), -ENOBUFS);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 1), -ENOMEM);
    holds(&b, "x");
    buf_fini(&b);
}

static void reserved_room_is_used_without_moving(void **state)
{
    const uint8_t *before;
    struct buf b;

    (void)state;
    buf_init(&b, 10000);
    assert_int_equal(buf_reserve(&b, 5000), 0);
    before = b.data;
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(buf_append(&b, "x", 1), 0);
    }
    assert_ptr_equal(b.data, before);
    buf_fini(&b);
}

static void formatted_text_is_appended_without_a_terminator(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 12);
    assert_int_equal(buf_printf(&b, "%s=%d", "a", 1), 0);
    assert_int_equal(buf_printf(&b, "%s", ""), 0);
    assert_int_equal(buf_printf(&b, ";%s=%04d", "b", 22), 0);
    holds(&b, "a=1;b=0022");
    assert_int_equal(buf_printf(&b, "%d", 345), -ENOBUFS);
    holds(&b, "a=1;b=0022");
    assert_int_equal(buf_printf(&b, "%d", 34), 0);
    holds(&b, "a=1;b=002234");
    buf_fini(&b);
}

static void consuming_drops_the_front(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(buf_append(&b, "hello world", 11), 0);
    buf_consume(&b, 6);
    holds(&b, "world");
    buf_consume(&b, 0);
    holds(&b, "world");
    buf_consume(&b, 5);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append(&b, "again", 5), 0);
    holds(&b, "again");
    buf_fini(&b);
}

static void consuming_more_than_there_is_stops_the_process(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct buf b;

        (void)signal(SIGABRT, SIG_DFL); /* cmocka's handler would jump */
        (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        buf_init(&b, 10);
        buf_consume(&b, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void a_finished_buffer_can_be_used_again(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_int_equal(buf_append(&b, "0123456789", 10), 0);
    buf_fini(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append(&b, "abc", 3), 0);
    holds(&b, "abc");
    assert_int_equal(buf_append(&b, "01234567", 8), -ENOBUFS);
    buf_fini(&b);
}

static void grow_three_times(void *ctx)
{
    char block[600];
    struct buf b;
    int rc;

    (void)ctx;
    memset(block, 'x', sizeof(block));
    buf_init(&b, 5000);
    rc = buf_append(&b, "keep", 4);
    if (rc == 0) {
        rc = buf_append(&b, block, sizeof(block));
        assert_int_equal(b.len, rc == 0 ? 4 + sizeof(block) : 4);
        assert_memory_equal(b.data, "keep", 4);
    }
    if (rc == 0) {
        rc = buf_printf(&b, "%1000d", 1);
    }
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&b);
}

static void a_failed_allocation_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(grow_three_times, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_allocates_nothing),
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(the_maximum_is_exact),
        cmocka_unit_test(growth_stops_at_a_maximum_that_is_no_power_of_two),
        cmocka_unit_test(a_length_that_wraps_is_refused),
        cmocka_unit_test(reserved_room_is_used_without_moving),
        cmocka_unit_test(formatted_text_is_appended_without_a_terminator),
        cmocka_unit_test(consuming_drops_the_front),
        cmocka_unit_test(consuming_more_than_there_is_stops_the_process),
        cmocka_unit_test(a_finished_buffer_can_be_used_again),
        cmocka_unit_test(a_failed_allocation_leaves_the_buffer_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
