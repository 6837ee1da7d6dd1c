/**
 * kubewatch_fixture - a watch between a scripted client and a sink that remembers.
 *
 * Defines the client's functions in the program that includes it: requests are written down, and
 * the test plays the server: fixture_head(), fixture_bytes(), fixture_done().  Time stands still
 * but where fixture_next() goes on to what is due.
 */
#ifndef UNIT_KUBEWATCH_FIXTURE_H
#define UNIT_KUBEWATCH_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "kube/kubeclient.h"
#include "kube/kubestats.h"
#include "kube/kubewatch.h"
#include "kube/reflector.h"

#define FIXTURE_OBJECTS  64
#define FIXTURE_REQUESTS 512
#define FIXTURE_TEXT     8192

struct kuberequest {
    struct kuberequest_config cfg;
    char *path;
    bool is_over, is_cancelled;
};

struct fixture_object {
    char name[32], version[16];
};

struct fixture_set {
    struct fixture_object objects[FIXTURE_OBJECTS];
    size_t n;
};

struct kubeclient {
    struct kubewatch *w;
    struct kubestats stats;
    struct kuberequest *requests[FIXTURE_REQUESTS];
    size_t n;
    size_t chunk;          /* bytes of one on_bytes; 0: all */
    bool refuses_requests; /* as without memory */

    struct fixture_set held, list;
    bool is_collecting;
    int fail_put, fail_take, fail_begin, fail_item, fail_end; /* what the sink returns, once */
    unsigned puts, takes, begins, doubts, ends, drops, changes, stirs;
    bool turns_when_told; /* `changed` and `stirred` call back, as of another watch */

    struct logring *ring;
    char log[1u << 16];
    char text[FIXTURE_TEXT];
};

static uint64_t fixture_now_ms;

static inline uint64_t fixture_clock(void)
{
    return fixture_now_ms * 1000;
}

/* ---- the client ------------------------------------------------------------------------------ */

struct kuberequest *kubeclient_start(struct kubeclient *c, const struct kuberequest_config *cfg)
{
    struct kuberequest *r = c->refuses_requests ? NULL : calloc(1, sizeof(*r));

    if (!r) {
        return NULL;
    }
    r->cfg = *cfg;
    r->path = strdup(cfg->path);
    if (!r->path) {
        free(r);
        return NULL;
    }
    r->cfg.path = r->path;
    assert_true(c->n < FIXTURE_REQUESTS);
    assert_string_equal(cfg->method, "GET");
    assert_null(cfg->body);
    c->requests[c->n++] = r;
    return r;
}

void kuberequest_cancel(struct kuberequest *r)
{
    assert_false(r->is_over);
    r->is_over = r->is_cancelled = true;
}

static inline bool fixture_is_probe(const struct kuberequest *r)
{
    return strstr(r->path, "limit=1&") != NULL;
}

/* The page or watch that runs, or the probe; there is never more than one of either. */
static inline struct kuberequest *fixture_running(struct kubeclient *c, bool probe)
{
    struct kuberequest *found = NULL;

    for (size_t i = 0; i < c->n; i++) {
        if (!c->requests[i]->is_over && fixture_is_probe(c->requests[i]) == probe) {
            assert_null(found);
            found = c->requests[i];
        }
    }
    return found;
}

/* Go on in time until a request runs. */
static inline struct kuberequest *fixture_next(struct kubeclient *c)
{
    for (int i = 0; i < 100 && !fixture_running(c, false); i++) {
        uint64_t due_ms = kubewatch_due_ms(c->w);

        assert_true(due_ms != UINT64_MAX);
        fixture_now_ms = due_ms > fixture_now_ms ? due_ms : fixture_now_ms;
        kubewatch_turn(c->w, fixture_now_ms);
    }
    assert_non_null(fixture_running(c, false));
    return fixture_running(c, false);
}

static inline void fixture_head(struct kuberequest *r)
{
    assert_false(r->is_over);
    if (r->cfg.on_head) {
        r->cfg.on_head(r->cfg.ctx);
    }
}

