#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/fakeapi_priv.h"

#define BATCH     (256u * 1024)
#define SECOND_US 1000000u

bool fakeapi_watch_version(const struct fakeapi *api, const char *text, uint64_t *out)
{
    size_t n = strlen(api->rv_prefix), len = strlen(text);

    if (strspn(text, "0123456789") != len) {
        return false;
    }
    if (n > 0 && len > n && strncmp(text, api->rv_prefix, n) == 0) {
        text += n;
        len -= n;
    } else if (n > 0 && len > 1) {
        *out = len > n ? UINT64_MAX : 1; /* foreign: clearly later, or clearly before */
        return true;
    }
    *out = len > 19 ? UINT64_MAX : strtoull(text, NULL, 10);
    return true;
}

static const char *type_of(const struct fakeapi_change *change, const struct fakeapi_watching *w)
{
    const struct fakeapi_filter *f = &w->filter;
    bool was = change->before != NULL && fakeapi_filter_passes(f, change->before);
    bool is = change->now != NULL && fakeapi_filter_passes(f, change->now);

    if (change->version <= w->newer_than) {
        return NULL;
    }
    return is ? (was ? "MODIFIED" : "ADDED") : was ? "DELETED" : NULL;
}

static void write_change(const struct fakeapi *api, struct fakeapi_text *t,
                         const struct fakeapi_watching *w, const struct fakeapi_change *change)
{
    const char *type = type_of(change, w);

    if (type == NULL) {
        return;
    }
    fakeapi_text_addf(t, "{\"type\":\"%s\",\"object\":", type);
    fakeapi_store_write(api, t, type[0] == 'D' ? change->before : change->now,
                        fakeapi_kinds_of(w->resource), change->version);
    fakeapi_text_adds(t, "}\n");
}

void fakeapi_watch_close(struct fakeapi_conn *c)
{
    struct fakeapi_watching *w = &c->watch;

    while (w->inserts != NULL) {
        struct fakeapi_insert *insert = w->inserts;

        w->inserts = insert->next;
        free(insert->bytes);
        free(insert);
    }
    *w = (struct fakeapi_watching){.last = &w->inserts};
    pthread_cond_broadcast(&c->api->changed);
}

/* The next insert, if its place has come; returns whether there was one.  A cut closes. */
static bool take_insert(struct fakeapi_conn *c, struct fakeapi_text *t, enum fakeapi_cut *cut)
{
    struct fakeapi_watching *w = &c->watch;
    struct fakeapi_insert *insert = w->inserts;

    if (insert == NULL || insert->at > w->next) {
        return false;
    }
    fakeapi_text_add(t, insert->bytes, insert->len);
    *cut = insert->cut;
    w->inserts = insert->next;
    if (w->inserts == NULL) {
        w->last = &w->inserts;
    }
    free(insert->bytes);
    free(insert);
    return true;
}

/* (locked) What there is to write now, up to a batch; the end when that has come. */
static enum fakeapi_cut collect(struct fakeapi_conn *c, struct fakeapi_text *t)
{
    struct fakeapi_watching *w = &c->watch;
    struct fakeapi_collection *col = &c->api->collections[w->resource];
    enum fakeapi_cut cut = FAKEAPI_UNCUT;

    if (w->next < col->first) {
        return FAKEAPI_CLEAN; /* too slow: as kube-apiserver does, without a word */
    }
    while (t->len < BATCH && cut == FAKEAPI_UNCUT) {
        if (take_insert(c, t, &cut)) {
            continue;
        }
        if (w->next == fakeapi_store_end(col)) {
            break;
        }
        write_change(c->api, t, w, fakeapi_store_change(col, w->next));
        w->next++;
    }
    return cut;
}

/* Say when the changes up to w->next had been written. */
static void stamp(struct fakeapi_conn *c, uint64_t from)
{
    struct fakeapi_watching *w = &c->watch;
    struct fakeapi_collection *col = &c->api->collections[w->resource];
    uint64_t now = fakeapi_text_now_us();

    pthread_mutex_lock(&c->api->lock);
    for (uint64_t n = from > col->first ? from : col->first; n < w->next; n++) {
        struct fakeapi_change *change = fakeapi_store_change(col, n);

        if (change->written_us == 0 && type_of(change, w) != NULL) {
            change->written_us = now;
        }
    }
    w->is_writing = false;
    pthread_cond_broadcast(&c->api->changed);
    pthread_mutex_unlock(&c->api->lock);
}

/* Collect and write one batch.  false: the watch is over. */
static bool write_batch(struct fakeapi_call *call, struct fakeapi_text *t)
{
    struct fakeapi_conn *c = call->conn;
    enum fakeapi_cut cut;
    uint64_t from;

    t->len = 0;
    pthread_mutex_lock(&c->api->lock);
    from = c->watch.next;
    cut = collect(c, t);
    c->watch.is_writing = t->len > 0;
    pthread_mutex_unlock(&c->api->lock);
    if (t->len > 0 && !fakeapi_out_body(call, t->s, t->len)) {
        return false;
    }
    stamp(c, from);
    if (cut != FAKEAPI_UNCUT) {
        pthread_mutex_lock(&c->api->lock);
        fakeapi_watch_close(c);
        pthread_mutex_unlock(&c->api->lock);
        fakeapi_out_cut(call, cut);
        return false;
    }
    return true;
}

