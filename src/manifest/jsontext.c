/* RFC 8259. */
#include "jsontext_priv.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "docbuild_priv.h"

#define NUMBER_MAX 400u /* characters; more digits than any double needs */

struct cursor {
    const char *p, *end;
    unsigned line;
    struct buf text; /* the string being unescaped */
    struct docbuild *b;
};

static const char *skip_bom(const char *text, const char *end)
{
    return end - text >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
}

static void skip_space(struct cursor *c)
{
    for (; c->p < c->end && strchr(" \t\r\n", *c->p) != NULL && *c->p != '\0'; c->p++) {
        c->line += *c->p == '\n';
    }
}

bool jsontext_looks_like(const char *text, size_t len)
{
    struct cursor c = {.p = skip_bom(text, text + len), .end = text + len};

    skip_space(&c);
    return c.p < c.end && (*c.p == '{' || *c.p == '[');
}

static bool accept(struct cursor *c, char byte)
{
    if (c->p == c->end || *c->p != byte) {
        return false;
    }
    c->p++;
    return true;
}

static int hex4(struct cursor *c, uint32_t *out)
{
    uint32_t value = 0;

    if (c->end - c->p < 4) {
        return -EILSEQ;
    }
    for (int i = 0; i < 4; i++) {
        char h = *c->p++;

        if (h >= '0' && h <= '9') {
            value = value * 16 + (uint32_t)(h - '0');
        } else if ((h >= 'a' && h <= 'f') || (h >= 'A' && h <= 'F')) {
            value = value * 16 + (uint32_t)((h | 0x20) - 'a' + 10);
        } else {
            return -EILSEQ;
        }
    }
    *out = value;
    return 0;
}