/* Until the request is cancelled; whether it was not. */
static inline bool fixture_bytes(struct kubeclient *c, struct kuberequest *r, const char *text)
{
    size_t len = strlen(text), step = c->chunk ? c->chunk : len;

    for (size_t at = 0; at < len && !r->is_over; at += step) {
        size_t n = len - at < step ? len - at : step;
        /* Apart, so that a byte read behind it is found. */
        char *bytes = test_malloc(n);
        int rc;

        memcpy(bytes, text + at, n);
        rc = r->cfg.on_bytes(r->cfg.ctx, bytes, n);
        test_free(bytes);
        assert_int_equal(rc != 0, r->is_over); /* who ends it cancels it */
    }
    return !r->is_over;
}

static inline void fixture_done(struct kuberequest *r, enum kuberesult_how how, int code,
                                const char *message)
{
    struct kuberesult result = {.how = how, .began = how == KUBERESULT_OK};

    assert_false(r->is_over);
    r->is_over = true;
    if (how == KUBERESULT_REFUSED) {
        kubestatus_from_answer(&result.status, code, "text/plain", message, strlen(message));
    } else if (how == KUBERESULT_FAILED) {
        kubestatus_unreachable(&result.status, message);
    }
    r->cfg.on_done(r->cfg.ctx, &result);
}

static inline void fixture_refuse(struct kuberequest *r, int code)
{
    fixture_done(r, KUBERESULT_REFUSED, code, "no");
}

/* An answer that had begun, and was cut. */
static inline void fixture_cut(struct kuberequest *r)
{
    struct kuberesult result = {.how = KUBERESULT_FAILED, .began = true};

    assert_false(r->is_over);
    r->is_over = true;
    kubestatus_unreachable(&result.status, "connection reset by peer");
    r->cfg.on_done(r->cfg.ctx, &result);
}

/* ---- the sink -------------------------------------------------------------------------------- */

static inline struct fixture_object *fixture_find(struct fixture_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->objects[i].name, name) == 0) {
            return &set->objects[i];
        }
    }
    return NULL;
}

static inline void fixture_put(struct fixture_set *set, const cJSON *object)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "name"));
    const char *version =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "resourceVersion"));
    struct fixture_object *o = fixture_find(set, name);

    if (!o) {
        assert_true(set->n < FIXTURE_OBJECTS);
        o = &set->objects[set->n++];
    }
    snprintf(o->name, sizeof(o->name), "%s", name);
    snprintf(o->version, sizeof(o->version), "%s", version ? version : "");
}

static inline void fixture_check_kind(const cJSON *object)
{
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(object, "kind");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "apiVersion");

    assert_string_equal(cJSON_GetStringValue(kind), "Ingress");
    assert_string_equal(cJSON_GetStringValue(version), "networking.k8s.io/v1");
}

static inline int fixture_once(int *fail)
{
    int rc = *fail;

    *fail = 0;
    return rc;
}

static inline int fixture_on_put(void *ctx, const cJSON *object)
{
    struct kubeclient *c = ctx;

    c->puts++;
    fixture_check_kind(object);
    if (c->fail_put) {
        return fixture_once(&c->fail_put);
    }
    fixture_put(&c->held, object);
    return 0;
}

static inline int fixture_on_take(void *ctx, const cJSON *object)
{
    struct kubeclient *c = ctx;
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "name"));
    struct fixture_object *o = fixture_find(&c->held, name);

    c->takes++;
    fixture_check_kind(object);
    if (o && !c->fail_take) {
        *o = c->held.objects[--c->held.n];
    }
    return fixture_once(&c->fail_take);
}

static inline int fixture_on_list_begin(void *ctx, bool is_doubted)
{
    struct kubeclient *c = ctx;

    assert_false(c->is_collecting);
    c->begins++;
    c->doubts += is_doubted;
    c->list.n = 0;
    c->is_collecting = c->fail_begin == 0;
    return fixture_once(&c->fail_begin);
}

