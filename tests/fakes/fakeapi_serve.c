#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/fakeapi_priv.h"

#define TOO_NEW_MS 3000u
#define GZIP_OVER  (128u * 1024)

/* ---- lists ---- */

/* Wait until the server has that version; false: too new, for too long. */
static bool await_version(struct fakeapi_call *call, uint64_t version)
{
    struct fakeapi_conn *c = call->conn;
    unsigned ms = call->b.too_new_ms > 0 ? call->b.too_new_ms : TOO_NEW_MS;
    uint64_t until = fakeapi_text_after_ms(ms);
    enum fakeapi_poll what = FAKEAPI_WOKEN;
    bool reached;

    for (;;) {
        pthread_mutex_lock(&c->api->lock);
        reached = c->api->version >= version;
        c->waits_version = !reached && what == FAKEAPI_WOKEN;
        pthread_mutex_unlock(&c->api->lock);
        if (reached || what != FAKEAPI_WOKEN) {
            return reached;
        }
        what = fakeapi_conn_poll(c, 0, until);
    }
}

static void answer_too_new(struct fakeapi_call *call, uint64_t version)
{
    struct fakeapi_text t = {0};
    char *body = fakeapi_too_large(version, fakeapi_version(call->conn->api), true);

    t = (struct fakeapi_text){.s = body, .len = strlen(body)};
    free((void *)(uintptr_t)call->a.head);
    call->a.head = fakeapi_text_copy("Retry-After: 1\r\n");
    fakeapi_out_json(call, 504, &t);
    fakeapi_text_free(&t);
}

/* The objects from `from` to `to` of a list; `to` short of its end: with a token to go on. */
static void write_list(const struct fakeapi_call *call, struct fakeapi_text *t,
                       const struct fakeapi_snapshot *s, size_t to)
{
    const struct fakeapi *api = call->conn->api;
    const struct fakeapi_kind *k = call->q.kind;
    bool custom = call->b.custom_like;
    struct fakeapi_text meta = {0};

    fakeapi_text_addf(&meta, "\"metadata\":{\"resourceVersion\":\"%s%llu\"", api->rv_prefix,
                      (unsigned long long)s->version);
    if (to < s->n) {
        fakeapi_text_addf(&meta, ",\"continue\":\"k8+%llu/%zu/%u==\",\"remainingItemCount\":%zu",
                          (unsigned long long)s->number, to, call->r.page + 1, s->n - to);
    }
    fakeapi_text_adds(&meta, "}");
    fakeapi_text_addf(t, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",%s%s\"items\":[", k->kind,
                      k->api_version, custom ? "" : meta.s, custom ? "" : ",");
    for (size_t i = call->q.from; i < to; i++) {
        fakeapi_text_add(t, ",", i > call->q.from);
        fakeapi_store_write(api, t, s->objects[i], custom ? k : NULL, 0);
    }
    fakeapi_text_addf(t, "]%s%s}\n", custom ? "," : "", custom ? meta.s : "");
    fakeapi_text_free(&meta);
}

static void answer_list(struct fakeapi_call *call, const struct fakeapi_snapshot *s, size_t to)
{
    size_t over = call->b.gzip_over > 0 ? call->b.gzip_over : GZIP_OVER;
    struct fakeapi_text t = {0};

    write_list(call, &t, s, to);
    if (call->q.accepts_gzip && t.len > over) {
        struct fakeapi_text head = {0};

        fakeapi_gzip_wrap(&t);
        fakeapi_text_addf(&head, "%sContent-Encoding: gzip\r\n",
                          call->a.head != NULL ? call->a.head : "");
        free((void *)(uintptr_t)call->a.head);
        call->a.head = head.s;
    }
    fakeapi_out_json(call, 200, &t);
    fakeapi_text_free(&t);
}

/* (locked) The snapshot to list from, and where the answer ends; NULL: lost. */
static struct fakeapi_snapshot *choose(struct fakeapi_call *call, bool is_paged, size_t *to)
{
    struct fakeapi *api = call->conn->api;
    size_t limit = is_paged ? strtoull(call->q.limit, NULL, 10) : 0;
    struct fakeapi_snapshot *s;

    if (call->q.snapshot != 0) {
        s = fakeapi_store_kept(api, call->q.snapshot);
        if (s != NULL && (s->resource != call->r.resource || call->q.from > s->n)) {
            fakeapi_store_drop(s);
            s = NULL;
        }
    } else {
        s = fakeapi_store_snapshot(api, call->r.resource, &call->q.filter);
    }
    if (s != NULL) {
        *to = limit > 0 && limit < s->n - call->q.from ? call->q.from + limit : s->n;
        if (*to < s->n && call->q.snapshot == 0) {
            fakeapi_store_keep(api, s);
        }
    }
    return s;
}

