#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "base/netaddr.h"
#include "support/wait_until.h"

#define PATIENCE_MS 20000

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

/* Lines of the test's own thread land here. */
static struct logring *ring;
static char taken[LIMIT_LOG_LINE + 1];
static size_t taken_len;
static enum log_stream taken_stream;

static int open_log(enum log_format format)
{
    log_configure(LOG_INFO, format);
    ring = logring_new(16384);
    log_use_ring(ring);
    return ring == NULL;
}

static int open_text(void **state)
{
    (void)state;
    return open_log(LOG_TEXT);
}

static int open_json(void **state)
{
    (void)state;
    return open_log(LOG_JSON);
}

static int close_log(void **state)
{
    (void)state;
    log_use_ring(NULL);
    logring_free(ring);
    log_configure(LOG_INFO, LOG_TEXT);
    return 0;
}

static bool on_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    (void)ctx;
    assert_in_range(len, 1, LIMIT_LOG_LINE);
    memcpy(taken, line, len);
    taken[len] = '\0';
    taken_len = len;
    taken_stream = stream;
    return true;
}

/* The one line that was sent; promises that hold for every line are checked here. */
static const char *sent(enum log_stream stream)
{
    assert_int_equal(logring_drain(ring, on_line, NULL), 1);
    assert_int_equal(taken_stream, stream);
    assert_ptr_equal(memchr(taken, '\n', taken_len), taken + taken_len - 1);
    for (size_t i = 0; i < taken_len - 1; i++) {
        assert_in_range((unsigned char)taken[i], 0x20, 0xff);
        assert_int_not_equal(taken[i], 0x7f);
    }
    return taken;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t re;
    int rc;

    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    rc = regexec(&re, text, 0, NULL, 0);
    regfree(&re);
    if (rc != 0) {
        fail_msg("\"%s\" does not match %s", text, pattern);
    }
}

/* What follows the time of an access line with one field, without the newline. */
static const char *field(const char *key, const char *value, size_t len)
{
    struct log_line l;
    char *rest;

    log_line_begin_access(&l);
    log_line_strn(&l, key, value, len);
    log_line_send(&l);
    (void)sent(LOG_ACCESS);
    taken[taken_len - 1] = '\0';
    rest = strchr(taken, 'Z');
    assert_non_null(rest);
    return rest + 1;
}

static void assert_utf8(char *text, size_t len)
{
    iconv_t cd = iconv_open("WCHAR_T", "UTF-8");
    char out[4 * LIMIT_LOG_LINE];
    size_t left = sizeof(out);
    char *at = out;

    assert_true(cd != (iconv_t)-1); /* NOLINT(performance-no-int-to-ptr): iconv(3) has it so */
    assert_int_equal(iconv(cd, &text, &len, &at, &left), 0);
    (void)iconv_close(cd);
}

/* The line as JSON; the caller deletes it. */
static cJSON *sent_json(enum log_stream stream)
{
    const char *end;
    cJSON *json;

    (void)sent(stream);
    assert_utf8(taken, taken_len);
    json = cJSON_ParseWithOpts(taken, &end, false);
    assert_non_null(json);
    assert_string_equal(end, "\n");
    assert_true(cJSON_IsObject(json));
    return json;
}

static void a_message_has_time_level_and_text(void **state)
{
    (void)state;
    log_message(LOG_INFO, "listening on %s port %d", "here", 443);
    assert_matches(sent(LOG_MAIN),
                   "^time=" TIME " level=info msg=\"listening on here port 443\"\n$");
    log_message(LOG_ERROR, "gone");
    assert_matches(sent(LOG_MAIN), "^time=" TIME " level=error msg=gone\n$");
    log_message(LOG_WARN, "%s", "");
    assert_matches(sent(LOG_MAIN), "^time=" TIME " level=warn msg=-\n$");
}

static void a_json_message_has_the_same(void **state)
{
    (void)state;
    log_message(LOG_INFO, "port \"%d\"", 443);
    assert_matches(sent(LOG_MAIN), "^\\{\"time\":\"" TIME
                                   "\",\"level\":\"info\",\"msg\":\"port \\\\\"443\\\\\"\"\\}\n$");
    log_message(LOG_WARN, "%s", "");
    assert_matches(sent(LOG_MAIN), ",\"level\":\"warn\",\"msg\":null\\}\n$");
}

