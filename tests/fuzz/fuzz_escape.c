/*
 * Whatever bytes come as a name: in a message, in JSON, as a label of a metric and on a terminal
 * they stay one value without a control character, and where nothing was cut they can be read back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "app/textout.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/jsonout.h"
#include "base/prom.h"
#include "support/utf8_check.h"

#define VALUE_MAX   2048
#define ROOM        (VALUE_MAX * 8)
#define REPLACEMENT "\xef\xbf\xbd"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes with what is no UTF-8, and control characters if so asked, as `instead`. */
static size_t replace(const char *s, size_t n, bool controls, const char *instead, char *out)
{
    size_t to = 0;

    for (size_t i = 0; i < n;) {
        size_t len = utf8_check_len(s + i, n - i);
        bool keep = len > 0 && (!controls || utf8_check_is_clean(s + i, len));

        memcpy(out + to, keep ? s + i : instead, keep ? len : strlen(instead));
        to += keep ? len : strlen(instead);
        i += len > 0 ? len : 1;
    }
    out[to] = '\0';
    return to;
}

static void check_message(const char *value)
{
    char text[JSON_TEXT_MAX];
    size_t len;
    bool is_cut;

    ASSERT(json_quote(value, text) == text);
    len = strlen(text);
    ASSERT(len >= 2 && len < JSON_TEXT_MAX && text[0] == '"' && text[len - 1] == '"');
    for (size_t i = 1; i + 1 < len; i++) {
        ASSERT(text[i] >= 0x20 && text[i] <= 0x7e);
        ASSERT(text[i] != '"' || text[i - 1] == '\\');
    }
    is_cut = len >= 5 && strcmp(text + len - 4, "...\"") == 0;
    ASSERT(is_cut || strlen(value) <= JSON_TEXT_MAX);
    ASSERT(utf8_check_is_clean(value, strlen(value)) || strchr(text, '\\') != NULL || is_cut);
}

static void check_json(const char *value, size_t n, bool pretty)
{
    char expected[ROOM];
    struct jsonout j;
    struct buf b;
    cJSON *root;

    buf_init(&b, ROOM);
    jsonout_init(&j, &b, pretty);
    jsonout_object(&j, NULL);
    jsonout_bytes(&j, "value", value, n);
    jsonout_uint(&j, "behind", 7);
    jsonout_end(&j);
    ASSERT(jsonout_finish(&j) == 0 && b.data[b.len - 1] == '\n');
    ASSERT(pretty || utf8_check_is_clean((const char *)b.data, b.len - 1));
    root = cJSON_ParseWithLengthOpts((const char *)b.data, b.len, NULL, 0);
    (void)replace(value, n, false, REPLACEMENT, expected);
    ASSERT(cJSON_GetArraySize(root) == 2 && root->child->next->valueint == 7);
    ASSERT(strcmp(cJSON_GetStringValue(root->child), expected) == 0); /* up to a NUL */
    cJSON_Delete(root);
    buf_fini(&b);
}

static void check_label(const char *value)
{
    const struct prom_label labels[] = {{"one", value}, {"two", "x"}};
    char expected[ROOM], got[ROOM];
    struct prom_labels made;
    struct arena a;
    size_t at = strlen("one=\""), n = 0;

    arena_init(&a, 256);
    ASSERT(prom_labels_make(&a, labels, 2, &made) == 0);
    ASSERT(utf8_check_is_clean(made.text, made.len));
    ASSERT(made.len > at && memcmp(made.text, "one=\"", at) == 0);
    for (; made.text[at] != '"'; at++) {
        ASSERT(at + 1 < made.len);
        at += made.text[at] == '\\';
        got[n++] = made.text[at - 1] == '\\' && made.text[at] == 'n' ? '\n' : made.text[at];
    }
    got[n] = '\0';
    ASSERT(made.len - at == strlen("\",two=\"x\"") &&
           memcmp(made.text + at, "\",two=\"x\"", made.len - at) == 0);
    /* A newline has an escape of its own; no other control character has. */
    n = replace(value, strlen(value), true, REPLACEMENT, expected);
    ASSERT(strchr(value, '\n') != NULL || strchr(value, '\\') != NULL ||
           (strlen(got) == n && strcmp(got, expected) == 0));
    arena_fini(&a);
}

static void check_terminal(const char *value, size_t n)
{
    char expected[ROOM];
    struct textout t;
    struct buf b;
    size_t len = replace(value, n, true, "?", expected);

    buf_init(&b, ROOM);
    textout_init(&t, &b);
    textout_safe_bytes(&t, value, n);
    ASSERT(t.rc == 0 && b.len == len && (len == 0 || memcmp(b.data, expected, len) == 0));
    ASSERT(len == 0 || utf8_check_is_clean((const char *)b.data, len));
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[VALUE_MAX + 1];

    size = size < VALUE_MAX ? size : VALUE_MAX;
    if (size > 0) {
        memcpy(value, data, size);
    }
    value[size] = '\0';
    check_message(value);
    check_json(value, size, false);
    check_json(value, size, true);
    check_label(value);
    check_terminal(value, size);
    return 0;
}
