/*
 * Whatever comes into a log line: it stays one line without a control character, in JSON
 * well-formed UTF-8, and what is read back from it is what was put in, up to the cut.
 *
 * Input: flags (1: JSON, 2: a main line, whose message is the first value), then values: a byte for
 * its kind, a byte for its length (the next byte's highest bits add to it), its bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/logring.h"
#include "support/utf8_check.h"

#define FIELDS_MAX 16
#define VALUE_MAX  1024
#define RING_BYTES 16384u
#define SURELY     1500u /* a line that cannot get longer than this loses nothing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A value as it was put in: cut already, for nobody is promised more. */
struct value {
    char bytes[VALUE_MAX + 1];
    size_t len;
    bool is_number;
};

struct line {
    char text[LIMIT_LOG_LINE + 1];
    size_t len;
};

static struct value message, fields[FIELDS_MAX];
static size_t n_fields;

/* ---- putting in ------------------------------------------------------------------------------ */

static bool take(const uint8_t **data, size_t *size, struct value *out, uint8_t *kind_out)
{
    size_t len;

    if (*size < 2) {
        return false;
    }
    *kind_out = (*data)[0];
    len = (*data)[1] + (size_t)((*data)[0] >> 6) * 256;
    *data += 2;
    *size -= 2;
    len = len < *size ? len : *size;
    len = len < VALUE_MAX ? len : VALUE_MAX;
    memcpy(out->bytes, *data, len);
    out->bytes[len] = '\0';
    out->len = len;
    out->is_number = false;
    *data += len;
    *size -= len;
    return true;
}

static void cut(struct value *v, size_t max)
{
    v->len = v->len < max ? v->len : max;
    v->bytes[v->len] = '\0';
}

static void put(struct log_line *l, const char *key, struct value *v, uint8_t kind)
{
    uint64_t number = 0;

    switch (kind % 4) {
    case 0:
        log_line_strn(l, key, v->bytes, v->len);
        cut(v, LIMIT_LOG_VALUE);
        return;
    case 1:
        cut(v, strlen(v->bytes));
        log_line_str(l, key, v->bytes);
        cut(v, LIMIT_LOG_VALUE);
        return;
    case 2:
        log_line_str(l, key, NULL);
        cut(v, 0);
        return;
    default:
        memcpy(&number, v->bytes, v->len < sizeof(number) ? v->len : sizeof(number));
        log_line_uint(l, key, number);
        v->is_number = true;
        v->len = (size_t)snprintf(v->bytes, sizeof(v->bytes), "%llu", (unsigned long long)number);
    }
}

static const char *key_of(size_t i, char key[24])
{
    (void)snprintf(key, 24, "f%zu", i);
    return key;
}

static bool capture(void *ctx, enum log_stream stream, const char *text, size_t len)
{
    struct line *line = ctx;

    (void)stream;
    ASSERT(line->len == 0 && len <= LIMIT_LOG_LINE);
    memcpy(line->text, text, len);
    line->text[len] = '\0';
    line->len = len;
    return true;
}

static void write_line(const uint8_t *data, size_t size, bool is_main, struct logring *ring)
{
    struct log_line l;
    uint8_t kind;
    char key[24];

    cut(&message, 0);
    if (is_main && take(&data, &size, &message, &kind)) {
        cut(&message, strlen(message.bytes));
    }
    log_use_ring(ring);
    if (is_main) {
        log_line_begin(&l, LOG_ERROR, message.bytes);
    } else {
        log_line_begin_access(&l);
    }
    for (n_fields = 0; n_fields < FIELDS_MAX; n_fields++) {
        if (!take(&data, &size, &fields[n_fields], &kind)) {
            break;
        }
        put(&l, key_of(n_fields, key), &fields[n_fields], kind);
    }
    log_line_send(&l);
    log_use_ring(NULL);
}

/* Whether the worst that can become of each value still fits. */
static bool surely_fits(void)
{
    size_t sum = 128 + 6 * message.len;

    for (size_t i = 0; i < n_fields; i++) {
        sum += 16 + 6 * fields[i].len;
    }
    return sum < SURELY;
}

/* ---- reading text back ----------------------------------------------------------------------- */

static unsigned hex(const char *two)
{
    char text[3] = {two[0], two[1], '\0'};
    char *end;
    unsigned long byte = strtoul(text, &end, 16);

    ASSERT(end == text + 2);
    return (unsigned)byte;
}

/* Read the value at `at`; returns what follows. */
static const char *read_value(const char *at, char *out, size_t *len)
{
    *len = 0;
    if (*at != '"') {
        *len = strcspn(at, " \n");
        ASSERT(*len > 0);
        memcpy(out, at, *len);
        ASSERT(memchr(out, '"', *len) == NULL && memchr(out, '=', *len) == NULL);
        return at + *len;
    }
    for (at++; *at != '"'; at++) {
        char byte = *at;

        if (byte == '\\') {
            byte = *++at;
            if (byte == 'x') {
                byte = (char)hex(at + 1);
                at += 2;
            } else {
                ASSERT(byte == '"' || byte == '\\');
            }
        }
        out[(*len)++] = byte;
    }
    return at + 1;
}

