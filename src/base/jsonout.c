#include "base/jsonout.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

#define DIGITS_MAX 20 /* of a uint64_t */

static void put(struct jsonout *j, const void *bytes, size_t n)
{
    if (j->rc == 0) {
        j->rc = buf_append(j->out, bytes, n);
    }
}

static void put_text(struct jsonout *j, const char *text)
{
    put(j, text, strlen(text));
}

static void break_line(struct jsonout *j)
{
    static const char indent[2 * JSONOUT_DEPTH + 1] = "\n                                ";

    if (j->pretty) {
        put(j, indent, 1 + 2 * (size_t)j->depth);
    }
}

/* What stands before a value: a comma behind another one, and the key. */
static void begin(struct jsonout *j, const char *key)
{
    if (!j->empty) {
        put_text(j, ",");
    }
    j->empty = false;
    if (j->depth > 0) {
        break_line(j);
    }
    if (key != NULL) {
        put_text(j, "\"");
        put_text(j, key);
        put_text(j, j->pretty ? "\": " : "\":");
    }
}

static void open_group(struct jsonout *j, const char *key, char opener, char closer)
{
    ASSERT(j->depth < JSONOUT_DEPTH);
    begin(j, key);
    put(j, &opener, 1);
    j->closers[j->depth++] = closer;
    j->empty = true;
}

void jsonout_init(struct jsonout *j, struct buf *out, bool pretty)
{
    *j = (struct jsonout){.out = out, .pretty = pretty, .empty = true};
}

void jsonout_object(struct jsonout *j, const char *key)
{
    open_group(j, key, '{', '}');
}

void jsonout_list(struct jsonout *j, const char *key)
{
    open_group(j, key, '[', ']');
}

void jsonout_end(struct jsonout *j)
{
    bool was_empty = j->empty;

    ASSERT(j->depth > 0);
    j->depth--;
    if (!was_empty) {
        break_line(j);
    }
    put(j, &j->closers[j->depth], 1);
    j->empty = false;
}

/* How many of the bytes stand for themselves. */
static size_t plain_run(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] >= 0x20 && s[i] <= 0x7e && s[i] != '"' && s[i] != '\\') {
        i++;
    }
    return i;
}

static void put_escape(struct jsonout *j, uint8_t code)
{
    static const char hex[] = "0123456789abcdef";
    char text[] = "\\u0000";

    text[4] = hex[code >> 4];
    text[5] = hex[code & 0xf];
    put(j, text, sizeof(text) - 1);
}

/* Write what plain_run() stopped at; returns how many bytes that were. */
static size_t put_special(struct jsonout *j, const char *s, size_t n)
{
    size_t len = utf8_len(s, n);

    if (len == 0) {
        put_text(j, "\xef\xbf\xbd"); /* U+FFFD, the replacement character */
        return 1;
    }
    if (utf8_is_control(s, len)) {
        put_escape(j, (uint8_t)s[len - 1]); /* the second byte of U+0080 to 9F is their number */
    } else if (len == 1) {
        put_text(j, "\\");
        put(j, s, 1);
    } else {
        put(j, s, len);
    }
    return len;
}

void jsonout_bytes(struct jsonout *j, const char *key, const char *bytes, size_t n)
{
    begin(j, key);
    put_text(j, "\"");
    for (size_t i = 0; i < n && j->rc == 0;) {
        size_t run = plain_run(bytes + i, n - i);

        put(j, bytes + i, run);
        i += run;
        if (i < n) {
            i += put_special(j, bytes + i, n - i);
        }
    }
    put_text(j, "\"");
}

void jsonout_text(struct jsonout *j, const char *key, const char *text)
{
    if (text == NULL) {
        jsonout_null(j, key);
    } else {
        jsonout_bytes(j, key, text, strlen(text));
    }
}

void jsonout_uint(struct jsonout *j, const char *key, uint64_t value)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    begin(j, key);
    put(j, digits + at, sizeof(digits) - at);
}

void jsonout_bool(struct jsonout *j, const char *key, bool value)
{
    begin(j, key);
    put_text(j, value ? "true" : "false");
}

void jsonout_null(struct jsonout *j, const char *key)
{
    begin(j, key);
    put_text(j, "null");
}

int jsonout_finish(struct jsonout *j)
{
    ASSERT(j->depth == 0);
    put_text(j, "\n");
    return j->rc;
}
