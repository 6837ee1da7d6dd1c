#include <string.h>

#include "fakes/fakeapi_priv.h"

void fakeapi_watch_wake(struct fakeapi *api, enum fakeapi_resource res)
{
    for (struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        if (c->waits_version || (c->watch.is_open && c->watch.resource == res)) {
            fakeapi_conn_wake(c);
        }
    }
}

static bool concerns(const struct fakeapi_conn *c, enum fakeapi_resource res)
{
    return c->watch.is_open && !c->watch.is_cut &&
           (res == FAKEAPI_ANY_RESOURCE || res == c->watch.resource);
}

void fakeapi_inject_add(struct fakeapi_conn *c, const void *bytes, size_t len, enum fakeapi_cut cut)
{
    struct fakeapi_watching *w = &c->watch;
    struct fakeapi_insert *insert = fakeapi_text_alloc(sizeof(*insert));

    insert->at = fakeapi_store_end(&c->api->collections[w->resource]);
    insert->bytes = fakeapi_text_copy_n(bytes, len);
    insert->len = len;
    insert->cut = cut;
    w->is_cut = cut != FAKEAPI_UNCUT;
    *w->last = insert;
    w->last = &insert->next;
    fakeapi_conn_wake(c);
}

static void insert_everywhere(struct fakeapi *api, enum fakeapi_resource res,
                              struct fakeapi_span bytes, enum fakeapi_cut cut)
{
    pthread_mutex_lock(&api->lock);
    for (struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        if (concerns(c, res)) {
            fakeapi_inject_add(c, bytes.at, bytes.len, cut);
        }
    }
    pthread_mutex_unlock(&api->lock);
}

void fakeapi_inject(struct fakeapi *api, enum fakeapi_resource res, const void *bytes, size_t len)
{
    insert_everywhere(api, res, (struct fakeapi_span){bytes, len}, FAKEAPI_UNCUT);
}

void fakeapi_inject_text(struct fakeapi *api, enum fakeapi_resource res, const char *text)
{
    fakeapi_inject(api, res, text, strlen(text));
}

void fakeapi_cut(struct fakeapi *api, enum fakeapi_resource res, enum fakeapi_cut how)
{
    insert_everywhere(api, res, (struct fakeapi_span){"", 0}, how);
}

static void write_bookmark(const struct fakeapi *api, struct fakeapi_text *t,
                           enum fakeapi_resource res)
{
    const struct fakeapi_kind *k = fakeapi_kinds_of(res);

    fakeapi_text_addf(t,
                      "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\","
                      "\"metadata\":{\"resourceVersion\":\"%s%llu\",\"creationTimestamp\":null}%s}}"
                      "\n",
                      k->kind, k->api_version, api->rv_prefix, (unsigned long long)api->version,
                      k->blank);
}

void fakeapi_inject_bookmark(struct fakeapi_conn *c)
{
    struct fakeapi_text t = {0};

    write_bookmark(c->api, &t, c->watch.resource);
    fakeapi_inject_add(c, t.s, t.len, FAKEAPI_UNCUT);
    fakeapi_text_free(&t);
}

void fakeapi_bookmark(struct fakeapi *api, enum fakeapi_resource res)
{
    pthread_mutex_lock(&api->lock);
    for (struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        if (concerns(c, res) && c->watch.bookmarks) {
            fakeapi_inject_bookmark(c);
        }
    }
    pthread_mutex_unlock(&api->lock);
}

static unsigned count_watches(const struct fakeapi *api, enum fakeapi_resource res)
{
    unsigned n = 0;

    for (const struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        n += concerns(c, res);
    }
    return n;
}

unsigned fakeapi_watches(struct fakeapi *api, enum fakeapi_resource res)
{
    unsigned n;

    pthread_mutex_lock(&api->lock);
    n = count_watches(api, res);
    pthread_mutex_unlock(&api->lock);
    return n;
}

bool fakeapi_wait_watches(struct fakeapi *api, enum fakeapi_resource res, unsigned n)
{
    uint64_t until = fakeapi_text_after_ms(FAKEAPI_PATIENCE_MS);
    bool met;

    pthread_mutex_lock(&api->lock);
    while (!(met = count_watches(api, res) >= n) && fakeapi_log_wait(api, until)) {
    }
    pthread_mutex_unlock(&api->lock);
    return met;
}

static bool has_more(const struct fakeapi *api, enum fakeapi_resource res)
{
    for (const struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        const struct fakeapi_watching *w = &c->watch;

        if (w->is_open && (res == FAKEAPI_ANY_RESOURCE || res == w->resource) &&
            (w->is_writing || w->inserts != NULL ||
             w->next < fakeapi_store_end(&api->collections[w->resource]))) {
            return true;
        }
    }
    return false;
}

bool fakeapi_wait_written(struct fakeapi *api, enum fakeapi_resource res)
{
    uint64_t until = fakeapi_text_after_ms(FAKEAPI_PATIENCE_MS);
    bool more;

    pthread_mutex_lock(&api->lock);
    while ((more = has_more(api, res)) && fakeapi_log_wait(api, until)) {
    }
    pthread_mutex_unlock(&api->lock);
    return !more;
}

uint64_t fakeapi_written_us(struct fakeapi *api, enum fakeapi_resource res, uint64_t rv)
{
    uint64_t until = fakeapi_text_after_ms(FAKEAPI_PATIENCE_MS), at = 0;
    struct fakeapi_collection *c = &api->collections[res];

    pthread_mutex_lock(&api->lock);
    for (;;) {
        uint64_t number = fakeapi_store_after(c, rv - 1);

        if (number == fakeapi_store_end(c)) {
            break; /* forgotten, or never was */
        }
        at = fakeapi_store_change(c, number)->written_us;
        if (at != 0 || count_watches(api, res) == 0 || !fakeapi_log_wait(api, until)) {
            break;
        }
    }
    pthread_mutex_unlock(&api->lock);
    return at;
}
