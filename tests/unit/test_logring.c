#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/logring.h"
#include "support/failalloc.h"

#define PATIENCE_MS 10000
#define RACE_LINES  200000u

/* What a drain handed over, joined. */
struct catch
{
    char text[LOG_STREAMS][4096];
    size_t len[LOG_STREAMS];
    size_t accept; /* lines to take before refusing */
    enum log_stream refuse;
};

static bool on_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct catch *c = ctx;

    if (stream == c->refuse && c->accept-- == 0) {
        c->accept = 0;
        return false;
    }
    memcpy(c->text[stream] + c->len[stream], line, len);
    c->len[stream] += len;
    return true;
}

static struct catch *caught(struct logring *r, size_t lines)
{
    static struct catch c;

    c = (struct catch){.accept = SIZE_MAX};
    assert_int_equal(logring_drain(r, on_line, &c), lines);
    return &c;
}

static bool push(struct logring *r, enum log_stream stream, const char *text)
{
    return logring_push(r, stream, text, strlen(text));
}

static int make_ring(void **state)
{
    *state = logring_new(256);
    return *state == NULL;
}

static int free_ring(void **state)
{
    logring_free(*state);
    return 0;
}

static void lines_come_out_in_order_each_on_its_stream(void **state)
{
    struct logring *r = *state;
    struct catch *c;

    assert_true(push(r, LOG_MAIN, "one\n"));
    assert_true(push(r, LOG_ACCESS, "a\n"));
    assert_true(push(r, LOG_MAIN, "two\n"));
    assert_true(push(r, LOG_ACCESS, "b\n"));
    c = caught(r, 4);
    assert_string_equal(c->text[LOG_MAIN], "one\ntwo\n");
    assert_string_equal(c->text[LOG_ACCESS], "a\nb\n");
    (void)caught(r, 0);
}

static void lines_of_every_length_survive_the_wrap(void **state)
{
    struct logring *r = *state;
    char line[128];
    size_t len;

    for (size_t i = 0; i < 20000; i++) {
        len = i * 31 % 125;
        memset(line, (int)('a' + i % 26), sizeof(line));
        assert_true(logring_push(r, LOG_ACCESS, line, len));
        assert_true(logring_push(r, LOG_ACCESS, "|", 1));
        struct catch *c = caught(r, 2);
        assert_int_equal(c->len[LOG_ACCESS], len + 1);
        assert_memory_equal(c->text[LOG_ACCESS], line, len);
        assert_int_equal(c->text[LOG_ACCESS][len], '|');
    }
    assert_int_equal(logring_dropped(r, LOG_ACCESS), 0);
}

static void a_full_ring_drops_and_counts_and_goes_on_after(void **state)
{
    struct logring *r = *state;
    size_t taken = 0;

    while (push(r, LOG_ACCESS, "0123456789\n")) {
        taken++;
    }
    assert_int_equal(taken, 256 / 16);
    assert_int_equal(logring_dropped(r, LOG_ACCESS), 1);
    assert_false(push(r, LOG_ACCESS, "lost\n"));
    assert_int_equal(logring_dropped(r, LOG_ACCESS), 2);
    assert_int_equal(logring_dropped(r, LOG_MAIN), 0);
    assert_int_equal(caught(r, taken)->len[LOG_ACCESS], taken * 11);
    assert_true(push(r, LOG_ACCESS, "again\n"));
    assert_string_equal(caught(r, 1)->text[LOG_ACCESS], "again\n");
    assert_int_equal(logring_dropped(r, LOG_ACCESS), 2);
}

static void a_full_stream_leaves_the_other_its_room(void **state)
{
    struct logring *r = *state;

    while (push(r, LOG_ACCESS, "0123456789\n")) {
    }
    assert_true(push(r, LOG_MAIN, "through\n"));
    assert_int_equal(logring_dropped(r, LOG_MAIN), 0);
}

static void a_line_that_can_never_fit_is_dropped(void **state)
{
    struct logring *r = *state;
    char line[512] = "";

    assert_false(logring_push(r, LOG_MAIN, line, SIZE_MAX));
    assert_false(logring_push(r, LOG_MAIN, line, sizeof(line)));
    assert_false(logring_push(r, LOG_MAIN, line, 255));
    assert_false(logring_push(r, LOG_MAIN, line, 253));
    assert_int_equal(logring_dropped(r, LOG_MAIN), 4);
    assert_true(logring_push(r, LOG_MAIN, line, 252));
    assert_int_equal(caught(r, 1)->len[LOG_MAIN], 252);
}

static void half_a_ring_fits_at_any_position_of_an_empty_one(void **state)
{
    struct logring *r = *state;
    char line[124] = "";

    for (int i = 0; i < 256; i++) {
        assert_true(push(r, LOG_MAIN, "step"));
        (void)caught(r, 1);
        assert_true(logring_push(r, LOG_MAIN, line, sizeof(line)));
        (void)caught(r, 1);
    }
}

static void a_refused_line_is_kept_and_only_its_stream_waits(void **state)
{
    struct catch c = {.refuse = LOG_ACCESS, .accept = 1};
    struct logring *r = *state;

    assert_true(push(r, LOG_ACCESS, "a\n"));
    assert_true(push(r, LOG_ACCESS, "b\n"));
    assert_true(push(r, LOG_ACCESS, "c\n"));
    assert_true(push(r, LOG_MAIN, "m\n"));
    assert_int_equal(logring_drain(r, on_line, &c), 2);
    assert_string_equal(c.text[LOG_ACCESS], "a\n");
    assert_string_equal(c.text[LOG_MAIN], "m\n");
    assert_true(logring_has_lines(r, LOG_ACCESS));
    assert_false(logring_has_lines(r, LOG_MAIN));
    assert_string_equal(caught(r, 2)->text[LOG_ACCESS], "b\nc\n");
    assert_false(logring_has_lines(r, LOG_ACCESS));
}

