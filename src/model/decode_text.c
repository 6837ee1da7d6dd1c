/* A value that should be a text: plain YAML makes 1.10 a number and "on" a boolean. */
#include <stdio.h>
#include <string.h>

#include "decode_priv.h"

/* As the manifest has it, where that is known: 1.10, not 1.1. */
static const char *as_written(const cJSON *node, char text[JSON_TEXT_MAX])
{
    if (node->valuestring == NULL) {
        return json_describe(node, text);
    }
    (void)snprintf(text, JSON_TEXT_MAX, "%.*s", (int)(JSON_TEXT_MAX - 1), node->valuestring);
    return text;
}

/* " (which is true in YAML)" for a boolean that does not look like one. */
static const char *as_taken(const cJSON *node, const char *written)
{
    if (cJSON_IsTrue(node)) {
        return strcmp(written, "true") == 0 ? "" : " (which is true in YAML)";
    }
    return !cJSON_IsFalse(node) || strcmp(written, "false") == 0 ? "" : " (which is false in YAML)";
}

void decode_text_complain(struct decode *d, const struct json_at *at, const char *reason)
{
    char path[JSON_PATH_MAX], text[JSON_TEXT_MAX];

    if (cJSON_IsNumber(at->raw) || cJSON_IsBool(at->raw)) {
        (void)as_written(at->raw, text);
        decode_say(d, at, VERDICT_ERROR, reason, "%s must be a text, not %s%s: write \"%s\"",
                   json_path(at, path), text, as_taken(at->raw, text), text);
        return;
    }
    decode_say(d, at, VERDICT_ERROR, reason, "%s must be a text, not %s: write %s",
               json_path(at, path), json_describe(at->raw, text),
               cJSON_IsNull(at->raw) ? "\"\"" : "it as one text");
}