static bool is_later(void *ctx)
{
    const time_t *second = ctx;

    return clock_wall().tv_sec > *second;
}

static void the_time_is_now_in_utc(void **state)
{
    struct tm tm = {0};
    time_t before, when = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(wait_until(is_later, &when, PATIENCE_MS)); /* the text is kept for a second */
        before = clock_wall().tv_sec;
        log_message(LOG_INFO, "now");
        assert_non_null(strptime(sent(LOG_MAIN), "time=%Y-%m-%dT%H:%M:%S.", &tm));
        when = timegm(&tm);
        assert_in_range(when, before, clock_wall().tv_sec);
    }
}

static void only_enabled_levels_are_written(void **state)
{
    (void)state;
    log_configure(LOG_WARN, LOG_TEXT);
    assert_false(log_enabled(LOG_DEBUG));
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    assert_true(log_enabled(LOG_ERROR));
    log_info("no");
    assert_int_equal(logring_drain(ring, on_line, NULL), 0);
    log_warn("yes");
    assert_matches(sent(LOG_MAIN), "level=warn msg=yes\n$");
    log_error("yes");
    assert_matches(sent(LOG_MAIN), "level=error msg=yes\n$");
    log_configure(LOG_DEBUG, LOG_TEXT);
    log_debug("yes");
    assert_matches(sent(LOG_MAIN), "level=debug msg=yes\n$");
}

