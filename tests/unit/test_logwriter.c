#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/logring.h"
#include "base/logwriter.h"
#include "support/failalloc.h"
#include "support/form.h"
#include "support/wait_until.h"

#define PATIENCE_MS   20000
#define TAP_BYTES     ((size_t)4 * 1024 * 1024)
#define PRODUCERS     4
#define LINES_EACH    5000
#define SUMMARY       "msg=\"log lines dropped\""
#define SMALLEST_PIPE 4096

/* The far end of one stream: a pipe and what was read from it so far. */
struct tap {
    int read_fd;
    int write_fd;
    char *text; /* terminated */
    size_t len;
};

struct fixture {
    struct tap taps[LOG_STREAMS];
    struct logwriter *writer;
    struct logring *ring;
};

static void tap_open(struct tap *t)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    t->read_fd = ends[0];
    t->write_fd = ends[1];
    assert_int_equal(fcntl(t->read_fd, F_SETFL, O_NONBLOCK), 0);
    t->text = calloc(1, TAP_BYTES);
    assert_non_null(t->text);
}

static void tap_close(struct tap *t)
{
    (void)close(t->read_fd);
    (void)close(t->write_fd);
    free(t->text);
}

/* Read what is there. */
static void tap_read(struct tap *t)
{
    ssize_t n;

    do {
        n = read(t->read_fd, t->text + t->len, TAP_BYTES - 1 - t->len);
        t->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    t->text[t->len] = '\0';
}

static void tap_forget(struct tap *t)
{
    t->len = 0;
    t->text[0] = '\0';
}

/* The reader goes away. */
static void tap_hang_up(struct tap *t)
{
    (void)close(t->read_fd);
    t->read_fd = -1;
}

/* Fill the pipe to the last byte, as a reader that stalls would have it. */
static size_t tap_stall(struct tap *t)
{
    static const char block[SMALLEST_PIPE];
    int flags = fcntl(t->write_fd, F_GETFL);
    size_t filled = 0;
    ssize_t n;

    assert_true(fcntl(t->write_fd, F_SETPIPE_SZ, SMALLEST_PIPE) > 0);
    assert_int_equal(fcntl(t->write_fd, F_SETFL, flags | O_NONBLOCK), 0);
    while ((n = write(t->write_fd, block, sizeof(block))) > 0) {
        filled += (size_t)n;
    }
    assert_int_equal(fcntl(t->write_fd, F_SETFL, flags), 0);
    assert_true(filled > 0);
    return filled;
}

/* Throw the filling away, so that the stream moves again. */
static void tap_release(struct tap *t, size_t filled)
{
    tap_read(t);
    assert_true(t->len >= filled);
    t->len -= filled;
    memmove(t->text, t->text + filled, t->len + 1);
}

struct expectation {
    struct tap *tap;
    const char *text;
    size_t lines;
};

/* Not by strstr(), which a sanitizer makes read all of the rest at every call. */
static size_t count_of(const char *text, const char *what)
{
    size_t count = 0, len = strlen(what);

    for (; *text != '\0'; text++) {
        count += *text == *what && strncmp(text, what, len) == 0;
    }
    return count;
}

static bool has_come(void *ctx)
{
    struct expectation *e = ctx;

    tap_read(e->tap);
    return count_of(e->tap->text, e->text) >= e->lines;
}

static void assert_comes(struct tap *t, const char *text, size_t times)
{
    struct expectation e = {.tap = t, .text = text, .lines = times};

    if (!wait_until(has_come, &e, PATIENCE_MS)) {
        fail_msg("%zu of %zu \"%s\"", count_of(t->text, text), times, text);
    }
}

static bool push(struct fixture *f, enum log_stream stream, const char *line)
{
    return logring_push(f->ring, stream, line, strlen(line));
}

static void push_times(struct fixture *f, enum log_stream stream, const char *line, int times)
{
    for (int i = 0; i < times; i++) {
        assert_true(push(f, stream, line));
    }
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    tap_open(&f->taps[LOG_ACCESS]);
    tap_open(&f->taps[LOG_MAIN]);
    f->writer = logwriter_start(f->taps[LOG_ACCESS].write_fd, f->taps[LOG_MAIN].write_fd);
    assert_non_null(f->writer);
    f->ring = logwriter_add_ring(f->writer);
    assert_non_null(f->ring);
    *state = f;
    return 0;
}

static void stop_writer(struct fixture *f)
{
    logwriter_stop(f->writer);
    f->writer = NULL;
}

static int stop(void **state)
{
    struct fixture *f = *state;

    logwriter_stop(f->writer);
    tap_close(&f->taps[LOG_ACCESS]);
    tap_close(&f->taps[LOG_MAIN]);
    free(f);
    return 0;
}

static void each_line_comes_out_on_its_stream(void **state)
{
    struct fixture *f = *state;

    assert_true(push(f, LOG_ACCESS, "access 1\n"));
    assert_true(push(f, LOG_MAIN, "main 1\n"));
    assert_true(push(f, LOG_ACCESS, "access 2\n"));
    assert_comes(&f->taps[LOG_ACCESS], "\n", 2);
    assert_comes(&f->taps[LOG_MAIN], "\n", 1);
    assert_string_equal(f->taps[LOG_ACCESS].text, "access 1\naccess 2\n");
    assert_string_equal(f->taps[LOG_MAIN].text, "main 1\n");
}

static bool is_past(void *ctx)
{
    const uint64_t *at_ms = ctx;

    return clock_now_ms() >= *at_ms;
}

/* There is no event to wait for when nothing shall happen. */
static void let_pass(unsigned ms)
{
    uint64_t at_ms = clock_now_ms() + ms;

    assert_true(wait_until(is_past, &at_ms, PATIENCE_MS));
}

static void a_sleeping_writer_is_woken_by_every_line(void **state)
{
    struct fixture *f = *state;
    uint64_t began_ms = clock_now_ms();

    for (size_t i = 1; i <= 10; i++) {
        let_pass(10); /* the writer is sound asleep, not just napping */
        assert_true(push(f, LOG_MAIN, "line\n"));
        assert_comes(&f->taps[LOG_MAIN], "line\n", i);
    }
    assert_true(clock_now_ms() - began_ms < 5000); /* by itself it looks once a second */
}

struct producer {
    struct logwriter *writer;
    unsigned number;
    atomic_uint failed;
};

static void *produce(void *arg)
{
    struct producer *p = arg;
    struct logring *ring = logwriter_add_ring(p->writer);
    char line[64];
    int len;

    for (unsigned i = 0; ring != NULL && i < LINES_EACH; i++) {
        len = snprintf(line, sizeof(line), "p%u %u end\n", p->number, i);
        p->failed += !logring_push(ring, LOG_ACCESS, line, (size_t)len);
    }
    p->failed += ring == NULL;
    return NULL;
}

/* Every line whole, and each producer's in the order it pushed them. */
static void assert_in_order(const char *text)
{
    unsigned long next[PRODUCERS] = {0}, number;
    char *end;

    while (*text != '\0') {
        assert_int_equal(*text, 'p');
        number = strtoul(text + 1, &end, 10);
        assert_true(number < PRODUCERS);
        assert_int_equal(strtoul(end, &end, 10), next[number]++);
        assert_memory_equal(end, " end\n", 5);
        text = end + 5;
    }
}

static void lines_of_many_threads_arrive_whole_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];

    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.writer = f->writer, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    assert_comes(&f->taps[LOG_ACCESS], " end\n", (size_t)PRODUCERS * LINES_EACH);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(producers[i].failed, 0);
    }
    assert_in_order(f->taps[LOG_ACCESS].text);
    assert_int_equal(logwriter_dropped(f->writer, LOG_ACCESS), 0);
}

