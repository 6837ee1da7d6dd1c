/**
 * eventlog_fixture - an eventlog before a scripted API server, and what stands about a few objects.
 *
 * Defines the client's functions in the program that includes it.  Time stands still but where the
 * test says otherwise.  Objects are Ingresses of namespace "shop".
 */
#ifndef UNIT_EVENTLOG_FIXTURE_H
#define UNIT_EVENTLOG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "controller/eventlog.h"
#include "kube/kubeclient.h"
#include "model/object.h"
#include "model/store.h"
#include "model/verdict.h"
#include "support/json_path.h"
#include "support/objects.h"

#define FIXTURE_REQUESTS 2048
#define FIXTURE_START_MS 1000000u

struct kuberequest {
    struct kuberequest_config cfg;
    char method[8], path[512], type[64];
    char *body;
    uint64_t at_ms;
    bool is_over, is_cancelled;
};

struct kubeclient {
    struct eventlog *l;
    struct store *store;
    struct verdicts decoded, translated;
    struct kuberequest *requests[FIXTURE_REQUESTS];
    size_t n;
    bool refuses_requests; /* as without memory */
    struct logring *ring;
    char log[1u << 14];
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
    r->body = malloc(cfg->body_len + 1);
    if (!r->body) {
        free(r);
        return NULL;
    }
    memcpy(r->body, cfg->body, cfg->body_len);
    r->body[cfg->body_len] = '\0';
    r->cfg = *cfg;
    r->at_ms = fixture_now_ms;
    snprintf(r->method, sizeof(r->method), "%s", cfg->method);
    snprintf(r->path, sizeof(r->path), "%s", cfg->path);
    snprintf(r->type, sizeof(r->type), "%s", cfg->content_type);
    assert_true(c->n < FIXTURE_REQUESTS);
    assert_true(cfg->deadline_ms > 0);
    c->requests[c->n++] = r;
    return r;
}

void kuberequest_cancel(struct kuberequest *r)
{
    assert_false(r->is_over);
    r->is_over = r->is_cancelled = true;
}

/* ---- a scene --------------------------------------------------------------------------------- */

static inline struct kubeclient *fixture_new(const char *objects)
{
    struct kubeclient *c = test_calloc(1, sizeof(*c));

    fixture_now_ms = FIXTURE_START_MS;
    clock_replace(fixture_clock);
    c->store = objects_store(objects);
    verdicts_init(&c->decoded);
    verdicts_init(&c->translated);
    c->ring = logring_new(1u << 20);
    assert_non_null(c->ring);
    log_use_ring(c->ring);
    return c;
}

static inline struct eventlog_config fixture_config(struct kubeclient *c)
{
    return (struct eventlog_config){
        .client = c, .controller = "sealway.io/ingress-controller", .instance = "sealway-0"};
}

#define WEB   INGRESS("shop", "web", ", uid: u-web", "rules: [{host: a.example}]")
#define OTHER INGRESS("shop", "other", ", uid: u-other", "rules: [{host: a.example}]")

/* With the Ingresses web and other; may write. */
static inline struct kubeclient *fixture_begin(void)
{
    struct kubeclient *c = fixture_new(WEB OTHER);
    struct eventlog_config cfg = fixture_config(c);

    c->l = eventlog_new(&cfg);
    assert_non_null(c->l);
    eventlog_allow(c->l, true);
    return c;
}

static inline void fixture_forget_requests(struct kubeclient *c)
{
    for (size_t i = 0; i < c->n; i++) {
        assert_true(c->requests[i]->is_over);
        free(c->requests[i]->body);
        free(c->requests[i]);
    }
    c->n = 0;
}

static inline void fixture_end(struct kubeclient *c)
{
    eventlog_free(c->l);
    fixture_forget_requests(c);
    verdicts_fini(&c->decoded);
    verdicts_fini(&c->translated);
    store_free(c->store);
    log_use_ring(NULL);
    logring_free(c->ring);
    clock_replace(NULL);
    test_free(c);
}

/* ---- what stands ----------------------------------------------------------------------------- */

static inline void fixture_add(struct verdicts *v, const char *name, enum verdict_severity severity,
                               const char *reason, const char *message)
{
    char uid[64];
    const struct objmeta about = {
        .kind = OBJECT_INGRESS, .ns = "shop", .name = name, .uid = uid, .file = ""};

    snprintf(uid, sizeof(uid), "u-%s", name);
    verdicts_add(v, &about, 0, severity, reason, "%s", message);
}

static inline void fixture_warn(struct kubeclient *c, const char *name, const char *reason,
                                const char *message)
{
    fixture_add(&c->translated, name, VERDICT_WARNING, reason, message);
}