static void text_values_are_quoted_when_they_must_be(void **state)
{
    static const struct {
        const char *value, *written;
    } rows[] = {
        {"shop.test", " k=shop.test"},
        {"AZaz09._:/@+-*", " k=AZaz09._:/@+-*"},
        {"*.shop.test", " k=*.shop.test"},
        {"a b", " k=\"a b\""},
        {"a=b", " k=\"a=b\""},
        {"a,b", " k=\"a,b\""},
        {"[::1]:80", " k=\"[::1]:80\""},
        {" ", " k=\" \""},
        {"~!", " k=\"~!\""},
        {"a\"b", " k=\"a\\\"b\""},
        {"a\\b", " k=\"a\\\\b\""},
        {"\n", " k=\"\\x0a\""},
        {"a\r\nlevel=error", " k=\"a\\x0d\\x0alevel=error\""},
        {"\x1b[31m", " k=\"\\x1b[31m\""},
        {"\x7f\x80\xff\x01", " k=\"\\x7f\\x80\\xff\\x01\""},
        {"\xc3\xa4", " k=\"\\xc3\\xa4\""},
        {"", " k=-"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(field("k", rows[i].value, strlen(rows[i].value)), rows[i].written);
    }
    assert_string_equal(field("k", "a\0b", 3), " k=\"a\\x00b\"");
    assert_string_equal(field("k", NULL, 7), " k=-");
    assert_string_equal(field("k", "abc", 1), " k=a");
}

static void json_values_are_escaped_and_utf8_is_kept(void **state)
{
    static const struct {
        const char *value, *written;
    } rows[] = {
        {"shop.test", "shop.test"},
        {"a\"b\\c", "a\\\"b\\\\c"},
        {"\n\x1b\x7f", "\\u000a\\u001b\\u007f"},
        {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xc2\x80\xc2\x9b\xc2\x9f", "\\u0080\\u009b\\u009f"}, /* C1 controls: CSI is U+009B */
        {"\x80\xbf\xfe\xff", "\\u0080\\u00bf\\u00fe\\u00ff"},
        {"\xc0\xaf", "\\u00c0\\u00af"},                       /* overlong '/' */
        {"\xc1\xbf", "\\u00c1\\u00bf"},                       /* overlong */
        {"\xe0\x9f\xbf", "\\u00e0\\u009f\\u00bf"},            /* overlong */
        {"\xe0\xa0\x80", "\xe0\xa0\x80"},                     /* U+0800 */
        {"\xed\x9f\xbf", "\xed\x9f\xbf"},                     /* U+D7FF */
        {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"},            /* U+D800, a surrogate */
        {"\xee\x80\x80", "\xee\x80\x80"},                     /* U+E000 */
        {"\xf0\x8f\xbf\xbf", "\\u00f0\\u008f\\u00bf\\u00bf"}, /* overlong */
        {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},             /* U+10000 */
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},             /* U+10FFFF */
        {"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"}, /* beyond */
        {"\xf5\x80\x80\x80", "\\u00f5\\u0080\\u0080\\u0080"}, /* beyond */
        {"\xe2\x82", "\\u00e2\\u0082"},                       /* cut short */
        {"\xe2\x82z", "\\u00e2\\u0082z"},                     /* broken in the third byte */
        {"\xf0\x9f\x98z", "\\u00f0\\u009f\\u0098z"},          /* and in the fourth */
        {"\xc3\xc3\xa4", "\\u00c3\xc3\xa4"},                  /* the next start is not eaten */
    };
    char expected[LIMIT_LOG_LINE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)snprintf(expected, sizeof(expected), "\",\"k\":\"%s\"}", rows[i].written);
        assert_string_equal(field("k", rows[i].value, strlen(rows[i].value)), expected);
    }
    assert_string_equal(field("k", "a\0b", 3), "\",\"k\":\"a\\u0000b\"}");
    assert_string_equal(field("k", "", 0), "\",\"k\":null}");
    assert_string_equal(field("k", NULL, 7), "\",\"k\":null}");
}

/* An access line with every kind of field. */
static void send_all_kinds(void)
{
    struct netaddr v4, v6, none = {.family = AF_UNSPEC};
    struct log_line l;

    assert_int_equal(netaddr_parse("1.2.3.4:80", &v4), 0);
    assert_int_equal(netaddr_parse("[2001:db8::7]:443", &v6), 0);
    log_line_begin_access(&l);
    log_line_str(&l, "a", "x");
    log_line_str(&l, "b", "");
    log_line_str(&l, "c", NULL);
    log_line_addr(&l, "d", &v4);
    log_line_addr(&l, "e", &v6);
    log_line_addr(&l, "f", &none);
    log_line_addr(&l, "g", NULL);
    log_line_uint(&l, "h", 0);
    log_line_uint(&l, "i", UINT64_MAX);
    log_line_ms(&l, "j", 7);
    log_line_ms(&l, "k", 12345);
    log_line_ms(&l, "l", 1000000);
    log_line_ms(&l, "m", UINT64_MAX);
    log_line_send(&l);
}

static void every_kind_of_field_has_its_text(void **state)
{
    (void)state;
    send_all_kinds();
    assert_matches(sent(LOG_ACCESS),
                   "^time=" TIME " a=x b=- c=- d=1\\.2\\.3\\.4:80 e=\"\\[2001:db8::7\\]:443\" "
                   "f=- g=- h=0 i=18446744073709551615 j=0\\.007 k=12\\.345 l=1000\\.000 "
                   "m=18446744073709551\\.615\n$");
}

static void every_kind_of_field_has_its_json_type(void **state)
{
    (void)state;
    send_all_kinds();
    assert_matches(sent(LOG_ACCESS),
                   "^\\{\"time\":\"" TIME "\",\"a\":\"x\",\"b\":null,\"c\":null,"
                   "\"d\":\"1\\.2\\.3\\.4:80\",\"e\":\"\\[2001:db8::7\\]:443\","
                   "\"f\":null,\"g\":null,\"h\":0,\"i\":18446744073709551615,\"j\":0\\.007,"
                   "\"k\":12\\.345,\"l\":1000\\.000,\"m\":18446744073709551\\.615\\}\n$");
}

static void a_value_is_cut_at_its_limit(void **state)
{
    char value[2 * LIMIT_LOG_VALUE + 1] = "";
    const size_t most = strlen(" k=") + LIMIT_LOG_VALUE;

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    assert_int_equal(strlen(field("k", value, LIMIT_LOG_VALUE - 1)), most - 1);
    assert_int_equal(strlen(field("k", value, LIMIT_LOG_VALUE + 1)), most);
    assert_int_equal(strlen(field("k", value, SIZE_MAX)), most);
}

static void a_cut_inside_a_character_still_is_valid_json(void **state)
{
    char value[LIMIT_LOG_VALUE + 1];
    struct log_line l;
    cJSON *json;

    (void)state;
    memset(value, 'v', sizeof(value));
    value[LIMIT_LOG_VALUE - 1] = '\xc3';
    value[LIMIT_LOG_VALUE] = '\xa4';
    log_line_begin_access(&l);
    log_line_strn(&l, "k", value, sizeof(value));
    log_line_send(&l);
    json = sent_json(LOG_ACCESS);
    assert_matches(cJSON_GetObjectItem(json, "k")->valuestring, "v\xc3\x83$"); /* U+00C3 */
    cJSON_Delete(json);
}

/* The worst value takes six bytes for one; two of them do not fit one line. */
static void send_overlong(struct log_line *l)
{
    char worst[LIMIT_LOG_VALUE];

    memset(worst, '\x01', sizeof(worst));
    log_line_begin_access(l);
    log_line_strn(l, "a", worst, 100);
    log_line_strn(l, "big", worst, sizeof(worst));
    log_line_strn(l, "lost", worst, sizeof(worst));
    log_line_uint(l, "late", 1); /* would fit, but comes after a lost one */
    log_line_send(l);
}

static void a_line_that_grows_too_long_loses_its_last_fields(void **state)
{
    struct log_line l;

    (void)state;
    send_overlong(&l);
    assert_matches(sent(LOG_ACCESS), " big=\"(\\\\x01)+\" truncated=true\n$");
    assert_true(l.truncated);
}

static void a_json_line_that_grows_too_long_stays_json(void **state)
{
    struct log_line l;
    cJSON *json;

    (void)state;
    send_overlong(&l);
    json = sent_json(LOG_ACCESS);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "truncated")));
    assert_null(cJSON_GetObjectItem(json, "lost"));
    assert_null(cJSON_GetObjectItem(json, "late"));
    cJSON_Delete(json);
}