static bool begins(const char **at, const char *with)
{
    size_t len = strlen(with);

    if (strncmp(*at, with, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

/* What is there for no value at all, and, alas, for a value of one dash. */
static bool is_none(const char *text, size_t len)
{
    return len == 1 && text[0] == '-';
}

static void check_text(const struct line *line, bool is_main)
{
    char value[LIMIT_LOG_LINE], prefix[32], key[24];
    const char *at = line->text;
    bool truncated, whole_message = true;
    size_t len, i = 0;

    for (size_t k = 0; k + 1 < line->len; k++) {
        ASSERT(line->text[k] >= 0x20 && line->text[k] <= 0x7e);
    }
    ASSERT(begins(&at, "time=20"));
    at += strcspn(at, " \n");
    if (is_main) {
        ASSERT(begins(&at, " level=error msg="));
        at = read_value(at, value, &len);
        whole_message = len == message.len || (message.len == 0 && is_none(value, len));
        ASSERT(is_none(value, len) || memcmp(value, message.bytes, len) == 0);
    }
    for (; i < n_fields; i++) {
        (void)snprintf(prefix, sizeof(prefix), " %s=", key_of(i, key));
        if (!begins(&at, prefix)) {
            break;
        }
        at = read_value(at, value, &len);
        ASSERT(fields[i].len == 0
                   ? is_none(value, len)
                   : len == fields[i].len && memcmp(value, fields[i].bytes, len) == 0);
    }
    truncated = begins(&at, " truncated=true");
    ASSERT(strcmp(at, "\n") == 0);
    ASSERT(truncated == (i < n_fields || !whole_message));
    ASSERT(!truncated || !surely_fits());
}

/* ---- reading JSON back ----------------------------------------------------------------------- */

/* What a value has to come back as: a byte that is no UTF-8 as the character of that number. */
static void expect(const struct value *v, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < v->len;) {
        size_t len = utf8_check_len(v->bytes + i, v->len - i);

        if (len == 0) {
            out[n++] = (char)(0xc0 | (uint8_t)v->bytes[i] >> 6);
            out[n++] = (char)(0x80 | ((uint8_t)v->bytes[i] & 0x3f));
            i++;
        } else {
            memcpy(out + n, v->bytes + i, len);
            n += len;
            i += len;
        }
    }
    out[n] = '\0'; /* what stands behind a NUL nobody can ask cJSON for */
}

static const cJSON *next(const cJSON *item, const char *key)
{
    ASSERT(item != NULL && strcmp(item->string, key) == 0);
    return item->next;
}

static void check_value(const cJSON *item, const struct value *v)
{
    char expected[2 * VALUE_MAX + 1];

    if (v->is_number) {
        ASSERT(cJSON_IsNumber(item));
    } else if (v->len == 0) {
        ASSERT(cJSON_IsNull(item));
    } else {
        expect(v, expected);
        ASSERT(cJSON_IsString(item) && strcmp(item->valuestring, expected) == 0);
    }
}

static bool check_message(const cJSON *item)
{
    char expected[2 * VALUE_MAX + 1];

    if (message.len == 0 || !cJSON_IsString(item)) {
        ASSERT(cJSON_IsNull(item));
        return message.len == 0;
    }
    expect(&message, expected);
    ASSERT(strncmp(item->valuestring, expected, strlen(item->valuestring)) == 0);
    return strlen(item->valuestring) == strlen(expected);
}

static void check_json(const struct line *line, bool is_main)
{
    cJSON *root = cJSON_ParseWithOpts(line->text, NULL, 1);
    const cJSON *item;
    bool truncated, whole_message = true;
    char key[24];
    size_t i = 0;

    ASSERT(utf8_check_is_clean(line->text, line->len - 1));
    ASSERT(cJSON_IsObject(root));
    item = next(root->child, "time");
    if (is_main) {
        item = next(item, "level");
        whole_message = check_message(item);
        item = next(item, "msg");
    }
    for (; i < n_fields && item != NULL && strcmp(item->string, key_of(i, key)) == 0; i++) {
        check_value(item, &fields[i]);
        item = item->next;
    }
    truncated = item != NULL && strcmp(item->string, "truncated") == 0 && cJSON_IsTrue(item);
    ASSERT(item == NULL || (truncated && item->next == NULL));
    ASSERT(truncated == (i < n_fields || !whole_message));
    ASSERT(!truncated || !surely_fits());
    cJSON_Delete(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct logring *ring;
    struct line line = {.len = 0};
    bool is_json, is_main;

    if (ring == NULL) {
        ring = logring_new(RING_BYTES);
        ASSERT(ring != NULL);
    }
    if (size == 0) {
        return 0;
    }
    is_json = (data[0] & 1) != 0;
    is_main = (data[0] & 2) != 0;
    log_configure(LOG_INFO, is_json ? LOG_JSON : LOG_TEXT);
    write_line(data + 1, size - 1, is_main, ring);
    ASSERT(logring_drain(ring, capture, &line) == 1);
    ASSERT(line.len > 0 && line.text[line.len - 1] == '\n' && strlen(line.text) == line.len);
    if (is_json) {
        check_json(&line, is_main);
    } else {
        check_text(&line, is_main);
    }
    return 0;
}