/* Push access lines until their ring is full behind a stalled stream; returns how many fitted. */
static uint64_t push_until_full(struct fixture *f)
{
    uint64_t pushed = 0;

    while (logwriter_dropped(f->writer, LOG_ACCESS) == 0) {
        pushed += push(f, LOG_ACCESS, "an access line of an ordinary length, more or less\n");
    }
    return pushed;
}

/* After two lines, each waited for, the writer went through its whole loop in between. */
static void let_the_writer_turn(struct fixture *f)
{
    struct tap *t = &f->taps[LOG_MAIN];

    for (int i = 0; i < 2; i++) {
        assert_true(push(f, LOG_MAIN, "marker\n"));
        assert_comes(t, "marker\n", count_of(t->text, "marker\n") + 1);
    }
}

static uint64_t cpu_ms(void)
{
    struct timespec used;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

static void a_blocked_stream_keeps_its_lines_and_the_other_goes_on(void **state)
{
    struct fixture *f = *state;
    size_t filled = tap_stall(&f->taps[LOG_ACCESS]);
    uint64_t before_ms;

    push_times(f, LOG_ACCESS, "access\n", 1000);
    let_the_writer_turn(f);
    before_ms = cpu_ms();
    let_pass(300);
    assert_true(cpu_ms() - before_ms < 100); /* it waits, rather than tries all the time */
    tap_release(&f->taps[LOG_ACCESS], filled);
    assert_comes(&f->taps[LOG_ACCESS], "access\n", 1000);
    assert_int_equal(f->taps[LOG_ACCESS].len, 7000);
    assert_int_equal(logwriter_dropped(f->writer, LOG_ACCESS), 0);
}

static void a_blocked_main_stream_does_not_stop_access_lines(void **state)
{
    struct fixture *f = *state;

    (void)tap_stall(&f->taps[LOG_MAIN]);
    assert_true(push(f, LOG_MAIN, "main\n"));
    assert_true(push(f, LOG_ACCESS, "access\n"));
    assert_comes(&f->taps[LOG_ACCESS], "access\n", 1);
    tap_hang_up(&f->taps[LOG_MAIN]);
}

static void a_shared_non_blocking_descriptor_is_waited_for(void **state)
{
    struct fixture *f = *state;
    struct tap *t = &f->taps[LOG_ACCESS];
    size_t filled = tap_stall(t);

    assert_int_equal(fcntl(t->write_fd, F_SETFL, O_NONBLOCK), 0);
    push_times(f, LOG_ACCESS, "access\n", 1000);
    assert_true(push(f, LOG_MAIN, "main\n"));
    assert_comes(&f->taps[LOG_MAIN], "main\n", 1);
    tap_release(t, filled);
    assert_comes(t, "access\n", 1000);
    assert_int_equal(t->len, 7000);
}

/* What a summary line says under `key`. */
static uint64_t summary_value(const char *text, const char *key)
{
    char wanted[32];
    const char *at = strstr(text, SUMMARY);

    assert_non_null(at);
    (void)snprintf(wanted, sizeof(wanted), " %s=", key);
    at = strstr(at, wanted);
    assert_non_null(at);
    return strtoull(at + strlen(wanted), NULL, 10);
}

static void lines_that_do_not_fit_are_counted_and_told(void **state)
{
    struct fixture *f = *state;
    size_t filled = tap_stall(&f->taps[LOG_ACCESS]);
    uint64_t kept = push_until_full(f), dropped;

    assert_true(kept * 50 > LIMIT_LOG_RING / 2);
    assert_comes(&f->taps[LOG_MAIN], SUMMARY, 1);
    dropped = logwriter_dropped(f->writer, LOG_ACCESS);
    assert_int_equal(dropped, 1);
    assert_int_equal(summary_value(f->taps[LOG_MAIN].text, "access"), dropped);
    assert_int_equal(summary_value(f->taps[LOG_MAIN].text, "main"), 0);
    tap_release(&f->taps[LOG_ACCESS], filled);
    assert_comes(&f->taps[LOG_ACCESS], "more or less\n", kept);
    assert_int_equal(logwriter_dropped(f->writer, LOG_ACCESS), dropped);
}

static _Atomic uint64_t scripted_us;

static uint64_t scripted(void)
{
    return atomic_load(&scripted_us);
}

static int start_with_scripted_clock(void **state)
{
    atomic_store(&scripted_us, 5000000);
    clock_replace(scripted);
    return start(state);
}

static int stop_and_restore_clock(void **state)
{
    (void)stop(state);
    clock_replace(NULL);
    return 0;
}

static void drops_are_told_at_most_once_a_second(void **state)
{
    struct fixture *f = *state;
    struct tap *t = &f->taps[LOG_MAIN];
    uint64_t first;

    (void)tap_stall(&f->taps[LOG_ACCESS]);
    (void)push_until_full(f);
    assert_comes(t, SUMMARY, 1);
    first = summary_value(t->text, "access");
    while (push(f, LOG_ACCESS, "for the room that the writer made by filling its chunk\n")) {
    }
    let_the_writer_turn(f);
    assert_int_equal(count_of(t->text, SUMMARY), 1);
    tap_forget(t);
    atomic_fetch_add(&scripted_us, 1000000);
    let_the_writer_turn(f);
    assert_comes(t, SUMMARY, 1);
    assert_int_equal(first + summary_value(t->text, "access"),
                     logwriter_dropped(f->writer, LOG_ACCESS));
    tap_forget(t);
    assert_false(push(f, LOG_ACCESS, "for which there still is no room, however long the wait\n"));
    /* The clock stands still: a stream that stayed blocked would hold up the end. */
    tap_hang_up(&f->taps[LOG_ACCESS]);
    stop_writer(f);
    tap_read(t);
    assert_int_equal(count_of(t->text, SUMMARY), 1); /* the end does not wait for the second */
}

static bool all_dropped(void *ctx)
{
    struct fixture *f = ctx;

    return logwriter_dropped(f->writer, LOG_ACCESS) == 100;
}

static void a_stream_without_a_reader_loses_its_lines_and_the_other_goes_on(void **state)
{
    struct fixture *f = *state;

    tap_hang_up(&f->taps[LOG_ACCESS]);
    push_times(f, LOG_ACCESS, "to nobody\n", 100);
    assert_comes(&f->taps[LOG_MAIN], SUMMARY, 1);
    assert_true(push(f, LOG_MAIN, "still here\n"));
    assert_comes(&f->taps[LOG_MAIN], "still here\n", 1);
    assert_true(wait_until(all_dropped, f, PATIENCE_MS));
}

static void a_reader_that_goes_while_the_stream_is_blocked_is_noticed(void **state)
{
    struct fixture *f = *state;

    (void)tap_stall(&f->taps[LOG_ACCESS]);
    push_times(f, LOG_ACCESS, "to nobody\n", 100);
    let_the_writer_turn(f);
    tap_hang_up(&f->taps[LOG_ACCESS]);
    assert_true(wait_until(all_dropped, f, PATIENCE_MS));
}

static void stopping_writes_what_is_left(void **state)
{
    struct fixture *f = *state;

    push_times(f, LOG_ACCESS, "access\n", 1000);
    push_times(f, LOG_MAIN, "main\n", 1000);
    stop_writer(f);
    tap_read(&f->taps[LOG_ACCESS]);
    tap_read(&f->taps[LOG_MAIN]);
    assert_int_equal(count_of(f->taps[LOG_ACCESS].text, "access\n"), 1000);
    assert_int_equal(count_of(f->taps[LOG_MAIN].text, "main\n"), 1000);
}

static void stopping_gives_up_on_a_blocked_stream(void **state)
{
    struct fixture *f = *state;
    uint64_t began_ms;

    (void)tap_stall(&f->taps[LOG_ACCESS]);
    assert_true(push(f, LOG_ACCESS, "access\n"));
    assert_true(push(f, LOG_MAIN, "main\n"));
    began_ms = clock_now_ms();
    stop_writer(f);
    assert_true(clock_now_ms() - began_ms < PATIENCE_MS);
    tap_read(&f->taps[LOG_MAIN]);
    assert_string_equal(f->taps[LOG_MAIN].text, "main\n");
}

/* A socket with a tiny buffer and one unread byte polls writable for a write that then blocks. */
static int stop_while_a_write_blocks(void)
{
    const int smallest = 1;
    struct logwriter *w;
    struct logring *ring;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof(smallest)) < 0 ||
        write(ends[0], "x", 1) != 1) {
        return 1;
    }
    w = logwriter_start(ends[0], ends[0]);
    ring = w != NULL ? logwriter_add_ring(w) : NULL;
    if (ring == NULL) {
        return 1;
    }
    while (logring_push(ring, LOG_ACCESS, "a line of some length\n", 22)) {
    }
    logwriter_stop(w);
    return 0;
}