static inline int fixture_on_list_item(void *ctx, const cJSON *object)
{
    struct kubeclient *c = ctx;

    assert_true(c->is_collecting);
    fixture_check_kind(object);
    fixture_put(&c->list, object);
    return fixture_once(&c->fail_item);
}

static inline uint64_t fixture_differ(struct fixture_set *was, struct fixture_set *is)
{
    uint64_t differ = 0;

    for (size_t i = 0; i < is->n; i++) {
        struct fixture_object *o = fixture_find(was, is->objects[i].name);

        differ += !o || strcmp(o->version, is->objects[i].version) != 0;
    }
    for (size_t i = 0; i < was->n; i++) {
        differ += !fixture_find(is, was->objects[i].name);
    }
    return differ;
}

static inline int fixture_on_list_end(void *ctx, uint64_t *differ_out)
{
    struct kubeclient *c = ctx;

    assert_true(c->is_collecting);
    if (c->turns_when_told) { /* too early: nothing may come of it */
        size_t n = c->n;

        kubewatch_turn(c->w, fixture_now_ms);
        assert_int_equal(c->n, n);
    }
    if (c->fail_end) {
        return fixture_once(&c->fail_end);
    }
    c->ends++;
    c->is_collecting = false;
    *differ_out = fixture_differ(&c->held, &c->list);
    c->held = c->list;
    return 0;
}

static inline void fixture_on_list_drop(void *ctx)
{
    struct kubeclient *c = ctx;

    assert_true(c->is_collecting);
    c->is_collecting = false;
    c->drops++;
}

static inline void fixture_on_changed(void *ctx)
{
    struct kubeclient *c = ctx;

    c->changes++;
    if (c->turns_when_told) {
        kubewatch_turn(c->w, fixture_now_ms);
    }
}

static inline void fixture_on_stirred(void *ctx)
{
    struct kubeclient *c = ctx;

    c->stirs++;
    if (c->turns_when_told) {
        kubewatch_turn(c->w, fixture_now_ms);
    }
}

/* ---- a scene --------------------------------------------------------------------------------- */

static const struct kuberesource fixture_ingresses = {
    "/apis/networking.k8s.io/v1", "networking.k8s.io/v1", "ingresses", "Ingress"};

static inline struct kubewatch_config fixture_config(struct kubeclient *c)
{
    return (struct kubewatch_config){
        .client = c,
        .resource = &fixture_ingresses,
        .sink = {fixture_on_put, fixture_on_take, fixture_on_list_begin, fixture_on_list_item,
                 fixture_on_list_end, fixture_on_list_drop, fixture_on_changed, c},
        .stats = &c->stats,
        .stirred = fixture_on_stirred,
        .ctx = c,
    };
}

/* Without a watch; fixture_begin() is what most want. */
static inline struct kubeclient *fixture_new(void)
{
    struct kubeclient *c = test_calloc(1, sizeof(*c));

    fixture_now_ms = 1000000;
    clock_replace(fixture_clock);
    while (!c->ring) { /* what fails in a torture fails once */
        c->ring = logring_new(1u << 20);
    }
    log_use_ring(c->ring);
    return c;
}

static inline struct kubeclient *fixture_begin(void)
{
    struct kubeclient *c = fixture_new();
    struct kubewatch_config cfg = fixture_config(c);

    c->w = kubewatch_new(&cfg);
    assert_non_null(c->w);
    return c;
}

static inline void fixture_end(struct kubeclient *c)
{
    kubewatch_free(c->w);
    for (size_t i = 0; i < c->n; i++) {
        assert_true(c->requests[i]->is_over);
        free(c->requests[i]->path);
        free(c->requests[i]);
    }
    assert_false(c->is_collecting);
    log_use_ring(NULL);
    logring_free(c->ring);
    clock_replace(NULL);
    test_free(c);
}

