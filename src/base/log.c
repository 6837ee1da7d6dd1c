#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/logring.h"
#include "base/netaddr.h"
#include "base/utf8.h"

/* Kept free behind the fields for the longest ending, so that every line can be ended. */
#define ENDING_MAX    (sizeof(",\"truncated\":true}\n") - 1)
#define BODY_MAX      (LIMIT_LOG_LINE - ENDING_MAX)
#define ESCAPE_MAX    (sizeof("\\u0000") - 1)
#define UINT64_DIGITS 20

static enum log_level min_level = LOG_INFO;
static enum log_format line_format = LOG_TEXT;
static _Thread_local struct logring *own_ring;

void log_configure(enum log_level level, enum log_format format)
{
    min_level = level;
    line_format = format;
}

bool log_enabled(enum log_level level)
{
    return level >= min_level;
}

void log_use_ring(struct logring *ring)
{
    own_ring = ring;
}

/* Append all or nothing. */
static bool put(struct log_line *l, const char *bytes, size_t n)
{
    if (n > BODY_MAX - l->len) {
        return false;
    }
    memcpy(l->text + l->len, bytes, n);
    l->len += n;
    return true;
}

static bool put_text(struct log_line *l, const char *text)
{
    return put(l, text, strlen(text));
}

/* What the text format writes without quotes. */
static bool is_bare(const char *s, size_t n)
{
    static const bool bare[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['.'] = true,
        ['_'] = true,         [':'] = true,         ['/'] = true,         ['@'] = true,
        ['+'] = true,         ['-'] = true,         ['*'] = true,
    };

    for (size_t i = 0; i < n; i++) {
        if (!bare[(uint8_t)s[i]]) {
            return false;
        }
    }
    return true;
}

/* How many of the bytes stand for themselves inside quotes, in both formats. */
static size_t plain_run(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] >= 0x20 && s[i] <= 0x7e && s[i] != '"' && s[i] != '\\') {
        i++;
    }
    return i;
}

/* Write the escape of one byte to `out`; returns its length. */
static size_t escape_byte(char c, char out[ESCAPE_MAX])
{
    static const char unicode[] = {'u', '0', '0'};
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;

    out[len++] = '\\';
    if (c == '"' || c == '\\') {
        out[len++] = c;
        return len;
    }
    if (line_format == LOG_JSON) {
        memcpy(out + len, unicode, sizeof(unicode));
        len += sizeof(unicode);
    } else {
        out[len++] = 'x';
    }
    out[len++] = hex[(uint8_t)c >> 4];
    out[len++] = hex[(uint8_t)c & 0xf];
    return len;
}

/* Append what plain_run() stopped at; there is room.  Returns how many bytes that used up. */
static size_t put_special(struct log_line *l, const char *s, size_t n)
{
    size_t seq = line_format == LOG_JSON ? utf8_len(s, n) : 0;
    char escape[ESCAPE_MAX];

    if (seq > 1 && !utf8_is_control(s, seq)) {
        (void)put(l, s, seq);
        return seq;
    }
    seq = seq > 0 ? seq : 1;
    /* The second byte of U+0080 to U+009F happens to be their number. */
    (void)put(l, escape, escape_byte(s[seq - 1], escape));
    return seq;
}

/* Append in quotes as much as there is room for; false when that is not everything. */
static bool put_quoted(struct log_line *l, const char *s, size_t n)
{
    size_t room, run, i = 0;

    if (BODY_MAX - l->len < 2) {
        return false;
    }
    (void)put(l, "\"", 1);
    while (i < n) {
        room = BODY_MAX - l->len - 1; /* the closing quote */
        run = plain_run(s + i, n - i < room ? n - i : room);
        (void)put(l, s + i, run);
        i += run;
        if (i == n || room - run < ESCAPE_MAX) {
            break;
        }
        i += put_special(l, s + i, n - i);
    }
    (void)put(l, "\"", 1);
    return i == n;
}

static bool put_value(struct log_line *l, const char *s, size_t n)
{
    if (n == 0) {
        return put_text(l, line_format == LOG_JSON ? "null" : "-");
    }
    if (line_format == LOG_TEXT && is_bare(s, n)) {
        return put(l, s, n);
    }
    return put_quoted(l, s, n);
}

/* Digits of ours, which both formats write bare. */
static bool put_uint(struct log_line *l, uint64_t value)
{
    char digits[UINT64_DIGITS];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(l, digits + at, sizeof(digits) - at);
}

static bool put_3_digits(struct log_line *l, uint64_t value)
{
    const char text[] = {'.', (char)('0' + value / 100 % 10), (char)('0' + value / 10 % 10),
                         (char)('0' + value % 10)};

    return put(l, text, sizeof(text));
}