static void answer_gone(struct fakeapi_call *call)
{
    struct fakeapi_text t = {0};

    fakeapi_text_adds(
        &t, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":"
            "\"k8+0/0/0==\"},\"status\":\"Failure\",\"message\":\"The provided continue parameter "
            "is too old to display a consistent list result.\",\"reason\":\"Expired\","
            "\"code\":410}\n");
    fakeapi_out_json(call, 410, &t);
    fakeapi_text_free(&t);
}

/* Answer what cannot be listed; true: it was answered. */
static bool refuse_list(struct fakeapi_call *call, uint64_t *version)
{
    if (call->q.bad_continue) {
        fakeapi_out_status(call, 400, "continue key is not valid", NULL);
    } else if (call->q.snapshot != 0 && call->q.version[0] != '\0') {
        fakeapi_out_status(call, 400,
                           "specifying resource version is not allowed when using continue", NULL);
    } else if (!fakeapi_filter_is_valid(&call->q.filter)) {
        fakeapi_out_status(call, 400,
                           "\"spec\" is not a known field selector: only \"metadata.name\", "
                           "\"metadata.namespace\"",
                           NULL);
    } else if (!fakeapi_watch_version(call->conn->api, call->q.version, version)) {
        fakeapi_out_status(call, 400, "Invalid value: resourceVersion", NULL);
    } else if (!await_version(call, *version)) {
        answer_too_new(call, *version);
    } else {
        return false;
    }
    return true;
}

static void serve_list(struct fakeapi_call *call)
{
    struct fakeapi *api = call->conn->api;
    struct fakeapi_snapshot *s;
    uint64_t version;
    size_t to = 0;

    if (refuse_list(call, &version)) {
        return;
    }
    pthread_mutex_lock(&api->lock);
    s = choose(call, strcmp(call->q.version, "0") != 0, &to);
    pthread_mutex_unlock(&api->lock);
    if (s == NULL) {
        answer_gone(call);
        return;
    }
    answer_list(call, s, to);
    pthread_mutex_lock(&api->lock);
    fakeapi_store_drop(s);
    pthread_mutex_unlock(&api->lock);
}

/* ---- other answers ---- */

static void serve_object(struct fakeapi_call *call)
{
    struct fakeapi *api = call->conn->api;
    struct fakeapi_text t = {0};
    struct fakeapi_object *o;
    char message[400];

    pthread_mutex_lock(&api->lock);
    o = fakeapi_store_find(api, call->r.resource, call->r.ns, call->r.name);
    if (o != NULL) {
        fakeapi_store_write(api, &t, o, call->q.kind, 0);
    }
    pthread_mutex_unlock(&api->lock);
    if (o != NULL) {
        fakeapi_text_add(&t, "\n", 1);
        fakeapi_out_json(call, 200, &t);
    } else {
        snprintf(message, sizeof(message), "%s%s%s \"%s\" not found", call->q.kind->plural,
                 call->q.kind->group[0] != '\0' ? "." : "", call->q.kind->group, call->r.name);
        fakeapi_out_status(call, 404, message, NULL);
    }
    fakeapi_text_free(&t);
}

static void serve_other(struct fakeapi_call *call)
{
    static const char slices[] =
        "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":"
        "\"discovery.k8s.io/v1\",\"resources\":[{\"name\":\"endpointslices\",\"singularName\":"
        "\"endpointslice\",\"namespaced\":true,\"kind\":\"EndpointSlice\",\"verbs\":[\"create\","
        "\"delete\",\"deletecollection\",\"get\",\"list\",\"patch\",\"update\",\"watch\"],"
        "\"storageVersionHash\":\"Nx3SIv6I0mE=\"}]}\n";
    static const char version[] =
        "{\"major\":\"1\",\"minor\":\"34\",\"gitVersion\":\"v1.34.1\",\"platform\":"
        "\"linux/amd64\"}\n";
    static const char nowhere[] = "404 page not found\n";
    const char *path = call->r.path + strlen(call->conn->api->prefix);
    const char *text = nowhere;
    int status = 404;

    if (strcmp(path, "/apis/discovery.k8s.io/v1") == 0 && !call->b.no_slices) {
        text = slices;
        status = 200;
    } else if (strcmp(path, "/version") == 0) {
        text = version;
        status = 200;
    }
    if (fakeapi_out_head(call, status, status == 200 ? "application/json" : "text/plain",
                         strlen(text)) &&
        fakeapi_out_body(call, text, strlen(text))) {
        fakeapi_out_finish(call);
    }
}

