#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/refuse.h"
#include "support/failsys.h"
#include "support/inline_worker.h"
#include "support/sockopt.h"

#define KIB 1024u

static int setup(void **state)
{
    struct inline_worker *iw;

    failsys_reset();
    inline_worker_setup(state);
    iw = *state;
    inline_worker_open(iw, proxy_fixture_simple(&iw->f));
    return 0;
}

static int teardown(void **state)
{
    failsys_reset();
    return inline_worker_teardown(state);
}

/* A client that has sent `text` and is being answered. */
static int lingering(struct inline_worker *iw, const char *text)
{
    int fd = inline_worker_dial(iw);

    inline_worker_write(iw, fd, text, strlen(text));
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
    return fd;
}

static size_t read_answer(struct inline_worker *iw, int fd, char *out, size_t room)
{
    size_t len = 0;
    ssize_t n = -1;

    do {
        INLINE_UNTIL(iw, (n = read(fd, out + len, room - 1 - len)) >= 0 || errno != EAGAIN);
        assert_true(n >= 0);
        len += (size_t)n;
    } while (n > 0);
    out[len] = '\0';
    return len;
}

static void http_gets_a_whole_400_that_counts_its_own_bytes(void **state)
{
    struct inline_worker *iw = *state;
    char got[1024];
    const char *length, *body;
    size_t len;
    int fd = lingering(iw, "GET / HTTP/1.1\r\nHost: app.proxy.test\r\n\r\n");

    len = read_answer(iw, fd, got, sizeof(got));
    assert_memory_equal(got, "HTTP/1.1 400 ", 13);
    length = strstr(got, "Content-Length: ");
    body = strstr(got, "\r\n\r\n");
    assert_non_null(length);
    assert_non_null(body);
    assert_int_equal(atoi(length + strlen("Content-Length: ")), strlen(body + 4));
    assert_non_null(strstr(got, "Connection: close\r\n"));
    assert_int_equal(iw->w->unrouted.sent_bytes, len);
    close(fd);
    INLINE_UNTIL(iw, inline_worker_ended(iw, END_HELLO_NOT_TLS) == 1);
}

static void a_method_is_known_by_its_first_bytes_alone(void **state)
{
    static const char *const starts[] = {"G",        "POS",  "PUT /", "HEAD / HTTP/1.0", "DELETE ",
                                         "PRI * HT", "OPTI", "C",     "TRACE",           "PATCH "};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        char got[1024];
        int fd = lingering(iw, starts[i]);
        assert_true(read_answer(iw, fd, got, sizeof(got)) > 0);
        close(fd);
        INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    }
}

static void other_protocols_get_a_fin_and_not_a_word(void **state)
{
    static const char *const starts[] = {"SSH-2.0-OpenSSH_9\r\n", "\x80\x2e\x01\x03\x01", "GETS",
                                         "PROXY TCP4 ", "EHLO x\r\n"};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        char got[64];
        int fd = lingering(iw, starts[i]);
        assert_int_equal(read_answer(iw, fd, got, sizeof(got)), 0);
        close(fd);
        INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    }
    assert_int_equal(iw->w->counts[0].hello[HELLO_NOT_TLS], ARRAY_LEN(starts));
}

static void what_is_not_tls_is_answered_as_the_policy_says(void **state)
{
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 10};
    struct inline_worker *iw = *state;
    int fd;

    iw->shared.policy.on_not_tls = PROXY_ANSWER_ALERT;
    fd = lingering(iw, "GET / ");
    inline_worker_expect(iw, fd, alert, sizeof(alert));
    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    iw->shared.policy.on_not_tls = PROXY_ANSWER_CLOSE;
    fd = lingering(iw, "GET / ");
    inline_worker_expect_eof(iw, fd);
    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    iw->shared.policy.on_not_tls = PROXY_ANSWER_RESET;
    fd = inline_worker_dial(iw);
    inline_worker_write(iw, fd, "GET / ", 6);
    inline_worker_expect_reset(iw, fd);
    close(fd);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_NOT_TLS), 3);
}