static inline bool fixture_take_line(void *ctx, enum log_stream stream, const char *line,
                                     size_t len)
{
    struct kubeclient *c = ctx;
    size_t at = strlen(c->log);

    (void)stream;
    assert_true(at + len < sizeof(c->log));
    memcpy(c->log + at, line, len);
    c->log[at + len] = '\0';
    return true;
}

/* How many lines with `word` were logged since the last look; their text is in c->log. */
static inline size_t fixture_lines(struct kubeclient *c, const char *word)
{
    size_t n = 0;

    c->log[0] = '\0';
    (void)logring_drain(c->ring, fixture_take_line, c);
    for (const char *at = strstr(c->log, word); at; at = strstr(at, word)) {
        const char *eol = strchr(at, '\n');

        n++;
        at = eol ? eol : at + strlen(at);
    }
    return n;
}

/* ---- what a server sends --------------------------------------------------------------------- */

#define FIXTURE_OBJECT                                                                             \
    "\"metadata\":{\"namespace\":\"shop\",\"name\":\"%s\",\"resourceVersion\":\"%s\"},"            \
    "\"spec\":{\"text\":\"\xc5\xbe\xf0\x9f\x90\x8b \\u00e9 \\\"}]{[\\\" \\\\\"}"

/* A page of objects "a:1 b:2", which are not told to be Ingresses. */
static inline const char *fixture_list(struct kubeclient *c, const char *version, const char *next,
                                       const char *objects)
{
    char name[32], of[16];
    size_t n = 0;
    int used;

    n += (size_t)snprintf(c->text, FIXTURE_TEXT,
                          "{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/v1\","
                          "\"metadata\":{\"resourceVersion\":\"%s\",\"continue\":\"%s\"},"
                          "\"items\":[",
                          version, next);
    for (const char *at = objects; sscanf(at, " %31[^:]:%15s%n", name, of, &used) == 2;
         at += used) {
        n += (size_t)snprintf(c->text + n, FIXTURE_TEXT - n, "%s{" FIXTURE_OBJECT "}",
                              at == objects ? "" : ",", name, of);
    }
    snprintf(c->text + n, FIXTURE_TEXT - n, "]}\n");
    return c->text;
}

static inline const char *fixture_event(struct kubeclient *c, const char *type, const char *name,
                                        const char *version)
{
    snprintf(c->text, FIXTURE_TEXT,
             "{\"type\":\"%s\",\"object\":{\"kind\":\"Ingress\","
             "\"apiVersion\":\"networking.k8s.io/v1\"," FIXTURE_OBJECT "}}\n",
             type, name, version);
    return c->text;
}

#define FIXTURE_GONE                                                                               \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"   \
    "\"status\":\"Failure\",\"message\":\"too old resource version: 190 (281)\","                  \
    "\"reason\":\"Expired\",\"code\":410}}\n"

/* Answer the running list, of one page. */
static inline void fixture_answer(struct kubeclient *c, const char *version, const char *objects)
{
    struct kuberequest *r = fixture_next(c);

    assert_false(r->cfg.is_watch);
    fixture_head(r);
    assert_true(fixture_bytes(c, r, fixture_list(c, version, "", objects)));
    fixture_done(r, KUBERESULT_OK, 0, "");
}

/* The list answered, the watch open. */
static inline struct kuberequest *fixture_open(struct kubeclient *c, const char *version,
                                               const char *objects)
{
    struct kuberequest *r;

    fixture_answer(c, version, objects);
    r = fixture_next(c);
    assert_true(r->cfg.is_watch);
    fixture_head(r);
    return r;
}

/* Whether exactly these are held: "a:1 b:2", in any order. */
static inline bool fixture_holds(struct kubeclient *c, const char *objects)
{
    char name[32], version[16];
    size_t n = 0;
    int used;

    for (const char *at = objects; sscanf(at, " %31[^:]:%15s%n", name, version, &used) == 2;
         at += used) {
        struct fixture_object *o = fixture_find(&c->held, name);

        if (!o || strcmp(o->version, version) != 0) {
            return false;
        }
        n++;
    }
    return n == c->held.n;
}

#endif