/* When the watch ends by itself; 0: never. */
static uint64_t end_of(const struct fakeapi_call *call)
{
    uint64_t now = fakeapi_text_now_us();

    if (call->b.endless_watches) {
        return 0;
    }
    if (call->b.watch_ms > 0) {
        return fakeapi_text_after_ms(call->b.watch_ms);
    }
    return call->q.timeout[0] != '\0'
               ? now + strtoull(call->q.timeout, NULL, 10) * (uint64_t)SECOND_US
               : 0;
}

static void insert_own(struct fakeapi_conn *c, bool is_end)
{
    pthread_mutex_lock(&c->api->lock);
    if (!c->watch.is_cut) {
        if (c->watch.bookmarks) {
            fakeapi_inject_bookmark(c);
        }
        if (is_end) {
            fakeapi_inject_add(c, "", 0, FAKEAPI_CLEAN);
        }
    }
    pthread_mutex_unlock(&c->api->lock);
}

static void run(struct fakeapi_call *call)
{
    uint64_t end = end_of(call), every = call->b.bookmark_ms * (uint64_t)1000;
    uint64_t bookmark = every > 0 ? fakeapi_text_now_us() + every : 0;
    struct fakeapi_text t = {0};

    while (write_batch(call, &t)) {
        uint64_t until = bookmark != 0 && (end == 0 || bookmark < end) ? bookmark : end;
        enum fakeapi_poll what;

        if (t.len > 0) {
            continue;
        }
        what = fakeapi_conn_read(call->conn, until);
        if (what == FAKEAPI_ENDED) {
            call->end = FAKEAPI_FIN;
            break;
        }
        if (what == FAKEAPI_TIMEOUT) {
            insert_own(call->conn, until == end);
            bookmark = bookmark != 0 ? bookmark + every : 0;
        }
    }
    fakeapi_text_free(&t);
}

/* The objects there are, to a watch that named no version. */
static bool write_present(struct fakeapi_call *call, const struct fakeapi_snapshot *s)
{
    struct fakeapi *api = call->conn->api;
    struct fakeapi_text t = {0};
    bool going;

    for (size_t i = 0; i < s->n; i++) {
        fakeapi_text_adds(&t, "{\"type\":\"ADDED\",\"object\":");
        fakeapi_store_write(api, &t, s->objects[i], call->q.kind, 0);
        fakeapi_text_adds(&t, "}\n");
    }
    going = fakeapi_out_body(call, t.s, t.len);
    fakeapi_text_free(&t);
    return going;
}

static void say_gone(struct fakeapi_call *call, uint64_t version, uint64_t oldest)
{
    char message[128];
    char *event;

    snprintf(message, sizeof(message), "too old resource version: %llu (%llu)",
             (unsigned long long)version, (unsigned long long)oldest);
    event = fakeapi_error_event(410, NULL, message);
    if (fakeapi_out_head(call, 200, "application/json", SIZE_MAX) &&
        fakeapi_out_body(call, event, strlen(event))) {
        fakeapi_out_finish(call);
    }
    free(event);
}

/* (locked) */
static void open_watch(struct fakeapi_call *call, uint64_t version)
{
    struct fakeapi_conn *c = call->conn;
    struct fakeapi_collection *col = &c->api->collections[call->r.resource];

    c->watch = (struct fakeapi_watching){
        .is_open = true,
        .bookmarks = call->q.bookmarks,
        .resource = call->r.resource,
        .filter = call->q.filter,
        .next = version == 0 ? fakeapi_store_end(col) : fakeapi_store_after(col, version),
        .newer_than = version,
        .last = &c->watch.inserts,
    };
    pthread_cond_broadcast(&c->api->changed);
}

static void answer_unparsable(struct fakeapi_call *call)
{
    struct fakeapi_text t = {0};

    fakeapi_kinds_status(&t, 500, "", "strconv.ParseUint: parsing: invalid syntax", NULL);
    fakeapi_out_json(call, 500, &t);
    fakeapi_text_free(&t);
}

void fakeapi_watch_serve(struct fakeapi_call *call)
{
    struct fakeapi_conn *c = call->conn;
    struct fakeapi *api = c->api;
    struct fakeapi_snapshot *present = NULL;
    uint64_t version, oldest;

    if (!fakeapi_watch_version(api, call->q.version, &version)) {
        answer_unparsable(call);
        return;
    }
    pthread_mutex_lock(&api->lock);
    oldest = api->collections[call->r.resource].oldest;
    if (version == 0) {
        present = fakeapi_store_snapshot(api, call->r.resource, &call->q.filter);
    }
    if (version == 0 || version >= oldest) {
        open_watch(call, version);
    }
    pthread_mutex_unlock(&api->lock);
    if (version != 0 && version < oldest) {
        say_gone(call, version, oldest);
        return;
    }
    if (fakeapi_out_head(call, 200, "application/json", SIZE_MAX) &&
        (present == NULL || write_present(call, present))) {
        run(call);
    }
    pthread_mutex_lock(&api->lock);
    fakeapi_store_drop(present);
    fakeapi_watch_close(c);
    pthread_mutex_unlock(&api->lock);
}
