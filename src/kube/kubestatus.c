#include "kube/kubestatus.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/utf8.h"
#include "kube/kubejson.h"

/* ---- words ----------------------------------------------------------------------------------- */

/* What client-go makes of a code without a Status, for requests that only read. */
static const char *reason_of_code(int code)
{
    static const struct {
        int code;
        const char *reason;
    } REASONS[] = {
        {400, "BadRequest"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "NotFound"},
        {405, "MethodNotAllowed"},
        {406, "NotAcceptable"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "RequestEntityTooLarge"},
        {415, "UnsupportedMediaType"},
        {422, "Invalid"},
        {429, "TooManyRequests"},
        {503, "ServiceUnavailable"},
        {504, "Timeout"},
    };

    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (REASONS[i].code == code) {
            return REASONS[i].reason;
        }
    }
    return code >= 500 ? "InternalError" : "Unknown";
}

/* A reason is one word in CamelCase; anything else is not worth keeping. */
static bool is_reason(const char *text)
{
    size_t len = 0;

    while (isalnum((unsigned char)text[len])) {
        len++;
    }
    return len > 0 && text[len] == '\0';
}

static void set_reason(struct kubestatus *s, const char *reason)
{
    bool is_kept = reason != NULL && strlen(reason) < sizeof(s->reason) && is_reason(reason);

    (void)snprintf(s->reason, sizeof(s->reason), "%s", is_kept ? reason : reason_of_code(s->code));
}

/* Cut where a character ends; bytes that are no UTF-8 count as one each. */
static void set_message(struct kubestatus *s, const char *text, size_t len)
{
    size_t kept = 0;

    while (kept < len && text[kept] != '\0') {
        size_t one = utf8_len(text + kept, len - kept);

        one = one > 0 ? one : 1;
        if (kept + one >= sizeof(s->message)) {
            break;
        }
        kept += one;
    }
    memcpy(s->message, text, kept);
    s->message[kept] = '\0';
}

/* ---- a Status object --------------------------------------------------------------------------*/

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static bool text_is(const cJSON *object, const char *key, const char *want)
{
    const char *text = text_of(object, key);

    return text != NULL && strcmp(text, want) == 0;
}

static void read_code(struct kubestatus *s, const cJSON *tree)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(tree, "code");
    bool is_code = cJSON_IsNumber(code) && code->valuedouble >= 100 && code->valuedouble < 600;

    s->code = is_code ? (int)code->valuedouble : 500;
}

static void read_retry_after(struct kubestatus *s, const cJSON *details)
{
    const cJSON *after = cJSON_GetObjectItemCaseSensitive(details, "retryAfterSeconds");

    if (cJSON_IsNumber(after) && after->valuedouble >= 0) {
        s->has_retry_after = true;
        s->retry_after_s =
            after->valuedouble < (double)UINT32_MAX ? (uint32_t)after->valuedouble : UINT32_MAX;
    }
}

/* Servers of 1.19 and later give the cause a reason, 1.17 and 1.18 only a text; older ones have no
 * cause, and say so in the message. */
static bool is_too_large_version(const struct kubestatus *s, const cJSON *details,
                                 const char *message)
{
    const cJSON *causes = cJSON_GetObjectItemCaseSensitive(details, "causes");
    bool is_timeout = strcmp(s->reason, "Timeout") == 0;
    const cJSON *cause;

    cJSON_ArrayForEach(cause, causes)
    {
        if (text_is(cause, "reason", "ResourceVersionTooLarge") ||
            (is_timeout && text_is(cause, "message", "Too large resource version"))) {
            return true;
        }
    }
    return is_timeout && message != NULL && strstr(message, "Too large resource version") != NULL;
}

static void read_words(struct kubestatus *s, const cJSON *tree)
{
    const cJSON *details = cJSON_GetObjectItemCaseSensitive(tree, "details");
    const char *message = text_of(tree, "message");

    set_reason(s, text_of(tree, "reason"));
    set_message(s, message != NULL ? message : "", message != NULL ? strlen(message) : 0);
    read_retry_after(s, details);
    s->too_large_version = is_too_large_version(s, details, message);
}

void kubestatus_from_json(struct kubestatus *s, const cJSON *tree)
{
    memset(s, 0, sizeof(*s));
    read_code(s, tree);
    read_words(s, tree);
}

/* ---- an answer ------------------------------------------------------------------------------- */

static bool is_json_type(const char *content_type)
{
    static const char JSON[] = "application/json";
    const size_t len = sizeof(JSON) - 1;

    return content_type != NULL && strncasecmp(content_type, JSON, len) == 0 &&
           (content_type[len] == '\0' || strchr("; \t", content_type[len]) != NULL);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* NULL when it is no Status object. */
static cJSON *parse_status(const char *body, size_t len)
{
    cJSON *tree;

    if (kubejson_parse(body, len, &tree) != 0) {
        return NULL;
    }
    if (!text_is(tree, "kind", "Status")) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    return tree;
}

static void set_first_line(struct kubestatus *s, const char *body, size_t len)
{
    size_t start = 0, end;

    while (start < len && is_space(body[start])) {
        start++;
    }
    end = start;
    while (end < len && body[end] != '\n' && body[end] != '\r') {
        end++;
    }
    while (end > start && is_space(body[end - 1])) {
        end--;
    }
    set_message(s, body + start, end - start);
}

void kubestatus_from_answer(struct kubestatus *s, int code, const char *content_type,
                            const void *body, size_t len)
{
    const char *text = len > 0 ? body : "";
    cJSON *tree = is_json_type(content_type) ? parse_status(text, len) : NULL;

    memset(s, 0, sizeof(*s));
    s->code = code;
    if (tree != NULL) {
        read_words(s, tree);
        cJSON_Delete(tree);
        return;
    }
    set_reason(s, NULL);
    set_first_line(s, text, len);
}

uint32_t kubestatus_cause(const struct kubestatus *s)
{
    uint32_t digest = 2166136261u; /* FNV-1a */

    if (s->code != 0) {
        return (uint32_t)s->code;
    }
    for (const char *c = s->message; *c; c++) {
        if (!isdigit((unsigned char)*c)) {
            digest = (digest ^ (unsigned char)*c) * 16777619u;
        }
    }
    return digest | 1u << 31;
}

void kubestatus_unreachable(struct kubestatus *s, const char *message)
{
    memset(s, 0, sizeof(*s));
    set_reason(s, "Unreachable");
    set_message(s, message, strlen(message));
}
