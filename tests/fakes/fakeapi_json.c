#include <string.h>

#include "fakes/fakeapi_priv.h"

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* Behind the string that begins at `p`. */
static const char *skip_string(const char *p)
{
    const char *begin = p++;

    while (*p != '"') {
        p += *p == '\\' && p[1] != '\0' ? 2 : 1;
        if (*p == '\0') {
            fakeapi_text_die("a string without end", begin);
        }
    }
    return p + 1;
}

/* Behind the value at `p`: brackets are counted, strings passed over, nothing else is looked at. */
static const char *skip_value(const char *p)
{
    const char *begin = p;
    unsigned depth = 0;

    for (;;) {
        if (*p == '"') {
            p = skip_string(p);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (depth > 0 && (*p == '}' || *p == ']')) {
            depth--;
            p++;
        } else if (depth > 0 && *p != '\0') {
            p++;
            continue;
        } else {
            p += strcspn(p, ",]} \t\r\n");
        }
        if (depth == 0) {
            break;
        }
        if (*p == '\0') {
            fakeapi_text_die("a value without end", begin);
        }
    }
    return p;
}

const char *fakeapi_json_enter(const char *json)
{
    const char *p = skip_space(json);

    if (*p != '{') {
        fakeapi_text_die("not a JSON object", json);
    }
    return p + 1;
}

bool fakeapi_json_next(const char **at, struct fakeapi_span *key, struct fakeapi_span *value)
{
    const char *p = skip_space(*at);
    const char *end;

    if (*p == ',') {
        p = skip_space(p + 1);
    }
    if (*p == '}') {
        return false;
    }
    if (*p != '"') {
        fakeapi_text_die("a key was expected", p);
    }
    end = skip_string(p);
    *key = (struct fakeapi_span){p + 1, (size_t)(end - p) - 2};
    p = skip_space(end);
    if (*p != ':') {
        fakeapi_text_die("a colon was expected", p);
    }
    p = skip_space(p + 1);
    end = skip_value(p);
    if (end == p) {
        fakeapi_text_die("a value was expected", p);
    }
    *value = (struct fakeapi_span){p, (size_t)(end - p)};
    *at = end;
    return true;
}

bool fakeapi_json_is(struct fakeapi_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

struct fakeapi_span fakeapi_json_string(struct fakeapi_span value)
{
    if (value.len < 2 || value.at[0] != '"') {
        return (struct fakeapi_span){"", 0};
    }
    return (struct fakeapi_span){value.at + 1, value.len - 2};
}