static void stopping_does_not_hang_on_a_write_that_blocks_after_all(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    if (form_is_under_valgrind()) {
        print_message("             skip %s: what the blocked thread has is lost\n", __func__);
        skip();
    }
    pid = fork(); /* the blocked thread can only be left behind: in a process of its own */
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(PATIENCE_MS / 1000);
        _exit(stop_while_a_write_blocks());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void start_and_stop(void *ctx)
{
    struct fixture *f = ctx;
    struct logwriter *w = logwriter_start(f->taps[0].write_fd, f->taps[1].write_fd);
    struct logring *ring = w != NULL ? logwriter_add_ring(w) : NULL;

    if (ring != NULL) {
        assert_true(logring_push(ring, LOG_MAIN, "line\n", 5));
    }
    logwriter_stop(w); /* NULL is no error */
}

static void a_failed_allocation_is_survived(void **state)
{
    const size_t per_ring = 2 + LOG_STREAMS; /* the link, the ring and its rooms */

    assert_int_equal(failalloc_torture(start_and_stop, *state), 1 + 2 * per_ring);
}

#define RUNNING(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNNING(each_line_comes_out_on_its_stream),
        RUNNING(a_sleeping_writer_is_woken_by_every_line),
        RUNNING(lines_of_many_threads_arrive_whole_and_in_order),
        RUNNING(a_blocked_stream_keeps_its_lines_and_the_other_goes_on),
        RUNNING(a_blocked_main_stream_does_not_stop_access_lines),
        RUNNING(a_shared_non_blocking_descriptor_is_waited_for),
        RUNNING(lines_that_do_not_fit_are_counted_and_told),
        cmocka_unit_test_setup_teardown(drops_are_told_at_most_once_a_second,
                                        start_with_scripted_clock, stop_and_restore_clock),
        RUNNING(a_stream_without_a_reader_loses_its_lines_and_the_other_goes_on),
        RUNNING(a_reader_that_goes_while_the_stream_is_blocked_is_noticed),
        RUNNING(stopping_writes_what_is_left),
        RUNNING(stopping_gives_up_on_a_blocked_stream),
        cmocka_unit_test(stopping_does_not_hang_on_a_write_that_blocks_after_all),
        RUNNING(a_failed_allocation_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
