#include "kubeconfigread_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "kubebase64_priv.h"
#include "kubefile_priv.h"

static struct kubeconfigread *reader_of(const struct json_at *at)
{
    return at->reader->ctx;
}

/* "kubeconfig FILE: users[3] (name "x").user.token", as far as there is an entry. */
static void say(const struct json_at *at, const char *must)
{
    struct kubeconfigread *r = reader_of(at);
    char path[JSON_PATH_MAX], name[JSON_TEXT_MAX];

    json_path(at, path);
    if (r->section != NULL) {
        err_set(r->e, "kubeconfig %s: %s[%zu] (name %s)%s%s %s", r->path, r->section, r->index,
                json_quote(r->name, name), path[0] != '\0' && path[0] != '[' ? "." : "", path,
                must);
    } else {
        err_set(r->e, "kubeconfig %s:%s%s %s", r->path, path[0] != '\0' ? " " : "", path, must);
    }
}

static void on_complaint(void *ctx, const struct json_at *at, const char *must)
{
    struct kubeconfigread *r = ctx;
    const char *value = strstr(must, ", not ");
    char text[128];

    if (r->rc != 0) {
        return;
    }
    r->rc = -EINVAL;
    /* Without the value, which may be a secret that stands in the wrong place. */
    (void)snprintf(text, sizeof(text), "%.*s", (int)(value ? value - must : (long)strlen(must)),
                   must);
    say(at, text);
}

void kubeconfigread_init(struct kubeconfigread *r, const char *path, struct err *e)
{
    *r = (struct kubeconfigread){.path = path, .e = e};
    r->reader = (struct json_reader){.complain = on_complaint, .ctx = r};
}

void kubeconfigread_refuse(const struct json_at *at, const char *fmt, ...)
{
    struct kubeconfigread *r = reader_of(at);
    char text[320];
    va_list args;

    if (r->rc != 0) {
        return;
    }
    r->rc = -EINVAL;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    say(at, text);
}

void kubeconfigread_starve(const struct json_at *at)
{
    struct kubeconfigread *r = reader_of(at);

    if (r->rc == 0) {
        r->rc = -ENOMEM;
        err_set(r->e, "kubeconfig %s: out of memory", r->path);
    }
}

/** A copy, or NULL and a complaint about memory. */
static char *keep(const struct json_at *at, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        kubeconfigread_starve(at);
    }
    return copy;
}

bool kubeconfigread_is_line(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

const char *kubeconfigread_item(struct json_at *item, bool line)
{
    const char *text = json_string(item);

    if (text == NULL && !item->wrong) {
        kubeconfigread_refuse(item, "must be a text");
    }
    if (text != NULL && line && !kubeconfigread_is_line(text)) {
        kubeconfigread_refuse(item, "holds a control character; take it out");
        text = NULL;
    }
    return text;
}

const char *kubeconfigread_text(const struct json_at *object, const char *key)
{
    struct json_at at = json_field(object, key);
    const char *text = json_string(&at);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

char *kubeconfigread_copy(const struct json_at *object, const char *key)
{
    const char *text = kubeconfigread_text(object, key);

    return text != NULL ? keep(object, text) : NULL;
}

char *kubeconfigread_line(const struct json_at *object, const char *key)
{
    struct json_at at = json_field(object, key);
    const char *text = kubeconfigread_text(object, key);

    if (text == NULL) {
        return NULL;
    }
    if (!kubeconfigread_is_line(text)) {
        kubeconfigread_refuse(&at, "holds a control character; take it out");
        return NULL;
    }
    return keep(object, text);
}

char *kubeconfigread_path(const struct json_at *object, const char *key)
{
    const char *text = kubeconfigread_text(object, key);
    char *path = text != NULL ? kubefile_path(reader_of(object)->path, text) : NULL;

    if (text != NULL && path == NULL) {
        kubeconfigread_starve(object);
    }
    return path;
}

char *kubeconfigread_data(const struct json_at *object, const char *key)
{
    struct json_at at = json_field(object, key);
    const char *text = kubeconfigread_text(object, key);
    char *data = NULL;
    int rc = text != NULL ? kubebase64_decode(text, &data) : 0;

    if (rc == -EINVAL) {
        kubeconfigread_refuse(&at, "is not base64; encode the file again (base64 -w0), or name it "
                                   "by the key without \"-data\"");
    } else if (rc != 0) {
        kubeconfigread_starve(object);
    }
    return data;
}

char **kubeconfigread_list(const struct json_at *object, const char *key, bool line)
{
    struct json_at list = json_array(object, key), item = {0};
    size_t n = json_count(&list), i = 0;
    char **out;

    if (n == 0) {
        return NULL;
    }
    out = calloc(n + 1, sizeof(*out));
    if (out == NULL) {
        kubeconfigread_starve(object);
        return NULL;
    }
    while (json_next(&list, &item)) {
        const char *text = kubeconfigread_item(&item, line);

        out[i] = text != NULL ? keep(&item, text) : NULL;
        if (out[i++] == NULL) {
            secret_free_list(out);
            return NULL;
        }
    }
    return out;
}