/* No key follows a field that did not fit: what is missing are the last fields. */
static bool put_key(struct log_line *l, const char *key)
{
    if (l->truncated) {
        return false;
    }
    if (line_format == LOG_JSON) {
        return put_text(l, ",\"") && put_text(l, key) && put_text(l, "\":");
    }
    return put(l, " ", 1) && put_text(l, key) && put(l, "=", 1);
}

/* "2026-01-02T03:04:05", written anew once a second and thread. */
static const char *seconds_text(time_t second)
{
    static _Thread_local char text[32];
    static _Thread_local time_t written;
    struct tm tm;

    if (text[0] == '\0' || second != written) {
        if (gmtime_r(&second, &tm) == NULL ||
            strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
            memcpy(text, "-", sizeof("-"));
        }
        written = second;
    }
    return text;
}

static void begin(struct log_line *l, enum log_stream stream)
{
    struct timespec now = clock_wall();

    l->len = 0;
    l->stream = stream;
    l->truncated = false;
    /* All of this is short; it fits. */
    (void)put_text(l, line_format == LOG_JSON ? "{\"time\":\"" : "time=");
    (void)put_text(l, seconds_text(now.tv_sec));
    (void)put_3_digits(l, (uint64_t)now.tv_nsec / 1000000u);
    (void)put_text(l, line_format == LOG_JSON ? "Z\"" : "Z");
}

void log_line_begin(struct log_line *l, enum log_level level, const char *msg)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    begin(l, LOG_MAIN);
    log_line_str(l, "level", names[level]);
    /* The message is what the line is for: rather cut than dropped. */
    (void)put_key(l, "msg");
    l->truncated = !put_value(l, msg, strlen(msg));
}

void log_line_begin_access(struct log_line *l)
{
    begin(l, LOG_ACCESS);
}

static void drop_field(struct log_line *l, size_t start)
{
    l->len = start;
    l->truncated = true;
}

void log_line_strn(struct log_line *l, const char *key, const char *value, size_t len)
{
    size_t n = len < LIMIT_LOG_VALUE ? len : LIMIT_LOG_VALUE;
    size_t start = l->len;

    if (!put_key(l, key) || !put_value(l, value, value != NULL ? n : 0)) {
        drop_field(l, start);
    }
}

void log_line_str(struct log_line *l, const char *key, const char *value)
{
    log_line_strn(l, key, value, value != NULL ? strnlen(value, LIMIT_LOG_VALUE) : 0);
}

void log_line_uint(struct log_line *l, const char *key, uint64_t value)
{
    size_t start = l->len;

    if (!put_key(l, key) || !put_uint(l, value)) {
        drop_field(l, start);
    }
}

void log_line_ms(struct log_line *l, const char *key, uint64_t us)
{
    size_t start = l->len;

    if (!put_key(l, key) || !put_uint(l, us / 1000) || !put_3_digits(l, us % 1000)) {
        drop_field(l, start);
    }
}

void log_line_addr(struct log_line *l, const char *key, const struct netaddr *a)
{
    char text[NETADDR_TEXT_MAX];

    if (a == NULL || a->family == AF_UNSPEC) {
        log_line_strn(l, key, NULL, 0);
        return;
    }
    log_line_str(l, key, netaddr_format(a, text));
}

/* Room for it was kept, see ENDING_MAX. */
static void end(struct log_line *l)
{
    const char *ending;
    size_t n;

    if (line_format == LOG_JSON) {
        ending = l->truncated ? ",\"truncated\":true}\n" : "}\n";
    } else {
        ending = l->truncated ? " truncated=true\n" : "\n";
    }
    n = strlen(ending);
    memcpy(l->text + l->len, ending, n);
    l->len += n;
}

/* There is nobody to tell when the log itself cannot be written. */
static void write_line(int fd, const char *text, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(fd, text, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        text += n;
        len -= (size_t)n;
    }
}

void log_line_send(struct log_line *l)
{
    int saved_errno = errno; /* logging a failure must not change it */

    end(l);
    if (own_ring != NULL) {
        (void)logring_push(own_ring, l->stream, l->text, l->len); /* a lost line is counted there */
    } else {
        write_line(l->stream == LOG_ACCESS ? STDOUT_FILENO : STDERR_FILENO, l->text, l->len);
    }
    errno = saved_errno;
}

void log_message(enum log_level level, const char *fmt, ...)
{
    char msg[LIMIT_LOG_LINE];
    struct log_line line;
    va_list args;

    if (!log_enabled(level)) {
        return;
    }
    msg[0] = '\0';
    va_start(args, fmt);
    (void)vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    log_line_begin(&line, level, msg);
    log_line_send(&line);
}
