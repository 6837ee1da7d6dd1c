#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fakes/fakeapi_priv.h"

#define HISTORY_USUAL 102400u

static struct fakeapi_object *hold(struct fakeapi_object *o)
{
    if (o != NULL) {
        o->refs++;
    }
    return o;
}

static void release(struct fakeapi_object *o)
{
    if (o != NULL && --o->refs == 0) {
        free(o->text);
        free(o);
    }
}

static int compare(const struct fakeapi_object *o, const char *ns, const char *name)
{
    int by_ns = strcmp(o->ns, ns);

    return by_ns != 0 ? by_ns : strcmp(o->name, name);
}

/* Where the object is, or would be. */
static size_t place_of(const struct fakeapi_collection *c, const char *ns, const char *name)
{
    size_t low = 0, high = c->n;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (compare(c->objects[mid], ns, name) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

struct fakeapi_object *fakeapi_store_find(struct fakeapi *api, enum fakeapi_resource res,
                                          const char *ns, const char *name)
{
    struct fakeapi_collection *c = &api->collections[res];
    size_t at = place_of(c, ns, name);

    return at < c->n && compare(c->objects[at], ns, name) == 0 ? c->objects[at] : NULL;
}

/* ---- history ---- */

uint64_t fakeapi_store_end(const struct fakeapi_collection *c)
{
    return c->first + (c->n_changes - c->gone);
}

struct fakeapi_change *fakeapi_store_change(struct fakeapi_collection *c, uint64_t number)
{
    return &c->changes[c->gone + (number - c->first)];
}

uint64_t fakeapi_store_after(struct fakeapi_collection *c, uint64_t version)
{
    uint64_t low = c->first, high = fakeapi_store_end(c);

    while (low < high) {
        uint64_t mid = low + (high - low) / 2;

        if (fakeapi_store_change(c, mid)->version <= version) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void forget_changes(struct fakeapi_collection *c, size_t keep)
{
    while (c->n_changes - c->gone > keep) {
        struct fakeapi_change *old = &c->changes[c->gone++];

        c->first++;
        c->oldest = old->version;
        release(old->before);
        release(old->now);
    }
    if (c->gone > c->n_changes / 2) {
        c->n_changes -= c->gone;
        memmove(c->changes, c->changes + c->gone, c->n_changes * sizeof(*c->changes));
        c->gone = 0;
    }
}

static void remember(struct fakeapi *api, enum fakeapi_resource res, struct fakeapi_object *before,
                     struct fakeapi_object *now)
{
    struct fakeapi_collection *c = &api->collections[res];
    size_t keep = api->behaviour.history != 0 ? api->behaviour.history : HISTORY_USUAL;

    if (c->n_changes == c->cap_changes) {
        c->cap_changes = c->cap_changes * 2 + 64;
        c->changes = fakeapi_text_grow(c->changes, c->cap_changes, sizeof(*c->changes));
    }
    c->changes[c->n_changes++] =
        (struct fakeapi_change){.version = api->version, .before = hold(before), .now = hold(now)};
    forget_changes(c, keep);
    fakeapi_watch_wake(api, res);
}

/* ---- objects from text ---- */

struct parsed {
    const struct fakeapi_kind *kind;
    struct fakeapi_span metadata, uid, created;
    struct fakeapi_text rest, more; /* members of the object and of its metadata, with commas */
};

static void add_member(struct fakeapi_text *t, struct fakeapi_span key, struct fakeapi_span value)
{
    fakeapi_text_add(t, ",\"", 2);
    fakeapi_text_add(t, key.at, key.len);
    fakeapi_text_add(t, "\":", 2);
    fakeapi_text_add(t, value.at, value.len);
}

static void copy_span(char *out, size_t cap, struct fakeapi_span s)
{
    snprintf(out, cap, "%.*s", (int)s.len, s.at);
}

static void parse_object(const char *json, struct parsed *p)
{
    struct fakeapi_span api_version = {"", 0}, kind = {"", 0}, key, value;
    const char *at = fakeapi_json_enter(json);

    while (fakeapi_json_next(&at, &key, &value)) {
        if (fakeapi_json_is(key, "apiVersion")) {
            api_version = fakeapi_json_string(value);
        } else if (fakeapi_json_is(key, "kind")) {
            kind = fakeapi_json_string(value);
        } else if (fakeapi_json_is(key, "metadata")) {
            p->metadata = value;
        } else {
            add_member(&p->rest, key, value);
        }
    }
    p->kind = fakeapi_kinds_find(api_version, kind);
    if (p->kind == NULL || p->metadata.at == NULL) {
        fakeapi_text_die("an object of no kind served, or without metadata", json);
    }
}

static void parse_metadata(struct parsed *p, struct fakeapi_object *o)
{
    struct fakeapi_span key, value;
    const char *at = fakeapi_json_enter(p->metadata.at);

    while (fakeapi_json_next(&at, &key, &value)) {
        if (fakeapi_json_is(key, "name")) {
            copy_span(o->name, sizeof(o->name), fakeapi_json_string(value));
        } else if (fakeapi_json_is(key, "namespace")) {
            copy_span(o->ns, sizeof(o->ns), fakeapi_json_string(value));
        } else if (fakeapi_json_is(key, "uid")) {
            p->uid = fakeapi_json_string(value);
        } else if (fakeapi_json_is(key, "creationTimestamp")) {
            p->created = fakeapi_json_string(value);
        } else if (!fakeapi_json_is(key, "resourceVersion")) {
            if (fakeapi_json_is(key, "labels")) {
                o->labels_at = p->more.len + strlen(",\"labels\":");
            }
            add_member(&p->more, key, value);
        }
    }
    if (o->name[0] == '\0' || (p->kind->namespaced && o->ns[0] == '\0')) {
        fakeapi_text_die("an object without name or namespace", p->metadata.at);
    }
}

/* What an API server fills in. */
static void fill_metadata(struct fakeapi *api, const struct parsed *p, struct fakeapi_object *o,
                          const struct fakeapi_object *before)
{
    time_t now = time(NULL);
    struct tm tm;

    if (p->uid.len > 0) {
        copy_span(o->uid, sizeof(o->uid), p->uid);
    } else if (before != NULL) {
        memcpy(o->uid, before->uid, sizeof(o->uid));
    } else {
        snprintf(o->uid, sizeof(o->uid), "5ea1a000-0000-4000-8000-%012llx",
                 (unsigned long long)++api->made);
    }
    if (p->created.len > 0) {
        copy_span(o->created, sizeof(o->created), p->created);
    } else if (before != NULL) {
        memcpy(o->created, before->created, sizeof(o->created));
    } else {
        strftime(o->created, sizeof(o->created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    }
}

static void compose(const struct parsed *p, struct fakeapi_object *o)
{
    struct fakeapi_text t = {0};

    fakeapi_text_addf(&t, "\"metadata\":{\"name\":\"%s\"", o->name);
    if (o->ns[0] != '\0') {
        fakeapi_text_addf(&t, ",\"namespace\":\"%s\"", o->ns);
    }
    fakeapi_text_addf(&t, ",\"uid\":\"%s\",\"creationTimestamp\":\"%s\"", o->uid, o->created);
    if (o->labels_at > 0) {
        o->labels_at += t.len;
    }
    fakeapi_text_add(&t, p->more.s != NULL ? p->more.s : "", p->more.len);
    fakeapi_text_adds(&t, ",\"resourceVersion\":\"");
    o->rv_at = t.len;
    fakeapi_text_adds(&t, "\"}");
    fakeapi_text_add(&t, p->rest.s != NULL ? p->rest.s : "", p->rest.len);
    o->text = fakeapi_text_copy_n(t.s, t.len);
    o->len = t.len;
    fakeapi_text_free(&t);
}

void fakeapi_store_write(const struct fakeapi *api, struct fakeapi_text *t,
                         const struct fakeapi_object *o, const struct fakeapi_kind *with_kind,
                         uint64_t version)
{
    fakeapi_text_add(t, "{", 1);
    if (with_kind != NULL) {
        fakeapi_text_addf(t, "\"kind\":\"%s\",\"apiVersion\":\"%s\",", with_kind->kind,
                          with_kind->api_version);
    }
    fakeapi_text_add(t, o->text, o->rv_at);
    fakeapi_text_addf(t, "%s%llu", api->rv_prefix,
                      (unsigned long long)(version != 0 ? version : o->version));
    fakeapi_text_add(t, o->text + o->rv_at, o->len - o->rv_at);
    fakeapi_text_add(t, "}", 1);
}

/* ---- changes ---- */

static void insert_at(struct fakeapi_collection *c, size_t at, struct fakeapi_object *o)
{
    if (c->n == c->cap) {
        c->cap = c->cap * 2 + 64;
        c->objects = fakeapi_text_grow(c->objects, c->cap, sizeof(struct fakeapi_object *));
    }
    memmove(c->objects + at + 1, c->objects + at, (c->n - at) * sizeof(*c->objects));
    c->objects[at] = o;
    c->n++;
}

static uint64_t put_locked(struct fakeapi *api, const char *json)
{
    struct parsed p = {.kind = NULL};
    struct fakeapi_object *o = fakeapi_text_alloc(sizeof(*o)), *before;
    struct fakeapi_collection *c;
    size_t at;

    parse_object(json, &p);
    parse_metadata(&p, o);
    before = fakeapi_store_find(api, p.kind->resource, o->ns, o->name);
    fill_metadata(api, &p, o, before);
    compose(&p, o);
    fakeapi_text_free(&p.more);
    fakeapi_text_free(&p.rest);
    o->refs = 1;
    o->version = ++api->version;
    c = &api->collections[p.kind->resource];
    at = place_of(c, o->ns, o->name);
    if (before != NULL) {
        c->objects[at] = o;
    } else {
        insert_at(c, at, o);
    }
    remember(api, p.kind->resource, before, o);
    release(before);
    return api->version;
}

uint64_t fakeapi_put(struct fakeapi *api, const char *json)
{
    uint64_t version;

    pthread_mutex_lock(&api->lock);
    version = put_locked(api, json);
    pthread_mutex_unlock(&api->lock);
    return version;
}

uint64_t fakeapi_putf(struct fakeapi *api, const char *fmt, ...)
{
    struct fakeapi_text t = {0};
    uint64_t version;
    va_list ap;

    va_start(ap, fmt);
    fakeapi_text_vaddf(&t, fmt, ap);
    va_end(ap);
    version = fakeapi_put(api, t.s);
    fakeapi_text_free(&t);
    return version;
}

uint64_t fakeapi_delete(struct fakeapi *api, enum fakeapi_resource res, const char *ns,
                        const char *name)
{
    struct fakeapi_collection *c = &api->collections[res];
    struct fakeapi_object *o;
    uint64_t version = 0;

    pthread_mutex_lock(&api->lock);
    o = fakeapi_store_find(api, res, ns, name);
    if (o != NULL) {
        size_t at = place_of(c, ns, name);

        memmove(c->objects + at, c->objects + at + 1, (c->n - at - 1) * sizeof(*c->objects));
        c->n--;
        version = ++api->version;
        remember(api, res, o, NULL);
        release(o);
    }
    pthread_mutex_unlock(&api->lock);
    return version;
}

/* ---- snapshots ---- */

struct fakeapi_snapshot *fakeapi_store_snapshot(struct fakeapi *api, enum fakeapi_resource res,
                                                const struct fakeapi_filter *f)
{
    struct fakeapi_collection *c = &api->collections[res];
    struct fakeapi_snapshot *s = fakeapi_text_alloc(sizeof(*s));

    s->refs = 1;
    s->version = api->version;
    s->resource = res;
    s->objects = fakeapi_text_alloc((c->n + 1) * sizeof(struct fakeapi_object *));
    for (size_t i = 0; i < c->n; i++) {
        if (fakeapi_filter_passes(f, c->objects[i])) {
            s->objects[s->n++] = hold(c->objects[i]);
        }
    }
    return s;
}

void fakeapi_store_drop(struct fakeapi_snapshot *s)
{
    if (s == NULL || --s->refs > 0) {
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        release(s->objects[i]);
    }
    free(s->objects);
    free(s);
}

void fakeapi_store_keep(struct fakeapi *api, struct fakeapi_snapshot *s)
{
    struct fakeapi_snapshot **slot = &api->kept[++api->n_snapshots % FAKEAPI_SNAPSHOTS];

    fakeapi_store_drop(*slot);
    s->number = api->n_snapshots;
    s->refs++;
    *slot = s;
}

struct fakeapi_snapshot *fakeapi_store_kept(struct fakeapi *api, uint64_t number)
{
    struct fakeapi_snapshot *s = api->kept[number % FAKEAPI_SNAPSHOTS];

    if (s == NULL || s->number != number) {
        return NULL;
    }
    s->refs++;
    return s;
}

/* ---- loss ---- */

static void compact_locked(struct fakeapi *api)
{
    for (size_t i = 0; i < FAKEAPI_RESOURCES; i++) {
        api->collections[i].oldest = api->version;
    }
    for (size_t i = 0; i < FAKEAPI_SNAPSHOTS; i++) {
        fakeapi_store_drop(api->kept[i]);
        api->kept[i] = NULL;
    }
}

void fakeapi_compact(struct fakeapi *api)
{
    pthread_mutex_lock(&api->lock);
    compact_locked(api);
    pthread_mutex_unlock(&api->lock);
}

static void lose_objects(struct fakeapi *api)
{
    for (size_t i = 0; i < FAKEAPI_RESOURCES; i++) {
        struct fakeapi_collection *c = &api->collections[i];

        forget_changes(c, 0);
        for (size_t k = 0; k < c->n; k++) {
            release(c->objects[k]);
        }
        c->n = 0;
    }
}

void fakeapi_restore(struct fakeapi *api, uint64_t rv, const char *const *objects)
{
    fakeapi_cut(api, FAKEAPI_ANY_RESOURCE, FAKEAPI_CLEAN);
    pthread_mutex_lock(&api->lock);
    lose_objects(api);
    api->version = rv;
    for (; objects != NULL && *objects != NULL; objects++) {
        put_locked(api, *objects);
    }
    for (size_t i = 0; i < FAKEAPI_RESOURCES; i++) {
        forget_changes(&api->collections[i], 0);
    }
    compact_locked(api);
    pthread_mutex_unlock(&api->lock);
}

void fakeapi_store_fini(struct fakeapi *api)
{
    compact_locked(api);
    lose_objects(api);
    for (size_t i = 0; i < FAKEAPI_RESOURCES; i++) {
        free(api->collections[i].objects);
        free(api->collections[i].changes);
    }
}

uint64_t fakeapi_version(struct fakeapi *api)
{
    uint64_t version;

    pthread_mutex_lock(&api->lock);
    version = api->version;
    pthread_mutex_unlock(&api->lock);
    return version;
}

size_t fakeapi_count(struct fakeapi *api, enum fakeapi_resource res)
{
    size_t n;

    pthread_mutex_lock(&api->lock);
    n = api->collections[res].n;
    pthread_mutex_unlock(&api->lock);
    return n;
}

char *fakeapi_event(struct fakeapi *api, const char *type, enum fakeapi_resource res,
                    const char *ns, const char *name)
{
    struct fakeapi_text t = {0};
    const struct fakeapi_object *o;

    pthread_mutex_lock(&api->lock);
    o = fakeapi_store_find(api, res, ns, name);
    if (o == NULL) {
        fakeapi_text_die("no such object", name);
    }
    fakeapi_text_addf(&t, "{\"type\":\"%s\",\"object\":", type);
    fakeapi_store_write(api, &t, o, fakeapi_kinds_of(res), 0);
    fakeapi_text_adds(&t, "}\n");
    pthread_mutex_unlock(&api->lock);
    return t.s;
}
