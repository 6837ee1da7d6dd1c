#include "base/json.h"

#include <stdio.h>
#include <string.h>

static void complain(struct json_at *at, const char *must_be)
{
    char what[JSON_TEXT_MAX], text[2 * JSON_TEXT_MAX];

    at->node = NULL;
    at->wrong = true;
    if (at->reader->complain == NULL) {
        return;
    }
    (void)snprintf(text, sizeof(text), "must be %s, not %s", must_be, json_describe(at->raw, what));
    at->reader->complain(at->reader->ctx, at, text);
}

static void set_node(struct json_at *at, const cJSON *raw)
{
    at->raw = raw;
    at->node = raw == NULL || cJSON_IsNull(raw) ? NULL : raw;
    at->wrong = false;
}

struct json_at json_root(const struct json_reader *reader, const cJSON *tree)
{
    struct json_at at = {.reader = reader, .raw = tree, .node = tree};

    if (!cJSON_IsObject(tree)) {
        complain(&at, "an object");
    }
    return at;
}

struct json_at json_field(const struct json_at *object, const char *key)
{
    struct json_at at = {.reader = object->reader, .up = object, .key = key};

    set_node(&at, cJSON_GetObjectItemCaseSensitive(object->node, key));
    return at;
}

struct json_at json_object(const struct json_at *object, const char *key)
{
    struct json_at at = json_field(object, key);

    if (at.node != NULL && !cJSON_IsObject(at.node)) {
        complain(&at, "an object");
    }
    return at;
}

struct json_at json_array(const struct json_at *object, const char *key)
{
    struct json_at at = json_field(object, key);

    if (at.node != NULL && !cJSON_IsArray(at.node)) {
        complain(&at, "a list");
    }
    return at;
}

bool json_is_object(struct json_at *at)
{
    if (at->node != NULL && !cJSON_IsObject(at->node)) {
        complain(at, "an object");
    }
    return !at->wrong;
}

size_t json_count(const struct json_at *at)
{
    size_t n = 0;

    for (const cJSON *c = at->node != NULL ? at->node->child : NULL; c != NULL; c = c->next) {
        n++;
    }
    return n;
}

bool json_next(const struct json_at *list, struct json_at *item)
{
    const cJSON *next = item->up != NULL     ? item->raw->next
                        : list->node != NULL ? list->node->child
                                             : NULL;
    size_t index = item->up != NULL ? item->index + 1 : 0;

    if (next == NULL) {
        return false;
    }
    *item = (struct json_at){.reader = list->reader,
                             .up = list,
                             .key = cJSON_IsObject(list->node) ? next->string : NULL,
                             .index = index};
    set_node(item, next);
    return true;
}

const char *json_string(struct json_at *at)
{
    if (at->node != NULL && !cJSON_IsString(at->node)) {
        complain(at, "a text");
    }
    return at->node != NULL ? at->node->valuestring : NULL;
}

bool json_bool(struct json_at *at, bool absent)
{
    if (at->node != NULL && !cJSON_IsBool(at->node)) {
        complain(at, "true or false");
    }
    return at->node != NULL ? cJSON_IsTrue(at->node) != 0 : absent;
}

const cJSON *json_nearest(const struct json_at *at)
{
    while (at->raw == NULL && at->up != NULL) {
        at = at->up;
    }
    return at->raw;
}

static bool is_plain_key(const char *key)
{
    size_t len = strlen(key);

    return len > 0 && len < JSON_TEXT_MAX &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$") == len;
}

/* One step of a path: ".key", "[3]", or ["odd key"], for a key may come from outside. */
static const char *path_step(const struct json_at *at, char step[JSON_TEXT_MAX + 4])
{
    char quoted[JSON_TEXT_MAX];

    if (at->key == NULL) {
        (void)snprintf(step, JSON_TEXT_MAX + 4, "[%zu]", at->index);
    } else if (is_plain_key(at->key)) {
        (void)snprintf(step, JSON_TEXT_MAX + 4, "%s%s", at->up->up != NULL ? "." : "", at->key);
    } else {
        (void)snprintf(step, JSON_TEXT_MAX + 4, "[%s]", json_quote(at->key, quoted));
    }
    return step;
}

const char *json_path(const struct json_at *at, char text[JSON_PATH_MAX])
{
    size_t start = JSON_PATH_MAX - 1; /* written from the end: the way leads upwards */
    char step[JSON_TEXT_MAX + 4];

    text[start] = '\0';
    for (; at->up != NULL; at = at->up) {
        size_t len = strlen(path_step(at, step));

        if (len + 3 > start) {
            start -= 3;
            memcpy(text + start, "...", 3);
            break;
        }
        start -= len;
        memcpy(text + start, step, len);
    }
    memmove(text, text + start, JSON_PATH_MAX - start);
    return text;
}

/* Decode one UTF-8 sequence; returns its length, or 0 when there is none. */
static size_t utf8_decode(const char *s, uint32_t *out)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    uint32_t c;

    if (u[0] < 0xc2 || u[0] > 0xf4) {
        return 0;
    }
    c = u[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80) { /* also ends at the terminator */
            return 0;
        }
        c = (c << 6) | (u[i] & 0x3fu);
    }
    *out = c;
    return len;
}

/* One character as it may stand in a message; returns the bytes read. */
static size_t escape_one(const char *s, char out[16])
{
    unsigned char byte = (unsigned char)*s;
    uint32_t c = 0;
    size_t len;

    if (byte >= 0x80) {
        len = utf8_decode(s, &c);
        if (len == 0) {
            (void)snprintf(out, 16, "\\x%02x", byte);
            return 1;
        }
        (void)snprintf(out, 16, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
        return len;
    }
    if (byte == '"' || byte == '\\') {
        (void)snprintf(out, 16, "\\%c", byte);
    } else if (byte == '\n' || byte == '\t') {
        (void)snprintf(out, 16, "\\%c", byte == '\n' ? 'n' : 't');
    } else {
        (void)snprintf(out, 16, byte < 0x20 || byte == 0x7f ? "\\x%02x" : "%c", byte);
    }
    return 1;
}

const char *json_quote(const char *value, char text[JSON_TEXT_MAX])
{
    const size_t room = JSON_TEXT_MAX - sizeof("...\"");
    size_t n = 0;
    char one[16];

    text[n++] = '"';
    while (*value != '\0') {
        size_t taken = escape_one(value, one), len = strlen(one);

        if (n + len > room) {
            memcpy(text + n, "...", 3);
            n += 3;
            break;
        }
        memcpy(text + n, one, len);
        n += len;
        value += taken;
    }
    text[n++] = '"';
    text[n] = '\0';
    return text;
}

const char *json_describe(const cJSON *node, char text[JSON_TEXT_MAX])
{
    const char *what = "nothing";

    if (cJSON_IsString(node)) {
        return json_quote(node->valuestring, text);
    }
    if (cJSON_IsNumber(node)) {
        (void)snprintf(text, JSON_TEXT_MAX, "%.15g", node->valuedouble);
        return text;
    }
    if (node != NULL) {
        what = cJSON_IsObject(node)  ? "an object"
               : cJSON_IsArray(node) ? "a list"
               : cJSON_IsBool(node)  ? (cJSON_IsTrue(node) ? "true" : "false")
                                     : "null";
    }
    (void)snprintf(text, JSON_TEXT_MAX, "%s", what);
    return text;
}