static void refuse(struct fakeapi_call *call)
{
    static const char *const verbs[] = {"use", "list", "watch", "get"};
    const struct fakeapi_kind *k = call->q.kind;
    char message[512], where[128] = "at the cluster scope", details[256];

    if (k == NULL) {
        fakeapi_out_status(call, 403, "forbidden: User \"sealway\" cannot get path", NULL);
        return;
    }
    if (call->r.ns[0] != '\0') {
        snprintf(where, sizeof(where), "in the namespace \"%s\"", call->r.ns);
    }
    snprintf(message, sizeof(message),
             "%s%s%s is forbidden: User \"sealway\" cannot %s resource \"%s\" in API group \"%s\" "
             "%s",
             k->plural, k->group[0] != '\0' ? "." : "", k->group, verbs[call->r.verb], k->plural,
             k->group, where);
    snprintf(details, sizeof(details), "{\"group\":\"%s\",\"kind\":\"%s\"}", k->group, k->plural);
    fakeapi_out_status(call, 403, message, details);
}

static void serve_usual(struct fakeapi_call *call)
{
    struct fakeapi *api = call->conn->api;
    bool known, allowed;

    pthread_mutex_lock(&api->lock);
    known = fakeapi_script_lets_in(api, call->q.authorization);
    allowed = !api->forbidden[call->r.verb][call->r.resource];
    pthread_mutex_unlock(&api->lock);
    if (!known) {
        fakeapi_out_status(call, 401, "Unauthorized", NULL);
    } else if (!allowed) {
        refuse(call);
    } else if (strcmp(call->r.method, "GET") != 0) {
        fakeapi_out_status(call, 405,
                           "the server does not allow this method on the requested "
                           "resource",
                           NULL);
    } else if (call->q.kind == NULL ||
               (call->r.resource == FAKEAPI_ENDPOINTSLICES && call->b.no_slices)) {
        serve_other(call);
    } else if (call->r.verb == FAKEAPI_WATCH) {
        fakeapi_watch_serve(call);
    } else if (call->r.verb == FAKEAPI_LIST) {
        serve_list(call);
    } else {
        serve_object(call);
    }
}

/* ---- scripted ---- */

static void answer_scripted(struct fakeapi_call *call)
{
    const struct fakeapi_answer *a = &call->a;
    size_t len;

    if (a->body == NULL) {
        fakeapi_out_status(call, a->status, "as scripted", NULL);
        return;
    }
    len = strlen(a->body);
    if (fakeapi_out_head(call, a->status,
                         a->content_type != NULL ? a->content_type : "application/json",
                         a->chunked ? SIZE_MAX : len) &&
        fakeapi_out_body(call, a->body, len)) {
        fakeapi_out_finish(call);
    }
}

/* Wait for fakeapi_release(); false: the connection ends. */
static bool be_held(struct fakeapi_call *call)
{
    struct fakeapi_conn *c = call->conn;
    struct fakeapi *api = c->api;
    enum fakeapi_poll what = FAKEAPI_WOKEN;
    bool held = true;

    pthread_mutex_lock(&api->lock);
    c->is_held = true;
    api->n_held++;
    pthread_cond_broadcast(&api->changed);
    pthread_mutex_unlock(&api->lock);
    while (held && what != FAKEAPI_ENDED) {
        what = fakeapi_conn_read(c, 0);
        pthread_mutex_lock(&api->lock);
        held = c->is_held;
        if (held && what == FAKEAPI_ENDED) {
            c->is_held = false;
            api->n_held--;
        }
        pthread_mutex_unlock(&api->lock);
    }
    return what != FAKEAPI_ENDED;
}

void fakeapi_serve_call(struct fakeapi_call *call)
{
    const struct fakeapi_answer *a = &call->a;

    if ((a->held && !be_held(call)) ||
        (a->delay_ms > 0 && !fakeapi_conn_pause(call->conn, a->delay_ms))) {
        call->end = FAKEAPI_FIN;
    } else if (a->status < 0) {
        fakeapi_out_cut(call, a->cut != FAKEAPI_UNCUT ? a->cut : FAKEAPI_STALL);
    } else if (a->status > 0) {
        answer_scripted(call);
    } else {
        serve_usual(call);
    }
}