static int append_utf8(struct buf *b, uint32_t c)
{
    uint8_t out[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (n == 1) {
        out[0] = (uint8_t)c;
    } else {
        out[0] = (uint8_t)((0xf00u >> n) | (c >> (6 * (n - 1))));
        for (size_t i = 1; i < n; i++) {
            out[i] = (uint8_t)(0x80u | ((c >> (6 * (n - 1 - i))) & 0x3fu));
        }
    }
    return buf_append(b, out, n);
}

/* Behind "\u".  Half a surrogate pair is U+FFFD, as Go's decoder has it. */
static int unescape_unicode(struct cursor *c)
{
    uint32_t high, low;
    int rc = hex4(c, &high);

    if (rc < 0) {
        return rc;
    }
    if (high < 0xd800 || high > 0xdfff) {
        return append_utf8(&c->text, high);
    }
    if (high <= 0xdbff && c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u') {
        const char *before = c->p;

        c->p += 2;
        rc = hex4(c, &low);
        if (rc < 0) {
            return rc;
        }
        if (low >= 0xdc00 && low <= 0xdfff) {
            return append_utf8(&c->text, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        }
        c->p = before;
    }
    return append_utf8(&c->text, 0xfffd);
}

static int unescape(struct cursor *c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;
    char byte;

    if (c->p == c->end) {
        return -EILSEQ;
    }
    byte = *c->p++;
    if (byte == 'u') {
        return unescape_unicode(c);
    }
    at = byte != '\0' ? strchr(from, byte) : NULL;
    return at != NULL ? buf_append(&c->text, &to[at - from], 1) : -EILSEQ;
}

/* Behind the opening quote; leaves the text in c->text. */
static int read_string(struct cursor *c)
{
    c->text.len = 0;
    for (;;) {
        const char *start = c->p;
        int rc;

        while (c->p < c->end && *c->p != '"' && *c->p != '\\' && (unsigned char)*c->p >= 0x20) {
            c->p++;
        }
        rc = c->p > start ? buf_append(&c->text, start, (size_t)(c->p - start)) : 0;
        if (rc < 0) {
            return rc;
        }
        if (accept(c, '"')) {
            return 0;
        }
        if (!accept(c, '\\')) {
            return -EILSEQ; /* the end, or a bare control character */
        }
        rc = unescape(c);
        if (rc < 0) {
            return rc;
        }
    }
}

static size_t skip_digits(struct cursor *c)
{
    const char *start = c->p;

    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
        c->p++;
    }
    return (size_t)(c->p - start);
}

static bool skip_number(struct cursor *c)
{
    (void)accept(c, '-'); /* there or not */
    if (!accept(c, '0') && skip_digits(c) == 0) {
        return false;
    }
    if (accept(c, '.') && skip_digits(c) == 0) {
        return false;
    }
    if (accept(c, 'e') || accept(c, 'E')) {
        if (!accept(c, '+')) {
            (void)accept(c, '-');
        }
        return skip_digits(c) > 0;
    }
    return true;
}

static int read_number(struct cursor *c)
{
    struct docscalar s = {.type = cJSON_Number};
    const char *start = c->p;
    char text[NUMBER_MAX + 1];
    size_t len;

    if (!skip_number(c)) {
        return -EILSEQ;
    }
    len = (size_t)(c->p - start);
    len = len < NUMBER_MAX ? len : NUMBER_MAX;
    memcpy(text, start, len);
    text[len] = '\0';
    s.number = strtod(text, NULL);
    if (!isfinite(s.number)) {
        int rc = docbuild_fault(c->b, c->line, "a number is larger than any field takes");

        if (rc < 0) {
            return rc;
        }
        s.number = 0;
    }
    s.text = text;
    s.len = len;
    return docbuild_scalar(c->b, &s, c->line, NULL);
}

static int read_word(struct cursor *c)
{
    static const struct {
        const char *word;
        size_t len;
        int type;
    } words[] = {{"true", 4, cJSON_True}, {"false", 5, cJSON_False}, {"null", 4, cJSON_NULL}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct docscalar s = {.type = words[i].type};

        if ((size_t)(c->end - c->p) >= words[i].len &&
            memcmp(c->p, words[i].word, words[i].len) == 0) {
            c->p += words[i].len;
            return docbuild_scalar(c->b, &s, c->line, NULL);
        }
    }
    return -EILSEQ;
}

/* A scalar whole, or the beginning of an object or list. */
static int read_value(struct cursor *c)
{
    unsigned line = c->line;
    int rc;

    if (accept(c, '{')) {
        return docbuild_open(c->b, true, line, NULL);
    }
    if (accept(c, '[')) {
        return docbuild_open(c->b, false, line, NULL);
    }
    if (accept(c, '"')) {
        rc = read_string(c);
        if (rc == 0) {
            struct docscalar s = {
                .type = cJSON_String, .text = (const char *)c->text.data, .len = c->text.len};

            rc = docbuild_scalar(c->b, &s, line, NULL);
        }
        return rc;
    }
    return c->p < c->end && (*c->p == '-' || (*c->p >= '0' && *c->p <= '9')) ? read_number(c)
                                                                             : read_word(c);
}

static int read_key(struct cursor *c)
{
    unsigned line = c->line;
    int rc;

    if (!accept(c, '"')) {
        return -EILSEQ;
    }
    rc = read_string(c);
    if (rc == 0) {
        rc = docbuild_key(c->b, (const char *)c->text.data, c->text.len, line);
    }
    skip_space(c);
    if (rc == 0 && !accept(c, ':')) {
        rc = -EILSEQ;
    }
    return rc;
}

/* One step inside an object or list: its end, or (behind a comma, but for the first) an item. */
static int read_item(struct cursor *c)
{
    const struct doclevel *top = &c->b->levels[c->b->depth - 1];
    bool object = cJSON_IsObject(&top->node->json) != 0;
    int rc = 0;

    if (accept(c, object ? '}' : ']')) {
        return docbuild_close(c->b);
    }
    if (top->count > 0 && !accept(c, ',')) {
        return -EILSEQ;
    }
    skip_space(c);
    if (object) {
        rc = read_key(c);
        skip_space(c);
    }
    return rc < 0 ? rc : read_value(c);
}

static int read_document(struct cursor *c)
{
    int rc = read_value(c);

    while (rc == 0 && c->b->depth > 0) {
        skip_space(c);
        rc = read_item(c);
    }
    return rc == 0 ? docbuild_end(c->b) : rc;
}

static void skip_separator(struct cursor *c)
{
    skip_space(c);
    if (c->end - c->p >= 3 && memcmp(c->p, "---", 3) == 0) {
        c->p += 3;
        skip_space(c);
    }
}

int jsontext_parse(const char *text, size_t len, struct docbuild *b)
{
    struct cursor c = {.p = skip_bom(text, text + len), .end = text + len, .line = 1, .b = b};
    int rc = 0;

    buf_init(&c.text, len + 1);
    skip_space(&c);
    while (rc == 0 && c.p < c.end) {
        rc = *c.p == '{' || *c.p == '[' ? read_document(&c) : -EILSEQ;
        skip_separator(&c);
    }
    buf_fini(&c.text);
    return rc == -ENOBUFS ? -EILSEQ : rc;
}