static void an_answer_is_not_lost_to_a_reset_by_input_that_is_still_coming(void **state)
{
    struct inline_worker *iw = *state;
    static uint8_t more[48 * KIB];
    char got[1024];
    int fd = lingering(iw, "GET / ");

    inline_worker_write(iw, fd, more, sizeof(more)); /* before it looks for the answer */
    INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_LINGERING)->lingered == sizeof(more));
    assert_true(read_answer(iw, fd, got, sizeof(got)) > 0);
    assert_int_equal(iw->w->unrouted.received_bytes, 6 + sizeof(more));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0); /* and the client's FIN ends it at once */
    close(fd);
}

static void lingering_ends_after_its_time(void **state)
{
    struct inline_worker *iw = *state;
    int fd = lingering(iw, "GET / ");

    inline_worker_pass(iw, LIMIT_LINGER_MS - 1);
    assert_int_equal(inline_worker_live(iw), 1);
    inline_worker_pass(iw, 1 + TIMEWHEEL_TICK_MS);
    assert_int_equal(inline_worker_live(iw), 0);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_NOT_TLS), 1);
    close(fd);
}

static void the_hellos_deadline_does_not_cut_the_answer_short_nor_bytes_prolong_it(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);

    inline_worker_pass(iw, 4990);
    inline_worker_write(iw, fd, "GET / ", 6);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
    inline_worker_pass(iw, 500);
    assert_int_equal(inline_worker_live(iw), 1);
    inline_worker_write(iw, fd, "more", 4);
    INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_LINGERING)->lingered == 4);
    inline_worker_pass(iw, 500 + TIMEWHEEL_TICK_MS);
    assert_int_equal(inline_worker_live(iw), 0);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_TIMEOUT), 0);
    close(fd);
}

static void lingering_ends_after_its_bytes(void **state)
{
    struct inline_worker *iw = *state;
    static uint8_t more[LIMIT_LINGER_BYTES];
    int fd = lingering(iw, "GET / ");

    inline_worker_write(iw, fd, more, sizeof(more));
    INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_LINGERING)->lingered == sizeof(more));
    assert_int_equal(inline_worker_live(iw), 1);
    inline_worker_write(iw, fd, more, 1);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_NOT_TLS), 1);
    close(fd);
}

static void a_client_that_resets_meanwhile_keeps_its_reason(void **state)
{
    struct inline_worker *iw = *state;
    int fd = lingering(iw, "GET / ");

    sockopt_reset(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_NOT_TLS), 1);
}

static void interrupted_reads_are_read_again(void **state)
{
    struct inline_worker *iw = *state;
    int fd = lingering(iw, "GET / ");

    failsys_fail(FAILSYS_RECV, EINTR, 0, 2);
    inline_worker_write(iw, fd, "more", 4);
    INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_LINGERING)->lingered == 4);
    close(fd);
}

static void an_answer_that_cannot_be_sent_or_followed_up_ends_the_connection(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);

    failsys_fail(FAILSYS_SEND, EPIPE, 0, 1);
    failsys_fail(FAILSYS_SHUTDOWN, ENOTCONN, 0, 1);
    inline_worker_write(iw, fd, "GET / ", 6);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    close(fd);

    fd = proxy_fixture_dial(&iw->addr); /* arrives with its first bytes: no wait was arranged yet */
    assert_int_equal(write(fd, "GET / ", 6), 6);
    proxy_fixture_arrive(fd);
    failsys_fail(FAILSYS_EVENT_ADD, ENOMEM, 0, 1);
    INLINE_UNTIL(iw, inline_worker_ended(iw, END_HELLO_NOT_TLS) == 2);
    assert_int_equal(inline_worker_live(iw), 0);
    assert_int_equal(iw->w->counts[0].hello[HELLO_NOT_TLS], 2);
    close(fd);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPENED(http_gets_a_whole_400_that_counts_its_own_bytes),
        OPENED(a_method_is_known_by_its_first_bytes_alone),
        OPENED(other_protocols_get_a_fin_and_not_a_word),
        OPENED(what_is_not_tls_is_answered_as_the_policy_says),
        OPENED(an_answer_is_not_lost_to_a_reset_by_input_that_is_still_coming),
        OPENED(lingering_ends_after_its_time),
        OPENED(the_hellos_deadline_does_not_cut_the_answer_short_nor_bytes_prolong_it),
        OPENED(lingering_ends_after_its_bytes),
        OPENED(a_client_that_resets_meanwhile_keeps_its_reason),
        OPENED(interrupted_reads_are_read_again),
        OPENED(an_answer_that_cannot_be_sent_or_followed_up_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