/* Around the limit a message is either whole or marked as cut; escaped ones are cut earlier. */
static void check_long_messages(char byte, size_t surely_whole, size_t surely_cut)
{
    char msg[2 * LIMIT_LOG_LINE];
    cJSON *json;
    bool cut;

    for (size_t n = surely_whole; n < sizeof(msg); n++) {
        memset(msg, byte, n);
        msg[n] = '\0';
        log_message(LOG_INFO, "%s", msg);
        cut = strstr(sent(LOG_MAIN), "truncated") != NULL;
        json = cJSON_Parse(taken);
        assert_int_equal(json != NULL, taken[0] == '{');
        cJSON_Delete(json);
        assert_true(cut || n < surely_cut);
        assert_true(!cut || n > surely_whole);
        assert_true(cut || byte != 'm' || strstr(taken, msg) != NULL);
    }
}

static void a_long_message_is_cut_to_fit(void **state)
{
    (void)state;
    check_long_messages('m', LIMIT_LOG_LINE - 100, LIMIT_LOG_LINE - 50);
    check_long_messages('\x01', LIMIT_LOG_LINE / 4 - 25, LIMIT_LOG_LINE / 4);
    log_configure(LOG_INFO, LOG_JSON);
    check_long_messages('m', LIMIT_LOG_LINE - 100, LIMIT_LOG_LINE - 50);
    check_long_messages('\x01', LIMIT_LOG_LINE / 6 - 20, LIMIT_LOG_LINE / 6);
}

/* Lines of random fields; a fixed seed, so that a failure can be repeated. */
static void send_random(unsigned *seed)
{
    char value[400];
    struct log_line l;
    int fields = rand_r(seed) % 20;

    log_line_begin(&l, LOG_INFO, "random");
    for (int i = 0; i < fields; i++) {
        size_t len = (size_t)rand_r(seed) % (rand_r(seed) % 4 == 0 ? sizeof(value) : 30);
        int kind = rand_r(seed) % 6;

        for (size_t j = 0; j < len; j++) {
            value[j] = (char)(kind < 3 ? rand_r(seed) % 256 : 'a' + rand_r(seed) % 26);
        }
        if (kind == 4) {
            log_line_uint(&l, "u", (uint64_t)rand_r(seed) << (rand_r(seed) % 33));
        } else if (kind == 5) {
            log_line_ms(&l, "t", (uint64_t)rand_r(seed));
        } else {
            log_line_strn(&l, "s", value, len);
        }
    }
    log_line_send(&l);
}

static void random_lines_keep_the_promises_as_text(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        send_random(&seed);
        (void)sent(LOG_MAIN);
        for (size_t at = 0; at < taken_len - 1; at++) {
            assert_in_range((unsigned char)taken[at], 0x20, 0x7e);
        }
    }
}

