#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "fakes/fakeapi_priv.h"

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | ' ') - 'a' + 10;
}

/* Undo percent and plus; false when it does not fit or is malformed. */
static bool decode(struct fakeapi_span s, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            if (i + 2 >= s.len || !isxdigit((unsigned char)s.at[i + 1]) ||
                !isxdigit((unsigned char)s.at[i + 2])) {
                return false;
            }
            c = (char)(hex(s.at[i + 1]) << 4 | hex(s.at[i + 2]));
            i += 2;
        }
        if (n + 1 >= cap) {
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static void take_token(struct fakeapi_query *q, const char *token)
{
    unsigned long long snapshot, from;
    unsigned page;
    int end = 0;

    if (sscanf(token, "k8+%llu/%llu/%u==%n", &snapshot, &from, &page, &end) != 3 || end == 0 ||
        token[end] != '\0') {
        q->bad_continue = true;
        return;
    }
    q->snapshot = snapshot;
    q->from = from;
    q->page = page;
}

static bool is_true(const char *value)
{
    return strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
}

static void keep(char *out, size_t cap, const char *value)
{
    snprintf(out, cap, "%.*s", (int)cap - 1, value);
}

static void take_parameter(struct fakeapi_query *q, const char *key, const char *value)
{
    if (strcmp(key, "watch") == 0) {
        q->watch = is_true(value);
    } else if (strcmp(key, "allowWatchBookmarks") == 0) {
        q->bookmarks = is_true(value);
    } else if (strcmp(key, "resourceVersion") == 0) {
        keep(q->version, sizeof(q->version), value);
    } else if (strcmp(key, "limit") == 0) {
        keep(q->limit, sizeof(q->limit), value);
    } else if (strcmp(key, "timeoutSeconds") == 0) {
        keep(q->timeout, sizeof(q->timeout), value);
    } else if (strcmp(key, "labelSelector") == 0) {
        keep(q->filter.labels, sizeof(q->filter.labels), value);
    } else if (strcmp(key, "fieldSelector") == 0) {
        keep(q->filter.fields, sizeof(q->filter.fields), value);
    } else if (strcmp(key, "continue") == 0 && value[0] != '\0') {
        take_token(q, value);
    }
}

static void parse_query(const char *at, struct fakeapi_query *q)
{
    while (*at != '\0') {
        size_t len = strcspn(at, "&"), n_key = strcspn(at, "=&");
        struct fakeapi_span key = {at, n_key};
        struct fakeapi_span value = {at + n_key, len - n_key};
        char name[64], text[300];

        if (value.len > 0) {
            value = (struct fakeapi_span){value.at + 1, value.len - 1};
        }
        if (decode(key, name, sizeof(name)) && decode(value, text, sizeof(text))) {
            take_parameter(q, name, text);
        }
        at += len + (at[len] == '&');
    }
}

/* Cut the last part of a path off and return it. */
static const char *last_part(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL) {
        return "";
    }
    *slash = '\0';
    return slash + 1;
}

/* "/apis/G/V" and an optional "/namespaces/NS" in front of a collection. */
static const struct fakeapi_kind *find_kind(char *base, const char *plural, char ns[64])
{
    char *space = strstr(base, "/namespaces/");

    ns[0] = '\0';
    if (space != NULL) {
        snprintf(ns, 64, "%s", space + strlen("/namespaces/"));
        *space = '\0';
    }
    return fakeapi_kinds_at(base, plural);
}

static void parse_path(const char *path, struct fakeapi_call *call)
{
    struct fakeapi_request *r = &call->r;
    char base[256], cut[256];
    const char *plural;

    snprintf(base, sizeof(base), "%s", path);
    plural = last_part(base);
    call->q.kind = find_kind(base, plural, r->ns);
    if (call->q.kind == NULL) {
        snprintf(cut, sizeof(cut), "%s", path);
        snprintf(r->name, sizeof(r->name), "%s", last_part(cut));
        snprintf(base, sizeof(base), "%s", cut);
        plural = last_part(base);
        call->q.kind = find_kind(base, plural, r->ns);
    }
    if (call->q.kind == NULL || (r->ns[0] != '\0' && !call->q.kind->namespaced)) {
        call->q.kind = NULL;
        r->name[0] = '\0';
        r->ns[0] = '\0';
    }
}

static enum fakeapi_verb verb_of(const struct fakeapi_call *call)
{
    if (call->q.kind == NULL || call->r.name[0] != '\0') {
        return FAKEAPI_GET;
    }
    return call->q.watch ? FAKEAPI_WATCH : FAKEAPI_LIST;
}

void fakeapi_target_parse(const struct fakeapi *api, const char *target, struct fakeapi_call *call)
{
    struct fakeapi_request *r = &call->r;
    size_t len = strcspn(target, "?"), n_prefix = strlen(api->prefix);
    const char *path;

    snprintf(r->path, sizeof(r->path), "%.*s", (int)len, target);
    snprintf(r->query, sizeof(r->query), "%s", target[len] == '?' ? target + len + 1 : "");
    path = strncmp(r->path, api->prefix, n_prefix) == 0 ? r->path + n_prefix : "/outside";
    parse_path(path, call);
    parse_query(r->query, &call->q);
    r->resource = call->q.kind != NULL ? call->q.kind->resource : FAKEAPI_OTHER;
    r->verb = verb_of(call);
    if (r->verb == FAKEAPI_LIST) {
        r->page = call->q.page > 0 ? call->q.page : 1;
    }
    snprintf(call->q.filter.ns, sizeof(call->q.filter.ns), "%s", r->ns);
}
