#include "kubepath_priv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kubewatch.h"

char *kubepath_collection(const struct kuberesource *resource, const char *ns)
{
    const char *within = ns ? "/namespaces/" : "";
    const char *name = ns ? ns : "";
    size_t room = strlen(resource->api) + strlen(within) + strlen(name) + strlen(resource->plural) +
                  sizeof("/");
    char *path = malloc(room);

    if (path) {
        snprintf(path, room, "%s%s%s/%s", resource->api, within, name, resource->plural);
    }
    return path;
}

/* RFC 3986, 2.3. */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

static char *put_encoded(char *to, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text; text++) {
        if (is_unreserved(*text)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*text >> 4];
        *to++ = hex[(unsigned char)*text & 15u];
    }
    return to;
}

char *kubepath_selector(const char *labels)
{
    static const char key[] = "&labelSelector=";
    char *text;

    if (!labels) {
        return strdup("");
    }
    text = malloc(sizeof(key) + strlen(labels) * 3);
    if (text) {
        memcpy(text, key, sizeof(key));
        *put_encoded(text + strlen(key), labels) = '\0';
    }
    return text;
}

char *kubepath_request(const char *collection, const char *query, const char *selector)
{
    size_t room = strlen(collection) + strlen(query) + strlen(selector) + sizeof("?");
    char *path = malloc(room);

    if (path && *query) {
        snprintf(path, room, "%s?%s%s", collection, query, selector);
    } else if (path) {
        snprintf(path, room, "%s%s%s", collection, *selector ? "?" : "",
                 *selector ? selector + strlen("&") : "");
    }
    return path;
}
