#include "reflectorquery_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "kube/reflector.h"

bool reflectorquery_is_version(const char *version)
{
    return version[0] && strcmp(version, "0") != 0 && strlen(version) < RESOURCEVERSION_MAX;
}

static void append(char *out, const char *text)
{
    size_t n = strlen(out);

    (void)snprintf(out + n, REFLECTOR_QUERY_MAX - n, "%s", text);
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* Append "name=text", each byte of `text` but the unreserved ones of RFC 3986 as %XX. */
static void append_value(char *out, const char *name, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n;

    append(out, out[0] ? "&" : "");
    append(out, name);
    append(out, "=");
    n = strlen(out);
    ASSERT(n + 3 * strlen(text) < REFLECTOR_QUERY_MAX);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (is_unreserved(*text)) {
            out[n++] = *text;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    out[n] = '\0';
}

static void append_number(char *out, const char *name, uint32_t value)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", value);
    append_value(out, name, text);
}

/* Which version the first page asks for: "" the newest, "0" any. */
static const char *list_version(const struct reflector *r)
{
    if (r->version_gone) {
        return "";
    }
    return r->version[0] ? r->version : "0";
}

void reflectorquery_list(const struct reflector *r, char *out)
{
    bool is_not_older = r->version[0] && !r->version_gone;

    /* "Not older than" is answered from the server's cache, which makes no pages. */
    out[0] = '\0';
    if (!r->unpaged && !is_not_older) {
        append_number(out, "limit", REFLECTOR_PAGE_LIMIT);
    }
    if (r->next_page[0]) {
        /* The token holds the version: one beside it is answered with 400. */
        append_value(out, "continue", r->next_page);
    } else if (list_version(r)[0]) {
        append_value(out, "resourceVersion", list_version(r));
    }
}

void reflectorquery_watch(const struct reflector *r, uint32_t timeout_s, char *out)
{
    /* From "" or "0" a watch would start with objects as they are, in no order of versions. */
    ASSERT(reflectorquery_is_version(r->version));
    out[0] = '\0';
    append_number(out, "watch", 1);
    append_value(out, "resourceVersion", r->version);
    append_value(out, "allowWatchBookmarks", "true");
    append_number(out, "timeoutSeconds", timeout_s);
}

void reflectorquery_probe(char *out)
{
    out[0] = '\0';
    append_number(out, "limit", 1);
    append_value(out, "resourceVersion", "0");
}