/* Let it be seen, and begin anew. */
static inline void fixture_look(struct kubeclient *c)
{
    eventlog_look(c->l, c->store, &c->decoded, &c->translated);
    verdicts_fini(&c->decoded);
    verdicts_fini(&c->translated);
}

/* Nothing stands but one warning about web; reason NULL: not even that. */
static inline void fixture_stand(struct kubeclient *c, const char *reason)
{
    if (reason) {
        fixture_warn(c, "web", reason, "it is wrong");
    }
    fixture_look(c);
}

/* ---- time and answers ------------------------------------------------------------------------ */

static inline void fixture_pass(struct kubeclient *c, uint64_t ms)
{
    fixture_now_ms += ms;
    eventlog_turn(c->l, fixture_now_ms);
}

static inline struct kuberequest *fixture_running(struct kubeclient *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!c->requests[i]->is_over) {
            return c->requests[i];
        }
    }
    return NULL;
}

static inline void fixture_done(struct kuberequest *r, enum kuberesult_how how,
                                const struct kubestatus *status)
{
    struct kuberesult result = {.how = how, .began = how == KUBERESULT_OK};

    if (status) {
        result.status = *status;
    }
    assert_false(r->is_over);
    r->is_over = true;
    if (how == KUBERESULT_OK) {
        assert_int_equal(r->cfg.on_bytes(r->cfg.ctx, "{}", 2), 0);
    }
    r->cfg.on_done(r->cfg.ctx, &result);
}

static inline void fixture_accept(struct kuberequest *r)
{
    fixture_done(r, KUBERESULT_OK, NULL);
}

static inline void fixture_refuse(struct kuberequest *r, int code)
{
    struct kubestatus status;

    kubestatus_from_answer(&status, code, "text/plain", "no", 2);
    fixture_done(r, KUBERESULT_REFUSED, &status);
}

static inline void fixture_lose(struct kuberequest *r)
{
    struct kubestatus status;

    kubestatus_unreachable(&status, "connection reset by peer");
    fixture_done(r, KUBERESULT_FAILED, &status);
}

/* Go on in time, from one thing due to the next, up to `ms` from now; all is accepted. */
static inline void fixture_run(struct kubeclient *c, uint64_t ms)
{
    uint64_t end_ms = fixture_now_ms + ms;
    struct kuberequest *r;

    for (;;) {
        uint64_t due_ms;

        eventlog_turn(c->l, fixture_now_ms);
        while ((r = fixture_running(c)) != NULL) {
            fixture_accept(r);
            eventlog_turn(c->l, fixture_now_ms);
        }
        due_ms = eventlog_due_ms(c->l);
        assert_true(due_ms > fixture_now_ms); /* or the loop would spin */
        if (due_ms > end_ms) {
            break;
        }
        fixture_now_ms = due_ms;
    }
    fixture_now_ms = end_ms;
}

/* Go on until a request runs. */
static inline struct kuberequest *fixture_next(struct kubeclient *c)
{
    for (int i = 0; i < 100 && !fixture_running(c); i++) {
        uint64_t due_ms = eventlog_due_ms(c->l);

        assert_true(due_ms != UINT64_MAX);
        fixture_now_ms = due_ms > fixture_now_ms ? due_ms : fixture_now_ms;
        eventlog_turn(c->l, fixture_now_ms);
    }
    assert_non_null(fixture_running(c));
    return fixture_running(c);
}

/* What stands at `path` of the body of the `i`th request; valid until the next call. */
static inline const char *fixture_text(const struct kubeclient *c, size_t i, const char *path)
{
    static char text[2048];
    cJSON *tree;

    assert_true(i < c->n);
    tree = cJSON_Parse(c->requests[i]->body);
    assert_non_null(tree);
    snprintf(text, sizeof(text), "%s", json_path_text(tree, path));
    cJSON_Delete(tree);
    return text;
}

static inline int fixture_count(const struct kubeclient *c, size_t i)
{
    cJSON *tree = cJSON_Parse(c->requests[i]->body);
    int n = json_path_number(tree, "series.count");

    cJSON_Delete(tree);
    return n;
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

/* How many lines were logged since the last look; their text is in c->log. */
static inline size_t fixture_lines(struct kubeclient *c)
{
    size_t n = 0;

    c->log[0] = '\0';
    (void)logring_drain(c->ring, fixture_take_line, c);
    for (const char *at = c->log; (at = strchr(at, '\n')) != NULL; at++) {
        n++;
    }
    return n;
}

#endif