static void random_lines_keep_the_promises_as_json(void **state)
{
    unsigned seed = 2;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        send_random(&seed);
        cJSON_Delete(sent_json(LOG_MAIN));
    }
}

static void every_length_near_the_limit_ends_properly(void **state)
{
    char value[LIMIT_LOG_VALUE];
    struct log_line l;

    (void)state;
    memset(value, 'v', sizeof(value));
    for (size_t n = 1; n <= sizeof(value); n++) {
        log_line_begin_access(&l);
        for (int i = 0; i < 6; i++) {
            log_line_strn(&l, "k", value, sizeof(value));
        }
        log_line_strn(&l, "more", value, n);
        log_line_strn(&l, "z", value, 1);
        log_line_send(&l);
        cJSON_Delete(sent_json(LOG_ACCESS));
    }
}

static void a_line_that_cannot_be_written_leaves_errno(void **state)
{
    int saved = dup(STDERR_FILENO);

    (void)state;
    log_use_ring(NULL);
    (void)close(STDERR_FILENO);
    errno = ENOENT;
    log_info("to nowhere");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved);
}

/* Let `fd` be a pipe while one line goes straight to it; returns what came. */
static const char *straight(int fd, enum log_stream stream)
{
    static char text[LIMIT_LOG_LINE + 1];
    int ends[2], saved = dup(fd);
    struct log_line l;
    ssize_t n;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)fflush(NULL);
    assert_int_equal(dup2(ends[1], fd), fd);
    if (stream == LOG_ACCESS) {
        log_line_begin_access(&l);
        log_line_send(&l);
    } else {
        log_info("direct");
    }
    assert_int_equal(dup2(saved, fd), fd);
    (void)close(saved);
    (void)close(ends[1]);
    n = read(ends[0], text, sizeof(text) - 1);
    (void)close(ends[0]);
    assert_true(n > 0);
    text[n] = '\0';
    return text;
}

static void without_a_ring_lines_go_straight_to_their_stream(void **state)
{
    (void)state;
    log_use_ring(NULL);
    assert_matches(straight(STDERR_FILENO, LOG_MAIN), "^time=" TIME " level=info msg=direct\n$");
    assert_matches(straight(STDOUT_FILENO, LOG_ACCESS), "^time=" TIME "\n$");
    assert_int_equal(logring_drain(ring, on_line, NULL), 0);
}

static void *log_to_own_ring(void *arg)
{
    log_use_ring(arg);
    log_info("other thread");
    return NULL;
}

static void each_thread_has_its_own_ring(void **state)
{
    struct logring *other = logring_new(4096);
    pthread_t thread;

    (void)state;
    assert_non_null(other);
    assert_int_equal(pthread_create(&thread, NULL, log_to_own_ring, other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(logring_drain(ring, on_line, NULL), 0);
    assert_int_equal(logring_drain(other, on_line, NULL), 1);
    log_info("this thread");
    assert_matches(sent(LOG_MAIN), "msg=\"this thread\"");
    logring_free(other);
}

#define TEXT(test) cmocka_unit_test_setup_teardown(test, open_text, close_log)
#define JSON(test) cmocka_unit_test_setup_teardown(test, open_json, close_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEXT(a_message_has_time_level_and_text),
        JSON(a_json_message_has_the_same),
        TEXT(the_time_is_now_in_utc),
        TEXT(only_enabled_levels_are_written),
        TEXT(text_values_are_quoted_when_they_must_be),
        JSON(json_values_are_escaped_and_utf8_is_kept),
        TEXT(every_kind_of_field_has_its_text),
        JSON(every_kind_of_field_has_its_json_type),
        TEXT(a_value_is_cut_at_its_limit),
        JSON(a_cut_inside_a_character_still_is_valid_json),
        TEXT(a_line_that_grows_too_long_loses_its_last_fields),
        JSON(a_json_line_that_grows_too_long_stays_json),
        TEXT(a_long_message_is_cut_to_fit),
        TEXT(random_lines_keep_the_promises_as_text),
        JSON(random_lines_keep_the_promises_as_json),
        JSON(every_length_near_the_limit_ends_properly),
        TEXT(a_line_that_cannot_be_written_leaves_errno),
        TEXT(without_a_ring_lines_go_straight_to_their_stream),
        TEXT(each_thread_has_its_own_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