static bool push_one_more(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    (void)line;
    (void)len;
    return push(ctx, stream, "more\n");
}

static void a_drain_ends_even_if_lines_keep_coming(void **state)
{
    struct logring *r = *state;

    assert_true(push(r, LOG_MAIN, "first\n"));
    assert_int_equal(logring_drain(r, push_one_more, r), 1);
    assert_string_equal(caught(r, 1)->text[LOG_MAIN], "more\n");
}

static bool rung(const struct logring_bell *bell)
{
    uint64_t count;

    return read(bell->event_fd, &count, sizeof(count)) == sizeof(count);
}

static void the_bell_rings_once_and_only_when_wanted(void **state)
{
    struct logring_bell bell = {.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    struct logring *r = *state;

    assert_true(bell.event_fd >= 0);
    assert_true(push(r, LOG_MAIN, "before there is a bell\n"));
    logring_set_bell(r, &bell);
    assert_true(push(r, LOG_MAIN, "nobody sleeps\n"));
    assert_false(rung(&bell));
    bell.wanted = true;
    assert_true(push(r, LOG_MAIN, "wake up\n"));
    assert_false(bell.wanted);
    assert_true(rung(&bell));
    assert_true(push(r, LOG_MAIN, "awake\n"));
    assert_false(rung(&bell));
    (void)close(bell.event_fd);
}

/* A producer that never rests against a consumer that sleeps whenever it can. */
struct race {
    struct logring *ring;
    struct logring_bell bell;
    unsigned next;    /* number of the line expected */
    bool out_of_turn; /* the consumer's findings; asserted after the join */
    bool overslept;
    uint64_t refused; /* pushes that had to be repeated */
};

static void *produce(void *arg)
{
    struct race *r = arg;
    char line[64];
    int len;

    for (unsigned i = 0; i < RACE_LINES; i++) {
        len = snprintf(line, sizeof(line), "%u%.*s\n", i, (int)(i % 40),
                       "                        "
                       "                ");
        while (!logring_push(r->ring, LOG_ACCESS, line, (size_t)len)) {
            r->refused++;
            (void)sched_yield();
        }
    }
    return NULL;
}

static bool check_number(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct race *r = ctx;
    char *end;

    if (stream != LOG_ACCESS || line[len - 1] != '\n' || strtoul(line, &end, 10) != r->next ||
        (size_t)(line + len - 1 - end) != r->next % 40) {
        r->out_of_turn = true;
    }
    r->next++;
    return true;
}

static void *consume(void *arg)
{
    struct race *r = arg;
    struct pollfd p = {.fd = r->bell.event_fd, .events = POLLIN};

    while (r->next < RACE_LINES && !r->overslept) {
        if (logring_drain(r->ring, check_number, r) > 0) {
            continue;
        }
        atomic_store(&r->bell.wanted, true);
        if (!logring_has_lines(r->ring, LOG_ACCESS)) {
            r->overslept = poll(&p, 1, PATIENCE_MS) != 1;
            (void)rung(&r->bell);
        }
    }
    return NULL;
}

static void under_threads_no_line_and_no_wakeup_is_lost(void **state)
{
    struct race r = {.ring = *state, .bell.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    pthread_t producer, consumer;

    logring_set_bell(r.ring, &r.bell);
    assert_int_equal(pthread_create(&consumer, NULL, consume, &r), 0);
    assert_int_equal(pthread_create(&producer, NULL, produce, &r), 0);
    assert_int_equal(pthread_join(producer, NULL), 0);
    assert_int_equal(pthread_join(consumer, NULL), 0);
    (void)close(r.bell.event_fd);
    assert_false(r.overslept);
    assert_false(r.out_of_turn);
    assert_int_equal(r.next, RACE_LINES);
    assert_int_equal(logring_dropped(r.ring, LOG_ACCESS), r.refused);
}

static void make_and_free(void *ctx)
{
    struct logring *r = logring_new(1024);

    (void)ctx;
    if (r != NULL) {
        assert_true(push(r, LOG_MAIN, "left behind\n"));
    }
    logring_free(r);
}

static void a_failed_allocation_is_survived(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(make_and_free, NULL), 1 + LOG_STREAMS);
}

#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, make_ring, free_ring)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RING(lines_come_out_in_order_each_on_its_stream),
        WITH_RING(lines_of_every_length_survive_the_wrap),
        WITH_RING(a_full_ring_drops_and_counts_and_goes_on_after),
        WITH_RING(a_full_stream_leaves_the_other_its_room),
        WITH_RING(a_line_that_can_never_fit_is_dropped),
        WITH_RING(half_a_ring_fits_at_any_position_of_an_empty_one),
        WITH_RING(a_refused_line_is_kept_and_only_its_stream_waits),
        WITH_RING(a_drain_ends_even_if_lines_keep_coming),
        WITH_RING(the_bell_rings_once_and_only_when_wanted),
        WITH_RING(under_threads_no_line_and_no_wakeup_is_lost),
        cmocka_unit_test(a_failed_allocation_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
